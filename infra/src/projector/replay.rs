//! Replaying the log into a schema of its own, and comparing what came of it with what is in use.
//!
//! The scratch rows are filled by the writer that fills a rebuild, under a checkpoint named after the
//! schema, so that what was interrupted goes on. Nobody is made to wait: the rows in use are looked at in
//! one snapshot, the scratch rows are brought to exactly its position, and sums over both are compared.
//! Only where a sum differs are rows compared one by one.

use std::{cmp::Ordering, collections::VecDeque};

use annals_projections::{Context, Table};
use sqlx::{Connection, Executor, PgConnection, PgPool, Row};

use super::{
    apply::{ApplyError, Checkpoint, Target, changes_of, checkpoint},
    fill::Filler,
    history,
    met::Met,
    rebuild::{Progress, Rebuild, RebuildError, digest},
    write::{self, quoted},
};
use crate::{
    migrate::{self, MigrationError, as_of_schema, tables_hash},
    store::{Store, claim},
};

/// How many differing rows are told.
pub const TOLD: usize = 10;
/// Rows compared at once.
const ROWS: i64 = 5_000;

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Events applied now.
    pub events: u64,
    /// Position at which rows were compared.
    pub position: i64,
    /// How many tables were compared.
    pub tables: usize,
    /// Tables that differ, and the first rows that do.
    pub different: Vec<Difference>,
}

/// A table that is not what the log makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static Table,
    /// How many rows are in use, and how many the log makes.
    pub rows: (i64, i64),
    /// The first rows that differ, at most [`TOLD`].
    pub first: Vec<DifferentRow>,
}

/// A row that is not what the log makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DifferentRow {
    /// Its key, as text, part by part.
    pub key: Vec<String>,
    /// How it differs.
    pub how: How,
}

/// How a row differs from what the log makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The log makes it, and it is not in use.
    Missing,
    /// It is in use, and the log does not make it.
    Surplus,
    /// These columns hold something else.
    Columns(Vec<String>),
}

/// Why a replay ended early. It can be run again and goes on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The schema's name is taken, or none that Postgres takes as it is.
    #[error("{0} cannot be replayed into: name a schema that is not there yet, such as scratch_1")]
    Name(String),
    /// The scratch schema holds more than was asked for.
    #[error("{into} holds position {position} already: name another schema, or drop it first")]
    Further {
        /// The schema.
        into: String,
        /// Its position.
        position: i64,
    },
    /// What was in use then is not known any more.
    #[error(
        "the past of {0} is not kept, so that only the present can be compared: leave --until out, or \
         name it in ANNALS_HISTORY and run `annals rebuild {0}`"
    )]
    NoPast(&'static str),
    /// The rows in use do not hold the position yet.
    #[error("the rows of {context} hold position {position} only")]
    Behind {
        /// The context.
        context: &'static str,
        /// How far its rows are.
        position: i64,
    },
    /// The rows cannot be made.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
}

impl From<sqlx::Error> for ReplayError {
    fn from(error: sqlx::Error) -> Self {
        Self::Rebuild(error.into())
    }
}

impl From<MigrationError> for ReplayError {
    fn from(error: MigrationError) -> Self {
        Self::Rebuild(error.into())
    }
}

impl From<ApplyError> for ReplayError {
    fn from(error: ApplyError) -> Self {
        Self::Rebuild(error.into())
    }
}

/// Replays a context's events up to a position, or all of them, into a schema, and compares.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay(
    work: Rebuild<'_>,
    into: &str,
    until: Option<i64>,
    told: impl FnMut(Progress),
) -> Result<Replayed, ReplayError> {
    let context = work.context;
    if context.tables.is_empty() {
        return Err(RebuildError::NoTables(context.name).into());
    }
    if !is_name(into) {
        return Err(ReplayError::Name(into.to_owned()));
    }
    let mut connection = migrate::connect(work.url).await?;
    if !claim(&mut connection, &format!("annals.rebuild.{}", into)).await? {
        return Err(RebuildError::Busy(context.name).into());
    }
    let mut replay = Replay { work, into, until, connection };
    let replayed = replay.run(told).await;
    // Whoever replays again at once is not to meet the lock.
    replay.connection.execute("SELECT pg_advisory_unlock_all()").await.ok();
    replay.connection.close().await.ok();
    replayed
}

/// Removes a schema that was replayed into, and what is known of it.
///
/// # Errors
/// When it is none, or Postgres refuses.
pub async fn forget(url: &str, context: &Context, into: &str) -> Result<(), ReplayError> {
    if !is_name(into) || into == context.name {
        return Err(ReplayError::Name(into.to_owned()));
    }
    let mut connection = migrate::connect(url).await?;
    let mut transaction = connection.begin().await?;
    let known = sqlx::query("DELETE FROM annals.projections WHERE name = $1")
        .bind(into)
        .execute(&mut *transaction)
        .await?;
    if known.rows_affected() == 0 {
        return Err(ReplayError::Name(into.to_owned()));
    }
    migrate::drop_schema(&mut transaction, into).await?;
    transaction.commit().await?;
    Ok(())
}

