//! A story as text for people, and as JSON Lines for programs.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use uuid::Uuid;

use super::{
    address::typed,
    rows::Changed,
    told::{Hidden, Told},
};
use crate::{
    cli::{Output, Tone},
    ops::text::{count, number, time, visible},
};

/// Characters of a value that people are shown.
const SHOWN: usize = 160;
/// The widest column of names.
const WIDEST: usize = 32;

/// The line above a story.
pub(super) fn heading(
    kind: &str,
    id: &str,
    events: i64,
    tenant: Option<&str>,
    output: Output,
) -> String {
    let name = output.paint(Tone::Strong, &visible(&format!("{}/{id}", typed(kind))));
    let tenant = tenant.map(|it| format!(", tenant {}", visible(it))).unwrap_or_default();
    format!("{name}  {}{tenant}", count(events, "event"))
}

/// One event, for people. `raw` shows the payload as it is stored.
pub(super) fn event(told: &Told, raw: bool, output: Output) -> String {
    let mut text = String::new();
    let title = output.paint(Tone::Strong, &in_words(&told.event_type));
    let _ = writeln!(text, "{:>4}  {title}, {}", told.number, time(told.recorded_at));
    if let Some(it) = &told.metadata {
        let actor = match it.actor_kind.as_str() {
            "system" => "service",
            other => other,
        };
        let command = visible(&it.command);
        let _ = writeln!(text, "      by {} {} through {command}", visible(actor), it.actor);
        if let Some(at) = it.occurred_at.filter(|at| *at != told.recorded_at) {
            let _ = writeln!(text, "      happened {}", time(at));
        }
        if let Some(reason) = &it.reason {
            let _ = writeln!(text, "      because: {}", visible(reason));
        }
    }
    if let Some(it) = &told.cause {
        let title = in_words(&it.event_type);
        let of = visible(&format!("{}/{}", typed(&it.aggregate_type), it.aggregate_id));
        let _ = writeln!(text, "      since: {title}, {of}, position {}", number(it.position));
    }
    for wrong in &told.trouble {
        let _ =
            writeln!(text, "      {}", output.paint(Tone::Bad, &format!("! {}", visible(wrong))));
    }
    if raw {
        let _ = writeln!(text, "        {}", visible(&told.stored));
    } else {
        text.push_str(&changes(told, output));
    }
    let _ = write!(text, "      {}", output.paint(Tone::Faint, &threads(told)));
    text
}

/// Where the event stands, and what it belongs to.
fn threads(told: &Told) -> String {
    let Told { event_type, event_version, .. } = told;
    let mut parts = vec![
        format!("position {}", number(told.position)),
        format!("{} v{}", visible(event_type), visible(event_version)),
    ];
    if let Some(it) = &told.metadata {
        parts.push(format!("command {}", visible(&it.command_id)));
        if it.causation_id != it.command_id {
            parts.push(format!("caused by {}", visible(&it.causation_id)));
        }
        if it.correlation_id != it.command_id && it.correlation_id != it.causation_id {
            parts.push(format!("part of {}", visible(&it.correlation_id)));
        }
    }
    parts.join(" · ")
}

fn changes(told: &Told, output: Output) -> String {
    let hidden = |field: &str| {
        let (why, fields) = told.hidden.as_ref()?;
        fields.contains(&field).then_some(*why)
    };
    // Events that bring nothing for a field are common where one begins.
    let shown: Vec<_> = told
        .changes
        .iter()
        .filter(|it| it.old.is_some() || !it.new.is_null() || hidden(&it.field).is_some())
        .collect();
    let width = shown.iter().map(|it| it.field.chars().count()).max().unwrap_or(0).min(WIDEST);
    let mut text = String::new();
    for Changed { field, old, new } in shown {
        let _ = write!(text, "        {:<width$}  ", visible(field));
        let _ = match (hidden(field), old) {
            (Some(why), _) => {
                writeln!(text, "{}", output.paint(Tone::Faint, &format!("({})", why.as_str())))
            }
            (None, Some(old)) => writeln!(text, "{} → {}", plain(old), plain(new)),
            (None, None) => writeln!(text, "{}", plain(new)),
        };
    }
    text
}

