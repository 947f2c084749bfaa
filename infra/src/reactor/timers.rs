//! Timers: rows that wake a reaction when their time has come.

use std::time::Duration;

use annals_commands::{
    ActorKind,
    reaction::{Cause, Due, turn_of},
};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgPool, Postgres, Transaction};
use uuid::Uuid;

use super::{fold::Turn, run::RunError, send::identity};

/// Timers taken at once.
const PAGE: i64 = 100;
/// How long a timer that could not be handled waits.
pub const RETRY: Duration = Duration::from_secs(60);

/// A timer that is due.
#[derive(Debug, Clone, FromRow)]
pub struct Timer {
    /// Contract id of the reaction.
    pub reaction: String,
    /// What it is about.
    pub key: String,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    event_id: Uuid,
    position: i64,
    tenant: String,
    correlation_id: String,
}

impl Timer {
    /// What reactions are told of it.
    pub fn due(&self) -> Due {
        Due { reaction: self.reaction.clone(), key: self.key.clone() }
    }

    /// What leads to whatever comes of it.
    pub fn cause(&self) -> Cause {
        Cause {
            id: turn_of(self.event_id, &self.due(), self.due_at),
            event_id: self.event_id,
            position: u64::try_from(self.position).unwrap_or_default(),
            aggregate_type: self.reaction.clone(),
            stream: self.key.clone(),
            at: self.due_at,
            tenant: self.tenant.clone(),
            actor: identity(),
            actor_kind: ActorKind::System,
            correlation_id: self.correlation_id.clone(),
        }
    }
}

/// What is due, the longest first.
pub async fn due(
    pool: &PgPool,
    context: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Timer>, sqlx::Error> {
    sqlx::query_as(
        "SELECT reaction, key, due_at, event_id, position, tenant, correlation_id
         FROM annals.timers
         WHERE context = $1 AND coalesce(retry_at, due_at) <= $2
         ORDER BY coalesce(retry_at, due_at), reaction, key LIMIT $3",
    )
    .bind(context)
    .bind(now)
    .bind(PAGE)
    .fetch_all(pool)
    .await
}

/// Takes away a timer that was handled, unless it has been moved meanwhile.
pub async fn handled(
    transaction: &mut Transaction<'_, Postgres>,
    context: &str,
    timer: &Timer,
) -> Result<(), RunError> {
    sqlx::query(
        "DELETE FROM annals.timers
         WHERE context = $1 AND reaction = $2 AND key = $3 AND due_at = $4",
    )
    .bind(context)
    .bind(&timer.reaction)
    .bind(&timer.key)
    .bind(timer.due_at)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Lets a timer that could not be handled wait, with the reason beside it.
pub async fn failed(
    pool: &PgPool,
    context: &str,
    timer: &Timer,
    retry_at: DateTime<Utc>,
    why: &str,
) -> Result<(), RunError> {
    sqlx::query(
        "UPDATE annals.timers SET retry_at = $5, error = $6
         WHERE context = $1 AND reaction = $2 AND key = $3 AND due_at = $4",
    )
    .bind(context)
    .bind(&timer.reaction)
    .bind(&timer.key)
    .bind(timer.due_at)
    .bind(retry_at)
    .bind(why)
    .execute(pool)
    .await?;
    Ok(())
}

/// Sets, moves and takes back what turns say, in their order.
pub async fn change(
    transaction: &mut Transaction<'_, Postgres>,
    context: &str,
    turns: &[Turn],
) -> Result<(), RunError> {
    // The last word on a timer counts.
    let mut last = std::collections::BTreeMap::new();
    for turn in turns {
        for change in &turn.timers {
            last.insert((change.reaction, change.key.as_str()), (change.due_at, &turn.cause));
        }
    }
    let mut gone: (Vec<&str>, Vec<&str>) = (vec![], vec![]);
    for ((reaction, key), (due_at, _)) in &last {
        if due_at.is_none() {
            gone.0.push(reaction);
            gone.1.push(key);
        }
    }
    if !gone.0.is_empty() {
        sqlx::query(
            "DELETE FROM annals.timers AS known
             USING unnest($2::text[], $3::text[]) AS gone (reaction, key)
             WHERE known.context = $1 AND known.reaction = gone.reaction AND known.key = gone.key",
        )
        .bind(context)
        .bind(&gone.0)
        .bind(&gone.1)
        .execute(&mut **transaction)
        .await?;
    }
    for ((reaction, key), (due_at, cause)) in last {
        let Some(due_at) = due_at else { continue };
        sqlx::query(
            "INSERT INTO annals.timers AS known (context, reaction, key, due_at, event_id, position,
                                                 tenant, correlation_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT ON CONSTRAINT timers_pkey DO UPDATE
             SET due_at = excluded.due_at, event_id = excluded.event_id,
                 position = excluded.position, tenant = excluded.tenant,
                 correlation_id = excluded.correlation_id, retry_at = NULL, error = NULL",
        )
        .bind(context)
        .bind(reaction)
        .bind(key)
        .bind(due_at)
        .bind(cause.event_id)
        .bind(i64::try_from(cause.position).unwrap_or(i64::MAX))
        .bind(&cause.tenant)
        .bind(&cause.correlation_id)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}
