//! `annals replay`: the log replayed into a schema of its own, and compared with what is in use.

use std::{process::ExitCode, sync::Arc, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_projections::{Catalogue, Context};
use serde_json::{Value, json};

use super::{
    EXIT_CODES, Moment, OpsError,
    progress::Progress,
    rebuild::explained,
    setup::{Setup, tables_missing},
    text::{count, number, span, visible},
};
use crate::{
    cli::{Exit, say},
    projector::{Difference, DifferentRow, How, Rebuild, ReplayError, Replayed, forget, replay},
    settings::{Flags, nearest},
    store::{Role, Store},
};

/// Replays a context's events into a schema of its own, and compares the rows with those in use.
///
/// Nobody waits for it, and nothing in use is changed. With --until, rows are compared with those that
/// were in use then. What was interrupted goes on where it was; the schema stays for whoever wants to
/// look into it, until --drop.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals replay lift --into scratch_1                        everything, against the tables in use
  annals replay lift --until 2026-03-01 --into scratch_2     against the tables as they were
  annals replay lift --into scratch_1 --drop                 compares, and removes the schema
  annals replay lift --into scratch_1 --json                 progress and result as JSON Lines

The login of DATABASE_URL needs the rights that annals migrate needs, and ANNALS_KEK_FILE must name the
key-encryption key, since rows hold clear text. Ends with 1 where a row differs.

{EXIT_CODES}"))]
pub struct ReplayArgs {
    /// The context.
    pub context: String,
    /// Up to this position or time; all where it is left out.
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<Moment>,
    /// The schema to fill; it must not be there yet, unless an earlier replay began it.
    #[arg(long, value_name = "SCHEMA")]
    pub into: String,
    /// Removes the schema afterwards.
    #[arg(long)]
    pub drop: bool,
    /// Writes JSON Lines: progress every two seconds, then the result.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// An event that made a row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Made {
    position: i64,
    event_type: String,
}

/// Runs `annals replay`.
///
/// # Errors
/// There is no such context, the schema is taken, or an event cannot be applied.
pub async fn run(args: ReplayArgs) -> Result<ExitCode, OpsError> {
    let catalogue = Catalogue::new();
    let context = chosen(&catalogue, &args.context)?;
    let setup = Setup::new(&args.flags)?;
    let url = setup.database_url()?;
    let store = Store::new(setup.pool(Role::Projector, 3).await?);
    store.head().await.map_err(tables_missing)?;
    let aggregates = Arc::new(Aggregates::new());
    let keys = setup.keys().await?;
    let until = match args.until {
        Some(until) => Some(until.position(store.pool()).await.map_err(tables_missing)?),
        None => None,
    };
    let mut progress = Progress::new("events", args.json);
    let told = |it: crate::projector::Progress| {
        let whole = |number: i64| u64::try_from(number).unwrap_or_default();
        progress.tell(whole(it.position), whole(it.head), it.events);
    };
    let work = Rebuild {
        url,
        pool: store.pool(),
        context,
        aggregates: &aggregates,
        keys: &keys,
        history: false,
    };
    let done = replay(work, &args.into, until, told).await;
    let took = progress.end();
    let replayed = done.map_err(|error| match error {
        ReplayError::Rebuild(error) => explained(error, context.name),
        error => error.into(),
    })?;
    let auditor = setup.pool(Role::Auditor, 1).await?;
    let rows = all_made(&auditor, &replayed).await?;
    if args.json {
        say(&as_json(context.name, &args.into, &replayed, &rows, took).to_string());
    } else {
        say(&in_words(context.name, &args.into, &replayed, &rows, took));
    }
    if args.drop {
        forget(url, context, &args.into).await?;
    }
    let exit = if replayed.different.is_empty() { Exit::Done } else { Exit::Fault };
    Ok(exit.into())
}

fn chosen<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Context, OpsError> {
    catalogue.context(name).ok_or_else(|| {
        let names: Vec<_> = catalogue.contexts().map(|it| it.name).collect();
        let meant = nearest(name, names.iter().copied());
        let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
        OpsError::Usage(format!(
            "there is no context {name}; {meant}there are {}",
            names.join(", ")
        ))
    })
}

/// The events that made a row: as its past tells, or where none is kept, those of the stream of its id.
async fn made(
    pool: &sqlx::PgPool,
    difference: &Difference,
    row: &DifferentRow,
    until: i64,
) -> Result<Vec<Made>, OpsError> {
    let table = difference.table;
    let told = sqlx::query_as(
        "SELECT position, event_type FROM annals.lineage($1, VARIADIC $2) WHERE position <= $3",
    )
    .bind(format!("{}.{}", table.schema, table.name))
    .bind(&row.key)
    .bind(until)
    .fetch_all(pool)
    .await;
    let not_kept = |error: &sqlx::Error| {
        error.as_database_error().and_then(|it| it.code()).is_some_and(|code| code == "55000")
    };
    match told {
        Err(error) if not_kept(&error) => {}
        Ok(made) if made.is_empty() => {}
        told => return Ok(told?),
    }
    let of_stream = sqlx::query_as(
        "SELECT position, event_type FROM annals.events
         WHERE aggregate_id = $1 AND aggregate_type >= $2 AND aggregate_type < $3 AND position <= $4
         ORDER BY position",
    )
    .bind(row.key.first())
    .bind(format!("{}.", table.schema))
    .bind(format!("{}/", table.schema))
    .bind(until)
    .fetch_all(pool)
    .await?;
    Ok(of_stream)
}

/// A row that differs, and the events that made it.
pub(crate) type Told<'a> = (&'a Difference, &'a DifferentRow, Vec<Made>);

/// The rows that differ, each with the events that made it.
///
/// # Errors
/// When Postgres does not answer.
pub(crate) async fn all_made<'a>(
    auditor: &sqlx::PgPool,
    replayed: &'a Replayed,
) -> Result<Vec<Told<'a>>, OpsError> {
    let mut rows = Vec::new();
    for difference in &replayed.different {
        for row in &difference.first {
            rows.push((difference, row, made(auditor, difference, row, replayed.position).await?));
        }
    }
    Ok(rows)
}

