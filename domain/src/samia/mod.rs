//! SAMIA TAROT: readings by people and by AI, with chat, calls, wallets and payments. Every client,
//! reader and admin is a user, and the user is the unit of isolation.
//!
//! Enumerated columns are enums whose JSON is the documented value; columns with a length are
//! [`Text`](words::Text), so that what cannot be stored cannot be said.

pub mod chat_room;
pub mod command_log;
pub mod configuration;
pub mod metric;
pub mod money;
pub mod payment_method;
pub mod reading;
pub mod security_event;
pub mod tarot_card;
pub mod tarot_spread;
pub mod user;
pub mod user_profile;
pub mod video_call;
pub mod visit;
pub mod wallet;
pub mod words;
