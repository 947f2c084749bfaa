//! Invitations, from pending to settled.

use annals_domain::lift::invitation::{Event, InvitationStatus};

use super::tables::INVITATIONS;
use crate::{change::Change, recorded::Recorded};

/// What happens to an invitation does to its row.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::MemberInvited(invited) => INVITATIONS
            .put(id, invited)
            .with("accepted_at", ())
            .with("accepted_by", ())
            .with("created_at", at),
        Event::InvitationAccepted(accepted) => {
            INVITATIONS.patch(id, accepted).with("status", InvitationStatus::Accepted)
        }
        Event::InvitationRevoked(_) => status(id, InvitationStatus::Revoked),
        Event::InvitationExpired(_) => status(id, InvitationStatus::Expired),
        Event::Imported(row) => return vec![INVITATIONS.imported(row)],
    };
    vec![change.with("updated_at", at)]
}

fn status(id: &str, status: InvitationStatus) -> Change {
    INVITATIONS.patch(id, ()).with("status", status)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::invitation::{
            InvitationAccepted, InvitationExpired, InvitationRevoked, InvitedRole, MemberInvited,
        },
        testing::{ADA, BOB, day},
    };
    use serde_json::{Value, json};

    use super::{super::testing::changes, *};

    fn patched(event: impl Into<Event>) -> Value {
        let [change] = &changes(project, "i", event)[..] else { panic!("one change") };
        assert_eq!((&change["patch"], &change["key"]["id"]), (&json!("invitations"), &json!("i")));
        change["columns"].clone()
    }

    #[test]
    fn an_invitation_is_a_whole_row() {
        let invited = MemberInvited {
            org_id: ADA,
            email: "bob@example.org".into(),
            role: InvitedRole::GroupContact,
            invited_by: ADA,
            invitation_token: "0a".repeat(32),
            status: InvitationStatus::Pending,
            expires_at: day(9),
        };
        let [row] = &changes(project, "i", invited)[..] else { panic!("one change") };
        assert_eq!(row["put"], "invitations");
        let row = &row["columns"];
        assert_eq!((&row["role"], &row["status"]), (&json!("GroupContact"), &json!("pending")));
        assert_eq!((&row["expires_at"], &row["created_at"]), (&json!(day(9)), &json!(day(2))));
    }

    #[test]
    fn its_end_is_written_with_who_and_when() {
        let accepted = InvitationAccepted { accepted_at: day(2), accepted_by: BOB };
        let row = json!({"status": "accepted", "accepted_at": day(2), "accepted_by": BOB, "updated_at": day(2)});
        assert_eq!(patched(accepted), row);
        let revoked = json!({"status": "revoked", "updated_at": day(2)});
        assert_eq!(patched(InvitationRevoked {}), revoked);
        let expired = json!({"status": "expired", "updated_at": day(2)});
        assert_eq!(patched(InvitationExpired {}), expired);
    }
}
