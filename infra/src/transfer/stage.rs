//! Rows held against every constraint of the documented tables, before anything is stored.
//!
//! They are put into temporary tables made like the documented ones: the same types, defaults, checks
//! and unique keys. What Postgres refuses is looked into until the line and the column or rule are
//! known. References are looked up afterwards, over all rows. Everything goes when the transaction
//! ends, which stores nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use annals_commands::Row;
use serde_json::{Map, Value};
use sqlx::{Connection, PgConnection, postgres::PgDatabaseError};

use super::{
    file::{Line, Numbered, TransferError, Wrong},
    tables::{ACCOUNTS, Links, Tables},
};
use crate::settings::nearest;

/// Rows that are sent to Postgres at once.
const AT_ONCE: usize = 500;
/// Rows that do not fit are told up to this number; more would help nobody.
const MOST_WRONG: usize = 200;
/// The column beside the documented ones that holds a row's line.
const LINE: &str = "annals_line";

/// Rows as the documented tables would hold them.
#[derive(Debug, Default)]
pub struct Staged {
    /// The rows, table by table, parents before children, in the order of their lines.
    pub rows: Vec<Row>,
    /// What does not fit.
    pub wrong: Vec<Wrong>,
    /// Rows that stand where the tables have others already, by line. It is no mistake of those that
    /// this very import stored before.
    pub taken: Vec<Wrong>,
    /// How many rows were read of each table.
    pub counts: BTreeMap<String, u64>,
}

/// Reads all lines and holds them against the documented tables.
///
/// # Errors
/// When the lines cannot be read, or Postgres does not answer. What does not fit is no error here.
pub async fn stage(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    mut next: impl FnMut() -> Result<Option<Numbered>, TransferError>,
    mut told: impl FnMut(u64),
) -> Result<Staged, TransferError> {
    let mut transaction = connection.begin().await?;
    let links = Links::read(&mut transaction, tables.context.name).await?;
    let mut stage = Stage {
        tables,
        staged: Staged::default(),
        waiting: HashMap::new(),
        outside: BTreeSet::new(),
    };
    stage.make(&mut transaction).await?;
    let mut read = 0;
    while let Some((line, found)) = next()? {
        read += 1;
        match found {
            Ok(found) => stage.add(&mut transaction, line, found).await?,
            Err(wrong) => stage.staged.wrong.push(wrong),
        }
        if read % 1_000 == 0 {
            told(read);
        }
        if stage.staged.wrong.len() >= MOST_WRONG {
            break;
        }
    }
    told(read);
    stage.flush(&mut transaction).await?;
    stage.accounts(&mut transaction).await?;
    if stage.staged.wrong.is_empty() {
        stage.references(&mut transaction, &links).await?;
        stage.keys(&mut transaction).await?;
        stage.rows(&mut transaction).await?;
    }
    stage.staged.wrong.sort_by_key(|wrong| wrong.line);
    transaction.rollback().await?;
    Ok(stage.staged)
}

/// A row on its way to Postgres, with its line.
type Sent = (u64, Map<String, Value>);

struct Stage<'a> {
    tables: &'a Tables<'a>,
    staged: Staged,
    /// Rows of a table with the same columns, not sent yet.
    waiting: HashMap<(String, Vec<String>), Vec<Sent>>,
    outside: BTreeSet<u64>,
}

fn staging(table: &str) -> String {
    format!("pg_temp.\"annals {table}\"")
}

