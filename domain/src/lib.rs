//! What may happen and what happened.
//!
//! Each bounded context is a folder, each aggregate a file: its commands, its events, what it
//! refuses, its state, `decide`, `evolve` and their tests. Nothing here reads a clock, draws a
//! random number, or knows that Postgres and NATS exist.
//!
//! To add a command: a struct, its line in the aggregate's `commands!`, an arm of `decide`, a test.
//! To add an event: a struct, its line in `events!`, an arm of `evolve`; the compiler then asks the
//! projection for its arm.

pub mod amount;
pub mod decider;
pub mod event;
pub mod import;
pub mod refusal;
pub mod testing;
pub mod text;
pub mod time;

pub mod carenotes;
pub mod lift;
pub mod nestsync;
pub mod restorative;
pub mod samia;
pub mod shared;

pub use amount::Amount;
pub use decider::{Decider, Moment};
pub use event::{DomainEvent, EventData, EventType, PersonalField, Subject, Tombstone};
pub use import::{Imported, RowType};
pub use refusal::{Refusal, Refused};

/// The version of the event payloads written today, unless an event says otherwise.
pub const FIRST_VERSION: u16 = 1;
