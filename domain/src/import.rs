//! Rows of documented tables that were there before the log was.
//!
//! An aggregate that owns documented tables can be taken over from their rows: each row becomes one
//! event, named after what the row is (`ChildImported`), that carries the row's columns as they stand.
//! The aggregate's state moves past it like past any other event, and its projection puts the row. So
//! what is imported keeps its ids, times and counters, and ordinary commands go on from there.
//!
//! To make a table importable: a line in the `Imported` block of its aggregate's
//! [`events!`](crate::events), an arm of `evolve`, and the projection's arm.

use std::sync::OnceLock;

use schemars::{Schema, json_schema};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::event::EventType;

/// The payload's field that names whose key seals a row, where that is not the stream's id.
pub const SUBJECT: &str = "subject_id";

/// A documented table whose rows an aggregate owns.
#[derive(Debug, Clone, Copy)]
pub struct RowType {
    /// The table, in the context's schema.
    pub table: &'static str,
    /// The columns whose values make the stream's id, joined by `:`.
    pub stream: &'static [&'static str],
    /// The columns that may name whose personal data a row holds, the first that is not null counts;
    /// none where it is the stream's.
    pub subject: &'static [&'static str],
    /// The event that a row becomes.
    pub event: EventType,
}

impl RowType {
    /// The id of the stream that a row belongs to; none where a column it needs is null.
    #[must_use]
    pub fn stream_of(&self, row: &Map<String, Value>) -> Option<String> {
        let parts: Option<Vec<String>> =
            self.stream.iter().map(|column| text(row.get(*column))).collect();
        Some(parts?.join(":"))
    }

    /// The payload of the event that a row of the stream `id` becomes.
    #[must_use]
    pub fn payload(&self, mut row: Map<String, Value>, id: &str) -> Map<String, Value> {
        if !self.subject.is_empty() {
            let named = self.subject.iter().find_map(|column| text(row.get(*column)));
            row.insert(SUBJECT.to_owned(), named.unwrap_or_else(|| id.to_owned()).into());
        }
        row
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The schema of a row's event: the table's file says which columns there are.
#[must_use]
pub fn schema() -> Schema {
    json_schema!({
        "type": "object",
        "description": "A row of a documented table, each column under its name.",
    })
}

/// A row became an event.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Which table's row it is.
    pub of: &'static RowType,
    /// Its columns, and what else the aggregate has to know of it.
    pub row: Map<String, Value>,
    misread: OnceLock<&'static str>,
}

impl PartialEq for Imported {
    fn eq(&self, other: &Self) -> bool {
        self.of.event.name == other.of.event.name && self.row == other.row
    }
}

impl Imported {
    /// A row of a table.
    #[must_use]
    pub const fn new(of: &'static RowType, row: Map<String, Value>) -> Self {
        Self { of, row, misread: OnceLock::new() }
    }

    /// The table.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        self.of.table
    }

    /// A column's value; none where it is null, or no such value (see [`misread`](Self::misread)).
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, column: &'static str) -> Option<T> {
        let value = self.row.get(column).filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value.clone()).ok();
        if read.is_none() {
            // Only the first is told.
            let _ = self.misread.set(column);
        }
        read
    }

    /// A column's value, or what stands for none.
    #[must_use]
    pub fn or_default<T: DeserializeOwned + Default>(&self, column: &'static str) -> T {
        self.get(column).unwrap_or_default()
    }

    /// Whether a column has a value.
    #[must_use]
    pub fn has(&self, column: &str) -> bool {
        self.row.get(column).is_some_and(|value| !value.is_null())
    }

    /// The column that an aggregate needed and could not read, if there was one.
    #[must_use]
    pub fn misread(&self) -> Option<&'static str> {
        self.misread.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{DomainEvent, lift::alert::Event};

    fn row(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_row_names_its_stream_and_whose_it_is() {
        let of = &RowType {
            table: "things",
            stream: &["user_id", "family_id"],
            subject: &["child_id", "user_id"],
            event: Event::TYPES[0],
        };
        let mut it = row(json!({"user_id": "u", "family_id": "f", "child_id": null}));
        assert_eq!(of.stream_of(&it).unwrap(), "u:f");
        assert_eq!(of.payload(it.clone(), "u:f")[SUBJECT], "u");
        it.insert("child_id".into(), "c".into());
        assert_eq!(of.payload(it.clone(), "u:f")[SUBJECT], "c");
        it.insert("family_id".into(), Value::Null);
        assert_eq!(of.stream_of(&it), None);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let of = &Event::ROWS[0];
        let it = Imported::new(of, row(json!({"status": "lost", "child_id": null})));
        assert_eq!(it.get::<uuid::Uuid>("child_id"), None);
        assert_eq!(it.misread(), None);
        assert_eq!(it.get::<bool>("status"), None);
        assert_eq!(it.misread(), Some("status"));
    }
}
