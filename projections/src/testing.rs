//! An event, recorded on day 2, and what it does to rows in a form that reads well.

use std::collections::BTreeSet;

use annals_domain::{DomainEvent, testing::day};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    change::{Change, Operation},
    recorded::{ActorKind, Envelope, Recorded},
};

/// What a projection makes of an event of the stream `id`: `{"put": table, "key": …, "columns": …}`.
/// What is written must be columns of the table, and a whole row all of them, so that no default of
/// the database stands in for an event (shared.projection.replay).
pub fn changes<E: DomainEvent>(
    project: fn(&Recorded<'_, E>) -> Vec<Change>,
    id: &str,
    event: impl Into<E>,
) -> Vec<Value> {
    let event: E = event.into();
    let envelope = envelope(id, event.event_type().name);
    let recorded = Recorded { id, at: envelope.at, event, envelope: &envelope };
    project(&recorded).iter().map(told).collect()
}

fn told(change: &Change) -> Value {
    let table = change.table;
    let written: BTreeSet<&str> = change.columns.keys().chain(change.key.keys()).collect();
    let declared = columns(table.sql);
    assert!(written.is_subset(&declared), "{}: {written:?}", table.name);
    if change.operation == Operation::Put {
        assert_eq!(written, declared, "a whole row of {}", table.name);
    }
    let verb = match change.operation {
        Operation::Put => "put",
        Operation::Patch => "patch",
        Operation::Drop => "drop",
        Operation::Add => "add",
        Operation::PatchWhere => "patch_where",
        Operation::DropWhere => "drop_where",
    };
    json!({ verb: table.name, "key": change.key, "columns": change.columns })
}

/// The names of the columns in a table's file.
fn columns(sql: &str) -> BTreeSet<&str> {
    let lines = sql.lines().skip_while(|line| !line.starts_with("CREATE TABLE")).skip(1);
    lines
        .map(str::trim)
        .take_while(|line| !line.starts_with("CONSTRAINT") && !line.starts_with(')'))
        .filter_map(|line| line.split(' ').next())
        .collect()
}

fn envelope(id: &str, event_type: &str) -> Envelope {
    Envelope {
        aggregate_type: String::new(),
        aggregate_id: id.to_owned(),
        sequence: 1,
        position: 1,
        event_id: Uuid::nil(),
        event_type: event_type.to_owned(),
        at: day(2),
        occurred_at: None,
        actor: Uuid::nil(),
        actor_kind: ActorKind::Person,
        command: String::new(),
        command_id: String::new(),
        tenant: String::new(),
        erased: false,
    }
}
