//! What happens to accounts, as rows of `users`.

use annals_domain::nestsync::user::Event;

use super::tables::USERS;
use crate::{change::Change, recorded::Recorded};

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let change = match &recorded.event {
        Event::UserRegistered(registered) => {
            USERS.put(id, registered).with("created_at", at).with("updated_at", at)
        }
        Event::UserAccountUpdated(updated) => USERS.patch(id, updated).with("updated_at", at),
        Event::UserSignedIn(signed_in) => USERS.patch(id, signed_in),
        Event::UserDeactivated(deactivated) => USERS.patch(id, deactivated).with("updated_at", at),
        Event::UserReactivated(reactivated) => USERS.patch(id, reactivated).with("updated_at", at),
        Event::UserDeleted(deleted) => USERS.patch(id, deleted).with("updated_at", at),
        Event::SystemAdministrationGranted(granted) => {
            USERS.patch(id, granted).with("updated_at", at)
        }
        Event::SystemAdministrationRevoked(revoked) => {
            USERS.patch(id, revoked).with("updated_at", at)
        }
    };
    vec![change]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::user::{
            Status, SystemAdministrationGranted, User, UserAccountUpdated, UserDeleted,
            UserRegistered, UserSignedIn,
        },
        testing::day,
    };
    use serde_json::json;

    use super::{
        super::scene::{AT, ID, changes, row},
        *,
    };

    #[test]
    fn an_account_is_a_row_with_the_time_of_its_event() {
        let registered = UserRegistered {
            email: "ada@example.org".into(),
            display_name: "Ada".into(),
            phone: None,
            locale: "en-CA".into(),
            timezone: "America/Toronto".into(),
            is_system_admin: false,
            status: Status::Active,
        };
        let rows = changes::<User>(ID, registered);
        assert_eq!(
            rows,
            [USERS.put(
                ID,
                json!({
                    "email": "ada@example.org", "display_name": "Ada", "phone": null,
                    "locale": "en-CA", "timezone": "America/Toronto", "is_system_admin": false,
                    "status": "active", "created_at": AT, "updated_at": AT,
                })
            )]
        );
    }

    #[test]
    fn only_what_changed_is_written() {
        let updated = UserAccountUpdated { phone: Some(None), ..Default::default() };
        let rows = changes::<User>(ID, updated);
        assert_eq!(rows, [USERS.patch(ID, json!({"phone": null, "updated_at": AT}))]);
        let rows = changes::<User>(ID, SystemAdministrationGranted { is_system_admin: true });
        assert_eq!(rows, [USERS.patch(ID, json!({"is_system_admin": true, "updated_at": AT}))]);
    }

    #[test]
    fn a_sign_in_is_no_change_of_the_account() {
        let rows = changes::<User>(ID, UserSignedIn { last_sign_in_at: day(3) });
        assert_eq!(row(&rows).keys().collect::<Vec<_>>(), ["last_sign_in_at"]);
    }

    #[test]
    fn a_closed_account_says_since_when() {
        let rows = changes::<User>(ID, UserDeleted { status: Status::Deleted, deleted_at: day(3) });
        assert_eq!(
            rows,
            [USERS.patch(ID, json!({"status": "deleted", "deleted_at": day(3), "updated_at": AT}))]
        );
    }
}
