//! Commands of the context `lift`.

use crate::catalogue::Context;

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context { name: "lift", about: "", aggregates: vec![], commands: vec![], on_refused: None }
}
