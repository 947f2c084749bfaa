//! What happens to a member, in `profiles`.

use annals_domain::{
    Tombstone,
    lift::member::{Event, MemberStatus},
};

use super::tables::PROFILES;
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
        Event::MemberErased(_) => erased(id).with("deleted_at", at),
        Event::ChildProfileOpened(_)
        | Event::ChildProfileMoved(_)
        | Event::ChildProfileClosed(_) => return vec![],
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
    use annals_domain::lift::{
        Role,
        member::{
            ChildProfileOpened, MemberErased, MemberReinstated, MemberRemoved,
            OrganisationAssigned, ProfileCreated, ProfileUpdated,
        },
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        change::Operation,
        lift::testing::{ID, at, changes, columns, documented, written},
    };

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
        let changes = changes(project, created);
        assert_eq!((changes.len(), changes[0].operation), (1, Operation::Put));
        assert_eq!(written(&changes[0]), documented(&PROFILES));
        assert_eq!(changes[0].columns["role"], "GroupContact");
    }

    #[test]
    fn what_an_update_leaves_out_is_not_written() {
        let updated = ProfileUpdated { name: None, email: None, avatar_url: Some(None) };
        let changes = changes(project, updated);
        assert_eq!(changes[0].columns, columns(json!({"avatar_url": null})));
    }

    #[test]
    fn a_change_writes_its_columns_and_when() {
        let none = changes(project, OrganisationAssigned { org_id: None });
        assert_eq!(none[0].columns, columns(json!({"org_id": null})));
        let reinstated = changes(project, MemberReinstated {});
        assert_eq!(reinstated[0].columns, columns(json!({"status": "active"})));
        let removed = changes(project, MemberRemoved {});
        assert_eq!(removed[0].columns, columns(json!({"status": "inactive", "deleted_at": at()})));
    }

    #[test]
    fn a_forgotten_member_reads_as_tombstones() {
        let erased = json!({
            "status": "inactive",
            "email": format!("{ID}@erased.invalid"),
            "name": "erased",
            "avatar_url": null,
            "deleted_at": at(),
        });
        assert_eq!(changes(project, MemberErased {})[0].columns, columns(erased));
    }

    #[test]
    fn a_childs_place_writes_nothing() {
        assert_eq!(changes(project, ChildProfileOpened { org_id: Uuid::from_u128(1) }), []);
    }
}
