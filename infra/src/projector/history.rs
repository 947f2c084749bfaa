//! The past of rows: every version that an event made of a row, written before the row itself is.
//!
//! A version is what was there before the batch and what its events wrote until then, so it is made of
//! the live row as it still stands and of the merged columns. It begins at its event's position and ends
//! where the next one begins; what one event does to a row in several changes is one version.
//!
//! Events that are applied again leave the past as it is, as they do the rows.
//!
//! Redaction reaches the past: where a documented `…Erased` event puts tombstones into a row
//! (shared.erasure.event, shared.erasure.tombstones), they stand in all of its earlier versions as well.

use std::collections::BTreeMap;

use annals_projections::{Change, Operation, Row, Table, Writer};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Arguments, PgConnection, error::BoxDynError, postgres::PgArguments};
use uuid::Uuid;

use super::{
    columns::{Columns, Pair, query},
    merge::{Merged, Step, Write},
    met::{Met, Which},
    write::{WriteError, qualified, quoted, refused, wanted, with_key},
};
use crate::{migrate::history_schema, store::StoredEvent};

/// Where a version ends that has not ended.
const OPEN: i64 = i64::MAX;

/// What the past says of an event.
#[derive(Debug, Clone, Copy)]
pub struct Stamp {
    position: i64,
    event_id: Uuid,
    at: DateTime<Utc>,
    erases: bool,
}

impl From<&StoredEvent> for Stamp {
    fn from(event: &StoredEvent) -> Self {
        Self {
            position: event.position,
            event_id: event.event_id,
            at: event.recorded_at,
            erases: event.event_type.ends_with("Erased"),
        }
    }
}

/// Whether a table's past is kept: that of each documented table that events make, and no other's, such
/// as that of auth.users.
pub fn is_kept(table: &Table) -> bool {
    !table.foreign && table.writer == Writer::Projector
}

/// Whether a row's last version is written by the statement that writes the row: it says every column, or
/// changes a row that is there.
pub fn is_written_with(table: &'static Table, merged: &Merged) -> bool {
    match &merged.written {
        Some((Write::Patch, _)) => true,
        Some((Write::Put, columns)) => {
            // A row says each column once, and none that its table does not have.
            let keys = merged.key.keys().filter(|it| !columns.contains_key(it)).count();
            columns.len() + keys == table.columns().len()
        }
        Some((Write::Add, _)) | None => false,
    }
}

/// Stamps of versions of rows, as arrays.
#[derive(Default)]
pub struct Stamped {
    from: Vec<i64>,
    from_at: Vec<DateTime<Utc>>,
    event: Vec<Uuid>,
}

impl Stamped {
    /// What its arrays are called besides a row's columns, and their types.
    pub const NAMES: &[(&str, &str)] =
        &[("annals_from", "bigint"), ("annals_from_at", "timestamptz"), ("annals_event", "uuid")];

    /// The stamps of rows' last events.
    pub fn of<'a>(stamps: &[Stamp], events: impl Iterator<Item = &'a usize>) -> Self {
        let mut all = Self::default();
        events.filter_map(|event| stamps.get(*event)).for_each(|stamp| all.push(stamp));
        all
    }

    fn push(&mut self, stamp: &Stamp) {
        self.from.push(stamp.position);
        self.from_at.push(stamp.at);
        self.event.push(stamp.event_id);
    }

    /// Binds the arrays.
    pub fn bind_to(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        arguments.add(&self.from)?;
        arguments.add(&self.from_at)?;
        arguments.add(&self.event)
    }
}

/// Part of a statement that writes rows: ends the versions of the rows `given` that are open.
pub fn ended(table: &Table, schema: Option<&str>) -> String {
    format!("ended AS ({}), ", Names::new(table, schema).end("given"))
}

/// Part of a statement that writes rows: adds their last versions with the `columns` of `rows`, which have the stamps
/// as well.
pub fn added(table: &Table, schema: Option<&str>, met: &Met, columns: &str, rows: &str) -> String {
    format!(
        "past AS (INSERT INTO {} \
             ({columns}, annals_from, annals_from_at, annals_event, annals_to, annals_to_at) \
         SELECT {columns}, annals_from, annals_from_at, annals_event, {OPEN}, 'infinity' FROM {rows}{})",
        Names::new(table, schema).past,
        unless_there(table, met),
    )
}

