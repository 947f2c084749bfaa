//! The read model of the context `samia`.

pub mod tables;

use crate::catalogue::Context;

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "samia",
        tables: &[],
        functions: "",
        views: &[],
        projections: vec![],
        every: None,
    }
}
