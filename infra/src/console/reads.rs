//! Who read what is most sensitive about a person: when, which column, and what for (shared.sensitive-read).
//!
//! The one thing that is opened here: a purpose is sealed for the person who was read about, and is what an
//! auditor asks for. It is shown to the operator alone, and is a tombstone once the person is erased. What was
//! read stays closed.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use annals_domain::{
    Decider, EventData,
    shared::subject::{DataSubject, SensitiveDataRead},
};

use super::{Console, Shared, error::ConsoleError, session::Visitor};
use crate::{
    seal,
    store::{COLUMNS, StoredEvent},
};

/// Reads told at once.
const PAGE: i64 = 50;

/// About whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    subject: String,
    /// Only reads before this one of the person's stream.
    before: Option<i64>,
}

/// Tells reads about a person, the newest first.
pub async fn reads(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let stored: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM annals.events AS event
         WHERE event.aggregate_type = $1 AND event.aggregate_id = $2 AND event.sequence < $3
           AND event.event_type = $4
         ORDER BY event.sequence DESC LIMIT $5"
    ))
    .bind(DataSubject::TYPE)
    .bind(asked.subject.trim())
    .bind(asked.before.unwrap_or(i64::MAX))
    .bind(SensitiveDataRead::TYPE.name)
    .bind(PAGE)
    .fetch_all(console.log.pool())
    .await?;
    let whole = i64::try_from(stored.len()).is_ok_and(|it| it == PAGE);
    let earlier = stored.last().filter(|_| whole).map(|it| it.sequence);
    let mut reads = Vec::with_capacity(stored.len());
    for event in &stored {
        reads.push(console.read(event).await?);
    }
    Ok(Json(json!({ "subject": asked.subject.trim(), "reads": reads, "earlier": earlier })))
}

impl Console {
    async fn read(&self, event: &StoredEvent) -> Result<Value, ConsoleError> {
        let unreadable = |_| ConsoleError::Refused("this event cannot be opened now".to_owned());
        let opened = seal::open_stored(&self.keys, &self.aggregates, event).await;
        let opened = opened.map_err(unreadable)?;
        let told = |name: &str| opened.payload.get(name).cloned().unwrap_or_default();
        Ok(json!({
            "position": event.position, "recorded_at": event.recorded_at, "what": told("what"),
            "reader": told("reader"), "login": told("login"), "purpose": told("purpose"),
            "read_at": told("read_at"), "erased": opened.erased,
        }))
    }
}
