//! Reactions: an event, or a timer that is due, leads to commands.
//!
//! A reaction is a pure function. What it looks at besides the event is the reactor's own memory: small
//! states and sets that it folded from earlier events of the same log, so that the same log always
//! leads to the same commands. A command's id is derived from what caused it, the reaction and the
//! target (UUID version 5): however often it is sent, it takes effect once.
//!
//! A function runs from the start again whenever it asks for a memory that is not at hand
//! ([`Halt::Missing`]), as command handlers do; so it touches no database either.
//!
//! To add a reaction: its contract id in the context's `Reactions::names`, and its line in the arm of
//! the event that it waits for. To remember something new: a field of a [`Memory`], and one more in
//! `Reactions::version`, which has the memory folded anew.

mod memory;
mod rules;
pub mod testing;

use std::fmt;

use annals_domain::{Decider, refusal::snake_case};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

pub use memory::{Key, Memories, Memory, Notes};
pub use rules::Rules;

use crate::{actor::ActorKind, aggregate::Happened};

/// What led to a reaction: an event, or a timer that an event set.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// What ids of commands are derived from: the event's id, or one made of a timer's.
    pub id: Uuid,
    /// The event behind it.
    pub event_id: Uuid,
    /// That event's place in the log.
    pub position: u64,
    /// The kind of aggregate, for example `lift.alert`.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub stream: String,
    /// When it was recorded; for a timer, when it was due.
    pub at: DateTime<Utc>,
    /// Whose data it is.
    pub tenant: String,
    /// Who asked for it.
    pub actor: Uuid,
    /// What kind of actor that is.
    pub actor_kind: ActorKind,
    /// What it belongs to.
    pub correlation_id: String,
}

impl Cause {
    /// The aggregate's id as a UUID.
    ///
    /// # Errors
    /// [`Halt::Fault`] where it is none.
    pub fn id_of_stream(&self) -> Result<Uuid, Halt> {
        parse(&self.stream)
    }
}

/// An id that should be a UUID.
///
/// # Errors
/// [`Halt::Fault`] where it is none.
pub fn parse(id: &str) -> Result<Uuid, Halt> {
    Uuid::try_parse(id).map_err(|_| Halt::Fault("an id is no UUID".to_owned()))
}

/// A command that a reaction sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Sending {
    /// Contract id of the reaction.
    pub reaction: &'static str,
    /// The command's id.
    pub id: Uuid,
    /// The NATS subject, `<context>.cmd.<command>`.
    pub subject: String,
    /// The aggregate it is for.
    pub target: String,
    /// The command's own fields.
    pub data: Value,
    /// Why, where it is an override that has to say so.
    pub reason: Option<String>,
}

/// Something that others outside of the log wait for, such as whoever sends messages to people. Holds ids
/// and times and no personal data; published at least once, on `<context>.note.<name>`.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Contract id of the reaction.
    pub reaction: &'static str,
    /// Its id, the same however often it is published.
    pub id: Uuid,
    /// What it is, in snake case.
    pub name: &'static str,
    /// Ids and times.
    pub data: Value,
}

/// A timer is set, moved or taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerChange {
    /// Contract id of the reaction that it wakes.
    pub reaction: &'static str,
    /// What it is about: one timer a reaction and key.
    pub key: String,
    /// When it is due; none takes it back.
    pub due_at: Option<DateTime<Utc>>,
}

/// A timer that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Contract id of the reaction that set it.
    pub reaction: String,
    /// What it is about.
    pub key: String,
}

/// Why a reaction did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// Something it wants to look at is not at hand: bring it and run it again.
    Missing(Key),
    /// A fault of ours. Speaks of names and types, never of values.
    Fault(String),
}

impl From<serde_json::Error> for Halt {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(format!("a value has no JSON: line {}", error.line()))
    }
}

/// One run of a reaction: what it may look at, and what comes of it.
pub struct Reacting<'a> {
    /// What happened, or what is due.
    pub cause: &'a Cause,
    /// Rules that judge: configuration.
    pub rules: &'a Rules,
    /// What is remembered from now on.
    pub notes: Notes<'a>,
    /// The commands, in order.
    pub sendings: Vec<Sending>,
    /// What others are told.
    pub notices: Vec<Notice>,
    /// The timers.
    pub timers: Vec<TimerChange>,
}

impl fmt::Debug for Reacting<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reacting").field("cause", &self.cause.event_id).finish_non_exhaustive()
    }
}

impl<'a> Reacting<'a> {
    /// A fresh run.
    #[must_use]
    pub fn new(cause: &'a Cause, rules: &'a Rules, memories: &'a dyn Memories) -> Self {
        Self {
            cause,
            rules,
            notes: Notes::new(memories),
            sendings: Vec::new(),
            notices: Vec::new(),
            timers: Vec::new(),
        }
    }