/// A value on one line.
pub(in crate::ops) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => "—".to_owned(),
        Value::String(text) if text.is_empty() || text.trim() != text => value.to_string(),
        Value::String(text) => visible(text),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => visible(&value.to_string()),
    };
    let all = text.chars().count();
    if all <= SHOWN {
        return text;
    }
    let shown: String = text.chars().take(SHOWN).collect();
    format!("{shown}… ({all} characters)")
}

/// `AlertAcknowledged` is "Alert acknowledged".
fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 4);
    for (nth, letter) in name.chars().enumerate() {
        if nth > 0 && letter.is_uppercase() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    visible(&words)
}

#[derive(Serialize)]
struct Line<'a> {
    aggregate: &'a str,
    id: &'a str,
    number: i64,
    #[serde(rename = "type")]
    event_type: &'a str,
    version: &'a str,
    recorded_at: DateTime<Utc>,
    occurred_at: Option<DateTime<Utc>>,
    actor: Option<Actor<'a>>,
    command: Option<&'a str>,
    command_id: Option<&'a str>,
    reason: Option<&'a str>,
    payload: Content<'a>,
    changes: Vec<Change<'a>>,
    personal_fields: &'static str,
    hidden_fields: &'a [&'static str],
    correlation_id: Option<&'a str>,
    causation_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Value>,
    traceparent: Option<&'a str>,
    tenant: Option<&'a str>,
    position: i64,
    event_id: Uuid,
    trouble: &'a [String],
}

#[derive(Serialize)]
struct Actor<'a> {
    id: Uuid,
    kind: &'a str,
}

#[derive(Serialize)]
struct Change<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<&'a Value>,
    new: &'a Value,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Opened(&'a Value),
    Stored(&'a RawValue),
}

