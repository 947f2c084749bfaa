//! Tombstones into rows and their past, without a rebuild.
//!
//! Which rows? The events about a person are projected once more, now that their keys are gone: what they
//! put into personal columns are tombstones, and those are written over the row and over every version of
//! it, wherever there is a table of that name: in use, in its past, in one that a rebuild fills or a replay
//! made. So it comes out as a replay of the log would make it.

use std::collections::{BTreeMap, BTreeSet};

use annals_commands::Catalogue as Aggregates;
use annals_domain::RowType;
use annals_projections::{Catalogue, Change, Operation, Row};
use serde_json::{Value, json};
use sqlx::{FromRow, PgConnection, PgPool};

use super::{EraseError, about};
use crate::{
    keys::Keys,
    projector::{changes_of, quoted},
    seal,
    store::StoredEvent,
};

/// What is needed to redact.
#[derive(Clone, Copy)]
pub struct Redaction<'a> {
    /// What events are.
    pub aggregates: &'a Aggregates,
    /// What they do to rows.
    pub catalogue: &'a Catalogue,
    /// The keys, in which the person's are destroyed.
    pub keys: &'a Keys,
    /// The event store, with the projector's rights.
    pub pool: &'a PgPool,
}

impl std::fmt::Debug for Redaction<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Redaction")
    }
}

/// What was redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redacted {
    /// Rows of tables in use.
    pub rows: u64,
    /// Older versions of rows.
    pub versions: u64,
    /// The tables whose files held any of it, by oid: a rebuild may have them change places.
    pub relations: Relations,
}

/// Tables by oid, with what they were called then, schema included.
pub type Relations = BTreeMap<i64, String>;