    /// What is remembered under an id; the default where nothing is.
    ///
    /// # Errors
    /// [`Halt::Missing`] while it is not at hand.
    pub fn recall<M: Memory>(&self, id: impl ToString) -> Result<M, Halt> {
        self.notes.recall(&id.to_string())
    }

    /// Remembers a state under an id from now on.
    ///
    /// # Errors
    /// [`Halt::Fault`] where it has no JSON.
    pub fn remember<M: Memory>(&mut self, id: impl ToString, state: &M) -> Result<(), Halt> {
        self.notes.remember(&id.to_string(), state)
    }

    /// Changes what is remembered under an id, and gives back what it is then.
    ///
    /// # Errors
    /// As [`recall`](Self::recall).
    pub fn amend<M: Memory>(
        &mut self,
        id: impl ToString,
        change: impl FnOnce(&mut M),
    ) -> Result<M, Halt> {
        let id = id.to_string();
        let mut state = self.notes.recall::<M>(&id)?;
        change(&mut state);
        self.notes.remember(&id, &state)?;
        Ok(state)
    }

    /// Remembers an aggregate as its own `evolve` makes it of its events, for a context whose reactions
    /// ask what commands ask. The state holds no personal data, as no aggregate's does.
    ///
    /// # Errors
    /// As [`recall`](Self::recall).
    pub fn follow<D: Decider>(&mut self, event: &D::Event) -> Result<D, Halt> {
        let id = self.cause.stream.clone();
        let mut state = self.known::<D>(&id)?;
        state.evolve(event);
        self.notes.put(D::TYPE, &id, &state, &[])?;
        Ok(state)
    }

    /// An aggregate that is [followed](Self::follow).
    ///
    /// # Errors
    /// As [`recall`](Self::recall).
    pub fn known<D: Decider>(&self, id: impl ToString) -> Result<D, Halt> {
        self.notes.get(D::TYPE, &id.to_string(), &[])
    }

    /// Sends a command, once for this cause, reaction and target.
    ///
    /// # Errors
    /// [`Halt::Fault`] where it has no JSON.
    pub fn send<D: Decider, C: Serialize + JsonSchema>(
        &mut self,
        reaction: &'static str,
        target: impl ToString,
        command: &C,
    ) -> Result<(), Halt> {
        self.send_as::<D, C>(reaction, target, "", command)
    }

    /// The same, where one cause leads to several commands of a kind for one target: `which` tells
    /// them apart.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_as<D: Decider, C: Serialize + JsonSchema>(
        &mut self,
        reaction: &'static str,
        target: impl ToString,
        which: &str,
        command: &C,
    ) -> Result<(), Halt> {
        let context = D::TYPE.split_once('.').map_or(D::TYPE, |(context, _)| context);
        let subject = format!("{context}.cmd.{}", snake_case(&C::schema_name()));
        let target = target.to_string();
        let name = format!("{reaction}/{subject}/{target}/{which}");
        self.sendings.push(Sending {
            reaction,
            id: Uuid::new_v5(&self.cause.id, name.as_bytes()),
            subject,
            target,
            data: without_nulls(serde_json::to_value(command)?),
            reason: None,
        });
        Ok(())
    }

    /// Tells whoever waits for it outside of the log. `data` holds ids and times, nothing personal.
    pub fn tell(&mut self, reaction: &'static str, name: &'static str, data: Value) {
        let id = self.new_id(&format!("{reaction}/{name}"));
        self.notices.push(Notice { reaction, id, name, data });
    }

    /// A new id, the same each time this cause is met.
    #[must_use]
    pub fn new_id(&self, what: &str) -> Uuid {
        Uuid::new_v5(&self.cause.id, what.as_bytes())
    }

    /// Sets the timer of a reaction and key, or moves it.
    pub fn wake_at(&mut self, reaction: &'static str, key: impl ToString, due_at: DateTime<Utc>) {
        self.timers.push(TimerChange { reaction, key: key.to_string(), due_at: Some(due_at) });
    }

    /// Takes a timer back.
    pub fn let_sleep(&mut self, reaction: &'static str, key: impl ToString) {
        self.timers.push(TimerChange { reaction, key: key.to_string(), due_at: None });
    }
}

/// A command's fields as a sender writes them: what is not given is left out. (A field that may be set
/// to null tells null from nothing, and reactions set none to null.)
fn without_nulls(mut data: Value) -> Value {
    if let Value::Object(fields) = &mut data {
        fields.retain(|_, value| !value.is_null());
    }
    data
}

