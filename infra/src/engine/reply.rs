//! What a command's sender gets.

use annals_commands::Problem;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::StoredOutcome;

/// The one answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is stored.
    Accepted(Accepted),
    /// It is not.
    Problem(Box<Problem>),
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

/// What became of an accepted command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Always true.
    pub ok: bool,
    /// The sender's id of the command.
    pub command_id: String,
    /// The kind of aggregate that was addressed, for example `lift.alert`.
    pub aggregate: String,
    /// Its id.
    pub id: String,
    /// Its version now.
    pub version: u64,
    /// Position of the command's last event: wait for it to read your own write.
    pub position: i64,
    /// The events, in order.
    pub events: Vec<EventRef>,
    /// Whether this answers a command that was sent before.
    pub duplicate: bool,
    /// Whether nothing was stored because the sender only wanted to see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// An event in a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRef {
    /// The event's id.
    pub id: Uuid,
    /// Its kind, for example `AlertAcknowledged`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Its place in its aggregate's stream.
    pub version: u64,
}

/// The answer that was kept, put together again.
pub fn stored(command_id: &str, kept: &StoredOutcome) -> Result<Outcome, serde_json::Error> {
    if let Some(body) = &kept.outcome {
        let value: serde_json::Value = serde_json::from_str(body)?;
        if value.get("ok").and_then(serde_json::Value::as_bool) == Some(true) {
            let accepted: Accepted = serde_json::from_value(value)?;
            return Ok(Outcome::Accepted(Accepted {
                duplicate: true,
                command_id: command_id.to_owned(),
                ..accepted
            }));
        }
        let problem: Problem = serde_json::from_value(value)?;
        return Ok(Problem { duplicate: true, ..problem }.into());
    }
    let events = kept.events.iter().map(|(_, _, sequence, id, event_type)| EventRef {
        id: *id,
        event_type: event_type.clone(),
        version: u64::try_from(*sequence).unwrap_or_default(),
    });
    let target = usize::try_from(kept.target.unwrap_or_default()).unwrap_or_default();
    let (aggregate, id, version) = kept
        .events
        .get(target)
        .map(|(kind, id, sequence, _, _)| (kind.clone(), id.clone(), *sequence))
        .unwrap_or_default();
    let count = i64::try_from(kept.events.len()).unwrap_or_default();
    Ok(Outcome::Accepted(Accepted {
        ok: true,
        command_id: command_id.to_owned(),
        aggregate,
        id,
        version: u64::try_from(version).unwrap_or_default(),
        position: kept.position.unwrap_or_default() + count - 1,
        events: events.collect(),
        duplicate: true,
        dry_run: false,
    }))
}
