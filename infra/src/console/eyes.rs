//! What somebody may see, asked of Postgres as that person.
//!
//! Nothing here decides: each question runs as `authenticated` with the person's claims, in a transaction
//! that can write nothing, and row security answers. The past is read through the as-of schemas, where the
//! rights of today are asked of the row as it was and as it is. Columns that readers have no right to are
//! not asked for.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use annals_projections::{Catalogue, Row, Table};
use serde_json::{Map, Value, json};
use sqlx::{Executor, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::{error::ConsoleError, event::Touched, session::Visitor};
use crate::migrate::as_of_schema;

/// How long one question may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A column that readers have a right to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Column {
    schema: String,
    relation: String,
    /// Its name.
    pub name: String,
    /// Its type, as Postgres writes it.
    pub kind: String,
    /// What it means.
    pub about: Option<String>,
}

/// Asks as people.
#[derive(Debug)]
pub struct Eyes {
    pool: PgPool,
    columns: HashMap<(String, String), Vec<Column>>,
}

impl Eyes {
    /// With a pool of readers' connections.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn open(pool: PgPool, catalogue: &Catalogue) -> Result<Self, sqlx::Error> {
        let schemas: Vec<&str> = catalogue.contexts().map(|it| it.name).collect();
        let found: Vec<Column> = sqlx::query_as(
            "SELECT space.nspname::text AS schema, class.relname::text AS relation,
                    attribute.attname::text AS name,
                    pg_catalog.format_type(attribute.atttypid, NULL) AS kind,
                    pg_catalog.col_description(class.oid, attribute.attnum) AS about
             FROM pg_catalog.pg_attribute AS attribute
             JOIN pg_catalog.pg_class AS class ON class.oid = attribute.attrelid
             JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
             WHERE space.nspname = ANY ($1) AND class.relkind IN ('r', 'p')
               AND attribute.attnum > 0 AND NOT attribute.attisdropped
               AND has_column_privilege(class.oid, attribute.attnum, 'SELECT')
             ORDER BY attribute.attnum",
        )
        .bind(&schemas)
        .fetch_all(&pool)
        .await?;
        let mut columns: HashMap<_, Vec<Column>> = HashMap::new();
        for column in found {
            let of = (column.schema.clone(), column.relation.clone());
            columns.entry(of).or_default().push(column);
        }
        Ok(Self { pool, columns })
    }

    /// Whether Postgres believes this login when it says for whom it asks (contract F009).
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn are_believed(&self) -> Result<bool, sqlx::Error> {
        let somebody = Uuid::now_v7();
        let mut look = self.begin(somebody, None).await?;
        let heard: Option<Uuid> =
            sqlx::query_scalar("SELECT annals.subject()").fetch_one(&mut *look).await?;
        Ok(heard == Some(somebody))
    }

    /// Looks as somebody.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn of(&self, visitor: &Visitor) -> Result<Look<'_>, ConsoleError> {
        let transaction = self.begin(visitor.id, visitor.email.as_deref()).await?;
        Ok(Look { transaction, eyes: self, at: None })
    }

    /// The contexts in which somebody may see any row at all: events of others need not be looked at.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn contexts(
        &self,
        visitor: &Visitor,
        catalogue: &Catalogue,
    ) -> Result<Vec<&'static str>, ConsoleError> {
        let mut contexts = Vec::new();
        for context in catalogue.contexts() {
            let tables = context.tables.iter().filter(|it| !self.columns(it).is_empty());
            let some = tables.map(|it| {
                format!("EXISTS (SELECT FROM {}.{})", quoted(it.schema), quoted(it.name))
            });
            let some: Vec<_> = some.collect();
            if some.is_empty() {
                continue;
            }
            let mut look = self.begin(visitor.id, visitor.email.as_deref()).await?;
            look.execute("SET LOCAL statement_timeout = '500ms'").await?;
            let sql = format!("SELECT {}", some.join(" OR "));
            let any = sqlx::query_scalar(&sql).fetch_one(&mut *look).await;
            // Whoever needs so long to find one may have one.
            let any = match any.map_err(ConsoleError::from) {
                Err(ConsoleError::Slow) => true,
                any => any?,
            };
            if any {
                contexts.push(context.name);
            }
        }
        Ok(contexts)
    }

    async fn begin(
        &self,
        person: Uuid,
        email: Option<&str>,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let claims = json!({ "sub": person, "role": "authenticated", "email": email }).to_string();
        sqlx::query(
            "SELECT set_config('request.jwt.claims', $1, true),
                    set_config('statement_timeout', $2, true)",
        )
        .bind(claims)
        .bind(PATIENCE.as_millis().to_string())
        .execute(&mut *transaction)
        .await?;
        Ok(transaction)
    }

    /// Whether readers have a right to one of these columns, the time of the last change apart; to none at
    /// all, too.
    pub fn may_read<'a>(
        &self,
        table: &Table,
        mut columns: impl Iterator<Item = &'a String> + Clone,
    ) -> bool {
        let known = self.columns(table);
        let told = |it: &String| it != "updated_at" && known.iter().any(|known| known.name == *it);
        columns.clone().next().is_none() || columns.any(told)
    }

    /// The columns of a table that readers have a right to.
    #[must_use]
    pub fn columns(&self, table: &Table) -> &[Column] {
        let of = (table.schema.to_owned(), table.name.to_owned());
        self.columns.get(&of).map(Vec::as_slice).unwrap_or_default()
    }
}

