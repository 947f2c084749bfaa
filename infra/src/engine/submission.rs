//! A command on its way through the engine.

use std::sync::Arc;

use annals_commands::{Actor, AggregateType, Request, Target};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::reply::Outcome;

/// Takes the answer. Called exactly once, from the engine's loop: it must not wait.
pub type Respond = Box<dyn FnOnce(Outcome) + Send>;

/// A command whose sender is known and whose body could be read.
pub struct Submission {
    /// The context's name.
    pub context: &'static str,
    /// The command's name, for example `acknowledge_alert`.
    pub command: Arc<str>,
    /// The kind of aggregate that is addressed.
    pub aggregate: AggregateType,
    /// Where the target comes from when `id` is not given.
    pub target: Target,
    /// What is asked.
    pub request: Box<dyn Request>,
    /// The aggregate that is addressed.
    pub id: Option<Arc<str>>,
    /// The version that the sender believes it to have.
    pub expected_version: Option<u64>,
    /// When it happened, if the sender says so.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Why, where an override needs it.
    pub reason: Option<String>,
    /// Who asks.
    pub actor: Actor,
    /// The sender's id of the command.
    pub command_id: Arc<str>,
    /// Made of sender and command id.
    pub key: Uuid,
    /// Keyed hash of command and body.
    pub fingerprint: [u8; 16],
    /// What it belongs to.
    pub correlation_id: String,
    /// What led to it, if that is not the sender: for a reaction, the event.
    pub causation_id: Option<String>,
    /// W3C `traceparent`.
    pub traceparent: Option<String>,
    /// Decide, but append nothing.
    pub dry_run: bool,
    /// Takes the answer.
    pub respond: Respond,
    /// How often it was decided.
    pub attempts: u8,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Submission")
            .field("command", &self.command)
            .field("command_id", &self.command_id)
            .finish_non_exhaustive()
    }
}