/// Leaves a version as it is that may be there: its event was applied before.
fn unless_there(table: &Table, met: &Met) -> &'static str {
    if met.in_table(table, Which::Past) { " ON CONFLICT DO NOTHING" } else { "" }
}

/// Versions of rows of one table that say the same columns, as one statement takes them.
#[derive(Default)]
struct Versions<'a> {
    rows: Vec<Pair<'a>>,
    stamped: Stamped,
    to: Vec<i64>,
    to_at: Vec<Option<DateTime<Utc>>>,
    afresh: Vec<bool>,
}

/// What the arrays of [`Versions`] besides the columns are called, and their types.
const OF_VERSIONS: &[(&str, &str)] = &[
    ("annals_from", "bigint"),
    ("annals_from_at", "timestamptz"),
    ("annals_event", "uuid"),
    ("annals_to", "bigint"),
    ("annals_to_at", "timestamptz"),
    ("annals_afresh", "boolean"),
];

/// Rows of one table whose open versions end, and with which event.
#[derive(Default)]
struct Ends<'a> {
    rows: Vec<Pair<'a>>,
    from: Vec<i64>,
    from_at: Vec<DateTime<Utc>>,
}

/// What the arrays of [`Ends`] besides the key are called, and their types.
const OF_ENDS: &[(&str, &str)] = &[("annals_from", "bigint"), ("annals_from_at", "timestamptz")];

/// Versions by table, by the columns that they say and, of those, the numbers that are added to.
type Groups<'a> = BTreeMap<(&'a str, Vec<&'a str>, Vec<&'a str>), (&'static Table, Versions<'a>)>;

/// Writes the versions of a step's rows. `again` says that an earlier step of the same batch may have
/// written versions of the same events, which these replace.
pub async fn keep(
    connection: &mut PgConnection,
    schema: Option<&str>,
    step: &Step,
    met: &Met,
    stamps: &[Stamp],
    again: bool,
) -> Result<(), WriteError> {
    let mut groups = Groups::new();
    let mut ends: BTreeMap<&str, (&'static Table, Ends<'_>)> = BTreeMap::new();
    let none = Row::new();
    for (table, merged) in step.rows().filter(|(table, _)| is_kept(table)) {
        let with_row = is_written_with(table, merged);
        let mut versions = merged.versions().peekable();
        if !(merged.is_of_one_event() && !again && with_row)
            && let Some(stamp) = versions.peek().and_then(|(event, ..)| stamps.get(*event))
        {
            let (_, ends) = ends.entry(table.name).or_insert_with(|| (table, Ends::default()));
            ends.rows.push((&merged.key, &none));
            ends.from.push(stamp.position);
            ends.from_at.push(stamp.at);
        }
        while let Some((event, afresh, written)) = versions.next() {
            let (Some(stamp), Some((write, columns))) = (stamps.get(event), written) else {
                continue;
            };
            let next = versions.peek().and_then(|(event, ..)| stamps.get(*event));
            if next.is_none() && with_row {
                continue;
            }
            let added = if *write == Write::Add { numbers(columns) } else { Vec::new() };
            let names = columns.keys().collect();
            let group = groups.entry((table.name, names, added));
            let (_, group) = group.or_insert_with(|| (table, Versions::default()));
            group.rows.push((&merged.key, columns));
            group.stamped.push(stamp);
            group.to.push(next.map_or(OPEN, |next| next.position));
            group.to_at.push(next.map(|next| next.at));
            group.afresh.push(afresh);
        }
    }
    // What is open ends before anything is added: after that it would not be the last.
    for (table, ends) in ends.into_values() {
        let names = Names::new(table, schema);
        if again {
            ends.run(connection, table, |given| names.replace(given)).await?;
        }
        ends.run(connection, table, |given| names.end(given)).await?;
    }
    for ((_, names, added), (table, versions)) in groups {
        let names = with_key(table, &names);
        let columns = Columns::of(table, names.iter().copied(), &versions.rows);
        let sql = Names::new(table, schema).add(
            &columns.given(1, OF_VERSIONS),
            &names,
            &added,
            unless_there(table, met),
        );
        let mut arguments = PgArguments::default();
        let bound = columns.bind_to(&mut arguments).and_then(|()| versions.bind_to(&mut arguments));
        run(connection, table, &sql, bound, arguments).await?;
    }
    Ok(())
}

