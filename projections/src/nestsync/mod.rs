//! The read model of the context `nestsync`.

pub mod tables;

use crate::catalogue::Context;

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "nestsync",
        tables: &[],
        functions: "",
        views: &[],
        projections: vec![],
        every: None,
    }
}
