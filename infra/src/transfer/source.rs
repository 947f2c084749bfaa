//! Rows of a plain database that has the documented tables.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    str::FromStr,
};

use annals_commands::import::Importing;
use serde_json::{Map, Value};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use super::{
    export::order,
    file::{Line, TransferError},
    tables::{ACCOUNTS, Links, Tables},
};

/// What was read of a plain database.
#[derive(Debug, Default)]
pub struct Taken {
    /// The rows, table by table, parents before children.
    pub rows: VecDeque<Line>,
    /// What a reader of the result should know: tables that are not there, columns that stay behind.
    pub notes: BTreeSet<String>,
}

impl Taken {
    /// Which row this was: its table and its key, for whoever has to find it there.
    #[must_use]
    pub fn names(&self, tables: &Tables<'_>) -> BTreeMap<u64, String> {
        let name = |line: &Line| {
            let key = tables.table(&line.table).map_or(&["id"][..], |table| table.key);
            let parts = key.iter().filter_map(|it| Some(format!("{it} {}", line.row.get(*it)?)));
            format!("{} ({})", line.table, parts.collect::<Vec<_>>().join(", "))
        };
        (1..).zip(self.rows.iter().map(name)).collect()
    }
}

/// Reads the documented tables of a plain database, in one snapshot, without a change to it.
///
/// `schema` is where they are; without one they are looked for in the context's schema, then in
/// `public`.
///
/// # Errors
/// The database cannot be reached, or has none of the tables.
pub async fn from_postgres(
    url: &str,
    schema: Option<&str>,
    tables: &Tables<'_>,
    links: &Links,
    importing: &Importing,
    mut told: impl FnMut(u64),
) -> Result<Taken, TransferError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        let form = "postgres://user:password@host:5432/database";
        TransferError::Usage(format!("--from takes the address of a Postgres, such as {form}"))
    })?;
    let options = options.application_name("annals import").options([("timezone", "UTC")]);
    let mut connection = PgConnection::connect_with(&options).await?;
    let mut snapshot = connection.begin().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .execute(&mut *snapshot)
        .await?;
    let mut taken = Taken::default();
    let mut found = 0;
    for name in tables.names().filter(|name| *name != ACCOUNTS) {
        let schemas = schema.map_or_else(|| vec![tables.context.name, "public"], |one| vec![one]);
        let Some(columns) = columns(&mut snapshot, &schemas, name).await? else {
            taken.notes.insert(format!("{name}: there is no such table"));
            continue;
        };
        found += 1;
        read(&mut snapshot, tables, importing, name, &columns, &mut taken).await?;
        told(taken.rows.len() as u64);
    }
    if found == 0 {
        let context = tables.context.name;
        let what = format!("there is no table of {context}; --schema says where they are");
        return Err(TransferError::Usage(what));
    }
    accounts(&mut snapshot, links, &mut taken).await?;
    snapshot.rollback().await?;
    connection.close().await?;
    Ok(taken)
}

/// Where a table is, and which columns it has there.
struct Found {
    schema: String,
    columns: Vec<String>,
}

async fn columns(
    connection: &mut PgConnection,
    schemas: &[&str],
    table: &str,
) -> Result<Option<Found>, TransferError> {
    for schema in schemas {
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position",
        )
        .bind(schema)
        .bind(table)
        .fetch_all(&mut *connection)
        .await?;
        if !columns.is_empty() {
            return Ok(Some(Found { schema: (*schema).to_owned(), columns }));
        }
    }
    Ok(None)
}

async fn read(
    connection: &mut PgConnection,
    tables: &Tables<'_>,
    importing: &Importing,
    name: &str,
    found: &Found,
    taken: &mut Taken,
) -> Result<(), TransferError> {
    let Some(table) = tables.table(name) else { return Ok(()) };
    let documented = table.columns();
    let here = |column: &str| found.columns.iter().any(|it| it == column);
    for other in found.columns.iter().filter(|it| documented.iter().all(|known| known.name != **it))
    {
        taken.notes.insert(format!("{name}.{other}: no documented column; it stays behind"));
    }
    for missing in documented.iter().filter(|it| !here(it.name)) {
        taken.notes.insert(format!("{name}.{}: not there; takes its default", missing.name));
    }
    let columns: Vec<String> = documented
        .iter()
        .filter(|column| here(column.name))
        .map(|column| {
            let text = if column.kind.starts_with("numeric") { "::text" } else { "" };
            format!("'{0}', it.\"{0}\"{text}", column.name)
        })
        .collect();
    // A key that is not there, or no time, leaves the order to what there is.
    let order: Vec<String> = order(tables, name)
        .split(", ")
        .filter(|it| here(it.trim_start_matches("it.")))
        .map(str::to_owned)
        .collect();
    let order = if order.is_empty() { "1".to_owned() } else { order.join(", ") };
    let sql = format!(
        "SELECT jsonb_build_object({})::text FROM \"{}\".\"{name}\" AS it ORDER BY {order}",
        columns.join(", "),
        found.schema.replace('"', "\"\"")
    );
    let rows: Vec<String> = sqlx::query_scalar(&sql).fetch_all(connection).await?;
    for text in rows {
        let Ok(mut row) = serde_json::from_str::<Map<String, Value>>(&text) else { continue };
        if let Some(note) = (importing.mend)(name, &mut row) {
            taken.notes.insert(format!("{name}: {note}"));
        }
        taken.rows.push_back(Line { table: name.to_owned(), row, outside: false });
    }
    Ok(())
}

/// The accounts that the rows refer to, where the database has them.
async fn accounts(
    connection: &mut PgConnection,
    links: &Links,
    taken: &mut Taken,
) -> Result<(), TransferError> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('auth.users') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(());
    }
    let mut ids = BTreeSet::new();
    for line in &taken.rows {
        let own = line.row.get("email").and_then(|_| line.row.get("id"));
        let links = links.0.iter().filter(|it| it.table == line.table && it.to == ACCOUNTS);
        let named = links.filter_map(|link| line.row.get(&link.column));
        ids.extend(own.into_iter().chain(named).filter_map(Value::as_str).map(str::to_owned));
    }
    let has =
        columns(connection, &["auth"], "users").await?.map(|it| it.columns).unwrap_or_default();
    let column = |name: &str| {
        if has.iter().any(|it| it == name) { format!("it.{name}") } else { "NULL".to_owned() }
    };
    let sql = format!(
        "SELECT jsonb_build_object('id', it.id, 'email', {}, 'created_at', {})::text
         FROM auth.users AS it WHERE it.id::text = ANY ($1) ORDER BY it.id",
        column("email"),
        column("created_at")
    );
    let rows: Vec<String> = sqlx::query_scalar(&sql)
        .bind(ids.into_iter().collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    for text in rows {
        let Ok(row) = serde_json::from_str(&text) else { continue };
        taken.rows.push_back(Line { table: ACCOUNTS.to_owned(), row, outside: true });
    }
    Ok(())
}
