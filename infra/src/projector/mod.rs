//! Projectors: events into rows, exactly once.
//!
//! A message is a doorbell with content. A projector applies it if it is the very next of its context;
//! whatever is missing in between it reads from Postgres, and with NATS away it reads everything from
//! there. Rows and checkpoint move in one transaction, by compare-and-set on the checkpoint.

mod apply;
mod before;
mod columns;
mod fill;
mod hear;
mod history;
mod merge;
mod met;
mod page;
mod partitions;
mod rebuild;
mod replay;
mod run;
mod wait;
mod watch;
mod write;

pub use apply::{Applied, ApplyError, Checkpoint, Target, checkpoint};
pub(crate) use apply::{changes_of, envelope};
pub use met::Met;
pub(crate) use partitions::ahead;
pub use rebuild::{Progress, Rebuild, RebuildError, Rebuilt, rebuild};
pub use replay::{Difference, DifferentRow, How, ReplayError, Replayed, forget, replay};
pub use run::Projector;
pub use wait::{PROJECTED, Waiter};
pub use watch::watch;
pub(crate) use write::quoted;
