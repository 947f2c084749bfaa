//! One line for each event of the context (samia.reaction.audit-everything): who did what to which
//! thing, when, and what it is since. Personal values never come here (F123).

use serde_json::{Value, json};
use uuid::Uuid;

use super::tables::AUDIT_LOGS;
use crate::{
    change::Change,
    recorded::{ActorKind, Envelope},
};

/// The line of an event, with its payload redacted.
///
/// A failed sign-in and a refused command know more of their line than their payload may show, so
/// their own projections write it.
#[must_use]
pub fn every(envelope: &Envelope, redacted: &Value) -> Vec<Change> {
    match envelope.event_type.as_str() {
        "SignInFailed" | "CommandRefused" => vec![],
        _ => vec![line(envelope).with("new_values", redacted)],
    }
}

/// The line of an event that was accepted, by whom it was asked for.
///
/// A person who asked and was heard is a user, or becomes one by this very event; the system and the
/// operator are nobody's rows.
#[must_use]
pub fn line(envelope: &Envelope) -> Change {
    let user = (envelope.actor_kind == ActorKind::Person).then_some(envelope.actor);
    let kind = envelope.aggregate_type.as_str();
    AUDIT_LOGS
        .put(envelope.event_id, ())
        .with("user_id", user)
        .with("action", &envelope.event_type)
        .with("resource_type", kind.split_once('.').map_or(kind, |(_, name)| name))
        .with("resource_id", envelope.aggregate_id.parse::<Uuid>().ok())
        .with("ip_address", Value::Null)
        .with("user_agent", Value::Null)
        .with("request_method", Value::Null)
        .with("request_path", Value::Null)
        .with("old_values", Value::Null)
        .with("new_values", Value::Null)
        .with("success", true)
        .with("error_message", Value::Null)
        .with("metadata", metadata(envelope, &envelope.command, &envelope.command_id))
        .with("timestamp", envelope.at)
}

/// Which command, and where in the log.
#[must_use]
pub fn metadata(envelope: &Envelope, command: &str, command_id: &str) -> Value {
    json!({ "command": command, "command_id": command_id, "position": envelope.position })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samia::testing::envelope;

    #[test]
    fn a_line_names_the_user_who_asked_and_nobody_for_the_system() {
        let mut envelope = envelope("samia.wallet", "WalletDebited");
        let changes = every(&envelope, &json!({"balance": "1.00"}));
        let [line] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!(line.columns["user_id"], json!(envelope.actor));
        assert_eq!(line.columns["resource_type"], "wallet");
        assert_eq!(line.columns["resource_id"], json!(envelope.aggregate_id));
        assert_eq!(line.columns["new_values"], json!({"balance": "1.00"}));
        assert_eq!(line.columns["metadata"]["position"], 7);
        for kind in [ActorKind::System, ActorKind::Operator] {
            envelope.actor_kind = kind;
            assert_eq!(every(&envelope, &Value::Null)[0].columns["user_id"], Value::Null);
        }
    }

    #[test]
    fn a_thing_without_a_uuid_is_named_by_its_kind_alone() {
        let envelope =
            Envelope { aggregate_id: "2026-01-01".into(), ..envelope("samia.metric", "M") };
        assert_eq!(line(&envelope).columns["resource_id"], Value::Null);
    }
}
