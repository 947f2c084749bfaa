//! One tenant's rows, in one snapshot, with whatever they refer to.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use annals_projections::tenant;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde_json::{Map, Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    file::{Head, Line, TransferError},
    tables::{ACCOUNTS, Links, Tables},
};

/// What came of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// How many rows of each table.
    pub rows: BTreeMap<&'static str, u64>,
    /// How many of all are not the tenant's.
    pub outside: u64,
}

/// Writes one tenant's rows as JSON Lines, and tells after each table how many there are so far.
///
/// Rows of others that the tenant's refer to come along, marked as such, so that no reference of the
/// file leads nowhere.
///
/// # Errors
/// The context has no tenants, there is no such one, the tables cannot be read or the file not
/// written.
pub async fn export(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    id: &str,
    at: DateTime<Utc>,
    out: &mut impl Write,
    mut told: impl FnMut(u64),
) -> Result<Exported, TransferError> {
    let name = tables.context.name;
    let Some(of) = tenant::of(name) else {
        return Err(TransferError::Usage(format!("{name} cannot be exported tenant by tenant")));
    };
    let mut snapshot = connection.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *snapshot)
        .await?;
    let links = Links::read(&mut snapshot, name).await?;
    let mut found = Found::default();
    for (table, condition) in of.rows {
        let rows = select(&mut snapshot, tables, table, condition, id).await?;
        found.add(tables, table, rows, false);
        told(found.count());
    }
    if found.count() == 0 {
        let what = format!("there is no {} {id} in {name}, or it has no rows", of.is);
        return Err(TransferError::Refused(what));
    }
    follow(&mut snapshot, tables, &links, &mut found).await?;
    snapshot.rollback().await?;
    told(found.count());
    let head = Head::new(name, of.is, Some(id.to_owned()), at);
    found.write(tables, &head, out)
}

/// Writes the rows of one tenant, or of a part of one, and nothing else, as JSON Lines, row by row. Whoever
/// calls has a snapshot open. Returns how many rows there are.
///
/// # Errors
/// The tables cannot be read, or the file not written.
pub async fn export_alone(
    snapshot: &mut PgConnection,
    tables: &Tables<'_>,
    of: &tenant::Tenant,
    id: Uuid,
    at: DateTime<Utc>,
    out: &mut impl Write,
) -> Result<u64, TransferError> {
    let head = Head::new(tables.context.name, of.is, Some(id.to_string()), at);
    writeln!(out, "{}", json!(head))?;
    let mut count = 0;
    for table in tables.names() {
        let Some((_, condition)) = of.rows.iter().find(|(name, _)| *name == table) else {
            continue;
        };
        let sql = selection(tables, table, condition);
        let mut rows = sqlx::query_scalar::<_, String>(&sql).bind(id).fetch(&mut *snapshot);
        while let Some(text) = rows.try_next().await? {
            let row = serde_json::from_str(&text).map_err(std::io::Error::from)?;
            let line = Line { table: table.to_owned(), row, outside: false };
            writeln!(out, "{}", json!(line))?;
            count += 1;
        }
    }
    writeln!(out, "{}", json!({ "rows": count }))?;
    out.flush()?;
    Ok(count)
}

/// A row, and whether it is not the tenant's.
type Kept = (Map<String, Value>, bool);

/// Rows by table, then by key.
#[derive(Default)]
struct Found {
    rows: BTreeMap<String, Vec<Kept>>,
    keys: BTreeSet<(String, String)>,
}

impl Found {
    fn count(&self) -> u64 {
        self.rows.values().map(|rows| rows.len() as u64).sum()
    }

    fn add(
        &mut self,
        tables: &Tables<'_>,
        name: &str,
        rows: Vec<Map<String, Value>>,
        outside: bool,
    ) {
        let key = tables.table(name).map_or(&["id"][..], |table| table.key);
        for row in rows {
            let parts = key.iter().map(|it| row.get(*it).map(Value::to_string));
            let key: Vec<String> = parts.map(Option::unwrap_or_default).collect();
            if self.keys.insert((name.to_owned(), key.join("\u{1f}"))) {
                self.rows.entry(name.to_owned()).or_default().push((row, outside));
            }
        }
    }

