//! Commands of the context `nestsync`.

use crate::catalogue::Context;

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context { name: "nestsync", about: "", aggregates: vec![], commands: vec![], on_refused: None }
}
