//! Commands of the context `lift`: who may ask, and what each leads to.
//!
//! Rights are asked in [`access`]; each aggregate has its file beside it.

pub mod access;
pub mod child;
pub mod member;
pub mod organisation;
#[cfg(test)]
pub(crate) mod testing;

use annals_domain::lift::{child::Child, member::Member, organisation::Organisation};

use crate::{aggregate::AggregateType, catalogue::Context};

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "lift",
        about: "Children's wellbeing check-ins inside schools, clinics and hospitals.",
        aggregates: vec![
            AggregateType::of::<Organisation>(),
            AggregateType::of::<Member>(),
            AggregateType::of::<Child>(),
        ],
        commands: [organisation::commands(), member::commands(), child::commands()]
            .into_iter()
            .flatten()
            .collect(),
        on_refused: None,
    }
}
