//! Reads of what is most sensitive, into the log.
//!
//! Whoever wants to read asks first (`annals.ask_sensitive`), and is shown nothing before that is stored for
//! good (`annals.read_sensitive`). Here each asking becomes an event of the person who is read about
//! (`SensitiveDataRead`), by a command whose id is the ticket's: once in effect, however often it is sent.

use std::{sync::Arc, time::Duration};

use annals_commands::{
    ActorKind,
    reaction::{Cause, Sending},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    engine::Clock,
    reactor::{RunError, Sender, identity},
    store::lead,
};

/// How often it is looked for what was asked.
const POLL: Duration = Duration::from_millis(500);
/// Tickets taken at once.
const PAGE: i64 = 100;
/// Contract id under which commands are sent.
const NAME: &str = "shared.sensitive-read";

/// Turns what was asked for into events. One works, others stand by.
#[derive(Clone)]
pub struct Reads {
    /// The event store, with the reactor's rights.
    pub pool: PgPool,
    /// Sends commands.
    pub sender: Sender,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Reads {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Reads")
    }
}

/// What was asked for and is not in the log yet.
#[derive(sqlx::FromRow)]
struct Note {
    id: Uuid,
    what: String,
    subject: String,
    reader: Uuid,
    login: String,
    purpose: String,
    read_at: DateTime<Utc>,
}

impl Reads {
    /// Works until it is told to stop. Whatever goes wrong, it begins again.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.lead(&stop).await {
                metrics::counter!("annals_sensitive_read_failures_total").increment(1);
                tracing::error!(%error, "reads of sensitive data are not in the log yet");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = sleep(Duration::from_secs(2)) => {}
                }
            }
        }
    }

    async fn lead(&self, stop: &CancellationToken) -> Result<(), RunError> {
        let Some(mut lock) = lead(&self.pool, "annals.sensitive", stop).await? else {
            return Ok(());
        };
        while !stop.is_cancelled() {
            let notes: Vec<Note> = sqlx::query_as(
                "SELECT id, what, subject, reader, login, purpose, read_at
                 FROM annals.sensitive_reads WHERE NOT recorded ORDER BY read_at, id LIMIT $1",
            )
            .bind(PAGE)
            .fetch_all(&mut lock)
            .await?;
            for note in &notes {
                self.record(note, stop).await?;
                let recorded = "UPDATE annals.sensitive_reads SET recorded = true, purpose = ''
                                WHERE id = $1";
                sqlx::query(recorded).bind(note.id).execute(&mut lock).await?;
            }
            sqlx::query(
                "DELETE FROM annals.sensitive_reads
                 WHERE recorded AND read_at < clock_timestamp() - interval '10 minutes'",
            )
            .execute(&mut lock)
            .await?;
            metrics::counter!("annals_sensitive_reads_total").increment(notes.len() as u64);
            if notes.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = sleep(POLL) => {}
                }
            }
        }
        Ok(())
    }

    async fn record(&self, note: &Note, stop: &CancellationToken) -> Result<(), RunError> {
        let cause = Cause {
            id: note.id,
            event_id: note.id,
            position: 0,
            aggregate_type: NAME.to_owned(),
            stream: note.subject.clone(),
            at: self.clock.now(),
            tenant: note.subject.clone(),
            actor: identity(),
            actor_kind: ActorKind::System,
            correlation_id: note.id.to_string(),
        };
        let sending = Sending {
            reaction: NAME,
            id: note.id,
            subject: "shared.cmd.record_sensitive_read".to_owned(),
            target: note.subject.clone(),
            data: json!({
                "what": note.what, "reader": note.reader, "login": note.login,
                "purpose": note.purpose, "read_at": note.read_at,
            }),
            reason: None,
        };
        self.sender.send(&cause, &sending, stop).await?;
        Ok(())
    }
}
