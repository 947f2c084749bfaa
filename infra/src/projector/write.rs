//! Writing merged changes: one statement per table and column set, and their past with them.

use std::collections::BTreeMap;

use annals_projections::{Change, Operation, Row, Table};
use sqlx::{Executor, PgConnection, error::BoxDynError, postgres::PgArguments};

use super::{
    columns::{Columns, Pair, query},
    history::{self, Stamp, Stamped},
    merge::{Dropped, Step, Write},
    met::{Met, Which},
};

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Postgres refuses, or does not answer.
    #[error("{table}: {source}")]
    Postgres {
        /// The table.
        table: String,
        /// What Postgres says.
        source: sqlx::Error,
    },
    /// Rows that should be there are not.
    #[error("{table}: {expected} rows should have changed, {found} did")]
    Rows {
        /// The table.
        table: String,
        /// How many rows there should be.
        expected: u64,
        /// How many there were.
        found: u64,
    },
}

/// Has a connection that applies events plan its statements as they need it. Each takes a batch of rows
/// to a table by its key, whatever the tables held when it was first planned; and rows that a crash takes
/// back go with their checkpoint, so that they are applied again.
pub async fn prepare(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection
        .execute(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
             SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off;
             SET synchronous_commit = off",
        )
        .await?;
    Ok(())
}

/// Takes back what [`prepare`] set, for statements of another kind.
pub async fn restore(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection
        .execute(
            "RESET plan_cache_mode; RESET enable_seqscan; RESET enable_hashjoin;
             RESET enable_mergejoin; RESET jit; RESET synchronous_commit",
        )
        .await?;
    Ok(())
}

/// Rows of one table that are written by one statement.
struct Group<'a> {
    table: &'static Table,
    rows: Vec<Pair<'a>>,
    /// The events that did it, where the rows' last versions are written with them.
    with_past: Vec<usize>,
    /// Whether some of the rows went before, so that they have versions that are open.
    again: bool,
}

impl Group<'_> {
    const fn of(table: &'static Table) -> Self {
        Self { table, rows: Vec::new(), with_past: Vec::new(), again: false }
    }
}

/// What is known of rows that are made.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// Where some were met.
    pub met: &'a Met,
    /// A column of a table that stays as it was first made.
    pub first: Option<(&'static Table, &'static str)>,
}

impl Making<'_> {
    /// How a row is made: as a new one, or in the place of one that may be there.
    fn conflict(self, table: &Table, names: &[&str]) -> String {
        if !self.met.in_table(table, Which::Live) {
            return String::new();
        }
        let stays = |name: &&str| {
            self.first.is_some_and(|(it, column)| it.name == table.name && column == *name)
        };
        let names: Vec<&str> = names.iter().copied().filter(|it| !stays(it)).collect();
        let (key, set) = (list(table.key), set(table, &names, "excluded"));
        format!(" ON CONFLICT ({key}) DO UPDATE SET {set}")
    }
}

/// Writes steps, in order, into a schema; where the events are given, versions into the schema beside it.
pub async fn write(
    connection: &mut PgConnection,
    schema: Option<&str>,
    steps: &[Step],
    making: Making<'_>,
    past: Option<&[Stamp]>,
) -> Result<(), WriteError> {
    let none = Row::new();
    for (nth, step) in steps.iter().enumerate() {
        if let Some(stamps) = past {
            history::keep(connection, schema, step, making.met, stamps, nth > 0).await?;
        }
        let mut dropped: BTreeMap<(Dropped, &str), Group<'_>> = BTreeMap::new();
        let mut written: BTreeMap<(&str, Write, Vec<&str>), Group<'_>> = BTreeMap::new();
        for (table, merged) in step.rows() {
            if let Some(sure) = merged.dropped {
                let group = dropped.entry((sure, table.name));
                group.or_insert(Group::of(table)).rows.push((&merged.key, &none));
            }
            if let Some((write, columns)) = &merged.written {
                let mut names: Vec<&str> = columns.keys().collect();
                names.sort_unstable();
                let group = written.entry((table.name, *write, names));
                let group = group.or_insert(Group::of(table));
                group.rows.push((&merged.key, columns));
                group.again |= merged.dropped.is_some();
                if past.is_some()
                    && history::is_kept(table)
                    && history::is_written_with(table, merged)
                {
                    group.with_past.push(merged.event);
                }
            }
        }
        for ((sure, _), Group { table, rows, .. }) in dropped {
            let keys = Columns::of(table, table.key.iter().copied(), &rows);
            let sql = delete(table, schema, &keys);
            run(connection, table, &sql, keys, (sure == Dropped::There).then_some(rows.len()))
                .await?;
        }
        for ((_, write, names), Group { table, rows, with_past, again }) in written {
            let names = with_key(table, &names);
            let columns = Columns::of(table, names.iter().copied(), &rows);
            if let Some(stamps) = past.filter(|_| !with_past.is_empty()) {
                let stamped = Stamped::of(stamps, with_past.iter());
                let sql = match write {
                    Write::Patch => patch_with_past(table, schema, making, &names, &columns),
                    Write::Put | Write::Add => {
                        put_with_past(table, schema, making, again, &names, &columns)
                    }
                };
                let mut arguments = PgArguments::default();
                let bound = columns.bind_to(&mut arguments);
                let bound = bound.and_then(|()| stamped.bind_to(&mut arguments));
                send(connection, table, &sql, bound, arguments, Some(rows.len())).await?;
                continue;
            }
            let sql = match write {
                Write::Put => put(table, schema, making, &names, &columns.given(1, &[])),
                Write::Patch => patch(table, schema, &names, &columns.given(1, &[])),
                Write::Add => {
                    let first = rows.first().map_or(&none, |(_, columns)| columns);
                    add(table, schema, &names, &columns, first)
                }
            };
            run(connection, table, &sql, columns, Some(rows.len())).await?;
        }
        for (event, change) in &step.everywhere {
            match past.and_then(|stamps| stamps.get(*event)) {
                Some(stamp) if history::is_kept(change.table) => {
                    history::everywhere(connection, schema, change, stamp).await?;
                }
                _ => everywhere(connection, schema, change).await?,
            }
        }
    }
    Ok(())
}

