//! Commands that all contexts stand on.

pub mod identity;

use std::sync::Arc;

use crate::{
    aggregate::AggregateType,
    catalogue::Context,
    import::{Importing, as_it_is},
};
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

/// Accounts are their people's own.
pub static IMPORTING: Importing = Importing {
    tenant: "person",
    prepare: |rows| {
        for row in rows {
            row.tenant = Arc::clone(&row.id);
        }
    },
    takes: |_| Vec::new(),
    mend: as_it_is,
};
