//! Applying events to a read model: rows and checkpoint in one transaction.

use std::collections::BTreeSet;

use annals_commands::Catalogue as Aggregates;
use annals_projections::{ActorKind, Change, Context, Envelope};
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::task::yield_now;

use super::{
    before,
    history::{self, Stamp},
    merge::{Step, merge},
    met::Met,
    partitions,
    write::{Making, WriteError, write},
};
use crate::{
    engine::failpoint,
    keys::{Keys, KeysError},
    migrate,
    sabotage::broken,
    seal,
    store::{Metadata, StoredEvent},
};

/// After how many events others have their turn.
const TURN: usize = 64;

/// How far a read model is.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Checkpoint {
    /// Counts the rebuilds.
    pub epoch: i64,
    /// Position of the last event that the rows hold.
    pub position: i64,
    /// That event's hash.
    pub hash: Option<Vec<u8>>,
    /// Hash of the table files.
    pub tables_hash: String,
    /// That event's time.
    pub recorded_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Position of the event that could not be applied.
    pub stopped_at: Option<i64>,
    /// Whether the history tables hold every version up to the position.
    pub history: bool,
}

impl Checkpoint {
    /// Whether versions are kept from here on, where they are wanted. Begun in the middle, a past would
    /// have a hole: only a rebuild fills it.
    pub(super) const fn keeps(&self, wanted: bool) -> bool {
        wanted && (self.history || self.position == 0)
    }

    /// The same once the rows hold an event.
    fn moved_to(&self, event: &StoredEvent, history: bool) -> Self {
        Self {
            position: event.position,
            hash: Some(event.hash.clone()),
            recorded_at: Some(event.recorded_at),
            stopped_at: None,
            history,
            ..self.clone()
        }
    }
}

/// Where events are applied.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What they do to rows.
    pub context: &'a Context,
    /// The checkpoint's name: the context's, or another's while a rebuild fills a second schema.
    pub name: &'a str,
    /// The schema, where it is not the context's own.
    pub schema: Option<&'a str>,
    /// Whether versions of rows are wanted.
    pub history: bool,
    /// In which tables rows were met that were to be made.
    pub met: &'a Met,
}

/// Why events were not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Somebody else moved the checkpoint.
    #[error("the checkpoint is not where it was: another projector is at work")]
    Fenced,
    /// An event cannot be applied, now or later.
    #[error("event {position} ({event_type}): {why}")]
    Poison {
        /// Its position.
        position: i64,
        /// Its kind.
        event_type: String,
        /// Why not. Speaks of names and types, never of values.
        why: String,
    },
    /// Postgres does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// What was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// How many events.
    pub events: usize,
    /// How many row changes they led to, before merging.
    pub changes: usize,
}

/// Reads a checkpoint.
///
/// # Errors
/// When Postgres does not answer.
pub async fn checkpoint(pool: &PgPool, name: &str) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_as(
        "SELECT epoch, position, hash, tables_hash, recorded_at, stopped_at, history
         FROM annals.projections WHERE name = $1",
    )
    .bind(name)
    .fetch_optional(pool)
    .await
}

/// Row changes that events come to, each with the number of its event, not written yet.
pub(super) struct Prepared {
    changes: Vec<(usize, Change)>,
    /// What versions of rows are stamped with, where they are kept.
    stamps: Option<Vec<Stamp>>,
}

/// Works out what events do to rows. `keeps` says whether versions are kept. It lets others have their
/// turn, so that rows can be written meanwhile.
///
/// # Errors
/// When keys cannot be had, or an event cannot be applied.
pub(super) async fn prepare(
    context: &Context,
    aggregates: &Aggregates,
    keys: &Keys,
    keeps: bool,
    events: &[StoredEvent],
) -> Result<Prepared, ApplyError> {
    let mut changes = Vec::with_capacity(events.len() * 2);
    load_keys(aggregates, keys, events).await?;
    for (nth, event) in events.iter().enumerate() {
        if nth % TURN == TURN - 1 {
            yield_now().await;
        }
        let made = project(context, aggregates, keys, event)?;
        if !(broken("row_lost_in_batch") && nth == 0 && events.len() > 1) {
            changes.extend(made.into_iter().map(|change| (nth, change)));
        }
    }
    let stamps = keeps.then(|| events.iter().map(Stamp::from).collect());
    Ok(Prepared { changes, stamps })
}

