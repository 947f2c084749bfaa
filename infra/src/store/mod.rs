//! The event store: one append path that batches, and reads by stream and by position.

mod append;
mod connect;
pub mod cqrs;
mod event;
mod lead;
mod outcome;
mod read;

pub use append::{AppendError, Batch, CommandRow, Guard, NewEvent, Taken, Writer};
pub use connect::{ConnectError, Role, connect};
pub(crate) use event::leaf_bytes;
pub use event::{Metadata, SealedSubject, StoredEvent, leaf_hash};
pub(crate) use lead::{claim, lead};
pub use outcome::StoredOutcome;
pub(crate) use read::COLUMNS;
pub use read::{LoadedStream, Snapshot};

use sqlx::PgPool;

/// The event store, with the rights of whoever connected.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// The event store behind a pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }
}
