//! Aggregates without their types, so that one engine serves them all.

use std::{any::Any, fmt::Debug};

use annals_domain::{Decider, DomainEvent, EventType, Refusal, RowType};
use serde_json::Value;

/// An aggregate's state, of whatever type.
pub trait State: Any + Send + Sync {
    /// As `Any`, to get the type back.
    fn as_any(&self) -> &dyn Any;
    /// A copy.
    fn copy(&self) -> Box<dyn State>;
    /// Moves past an event of its own kind; an event of another aggregate's is a fault.
    ///
    /// # Errors
    /// The event is not one of this aggregate's.
    fn evolve(&mut self, event: &dyn Happened) -> Result<(), NotItsEvent>;
    /// The state as JSON, for a snapshot.
    ///
    /// # Errors
    /// When the state cannot be written as JSON.
    fn snapshot(&self) -> serde_json::Result<Value>;
}

/// An event was given to an aggregate of another type: a fault of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotItsEvent;

impl<D: Decider> State for D {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn copy(&self) -> Box<dyn State> {
        Box::new(self.clone())
    }

    fn evolve(&mut self, event: &dyn Happened) -> Result<(), NotItsEvent> {
        let event = event.as_any().downcast_ref::<D::Event>().ok_or(NotItsEvent)?;
        Decider::evolve(self, event);
        Ok(())
    }

    fn snapshot(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

/// An event of whatever aggregate.
pub trait Happened: Any + Debug + Send + Sync {
    /// As `Any`, to get the type back.
    fn as_any(&self) -> &dyn Any;
    /// Its kind.
    fn event_type(&self) -> &'static EventType;
    /// Its payload as JSON text.
    ///
    /// # Errors
    /// When a field cannot be written as JSON.
    fn payload(&self) -> serde_json::Result<String>;
    /// Its payload as a JSON value.
    ///
    /// # Errors
    /// When a field cannot be written as JSON.
    fn payload_value(&self) -> serde_json::Result<Value>;
    /// The column of an imported row that its aggregate needed and could not read.
    fn misread(&self) -> Option<&'static str>;
}

impl<E: DomainEvent> Happened for E {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn event_type(&self) -> &'static EventType {
        DomainEvent::event_type(self)
    }

    fn payload(&self) -> serde_json::Result<String> {
        DomainEvent::payload(self)
    }

    fn payload_value(&self) -> serde_json::Result<Value> {
        DomainEvent::payload_value(self)
    }

    fn misread(&self) -> Option<&'static str> {
        DomainEvent::misread(self)
    }
}

/// Reads an event from its stored name and payload.
pub type ReadEvent = fn(&str, Value) -> serde_json::Result<Option<Box<dyn Happened>>>;

/// A kind of aggregate, as the engine, the catalogue and the event log see it.
#[derive(Clone, Copy)]
pub struct AggregateType {
    /// Stored name, `<context>.<aggregate>`.
    pub name: &'static str,
    /// Its kinds of event.
    pub events: &'static [EventType],
    /// The documented tables whose rows it can be taken over from.
    pub rows: &'static [RowType],
    /// The contract's names of what it refuses.
    pub refusals: &'static [&'static str],
    /// The form of its snapshots.
    pub state_version: u32,
    /// The state before anything happened.
    pub empty: fn() -> Box<dyn State>,
    /// The state from a snapshot's JSON.
    pub from_snapshot: fn(Value) -> serde_json::Result<Box<dyn State>>,
    /// An event from its stored name and payload; `None` where it has no such event.
    pub read: ReadEvent,
}

impl AggregateType {
    /// The kind of aggregate that a decider is.
    #[must_use]
    pub const fn of<D: Decider>() -> Self {
        Self {
            name: D::TYPE,
            events: <D::Event as DomainEvent>::TYPES,
            rows: <D::Event as DomainEvent>::ROWS,
            refusals: <D::Refusal as Refusal>::NAMES,
            state_version: D::STATE_VERSION,
            empty: || Box::new(D::default()),
            from_snapshot: |json| Ok(Box::new(serde_json::from_value::<D>(json)?)),
            read: |name, payload| {
                let event = <D::Event as DomainEvent>::read(name, payload)?;
                Ok(event.map(|event| Box::new(event) as Box<dyn Happened>))
            },
        }
    }

    /// The context: what stands before the dot.
    #[must_use]
    pub fn context(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(context, _)| context)
    }

    /// The aggregate's own name: what stands after the dot.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, name)| name)
    }

    /// The kind of event of this name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&'static EventType> {
        self.events.iter().find(|event| event.name == name)
    }
}

impl Debug for AggregateType {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("AggregateType").field("name", &self.name).finish_non_exhaustive()
    }
}
