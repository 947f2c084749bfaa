//! Accounts.

use annals_domain::samia::user::{Event, SignInFailed};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    audit,
    tables::{
        AUDIT_LOGS, CHAT_MESSAGES, PAYMENT_METHODS, READING_SESSIONS, SECURITY_EVENTS,
        TAROT_SPREADS, TRANSACTIONS, USER_ANALYTICS, USER_PROFILES, USERS,
    },
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
            vec![changed(recorded, signed_in).with("last_login", at)]
        }
        Event::SignInFailed(failed) => vec![failure(recorded, failed)],
        Event::UserDeleted(deleted) => vec![changed(recorded, deleted).with("deleted_at", at)],
        Event::UserErased(erased) => {
            let mut changes =
                vec![gone(changed(recorded, erased), USERS_OWN).with("deleted_at", at)];
            changes.extend(elsewhere(recorded));
            changes
        }
        Event::Imported(row) => vec![USERS.imported(row)],
    }
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    USERS.patch(recorded.id, payload).with("updated_at", recorded.at)
}

/// What of an account may be null, and is personal.
const USERS_OWN: &[&str] = &[
    "phone_number",
    "date_of_birth",
    "timezone",
    "profile_image_url",
    "bio",
    "metadata",
    "preferences",
];

/// Takes the person out of everything else that is kept of it. The same tombstones stand in what is
/// read from the log again, where the key is gone (shared.erasure.rebuild); money, audit and authorship
/// stay without the person.
fn elsewhere(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let audit = ["ip_address", "user_agent", "old_values", "new_values"];
    let said = [
        "question",
        "ai_interpretation",
        "reader_notes",
        "reader_interpretation",
        "client_feedback",
    ];
    let method = ["display_name", "last_four", "brand", "expiry_month", "expiry_year"];
    vec![
        USER_PROFILES.drop_where("user_id", id),
        USER_ANALYTICS.drop_where("user_id", id),
        gone(READING_SESSIONS.patch_where("client_id", id), &said)
            .with("cards_drawn", json!([]))
            .with("updated_at", at),
        gone(CHAT_MESSAGES.patch_where("sender_id", id), &["file_url", "file_name"])
            .with("content", "erased")
            .with("deleted_at", at),
        gone(PAYMENT_METHODS.patch_where("user_id", id), &method)
            .with("provider_method_id", "erased")
            .with("deleted_at", at)
            .with("updated_at", at),
        gone(TRANSACTIONS.patch_where("user_id", id), &["description", "processor_notes"]),
        gone(TAROT_SPREADS.patch_where("created_by", id), &["description"])
            .with("name", "erased")
            .with("updated_at", at),
        gone(
            SECURITY_EVENTS.patch_where("user_id", id),
            &["ip_address", "user_agent", "geolocation"],
        )
        .with("description", "erased"),
        gone(AUDIT_LOGS.patch_where("user_id", id), &audit),
        // What others, or nobody, did to what was the person's.
        gone(AUDIT_LOGS.patch_where("resource_id", id), &audit),
    ]
}

fn gone(mut change: Change, columns: &[&'static str]) -> Change {
    for column in columns {
        change = change.with(*column, Value::Null);
    }
    change
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
        DomainEvent,
        samia::{
            payment_method, reading, security_event, tarot_spread,
            user::{
                self, ProfileType, Role, UserDeleted, UserDetailsUpdated, UserErased,
                UserRegistered, UserRoleChanged,
            },
            wallet,
            words::Object,
        },
        testing::{ADA, day},
    };

    use super::*;
    use crate::{
        Operation,
        samia::testing::{NULL, changes, fits, of},
    };

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
        assert_eq!(profile.operation, Operation::PatchWhere);
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
    fn an_erased_user_is_gone_from_every_personal_column() {
        let erased = UserErased {
            email: "x@erased.invalid".parse().unwrap(),
            full_name: "erased".parse().unwrap(),
            is_active: false,
        };
        let changes = changes(project, erased);
        changes.iter().for_each(fits);
        let dropped: Vec<_> =
            changes.iter().filter(|it| it.operation == Operation::DropWhere).collect();
        assert_eq!(dropped.len(), 2);
        // Each kind of event whose personal fields are a user's, and the table they are columns of.
        let personal = [
            (user::Event::TYPES, "users"),
            (reading::Event::TYPES, "reading_sessions"),
            (payment_method::Event::TYPES, "payment_methods"),
            (wallet::Event::TYPES, "transactions"),
            (tarot_spread::Event::TYPES, "tarot_spreads"),
            (security_event::Event::TYPES, "security_events"),
        ];
        for (types, table) in personal {
            let change = of(&changes, table);
            // A failed sign-in has no row of its own but its line of the audit log.
            let kinds = types.iter().filter(|kind| kind.name != "SignInFailed");
            for field in kinds.flat_map(|kind| kind.personal) {
                let written = change.columns.get(field.name);
                let tombstone = field.tombstone.value("x");
                assert_eq!(written, Some(&tombstone), "{table}.{}", field.name);
            }
        }
        let message = of(&changes, "chat_messages");
        assert_eq!(
            (&message.columns["content"], &message.columns["file_url"]),
            (&json!("erased"), &NULL)
        );
        let lines: Vec<_> = changes.iter().filter(|it| it.table.name == "audit_logs").collect();
        assert!(lines.iter().all(|line| line.columns["new_values"] == NULL));
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