impl Stage<'_> {
    async fn make(&self, connection: &mut PgConnection) -> Result<(), TransferError> {
        for name in self.tables.names() {
            let staging = staging(name);
            let sql = if name == ACCOUNTS {
                format!(
                    "CREATE TEMP TABLE {staging} (id uuid PRIMARY KEY, email text, \
                     created_at timestamptz, {LINE} bigint NOT NULL) ON COMMIT DROP"
                )
            } else {
                format!(
                    "CREATE TEMP TABLE {staging} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS \
                     INCLUDING INDEXES, {LINE} bigint NOT NULL) ON COMMIT DROP",
                    self.tables.qualified(name)
                )
            };
            sqlx::query(&sql).execute(&mut *connection).await?;
        }
        Ok(())
    }

    fn columns(&self, table: &str) -> Vec<&'static str> {
        match self.tables.table(table) {
            Some(table) => table.columns().iter().map(|column| column.name).collect(),
            None => vec!["id", "email", "created_at"],
        }
    }

    async fn add(
        &mut self,
        connection: &mut PgConnection,
        line: u64,
        found: Line,
    ) -> Result<(), TransferError> {
        let Line { table, row, outside } = found;
        let names: Vec<&str> = self.tables.names().collect();
        if !names.contains(&table.as_str()) {
            let meant = nearest(&table, names.iter().copied());
            let meant = meant.map(|it| format!("; did you mean {it}?")).unwrap_or_default();
            let context = self.tables.context.name;
            let what = format!("{context} has no such table that can be imported{meant}");
            self.staged.wrong.push(Wrong::new(line, &table, what));
            return Ok(());
        }
        let columns = self.columns(&table);
        if let Some(unknown) = row.keys().find(|column| !columns.contains(&column.as_str())) {
            let meant = nearest(unknown, columns.iter().copied());
            let meant = meant.map(|it| format!("; did you mean {it}?")).unwrap_or_default();
            let what = format!("there is no column {unknown:?}{meant}");
            self.staged.wrong.push(Wrong::new(line, &table, what));
            return Ok(());
        }
        if let Some((column, _)) = row.iter().find(|(_, value)| has_nul(value)) {
            let what = format!("{column} holds the character U+0000");
            self.staged.wrong.push(Wrong::new(line, &table, what));
            return Ok(());
        }
        if outside {
            self.outside.insert(line);
        }
        *self.staged.counts.entry(table.clone()).or_default() += 1;
        let key = (table, row.keys().cloned().collect());
        let waiting = self.waiting.entry(key.clone()).or_default();
        waiting.push((line, row));
        if waiting.len() >= AT_ONCE {
            let rows = std::mem::take(waiting);
            self.send(connection, &key.0, &key.1, rows).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, connection: &mut PgConnection) -> Result<(), TransferError> {
        for ((table, columns), rows) in std::mem::take(&mut self.waiting) {
            self.send(connection, &table, &columns, rows).await?;
        }
        Ok(())
    }

    /// Puts rows into their staging table; those that do not fit are looked for by halves.
    async fn send(
        &mut self,
        connection: &mut PgConnection,
        table: &str,
        columns: &[String],
        rows: Vec<Sent>,
    ) -> Result<(), TransferError> {
        let staging = staging(table);
        let names: Vec<String> = columns.iter().map(|it| format!("\"{it}\"")).collect();
        let names = names.iter().map(|it| format!("{it}, ")).collect::<String>();
        let sql = format!(
            "INSERT INTO {staging} ({names}{LINE}) SELECT {names}{LINE} \
             FROM jsonb_populate_recordset(NULL::{staging}, $1::text::jsonb)"
        );
        let mut parts = vec![rows];
        while let Some(rows) = parts.pop() {
            if rows.is_empty() || self.staged.wrong.len() >= MOST_WRONG {
                continue;
            }
            let mut attempt = connection.begin().await?;
            let done = sqlx::query(&sql).bind(numbered(&rows)).execute(&mut *attempt).await;
            match done {
                Ok(_) => attempt.commit().await?,
                Err(error) if error.as_database_error().is_none() => return Err(error.into()),
                Err(error) => {
                    attempt.rollback().await?;
                    if let [(line, row)] = rows.as_slice() {
                        let what = self.misfit(connection, table, row, &error).await?;
                        self.staged.wrong.push(Wrong::new(*line, table, what));
                    } else {
                        let (first, second) = rows.split_at(rows.len() / 2);
                        // What is taken off first came first: of two rows with one key, the later one
                        // does not fit.
                        parts.push(second.to_vec());
                        parts.push(first.to_vec());
                    }
                }
            }
        }
        Ok(())
    }

    /// What Postgres refuses of a row, without its values.
    async fn misfit(
        &self,
        connection: &mut PgConnection,
        table: &str,
        row: &Map<String, Value>,
        error: &sqlx::Error,
    ) -> Result<String, TransferError> {
        let refused =
            error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>());
        let Some(refused) = refused else { return Ok("it does not fit".to_owned()) };
        let rule = refused.constraint().unwrap_or_default();
        match refused.code() {
            "23502" => Ok(format!("{} has no value", refused.column().unwrap_or("a column"))),
            "23514" => Ok(format!("the rule {rule} stands against it")),
            "23505" => Ok(format!("another line has the same key ({rule})")),
            code => {
                let staging = staging(table);
                for (column, value) in row {
                    let one = Value::Object(Map::from_iter([(column.clone(), value.clone())]));
                    let mut attempt = connection.begin().await?;
                    let sql = format!(
                        "SELECT jsonb_populate_record(NULL::{staging}, $1::text::jsonb) IS NULL"
                    );
                    let done = sqlx::query(&sql).bind(one.to_string()).execute(&mut *attempt).await;
                    attempt.rollback().await?;
                    if done.is_err() {
                        let columns = self.tables.table(table).map(|it| it.columns());
                        let known = columns.into_iter().flatten().find(|it| it.name == column);
                        let kind = known.map_or("value", |it| it.kind);
                        return Ok(format!("{column} is no {kind}"));
                    }
                }
                Ok(format!("Postgres refuses it with SQLSTATE {code}"))
            }
        }
    }

    /// People whose account is neither in the file nor known get one, made from their own row.
    async fn accounts(&mut self, connection: &mut PgConnection) -> Result<(), TransferError> {
        let accounts = staging(ACCOUNTS);
        for name in self.tables.names().filter(|name| *name != ACCOUNTS) {
            let columns = self.columns(name);
            let required =
                |it: &annals_projections::table::Column| it.name == "email" && it.required;
            let person =
                self.tables.table(name).is_some_and(|it| it.columns().iter().any(required));
            let keyed = columns.contains(&"created_at") && !columns.contains(&"invitation_token");
            if !person || !keyed {
                continue;
            }
            let sql = format!(
                "INSERT INTO {accounts} (id, email, created_at, {LINE})
                 SELECT own.id, own.email, own.created_at, own.{LINE} FROM {} AS own
                 WHERE NOT EXISTS (SELECT FROM annals.events AS event
                                   WHERE event.aggregate_type = 'shared.identity'
                                     AND event.aggregate_id = own.id::text)
                 ON CONFLICT DO NOTHING",
                staging(name)
            );
            sqlx::query(&sql).execute(&mut *connection).await?;
        }
        Ok(())
    }

    /// Every reference leads to a row that comes along, or to a known account.
    async fn references(
        &mut self,
        connection: &mut PgConnection,
        links: &Links,
    ) -> Result<(), TransferError> {
        for link in &links.0 {
            if self.tables.owner(&link.table).is_none() || self.tables.owner(&link.to).is_none() {
                continue;
            }
            let known = if link.to == ACCOUNTS {
                format!(
                    "AND NOT EXISTS (SELECT FROM annals.events AS event
                                     WHERE event.aggregate_type = 'shared.identity'
                                       AND event.aggregate_id = own.\"{}\"::text)",
                    link.column
                )
            } else {
                String::new()
            };
            let sql = format!(
                "SELECT own.{LINE} FROM {} AS own WHERE own.\"{1}\" IS NOT NULL
                   AND NOT EXISTS (SELECT FROM {2} AS other WHERE other.\"{3}\" = own.\"{1}\")
                 {known} ORDER BY 1 LIMIT {MOST_WRONG}",
                staging(&link.table),
                link.column,
                staging(&link.to),
                link.to_column,
            );
            let lines: Vec<i64> = sqlx::query_scalar(&sql).fetch_all(&mut *connection).await?;
            for line in lines {
                let what = format!("{} names a row of {} that is not there", link.column, link.to);
                self.staged.wrong.push(Wrong::new(whole(line), &link.table, what));
            }
        }
        Ok(())
    }

    /// Rows whose keys the documented tables have already.
    async fn keys(&mut self, connection: &mut PgConnection) -> Result<(), TransferError> {
        for name in self.tables.names().filter(|name| *name != ACCOUNTS) {
            let real = self.tables.qualified(name);
            let indexes: Vec<(String, Vec<String>, Option<String>)> = sqlx::query_as(
                "SELECT own.relname::text, array_agg(attribute.attname::text ORDER BY key.nth),
                        pg_get_expr(index.indpred, index.indrelid)
                 FROM pg_index AS index
                 JOIN pg_class AS own ON own.oid = index.indexrelid
                 CROSS JOIN LATERAL unnest(index.indkey) WITH ORDINALITY AS key (number, nth)
                 JOIN pg_attribute AS attribute
                   ON attribute.attrelid = index.indrelid AND attribute.attnum = key.number
                 WHERE index.indrelid = to_regclass($1) AND index.indisunique
                   AND index.indexprs IS NULL
                 GROUP BY own.relname, index.indpred, index.indrelid",
            )
            .bind(&real)
            .fetch_all(&mut *connection)
            .await?;
            for (rule, columns, predicate) in indexes {
                let same: Vec<String> =
                    columns.iter().map(|it| format!("own.\"{it}\" = other.\"{it}\"")).collect();
                let only = predicate.map(|it| format!(" WHERE {it}")).unwrap_or_default();
                let sql = format!(
                    "SELECT own.{LINE} FROM (SELECT * FROM {}{only}) AS own
                     JOIN (SELECT * FROM {real}{only}) AS other ON {}",
                    staging(name),
                    same.join(" AND ")
                );
                let lines: Vec<i64> = sqlx::query_scalar(&sql).fetch_all(&mut *connection).await?;
                for line in lines {
                    let what = format!("the table has a row with this key already ({rule})");
                    self.staged.taken.push(Wrong::new(whole(line), name, what));
                }
            }
        }
        Ok(())
    }

    /// The rows as the tables would hold them.
    async fn rows(&mut self, connection: &mut PgConnection) -> Result<(), TransferError> {
        for name in self.tables.names() {
            let Some((kind, of)) = self.tables.owner(name) else { continue };
            let json = self.tables.as_json(name, "it");
            let sql = format!("SELECT it.{LINE}, {json} FROM {} AS it ORDER BY 1", staging(name));
            let rows: Vec<(i64, String)> = sqlx::query_as(&sql).fetch_all(&mut *connection).await?;
            for (line, text) in rows {
                let line = whole(line);
                let Ok(Value::Object(mut columns)) = serde_json::from_str(&text) else { continue };
                columns.remove(LINE);
                let Some(id) = of.stream_of(&columns) else {
                    let what = format!("{} must have a value", of.stream.join(" and "));
                    self.staged.wrong.push(Wrong::new(line, name, what));
                    continue;
                };
                let outside = self.outside.contains(&line) || name == ACCOUNTS;
                let (id, tenant) = (id.into(), "".into());
                let row = Row { line, of, kind: kind.name, id, columns, tenant, outside };
                self.staged.rows.push(row);
            }
        }
        Ok(())
    }
}

fn whole(line: i64) -> u64 {
    u64::try_from(line).unwrap_or_default()
}

fn numbered(rows: &[Sent]) -> String {
    let rows = rows.iter().map(|(line, row)| {
        let mut row = row.clone();
        row.insert(LINE.to_owned(), (*line).into());
        Value::Object(row)
    });
    Value::Array(rows.collect()).to_string()
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
