//! Accounts.

use annals_domain::samia::user::{Event, SignInFailed};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    audit,
    tables::{USER_PROFILES, USERS},
};
use crate::{change::Change, recorded::Recorded};

/// What happens to an account does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::UserRegistered(registered) => vec![
            USERS
                .put(recorded.id, registered)
                // Credentials are the identity provider's (F012).
                .with("password_hash", "!")
                .with("last_login", Value::Null)
                .with("deleted_at", Value::Null)
                .with("created_at", at)
                .with("updated_at", at),
        ],
        Event::EmailVerified(verified) => vec![changed(recorded, verified)],
        Event::UserDetailsUpdated(updated) => vec![changed(recorded, updated)],
        Event::UserPreferencesChanged(preferred) => vec![changed(recorded, preferred)],
        Event::UserMetadataSet(set) => vec![changed(recorded, set)],
        Event::UserRoleChanged(role) => vec![
            changed(recorded, role).without("profile_type"),
            // The profile may not be there yet; it is made with the role of its day.
            USER_PROFILES
                .patch_where("user_id", recorded.id)
                .with("profile_type", role.profile_type)
                .with("updated_at", at),
        ],
        Event::UserDeactivated(deactivated) => vec![changed(recorded, deactivated)],
        Event::UserReactivated(reactivated) => vec![changed(recorded, reactivated)],
        Event::UserSignedIn(signed_in) => {
            vec![USERS.patch(recorded.id, signed_in).with("last_login", at)]
        }
        Event::SignInFailed(failed) => vec![failure(recorded, failed)],
        Event::UserDeleted(deleted) => vec![changed(recorded, deleted).with("deleted_at", at)],
    }
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    USERS.patch(recorded.id, payload).with("updated_at", recorded.at)
}

/// The only line of the audit log that knows where a request came from.
fn failure(recorded: &Recorded<'_, Event>, failed: &SignInFailed) -> Change {
    let redacted = failed.email.as_ref().map(|_| "[redacted]");
    audit::line(recorded.envelope)
        .with("user_id", failed.user_id)
        .with("ip_address", failed.ip_address)
        .with("user_agent", &failed.user_agent)
        .with("new_values", json!({ "email": redacted }))
        .with("success", false)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::{
            user::{
                ProfileType, Role, UserDeleted, UserDetailsUpdated, UserRegistered, UserRoleChanged,
            },
            words::Object,
        },
        testing::{ADA, day},
    };

    use super::*;
    use crate::samia::testing::{NULL, changes, fits, of};

    #[test]
    fn a_row_of_a_user_is_written_whole_and_holds_no_credential() {
        let registered = UserRegistered {
            email: "ada@example.org".parse().unwrap(),
            full_name: "Ada".parse().unwrap(),
            role: Role::Client,
            is_active: true,
            email_verified: false,
            phone_number: None,
            date_of_birth: None,
            timezone: Some("UTC".parse().unwrap()),
            profile_image_url: None,
            bio: None,
            login_count: 0,
            metadata: Some(Object::new()),
            preferences: Some(Object::new()),
        };
        let changes = changes(project, registered);
        let row = of(&changes, "users");
        fits(row);
        assert_eq!(row.columns["password_hash"], "!");
        assert_eq!(row.columns["created_at"], json!(day(1)));
    }

    #[test]
    fn a_profile_follows_the_role_even_if_there_is_none_yet() {
        let changed = UserRoleChanged { role: Role::Reader, profile_type: ProfileType::Reader };
        let changes = changes(project, changed);
        fits(of(&changes, "users"));
        let profile = of(&changes, "user_profiles");
        fits(profile);
        assert_eq!(profile.operation, crate::Operation::PatchWhere);
        assert_eq!(profile.columns["profile_type"], "reader");
    }

    #[test]
    fn only_what_changed_is_written() {
        let updated = UserDetailsUpdated { bio: Some(None), ..UserDetailsUpdated::default() };
        let changes = changes(project, updated);
        let columns = &of(&changes, "users").columns;
        assert_eq!(columns.keys().collect::<Vec<_>>(), ["bio", "updated_at"]);
        assert_eq!(columns["bio"], NULL);
    }

    #[test]
    fn a_deleted_user_is_marked_and_stays() {
        let changes = changes(project, UserDeleted { is_active: false });
        assert_eq!(of(&changes, "users").columns["deleted_at"], json!(day(1)));
    }

    #[test]
    fn a_failed_sign_in_tells_where_it_came_from_and_not_whose_address_was_tried() {
        let failed = SignInFailed {
            user_id: Some(ADA),
            email: Some("ada@example.org".parse().unwrap()),
            ip_address: Some("::1".parse().unwrap()),
            user_agent: None,
        };
        let changes = changes(project, failed);
        let line = of(&changes, "audit_logs");
        fits(line);
        assert_eq!(line.columns["ip_address"], "::1");
        assert_eq!(line.columns["user_id"], ADA.to_string());
        assert_eq!(line.columns["new_values"], json!({"email": "[redacted]"}));
        assert_eq!(line.columns["success"], false);
    }
}
