//! The documented tables of the context `carenotes`, and the views over them.
//!
//! What a table is stands in its `.sql` file. Defaults there are the documents' and never fire: every
//! column comes from an event, so that a rebuild gives the same rows (F021).

use crate::{
    table,
    table::{Partitions, Table},
};

/// Care providers. The tenant.
pub static ORGANIZATIONS: Table = table!("carenotes", "organizations", ["id"]);

/// Homes and other places of care.
pub static FACILITIES: Table = table!("carenotes", "facilities", ["id"]);

/// Staff accounts with role and permissions.
pub static USERS: Table = table!("carenotes", "users", ["id"]);

/// People in care: where they live, and from when to when.
pub static RESIDENTS: Table = table!("carenotes", "residents", ["id"]);

/// Plans of care of a resident.
pub static CARE_PLANS: Table = table!("carenotes", "care_plans", ["id"]);

/// Assessments of a resident.
pub static ASSESSMENTS: Table = table!("carenotes", "assessments", ["id"]);

/// What was done for a resident, and seen of them, in a shift.
///
/// One partition a month: `daily_records_y2026m01` (F071-F075, carenotes.reaction.partition-ahead).
pub static DAILY_RECORDS: Table =
    table!("carenotes", "daily_records", ["id", "date"]).partitioned(Partitions {
        column: "date",
        ensure: "ensure_daily_records_partition",
        months_ahead: 1,
    });

/// Quality audits of a facility.
pub static AUDITS: Table = table!("carenotes", "audits", ["id"]);

/// Incidents in a facility, with or without a resident.
pub static INCIDENTS: Table = table!("carenotes", "incidents", ["id"]);

/// Schema migrations that have been applied.
///
/// No projection writes it: the migrator does, and a rebuild carries its rows over.
pub static SCHEMA_VERSIONS: Table =
    table!("carenotes", "schema_versions", ["version"]).of_the_migrator();

/// Every table, parents before children.
pub static TABLES: &[&Table] = &[
    &ORGANIZATIONS,
    &FACILITIES,
    &USERS,
    &RESIDENTS,
    &CARE_PLANS,
    &ASSESSMENTS,
    &DAILY_RECORDS,
    &AUDITS,
    &INCIDENTS,
    &SCHEMA_VERSIONS,
];

/// Helper functions that policies ask; made after the tables, before the policies.
pub const FUNCTIONS: &str = include_str!("../../tables/carenotes/_functions.sql");

/// Views, made last: name and file.
pub static VIEWS: &[(&str, &str)] =
    &[("performance_metrics", include_str!("../../tables/carenotes/performance_metrics.sql"))];
