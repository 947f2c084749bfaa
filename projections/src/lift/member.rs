//! What happens to a member, in `profiles`.

use annals_domain::{
    Tombstone,
    lift::member::{Event, MemberStatus},
};

use super::tables::{INVITATIONS, PROFILES};
use crate::{change::Change, recorded::Recorded};

/// What a member's event does to rows. A child's profile is written by the child's own events.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::ProfileCreated(created) => {
            PROFILES.put(id, created).with("created_at", at).with("deleted_at", ())
        }
        Event::ProfileUpdated(updated) => PROFILES.patch(id, updated),
        Event::RoleAssigned(assigned) => PROFILES.patch(id, assigned),
        Event::OrganisationAssigned(assigned) => PROFILES.patch(id, assigned),
        Event::MemberSuspended(_) => status(id, MemberStatus::Suspended),
        Event::MemberReinstated(_) => status(id, MemberStatus::Active),
        Event::MemberDeactivated(_) => status(id, MemberStatus::Inactive),
        Event::MemberRemoved(_) => status(id, MemberStatus::Inactive).with("deleted_at", at),
        Event::MemberErased(_) => {
            let invitation = INVITATIONS
                .patch_where("accepted_by", id)
                .with("email", Tombstone::Email.value(id))
                .with("updated_at", at);
            return vec![erased(id).with("deleted_at", at).with("updated_at", at), invitation];
        }
        Event::ChildProfileOpened(_)
        | Event::ChildProfileMoved(_)
        | Event::ChildProfileClosed(_) => return vec![],
        Event::Imported(row) => return vec![PROFILES.imported(row)],
    };
    vec![change.with("updated_at", at)]
}

fn status(id: &str, status: MemberStatus) -> Change {
    PROFILES.patch(id, ()).with("status", status)
}

/// A profile without the person (shared.erasure.tombstones).
pub(super) fn erased(id: &str) -> Change {
    status(id, MemberStatus::Inactive)
        .with("email", Tombstone::Email.value(id))
        .with("name", Tombstone::Text.value(id))
        .with("avatar_url", Tombstone::Null.value(id))
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::{
            Role,
            member::{
                ChildProfileOpened, MemberErased, MemberReinstated, MemberRemoved,
                OrganisationAssigned, ProfileCreated, ProfileUpdated,
            },
        },
        testing::{ADA, day},
    };
    use serde_json::{Value, json};

    use super::{super::testing::changes, *};

    fn patched(event: impl Into<Event>) -> Value {
        let [change] = &changes(project, "ada", event)[..] else { panic!("one change") };
        assert_eq!((&change["patch"], &change["key"]["id"]), (&json!("profiles"), &json!("ada")));
        change["columns"].clone()
    }

    #[test]
    fn a_profile_is_written_whole() {
        let created = ProfileCreated {
            email: "ada@example.org".into(),
            name: "Ada".into(),
            role: Role::GroupContact,
            org_id: None,
            status: MemberStatus::Active,
            avatar_url: None,
        };
        let [row] = &changes(project, "ada", created)[..] else { panic!("one change") };
        assert_eq!(row["put"], "profiles");
        assert_eq!(row["columns"]["role"], "GroupContact");
        assert_eq!(row["columns"]["created_at"], json!(day(2)));
    }

    #[test]
    fn what_an_update_leaves_out_is_not_written() {
        let updated = ProfileUpdated { name: None, email: None, avatar_url: Some(None) };
        assert_eq!(patched(updated), json!({"avatar_url": null, "updated_at": day(2)}));
    }

    #[test]
    fn a_change_writes_its_columns_and_when() {
        let none = json!({"org_id": null, "updated_at": day(2)});
        assert_eq!(patched(OrganisationAssigned { org_id: None }), none);
        let active = json!({"status": "active", "updated_at": day(2)});
        assert_eq!(patched(MemberReinstated {}), active);
        let removed = json!({"status": "inactive", "deleted_at": day(2), "updated_at": day(2)});
        assert_eq!(patched(MemberRemoved {}), removed);
    }

    #[test]
    fn a_forgotten_member_reads_as_tombstones() {
        let erased = json!({
            "status": "inactive",
            "email": "ada@erased.invalid",
            "name": "erased",
            "avatar_url": null,
            "deleted_at": day(2),
            "updated_at": day(2),
        });
        let changes = changes(project, "ada", MemberErased {});
        let profile = json!({"patch": "profiles", "key": {"id": "ada"}, "columns": erased});
        let address = json!({"email": "ada@erased.invalid", "updated_at": day(2)});
        let invitation = json!({
            "patch_where": "invitations",
            "key": {"accepted_by": "ada"},
            "columns": address,
        });
        assert_eq!(changes, [profile, invitation], "the address stood in the invitation too");
    }

    #[test]
    fn a_childs_place_writes_nothing() {
        let opened = ChildProfileOpened { org_id: ADA };
        assert_eq!(changes(project, "ada", opened), Vec::<Value>::new());
    }
}