/// Applies events that follow the checkpoint directly, all or none, and moves it.
///
/// # Errors
/// See [`ApplyError`]; then nothing was applied.
pub async fn apply(
    connection: &mut PgConnection,
    target: Target<'_>,
    aggregates: &Aggregates,
    keys: &Keys,
    from: &Checkpoint,
    events: &[StoredEvent],
) -> Result<(Checkpoint, Applied), ApplyError> {
    let keeps = from.keeps(target.history);
    let prepared = prepare(target.context, aggregates, keys, keeps, events).await?;
    commit(connection, target, from, events, prepared).await
}

/// Writes what events come to, all or nothing, and moves the checkpoint.
///
/// # Errors
/// See [`ApplyError`]; then nothing was applied.
pub(super) async fn commit(
    connection: &mut PgConnection,
    target: Target<'_>,
    from: &Checkpoint,
    events: &[StoredEvent],
    prepared: Prepared,
) -> Result<(Checkpoint, Applied), ApplyError> {
    let Prepared { mut changes, stamps } = prepared;
    let applied = Applied { events: events.len(), changes: changes.len() };
    let Some(last) = events.last() else { return Ok((from.clone(), applied)) };
    let poison = |why: String| ApplyError::Poison {
        position: last.position,
        event_type: last.event_type.clone(),
        why,
    };
    before::tell(connection, target, events, &mut changes)
        .await
        .map_err(|error| refused(error, "what was before", poison))?;
    let rows = Rows {
        erasures: stamps.as_deref().map(|stamps| history::erasures(&changes, stamps)),
        steps: merge(changes, stamps.is_some()),
        stamps,
    };
    loop {
        match rows.write(connection, target, from, last).await {
            Ok(()) => break,
            Err(Unwritten::Rows(error)) if target.met.learns_from(&error) => {}
            Err(Unwritten::Rows(WriteError::Postgres { table, source })) => {
                return Err(refused(source, &table, poison));
            }
            Err(Unwritten::Rows(error @ WriteError::Rows { .. })) => {
                return Err(poison(error.to_string()));
            }
            Err(Unwritten::Apart(error, what)) => return Err(refused(error, what, poison)),
            Err(Unwritten::Otherwise(error)) => return Err(error),
        }
    }
    Ok((from.moved_to(last, rows.stamps.is_some()), applied))
}

/// What a batch comes to.
struct Rows {
    steps: Vec<Step>,
    stamps: Option<Vec<Stamp>>,
    erasures: Option<history::Erasures>,
}

