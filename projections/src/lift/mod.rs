//! The read model of the context `lift`: what its events do to the documented tables.

pub mod child;
pub mod member;
pub mod organisation;
pub mod tables;
#[cfg(test)]
mod testing;

use annals_domain::lift::{child::Child, member::Member, organisation::Organisation};

use crate::catalogue::{Context, projection};

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "lift",
        tables: tables::TABLES,
        functions: tables::FUNCTIONS,
        views: tables::VIEWS,
        projections: vec![
            projection::<Organisation>(organisation::project),
            projection::<Member>(member::project),
            projection::<Child>(child::project),
        ],
        every: None,
    }
}
