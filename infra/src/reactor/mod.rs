//! Reactors: events and timers into commands, at least once in delivery, once in effect.
//!
//! One works a context, others stand by. It reads stored events in order, lets the context's pure
//! reactions say what follows, sends those commands and waits for their outcomes; only then do its
//! checkpoint, its memory and its timers move, in one transaction. Whatever is done twice because a
//! process died in between has the same command ids, and so no second effect.
//!
//! A command that a business rule stands against is a normal end. A store that does not answer is
//! asked again. Anything else is a fault of a reaction: its event is parked, and the reactor stands
//! still until it is mended or an operator lets the event be skipped.

mod checkpoint;
mod fold;
mod memory;
mod open;
mod run;
mod send;
mod timers;

pub(crate) use open::cause;
pub use run::{Reactor, RunError};
pub use send::{Sender, identity};

/// The name under which a context's reactor parks events.
#[must_use]
pub fn parked_as(context: &str) -> String {
    format!("reactor.{context}")
}
