//! What Postgres knows of a context's tables: which refer to which.

use std::collections::BTreeMap;

use annals_commands::{AggregateType, Catalogue as Aggregates};
use annals_domain::RowType;
use annals_projections::{Context, Table};
use sqlx::PgConnection;

use super::file::TransferError;

/// Accounts, which every context may refer to.
pub const ACCOUNTS: &str = "auth.users";

/// A reference: a column of a table, and the column it names a row of another table by.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Link {
    /// The table that refers, without its schema.
    pub table: String,
    /// Its column.
    pub column: String,
    /// The table referred to, without the schema where it is the same; `auth.users` for accounts.
    pub to: String,
    /// The column there.
    pub to_column: String,
}

/// All references of a context.
#[derive(Debug, Clone, Default)]
pub struct Links(pub Vec<Link>);

impl Links {
    /// Reads them.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn read(connection: &mut PgConnection, schema: &str) -> Result<Self, TransferError> {
        let links = sqlx::query_as(
            "SELECT own.relname AS table, from_column.attname AS column,
                    CASE WHEN other.relnamespace = own.relnamespace THEN other.relname::text
                         ELSE other.relnamespace::regnamespace || '.' || other.relname END AS to,
                    to_column.attname AS to_column
             FROM pg_constraint AS key
             JOIN pg_class AS own ON own.oid = key.conrelid
             JOIN pg_class AS other ON other.oid = key.confrelid
             JOIN pg_attribute AS from_column
               ON from_column.attrelid = own.oid AND from_column.attnum = key.conkey[1]
             JOIN pg_attribute AS to_column
               ON to_column.attrelid = other.oid AND to_column.attnum = key.confkey[1]
             WHERE key.contype = 'f' AND own.relnamespace = to_regnamespace($1)
               AND key.conparentid = 0 AND array_length(key.conkey, 1) = 1
             ORDER BY 1, 2",
        )
        .bind(schema)
        .fetch_all(connection)
        .await?;
        Ok(Self(links))
    }
}

/// A context's tables, with the aggregates that own them.
#[derive(Debug)]
pub struct Tables<'a> {
    /// The read model.
    pub context: &'a Context,
    /// The kinds of aggregate, and what they own, by table.
    owners: BTreeMap<&'static str, (AggregateType, usize)>,
    /// The kind that owns accounts.
    accounts: Option<AggregateType>,
}

impl<'a> Tables<'a> {
    /// The tables of a context.
    #[must_use]
    pub fn new(context: &'a Context, aggregates: &Aggregates) -> Self {
        let mut owners = BTreeMap::new();
        for kind in aggregates.aggregates().filter(|kind| kind.context() == context.name) {
            for (nth, row) in kind.rows.iter().enumerate() {
                owners.insert(row.table, (*kind, nth));
            }
        }
        let accounts = aggregates.aggregate("shared.identity").copied();
        Self { context, owners, accounts }
    }

    /// Tables that rows can be imported into, parents before children; accounts first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        let own = self.context.tables.iter().map(|table| table.name);
        std::iter::once(ACCOUNTS).chain(own.filter(|name| self.owners.contains_key(name)))
    }

    /// The documented table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        self.context.tables.iter().find(|table| table.name == name).copied()
    }

    /// Which aggregate owns a table, and as what row.
    #[must_use]
    pub fn owner(&self, name: &str) -> Option<(AggregateType, &'static RowType)> {
        let (kind, nth) = match name {
            ACCOUNTS => (self.accounts?, 0),
            name => *self.owners.get(name)?,
        };
        Some((kind, kind.rows.get(nth)?))
    }

    /// The name in SQL.
    #[must_use]
    pub fn qualified(&self, name: &str) -> String {
        match name {
            ACCOUNTS => ACCOUNTS.to_owned(),
            name => format!("{}.{name}", self.context.name),
        }
    }

    /// A row as JSON text, in SQL: amounts as strings, so that none of them becomes a float.
    #[must_use]
    pub fn as_json(&self, name: &str, alias: &str) -> String {
        let Some(table) = self.table(name) else {
            return format!(
                "jsonb_build_object('id', {alias}.id, 'email', {alias}.email, \
                 'created_at', {alias}.created_at)::text"
            );
        };
        let numeric = |kind: &str| kind.starts_with("numeric");
        let amounts: Vec<String> = table
            .columns()
            .iter()
            .filter(|column| numeric(column.kind))
            .map(|column| format!("'{0}', {alias}.{0}::text", column.name))
            .collect();
        format!("(to_jsonb({alias}) || jsonb_build_object({}))::text", amounts.join(", "))
    }

    /// The kinds of aggregate, those that others refer to before those others.
    #[must_use]
    pub fn kinds(&self, links: &Links) -> Vec<AggregateType> {
        let mut left: Vec<AggregateType> = Vec::new();
        for name in self.names() {
            if let Some((kind, _)) = self.owner(name)
                && !left.iter().any(|known| known.name == kind.name)
            {
                left.push(kind);
            }
        }
        let mut ordered: Vec<AggregateType> = Vec::new();
        while !left.is_empty() {
            let waits = |kind: &AggregateType| {
                links.0.iter().any(|link| {
                    let to = self.owner(&link.to).map(|(kind, _)| kind.name);
                    let from = self.owner(&link.table).map(|(kind, _)| kind.name);
                    from == Some(kind.name)
                        && to.is_some_and(|to| {
                            to != kind.name && left.iter().any(|other| other.name == to)
                        })
                })
            };
            // A circle of references would wait for ever; then the order of the tables counts.
            let next = left.iter().position(|kind| !waits(kind)).unwrap_or_default();
            ordered.push(left.remove(next));
        }
        ordered
    }
}
