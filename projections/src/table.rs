//! A documented table: its name, its key, its file.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use annals_domain::Imported;
use serde::Serialize;
use serde_json::Value;

use crate::{
    change::{Change, Operation},
    row::Row,
};

/// A documented table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Schema, which is the context's name.
    pub schema: &'static str,
    /// Documented name.
    pub name: &'static str,
    /// The columns by which projections find a row: the primary key, or another unique one.
    pub key: &'static [&'static str],
    /// The table's file: the table with its checks, keys, indexes and comments and, after the line
    /// `-- policies`, its policies and grants.
    pub sql: &'static str,
    /// How it is kept in partitions, if it is.
    pub partitions: Option<Partitions>,
    /// Who writes it.
    pub writer: Writer,
    /// Whether it lies in a schema that is none of ours, such as `auth.users`: made elsewhere, never moved,
    /// without a past.
    pub foreign: bool,
}

/// Whoever writes a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Projectors, from events.
    Projector,
    /// The migrator, which notes each migration in it: `version`, `applied_at`, `description`. No
    /// event makes its rows, so a rebuild carries them over; nobody else has a right to it.
    Migrator,
}

/// A table kept in partitions by time, each of which must be there before its rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partitions {
    /// The column that tells a row's partition: a `date`.
    pub column: &'static str,
    /// The function of the table's schema that makes the partition of a day, where it is missing. It is
    /// called for the days of new rows before they are written; two may call it at once.
    pub ensure: &'static str,
    /// For how many months to come partitions are made ahead of time, besides the present one.
    pub months_ahead: u32,
}

/// Declares a table of a context: `table!("lift", "alerts", ["id"])`.
#[macro_export]
macro_rules! table {
    ($schema:literal, $name:literal, [$($key:literal),+]) => {
        $crate::table::Table::new(
            $schema,
            $name,
            &[$($key),+],
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/tables/", $schema, "/", $name, ".sql"
            )),
        )
    };
}

impl Table {
    /// A table that projectors write.
    #[must_use]
    pub const fn new(
        schema: &'static str,
        name: &'static str,
        key: &'static [&'static str],
        sql: &'static str,
    ) -> Self {
        Self { schema, name, key, sql, partitions: None, writer: Writer::Projector, foreign: false }
    }

    /// The same table, kept in partitions.
    #[must_use]
    pub const fn partitioned(self, partitions: Partitions) -> Self {
        Self { partitions: Some(partitions), ..self }
    }

    /// The same table, written by the migrator.
    #[must_use]
    pub const fn of_the_migrator(self) -> Self {
        Self { writer: Writer::Migrator, ..self }
    }

    /// The same table, where it lies in a schema that is none of ours. Its `sql` tells its columns alone.
    #[must_use]
    pub const fn in_a_foreign_schema(self) -> Self {
        Self { foreign: true, ..self }
    }

    /// Writes a whole row: the payload's fields are its columns, besides the key.
    #[must_use]
    pub fn put(&'static self, key: impl Key, payload: impl Serialize) -> Change {
        self.change(Operation::Put, key, payload)
    }

    /// Changes some columns of a row that is there.
    #[must_use]
    pub fn patch(&'static self, key: impl Key, payload: impl Serialize) -> Change {
        self.change(Operation::Patch, key, payload)
    }

    /// Removes a row that is there.
    #[must_use]
    pub fn drop(&'static self, key: impl Key) -> Change {
        self.change(Operation::Drop, key, ())
    }

    /// Adds to number columns of a row, which is made if it is not there: for counts over streams,
    /// which no single stream can carry as an outcome.
    #[must_use]
    pub fn add(&'static self, key: impl Key, payload: impl Serialize) -> Change {
        self.change(Operation::Add, key, payload)
    }

    /// Changes some columns of every row where `column` is `value`, however many there are.
    #[must_use]
    pub fn patch_where(&'static self, column: &'static str, value: impl Serialize) -> Change {
        self.everywhere(Operation::PatchWhere, column, value)
    }

    /// Removes every row where `column` is `value`, however many there are.
    #[must_use]
    pub fn drop_where(&'static self, column: &'static str, value: impl Serialize) -> Change {
        self.everywhere(Operation::DropWhere, column, value)
    }

    /// Writes a row as it was before the log was: its columns as they stand, and nothing else that
    /// the event says.
    #[must_use]
    pub fn imported(&'static self, row: &Imported) -> Change {
        let named = |names: &mut dyn Iterator<Item = &'static str>| -> Row {
            names.filter_map(|name| Some((name, row.row.get(name)?.clone()))).collect()
        };
        let key = named(&mut self.key.iter().copied());
        let columns = self.columns();
        let mut others = columns.iter().map(|it| it.name).filter(|name| !self.key.contains(name));
        Change { table: self, operation: Operation::Put, columns: named(&mut others), key }
    }

    /// The columns, in the order of the table's file.
    #[must_use]
    pub fn columns(&self) -> &'static [Column] {
        File::of(self.sql).columns
    }

    /// The columns whose comment in the table's file calls them personal.
    #[must_use]
    pub fn personal(&self) -> &'static [&'static str] {
        File::of(self.sql).personal
    }

    fn change(
        &'static self,
        operation: Operation,
        key: impl Key,
        payload: impl Serialize,
    ) -> Change {
        let key: Row = self.key.iter().copied().zip(key.values()).collect();
        Change { table: self, operation, key, columns: Row::of(payload) }
    }

    fn everywhere(
        &'static self,
        operation: Operation,
        column: &'static str,
        value: impl Serialize,
    ) -> Change {
        let mut key = Row::new();
        key.insert(column, json(value));
        Change { table: self, operation, key, columns: Row::new() }
    }
}