/// What came out, for programs.
pub(crate) fn as_json(
    context: &str,
    into: &str,
    replayed: &Replayed,
    rows: &[Told<'_>],
    took: Duration,
) -> Value {
    let of = |wanted: &Difference| -> Vec<Value> {
        let mine = rows.iter().filter(|(difference, _, _)| difference.table == wanted.table);
        mine.map(|(_, row, made)| {
            let events: Vec<_> = made
                .iter()
                .map(|it| json!({ "position": it.position, "type": it.event_type }))
                .collect();
            let (how, columns) = match &row.how {
                How::Missing => ("missing", &[][..]),
                How::Surplus => ("surplus", &[][..]),
                How::Columns(columns) => ("changed", columns.as_slice()),
            };
            json!({ "key": row.key, "how": how, "columns": columns, "events": events })
        })
        .collect()
    };
    let different: Vec<_> = replayed
        .different
        .iter()
        .map(|it| {
            json!({ "table": it.table.name, "rows_in_use": it.rows.0, "rows_of_the_log": it.rows.1,
                    "first": of(it) })
        })
        .collect();
    json!({ "result": {
        "context": context, "into": into, "position": replayed.position, "events": replayed.events,
        "tables": replayed.tables, "different": different, "seconds": took.as_secs_f64(),
    }})
}

fn in_words(
    context: &str,
    into: &str,
    replayed: &Replayed,
    rows: &[Told<'_>],
    took: Duration,
) -> String {
    let events = count(i64::try_from(replayed.events).unwrap_or(i64::MAX), "event");
    let at = number(replayed.position);
    let took = span(took.as_secs_f64());
    let done = format!("{events} of {context} replayed into {into} in {took}.");
    if replayed.different.is_empty() {
        return format!("{done} 0 differences at position {at}.");
    }
    let mut lines = vec![format!("{done} Not as the log has it, at position {at}:")];
    for it in &replayed.different {
        lines.push(format!(
            "{context}.{}: {} in use, {} of the log",
            it.table.name,
            count(it.rows.0, "row"),
            count(it.rows.1, "row")
        ));
        for (_, row, made) in rows.iter().filter(|(difference, _, _)| difference.table == it.table)
        {
            let how = match &row.how {
                How::Missing => "is missing".to_owned(),
                How::Surplus => "was made by no event".to_owned(),
                How::Columns(columns) => format!("differs in {}", columns.join(", ")),
            };
            let made: Vec<_> = made
                .iter()
                .map(|it| format!("{} {}", number(it.position), it.event_type))
                .collect();
            let made = if made.is_empty() {
                String::new()
            } else {
                format!("; events: {}", made.join(", "))
            };
            lines.push(format!("  {} {how}{made}", visible(&row.key.join(" "))));
        }
    }
    lines.join("\n")
}
