//! Proof that the log was not altered.
//!
//! An RFC 6962 tree over the events' hashes, in position order ([`tree`]); a [`Notary`] that signs its
//! root every few seconds as a C2SP checkpoint ([`note`]) and has witnesses ([`witness`]) cosign it;
//! proofs from hashes kept in Postgres ([`ledger`]); a [`verify`] that reads the log and finds what was
//! altered, where; and bundles ([`bundle`]) that anyone can verify with a public key and nothing else.

pub mod bundle;
pub mod leaves;
pub mod ledger;
mod notary;
pub mod note;
mod pages;
pub mod tree;
pub mod verify;
pub mod witness;

pub use notary::{LAST, LEAVES, Notary, NotaryError, Signed, last_note};
pub(crate) use witness::write_whole;
