//! Data keys: one a person, kept apart from the log, wrapped by a key that is in neither database.
//!
//! A person's data key seals the personal fields of the events about that person. It is made when it is
//! first needed ([`Keys::ensure`]), kept in a database of its own, wrapped by the key-encryption key
//! ([`Kek`]), and destroyed when the person is erased ([`Keys::destroy`]); the row stays, as a fence
//! against a new one and as a receipt. What sealed events say under a destroyed key is gone, wherever
//! they were copied to; the events themselves, their hashes and all proofs stay as they are.
//!
//! What is left of a destroyed key, wrapped, in dead rows, write-ahead logs and backups of the key store
//! is worth nothing once the key-encryption key is another: add a key to its file, run
//! [`Keys::rewrap`], take the old key out, and with the last backup of that file it is gone for good.

mod cache;
mod data_key;
mod destroy;
mod kek;
mod rewrap;
mod store;
#[cfg(test)]
mod tests;

pub use data_key::{DataKey, KeyState};
pub use destroy::{DestroyedKey, Order};
pub use kek::{Kek, KekError, secrets, secrets_or_create};
pub use store::{Keys, KeysError};

/// How often a process asks which keys others destroyed: so long may one that is gone still be used.
pub const REFRESH: std::time::Duration = std::time::Duration::from_secs(5);
