//! Commands of the context `samia`.

use crate::catalogue::Context;

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context { name: "samia", about: "", aggregates: vec![], commands: vec![], on_refused: None }
}
