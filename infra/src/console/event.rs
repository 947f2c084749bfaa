//! An event, as far as somebody may see it.
//!
//! What an event holds is never opened here. What it changed is read from the rows it was projected into:
//! as they were before it and after it, by whoever asks, under row security. So an event shows to whoever
//! may see a row of it, with the columns they may read, and with tombstones once its person is erased. The
//! operator reads no record (contract) and sees of every event who, when, by what and which columns.

use std::collections::BTreeSet;

use annals_commands::Catalogue;
use annals_projections::{Catalogue as Projections, Change, Operation, Row, Table, Writer};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    error::ConsoleError,
    eyes::{Look, text},
};
use crate::{
    ops::history::{Rows, Teller, told::Told},
    store::StoredEvent,
};

/// An event and the rows that it wrote, its personal fields closed.
#[derive(Debug)]
pub struct Met {
    /// The kind of its stream.
    pub kind: String,
    /// Its stream.
    pub id: String,
    /// What is told of it.
    pub told: Told,
    /// The rows that it wrote, each once.
    pub rows: Vec<Touched>,
}

/// A row that an event wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Touched {
    /// Its table.
    pub table: &'static Table,
    /// Its key.
    pub key: Row,
    /// The columns that the event says something of.
    pub columns: BTreeSet<String>,
}

impl Touched {
    /// The key, part by part.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        self.table.key.iter().filter_map(|it| self.key.get(it)).map(text).collect()
    }

    /// `lift.alerts`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.table.schema, self.table.name)
    }
}

impl Met {
    /// Reads a stored event without any key.
    ///
    /// # Errors
    /// None that a key store could cause; an event that is out of order is told with what is wrong.
    pub async fn of(
        stored: &StoredEvent,
        catalogue: &Catalogue,
        projections: &Projections,
    ) -> Result<Self, ConsoleError> {
        let mut teller = Teller { catalogue, projections, keys: None, rows: Rows::default() };
        let told = teller.tell(stored).await?;
        let rows = touched(&told.made);
        let (kind, id) = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        Ok(Self { kind, id, told, rows })
    }

    /// The context: what stands before the dot of the kind.
    #[must_use]
    pub fn context(&self) -> &str {
        self.kind.split_once('.').map_or(self.kind.as_str(), |(it, _)| it)
    }

    /// Whether somebody may see it: some row of it, as it was after the event or before it.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn is_seen(&self, look: &mut Look<'_>) -> Result<bool, ConsoleError> {
        for row in &self.rows {
            if !look.may_read(row) {
                continue;
            }
            for position in [self.told.position, self.told.position - 1] {
                if look.sees_at(row.table, &row.key, position).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What it did to the rows that somebody may see.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn seen(&self, look: &mut Look<'_>) -> Result<Vec<Value>, ConsoleError> {
        let mut seen = Vec::new();
        for row in &self.rows {
            if !look.may_read(row) {
                continue;
            }
            let after = look.row_at(row.table, &row.key, self.told.position).await?;
            let before = look.row_at(row.table, &row.key, self.told.position - 1).await?;
            let did = match (&before, &after) {
                (None, None) => continue,
                (None, Some(_)) => "made",
                (Some(_), None) => "removed",
                (Some(_), Some(_)) => "changed",
            };
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            let withheld: Vec<_> = row
                .columns
                .iter()
                .filter(|it| !before.contains_key(*it) && !after.contains_key(*it))
                .collect();
            seen.push(json!({
                "table": row.name(), "key": row.parts(), "did": did,
                "changes": self.changes(&before, &after), "withheld": withheld,
            }));
        }
        Ok(seen)
    }

    /// The rows that it wrote by name alone, for the operator.
    #[must_use]
    pub fn named(&self) -> Vec<Value> {
        let rows = self.rows.iter().map(|row| {
            json!({
                "table": row.name(), "key": row.parts(), "did": "written", "changes": [],
                "withheld": row.columns,
            })
        });
        rows.collect()
    }

    /// What is not the same in two versions of a row.
    fn changes(&self, before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Value> {
        let (_, personal) = self.told.hidden.clone().unzip();
        let personal = personal.unwrap_or_default();
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut changes = Vec::new();
        for name in names {
            let (old, new) = (before.get(name), after.get(name));
            // The event brought something personal here, and what stands for it is all there is.
            let erased = personal.contains(&name.as_str()) && new.is_some_and(is_tombstone);
            if erased {
                changes.push(json!({ "column": name, "hidden": "erased" }));
            } else if old.unwrap_or(&Value::Null) != new.unwrap_or(&Value::Null)
                && !self.is_its_time(new)
            {
                changes.push(json!({ "column": name, "old": old, "new": new }));
            }
        }
        changes
    }

    /// Whether a value only repeats the event's time.
    fn is_its_time(&self, value: Option<&Value>) -> bool {
        let text = value.and_then(Value::as_str);
        let time = text.and_then(|it| DateTime::parse_from_rfc3339(it).ok());
        time.is_some_and(|it| it.to_utc() == self.told.recorded_at)
    }

    /// All but what it did: who, when, by what, why.
    #[must_use]
    pub fn summary(&self) -> Map<String, Value> {
        let told = &self.told;
        let mut it = Map::new();
        let mut put = |name: &str, value: Value| drop(it.insert(name.to_owned(), value));
        put("position", told.position.into());
        put("number", told.number.into());
        put("type", told.event_type.clone().into());
        put("version", told.event_version.clone().into());
        put("kind", self.kind.clone().into());
        put("id", self.id.clone().into());
        put("event_id", told.event_id.to_string().into());
        put("recorded_at", json!(told.recorded_at));
        put("trouble", json!(told.trouble));
        if let Some(metadata) = &told.metadata {
            put("actor", metadata.actor.to_string().into());
            put("actor_kind", metadata.actor_kind.clone().into());
            put("command", metadata.command.clone().into());
            put("command_id", metadata.command_id.clone().into());
            put("correlation_id", metadata.correlation_id.clone().into());
            put("causation_id", metadata.causation_id.clone().into());
            put("tenant", metadata.tenant.clone().into());
            put("reason", json!(metadata.reason));
            let happened: Option<DateTime<Utc>> = metadata.occurred_at;
            put("occurred_at", json!(happened.filter(|it| *it != told.recorded_at)));
        }
        it
    }

    /// Whoever did it.
    #[must_use]
    pub fn actor(&self) -> Option<Uuid> {
        self.told.metadata.as_ref().map(|it| it.actor)
    }
}

/// The rows that changes are about, each once. Changes of all rows with a value name none.
fn touched(changes: &[Change]) -> Vec<Touched> {
    let mut rows: Vec<Touched> = Vec::new();
    for change in changes.iter().filter(|it| is_kept(it.table)) {
        match change.operation {
            Operation::PatchWhere | Operation::DropWhere => continue,
            Operation::Put | Operation::Patch | Operation::Add | Operation::Drop => {}
        }
        let columns = change.columns.keys().map(str::to_owned);
        match rows.iter_mut().find(|it| it.table == change.table && it.key == change.key) {
            Some(row) => row.columns.extend(columns),
            None => rows.push(Touched {
                table: change.table,
                key: change.key.clone(),
                columns: columns.collect(),
            }),
        }
    }
    rows
}

/// Whether a table's past is kept: that of each documented table that events make.
fn is_kept(table: &Table) -> bool {
    !table.sql.is_empty() && table.writer == Writer::Projector
}

/// What stands for a person's data once it is gone (shared.erasure.tombstones).
fn is_tombstone(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text == "erased" || text.ends_with("@erased.invalid"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
