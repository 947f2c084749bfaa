//! SAMIA TAROT: readings by people and by AI, with chat, calls, wallets and payments. Every client,
//! reader and admin is a user, and the user is the unit of isolation.
//!
//! Enumerated columns are enums whose JSON is the documented value; columns with a length are
//! [`Text`](words::Text), so that what cannot be stored cannot be said.

pub mod command_log;
pub mod money;
pub mod user;
pub mod wallet;
pub mod words;
