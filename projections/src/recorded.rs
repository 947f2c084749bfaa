//! An event as it was stored, for projections.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// What is known of an event besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Stored name of the aggregate's kind, for example `lift.alert`.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: String,
    /// Its place in the stream, from 1.
    pub sequence: u64,
    /// Its place among all events, from 1.
    pub position: u64,
    /// Its own id.
    pub event_id: Uuid,
    /// Stored name of its kind.
    pub event_type: String,
    /// When it was recorded: the event's time, whole microseconds, UTC.
    pub at: DateTime<Utc>,
    /// When it happened, where the command said so.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Whoever asked.
    pub actor: Uuid,
    /// What kind of actor that is.
    pub actor_kind: ActorKind,
    /// Name of the command that led to it, for example `acknowledge_alert`.
    pub command: String,
    /// Id of that command.
    pub command_id: String,
    /// Whose data it is: organisation, family, user.
    pub tenant: String,
    /// Whether its subject was erased: personal fields hold tombstones.
    pub erased: bool,
}

/// What kind of actor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A signed-in person.
    Person,
    /// A service.
    System,
    /// The operator.
    Operator,
}

/// An event and what is known of it.
#[derive(Debug, Clone)]
pub struct Recorded<'a, E> {
    /// The aggregate's id.
    pub id: &'a str,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: E,
    /// Everything else.
    pub envelope: &'a Envelope,
}
