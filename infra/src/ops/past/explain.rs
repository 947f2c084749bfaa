//! `annals explain`: the events that made a row, and each column's last change.

use std::process::ExitCode;

use annals_commands::Catalogue;
use annals_projections::{Catalogue as Projections, Table};
use serde_json::json;

use super::{Held, Reader, Row, Step, json as row_json, table as named};
use crate::{
    cli::{Exit, Output, Tone, complain, say, table},
    ops::{
        EXIT_CODES, OpsError,
        history::{open_keys, plain, typed},
        setup::Setup,
        text::{count, number, time, visible},
    },
    settings::Flags,
    store::{Role, Store},
};

/// Tells how a row came to be: the events that made it, and each column's last change.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals explain lift.alerts <id>
  annals explain samia.user_wallets <user_id>            by the key that events name a row by
  annals explain nestsync.usage_analytics <family> <item> day 2026-03-01
  annals explain lift.alerts <id> --json | jq .columns.status

The same from SQL, as an auditor: SELECT * FROM annals.lineage('lift.alerts', '<id>') and
annals.column_lineage(…). Personal fields are opened where ANNALS_KEK_FILE names the key-encryption key.

{EXIT_CODES}"))]
pub struct ExplainArgs {
    /// The table, for example lift.alerts.
    #[arg(value_name = "CONTEXT.TABLE")]
    pub table: String,
    /// The row's key, part by part.
    #[arg(value_name = "KEY", required = true)]
    pub key: Vec<String>,
    /// Writes one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Leaves personal fields closed; works without any key.
    #[arg(long)]
    pub sealed: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals explain`.
///
/// # Errors
/// There is no such table, its past is not kept, or Postgres or the key store do not answer.
pub async fn run(args: ExplainArgs) -> Result<ExitCode, OpsError> {
    explain(&args, Output::stdout(), say).await.map(Into::into)
}

pub(super) async fn explain(
    args: &ExplainArgs,
    output: Output,
    mut say: impl FnMut(&str),
) -> Result<Exit, OpsError> {
    let projections = Projections::new();
    let of = named(&projections, &args.table)?;
    let setup = Setup::new(&args.flags)?;
    let store = Store::new(setup.pool(Role::Auditor, 2).await?);
    let keys = open_keys(&setup, args.sealed).await?;
    let catalogue = Catalogue::new();
    let reader = Reader {
        store: &store,
        keys: keys.as_ref(),
        catalogue: &catalogue,
        projections: &projections,
    };
    let steps = reader.lineage(of, &args.key).await?;
    if steps.is_empty() {
        complain(&format!("annals: no event ever made this row of {}.{}", of.schema, of.name));
        return Ok(Exit::Fault);
    }
    let rows = reader.rows(of, &args.key, &steps).await?;
    if args.json {
        say(&as_json(of, &args.key, &steps, &rows));
    } else {
        say(&in_words(of, &args.key, &steps, &rows, output));
    }
    Ok(Exit::Done)
}

/// Each column's last change since the row was last made.
fn last_changes(steps: &[Step]) -> Vec<(&str, &Step)> {
    let made = steps.iter().rposition(|it| it.did == "made").unwrap_or_default();
    let mut columns: Vec<(&str, &Step)> = Vec::new();
    for step in &steps[made..] {
        for column in &step.columns {
            columns.retain(|(known, _)| known != column);
            columns.push((column, step));
        }
    }
    columns.sort_unstable_by_key(|(column, _)| *column);
    columns
}

fn as_json(of: &Table, key: &[String], steps: &[Step], rows: &[Row]) -> String {
    let empty = Row::new();
    let events: Vec<_> = steps
        .iter()
        .enumerate()
        .map(|(nth, it)| {
            let row = rows.get(nth).unwrap_or(&empty);
            let before = nth.checked_sub(1).and_then(|nth| rows.get(nth)).unwrap_or(&empty);
            let changes: Vec<_> = it
                .columns
                .iter()
                .map(|column| {
                    let of = |row: &Row| row.get(column).unwrap_or(&Held::Preset).json();
                    json!({ "column": column, "old": of(before), "new": of(row) })
                })
                .collect();
            json!({
                "position": it.position, "event_id": it.event_id, "type": it.event_type,
                "aggregate": it.aggregate_type, "id": it.aggregate_id, "number": it.sequence,
                "recorded_at": it.recorded_at, "actor": it.actor, "command": it.command,
                "did": it.did, "changes": changes,
            })
        })
        .collect();
    let columns: serde_json::Map<_, _> = last_changes(steps)
        .into_iter()
        .map(|(column, it)| {
            let last = json!({
                "position": it.position, "event_id": it.event_id, "type": it.event_type,
                "recorded_at": it.recorded_at, "actor": it.actor, "command": it.command,
            });
            (column.to_owned(), last)
        })
        .collect();
    let row = rows.last().unwrap_or(&empty);
    json!({
        "table": format!("{}.{}", of.schema, of.name), "key": key, "row": row_json(row),
        "columns": columns, "events": events,
    })
    .to_string()
}

fn in_words(of: &Table, key: &[String], steps: &[Step], rows: &[Row], output: Output) -> String {
    let name = format!("{}.{} {}", of.schema, of.name, key.join(" "));
    let events = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let mut text =
        format!("{}  {}\n\n", output.paint(Tone::Strong, &visible(&name)), count(events, "event"));
    let made = steps.iter().map(|it| {
        [
            number(it.position),
            time(it.recorded_at),
            it.did.clone(),
            it.event_type.clone(),
            format!("{}/{}", typed(&it.aggregate_type), visible(&it.aggregate_id)),
            format!("{} by {}", visible(&it.command), it.actor),
        ]
    });
    let headings = ["position", "when", "did", "event", "of", "through"];
    text.push_str(&table(output, headings, made));
    if steps.last().is_some_and(|it| it.did == "removed") {
        text.push_str("\n\nThe row is gone.");
        return text;
    }
    text.push_str("\n\n");
    let row = rows.last();
    let columns = last_changes(steps).into_iter().map(|(column, it)| {
        let held = match row.and_then(|row| row.get(column)) {
            Some(Held::Value(value)) => plain(value),
            Some(Held::Hidden(why)) => format!("({})", why.as_str()),
            Some(Held::Preset) | None => "(default)".to_owned(),
        };
        [column.to_owned(), held, number(it.position), it.event_type.clone(), time(it.recorded_at)]
    });
    text.push_str(&table(output, ["column", "holds", "since", "event", "when"], columns));
    text
}
