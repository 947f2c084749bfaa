//! What became of rows, told from the events that made them.
//!
//! Which events made a row, and which columns each changed, is asked of Postgres with the auditor's
//! rights, and comes without what the columns held. That is told by the events themselves, whose personal
//! fields open where their keys are at hand and nowhere else: an auditor needs no right to the rows.

pub mod diff;
pub mod explain;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use annals_commands::Catalogue;
use annals_projections::{Catalogue as Projections, Change, Operation, Table};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    OpsError,
    history::{Rows, Teller, told::Hidden},
    setup::tables_missing,
};
use crate::{keys::Keys, settings::nearest, store::Store};

/// What an event did to a row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Step {
    /// The event's place in the log.
    pub position: i64,
    /// Its own id.
    pub event_id: Uuid,
    /// Its kind.
    pub event_type: String,
    /// The kind of its stream.
    pub aggregate_type: String,
    /// Its stream.
    pub aggregate_id: String,
    /// Its place in the stream.
    pub sequence: i64,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Whoever asked.
    pub actor: Uuid,
    /// By which command.
    pub command: String,
    /// `made`, `changed` or `removed`.
    pub did: String,
    /// The columns it changed.
    pub columns: Vec<String>,
}

/// What a column held.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Held {
    /// This.
    Value(Value),
    /// Something personal that is not shown.
    Hidden(Hidden),
    /// What no event says: the table's default.
    Preset,
}

impl Held {
    /// For programs.
    pub fn json(&self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Hidden(why) => serde_json::json!({ "hidden": why.as_str() }),
            Self::Preset => Value::Null,
        }
    }
}

/// A row as its events made it, column by column.
pub(super) type Row = BTreeMap<String, Held>;

/// Reads what became of rows.
pub(super) struct Reader<'a> {
    /// The log, with the auditor's rights.
    pub store: &'a Store,
    /// What opens personal fields.
    pub keys: Option<&'a Keys>,
    /// How events are read.
    pub catalogue: &'a Catalogue,
    /// What they do to rows.
    pub projections: &'a Projections,
}

impl Reader<'_> {
    /// The events that made a row, in order.
    ///
    /// # Errors
    /// As [`lineage`].
    pub async fn lineage(&self, table: &Table, key: &[String]) -> Result<Vec<Step>, OpsError> {
        lineage(self.store.pool(), table, key).await
    }

    /// The row as it was after each of these events, in order.
    ///
    /// # Errors
    /// When keys or events cannot be had.
    pub async fn rows(
        &self,
        table: &'static Table,
        key: &[String],
        steps: &[Step],
    ) -> Result<Vec<Row>, OpsError> {
        let mut teller = Teller {
            catalogue: self.catalogue,
            projections: self.projections,
            keys: self.keys,
            rows: Rows::default(),
        };
        let (mut rows, mut row) = (Vec::with_capacity(steps.len()), Row::new());
        for step in steps {
            let stored = self.store.at(step.position).await.map_err(tables_missing)?;
            let Some(stored) = stored else { continue };
            let told = teller.tell(&stored).await?;
            let (why, names) = told.hidden.unwrap_or((Hidden::Sealed, Vec::new()));
            for change in told.made.iter().filter(|it| it.table == table) {
                pass(&mut row, change, key, |column| names.contains(&column).then_some(why));
            }
            if step.did == "removed" {
                row.clear();
            }
            rows.push(row.clone());
        }
        Ok(rows)
    }
}

/// The events that made a row, in order, asked with the auditor's rights.
///
/// # Errors
/// When the past is not kept, the key is none of the table's, or Postgres does not answer.
pub(crate) async fn lineage(
    pool: &PgPool,
    table: &Table,
    key: &[String],
) -> Result<Vec<Step>, OpsError> {
    sqlx::query_as("SELECT * FROM annals.lineage($1, VARIADIC $2)")
        .bind(format!("{}.{}", table.schema, table.name))
        .bind(key)
        .fetch_all(pool)
        .await
        .map_err(not_kept)
}

/// Moves a row past a change, if it is one of that row.
fn pass(row: &mut Row, change: &Change, key: &[String], hidden: impl Fn(&str) -> Option<Hidden>) {
    let everywhere = matches!(change.operation, Operation::PatchWhere | Operation::DropWhere);
    if everywhere {
        let same = change.key.iter().all(|(name, value)| {
            row.get(name).is_none_or(|held| *held == Held::Value(value.clone()))
        });
        if !same {
            return;
        }
    } else if change.key.len() == key.len()
        && !change.key.iter().zip(key).any(|((_, value), part)| text(value) == *part)
    {
        return;
    }
    match change.operation {
        Operation::Drop | Operation::DropWhere => return row.clear(),
        Operation::Add => {
            for (name, value) in change.columns.iter() {
                let sum = match (row.get(name), value.as_i64()) {
                    (Some(Held::Value(known)), Some(more)) => {
                        known.as_i64().map(|known| Value::from(known + more))
                    }
                    _ => None,
                };
                row.insert(name.to_owned(), Held::Value(sum.unwrap_or_else(|| value.clone())));
            }
        }
        Operation::Put | Operation::Patch | Operation::PatchWhere => {
            for (name, value) in change.columns.iter() {
                let held = hidden(name).map_or_else(|| Held::Value(value.clone()), Held::Hidden);
                row.insert(name.to_owned(), held);
            }
        }
    }
    if !everywhere {
        row.extend(
            change.key.iter().map(|(name, value)| (name.to_owned(), Held::Value(value.clone()))),
        );
    }
}

/// A part of a key, as it is typed.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A row, for programs.
pub(super) fn json(row: &Row) -> Value {
    Value::Object(row.iter().map(|(name, held)| (name.clone(), held.json())).collect::<Map<_, _>>())
}

/// The table of this name: `lift.alerts` or `lift/alerts`.
///
/// # Errors
/// There is none; the sentence names the nearest.
pub(crate) fn table(projections: &Projections, name: &str) -> Result<&'static Table, OpsError> {
    let dotted = name.replace('/', ".");
    let all: Vec<&'static Table> =
        projections.contexts().flat_map(|context| context.tables).copied().collect();
    let names: Vec<_> = all.iter().map(|it| format!("{}.{}", it.schema, it.name)).collect();
    let found = names.iter().position(|it| *it == dotted).and_then(|nth| all.get(nth));
    found.copied().ok_or_else(|| {
        let meant = nearest(&dotted, names.iter().map(String::as_str));
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        OpsError::Usage(format!("there is no documented table {name}{meant}"))
    })
}

/// Tells a past that is not kept, and a key that is none, from a database out of order.
fn not_kept(error: sqlx::Error) -> OpsError {
    let Some(refused) = error.as_database_error() else { return error.into() };
    match refused.code().as_deref() {
        Some("55000") => OpsError::Refused(format!(
            "{}: name the context in ANNALS_HISTORY and run `annals rebuild`",
            refused.message()
        )),
        Some(code) if code.starts_with("22") => {
            OpsError::Usage("this is no key of that table".to_owned())
        }
        _ => tables_missing(error),
    }
}
