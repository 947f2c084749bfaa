//! The read model of the context `lift`.

pub mod tables;

use crate::catalogue::Context;

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "lift",
        tables: &[],
        functions: "",
        views: &[],
        projections: vec![],
        every: None,
    }
}
