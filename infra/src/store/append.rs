//! Appending a batch: events of many commands, all or nothing, in one round trip.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{
    PgConnection, Postgres,
    pool::PoolConnection,
    postgres::{PgDatabaseError, PgQueryResult},
};
use uuid::Uuid;

use super::{Store, event::leaf_hash};

/// An event that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Context and aggregate.
    pub aggregate_type: &'static str,
    /// The aggregate's id.
    pub aggregate_id: Arc<str>,
    /// Place in the stream, from 1.
    pub sequence: i64,
    /// Stored name of the kind of event.
    pub event_type: &'static str,
    /// Version of the payload's form.
    pub event_version: u16,
    /// Sealed payload, JSON text.
    pub payload: String,
    /// Metadata, JSON text.
    pub metadata: Arc<str>,
    /// The event's own id.
    pub event_id: Uuid,
}

/// What becomes of a command.
#[derive(Debug, Clone)]
pub struct CommandRow {
    /// Made of sender and command id.
    pub key: Uuid,
    /// Keyed hash of command and body.
    pub fingerprint: [u8; 16],
    /// Which event of the batch, from 1, is the command's first.
    pub first: Option<i32>,
    /// How many events it led to.
    pub events: i32,
    /// Which of them, from 0, is the last of the aggregate that was addressed.
    pub target: Option<i32>,
    /// The reply's body, where it cannot be put together from the events.
    pub outcome: Option<String>,
}

/// A value that is taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What must be unique.
    pub field: &'static str,
    /// SHA-256 of the value.
    pub hash: [u8; 32],
    /// Who holds it from now on.
    pub owner: Arc<str>,
}

/// A stream that was looked at, and the version that was seen.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Its aggregate's kind.
    pub kind: &'static str,
    /// Its id.
    pub id: Arc<str>,
    /// The version in the log.
    pub version: i64,
}

/// Everything of one append.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Events, in order.
    pub events: Vec<NewEvent>,
    /// Their commands.
    pub commands: Vec<CommandRow>,
    /// Claims let go, before others are taken.
    pub releases: Vec<(&'static str, Arc<str>)>,
    /// Claims taken.
    pub takes: Vec<Taken>,
    /// Streams that were looked at.
    pub guards: Vec<Guard>,
}

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// These streams moved on since they were looked at.
    #[error("{} streams moved on", .0.len())]
    Stale(Vec<(String, String)>),
    /// The log's last time is after the batch's.
    #[error("the clock is behind the log")]
    ClockBehind(DateTime<Utc>),
    /// Some of its commands are known already.
    #[error("a command id is known already")]
    KnownCommand,
    /// A claim is held by another stream.
    #[error("a claim is held already")]
    ClaimHeld,
    /// A stream has the event already: what is cached is not what is stored.
    #[error("a stream holds this sequence already")]
    SequenceTaken,
    /// Postgres refuses it as it is; sending it again changes nothing.
    #[error("the store refuses the batch: {0}")]
    Refused(String),
    /// It is not known whether it was appended. Sending it again finds out.
    #[error("the store does not answer: {0}")]
    Unknown(String),
}

/// Appends, one batch after the other, by a connection of its own: a server process that is used again at once has all
/// that it needs at hand, where one of many would have to fetch it anew each time.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    connection: Option<PoolConnection<Postgres>>,
}

impl Writer {
    /// Appends to this store. Of its pool's connections one is kept.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store, connection: None }
    }

    /// Appends a batch and returns the position before its first event.
    ///
    /// `expected` is the position believed to be the last: where it is, guards need not be looked up.
    /// All events carry the time `now`.
    ///
    /// # Errors
    /// See [`AppendError`]; except for `Unknown`, nothing was stored.
    pub async fn append(
        &mut self,
        batch: &Batch,
        expected: i64,
        now: DateTime<Utc>,
    ) -> Result<i64, AppendError> {
        // Whoever is interrupted leaves none behind that is in the middle of something.
        let mut connection = match self.connection.take() {
            Some(kept) => kept,
            None => self.store.pool.acquire().await?,
        };
        let appended = send(&mut connection, batch, expected, now).await;
        match &appended {
            // Nothing is known of it any more.
            Err(AppendError::Unknown(_)) => drop(connection.detach()),
            _ => self.connection = Some(connection),
        }
        appended
    }
}

