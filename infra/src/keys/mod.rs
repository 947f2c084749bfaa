//! Data keys: one a person, kept apart from the log, wrapped by a key that is in neither database.

mod data_key;
mod kek;
mod store;

pub use data_key::{DataKey, KeyState};
pub use kek::{Kek, KekError};
pub use store::{Keys, KeysError};
