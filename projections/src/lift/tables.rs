//! The documented tables of the context `lift`, and the views over them.
//!
//! What a table is stands in its `.sql` file. Defaults there are the documents' and never fire: every
//! column comes from an event, so that a rebuild gives the same rows (F021).

use crate::{table, table::Table};

/// Client organisations: schools, trusts, clinics, hospitals, charities. The tenant.
pub static ORGANISATIONS: Table = table!("lift", "organisations", ["id"]);

/// People known to the platform, with the role that decides what each may see and do.
pub static PROFILES: Table = table!("lift", "profiles", ["id"]);

/// Children: guardian, consent and safeguarding data beside the profile.
pub static CHILDREN: Table = table!("lift", "children", ["id"]);

/// Check-ins that children start, complete or abandon.
pub static WELLBEING_SESSIONS: Table = table!("lift", "wellbeing_sessions", ["id"]);

/// Answers given during a check-in.
pub static WELLBEING_RESPONSES: Table = table!("lift", "wellbeing_responses", ["id"]);

/// What stands, or may come to stand, in a child's digital garden.
pub static GARDEN_ITEMS: Table = table!("lift", "garden_items", ["id"]);

/// Stickers awarded to children.
pub static STICKERS_EARNED: Table = table!("lift", "stickers_earned", ["id"]);

/// Concerns, and good news, raised by the system for staff to act on.
pub static ALERTS: Table = table!("lift", "alerts", ["id"]);

/// Offers to join an organisation as Practitioner or GroupContact.
pub static INVITATIONS: Table = table!("lift", "invitations", ["id"]);

/// Settings and feature flags of the platform, by key.
pub static KV_STORE_A1855B25: Table = table!("lift", "kv_store_a1855b25", ["key"]);

/// Every table, parents before children.
pub static TABLES: &[&Table] = &[
    &ORGANISATIONS,
    &PROFILES,
    &CHILDREN,
    &WELLBEING_SESSIONS,
    &WELLBEING_RESPONSES,
    &GARDEN_ITEMS,
    &STICKERS_EARNED,
    &ALERTS,
    &INVITATIONS,
    &KV_STORE_A1855B25,
];

/// Helper functions that policies ask; made after the tables, before the policies.
pub const FUNCTIONS: &str = include_str!("../../tables/lift/_functions.sql");

/// Views, made last: name and file.
pub static VIEWS: &[(&str, &str)] = &[
    ("child_progress_summary", include_str!("../../tables/lift/child_progress_summary.sql")),
    ("organization_usage_stats", include_str!("../../tables/lift/organization_usage_stats.sql")),
    ("children_safeguarding", include_str!("../../tables/lift/children_safeguarding.sql")),
];