async fn send(
    connection: &mut PgConnection,
    batch: &Batch,
    expected: i64,
    now: DateTime<Utc>,
) -> Result<i64, AppendError> {
    let events = &batch.events;
    let hashes: Vec<[u8; 32]> = events.iter().map(|event| hash(event, now)).collect();
    let versions: Vec<String> =
        events.iter().map(|event| event.event_version.to_string()).collect();
    let row: (i64,) = sqlx::query_as(
        "SELECT annals.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
         $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
    )
    .bind(expected)
    .bind(events.iter().map(|it| it.aggregate_type).collect::<Vec<_>>())
    .bind(events.iter().map(|it| &*it.aggregate_id).collect::<Vec<_>>())
    .bind(events.iter().map(|it| it.sequence).collect::<Vec<_>>())
    .bind(events.iter().map(|it| it.event_type).collect::<Vec<_>>())
    .bind(&versions)
    .bind(events.iter().map(|it| it.payload.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|it| &*it.metadata).collect::<Vec<_>>())
    .bind(events.iter().map(|it| it.event_id).collect::<Vec<_>>())
    .bind(vec![now; events.len()])
    .bind(hashes.iter().map(<[u8; 32]>::as_slice).collect::<Vec<_>>())
    .bind(batch.commands.iter().map(|it| it.key).collect::<Vec<_>>())
    .bind(batch.commands.iter().map(|it| it.fingerprint.as_slice()).collect::<Vec<_>>())
    .bind(batch.commands.iter().map(|it| it.first).collect::<Vec<_>>())
    .bind(batch.commands.iter().map(|it| it.events).collect::<Vec<_>>())
    .bind(batch.commands.iter().map(|it| it.target).collect::<Vec<_>>())
    .bind(batch.commands.iter().map(|it| it.outcome.as_deref()).collect::<Vec<_>>())
    .bind(batch.releases.iter().map(|it| it.0).collect::<Vec<_>>())
    .bind(batch.releases.iter().map(|it| &*it.1).collect::<Vec<_>>())
    .bind(batch.takes.iter().map(|it| it.field).collect::<Vec<_>>())
    .bind(batch.takes.iter().map(|it| it.hash.as_slice()).collect::<Vec<_>>())
    .bind(batch.takes.iter().map(|it| &*it.owner).collect::<Vec<_>>())
    .bind(batch.guards.iter().map(|it| it.kind).collect::<Vec<_>>())
    .bind(batch.guards.iter().map(|it| &*it.id).collect::<Vec<_>>())
    .bind(batch.guards.iter().map(|it| it.version).collect::<Vec<_>>())
    .fetch_one(connection)
    .await
    .map_err(AppendError::from)?;
    Ok(row.0)
}

impl Store {
    /// Keeps the state of a long stream, unless a newer one is kept.
    ///
    /// # Errors
    /// When Postgres does not answer; a snapshot that is not kept costs time and nothing else.
    pub async fn keep_snapshot(
        &self,
        kind: &str,
        id: &str,
        version: i64,
        form: i64,
        state: &serde_json::Value,
    ) -> Result<PgQueryResult, sqlx::Error> {
        sqlx::query(
            "INSERT INTO annals.snapshots AS kept
                 (aggregate_type, aggregate_id, last_sequence, current_snapshot, payload)
             VALUES ($1, $2, $3, $4, $5::text::json)
             ON CONFLICT ON CONSTRAINT snapshots_pkey DO UPDATE
             SET last_sequence = excluded.last_sequence,
                 current_snapshot = excluded.current_snapshot, payload = excluded.payload
             WHERE kept.last_sequence < excluded.last_sequence
                OR kept.current_snapshot < excluded.current_snapshot",
        )
        .bind(kind)
        .bind(id)
        .bind(version)
        .bind(form)
        .bind(state.to_string())
        .execute(&self.pool)
        .await
    }
}

fn hash(event: &NewEvent, now: DateTime<Utc>) -> [u8; 32] {
    leaf_hash(
        event.aggregate_type,
        &event.aggregate_id,
        event.sequence,
        event.event_type,
        itoa(event.event_version).as_str(),
        event.event_id,
        now,
        &event.metadata,
        &event.payload,
    )
}

fn itoa(version: u16) -> String {
    version.to_string()
}

impl From<sqlx::Error> for AppendError {
    fn from(error: sqlx::Error) -> Self {
        let Some(refusal) =
            error.as_database_error().and_then(|it| it.try_downcast_ref::<PgDatabaseError>())
        else {
            return Self::Unknown(error.to_string());
        };
        match (refusal.code(), refusal.constraint()) {
            ("AN001", _) => match refusal.detail().map(serde_json::from_str) {
                Some(Ok(streams)) => Self::Stale(streams),
                _ => Self::Stale(Vec::new()),
            },
            ("AN002", _) => match refusal.detail().map(DateTime::parse_from_rfc3339) {
                Some(Ok(at)) => Self::ClockBehind(at.to_utc()),
                _ => Self::Refused("the log's time cannot be read".to_owned()),
            },
            ("23505", Some("commands_pkey")) => Self::KnownCommand,
            ("23505", Some("claims_pkey" | "claims_owner_key")) => Self::ClaimHeld,
            ("23505", Some("events_pkey")) => Self::SequenceTaken,
            // Whatever Postgres says while it goes down or is full may be over soon.
            (code, _)
                if code.starts_with("08")
                    || code.starts_with("53")
                    || code.starts_with("57")
                    || code.starts_with("58") =>
            {
                Self::Unknown(refusal.message().to_owned())
            }
            ("40001" | "40P01" | "25006", _) => Self::Unknown(refusal.message().to_owned()),
            // The message may quote what was stored; the code says enough.
            (code, constraint) => {
                Self::Refused(format!("SQLSTATE {code} {}", constraint.unwrap_or_default()))
            }
        }
    }
}
