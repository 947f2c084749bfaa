//! Events of the tests' world.

use annals_domain::testing::{ADA, BOB, day};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    change::{Change, Operation},
    recorded::{ActorKind, Envelope, Recorded},
};

/// What is known of an event on Ada's aggregate, asked for by Bob.
pub fn envelope(aggregate_type: &str, event_type: &str) -> Envelope {
    Envelope {
        aggregate_type: aggregate_type.into(),
        aggregate_id: ADA.to_string(),
        sequence: 1,
        position: 7,
        event_id: Uuid::from_u128(0xe),
        event_type: event_type.into(),
        at: day(1),
        occurred_at: None,
        actor: BOB,
        actor_kind: ActorKind::Person,
        command: "a_command".into(),
        command_id: "c-1".into(),
        tenant: ADA.to_string(),
        erased: false,
    }
}

/// What an event on Ada's aggregate does to rows.
pub fn changes<E>(
    project: fn(&Recorded<'_, E>) -> Vec<Change>,
    event: impl Into<E>,
) -> Vec<Change> {
    let envelope = envelope("samia.thing", "ThingHappened");
    project(&Recorded {
        id: &envelope.aggregate_id,
        at: envelope.at,
        event: event.into(),
        envelope: &envelope,
    })
}

/// What it does to this table's row, and which.
#[track_caller]
pub fn of<'a>(changes: &'a [Change], table: &str) -> &'a Change {
    let found: Vec<_> = changes.iter().filter(|change| change.table.name == table).collect();
    assert_eq!(found.len(), 1, "changes of {table} in {changes:?}");
    found[0]
}

/// A whole row is written only with every column of its table, by an event and not by a default
/// (shared.projection.replay), and nothing is written but columns.
#[track_caller]
pub fn fits(change: &Change) {
    let columns = columns(change.table.sql);
    for name in change.columns.keys().chain(change.key.keys()) {
        assert!(columns.contains(&name), "{} has no {name}", change.table.name);
    }
    if change.operation == Operation::Put {
        whole(change);
    }
}

/// Every column of the table is written.
#[track_caller]
pub fn whole(change: &Change) {
    for name in columns(change.table.sql) {
        let written = change.columns.contains_key(name) || change.key.contains_key(name);
        assert!(written, "{}.{name} is left to its default", change.table.name);
    }
}

/// The names of the columns in a table's file.
fn columns(sql: &str) -> Vec<&str> {
    let lines = sql.lines().skip_while(|line| !line.starts_with("CREATE TABLE")).skip(1);
    lines
        .map(str::trim)
        .take_while(|line| !line.starts_with("CONSTRAINT") && !line.starts_with(')'))
        .filter_map(|line| line.split(' ').next())
        .map(|name| name.trim_matches('"'))
        .collect()
}

/// Null.
pub const NULL: Value = Value::Null;
