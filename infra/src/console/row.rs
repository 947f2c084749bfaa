//! One row: the events behind it, what each changed, and the row as it was after each.

use std::collections::BTreeSet;

use annals_projections::{Row, Table};
use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Shared, error::ConsoleError, event::Met, session::Visitor, story::people};
use crate::ops::past;

/// Versions that are told at once.
const VERSIONS: usize = 400;

/// Which row, and as of when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    table: String,
    key: Vec<String>,
    position: Option<i64>,
}

impl Asked {
    fn table(&self, console: &Shared) -> Result<&'static Table, ConsoleError> {
        Ok(past::table(&console.projections, &self.table)?)
    }

    fn key(&self, table: &Table) -> Result<Row, ConsoleError> {
        if self.key.len() != table.key.len() {
            let parts = table.key.join(", ");
            return Err(ConsoleError::Usage(format!("the key of {} is: {parts}", self.table)));
        }
        let parts = table.key.iter().zip(&self.key);
        Ok(parts.map(|(name, part)| ((*name).to_owned(), part.as_str().into())).collect())
    }
}

/// The events behind a row, and each column's last change.
pub async fn lineage(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, ConsoleError> {
    let table = asked.table(&console)?;
    let key = asked.key(table)?;
    console.keeps(table.schema).await?;
    let steps = past::lineage(console.log.pool(), table, &asked.key).await?;
    let mut look = console.eyes.of(&visitor).await?;
    let known = console.eyes.columns(table);
    let readable = |name: &str| known.iter().any(|it| it.name == name);
    let (mut versions, mut met, mut open) = (Vec::new(), Vec::new(), false);
    let left_out = steps.len().saturating_sub(VERSIONS);
    for step in steps.iter().skip(left_out) {
        // What is gone was there before.
        let at = if step.did == "removed" { step.position - 1 } else { step.position };
        let told = step.did != "changed" || console.eyes.may_read(table, step.columns.iter());
        let seen = told && look.sees_at(table, &key, at).await?;
        if !seen && !visitor.operator {
            continue;
        }
        open |= seen;
        let (columns, withheld): (Vec<_>, Vec<_>) =
            step.columns.iter().partition(|it| readable(it));
        let Some(stored) = console.log.at(step.position).await? else { continue };
        let event = Met::of(&stored, &console.aggregates, &console.projections).await?;
        let mut told = event.summary();
        told.insert("did".to_owned(), step.did.clone().into());
        told.insert("columns".to_owned(), json!(columns));
        told.insert("withheld".to_owned(), json!(withheld));
        told.insert("open".to_owned(), seen.into());
        versions.push(Value::Object(told));
        met.push(event);
    }
    if versions.is_empty() {
        return Err(ConsoleError::Nothing);
    }
    let columns: Vec<_> = known
        .iter()
        .map(|it| json!({ "name": it.name, "kind": it.kind, "about": it.about }))
        .collect();
    let stream: BTreeSet<_> = met.iter().map(|it| (it.kind.clone(), it.id.clone())).collect();
    Ok(Json(json!({
        "table": asked.table, "key": asked.key, "columns": columns, "versions": versions,
        "left_out": left_out, "open": open, "people": people(&met, &mut look).await?,
        "streams": stream,
    })))
}

/// The row as it was after the event at a position, and before it.
pub async fn as_of(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, ConsoleError> {
    let table = asked.table(&console)?;
    let key = asked.key(table)?;
    console.keeps(table.schema).await?;
    let head = console.log.head().await?;
    let position = asked.position.unwrap_or(head).clamp(0, head);
    let mut look = console.eyes.of(&visitor).await?;
    let now = look.row_at(table, &key, position).await?;
    let before = look.row_at(table, &key, position - 1).await?;
    if now.is_none() && before.is_none() && !visitor.operator {
        return Err(ConsoleError::Nothing);
    }
    Ok(Json(json!({ "position": position, "row": now, "before": before })))
}
