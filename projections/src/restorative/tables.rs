//! The documented tables of the context `restorative`.
//!
//! What a table is stands in its `.sql` file. Defaults there are the documents' and never fire: every
//! column comes from an event, so that a rebuild gives the same rows (F021).

use crate::{table, table::Table};

/// A person's introduction and narrative.
///
/// Projections find a row by its unique `user_id`; `id` comes with the event that made it.
pub static RESTORATIVE_RECORDS: Table = table!("restorative", "restorative_records", ["user_id"]);

/// Every table, parents before children.
pub static TABLES: &[&Table] = &[&RESTORATIVE_RECORDS];

/// Helper functions that policies ask; made after the tables, before the policies.
pub const FUNCTIONS: &str = "";

/// Views, made last: name and file.
pub static VIEWS: &[(&str, &str)] = &[];
