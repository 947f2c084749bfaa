//! Stories for projections' tests: events one after another, and the rows they leave.

use std::collections::{BTreeMap, BTreeSet};

use annals_domain::{Decider, DomainEvent, EventType, Subject};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    catalogue::Context,
    change::{Change, Operation},
    recorded::{ActorKind, Envelope},
    row::Row,
    table::Table,
};

/// When everything is recorded.
pub const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// An event as it is stored, before anything in it is sealed.
pub struct Told {
    pub aggregate: &'static str,
    pub id: Uuid,
    pub event: &'static EventType,
    payload: Value,
}

/// This happened.
pub fn told<D: Decider>(id: Uuid, event: impl Into<D::Event>) -> Told {
    let event: D::Event = event.into();
    let payload = event.payload_value().unwrap();
    Told { aggregate: D::TYPE, id, event: event.event_type(), payload }
}

impl Told {
    /// What it does to rows, where everything that was sealed for these people reads as its tombstone.
    /// Each row that changes is a row of its table: its columns are, and a new row has all of them.
    pub fn changes(&self, context: &Context, erased: &[Uuid]) -> Vec<Change> {
        let mut payload = self.payload.clone();
        let subject = match self.event.subject {
            Subject::Stream => None,
            Subject::Field(name) => payload.get(name).and_then(Value::as_str),
        };
        let subject = subject.map_or_else(|| self.id.to_string(), str::to_owned);
        if erased.iter().any(|person| person.to_string() == subject) {
            for field in self.event.personal {
                if let Some(value) = payload.get_mut(field.name).filter(|it| !it.is_null()) {
                    *value = field.tombstone.value(&subject);
                }
            }
        }
        let changes = context.project(&self.envelope(), payload, || Value::Null).unwrap();
        changes.iter().for_each(fits);
        changes
    }

    fn envelope(&self) -> Envelope {
        Envelope {
            aggregate_type: self.aggregate.to_owned(),
            aggregate_id: self.id.to_string(),
            sequence: 1,
            position: 1,
            event_id: Uuid::nil(),
            event_type: self.event.name.to_owned(),
            at: AT,
            occurred_at: None,
            actor: Uuid::nil(),
            actor_kind: ActorKind::Person,
            command: String::new(),
            command_id: String::new(),
            tenant: String::new(),
            erased: false,
        }
    }
}

/// The rows that a story leaves, by table and key.
pub fn rows(
    context: &Context,
    story: &[Told],
    erased: &[Uuid],
) -> BTreeMap<(&'static str, String), Row> {
    let mut rows = BTreeMap::new();
    for change in story.iter().flat_map(|told| told.changes(context, erased)) {
        apply(&mut rows, change);
    }
    rows
}

fn apply(rows: &mut BTreeMap<(&'static str, String), Row>, change: Change) {
    let table = change.table.name;
    let key = (table, format!("{:?}", change.key));
    let holds = |row: &Row| change.key.iter().all(|(name, value)| row.get(name) == Some(value));
    match change.operation {
        Operation::Put => {
            let mut row = change.key;
            row.extend(change.columns);
            rows.insert(key, row);
        }
        Operation::Patch => {
            let row = rows.get_mut(&key).unwrap_or_else(|| panic!("no row {key:?}"));
            row.extend(change.columns);
        }
        Operation::Drop => assert!(rows.remove(&key).is_some(), "no row {key:?}"),
        Operation::PatchWhere => {
            for ((_, _), row) in rows.iter_mut().filter(|((of, _), row)| *of == table && holds(row))
            {
                row.extend(change.columns.clone());
            }
        }
        Operation::DropWhere => rows.retain(|(of, _), row| *of != table || !holds(row)),
        Operation::Add => panic!("counts are not told in stories: {change:?}"),
    }
}

fn fits(change: &Change) {
    let written: BTreeSet<&str> = change.columns.keys().chain(change.key.keys()).collect();
    let columns = columns(change.table);
    assert!(written.is_subset(&columns), "{}: {written:?}", change.table.name);
    if change.operation == Operation::Put {
        assert_eq!(written, columns, "a whole row of {}", change.table.name);
    }
}

/// The names of a table's columns, from its file.
pub fn columns(table: &Table) -> BTreeSet<&'static str> {
    let lines = table.sql.lines().skip_while(|line| !line.starts_with("CREATE TABLE")).skip(1);
    lines
        .map(str::trim)
        .take_while(|line| !line.starts_with("CONSTRAINT") && !line.starts_with(')'))
        .filter_map(|line| line.split(' ').next())
        .collect()
}
