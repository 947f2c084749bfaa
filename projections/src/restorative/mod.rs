//! The read model of the context `restorative`.

pub mod record;
pub mod tables;

use annals_domain::restorative::record::RestorativeRecord;

use crate::catalogue::{Context, projection};

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "restorative",
        tables: tables::TABLES,
        functions: tables::FUNCTIONS,
        views: tables::VIEWS,
        projections: vec![projection::<RestorativeRecord>(record::project)],
        every: None,
        before: None,
    }
}
