//! Rebuilding a read model beside the one in use, and putting it in its place.

use std::{sync::Arc, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_projections::Context;
use sqlx::{Connection, Executor, PgConnection, PgPool, Row};
use tokio::time::sleep;

use super::{
    apply::{ApplyError, Checkpoint, Target, checkpoint},
    fill::Filler,
    history::is_kept,
    met::Met,
    write,
};
use crate::{
    keys::Keys,
    migrate::{self, MigrationError, tables_hash},
    store::{Store, claim},
};

/// How long it may take until nobody reads replaced rows any more.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a query may take from finding its tables to locking them.
const GRACE: Duration = Duration::from_millis(250);

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Position that the new rows hold.
    pub position: i64,
    /// Position of the log's last event.
    pub head: i64,
    /// Events applied since the rebuild began or went on.
    pub events: u64,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Events applied.
    pub events: u64,
    /// Position at which the new rows took over.
    pub position: i64,
    /// Tables whose rows differ from those that were in use; not compared where the table files have
    /// changed.
    pub different: Vec<String>,
    /// Whether the old rows could be compared with the new ones.
    pub compared: bool,
}

/// Why a rebuild ended early. The rows in use are as they were; it can be run again and goes on.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There are no tables of its own.
    #[error("{0} has no tables of its own to rebuild")]
    NoTables(&'static str),
    /// Somebody still reads the rows that an earlier rebuild replaced.
    #[error("somebody still reads schema {0}, which an earlier rebuild replaced: end that first")]
    InUse(String),
    /// Another rebuild is at work.
    #[error("{0} is being rebuilt already")]
    Busy(&'static str),
    /// An event cannot be applied, or Postgres does not answer.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The second schema cannot be made or put in place.
    #[error(transparent)]
    Schema(#[from] MigrationError),
    /// Postgres does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
}

/// What a rebuild works with.
#[derive(Debug, Clone, Copy)]
pub struct Rebuild<'a> {
    /// The database, as whoever may make schemas in it.
    pub url: &'a str,
    /// The log and the rows, with the projector's rights.
    pub pool: &'a PgPool,
    /// What events do to rows.
    pub context: &'a Context,
    /// How events are read.
    pub aggregates: &'a Arc<Aggregates>,
    /// Opens personal fields.
    pub keys: &'a Keys,
    /// Whether the past of the rows is filled as well.
    pub history: bool,
}

/// Rebuilds a context's read model from the log, and swaps it in.
///
/// # Errors
/// See [`RebuildError`].
pub async fn rebuild(
    work: Rebuild<'_>,
    told: impl FnMut(Progress),
) -> Result<Rebuilt, RebuildError> {
    let context = work.context;
    if context.tables.is_empty() {
        return Err(RebuildError::NoTables(context.name));
    }
    let mut connection = migrate::connect(work.url).await?;
    if !claim(&mut connection, &format!("annals.rebuild.{}", context.name)).await? {
        return Err(RebuildError::Busy(context.name));
    }
    let rebuilt = alone(&mut connection, work, told).await;
    // A connection's locks outlive it by a moment; whoever rebuilds again at once is not to meet them.
    connection.execute("SELECT pg_advisory_unlock_all()").await.ok();
    connection.close().await.ok();
    rebuilt
}

/// The rebuild itself, while no other is at work.
async fn alone(
    connection: &mut PgConnection,
    work: Rebuild<'_>,
    mut told: impl FnMut(Progress),
) -> Result<Rebuilt, RebuildError> {
    let Rebuild { pool, context, aggregates, keys, history, .. } = work;
    let store = Store::new(pool.clone());
    let next = format!("{}_next", context.name);
    let mut at = prepare(connection, pool, context, &next, history).await?;
    // Whoever is erased from here on takes this checkpoint's epoch away, and the rebuild ends. Those who were
    // erased before are forgotten here, should their keys still be in memory. (shared.erasure)
    keys.refresh_destroyed().await.map_err(ApplyError::from)?;
    let met = Met::default();
    let target = Target { context, name: &next, schema: Some(&next), history, met: &met };
    let filler = Filler { store: &store, target, aggregates, keys };
    let mut events = 0;
    for indexed in [false, true] {
        write::prepare(connection).await?;
        let before = events;
        loop {
            let head = store.head().await?;
            let mut told = |it: Progress| told(Progress { events: before + it.events, ..it });
            let more = filler.fill(connection, &mut at, head, &mut told).await?;
            events += more;
            if more == 0 {
                break;
            }
        }
        write::restore(connection).await?;
        // What is recorded while they are made is applied before the rows in use are made to wait.
        if !indexed {
            migrate::make_deferred(connection, &next, None).await?;
        }
    }
    let away = away(context.name);
    if !migrate::retire_schema(connection, &away, PATIENCE).await? {
        return Err(RebuildError::InUse(away));
    }
    let rebuilt = swap(connection, filler, at, events).await?;
    // Planners know nothing of rows that were filled in bulk. (carenotes.ops.analyze)
    for table in context.tables {
        let sql = format!("ANALYZE {}.{}", context.name, table.name);
        connection.execute(sql.as_str()).await?;
        if history && is_kept(table) {
            let past = migrate::history_schema(context.name);
            let sql = format!("ANALYZE {past}.{}", table.name);
            connection.execute(sql.as_str()).await?;
        }
    }
    // Whoever asked before the swap may not have begun to read yet.
    sleep(GRACE).await;
    if !migrate::retire_schema(connection, &away, PATIENCE).await? {
        tracing::warn!(
            schema = away,
            "somebody still reads the old rows; the next rebuild removes them"
        );
    }
    told(Progress {
        position: rebuilt.position,
        head: store.head().await?,
        events: rebuilt.events,
    });
    Ok(rebuilt)
}

/// Where the old rows are while somebody may still read them.
fn away(context: &str) -> String {
    format!("{context}_away")
}

/// Makes the second schema, or finds the one that an earlier rebuild left behind.
async fn prepare(
    connection: &mut PgConnection,
    pool: &PgPool,
    context: &Context,
    next: &str,
    history: bool,
) -> Result<Checkpoint, RebuildError> {
    let hash = tables_hash(context);
    if let Some(at) = checkpoint(pool, next).await?
        && at.tables_hash == hash
        && (at.position == 0 || at.history == history)
    {
        return Ok(at);
    }
    let mut transaction = connection.begin().await?;
    migrate::drop_schema(&mut transaction, next).await?;
    migrate::build(&mut transaction, context, next).await?;
    migrate::defer(&mut transaction, next).await?;
    sqlx::query(
        "INSERT INTO annals.projections (name, epoch, tables_hash)
         SELECT $2, coalesce(max(epoch), 0) + 1, $3 FROM annals.projections WHERE name = $1
         ON CONFLICT (name) DO UPDATE
         SET epoch = excluded.epoch, position = 0, hash = NULL, recorded_at = NULL,
             tables_hash = excluded.tables_hash, stopped_at = NULL, error = NULL, history = false",
    )
    .bind(context.name)
    .bind(next)
    .bind(&hash)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let at = checkpoint(pool, next).await?;
    at.ok_or_else(|| sqlx::Error::RowNotFound.into())
}

/// In one transaction: the rows in use stand still, the new ones catch up with them, both are
/// compared, and change places. Readers see the one or the other.
async fn swap(
    connection: &mut PgConnection,
    filler: Filler<'_>,
    mut at: Checkpoint,
    mut events: u64,
) -> Result<Rebuilt, RebuildError> {
    let context = filler.target.context;
    let (name, next) = (context.name, filler.target.name);
    let mut transaction = connection.begin().await?;
    let live: (i64, String) = sqlx::query_as(
        "SELECT position, tables_hash FROM annals.projections WHERE name = $1 FOR UPDATE",
    )
    .bind(name)
    .fetch_one(&mut *transaction)
    .await?;
    events += filler.fill(&mut transaction, &mut at, live.0, &mut |_| {}).await?;
    migrate::carry_over(&mut transaction, context, name, next).await?;
    let compared = live.1 == at.tables_hash && live.0 == at.position;
    let mut different = Vec::new();
    if compared {
        for table in context.tables {
            let old = digest(&mut transaction, name, table.name).await?;
            let new = digest(&mut transaction, next, table.name).await?;
            if old != new {
                different.push(table.name.to_owned());
            }
        }
    }
    migrate::replace_schema(&mut transaction, name, next, &away(name)).await?;
    sqlx::query("DELETE FROM annals.projections WHERE name = $1")
        .bind(name)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("UPDATE annals.projections SET name = $1 WHERE name = $2")
        .bind(name)
        .bind(next)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(Rebuilt { events, position: at.position, different, compared })
}

/// How many rows a table has, and a sum over their contents that no order changes.
pub(super) async fn digest(
    connection: &mut PgConnection,
    schema: &str,
    table: &str,
) -> Result<(i64, String), sqlx::Error> {
    let sql = format!(
        "SELECT count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0)::text \
         FROM {schema}.{table} AS row"
    );
    let row = connection.fetch_one(sql.as_str()).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
