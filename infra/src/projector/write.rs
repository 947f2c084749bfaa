//! Writing merged changes: one statement per table and column set, and their past with them.

use std::collections::BTreeMap;

use annals_projections::{Change, Operation, Row, Table};
use sqlx::PgConnection;

use super::{
    history::{self, Stamp},
    merge::{Dropped, Merged, Step, Write},
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

/// Writes steps, in order, into a schema; where the events are given, versions into the schema beside it.
pub async fn write(
    connection: &mut PgConnection,
    schema: Option<&str>,
    steps: &[Step],
    past: Option<&[Stamp]>,
) -> Result<(), WriteError> {
    for (nth, step) in steps.iter().enumerate() {
        if let Some(stamps) = past {
            history::keep(connection, schema, step, stamps, nth > 0).await?;
        }
        let mut sure: Groups<'_> = BTreeMap::new();
        let mut perhaps: Groups<'_> = BTreeMap::new();
        let mut written: BTreeMap<(&str, Write, String), (&Table, Vec<Row>)> = BTreeMap::new();
        for (table, merged) in step.rows.values() {
            group(table, merged, &mut sure, &mut perhaps, &mut written);
        }
        for (dropped, all_there) in [(sure, true), (perhaps, false)] {
            for (table, keys) in dropped.into_values() {
                let sql = delete(table, schema);
                run(connection, table, &sql, &keys, all_there).await?;
            }
        }
        for ((_, write, _), (table, rows)) in written {
            let Some(columns) = rows.first().map(|row| row.keys().cloned().collect::<Vec<_>>())
            else {
                continue;
            };
            let sql = match write {
                Write::Put => put(table, schema, &columns),
                Write::Patch => patch(table, schema, &columns),
                Write::Add => add(table, schema, &columns, rows.first()),
            };
            run(connection, table, &sql, &rows, true).await?;
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

type Groups<'a> = BTreeMap<&'a str, (&'a Table, Vec<Row>)>;

fn group<'a>(
    table: &'a Table,
    merged: &Merged,
    sure: &mut Groups<'a>,
    perhaps: &mut Groups<'a>,
    written: &mut BTreeMap<(&'a str, Write, String), (&'a Table, Vec<Row>)>,
) {
    if let Some(dropped) = merged.dropped {
        let group = if dropped == Dropped::There { sure } else { perhaps };
        group.entry(table.name).or_insert((table, Vec::new())).1.push(merged.key.clone());
    }
    if let Some((write, columns)) = &merged.written {
        let mut row = columns.clone();
        row.extend(merged.key.clone());
        let mut set = String::new();
        for column in row.keys() {
            set.push_str(column);
            set.push(',');
        }
        written.entry((table.name, *write, set)).or_insert((table, Vec::new())).1.push(row);
    }
}

async fn run(
    connection: &mut PgConnection,
    table: &Table,
    sql: &str,
    rows: &[Row],
    all: bool,
) -> Result<(), WriteError> {
    let name = || format!("{}.{}", table.schema, table.name);
    let json = serde_json::to_string(rows).unwrap_or_default();
    let done = sqlx::query(sql)
        .bind(json)
        .execute(connection)
        .await
        .map_err(|source| WriteError::Postgres { table: name(), source })?;
    let expected = u64::try_from(rows.len()).unwrap_or_default();
    if all && done.rows_affected() != expected {
        return Err(WriteError::Rows { table: name(), expected, found: done.rows_affected() });
    }
    Ok(())
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
    WriteError::Postgres { table: format!("{}.{}", table.schema, table.name), source }
}

pub(super) fn qualified(table: &Table, schema: Option<&str>) -> String {
    // A table of another schema than its context's, such as auth.users, is never moved.
    let schema = schema.filter(|_| !table.sql.is_empty()).unwrap_or(table.schema);
    format!("{}.{}", quoted(schema), quoted(table.name))
}

pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", ")
}

fn insert(table: &Table, schema: Option<&str>, columns: &[String]) -> String {
    let (name, columns) = (qualified(table, schema), list(columns));
    let key: Vec<String> = table.key.iter().map(|it| quoted(it)).collect();
    format!(
        "INSERT INTO {name} AS row ({columns}) SELECT {columns} \
         FROM jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) ON CONFLICT ({}) DO UPDATE SET ",
        key.join(", ")
    )
}

fn put(table: &Table, schema: Option<&str>, columns: &[String]) -> String {
    let set: Vec<String> =
        columns.iter().map(|it| format!("{0} = excluded.{0}", quoted(it))).collect();
    insert(table, schema, columns) + &set.join(", ")
}

/// Rows that are there are added to without being proposed as rows of their own, which would have to
/// satisfy every constraint of the table with the few columns that count.
fn add(table: &Table, schema: Option<&str>, columns: &[String], first: Option<&Row>) -> String {
    let is_number =
        |name: &str| first.and_then(|row| row.get(name)).is_some_and(|it| it.is_number());
    let set: Vec<String> = columns
        .iter()
        .filter(|it| !table.key.contains(&it.as_str()))
        .map(|it| {
            let name = quoted(it);
            if is_number(it) {
                format!("{name} = coalesce(row.{name}, 0) + added.{name}")
            } else {
                format!("{name} = added.{name}")
            }
        })
        .collect();
    let values: Vec<String> = columns.iter().map(|it| format!("added.{}", quoted(it))).collect();
    let name = qualified(table, schema);
    format!(
        "MERGE INTO {name} AS row USING jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) \
         AS added ON {} WHEN MATCHED THEN UPDATE SET {} \
         WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        same_key(table, "added"),
        set.join(", "),
        list(columns),
        values.join(", ")
    )
}

fn patch(table: &Table, schema: Option<&str>, columns: &[String]) -> String {
    let name = qualified(table, schema);
    let set: Vec<String> = columns
        .iter()
        .filter(|it| !table.key.contains(&it.as_str()))
        .map(|it| format!("{0} = changed.{0}", quoted(it)))
        .collect();
    format!(
        "UPDATE {name} AS row SET {} FROM jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) \
         AS changed WHERE {}",
        set.join(", "),
        same_key(table, "changed")
    )
}

fn delete(table: &Table, schema: Option<&str>) -> String {
    let name = qualified(table, schema);
    format!(
        "DELETE FROM {name} AS row USING jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) \
         AS gone WHERE {}",
        same_key(table, "gone")
    )
}

fn same_key(table: &Table, other: &str) -> String {
    let same: Vec<String> =
        table.key.iter().map(|it| format!("row.{0} = {other}.{0}", quoted(it))).collect();
    same.join(" AND ")
}
