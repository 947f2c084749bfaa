//! Commands that all contexts stand on.

pub mod identity;

use crate::{aggregate::AggregateType, catalogue::Context};
use annals_domain::shared::identity::Identity;

/// Who there is.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "shared",
        about: "The people known to the identity provider.",
        aggregates: vec![AggregateType::of::<Identity>()],
        commands: identity::commands(),
        on_refused: None,
        region_of: None,
        reactions: None,
    }
}
