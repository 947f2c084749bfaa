//! What happens to accounts, as rows of `users`; and what erasing a person does to other rows.

use annals_domain::nestsync::user::{Event, UserErased};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::tables::{
    ANALYTICS_EVENTS, FAMILY_MEMBERS, NOTIFICATION_LOGS, NOTIFICATION_PREFERENCES, PAYMENT_METHODS,
    USAGE_LOGS, USERS,
};
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
        Event::UserErased(erased) => return erases(id, at, erased),
        Event::Imported(row) => return vec![USERS.imported(row)],
    };
    vec![change]
}

/// What is known of the person goes: from the account, memberships, notes, means of payment and
/// notifications. Notes go whoever they are about, since those that name no child were sealed for the
/// person who logged the use, and a replay would not have them either.
fn erases(id: &str, at: DateTime<Utc>, erased: &UserErased) -> Vec<Change> {
    vec![
        USERS
            .patch(id, erased)
            .with("email", format!("{id}@erased.invalid"))
            .with("display_name", "erased")
            .with("phone", Value::Null)
            .with("updated_at", at),
        FAMILY_MEMBERS
            .patch_where("user_id", id)
            .with("display_name", "erased")
            .with("invited_email", Value::Null)
            .with("updated_at", at),
        USAGE_LOGS.patch_where("logged_by", id).with("notes", Value::Null).with("updated_at", at),
        PAYMENT_METHODS
            .patch_where("user_id", id)
            .with("provider_method_id", "erased")
            .with("brand", Value::Null)
            .with("last_four", Value::Null)
            .with("expiry_month", Value::Null)
            .with("expiry_year", Value::Null)
            .with("deleted_at", at)
            .with("updated_at", at),
        NOTIFICATION_LOGS
            .patch_where("user_id", id)
            .with("failure_reason", Value::Null)
            .with("updated_at", at),
        ANALYTICS_EVENTS.drop_where("user_id", id),
        NOTIFICATION_PREFERENCES.drop_where("user_id", id),
    ]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::user::{
            Status, SystemAdministrationGranted, User, UserAccountUpdated, UserDeleted, UserErased,
            UserRegistered, UserSignedIn,
        },
        testing::day,
    };
    use serde_json::json;

    use super::{
        super::scene::{AT, ID, changes, row},
        *,
    };
    use crate::change::Operation;

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

    #[test]
    fn an_erased_person_is_in_no_row_any_more() {
        let erased = UserErased { status: Status::Deleted, deleted_at: Some(day(2)) };
        let rows = changes::<User>(ID, erased);
        let account = json!({
            "email": format!("{ID}@erased.invalid"), "display_name": "erased", "phone": null,
            "status": "deleted", "deleted_at": day(2), "updated_at": AT,
        });
        assert_eq!(rows[0], USERS.patch(ID, account));
        let told: Vec<_> =
            rows.iter().map(|change| (change.table.name, change.operation)).collect();
        assert_eq!(
            told,
            [
                ("users", Operation::Patch),
                ("family_members", Operation::PatchWhere),
                ("usage_logs", Operation::PatchWhere),
                ("payment_methods", Operation::PatchWhere),
                ("notification_logs", Operation::PatchWhere),
                ("analytics_events", Operation::DropWhere),
                ("notification_preferences", Operation::DropWhere),
            ]
        );
        let before = UserErased { status: Status::Deleted, deleted_at: None };
        assert!(!changes::<User>(ID, before)[0].columns.contains_key("deleted_at"));
    }
}
