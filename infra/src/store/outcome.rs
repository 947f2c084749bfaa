//! What became of a command, as it was kept.

use sqlx::Row;
use uuid::Uuid;

use super::Store;

/// A kept outcome.
#[derive(Debug, Clone)]
pub struct StoredOutcome {
    /// Made of sender and command id.
    pub key: Uuid,
    /// Keyed hash of command and body.
    pub fingerprint: Vec<u8>,
    /// Position of the command's first event.
    pub position: Option<i64>,
    /// Which event is the last of the aggregate that was addressed, from 0.
    pub target: Option<i32>,
    /// The reply's body, where it was kept whole.
    pub outcome: Option<String>,
    /// The events: position, aggregate, id, sequence, event id, type.
    pub events: Vec<(String, String, i64, Uuid, String)>,
}

impl Store {
    /// What became of these commands; those that are not known are left out.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn outcomes(&self, keys: &[Uuid]) -> Result<Vec<StoredOutcome>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT command.key, command.fingerprint, command.position, command.target,
                    command.outcome::text, event.aggregate_type, event.aggregate_id,
                    event.sequence, event.event_id, event.event_type
             FROM annals.commands AS command
             LEFT JOIN annals.events AS event
                 ON event.position >= command.position
                AND event.position < command.position + command.events
             WHERE command.key = ANY($1)
             ORDER BY command.key, event.position",
        )
        .bind(keys)
        .fetch_all(&self.pool)
        .await?;
        let mut outcomes: Vec<StoredOutcome> = Vec::new();
        for row in rows {
            let key: Uuid = row.try_get(0)?;
            if outcomes.last().is_none_or(|last| last.key != key) {
                outcomes.push(StoredOutcome {
                    key,
                    fingerprint: row.try_get(1)?,
                    position: row.try_get(2)?,
                    target: row.try_get(3)?,
                    outcome: row.try_get(4)?,
                    events: Vec::new(),
                });
            }
            if let (Some(last), Some(kind)) = (outcomes.last_mut(), row.try_get(5)?) {
                last.events.push((
                    kind,
                    row.try_get(6)?,
                    row.try_get(7)?,
                    row.try_get(8)?,
                    row.try_get(9)?,
                ));
            }
        }
        Ok(outcomes)
    }
}