/// What events of one kind of aggregate lead to.
pub struct Upon {
    /// The kind of aggregate, for example `lift.alert`.
    pub aggregate: &'static str,
    /// The form of that aggregate's state, which may be remembered.
    form: u32,
    react: React,
}

type React = Box<dyn Fn(&dyn Happened, &mut Reacting<'_>) -> Result<(), Halt> + Send + Sync>;

impl fmt::Debug for Upon {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Upon").field("aggregate", &self.aggregate).finish_non_exhaustive()
    }
}

/// Has a function react to all events of an aggregate.
#[must_use]
pub fn upon<D: Decider>(react: fn(&D::Event, &mut Reacting<'_>) -> Result<(), Halt>) -> Upon {
    Upon {
        aggregate: D::TYPE,
        form: D::STATE_VERSION,
        react: Box::new(move |event, reacting| {
            let event = event
                .as_any()
                .downcast_ref::<D::Event>()
                .ok_or_else(|| Halt::Fault(format!("not an event of {}", D::TYPE)))?;
            react(event, reacting)
        }),
    }
}

/// The reactions of a context.
#[derive(Debug)]
pub struct Reactions {
    /// Contract ids of the reactions that send commands or set timers here.
    pub names: &'static [&'static str],
    /// Contract ids of those that need none, and what does the same.
    pub elsewhere: &'static [(&'static str, &'static str)],
    /// Counts the changes of what is remembered: what another version remembered is folded anew.
    pub version: u32,
    /// What events lead to.
    pub upon: Vec<Upon>,
    /// What timers lead to.
    pub due: fn(&Due, &mut Reacting<'_>) -> Result<(), Halt>,
}

impl Reactions {
    /// Whether anything here waits for events of this kind of aggregate.
    #[must_use]
    pub fn listens_to(&self, aggregate: &str) -> bool {
        self.upon.iter().any(|upon| upon.aggregate == aggregate)
    }

    /// Version of everything that is remembered, states of aggregates included.
    #[must_use]
    pub fn memory_version(&self) -> i64 {
        let forms: u32 = self.upon.iter().map(|upon| upon.form).sum();
        i64::from(self.version) * 10_000 + i64::from(forms)
    }

    /// The contexts whose events are waited for.
    #[must_use]
    pub fn sources(&self) -> Vec<&'static str> {
        let mut sources: Vec<&'static str> = Vec::new();
        for upon in &self.upon {
            let context = upon.aggregate.split('.').next().unwrap_or_default();
            if !sources.contains(&context) {
                sources.push(context);
            }
        }
        sources
    }

    /// The kinds of aggregate whose events are waited for.
    #[must_use]
    pub fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<&'static str> = self.upon.iter().map(|upon| upon.aggregate).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Lets everything that waits for it react to an event.
    ///
    /// # Errors
    /// See [`Halt`].
    pub fn react(&self, event: &dyn Happened, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
        let kind = reacting.cause.aggregate_type.as_str();
        for upon in self.upon.iter().filter(|upon| upon.aggregate == kind) {
            (upon.react)(event, reacting)?;
        }
        Ok(())
    }
}

/// An id of a timer's turn: a timer that is moved is another one.
#[must_use]
pub fn turn_of(event_id: Uuid, due: &Due, due_at: DateTime<Utc>) -> Uuid {
    let name = format!("{}/{}/{}", due.reaction, due.key, due_at.timestamp_micros());
    Uuid::new_v5(&event_id, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::Catalogue;

    #[test]
    fn every_reaction_is_named_once_under_its_contract_id_in_its_own_context() {
        let mut all = BTreeSet::new();
        for context in Catalogue::new().into_contexts() {
            let Some(reactions) = context.reactions else { continue };
            let elsewhere = reactions.elsewhere.iter().map(|(name, _)| name);
            for name in reactions.names.iter().chain(elsewhere) {
                assert!(name.starts_with(&format!("{}.reaction.", context.name)), "{name}");
                assert!(all.insert(*name), "{name} twice");
            }
            assert!(reactions.sources().contains(&context.name));
        }
        // The contract's: restorative 1, lift 15, carenotes 4, samia 16, nestsync 13; and retention.
        assert_eq!(all.len(), 1 + 15 + 4 + 16 + 13 + 1);
    }

    #[test]
    fn reactions_listen_to_aggregates_that_there_are() {
        let catalogue = Catalogue::new();
        for reactions in catalogue.contexts().iter().filter_map(|it| it.reactions.as_ref()) {
            for upon in &reactions.upon {
                assert!(catalogue.aggregate(upon.aggregate).is_some(), "{}", upon.aggregate);
            }
        }
    }
}