/// Names that need no quotes and are nobody else's.
fn is_name(name: &str) -> bool {
    let letters = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    let catalogue = annals_projections::Catalogue::new();
    let taken = |it: &Context| {
        let away = ["_next", "_away"].map(|suffix| format!("{}{suffix}", it.name));
        migrate::schemas(it.name).iter().chain(&away).any(|schema| schema == name)
    };
    name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.len() <= 40
        && name.chars().all(letters)
        && !name.starts_with("pg_")
        && !["annals", "annals_keys", "public", "auth", "information_schema"].contains(&name)
        && !catalogue.contexts().any(taken)
}

struct Replay<'a> {
    work: Rebuild<'a>,
    into: &'a str,
    until: Option<i64>,
    connection: PgConnection,
}

impl Replay<'_> {
    async fn run(&mut self, mut told: impl FnMut(Progress)) -> Result<Replayed, ReplayError> {
        let store = Store::new(self.work.pool.clone());
        let mut at = self.prepare().await?;
        let end = match self.until {
            Some(until) => until,
            None => store.head().await?,
        };
        if at.position > end {
            return Err(ReplayError::Further { into: self.into.to_owned(), position: at.position });
        }
        let mut events = self.fill(&store, &mut at, end, &mut told).await?;
        let mut live = live(self.work.pool).await?;
        let known: (i64, bool) =
            sqlx::query_as("SELECT position, history FROM annals.projections WHERE name = $1")
                .bind(self.work.context.name)
                .fetch_one(&mut *live)
                .await?;
        let source = match self.until.filter(|until| *until < known.0) {
            // All of the present, exactly as far as the snapshot is.
            None => {
                let behind =
                    ReplayError::Behind { context: self.work.context.name, position: known.0 };
                if at.position > known.0 {
                    return Err(behind);
                }
                events += self.fill(&store, &mut at, known.0, &mut told).await?;
                self.work.context.name.to_owned()
            }
            Some(until) if known.1 => {
                sqlx::query("SELECT set_config('annals.as_of', $1, true)")
                    .bind(until.to_string())
                    .execute(&mut *live)
                    .await?;
                as_of_schema(self.work.context.name)
            }
            Some(_) => return Err(ReplayError::NoPast(self.work.context.name)),
        };
        // What is put into the scratch rows for the comparison alone is taken back.
        let mut scratch = self.connection.begin().await?;
        if source != self.work.context.name {
            for event in store.erasures(at.position, self.work.context.name).await? {
                let Rebuild { context, aggregates, keys, .. } = self.work;
                let changes = changes_of(context, aggregates, keys, &event).await?;
                history::redact(&mut scratch, self.into, &changes).await?;
            }
        }
        let mut different = Vec::new();
        let tables = || self.work.context.tables.iter().filter(|table| history::is_kept(table));
        for table in tables() {
            let sides = ((&mut *live, source.as_str()), (&mut *scratch, self.into));
            different.extend(compare(sides.0, sides.1, table).await?);
        }
        scratch.rollback().await?;
        let tables = tables().count();
        let position = self.until.map_or(at.position, |until| until.min(known.0.max(at.position)));
        Ok(Replayed { events, position, tables, different })
    }

    /// Makes the scratch schema, or finds the one that an earlier replay left behind.
    async fn prepare(&mut self) -> Result<Checkpoint, ReplayError> {
        let (context, hash) = (self.work.context, tables_hash(self.work.context));
        if let Some(at) = checkpoint(self.work.pool, self.into).await?
            && at.tables_hash == hash
        {
            return Ok(at);
        }
        let mut transaction = self.connection.begin().await?;
        let taken: bool = sqlx::query_scalar(
            "SELECT to_regnamespace($1) IS NOT NULL
                    AND NOT EXISTS (SELECT FROM annals.projections WHERE name = $1)",
        )
        .bind(self.into)
        .fetch_one(&mut *transaction)
        .await?;
        if taken {
            return Err(ReplayError::Name(self.into.to_owned()));
        }
        migrate::drop_schema(&mut transaction, self.into).await?;
        migrate::build_rows(&mut transaction, context, self.into).await?;
        migrate::defer(&mut transaction, self.into).await?;
        sqlx::query(
            "INSERT INTO annals.projections (name, tables_hash) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE
             SET position = 0, hash = NULL, recorded_at = NULL, tables_hash = excluded.tables_hash,
                 stopped_at = NULL, error = NULL, history = false",
        )
        .bind(self.into)
        .bind(&hash)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let at = checkpoint(self.work.pool, self.into).await?;
        at.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// Applies what lies between the scratch rows and a position.
    async fn fill(
        &mut self,
        store: &Store,
        at: &mut Checkpoint,
        end: i64,
        told: &mut impl FnMut(Progress),
    ) -> Result<u64, ReplayError> {
        let Rebuild { context, aggregates, keys, .. } = self.work;
        let met = Met::default();
        let target =
            Target { context, name: self.into, schema: Some(self.into), history: false, met: &met };
        let filler = Filler { store, target, aggregates, keys };
        write::prepare(&mut self.connection).await?;
        let events = filler.fill(&mut self.connection, at, end, told).await?;
        write::restore(&mut self.connection).await?;
        migrate::make_deferred(&mut self.connection, self.into, None).await?;
        told(Progress { position: end, head: end, events });
        Ok(events)
    }
}

