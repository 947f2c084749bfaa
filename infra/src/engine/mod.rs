//! The engine: one loop that decides commands in memory and commits many of them at once.
//!
//! Aggregates are cached. A command is decided on the cached states as soon as it arrives; its events
//! join the batch that is being built, and the states move on speculatively, so that many commands
//! for one aggregate may share a batch. When the writer is free the batch goes out in one
//! transaction; each reply waits for it. A batch that fails throws away all that was built on it,
//! and its commands are decided again.
//!
//! The loop itself never waits for anything: loads, keys, look-ups and the commit are tasks that
//! report back.

mod batch;
mod cache;
mod clock;
mod core;
mod encode;
mod failpoint;
mod fence;
mod load;
mod reply;
mod submission;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use annals_commands::Catalogue;
use tokio::{sync::mpsc, task::JoinHandle};

pub use clock::{Clock, SystemClock};
pub use failpoint::failpoint;
pub use reply::{Accepted, EventRef, Outcome};
pub use submission::{Respond, Submission};

use crate::{keys::Keys, store::Store};

/// Bounds of the engine. Everything that waits has one.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Commands that may wait for the engine; beyond it callers are asked to come again.
    pub waiting: usize,
    /// Events in one append.
    pub batch_events: usize,
    /// Bytes of payload and metadata in one append.
    pub batch_bytes: usize,
    /// Bytes of payload and metadata of one event: an event that could not be published is refused.
    pub event_bytes: usize,
    /// Aggregates kept in memory.
    pub cached: usize,
    /// How often a command is decided again before its sender is asked to come again.
    pub attempts: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            waiting: 16_384,
            batch_events: 1_000,
            batch_bytes: 8 << 20,
            event_bytes: 900 << 10,
            cached: 100_000,
            attempts: 20,
        }
    }
}

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    /// What can be asked.
    pub catalogue: Arc<Catalogue>,
    /// The log, with the appender's rights.
    pub store: Store,
    /// Whose keys seal what.
    pub keys: Arc<Keys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Bounds.
    pub limits: Limits,
    /// The region whose data this deployment may hold.
    pub region: Arc<str>,
    /// Called after each commit with the log's last position.
    pub on_commit: Arc<dyn Fn(i64) + Send + Sync>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Parts").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A running engine.
#[derive(Debug, Clone)]
pub struct Engine {
    inbox: mpsc::Sender<Submission>,
    head: Arc<AtomicI64>,
}

impl Engine {
    /// Starts an engine. It ends, all answers given, once the last handle is gone.
    #[must_use]
    pub fn start(parts: Parts) -> (Self, JoinHandle<()>) {
        let (inbox, submissions) = mpsc::channel(parts.limits.waiting);
        let head = Arc::new(AtomicI64::new(0));
        let task = tokio::spawn(core::Core::new(parts, Arc::clone(&head)).run(submissions));
        (Self { inbox, head }, task)
    }

    /// Hands a command over, or gives it back where too many wait already.
    ///
    /// # Errors
    /// The submission itself.
    pub fn submit(&self, submission: Submission) -> Result<(), Box<Submission>> {
        self.inbox.try_send(submission).map_err(|error| Box::new(error.into_inner()))
    }

    /// Position of the last event that this engine knows to be stored.
    #[must_use]
    pub fn head(&self) -> i64 {
        self.head.load(Ordering::Relaxed)
    }
}