    /// What a column of the rows found refers to.
    fn values(&self, table: &str, column: &str) -> BTreeSet<String> {
        let rows = self.rows.get(table).into_iter().flatten();
        rows.filter_map(|(row, _)| row.get(column)?.as_str().map(str::to_owned)).collect()
    }

    fn write(
        &self,
        tables: &Tables<'_>,
        head: &Head,
        out: &mut impl Write,
    ) -> Result<Exported, TransferError> {
        let mut exported = Exported { rows: BTreeMap::new(), outside: 0 };
        writeln!(out, "{}", json!(head))?;
        for name in tables.names() {
            let rows = self.rows.get(name).map(Vec::as_slice).unwrap_or_default();
            for (row, outside) in rows {
                let line = Line { table: name.to_owned(), row: row.clone(), outside: *outside };
                writeln!(out, "{}", json!(line))?;
                exported.outside += u64::from(*outside);
            }
            if !rows.is_empty() {
                exported.rows.insert(name, rows.len() as u64);
            }
        }
        writeln!(out, "{}", json!({ "rows": self.count() }))?;
        out.flush()?;
        Ok(exported)
    }
}

/// Adds what the rows refer to, and what that refers to, until nothing is missing.
async fn follow(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    links: &Links,
    found: &mut Found,
) -> Result<(), TransferError> {
    loop {
        let before = found.count();
        for link in &links.0 {
            let mut wanted = found.values(&link.table, &link.column);
            for known in found.values(&link.to, &link.to_column) {
                wanted.remove(&known);
            }
            add(connection, tables, found, &link.to, &link.to_column, wanted).await?;
        }
        if found.count() == before {
            break;
        }
    }
    // Accounts of people whose table does not say so with a reference.
    for name in tables.names().filter(|name| *name != ACCOUNTS) {
        let person = tables.table(name).is_some_and(|it| it.columns().iter().any(is_address));
        if person {
            let ids = found.values(name, "id");
            add(connection, tables, found, ACCOUNTS, "id", ids).await?;
        }
    }
    Ok(())
}

fn is_address(column: &annals_projections::table::Column) -> bool {
    column.name == "email" && column.required
}

async fn add(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    found: &mut Found,
    table: &str,
    column: &str,
    wanted: BTreeSet<String>,
) -> Result<(), TransferError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    let (name, row) = (tables.qualified(table), tables.as_json(table, "it"));
    let sql = format!("SELECT {row} FROM {name} AS it WHERE it.{column}::text = ANY ($1)");
    let rows: Vec<String> = sqlx::query_scalar(&sql).bind(wanted).fetch_all(connection).await?;
    found.add(tables, table, parsed(rows), true);
    Ok(())
}

async fn select(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    table: &str,
    condition: &str,
    id: &str,
) -> Result<Vec<Map<String, Value>>, TransferError> {
    let id: Uuid = id
        .parse()
        .map_err(|_| TransferError::Usage(format!("{id} is no id: a tenant's is a UUID")))?;
    let sql = selection(tables, table, condition);
    let rows: Vec<String> = sqlx::query_scalar(&sql).bind(id).fetch_all(connection).await?;
    Ok(parsed(rows))
}

/// The rows of a table for which a condition holds, as JSON.
fn selection(tables: &Tables<'_>, table: &str, condition: &str) -> String {
    let (name, row) = (tables.qualified(table), tables.as_json(table, "it"));
    let order = order(tables, table);
    format!("SELECT {row} FROM {name} AS it WHERE {condition} ORDER BY {order}")
}

/// Oldest first, and always the same.
pub(super) fn order(tables: &Tables<'_>, table: &str) -> String {
    let Some(known) = tables.table(table) else { return "it.id".to_owned() };
    let times = ["created_at", "timestamp"];
    let time = known.columns().iter().find(|column| times.contains(&column.name));
    let key = known.key.iter().map(|column| format!("it.{column}"));
    time.map(|column| format!("it.{}", column.name))
        .into_iter()
        .chain(key)
        .collect::<Vec<_>>()
        .join(", ")
}

fn parsed(rows: Vec<String>) -> Vec<Map<String, Value>> {
    rows.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}