/// One event, for programs: JSON on one line. `raw` gives the payload byte for byte as it is stored.
pub(super) fn line(kind: &str, id: &str, told: &Told, raw: bool) -> serde_json::Result<String> {
    let metadata = told.metadata.as_ref();
    let text = |of: fn(&crate::store::Metadata) -> &String| metadata.map(|it| of(it).as_str());
    let (why, hidden_fields) = match &told.hidden {
        Some((why, fields)) => (why.as_str(), fields.as_slice()),
        None => ("open", [].as_slice()),
    };
    let changes = told.changes.iter();
    let changes = changes.map(|it| Change { field: &it.field, old: it.old.as_ref(), new: &it.new });
    serde_json::to_string(&Line {
        aggregate: kind,
        id,
        number: told.number,
        event_type: &told.event_type,
        version: &told.event_version,
        recorded_at: told.recorded_at,
        occurred_at: metadata.and_then(|it| it.occurred_at),
        actor: metadata.map(|it| Actor { id: it.actor, kind: &it.actor_kind }),
        command: text(|it| &it.command),
        command_id: text(|it| &it.command_id),
        reason: metadata.and_then(|it| it.reason.as_deref()),
        payload: match raw {
            true => Content::Stored(serde_json::from_str(&told.stored)?),
            false => Content::Opened(&told.payload),
        },
        changes: if raw { Vec::new() } else { changes.collect() },
        personal_fields: if raw { Hidden::Sealed.as_str() } else { why },
        hidden_fields,
        correlation_id: text(|it| &it.correlation_id),
        causation_id: text(|it| &it.causation_id),
        cause: told.cause.as_ref().map(|it| {
            json!({ "position": it.position, "type": it.event_type,
                    "aggregate": it.aggregate_type, "id": it.aggregate_id })
        }),
        traceparent: metadata.and_then(|it| it.traceparent.as_deref()),
        tenant: text(|it| &it.tenant),
        position: told.position,
        event_id: told.event_id,
        trouble: &told.trouble,
    })
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, day};

    use super::*;
    use crate::store::Metadata;

    fn told() -> Told {
        Told {
            number: 2,
            position: 1_034,
            event_id: Uuid::from_u128(7),
            event_type: "AlertAcknowledged".to_owned(),
            event_version: "1".to_owned(),
            recorded_at: day(2),
            metadata: Some(Metadata {
                command_id: "c-1".to_owned(),
                command: "acknowledge_alert".to_owned(),
                actor: ADA,
                actor_kind: "person".to_owned(),
                tenant: "t".to_owned(),
                correlation_id: "c-1".to_owned(),
                causation_id: "c-1".to_owned(),
                traceparent: None,
                occurred_at: Some(day(1)),
                reason: Some("it is\u{7} urgent".to_owned()),
                subjects: Vec::new(),
            }),
            stored: r#"{"status": "acknowledged"}"#.to_owned(),
            payload: json!({"status": "acknowledged", "notes": "erased"}),
            hidden: Some((Hidden::Erased, vec!["notes"])),
            changes: [
                ("status", Some(json!("unread")), json!("acknowledged")),
                ("acknowledged_by", Some(Value::Null), json!(ADA)),
                ("notes", None, json!("erased")),
                ("session_id", None, Value::Null),
                ("urgent", None, json!(true)),
            ]
            .map(|(field, old, new)| Changed { field: field.to_owned(), old, new })
            .to_vec(),
            made: Vec::new(),
            cause: None,
            trouble: Vec::new(),
        }
    }

    #[test]
    fn an_event_is_told_with_who_when_what_and_why() {
        let text = event(&told(), false, Output::plain());
        let expected = format!(
            "   2  Alert acknowledged, 2026-01-02 12:00:00.000 UTC
      by person {ADA} through acknowledge_alert
      happened 2026-01-01 12:00:00.000 UTC
      because: it is\u{fffd} urgent
        status           unread → acknowledged
        acknowledged_by  — → {ADA}
        notes            (erased)
        urgent           yes
      position 1\u{a0}034 · AlertAcknowledged v1 · command c-1"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn what_led_to_an_event_and_what_is_wrong_with_it_is_told() {
        let mut told = told();
        told.trouble.push("its hash does not fit".to_owned());
        if let Some(metadata) = &mut told.metadata {
            metadata.causation_id = "e-1".to_owned();
            metadata.correlation_id = "day-9".to_owned();
            metadata.actor_kind = "system".to_owned();
        }
        let text = event(&told, true, Output::plain());
        assert!(text.contains(&format!("by service {ADA}")), "{text}");
        assert!(text.contains("      ! its hash does not fit\n"), "{text}");
        assert!(text.contains(r#"        {"status": "acknowledged"}"#), "{text}");
        assert!(text.ends_with("command c-1 · caused by e-1 · part of day-9"), "{text}");
        told.metadata = None;
        assert!(!event(&told, false, Output::plain()).contains("command"));
    }

    #[test]
    fn programs_get_one_event_a_line() {
        let text = line("lift.alert", "a", &told(), false).unwrap();
        assert!(!text.contains('\n'));
        let it: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(it["type"], "AlertAcknowledged");
        assert_eq!(it["actor"], json!({"id": ADA, "kind": "person"}));
        assert_eq!(it["payload"]["status"], "acknowledged");
        assert_eq!(
            it["changes"][0],
            json!({"field": "status", "old": "unread", "new": "acknowledged"})
        );
        assert_eq!(
            (&it["personal_fields"], &it["hidden_fields"]),
            (&json!("erased"), &json!(["notes"]))
        );
        let raw = line("lift.alert", "a", &told(), true).unwrap();
        assert!(raw.contains(r#""payload":{"status": "acknowledged"},"#), "{raw}");
    }

    #[test]
    fn values_fit_on_a_line() {
        assert_eq!(plain(&json!("")), r#""""#);
        assert_eq!(plain(&json!(["a", 1])), r#"["a",1]"#);
        assert_eq!(plain(&json!("a\nb")), "a\u{fffd}b");
        assert!(plain(&json!("x".repeat(500))).ends_with("… (500 characters)"));
        assert_eq!(
            heading("lift.alert", "a", 1, Some("t"), Output::plain()),
            "lift/alert/a  1 event, tenant t"
        );
    }
}
