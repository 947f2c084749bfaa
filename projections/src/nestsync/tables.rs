//! The documented tables of the context `nestsync`, and the views over them.
//!
//! What a table is stands in its `.sql` file. Defaults there are the documents' and never fire: every
//! column comes from an event, so that a rebuild gives the same rows (F021).

use crate::{table, table::Table};

/// Accounts of people, without any credential.
pub static USERS: Table = table!("nestsync", "users", ["id"]);

/// Families. The tenant.
pub static FAMILIES: Table = table!("nestsync", "families", ["id"]);

/// Who belongs to which family, from invitation to leaving.
pub static FAMILY_MEMBERS: Table = table!("nestsync", "family_members", ["id"]);

/// Children of a family.
pub static CHILDREN: Table = table!("nestsync", "children", ["id"]);

/// Whom to call and what to know about a child in an emergency.
///
/// Projections find a row by its unique `child_id`; `id` comes with the event that made it.
pub static EMERGENCY_PROFILES: Table = table!("nestsync", "emergency_profiles", ["child_id"]);

/// Clothing and supplies in stock, with the threshold for reordering.
pub static INVENTORY_ITEMS: Table = table!("nestsync", "inventory_items", ["id"]);

/// Uses of an item, one by one.
pub static USAGE_LOGS: Table = table!("nestsync", "usage_logs", ["id"]);

/// Proposals to reorder an item, and what became of them.
pub static REORDER_SUGGESTIONS: Table = table!("nestsync", "reorder_suggestions", ["id"]);

/// What people did in the application.
pub static ANALYTICS_EVENTS: Table = table!("nestsync", "analytics_events", ["id"]);

/// Use of each item by day, week and month.
pub static USAGE_ANALYTICS: Table =
    table!("nestsync", "usage_analytics", ["family_id", "item_id", "period", "period_start"]);

/// What a person wants to hear about, and how.
///
/// Projections find a row by person, family, channel and topic, which are unique together; `id`
/// comes with the event that made it.
pub static NOTIFICATION_PREFERENCES: Table =
    table!("nestsync", "notification_preferences", ["user_id", "family_id", "channel", "topic"]);

/// Notifications from queueing to delivery.
pub static NOTIFICATION_LOGS: Table = table!("nestsync", "notification_logs", ["id"]);

/// Means of payment of a family's members.
pub static PAYMENT_METHODS: Table = table!("nestsync", "payment_methods", ["id"]);

/// Premium subscriptions of a family.
pub static SUBSCRIPTIONS: Table = table!("nestsync", "subscriptions", ["id"]);

/// Every table, parents before children.
pub static TABLES: &[&Table] = &[
    &USERS,
    &FAMILIES,
    &FAMILY_MEMBERS,
    &CHILDREN,
    &EMERGENCY_PROFILES,
    &INVENTORY_ITEMS,
    &USAGE_LOGS,
    &REORDER_SUGGESTIONS,
    &ANALYTICS_EVENTS,
    &USAGE_ANALYTICS,
    &NOTIFICATION_PREFERENCES,
    &NOTIFICATION_LOGS,
    &PAYMENT_METHODS,
    &SUBSCRIPTIONS,
];

/// Helper functions that policies ask; made after the tables, before the policies.
pub const FUNCTIONS: &str = include_str!("../../tables/nestsync/_functions.sql");

/// Views, made last: name and file.
pub static VIEWS: &[(&str, &str)] =
    &[("low_stock_items", include_str!("../../tables/nestsync/low_stock_items.sql"))];
