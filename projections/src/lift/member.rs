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
