//! A row change, as data.

use serde::Serialize;

use crate::{
    row::{Name, Row},
    table::{Table, json},
};

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// It is written whole.
    Put,
    /// Some columns of it change; it must be there.
    Patch,
    /// It goes; it must be there.
    Drop,
    /// Numbers are added to columns of it; it is made if it is not there.
    Add,
    /// Some columns change of each row with the key's value, if there are any.
    PatchWhere,
    /// Each row with the key's value goes, if there are any.
    DropWhere,
}

/// What an event does to a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The table.
    pub table: &'static Table,
    /// What happens.
    pub operation: Operation,
    /// Which row.
    pub key: Row,
    /// The columns that change.
    pub columns: Row,
}

impl Change {
    /// Sets a column besides the payload's.
    #[must_use]
    pub fn with(mut self, column: impl Into<Name>, value: impl Serialize) -> Self {
        self.columns.insert(column, json(value));
        self
    }

    /// Leaves out a field of the payload that is no column of this table.
    #[must_use]
    pub fn without(mut self, field: &str) -> Self {
        self.columns.remove(field);
        self
    }

    /// Keeps only these fields of the payload.
    #[must_use]
    pub fn only(mut self, fields: &[&str]) -> Self {
        self.columns.retain(|name, _| fields.contains(&name));
        self
    }
}