impl Versions<'_> {
    fn bind_to(&self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        self.stamped.bind_to(arguments)?;
        arguments.add(&self.to)?;
        arguments.add(&self.to_at)?;
        arguments.add(&self.afresh)
    }
}

impl Ends<'_> {
    async fn run(
        &self,
        connection: &mut PgConnection,
        table: &'static Table,
        sql: impl FnOnce(&str) -> String,
    ) -> Result<(), WriteError> {
        let keys = Columns::of(table, table.key.iter().copied(), &self.rows);
        let sql = sql(&keys.given(1, OF_ENDS));
        let mut arguments = PgArguments::default();
        let bound = keys.bind_to(&mut arguments);
        let bound = bound.and_then(|()| arguments.add(&self.from));
        let bound = bound.and_then(|()| arguments.add(&self.from_at));
        run(connection, table, &sql, bound, arguments).await
    }
}

async fn run(
    connection: &mut PgConnection,
    table: &Table,
    sql: &str,
    bound: Result<(), BoxDynError>,
    arguments: PgArguments,
) -> Result<(), WriteError> {
    bound.map_err(|error| refused(table, sqlx::Error::Encode(error)))?;
    let done = query(sql, arguments).execute(connection).await;
    done.map(drop).map_err(|source| refused(table, source))
}

/// Tombstones that erasures put into rows by their keys, by table, columns and the erasure's position.
pub type Erasures = BTreeMap<(&'static str, Vec<String>, i64), (&'static Table, Vec<Row>)>;

/// What the batch's erasures put into the rows that they name.
pub fn erasures(changes: &[(usize, Change)], stamps: &[Stamp]) -> Erasures {
    let mut found = Erasures::new();
    for (event, change) in changes {
        let Some(stamp) = stamps.get(*event).filter(|stamp| stamp.erases) else { continue };
        let named = matches!(change.operation, Operation::Put | Operation::Patch);
        let buried: Vec<String> = tombstones(&change.columns).map(str::to_owned).collect();
        if named && is_kept(change.table) && !buried.is_empty() {
            let mut row = change.columns.clone();
            row.extend(change.key.clone());
            let group = found.entry((change.table.name, buried, stamp.position));
            group.or_insert_with(|| (change.table, Vec::new())).1.push(row);
        }
    }
    found
}

/// Puts the tombstones of erasures into all earlier versions of the rows.
pub async fn bury(
    connection: &mut PgConnection,
    schema: Option<&str>,
    erasures: &Erasures,
) -> Result<(), WriteError> {
    for ((_, columns, position), (table, rows)) in erasures {
        let json = serde_json::to_string(rows).unwrap_or_default();
        let sql = Names::new(table, schema).bury(columns);
        let done = sqlx::query(&sql).bind(json).bind(position).execute(&mut *connection).await;
        done.map_err(|source| refused(table, source))?;
    }
    Ok(())
}

