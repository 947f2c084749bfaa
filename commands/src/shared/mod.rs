//! Commands that all contexts stand on.

pub mod identity;
pub mod retention;
pub mod subject;

use std::sync::Arc;

use crate::{
    aggregate::AggregateType,
    catalogue::Context,
    import::{Importing, as_it_is},
};
use annals_domain::shared::{identity::Identity, subject::DataSubject};

/// Who there is.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "shared",
        about: "The people known to the identity provider, and what is to become of their data.",
        aggregates: vec![AggregateType::of::<Identity>(), AggregateType::of::<DataSubject>()],
        commands: [identity::commands(), subject::commands()].into_iter().flatten().collect(),
        on_refused: None,
        region_of: None,
        reactions: Some(retention::reactions()),
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
