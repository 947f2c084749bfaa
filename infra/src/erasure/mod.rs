//! Erasure: what is done once a person is to be forgotten (F014, shared.erasure).
//!
//! The order is an event (`SubjectErased`). Each reactor that reads it notes the order where no backup of
//! the log reaches ([`Keys::erase`](crate::keys::Keys::erase)) and destroys the keys in the same
//! transaction: from then on nobody can read what events hold of the person, wherever they were copied
//! to, and nothing more is sealed or asked about them. The contexts answer with their own `…Erased`
//! events, whose projections take rows away.
//!
//! The [`Eraser`] does what is left: it finds invitations that went to the person's addresses and destroys
//! their keys too, puts tombstones into every row and every older version that an event about the person
//! made, forgets snapshots, rewrites the tables' files so that no dead row holds a value, and issues a
//! signed receipt. The log is never touched: hashes and proofs stay valid.
//!
//! [`again`] runs before a process serves anything: whoever was erased, as the key store and the notary's
//! folder remember, is redacted again where a restored, older database brought them back.

mod about;
mod again;
mod file;
mod order;
mod receipt;
mod redact;
mod run;
mod scrub;

pub use about::{catch_up, events_of, streams_of};
pub use again::{again, keys_again};
pub use file::RECEIPTS;
pub use order::{Open, note};
pub use receipt::{Facts, Receipt, read as read_receipt};
pub use redact::{Redacted, Redaction, Relations};
pub use run::Eraser;
pub use scrub::{Scrubbed, scrub};

use crate::{keys::KeysError, projector::ApplyError, proof::note::NoteError, reactor::RunError};

/// Why an erasure is not finished yet. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Postgres.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The key store.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// An event cannot be read or projected.
    #[error(transparent)]
    Event(#[from] ApplyError),
    /// The notary's folder.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The receipt cannot be signed.
    #[error("the receipt: {0}")]
    Receipt(#[from] NoteError),
    /// What follows cannot be sent.
    #[error(transparent)]
    Send(#[from] RunError),
}