/// Puts the tombstones of later erasures into rows that were replayed up to an earlier position, as they
/// stand in the past of the rows in use.
pub async fn redact(
    connection: &mut PgConnection,
    schema: &str,
    changes: &[Change],
) -> Result<(), sqlx::Error> {
    for change in changes.iter().filter(|change| is_kept(change.table)) {
        let buried: Vec<_> = tombstones(&change.columns).collect();
        if buried.is_empty() {
            continue;
        }
        let names = Names::new(change.table, Some(schema));
        let sql = format!(
            "UPDATE {} AS row SET {} FROM {}",
            names.live,
            set("wanted", buried.iter().copied()),
            names.found(&change.key)
        );
        sqlx::query(&sql).bind(wanted(change)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Changes all rows with a value, and writes their versions.
pub async fn everywhere(
    connection: &mut PgConnection,
    schema: Option<&str>,
    change: &Change,
    stamp: &Stamp,
) -> Result<(), WriteError> {
    let names = Names::new(change.table, schema);
    let wanted = wanted(change);
    let columns: Vec<&str> = change.columns.keys().collect();
    let buried: Vec<&str> = tombstones(&change.columns).collect();
    let mut statements = Vec::new();
    if stamp.erases && !buried.is_empty() {
        statements.push(names.bury_everywhere(&change.key, &buried));
    }
    statements.extend([names.end_everywhere(&change.key), names.replace_everywhere(&change.key)]);
    statements.push(match change.operation {
        Operation::DropWhere => names.drop_everywhere(&change.key),
        _ => names.patch_everywhere(&change.key, &columns),
    });
    for sql in statements {
        // Every statement is given all; each uses what it needs.
        sqlx::query(&sql)
            .bind(&wanted)
            .bind(stamp.position)
            .bind(stamp.at)
            .bind(stamp.event_id)
            .execute(&mut *connection)
            .await
            .map_err(|source| refused(change.table, source))?;
    }
    Ok(())
}

fn numbers(row: &Row) -> Vec<&str> {
    row.iter().filter(|(_, value)| value.is_number()).map(|(name, _)| name).collect()
}

/// The columns that hold what stands for a person's data once it is gone (shared.erasure.tombstones).
fn tombstones(row: &Row) -> impl Iterator<Item = &str> {
    let is_one = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text == "erased" || text.ends_with("@erased.invalid"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    row.iter().filter(move |(_, value)| is_one(value)).map(|(name, _)| name)
}

/// The statements of one table.
struct Names<'a> {
    table: &'a Table,
    live: String,
    past: String,
    make: String,
}

impl<'a> Names<'a> {
    fn new(table: &'a Table, schema: Option<&str>) -> Self {
        let beside = quoted(&history_schema(schema.unwrap_or(table.schema)));
        Self {
            table,
            live: qualified(table, schema),
            past: format!("{beside}.{}", quoted(table.name)),
            make: format!("{beside}.{}()", quoted(&format!("new_{}", table.name))),
        }
    }

    fn same(&self, left: &str, right: &str) -> String {
        let same = self.table.key.iter().map(|it| format!("{left}.{0} = {right}.{0}", quoted(it)));
        same.collect::<Vec<_>>().join(" AND ")
    }

    /// Ends the versions that are open. The last one is looked up first, by a query that no planner turns
    /// round: found by the row's key alone, a version would cost more the more of them there are. Then it is where it
    /// was found: nobody else writes here.
    fn end(&self, given: &str) -> String {
        let Self { past, .. } = self;
        format!(
            "UPDATE {past} AS open SET annals_to = given.annals_from, annals_to_at = given.annals_from_at \
             FROM (SELECT given.annals_from, given.annals_from_at, last.place FROM {given} AS given \
                 CROSS JOIN LATERAL (SELECT known.ctid AS place, known.annals_from, known.annals_to \
                     FROM {past} AS known WHERE {} ORDER BY known.annals_from DESC LIMIT 1) AS last \
                 WHERE last.annals_from < given.annals_from AND last.annals_to = {OPEN} OFFSET 0) AS given \
             WHERE open.ctid = given.place",
            self.same("known", "given"),
        )
    }

    /// Adds versions: the columns in `names` as they are given, numbers in `added` added to what is there,
    /// all others as they are there.
    fn add(&self, given: &str, names: &[&str], added: &[&str], conflict: &str) -> String {
        let Self { live, past, make, table } = self;
        let all = table.columns();
        let first = quoted(table.key.first().copied().unwrap_or_default());
        let value = |name: &str| {
            let (said, column) = (names.contains(&name), quoted(name));
            match (said, added.contains(&name)) {
                (true, false) => format!("given.{column}"),
                (true, true) => format!("coalesce((was.it).{column}, 0) + given.{column}"),
                (false, _) => format!("(was.it).{column}"),
            }
        };
        let columns: Vec<_> = all.iter().map(|it| quoted(it.name)).collect();
        let values: Vec<_> = all.iter().map(|it| value(it.name)).collect();
        // What was there is looked for only where something of it stays.
        let was = if added.is_empty() && all.iter().all(|it| names.contains(&it.name)) {
            String::new()
        } else {
            format!(
                " LEFT JOIN {live} AS base ON {} AND NOT given.annals_afresh CROSS JOIN LATERAL \
                 (SELECT CASE WHEN base.{first} IS NULL THEN {make} ELSE base END AS it OFFSET 0) AS was",
                self.same("base", "given")
            )
        };
        format!(
            "INSERT INTO {past} ({}, annals_from, annals_from_at, annals_event, annals_to, annals_to_at) \
             SELECT {}, given.annals_from, given.annals_from_at, given.annals_event, given.annals_to, \
                 coalesce(given.annals_to_at, 'infinity') FROM {given} AS given{was}{conflict}",
            columns.join(", "),
            values.join(", "),
        )
    }

    /// Takes back what an earlier step of the batch kept of the same event.
    fn replace(&self, given: &str) -> String {
        format!(
            "DELETE FROM {} AS known USING {given} AS given WHERE {} \
             AND known.annals_from = given.annals_from AND known.annals_to = {OPEN}",
            self.past,
            self.same("known", "given"),
        )
    }

    /// Puts tombstones into all versions of rows that began before a position.
    fn bury(&self, columns: &[String]) -> String {
        let Self { live, past, .. } = self;
        format!(
            "UPDATE {past} AS known SET {} \
             FROM jsonb_populate_recordset(NULL::{live}, $1::text::jsonb) AS buried \
             WHERE {} AND known.annals_from < $2",
            set("buried", columns.iter().map(String::as_str)),
            self.same("known", "buried"),
        )
    }

    /// Live rows with the wanted value.
    fn found(&self, key: &Row) -> String {
        let conditions: Vec<_> =
            key.keys().map(|it| format!("row.{0} = wanted.{0}", quoted(it))).collect();
        let record = format!("jsonb_populate_record(NULL::{}, $1::text::jsonb)", self.live);
        format!("{record} AS wanted WHERE {}", conditions.join(" AND "))
    }

    /// What each of the statements over rows with a value is given, so that all are typed alike.
    fn typed(&self) -> &'static str {
        "WITH given AS (SELECT $2::bigint AS position, $3::timestamptz AS at, $4::uuid AS event)"
    }

    fn end_everywhere(&self, key: &Row) -> String {
        format!(
            "{} UPDATE {} AS open SET annals_to = given.position, annals_to_at = given.at \
             FROM given, {} AS row, {} AND {} AND open.annals_to = {OPEN} \
               AND open.annals_from < given.position",
            self.typed(),
            self.past,
            self.live,
            self.found(key),
            self.same("open", "row"),
        )
    }

    fn replace_everywhere(&self, key: &Row) -> String {
        format!(
            "{} DELETE FROM {} AS known USING given, {} AS row, {} AND {} \
             AND known.annals_from = given.position AND known.annals_to = {OPEN}",
            self.typed(),
            self.past,
            self.live,
            self.found(key),
            self.same("known", "row"),
        )
    }

    fn bury_everywhere(&self, key: &Row, columns: &[&str]) -> String {
        format!(
            "{} UPDATE {} AS known SET {} FROM given, {} AS row, {} AND {} \
             AND known.annals_from < given.position",
            self.typed(),
            self.past,
            set("wanted", columns.iter().copied()),
            self.live,
            self.found(key),
            self.same("known", "row"),
        )
    }

    fn patch_everywhere(&self, key: &Row, columns: &[&str]) -> String {
        format!(
            "{}, changed AS (UPDATE {} AS row SET {} FROM {} RETURNING row.*) \
             INSERT INTO {} SELECT changed.*, given.position, given.at, given.event, {OPEN}, 'infinity' \
             FROM changed, given WHERE NOT EXISTS (SELECT FROM {} AS later WHERE {} \
                 AND later.annals_from > given.position) ON CONFLICT DO NOTHING",
            self.typed(),
            self.live,
            set("wanted", columns.iter().copied()),
            self.found(key),
            self.past,
            self.past,
            self.same("later", "changed"),
        )
    }

    fn drop_everywhere(&self, key: &Row) -> String {
        let given = self.typed();
        format!("{given} DELETE FROM {} AS row USING given, {}", self.live, self.found(key))
    }
}

fn set<'a>(from: &str, columns: impl Iterator<Item = &'a str>) -> String {
    let set = columns.map(|it| format!("{0} = {from}.{0}", quoted(it)));
    set.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn tombstones_are_told_from_what_stays_of_a_person() {
        let row = json!({
            "first_name": "erased", "email": "b@erased.invalid", "born": null, "preferences": {},
            "allergies": [], "deleted_at": "2026-01-01T00:00:00Z", "status": "inactive",
            "is_active": false, "amount": 3,
        });
        let row = Row::of(row);
        let found: BTreeSet<_> = tombstones(&row).collect();
        let expected = ["allergies", "born", "email", "first_name", "preferences"];
        assert_eq!(found, expected.into());
    }
}
