//! A copy of all that is kept of a person, for the person (GDPR art. 15, PIPEDA principle 9).
//!
//! What happened, what stands in tables now and stood there before, and who acted on it: as JSON Lines and
//! Parquet for programs, as one page for people, with the proof that the events stand in the signed
//! log, under a manifest that the log's key signs. What is about somebody else is withheld, and it is said
//! that it is.

mod gather;
mod manifest;
mod page;
mod parquet;
mod write;

pub use gather::{Asked, Dossier, Event, Person, Version, Withheld, gather};
pub use manifest::{Checked, ManifestError, check};
pub use write::{MANIFEST, PROOF, WriteError, write};

/// What stands in place of a value that is about somebody else.
pub const OTHERS: &str = "withheld: about another person";
/// What stands in place of a value that whoever made the copy withheld.
pub const DECIDED: &str = "withheld: by decision of whoever answers the request";