/// The names of a table's key, then those of the other columns.
pub(super) fn with_key<'a>(table: &'static Table, names: &[&'a str]) -> Vec<&'a str> {
    let others = names.iter().copied().filter(|it| !table.key.contains(it));
    table.key.iter().copied().chain(others).collect()
}

async fn run(
    connection: &mut PgConnection,
    table: &Table,
    sql: &str,
    columns: Columns<'_>,
    expected: Option<usize>,
) -> Result<(), WriteError> {
    let mut arguments = PgArguments::default();
    let bound = columns.bind_to(&mut arguments);
    send(connection, table, sql, bound, arguments, expected).await
}

async fn send(
    connection: &mut PgConnection,
    table: &Table,
    sql: &str,
    bound: Result<(), BoxDynError>,
    arguments: PgArguments,
    expected: Option<usize>,
) -> Result<(), WriteError> {
    bound.map_err(|error| refused(table, sqlx::Error::Encode(error)))?;
    let done = query(sql, arguments).execute(connection).await;
    let found = done.map_err(|source| refused(table, source))?.rows_affected();
    match expected.map(|count| u64::try_from(count).unwrap_or(u64::MAX)) {
        Some(expected) if expected != found => {
            Err(WriteError::Rows { table: full_name(table), expected, found })
        }
        _ => Ok(()),
    }
}

async fn everywhere(
    connection: &mut PgConnection,
    schema: Option<&str>,
    change: &Change,
) -> Result<(), WriteError> {
    let table = qualified(change.table, schema);
    let conditions: Vec<String> =
        change.key.keys().map(|it| format!("{0} = wanted.{0}", quoted(it))).collect();
    let condition = conditions.join(" AND ");
    let record = format!("jsonb_populate_record(NULL::{table}, $1::text::jsonb)");
    let sql = if change.operation == Operation::DropWhere {
        format!("DELETE FROM {table} AS row USING {record} AS wanted WHERE row.{condition}")
    } else {
        let set: Vec<String> =
            change.columns.keys().map(|it| format!("{0} = wanted.{0}", quoted(it))).collect();
        format!(
            "UPDATE {table} AS row SET {} FROM {record} AS wanted WHERE row.{condition}",
            set.join(", ")
        )
    };
    sqlx::query(&sql)
        .bind(wanted(change))
        .execute(connection)
        .await
        .map_err(|source| refused(change.table, source))?;
    Ok(())
}

/// The columns that change and the value that is looked for, as one JSON object.
pub(super) fn wanted(change: &Change) -> String {
    let mut row = change.columns.clone();
    row.extend(change.key.clone());
    serde_json::to_string(&row).unwrap_or_default()
}

pub(super) fn refused(table: &Table, source: sqlx::Error) -> WriteError {
    WriteError::Postgres { table: full_name(table), source }
}

/// A table's documented name, with its context's.
pub(super) fn full_name(table: &Table) -> String {
    format!("{}.{}", table.schema, table.name)
}

pub(super) fn qualified(table: &Table, schema: Option<&str>) -> String {
    // A table of another schema than its context's, such as auth.users, is never moved.
    let schema = schema.filter(|_| !table.foreign).unwrap_or(table.schema);
    format!("{}.{}", quoted(schema), quoted(table.name))
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(columns: &[&str]) -> String {
    columns.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", ")
}

/// `column = from.column, …` of all columns but the key's; of those, where there are no others.
fn set(table: &Table, names: &[&str], from: &str) -> String {
    let all = names.len() <= table.key.len();
    let names = names.iter().filter(|it| all || !table.key.contains(it));
    names.map(|it| format!("{0} = {from}.{0}", quoted(it))).collect::<Vec<_>>().join(", ")
}

/// Rows that are put, and their last versions of the same arrays.
fn put_with_past(
    table: &Table,
    schema: Option<&str>,
    making: Making<'_>,
    again: bool,
    names: &[&str],
    columns: &Columns<'_>,
) -> String {
    // A row that is new has no version that could be open.
    let may_be_there = again || making.met.in_table(table, Which::Live);
    let ended = if may_be_there { history::ended(table, schema) } else { String::new() };
    format!(
        "WITH given AS MATERIALIZED {}, {ended}{} {}",
        columns.given(1, Stamped::NAMES),
        history::added(table, schema, making.met, &list(names), "given"),
        put(table, schema, making, names, "given"),
    )
}

/// Rows that change, and their last versions of what they have become.
fn patch_with_past(
    table: &Table,
    schema: Option<&str>,
    making: Making<'_>,
    names: &[&str],
    columns: &Columns<'_>,
) -> String {
    let all: Vec<&str> = table.columns().iter().map(|it| it.name).collect();
    let said = |whose: &'static str| move |name: &str| format!("{whose}.{}", quoted(name));
    let stamps = Stamped::NAMES.iter().map(|(name, _)| said("changed")(name));
    let returned: Vec<_> = all.iter().map(|name| said("row")(name)).chain(stamps).collect();
    format!(
        "WITH given AS MATERIALIZED {}, written AS ({} RETURNING {}), {}{} SELECT FROM written",
        columns.given(1, Stamped::NAMES),
        patch(table, schema, names, "given"),
        returned.join(", "),
        history::ended(table, schema),
        history::added(table, schema, making.met, &list(&all), "written"),
    )
}

fn put(
    table: &Table,
    schema: Option<&str>,
    making: Making<'_>,
    names: &[&str],
    given: &str,
) -> String {
    format!(
        "INSERT INTO {} AS row ({1}) SELECT {1} FROM {given} AS given{2}",
        qualified(table, schema),
        list(names),
        making.conflict(table, names),
    )
}

/// Rows that are there are added to without being proposed as rows of their own, which would have to
/// satisfy every constraint of the table with the few columns that count.
fn add(
    table: &Table,
    schema: Option<&str>,
    names: &[&str],
    columns: &Columns<'_>,
    first: &Row,
) -> String {
    let is_number = |name: &str| first.get(name).is_some_and(serde_json::Value::is_number);
    let set: Vec<String> = names
        .iter()
        .filter(|it| !table.key.contains(it))
        .map(|it| {
            let name = quoted(it);
            if is_number(it) {
                format!("{name} = coalesce(row.{name}, 0) + added.{name}")
            } else {
                format!("{name} = added.{name}")
            }
        })
        .collect();
    let values: Vec<String> = names.iter().map(|it| format!("added.{}", quoted(it))).collect();
    format!(
        "MERGE INTO {} AS row USING {} AS added ON {} WHEN MATCHED THEN UPDATE SET {} \
         WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        qualified(table, schema),
        columns.given(1, &[]),
        same_key(table, "added"),
        set.join(", "),
        list(names),
        values.join(", ")
    )
}

fn patch(table: &Table, schema: Option<&str>, names: &[&str], given: &str) -> String {
    format!(
        "UPDATE {} AS row SET {} FROM {given} AS changed WHERE {}",
        qualified(table, schema),
        set(table, names, "changed"),
        same_key(table, "changed")
    )
}

fn delete(table: &Table, schema: Option<&str>, keys: &Columns<'_>) -> String {
    format!(
        "DELETE FROM {} AS row USING {} AS gone WHERE {}",
        qualified(table, schema),
        keys.given(1, &[]),
        same_key(table, "gone")
    )
}

fn same_key(table: &Table, other: &str) -> String {
    let same: Vec<String> =
        table.key.iter().map(|it| format!("row.{0} = {other}.{0}", quoted(it))).collect();
    same.join(" AND ")
}