/// Why it was not written.
enum Unwritten {
    /// Rows, which may be written another way.
    Rows(WriteError),
    /// Something that belongs to the rows, and what.
    Apart(sqlx::Error, &'static str),
    /// The events are not to blame.
    Otherwise(ApplyError),
}

impl From<WriteError> for Unwritten {
    fn from(error: WriteError) -> Self {
        Self::Rows(error)
    }
}

impl From<sqlx::Error> for Unwritten {
    fn from(error: sqlx::Error) -> Self {
        Self::Otherwise(error.into())
    }
}

impl From<ApplyError> for Unwritten {
    fn from(error: ApplyError) -> Self {
        Self::Otherwise(error)
    }
}

impl Rows {
    /// Writes it and moves the checkpoint to the batch's last event, in one transaction.
    async fn write(
        &self,
        connection: &mut PgConnection,
        target: Target<'_>,
        from: &Checkpoint,
        last: &StoredEvent,
    ) -> Result<(), Unwritten> {
        let mut transaction = connection.begin().await?;
        advance(&mut transaction, target, from, last, self.stamps.is_some()).await?;
        if broken("checkpoint_outside_transaction") {
            sqlx::query("COMMIT").execute(&mut *transaction).await?;
            sqlx::query("BEGIN").execute(&mut *transaction).await?;
        }
        failpoint("projecting");
        partitions::ensure(&mut transaction, target.schema, &self.steps)
            .await
            .map_err(|error| Unwritten::Apart(error, "a partition"))?;
        if target.schema.is_some() {
            index_for(&mut transaction, target.name, &self.steps).await?;
        }
        let making = Making { met: target.met, first: target.context.before };
        let stamps = self.stamps.as_deref();
        write(&mut transaction, target.schema, &self.steps, making, stamps).await?;
        if let Some(erasures) = &self.erasures {
            history::bury(&mut transaction, target.schema, erasures).await?;
        }
        failpoint("rows_written");
        transaction.commit().await.map_err(|error| Unwritten::Apart(error, "at commit"))?;
        failpoint("projected");
        Ok(())
    }
}

/// Applies events that follow the checkpoint directly, in as few transactions as they let themselves be
/// applied in. `at` moves with what was applied.
///
/// # Errors
/// As [`apply`]; where an event cannot be applied, everything before it was.
pub async fn apply_all(
    connection: &mut PgConnection,
    target: Target<'_>,
    aggregates: &Aggregates,
    keys: &Keys,
    at: &mut Checkpoint,
    events: &[StoredEvent],
) -> Result<(), ApplyError> {
    let mut rest = vec![events];
    while let Some(part) = rest.pop() {
        match apply(connection, target, aggregates, keys, at, part).await {
            Ok((next, _)) => *at = next,
            // Merged, rows of one batch can be in each other's way; one of them may be at fault.
            Err(ApplyError::Poison { .. }) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                rest.push(second);
                rest.push(first);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Moves a checkpoint past an event that an operator lets be skipped.
///
/// # Errors
/// When somebody else moved the checkpoint, or Postgres does not answer.
pub async fn pass_over(
    connection: &mut PgConnection,
    target: Target<'_>,
    from: &Checkpoint,
    event: &StoredEvent,
) -> Result<Checkpoint, ApplyError> {
    let history = from.keeps(target.history);
    advance(connection, target, from, event, history).await?;
    tracing::warn!(projection = target.name, position = event.position, "an event is skipped");
    Ok(from.moved_to(event, history))
}

/// Moves a checkpoint to an event, if it is where it is believed to be.
async fn advance(
    connection: &mut PgConnection,
    target: Target<'_>,
    from: &Checkpoint,
    event: &StoredEvent,
    history: bool,
) -> Result<(), ApplyError> {
    let moved = sqlx::query(
        "UPDATE annals.projections
         SET position = $4, hash = $5, recorded_at = $6, stopped_at = NULL, error = NULL,
             history = $7
         WHERE name = $1 AND epoch = $2 AND position = $3",
    )
    .bind(target.name)
    .bind(from.epoch)
    .bind(from.position)
    .bind(event.position)
    .bind(&event.hash)
    .bind(event.recorded_at)
    .bind(history)
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(ApplyError::Fenced) }
}

/// Makes the indexes, which a rebuild defers, of tables in which rows are about to be found by other
/// columns than their key.
async fn index_for(
    connection: &mut PgConnection,
    name: &str,
    steps: &[Step],
) -> Result<(), sqlx::Error> {
    let changes = steps.iter().flat_map(|step| &step.everywhere);
    let tables: BTreeSet<&str> = changes.map(|(_, change)| change.table.name).collect();
    if tables.is_empty() {
        return Ok(());
    }
    let tables: Vec<&str> = tables.into_iter().collect();
    migrate::make_deferred(connection, name, Some(&tables)).await
}

/// Tells a refusal of the rows from a database that is away.
fn refused(
    error: sqlx::Error,
    table: &str,
    poison: impl FnOnce(String) -> ApplyError,
) -> ApplyError {
    let Some(code) = error.as_database_error().and_then(|it| it.code()) else {
        return ApplyError::Postgres(error);
    };
    // Data exceptions, broken constraints, missing columns: sending it again changes nothing.
    if code.starts_with("22") || code.starts_with("23") || code.starts_with("42") {
        let constraint =
            error.as_database_error().and_then(|it| it.constraint()).unwrap_or_default();
        poison(format!("{table}: SQLSTATE {code} {constraint}"))
    } else {
        ApplyError::Postgres(error)
    }
}

/// What an event does to rows.
///
/// # Errors
/// When keys cannot be had, or the event cannot be applied.
pub(crate) async fn changes_of(
    context: &Context,
    aggregates: &Aggregates,
    keys: &Keys,
    event: &StoredEvent,
) -> Result<Vec<Change>, ApplyError> {
    load_keys(aggregates, keys, std::slice::from_ref(event)).await?;
    project(context, aggregates, keys, event)
}

async fn load_keys(
    aggregates: &Aggregates,
    keys: &Keys,
    events: &[StoredEvent],
) -> Result<(), KeysError> {
    let mut missing: Vec<String> = Vec::new();
    for event in events {
        // An event that cannot be read is met again, and parked, when it is projected.
        if let Ok(Some(subject)) = seal::sealed_for(aggregates, event)
            && keys.cached(&subject).is_none()
            && !missing.iter().any(|known| **known == *subject)
        {
            missing.push(subject.to_string());
        }
    }
    if missing.is_empty() { Ok(()) } else { keys.load(&missing).await }
}

fn project(
    context: &Context,
    aggregates: &Aggregates,
    keys: &Keys,
    event: &StoredEvent,
) -> Result<Vec<Change>, ApplyError> {
    let poison = |why: String| ApplyError::Poison {
        position: event.position,
        event_type: event.event_type.clone(),
        why,
    };
    let opened =
        seal::open_cached(keys, aggregates, event).map_err(|error| poison(error.to_string()))?;
    let metadata: Metadata =
        serde_json::from_str(&event.metadata).map_err(|error| poison(error.to_string()))?;
    let envelope = envelope(event, metadata, opened.erased);
    // What was personal is told from what is stored, so that a line says the same once a key is gone.
    let redacted = || -> Result<Value, ApplyError> {
        if opened.event_type.personal.is_empty() {
            return Ok(opened.payload.clone());
        }
        let mut fields: serde_json::Map<String, Value> =
            serde_json::from_str(&event.payload).map_err(|error| poison(error.to_string()))?;
        seal::redact_fields(&mut fields, opened.event_type);
        Ok(Value::Object(fields))
    };
    let copy = context.every.map(|_| redacted()).transpose()?;
    context
        .project(&envelope, opened.payload, || copy.unwrap_or(Value::Null))
        .map_err(|error| poison(error.to_string()))
}

/// What projections are told of a stored event besides its content.
pub(crate) fn envelope(event: &StoredEvent, metadata: Metadata, erased: bool) -> Envelope {
    Envelope {
        aggregate_type: event.aggregate_type.clone(),
        aggregate_id: event.aggregate_id.clone(),
        sequence: u64::try_from(event.sequence).unwrap_or_default(),
        position: u64::try_from(event.position).unwrap_or_default(),
        event_id: event.event_id,
        event_type: event.event_type.clone(),
        at: event.recorded_at,
        occurred_at: metadata.occurred_at,
        actor: metadata.actor,
        actor_kind: match metadata.actor_kind.as_str() {
            "person" => ActorKind::Person,
            "operator" => ActorKind::Operator,
            _ => ActorKind::System,
        },
        command: metadata.command,
        command_id: metadata.command_id,
        tenant: metadata.tenant,
        erased,
    }
}
