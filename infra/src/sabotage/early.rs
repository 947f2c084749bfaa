//! Things done too early, or by what must not be gone by.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use async_nats::{Client, jetstream};
use chrono::{DateTime, Utc};

use super::broken;
use crate::{
    engine::{Accepted, Outcome, Submission},
    relay::{MacKey, headers, subject},
    store::{Batch, StoredEvent},
};

static MEANS: OnceLock<(Client, MacKey)> = OnceLock::new();
static LAST_SEEN: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Hands over what publishing needs.
pub fn equip(client: &Client, key: &MacKey) {
    let _ = MEANS.set((client.clone(), key.clone()));
}

/// Publishes a batch that is not stored yet (`publish_before_commit`).
pub async fn publish(batch: &Batch, expected: i64, at: DateTime<Utc>) {
    let Some((client, key)) = MEANS.get().filter(|_| broken("publish_before_commit")) else {
        return;
    };
    let mut previous = expected;
    for (event, position) in batch.events.iter().zip(expected + 1..) {
        let mut event = StoredEvent {
            position,
            aggregate_type: event.aggregate_type.to_owned(),
            aggregate_id: event.aggregate_id.to_string(),
            sequence: event.sequence,
            event_type: event.event_type.to_owned(),
            event_version: event.event_version.to_string(),
            payload: event.payload.clone(),
            metadata: event.metadata.to_string(),
            event_id: event.event_id,
            recorded_at: at,
            hash: Vec::new(),
        };
        event.hash = event.computed_hash().to_vec();
        let headers = headers(&event, 1, previous, key);
        previous = position;
        let payload = event.payload.clone().into();
        let _ = client.publish_with_headers(subject(&event), headers, payload).await;
    }
    let _ = client.flush().await;
}

/// Answers a command that is not stored yet (`reply_before_commit`).
pub fn answer(submission: &mut Submission, outcome: &Outcome, position: i64) {
    if !broken("reply_before_commit") {
        return;
    }
    let outcome = match outcome.clone() {
        Outcome::Accepted(accepted) => Outcome::Accepted(Accepted { position, ..accepted }),
        problem @ Outcome::Problem(_) => problem,
    };
    let respond = std::mem::replace(&mut submission.respond, Box::new(|_| {}));
    respond(outcome);
}

/// Whether a message is passed over because its stream's sequence was seen before
/// (`stream_sequence_as_checkpoint`).
pub fn seen(context: &'static str, message: &jetstream::Message) -> bool {
    if !broken("stream_sequence_as_checkpoint") {
        return false;
    }
    let sequence = message.info().map_or(0, |info| info.stream_sequence);
    let mut last = LAST_SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let last = last.entry(context).or_default();
    let seen = sequence <= *last;
    *last = sequence.max(*last);
    seen
}
