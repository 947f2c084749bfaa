//! Who may ask, and how a request becomes events.
//!
//! A handler authorises a command from the write side's own state and lets aggregates decide. It is a
//! plain synchronous function over a [`Work`]: what it needs and is not in memory yet makes it stop
//! with [`Stop::Missing`], and the engine loads that and runs it again from the start. So handlers
//! touch no database, and a test needs none.
//!
//! To add a command: its struct in `domain`, a handler here beside its aggregate's others, and its
//! line in that file's `commands()`.

pub mod actor;
pub mod adapter;
pub mod aggregate;
pub mod catalogue;
pub mod command;
pub mod envelope;
pub mod export;
pub mod import;
pub mod problem;
pub mod reaction;
pub mod testing;
pub mod work;

pub mod carenotes;
pub mod lift;
pub mod nestsync;
pub mod restorative;
pub mod samia;
pub mod shared;

pub use actor::{Actor, ActorKind};
pub use aggregate::{AggregateType, Happened, State};
pub use catalogue::Catalogue;
pub use command::{CommandType, Request, Target, command};
pub use import::{ImportRows, Importing, Row};
pub use problem::{Code, Problem};
pub use reaction::Reactions;
pub use work::{
    Appended, Claim, ClaimChange, Id, Loaded, Need, Origin, States, Stop, Stream, Work,
};