async fn compare(
    in_use: (&mut PgConnection, &str),
    made: (&mut PgConnection, &str),
    table: &'static Table,
) -> Result<Option<Difference>, ReplayError> {
    let old = digest(in_use.0, in_use.1, table.name).await?;
    let new = digest(made.0, made.1, table.name).await?;
    if old == new {
        return Ok(None);
    }
    let mut first = Vec::new();
    let mut in_use = Side::new(in_use.0, in_use.1, table);
    let mut made = Side::new(made.0, made.1, table);
    while first.len() < TOLD {
        let (key, how) = match (in_use.head().await?, made.head().await?) {
            (None, None) => break,
            (Some(one), None) => (one.key.clone(), Some(How::Surplus)),
            (None, Some(other)) => (other.key.clone(), Some(How::Missing)),
            (Some(one), Some(other)) => match one.key.cmp(&other.key) {
                Ordering::Less => (one.key.clone(), Some(How::Surplus)),
                Ordering::Greater => (other.key.clone(), Some(How::Missing)),
                Ordering::Equal => (one.key.clone(), one.differs(other)),
            },
        };
        in_use.pass(&key);
        made.pass(&key);
        first.extend(how.map(|how| DifferentRow { key, how }));
    }
    Ok(Some(Difference { table, rows: (old.0, new.0), first }))
}

/// A connection that goes on seeing the rows in use as they are now.
async fn live(pool: &PgPool) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    transaction.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    Ok(transaction)
}

/// A row while it is compared.
struct Held {
    key: Vec<String>,
    text: String,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Held {
    fn differs(&self, other: &Self) -> Option<How> {
        if self.text == other.text {
            return None;
        }
        let differs = |name: &&String| self.fields.get(*name) != other.fields.get(*name);
        Some(How::Columns(self.fields.keys().filter(differs).cloned().collect()))
    }
}

/// One of the two tables that are compared, read in the order of its key.
struct Side<'c> {
    connection: &'c mut PgConnection,
    sql: String,
    held: VecDeque<Held>,
    after: Option<Vec<String>>,
    ended: bool,
}

impl<'c> Side<'c> {
    fn new(connection: &'c mut PgConnection, schema: &str, table: &Table) -> Self {
        let key: Vec<_> =
            table.key.iter().map(|it| format!("row.{}::text COLLATE \"C\"", quoted(it))).collect();
        let key = format!("ARRAY[{}]", key.join(", "));
        let sql = format!(
            "SELECT {key}, row::text, to_jsonb(row) FROM {}.{} AS row \
             WHERE $1::text[] IS NULL OR {key} > $1::text[] COLLATE \"C\" ORDER BY 1 LIMIT {ROWS}",
            quoted(schema),
            quoted(table.name)
        );
        Self { connection, sql, held: VecDeque::new(), after: None, ended: false }
    }

    /// The next row, if there is one.
    async fn head(&mut self) -> Result<Option<&Held>, sqlx::Error> {
        if self.held.is_empty() && !self.ended {
            let rows =
                sqlx::query(&self.sql).bind(&self.after).fetch_all(&mut *self.connection).await?;
            for row in rows {
                let fields: serde_json::Value = row.try_get(2)?;
                let fields = fields.as_object().cloned().unwrap_or_default();
                let (key, text) = (row.try_get(0)?, row.try_get(1)?);
                self.held.push_back(Held { key, text, fields });
            }
            self.after = self.held.back().map(|it| it.key.clone()).or_else(|| self.after.take());
            self.ended = self.held.is_empty();
        }
        Ok(self.held.front())
    }

    /// Goes past a row, if it is the next.
    fn pass(&mut self, key: &[String]) {
        if self.held.front().is_some_and(|it| it.key == key) {
            self.held.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_scratch_schema_has_a_plain_name_of_its_own() {
        assert!(is_name("scratch_1") && is_name("before_the_audit"));
        for name in
            ["lift", "lift_next", "samia_as_of", "annals", "pg_x", "Scratch", "a b", "1", ""]
        {
            assert!(!is_name(name), "{name}");
        }
    }
}