/// One look at the rows, as somebody, all of it at the same moment.
#[derive(Debug)]
pub struct Look<'e> {
    transaction: Transaction<'static, Postgres>,
    eyes: &'e Eyes,
    at: Option<i64>,
}

/// A row, told by some of its columns.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Named {
    /// Its key, part by part.
    pub key: Vec<String>,
    /// What it is called.
    pub label: String,
}

impl Look<'_> {
    /// Whether an event says something of a row that its readers may read: one that only writes what is
    /// withheld from them, such as notes that are not for the child, is none of theirs.
    #[must_use]
    pub fn may_read(&self, row: &Touched) -> bool {
        self.eyes.may_read(row.table, row.columns.iter())
    }

    /// The row as it was after the event at a position, if this person may see that.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn row_at(
        &mut self,
        table: &Table,
        key: &Row,
        position: i64,
    ) -> Result<Option<Map<String, Value>>, ConsoleError> {
        if position < 1 {
            return Ok(None);
        }
        self.move_to(position).await?;
        let schema = as_of_schema(table.schema);
        let columns = self.eyes.columns(table).iter().map(|it| match it.kind.as_str() {
            // Money is no floating number, neither here nor in a browser.
            "numeric" | "bigint" => format!("{0}::text AS {0}", quoted(&it.name)),
            _ => quoted(&it.name),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let select = format!("SELECT to_jsonb(seen) FROM (SELECT {columns} FROM");
        self.ask(&select, &schema, table, key, ") AS seen LIMIT 1")
            .await
            .map(|found: Option<Value>| found.and_then(|it| it.as_object().cloned()))
    }

    /// Whether this person may see the row as it was after the event at a position.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn sees_at(
        &mut self,
        table: &Table,
        key: &Row,
        position: i64,
    ) -> Result<bool, ConsoleError> {
        if position < 1 {
            return Ok(false);
        }
        self.move_to(position).await?;
        let schema = as_of_schema(table.schema);
        Ok(self.ask("SELECT true FROM", &schema, table, key, "LIMIT 1").await?.unwrap_or(false))
    }

    /// Which of these values of a table's only key are of rows that this person may see today.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn present(
        &mut self,
        table: &Table,
        keys: &[String],
    ) -> Result<BTreeSet<String>, ConsoleError> {
        let [name] = table.key else { return Ok(keys.iter().cloned().collect()) };
        let Some(kind) = self.kind(table, name) else { return Ok(BTreeSet::new()) };
        let sql = format!(
            "SELECT {0}::text FROM {1}.{2} WHERE {0} = ANY ($1::text[]::{kind}[])",
            quoted(name),
            quoted(table.schema),
            quoted(table.name)
        );
        let found: Vec<String> =
            sqlx::query_scalar(&sql).bind(keys).fetch_all(&mut *self.transaction).await?;
        Ok(found.into_iter().collect())
    }

    /// Rows of a table that are called like this, as they are today: at most `limit`.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn called(
        &mut self,
        table: &Table,
        names: &[&str],
        text: &str,
        limit: i64,
    ) -> Result<Vec<Named>, ConsoleError> {
        let known = |name: &str| self.kind(table, name).is_some();
        let names: Vec<_> = names.iter().filter(|it| known(it)).map(|it| quoted(it)).collect();
        if names.is_empty() || !table.key.iter().all(|it| known(it)) {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = table.key.iter().map(|it| format!("{}::text", quoted(it))).collect();
        let label = format!("concat_ws(' ', {})", names.join(", "));
        let sql = format!(
            "SELECT ARRAY[{}] AS key, {label} AS label FROM {}.{} \
             WHERE {label} ILIKE '%' || $1 || '%' ORDER BY 2, 1 LIMIT $2",
            keys.join(", "),
            quoted(table.schema),
            quoted(table.name)
        );
        let like = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let found = sqlx::query_as(&sql).bind(like).bind(limit);
        Ok(found.fetch_all(&mut *self.transaction).await?)
    }

    /// What people are called, as far as this person may know.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn names(
        &mut self,
        people: &BTreeSet<Uuid>,
        contexts: &BTreeSet<String>,
    ) -> Result<Map<String, Value>, ConsoleError> {
        let mut names = Map::new();
        let people: Vec<Uuid> = people.iter().copied().collect();
        for (context, sql) in PEOPLE {
            if people.is_empty() || !contexts.contains(context) {
                continue;
            }
            let found: Vec<(Uuid, Option<String>)> =
                sqlx::query_as(sql).bind(&people).fetch_all(&mut *self.transaction).await?;
            for (id, name) in found {
                if let Some(name) = name.filter(|it| !it.is_empty()) {
                    names.insert(id.to_string(), name.into());
                }
            }
        }
        Ok(names)
    }

    async fn move_to(&mut self, position: i64) -> Result<(), ConsoleError> {
        if self.at != Some(position) {
            sqlx::query("SELECT set_config('annals.as_of', $1, true)")
                .bind(position.to_string())
                .execute(&mut *self.transaction)
                .await?;
            self.at = Some(position);
        }
        Ok(())
    }

    fn kind(&self, table: &Table, column: &str) -> Option<String> {
        let known = self.eyes.columns(table).iter().find(|it| it.name == column);
        known.map(|it| it.kind.clone())
    }

    /// Asks for the one row of a key; whoever has no right to the key's columns sees none.
    async fn ask<T>(
        &mut self,
        select: &str,
        schema: &str,
        table: &Table,
        key: &Row,
        end: &str,
    ) -> Result<Option<T>, ConsoleError>
    where
        T: for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres> + Send + Unpin,
    {
        let mut conditions = Vec::new();
        for (nth, name) in key.keys().enumerate() {
            let Some(kind) = self.kind(table, name) else { return Ok(None) };
            conditions.push(format!("{} = ${}::text::{kind}", quoted(name), nth + 1));
        }
        if conditions.is_empty() {
            return Ok(None);
        }
        let sql = format!(
            "{select} {}.{} WHERE {} {end}",
            quoted(schema),
            quoted(table.name),
            conditions.join(" AND ")
        );
        let mut query = sqlx::query_scalar(&sql);
        for value in key.values() {
            query = query.bind(text(value));
        }
        Ok(query.fetch_optional(&mut *self.transaction).await?)
    }
}

/// Where people are called something, by context.
const PEOPLE: [(&str, &str); 4] = [
    ("lift", "SELECT id, name FROM lift.profiles WHERE id = ANY ($1)"),
    ("samia", "SELECT id, full_name::text FROM samia.users WHERE id = ANY ($1)"),
    ("nestsync", "SELECT id, display_name FROM nestsync.users WHERE id = ANY ($1)"),
    (
        "carenotes",
        "SELECT id, concat_ws(' ', first_name, last_name) FROM carenotes.users WHERE id = ANY ($1)",
    ),
];

/// A part of a key, as text.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
