//! How far a reactor is, and the one transaction in which everything of it moves.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};

use super::run::RunError;
use crate::store::StoredEvent;

/// How far a reactor is.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Checkpoint {
    /// Version of what it remembers.
    pub version: i64,
    /// Every event up to here has been reacted to.
    pub position: i64,
    /// While the memory is folded anew, how far that is.
    pub folded: Option<i64>,
    /// Time of the last event.
    pub recorded_at: Option<DateTime<Utc>>,
}

/// The checkpoint of a context's reactor; one that was never there begins before the first event.
pub async fn read(pool: &PgPool, context: &str, version: i64) -> Result<Checkpoint, sqlx::Error> {
    sqlx::query(
        "INSERT INTO annals.reactors (context, version) VALUES ($1, $2)
         ON CONFLICT ON CONSTRAINT reactors_pkey DO NOTHING",
    )
    .bind(context)
    .bind(version)
    .execute(pool)
    .await?;
    sqlx::query_as(
        "SELECT version, position, folded, recorded_at FROM annals.reactors WHERE context = $1",
    )
    .bind(context)
    .fetch_one(pool)
    .await
}

/// Begins the transaction that moves a reactor past events; nobody else may have moved it.
pub async fn past<'a>(
    connection: &'a mut PgConnection,
    context: &str,
    from: i64,
    last: &StoredEvent,
) -> Result<Transaction<'a, Postgres>, RunError> {
    let mut transaction = connection.begin().await?;
    let moved = sqlx::query(
        "UPDATE annals.reactors
         SET position = $3, recorded_at = $4, stopped_at = NULL, error = NULL
         WHERE context = $1 AND position = $2",
    )
    .bind(context)
    .bind(from)
    .bind(last.position)
    .bind(last.recorded_at)
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() == 1 { Ok(transaction) } else { Err(RunError::Fenced) }
}

/// Begins a transaction of a reactor that stays where it is; nobody else may have moved it.
pub async fn here<'a>(
    connection: &'a mut PgConnection,
    context: &str,
    position: i64,
) -> Result<Transaction<'a, Postgres>, RunError> {
    let mut transaction = connection.begin().await?;
    let held =
        sqlx::query("SELECT FROM annals.reactors WHERE context = $1 AND position = $2 FOR UPDATE")
            .bind(context)
            .bind(position)
            .fetch_optional(&mut *transaction)
            .await?;
    if held.is_some() { Ok(transaction) } else { Err(RunError::Fenced) }
}

/// Parks an event, and says whether an operator wants it skipped.
pub async fn park(
    connection: &mut PgConnection,
    context: &str,
    event: &StoredEvent,
    why: &str,
) -> Result<bool, RunError> {
    let mut transaction = connection.begin().await?;
    let skipped: bool = sqlx::query_scalar(
        "INSERT INTO annals.parked AS known (name, position, event_type, error, parked_at)
         VALUES ($1, $2, $3, $4, clock_timestamp())
         ON CONFLICT ON CONSTRAINT parked_pkey DO UPDATE
         SET error = excluded.error, attempts = known.attempts + 1
         RETURNING known.skipped_at IS NOT NULL",
    )
    .bind(super::parked_as(context))
    .bind(event.position)
    .bind(&event.event_type)
    .bind(why)
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query("UPDATE annals.reactors SET stopped_at = $2, error = $3 WHERE context = $1")
        .bind(context)
        .bind((!skipped).then_some(event.position))
        .bind((!skipped).then_some(why))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(skipped)
}
