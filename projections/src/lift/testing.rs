//! What one event does to rows, for tests.

use annals_domain::{DomainEvent, testing::day};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    change::Change,
    recorded::{ActorKind, Envelope, Recorded},
    table::Table,
};

/// The stream's id in these tests.
pub const ID: &str = "00000000-0000-0000-0000-00000000000c";

/// Projects an event of day 3.
pub fn changes<E: DomainEvent>(
    project: fn(&Recorded<'_, E>) -> Vec<Change>,
    event: impl Into<E>,
) -> Vec<Change> {
    let event = event.into();
    let envelope = Envelope {
        aggregate_type: "lift.test".into(),
        aggregate_id: ID.into(),
        sequence: 1,
        position: 1,
        event_id: Uuid::from_u128(1),
        event_type: event.event_type().name.into(),
        at: day(3),
        occurred_at: None,
        actor: Uuid::from_u128(2),
        actor_kind: ActorKind::Person,
        command: "test".into(),
        command_id: "test".into(),
        tenant: "test".into(),
        erased: false,
    };
    project(&Recorded { id: ID, at: envelope.at, event, envelope: &envelope })
}

/// Day 3, as it stands in a row.
pub fn at() -> Value {
    json!(day(3))
}

/// The columns of a row, with the time of the change.
pub fn columns(value: Value) -> Map<String, Value> {
    let Value::Object(mut columns) = value else { panic!("no object") };
    columns.insert("updated_at".into(), at());
    columns
}

/// The names of a table's columns, as its file declares them.
pub fn documented(table: &Table) -> Vec<&str> {
    let body = table.sql.split_once("CREATE TABLE").expect("a table").1;
    let body = body.split_once("(\n").expect("columns").1;
    let lines = body.lines().take_while(|line| !line.starts_with(')'));
    let names = lines.filter_map(|line| line.strip_prefix("    ")?.split(' ').next());
    let mut names: Vec<_> =
        names.filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase())).collect();
    names.sort_unstable();
    names
}

/// The names of the columns that a change writes, the key's among them.
pub fn written(change: &Change) -> Vec<&str> {
    let mut names: Vec<_> = change.key.keys().chain(change.columns.keys()).collect();
    names.sort_unstable();
    names.into_iter().map(String::as_str).collect()
}
