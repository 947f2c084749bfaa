//! What was refused: one stream a UTC day, so that refusals reach the audit log like everything else
//! (samia.ops.audit-everything).
//!
//! Nobody commands it. Whoever keeps a refusal appends [`CommandRefused`] beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, Moment, events, refusal};

/// A business rule stood against a command. (samia.event.CommandRefused)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandRefused {
    /// The command's name, for example `debit_wallet`.
    pub command: String,
    /// The command's id.
    pub command_id: String,
    /// The refusal in snake case, for example `insufficient_funds`.
    pub code: String,
    /// What stood against it. Holds no personal data.
    pub detail: String,
    /// The aggregate's own name, for example `wallet`.
    pub resource_type: String,
    /// The aggregate's id, where it is a UUID.
    pub resource_id: Option<Uuid>,
    /// Who asked, if that is a user.
    pub user_id: Option<Uuid>,
}

events! {
    /// What happens to the log of refusals.
    pub enum Event { CommandRefused }
    Imported {
        AuditLogImported from audit_logs at [id] of [user_id] { ip_address: null, user_agent: null, old_values: null, new_values: null },
    }
}

/// Nothing can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {}

/// It refuses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {}

impl refusal::Refusal for Refusal {
    const NAMES: &'static [&'static str] = &[];

    fn name(&self) -> &'static str {
        match *self {}
    }

    fn detail(&self) -> String {
        match *self {}
    }

    fn field(&self) -> Option<&'static str> {
        match *self {}
    }

    fn hint(&self) -> Option<&'static str> {
        match *self {}
    }
}

/// A day's refusals. Decides nothing and so keeps nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommandLog {}

impl Decider for CommandLog {
    const TYPE: &'static str = "samia.command_log";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {}
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::CommandRefused(_) => {}
            Event::Imported(_) => {}
        }
    }
}
