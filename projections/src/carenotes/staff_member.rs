//! What happens to a member of staff, in `users`.

use annals_domain::{Tombstone, carenotes::staff_member::Event};

use super::{begun, changed, tables::USERS};
use crate::{change::Change, recorded::Recorded};

/// What a member of staff's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::StaffMemberAdded(added) => {
            // Credentials live with the identity provider (F012).
            let row = USERS.put(id, added).with("password_hash", ()).with("last_login", ());
            begun(row, at)
        }
        Event::StaffMemberUpdated(updated) => changed(USERS.patch(id, updated), at),
        Event::StaffRoleAssigned(assigned) => changed(USERS.patch(id, assigned), at),
        Event::StaffPermissionsChanged(new) => changed(USERS.patch(id, new), at),
        Event::StaffSettingsChanged(new) => changed(USERS.patch(id, new), at),
        // Somebody who signs in changes nothing of the account.
        Event::StaffMemberSignedIn(signed_in) => vec![USERS.patch(id, signed_in)],
        Event::StaffMemberRemoved(removed) => changed(USERS.patch(id, removed), at),
        Event::StaffMemberErased(erased) => {
            let row = USERS.patch(id, erased).with("email", Tombstone::Email.value(id));
            let forgotten = ["first_name", "last_name", "settings", "last_login"];
            changed(forgotten.iter().fold(row, |row, column| row.with(*column, ())), at)
        }
        Event::Imported(row) => vec![USERS.imported(row)],
    }
}