/// Rows of one table with the same columns to redact: table, columns, key.
type Groups = BTreeMap<(&'static str, Vec<String>, Vec<String>), BTreeSet<String>>;

/// A table as it is in some schema.
#[derive(Debug, FromRow)]
struct Relation {
    oid: i64,
    schema: String,
    name: String,
    columns: Vec<String>,
}

impl Relation {
    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|it| it == column)
    }

    fn is_past(&self) -> bool {
        self.has("annals_from")
    }

    fn qualified(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

impl Redaction<'_> {
    /// Redacts all that events sealed for these people put into tables; their keys are destroyed. The index
    /// of streams by person is filled further first.
    ///
    /// # Errors
    /// Then it is done for some contexts, perhaps, and can be done again.
    pub async fn redact(&self, subjects: &[String]) -> Result<Redacted, EraseError> {
        let streams = about::streams_of(self.pool, self.aggregates, subjects).await?;
        let events = about::events_of(self.pool, &streams).await?;
        let mut contexts: BTreeMap<String, Vec<StoredEvent>> = BTreeMap::new();
        let mut positions = Vec::new();
        for event in events {
            // What cannot be read is parked, and in no table.
            let Ok(Some(subject)) = seal::sealed_for(self.aggregates, &event) else { continue };
            if subjects.iter().any(|it| **it == *subject) && self.keys.is_erased(&subject) {
                positions.push(event.position);
                contexts.entry(event.context().to_owned()).or_default().push(event);
            }
        }
        let mut redacted = Redacted::default();
        for (context, events) in &contexts {
            self.redact_context(context, events, &mut redacted).await?;
        }
        let (kinds, ids): (Vec<&str>, Vec<&str>) =
            streams.iter().map(|(kind, id)| (kind.as_str(), id.as_str())).unzip();
        sqlx::query(
            "DELETE FROM annals.snapshots AS kept USING unnest($1::text[], $2::text[]) AS gone (kind, id)
             WHERE kept.aggregate_type = gone.kind AND kept.aggregate_id = gone.id",
        )
        .bind(kinds)
        .bind(ids)
        .execute(self.pool)
        .await?;
        sqlx::query(
            "UPDATE annals.parked SET error = 'redacted: the person was erased' WHERE position = ANY ($1)",
        )
        .bind(positions)
        .execute(self.pool)
        .await?;
        Ok(redacted)
    }

    async fn redact_context(
        &self,
        name: &str,
        events: &[StoredEvent],
        redacted: &mut Redacted,
    ) -> Result<(), EraseError> {
        let Some(context) = self.catalogue.context(name) else { return Ok(()) };
        let personal = self.personal(name);
        let mut groups = Groups::new();
        for event in events {
            for change in changes_of(context, self.aggregates, self.keys, event).await? {
                collect(&personal, change, &mut groups);
            }
        }
        let mut transaction = self.pool.begin().await?;
        // Whoever projects in this very moment may have opened events before the keys were gone: what is
        // not committed yet is thrown away, and made again of tombstones. A rebuild or a replay that is
        // under way ends, and goes on when it is called again.
        let contexts: Vec<&str> = self.catalogue.contexts().map(|it| it.name).collect();
        sqlx::query(
            "UPDATE annals.projections SET epoch = epoch + 1 WHERE name = $1 OR name <> ALL ($2)",
        )
        .bind(name)
        .bind(contexts)
        .execute(&mut *transaction)
        .await?;
        let names: BTreeSet<&str> = groups.keys().map(|(table, _, _)| *table).collect();
        let relations = relations(&mut transaction, name, &names).await?;
        for ((table, columns, key), rows) in &groups {
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let rows = format!("[{}]", rows.join(","));
            for relation in relations.iter().filter(|it| it.name == *table) {
                let columns: Vec<&str> =
                    columns.iter().map(String::as_str).filter(|it| relation.has(it)).collect();
                if columns.is_empty() || !key.iter().all(|it| relation.has(it)) {
                    continue;
                }
                let done = sqlx::query(&bury(relation, &columns, key))
                    .bind(&rows)
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
                if relation.is_past() {
                    redacted.versions += done;
                } else {
                    redacted.rows += done;
                }
                redacted.relations.insert(relation.oid, relation.qualified());
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The personal columns of a context's tables.
    fn personal(&self, context: &str) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let rows = self.aggregates.aggregates().filter(|kind| kind.context() == context);
        let columns = |row: &RowType| row.event.personal.iter().map(|it| it.name).collect();
        rows.flat_map(|kind| kind.rows).map(|row| (row.table, columns(row))).collect()
    }
}

/// Takes the tombstones that a change puts into personal columns.
fn collect(
    personal: &BTreeMap<&'static str, BTreeSet<&'static str>>,
    change: Change,
    groups: &mut Groups,
) {
    let Some(known) = personal.get(change.table.name) else { return };
    match change.operation {
        Operation::Put | Operation::Patch | Operation::PatchWhere => {}
        Operation::Add | Operation::Drop | Operation::DropWhere => return,
    }
    let mut row: Row = change.columns;
    row.retain(|name, value| known.contains(name) && is_tombstone(value));
    if row.is_empty() {
        return;
    }
    let columns: Vec<String> = row.keys().map(str::to_owned).collect();
    let key: Vec<String> = change.key.keys().map(str::to_owned).collect();
    row.extend(change.key);
    let group = groups.entry((change.table.name, columns, key)).or_default();
    group.insert(json!(row).to_string());
}

/// Whether this stands for what is gone (shared.erasure.tombstones).
pub(super) fn is_tombstone(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text == "erased" || text.ends_with("@erased.invalid"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Every table of these names that projections write, wherever it is.
async fn relations(
    connection: &mut PgConnection,
    context: &str,
    names: &BTreeSet<&str>,
) -> Result<Vec<Relation>, sqlx::Error> {
    // Accounts are in a schema of their own, and only sometimes ours.
    sqlx::query_as(
        "SELECT class.oid::bigint AS oid, schema.nspname::text AS schema, class.relname::text AS name,
                ARRAY(SELECT part.attname::text FROM pg_catalog.pg_attribute AS part
                      WHERE part.attrelid = class.oid AND part.attnum > 0
                        AND NOT part.attisdropped) AS columns
         FROM pg_catalog.pg_class AS class
         JOIN pg_catalog.pg_namespace AS schema ON schema.oid = class.relnamespace
         WHERE class.relname = ANY ($1) AND class.relkind IN ('r', 'p') AND NOT class.relispartition
           AND class.relowner = 'annals_owner'::regrole
           AND has_table_privilege(class.oid, 'UPDATE')
           AND CASE WHEN $2 = 'shared' THEN schema.nspname = 'auth'
                    ELSE schema.nspname NOT IN ('annals', 'auth') END
         ORDER BY 2, 3",
    )
    .bind(names.iter().copied().collect::<Vec<_>>())
    .bind(context)
    .fetch_all(connection)
    .await
}

/// Puts tombstones into rows, and counts those that held anything else.
fn bury(relation: &Relation, columns: &[&str], key: &[String]) -> String {
    let table = relation.qualified();
    let each = |separator: &str, names: &[String], text: &dyn Fn(&str) -> String| {
        names.iter().map(|name| text(&quoted(name))).collect::<Vec<_>>().join(separator)
    };
    let columns: Vec<String> = columns.iter().map(|it| (*it).to_owned()).collect();
    format!(
        "UPDATE {table} AS held SET {} FROM jsonb_populate_recordset(NULL::{table}, $1::text::jsonb) AS gone
         WHERE {} AND ({})",
        each(", ", &columns, &|it| format!("{it} = gone.{it}")),
        each(" AND ", key, &|it| format!("held.{it} = gone.{it}")),
        each(" OR ", &columns, &|it| format!("held.{it} IS DISTINCT FROM gone.{it}")),
    )
}
