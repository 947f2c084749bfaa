//! Rows that were there although they were to be made.
//!
//! Nearly every row is made once, and a statement that allows for one that is there costs Postgres a third more of
//! each. So rows are made without looking until one is met; from then on its table is looked into. Rows that are put
//! again are met, and all rows where events are applied again.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use annals_projections::Table;
use sqlx::postgres::PgDatabaseError;

use super::write::{WriteError, full_name};
use crate::migrate::is_history;

/// Tables, live ones and those of the past, in which rows were met.
#[derive(Debug, Default)]
pub struct Met(RwLock<HashSet<(String, Which)>>);

/// Which of a table's two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Which {
    /// The documented one.
    Live,
    /// That of its versions.
    Past,
}

impl Met {
    /// Whether rows of a table may be there when they are to be made.
    pub(super) fn in_table(&self, table: &Table, which: Which) -> bool {
        let met = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // Most have met nothing.
        !met.is_empty() && met.contains(&(full_name(table), which))
    }

    /// Whether rows were not written because one was met in a table where none was before: then they can be written
    /// now.
    pub(super) fn learns_from(&self, error: &WriteError) -> bool {
        let WriteError::Postgres { table, source } = error else { return false };
        let refusal = source.as_database_error();
        let Some(refusal) = refusal.and_then(|it| it.try_downcast_ref::<PgDatabaseError>()) else {
            return false;
        };
        let ("23505", Some(schema)) = (refusal.code(), refusal.schema()) else { return false };
        let which = if is_history(schema) { Which::Past } else { Which::Live };
        let mut met = self.0.write().unwrap_or_else(PoisonError::into_inner);
        met.insert((table.clone(), which))
    }
}