/// What a table's file says.
#[derive(Debug, Clone, Copy)]
struct File {
    columns: &'static [Column],
    personal: &'static [&'static str],
}

impl File {
    /// Reads a file the first time that it is asked about. There are as many as there are tables.
    fn of(sql: &'static str) -> Self {
        static KNOWN: LazyLock<RwLock<HashMap<(usize, usize), File>>> =
            LazyLock::new(RwLock::default);
        let place = (sql.as_ptr().addr(), sql.len());
        if let Some(file) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&place) {
            return *file;
        }
        let file = Self::read(sql);
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(place, file);
        file
    }

    fn read(sql: &'static str) -> Self {
        let lines = sql.lines().skip_while(|line| !line.starts_with("CREATE TABLE")).skip(1);
        let columns: Vec<Column> = lines
            .map(str::trim)
            .take_while(|line| !line.starts_with("CONSTRAINT") && !line.starts_with(')'))
            .filter_map(Column::read)
            .collect();
        let comments = sql.split("COMMENT ON COLUMN ").skip(1);
        let told = comments.filter_map(|comment| {
            let (name, rest) = comment.split_once(" IS")?;
            let column = name.rsplit('.').next()?.trim_matches('"');
            rest.split("';").next()?.contains("Personal data").then_some(column)
        });
        Self { columns: columns.leak(), personal: told.collect::<Vec<_>>().leak() }
    }
}

/// A column, as its table's file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type, as the file writes it, for example `numeric(12,2)`.
    pub kind: &'static str,
    /// Whether it always has a value.
    pub required: bool,
}

impl Column {
    fn read(line: &'static str) -> Option<Self> {
        let (name, rest) = line.split_once(' ')?;
        let name = name.trim_matches('"');
        let ends = [" NOT NULL", " DEFAULT ", " GENERATED ", " COLLATE "];
        let end = ends.iter().filter_map(|word| rest.find(word)).min().unwrap_or(rest.len());
        let kind = rest[..end].trim_end_matches(',').trim();
        let known =
            !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
        known.then_some(Self { name, kind, required: rest.contains(" NOT NULL") })
    }
}

/// Writes an imported row into whichever of an aggregate's tables it is of.
#[must_use]
pub fn imported<const N: usize>(tables: [&'static Table; N], row: &Imported) -> Vec<Change> {
    let table = tables.into_iter().find(|table| table.name == row.table());
    table.map(|table| table.imported(row)).into_iter().collect()
}

/// A row's key: one value, or as many as the table's key has columns.
pub trait Key {
    /// The values, in the order of the table's key.
    fn values(self) -> Vec<Value>;
}

impl Key for &str {
    fn values(self) -> Vec<Value> {
        vec![Value::from(self)]
    }
}

impl Key for uuid::Uuid {
    fn values(self) -> Vec<Value> {
        vec![Value::from(self.to_string())]
    }
}

impl<const N: usize> Key for [Value; N] {
    fn values(self) -> Vec<Value> {
        self.into()
    }
}

pub(crate) fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use annals_domain::{DomainEvent, lift::alert::Event};
    use serde_json::json;

    use super::*;
    use crate::lift::tables::ALERTS;

    #[test]
    fn columns_are_read_from_the_tables_file() {
        let column = |name: &str| ALERTS.columns().iter().copied().find(|it| it.name == name);
        let expected = Column { name: "title", kind: "text", required: true };
        assert_eq!(column("title"), Some(expected));
        assert_eq!(column("created_at").map(|it| it.kind), Some("timestamp with time zone"));
        assert_eq!(column("CONSTRAINT"), None);
    }

    #[test]
    fn personal_columns_are_read_from_the_comments() {
        assert_eq!(ALERTS.personal(), ["title", "description", "trigger_data", "resolution_notes"]);
    }

    #[test]
    fn an_imported_row_is_put_without_what_is_no_column() {
        let row = json!({"id": "a", "title": "t", "subject_id": "s"});
        let row = Imported::new(&Event::ROWS[0], row.as_object().cloned().unwrap());
        assert_eq!(ALERTS.imported(&row), ALERTS.put("a", json!({"title": "t"})));
        assert_eq!(imported([&ALERTS], &row).len(), 1);
    }
}
