//! Commands of the context `restorative`: who may ask, and what each leads to.

pub mod import;
pub mod reactions;
pub mod record;

use annals_domain::restorative::record::RestorativeRecord;

use crate::{aggregate::AggregateType, catalogue::Context};

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "restorative",
        about: "One restorative record per person: an introduction and a narrative.",
        aggregates: vec![AggregateType::of::<RestorativeRecord>()],
        commands: record::commands(),
        on_refused: None,
        region_of: None,
        reactions: Some(reactions::reactions()),
    }
}
