//! `annals diff`: what changed in the tables between two moments.

use std::process::ExitCode;

use annals_commands::Catalogue;
use annals_projections::{Catalogue as Projections, Table};
use serde_json::{Value, json};

use super::{Held, Reader, Row, not_kept, table as named, text};
use crate::{
    cli::{Exit, Output, Tone, complain, say},
    ops::{
        EXIT_CODES, OpsError,
        history::{open_keys, plain},
        moment::Moment,
        setup::{Setup, tables_missing},
        text::{count, number, visible},
    },
    settings::Flags,
    store::{Role, Store},
};

/// Rows asked for at once.
const PAGE: i32 = 500;
/// Rows that people are shown of a table.
const SHOWN: usize = 50;

/// Shows what changed in the tables between two moments: rows that came, went, and changed.
///
/// What came and went in between is not shown; `annals history` tells of it. Without --to it is the
/// present.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals diff lift --from 2026-03-01 --to 2026-03-02
  annals diff lift.alerts --from 1204                     one table, since a position
  annals diff --from '2026-03-01 12:00' --json | jq .table

{EXIT_CODES}"))]
pub struct DiffArgs {
    /// A context, or a table of it; everything where it is left out.
    #[arg(value_name = "CONTEXT[.TABLE]")]
    pub what: Option<String>,
    /// From after this position or time.
    #[arg(long, value_name = "MOMENT")]
    pub from: Moment,
    /// Up to this position or time.
    #[arg(long, value_name = "MOMENT")]
    pub to: Option<Moment>,
    /// Writes JSON Lines: one object a row.
    #[arg(long)]
    pub json: bool,
    /// Leaves personal fields closed; works without any key.
    #[arg(long)]
    pub sealed: bool,
    /// Shows at most so many rows of each table. People are shown 50, programs all, where it is left out.
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// A row that is not the same at both moments.
#[derive(Debug, Clone, sqlx::FromRow)]
struct ChangedRow {
    key: Value,
    did: String,
    columns: Vec<String>,
    positions: Vec<i64>,
}

impl ChangedRow {
    fn key(&self) -> Vec<String> {
        self.key.as_array().into_iter().flatten().map(text).collect()
    }
}

/// Runs `annals diff`.
///
/// # Errors
/// There is no such table, its past is not kept, or Postgres or the key store do not answer.
pub async fn run(args: DiffArgs) -> Result<ExitCode, OpsError> {
    diff(&args, Output::stdout(), say).await.map(Into::into)
}

pub(super) async fn diff(
    args: &DiffArgs,
    output: Output,
    mut say: impl FnMut(&str),
) -> Result<Exit, OpsError> {
    let projections = Projections::new();
    let tables = chosen(&projections, args.what.as_deref())?;
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
    let pool = store.pool();
    let from = args.from.position(pool).await.map_err(tables_missing)?;
    let to = match args.to {
        Some(to) => to.position(pool).await.map_err(tables_missing)?,
        None => store.head().await.map_err(tables_missing)?,
    };
    if from > to {
        return Err(OpsError::Usage(format!("--from is position {from}, after --to, {to}")));
    }
    let limit = args.limit.unwrap_or(if args.json { usize::MAX } else { SHOWN });
    let mut all = 0;
    for table in tables {
        let told = Told { reader: &reader, table, from, to, output, json: args.json };
        all += told.tell(limit, &mut say).await?;
    }
    if !args.json {
        let rows = i64::try_from(all).unwrap_or(i64::MAX);
        let (from, to) = (number(from), number(to));
        say(&format!("{} between positions {from} and {to}", count(rows, "different row")));
    }
    Ok(Exit::Done)
}

/// The tables of a name.
fn chosen(projections: &Projections, what: Option<&str>) -> Result<Vec<&'static Table>, OpsError> {
    let Some(what) = what else {
        return Ok(projections.contexts().flat_map(|it| it.tables).copied().collect());
    };
    match projections.context(what) {
        Some(context) => Ok(context.tables.to_vec()),
        None => named(projections, what).map(|table| vec![table]),
    }
}

struct Told<'a> {
    reader: &'a Reader<'a>,
    table: &'static Table,
    from: i64,
    to: i64,
    output: Output,
    json: bool,
}

impl Told<'_> {
    /// Tells a table's rows, and says how many there were.
    async fn tell(&self, limit: usize, say: &mut impl FnMut(&str)) -> Result<usize, OpsError> {
        let name = format!("{}.{}", self.table.schema, self.table.name);
        let (mut told, mut after) = (0, None::<Value>);
        loop {
            let page: Vec<ChangedRow> =
                sqlx::query_as("SELECT * FROM annals.changed_rows($1, $2, $3, $4, $5)")
                    .bind(&name)
                    .bind(self.from)
                    .bind(self.to)
                    .bind(&after)
                    .bind(PAGE)
                    .fetch_all(self.reader.store.pool())
                    .await
                    .map_err(not_kept)?;
            let Some(last) = page.last() else { return Ok(told) };
            after = Some(last.key.clone());
            for row in &page {
                if told == limit {
                    complain(&format!("annals: {name}: more rows differ; --limit shows more"));
                    return Ok(told);
                }
                let (old, new) = self.values(row).await?;
                say(&if self.json {
                    line(&name, row, &old, &new)
                } else {
                    words(&name, row, &old, &new, self.output)
                });
                told += 1;
            }
        }
    }

    /// The row at both moments, as its events made it.
    async fn values(&self, row: &ChangedRow) -> Result<(Row, Row), OpsError> {
        let key = row.key();
        let mut steps = self.reader.lineage(self.table, &key).await?;
        steps.retain(|step| step.position <= self.to);
        let rows = self.reader.rows(self.table, &key, &steps).await?;
        let at = |end: i64| {
            let nth = steps.iter().rposition(|step| step.position <= end);
            nth.and_then(|nth| rows.get(nth)).cloned().unwrap_or_default()
        };
        Ok((at(self.from), at(self.to)))
    }
}

fn line(name: &str, row: &ChangedRow, old: &Row, new: &Row) -> String {
    let of = |row: &Row, column: &String| row.get(column).unwrap_or(&Held::Preset).json();
    let changes: Vec<_> = row
        .columns
        .iter()
        .map(|it| json!({ "column": it, "old": of(old, it), "new": of(new, it) }))
        .collect();
    json!({
        "table": name, "key": row.key, "did": row.did, "changes": changes,
        "positions": row.positions,
    })
    .to_string()
}

fn words(name: &str, row: &ChangedRow, old: &Row, new: &Row, output: Output) -> String {
    let mark = match row.did.as_str() {
        "made" => output.paint(Tone::Good, "+"),
        "removed" => output.paint(Tone::Bad, "-"),
        _ => output.paint(Tone::Warn, "~"),
    };
    let positions: Vec<_> = row.positions.iter().map(|it| number(*it)).collect();
    let mut lines = vec![format!(
        "{mark} {name} {}  ({})",
        visible(&row.key().join(" ")),
        positions.join(", ")
    )];
    let held = |row: &Row, column: &str| match row.get(column) {
        Some(Held::Value(value)) => plain(value),
        Some(Held::Hidden(why)) => format!("({})", why.as_str()),
        Some(Held::Preset) | None => "—".to_owned(),
    };
    for column in &row.columns {
        lines.push(match row.did.as_str() {
            "made" => format!("    {column}  {}", held(new, column)),
            _ => format!("    {column}  {} → {}", held(old, column), held(new, column)),
        });
    }
    lines.join("\n")
}
