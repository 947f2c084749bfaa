//! The documented tables of the context `samia`.
//!
//! What a table is stands in its `.sql` file. Defaults there are the documents' and never fire: every
//! column comes from an event, so that a rebuild gives the same rows (F021).

use crate::{table, table::Table};

/// Accounts with role and state.
pub static USERS: Table = table!("samia", "users", ["id"]);

/// What a user shows and prefers beyond the account.
///
/// Projections find a row by its unique `user_id`; `id` comes with the event that made it.
pub static USER_PROFILES: Table = table!("samia", "user_profiles", ["user_id"]);

/// The deck: meanings, keywords and correspondences of each card.
pub static TAROT_CARDS: Table = table!("samia", "tarot_cards", ["id"]);

/// Layouts for readings, predefined or made by users.
pub static TAROT_SPREADS: Table = table!("samia", "tarot_spreads", ["id"]);

/// Readings from request to rating.
pub static READING_SESSIONS: Table = table!("samia", "reading_sessions", ["id"]);

/// Rooms for conversation, with participants and settings.
pub static CHAT_ROOMS: Table = table!("samia", "chat_rooms", ["id"]);

/// Messages of a room.
pub static CHAT_MESSAGES: Table = table!("samia", "chat_messages", ["id"]);

/// Calls with participants, state and quality.
pub static VIDEO_CALL_SESSIONS: Table = table!("samia", "video_call_sessions", ["id"]);

/// Balance, currency, limits and freeze of a user's wallet.
///
/// Projections find a row by its unique `user_id`; `id` comes with the event that made it.
pub static USER_WALLETS: Table = table!("samia", "user_wallets", ["user_id"]);

/// Movements of money.
pub static TRANSACTIONS: Table = table!("samia", "transactions", ["id"]);

/// Means of payment of users.
pub static PAYMENT_METHODS: Table = table!("samia", "payment_methods", ["id"]);

/// What a user viewed, did and spent, by web session and day.
pub static USER_ANALYTICS: Table = table!("samia", "user_analytics", ["id"]);

/// Measurements of the service.
pub static SYSTEM_METRICS: Table = table!("samia", "system_metrics", ["id"]);

/// Actions, accepted or refused.
pub static AUDIT_LOGS: Table = table!("samia", "audit_logs", ["id"]);

/// Security incidents and their handling.
pub static SECURITY_EVENTS: Table = table!("samia", "security_events", ["id"]);

/// Settings of the service by key.
///
/// Projections find a row by its unique `config_key`; `id` comes with the event that made it.
pub static SYSTEM_CONFIGURATION: Table = table!("samia", "system_configuration", ["config_key"]);

/// Every table, parents before children.
pub static TABLES: &[&Table] = &[
    &USERS,
    &USER_PROFILES,
    &TAROT_CARDS,
    &TAROT_SPREADS,
    &READING_SESSIONS,
    &CHAT_ROOMS,
    &CHAT_MESSAGES,
    &VIDEO_CALL_SESSIONS,
    &USER_WALLETS,
    &TRANSACTIONS,
    &PAYMENT_METHODS,
    &USER_ANALYTICS,
    &SYSTEM_METRICS,
    &AUDIT_LOGS,
    &SECURITY_EVENTS,
    &SYSTEM_CONFIGURATION,
];

/// Helper functions that policies ask; made after the tables, before the policies.
pub const FUNCTIONS: &str = include_str!("../../tables/samia/_functions.sql");

/// Views, made last: name and file.
pub static VIEWS: &[(&str, &str)] = &[];
