//! An event as it stands in the log, and the bytes that are hashed.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredEvent {
    /// Place among all events, from 1.
    pub position: i64,
    /// Context and aggregate, for example `lift.alert`.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: String,
    /// Place in the stream, from 1.
    pub sequence: i64,
    /// Stored name of the kind of event.
    pub event_type: String,
    /// Version of the payload's form.
    pub event_version: String,
    /// The content as JSON text; personal fields are sealed.
    pub payload: String,
    /// Who, by which command, why, as JSON text.
    pub metadata: String,
    /// The event's own id.
    pub event_id: Uuid,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Leaf hash over the stored bytes.
    pub hash: Vec<u8>,
}

impl StoredEvent {
    /// The context: what stands before the dot of the aggregate's name.
    #[must_use]
    pub fn context(&self) -> &str {
        self.aggregate_type.split_once('.').map_or(self.aggregate_type.as_str(), |(it, _)| it)
    }

    /// The hash that the stored bytes have now.
    #[must_use]
    pub fn computed_hash(&self) -> [u8; 32] {
        leaf_hash(
            &self.aggregate_type,
            &self.aggregate_id,
            self.sequence,
            &self.event_type,
            &self.event_version,
            self.event_id,
            self.recorded_at,
            &self.metadata,
            &self.payload,
        )
    }
}

/// What is known of an event besides its content. Stored as compact JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The command's id, as the caller gave it.
    pub command_id: String,
    /// The command's name, for example `acknowledge_alert`.
    pub command: String,
    /// Whoever asked: the token's subject.
    pub actor: Uuid,
    /// `person`, `system` or `operator`.
    pub actor_kind: String,
    /// Whose data it is.
    pub tenant: String,
    /// What it belongs to.
    pub correlation_id: String,
    /// What led to it: the command, or for a reaction the event behind that.
    pub causation_id: String,
    /// W3C `traceparent` of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// When it happened, where the command said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// Why, where an override was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whose keys seal the personal fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<SealedSubject>,
}

/// Whose key seals an event's personal fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSubject {
    /// The person.
    pub subject: String,
    /// Which of the person's keys.
    pub key: u32,
    /// What lets an auditor see that this very key was destroyed.
    pub commitment: String,
}

/// RFC 6962 leaf hash: SHA-256 over a zero byte and the event's bytes, each text with its length.
#[must_use]
#[allow(clippy::too_many_arguments, reason = "these are the hashed columns, in their order")]
pub fn leaf_hash(
    aggregate_type: &str,
    aggregate_id: &str,
    sequence: i64,
    event_type: &str,
    event_version: &str,
    event_id: Uuid,
    recorded_at: DateTime<Utc>,
    metadata: &str,
    payload: &str,
) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(160 + metadata.len() + payload.len());
    let texts = [aggregate_type, aggregate_id, event_type, event_version, metadata, payload];
    leaf_bytes(
        &mut bytes,
        texts.map(str::as_bytes),
        sequence,
        event_id.into_bytes(),
        recorded_at.timestamp_micros(),
    );
    let mut context = Context::new(&SHA256);
    context.update(&bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Appends what a leaf hash is taken over. The texts are the aggregate's type and id, the event's type
/// and version, metadata and payload; the time is in microseconds since 1970.
pub(crate) fn leaf_bytes(
    bytes: &mut Vec<u8>,
    [aggregate_type, aggregate_id, event_type, event_version, metadata, payload]: [&[u8]; 6],
    sequence: i64,
    event_id: [u8; 16],
    recorded_at: i64,
) {
    bytes.extend_from_slice(b"\0annals.event.v1\n");
    let text = |bytes: &mut Vec<u8>, text: &[u8]| {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text);
    };
    text(bytes, aggregate_type);
    text(bytes, aggregate_id);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    text(bytes, event_type);
    text(bytes, event_version);
    bytes.extend_from_slice(&event_id);
    bytes.extend_from_slice(&recorded_at.to_be_bytes());
    text(bytes, metadata);
    text(bytes, payload);
}
