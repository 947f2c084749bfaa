//! What rows held before an event changed them, for the line that a context keeps of every event.
//!
//! Postgres reads both what is there and what is about to be written, and says it in one form: so a line is the same
//! however events are batched, and the same again after a rebuild. Personal columns are named and not shown.

use std::collections::{BTreeMap, HashMap, HashSet};

use annals_projections::{Change, Operation, Row, Table};
use chrono::DateTime;
use serde_json::{Map, Value};
use sqlx::{PgConnection, postgres::PgArguments};
use uuid::Uuid;

use super::{
    apply::Target,
    columns::Columns,
    write::{qualified, quoted},
};
use crate::store::StoredEvent;

/// Stands in place of what is personal, as it does in what is told of the values after.
const REDACTED: &str = "[redacted]";
/// Moves with every event, and says nothing of its own.
const CLOCK: &str = "updated_at";

/// Changes of one table, with their places among all.
type Changes<'a> = (&'static Table, Vec<(usize, &'a Change)>);
/// A row as Postgres tells it.
type Fields = Map<String, Value>;
/// A row as it is known while a batch is gone through; none where it is not there.
type Known = HashMap<(&'static str, String), Option<Fields>>;

/// Puts into each event's line what the rows that it changes held before. Events that are applied again find their
/// lines, which stay as they are: what the rows hold by then is not what was before them.
///
/// # Errors
/// When Postgres does not answer.
pub(super) async fn tell(
    connection: &mut PgConnection,
    target: Target<'_>,
    events: &[StoredEvent],
    changes: &mut [(usize, Change)],
) -> Result<(), sqlx::Error> {
    let Some((lines, column)) = target.context.before else { return Ok(()) };
    let met: HashSet<(&str, String)> = changes
        .iter()
        .filter(|(nth, change)| meets(change, events.get(*nth)))
        .map(|(_, change)| (change.table.name, key_of(change.table, &change.key)))
        .collect();
    let mut tables: BTreeMap<&str, Changes<'_>> = BTreeMap::new();
    for (place, (_, change)) in changes.iter().enumerate() {
        let of_rows = || met.contains(&(change.table.name, key_of(change.table, &change.key)));
        if change.table.name != lines.name && (is_everywhere(change) || of_rows()) {
            let those = tables.entry(change.table.name).or_insert((change.table, Vec::new()));
            those.1.push((place, change));
        }
    }
    let mut known = Known::new();
    let mut typed: HashMap<usize, Fields> = HashMap::new();
    for (table, those) in tables.into_values() {
        let (places, those): (Vec<usize>, Vec<&Change>) = those.into_iter().unzip();
        there(connection, target.schema, table, &those, &mut known).await?;
        let rows = written(connection, target.schema, table, &those).await?;
        typed.extend(places.into_iter().zip(rows));
    }
    let told = go_through(changes, &mut known, &typed, events.len());
    for (nth, change) in changes.iter_mut().filter(|(_, change)| is_line(change, lines)) {
        if let Some(values) = told.get(*nth).filter(|values| !values.is_empty()) {
            change.columns.insert(column, Value::Object(values.clone()));
        }
    }
    Ok(())
}

/// Whether a change may meet a row that is there: a row is made once, but for one that is the stream's own.
fn meets(change: &Change, event: Option<&StoredEvent>) -> bool {
    match change.operation {
        Operation::Patch | Operation::Drop => true,
        Operation::Put => event.is_some_and(|event| {
            event.sequence > 1
                && change.key.values().any(|it| it.as_str() == Some(&event.aggregate_id))
        }),
        Operation::Add | Operation::PatchWhere | Operation::DropWhere => false,
    }
}

/// Whether a change is an event's line, and not what an erasure does to many of them.
fn is_line(change: &Change, lines: &Table) -> bool {
    change.table.name == lines.name && change.operation == Operation::Put
}

fn is_everywhere(change: &Change) -> bool {
    matches!(change.operation, Operation::PatchWhere | Operation::DropWhere)
}

/// Each event's old values, and the rows as they are in the end.
fn go_through(
    changes: &[(usize, Change)],
    known: &mut Known,
    typed: &HashMap<usize, Fields>,
    events: usize,
) -> Vec<Map<String, Value>> {
    let mut told = vec![Map::new(); events];
    for (place, (nth, change)) in changes.iter().enumerate() {
        let name = (change.table.name, key_of(change.table, &change.key));
        let columns = typed.get(&place);
        let personal = change.table.personal();
        match (change.operation, columns) {
            (Operation::Patch | Operation::Put, Some(columns)) => {
                let row = known.entry(name).or_default();
                if let (Some(before), Some(values)) = (row.as_ref(), told.get_mut(*nth)) {
                    add(values, change.table, personal, before, columns);
                }
                row.get_or_insert_with(|| made(change)).extend(columns.clone());
            }
            (Operation::Drop, _) => {
                let gone = known.insert(name, None);
                if let (Some(Some(before)), Some(values)) = (gone, told.get_mut(*nth)) {
                    add(values, change.table, personal, &before, &Fields::new());
                }
            }
            (Operation::PatchWhere | Operation::DropWhere, columns) => {
                everywhere(known, change, columns);
            }
            // Counts over streams are not told, and a row that nobody meets again is not remembered.
            (Operation::Add | Operation::Patch | Operation::Put, _) => {}
        }
    }
    told
}

/// A row as it is made: null where nothing is written.
fn made(change: &Change) -> Fields {
    let columns = change.table.columns();
    let mut row: Fields = columns.iter().map(|it| (it.name.to_owned(), Value::Null)).collect();
    row.extend(owned(&change.key));
    row
}

/// Changes the rows that are known and have the value that is looked for.
fn everywhere(known: &mut Known, change: &Change, columns: Option<&Fields>) {
    let rows = known.iter_mut().filter(|((table, _), _)| *table == change.table.name);
    for (_, row) in rows {
        let here =
            |row: &Fields| change.key.iter().all(|(name, value)| row.get(name) == Some(value));
        if row.as_ref().is_some_and(here) {
            match (change.operation, columns) {
                (Operation::DropWhere, _) => *row = None,
                (_, Some(columns)) => row.get_or_insert_with(Fields::new).extend(columns.clone()),
                (_, None) => {}
            }
        }
    }
}

/// Adds what a row held where it changes: the columns that are written, or all of them where it goes.
fn add(
    values: &mut Map<String, Value>,
    table: &Table,
    personal: &[&str],
    before: &Fields,
    columns: &Fields,
) {
    let goes = columns.is_empty();
    for (name, old) in before {
        let is_key = table.key.contains(&name.as_str());
        let new = columns.get(name);
        // What a row that goes has counted came from other streams.
        let counted = goes && old.is_number();
        if is_key || name == CLOCK || counted || !(goes || new.is_some()) {
            continue;
        }
        let old = match (personal.contains(&name.as_str()), new) {
            // Whether it differs must not be told from what is gone once a key is.
            (true, _) => Value::from(REDACTED),
            (false, Some(new)) if new == old => continue,
            (false, _) => old.clone(),
        };
        let name =
            if values.contains_key(name) { format!("{}.{name}", table.name) } else { name.clone() };
        values.insert(name, old);
    }
}

fn owned(row: &Row) -> impl Iterator<Item = (String, Value)> {
    row.iter().map(|(name, value)| (name.to_owned(), value.clone()))
}

fn key_of(table: &Table, key: &Row) -> String {
    let values = table.key.iter().map(|name| match key.get(name) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(ToString::to_string).unwrap_or_default(),
    });
    values.collect::<Vec<_>>().join("\u{1f}")
}

/// A row of a table as JSON, amounts as text so that none passes through a float. Of its columns those that
/// are wanted.
fn as_json(table: &'static Table, row: &str, wanted: impl Fn(&str) -> bool) -> String {
    let columns = table.columns().iter().filter(|column| wanted(column.name));
    let fields = columns.map(|column| {
        let cast = if column.kind.starts_with("numeric") { "::text" } else { "" };
        format!("'{}', {row}.{}{cast}", column.name, quoted(column.name))
    });
    format!("json_build_object({})", fields.collect::<Vec<_>>().join(", "))
}

/// Reads the rows that are there.
async fn there(
    connection: &mut PgConnection,
    schema: Option<&str>,
    table: &'static Table,
    changes: &[&Change],
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    let keys = changes.iter().filter(|change| !is_everywhere(change)).map(|change| &change.key);
    // A row that goes is told whole, and one that is found by a value has to be known by it.
    let whole = changes.iter().any(|it| is_everywhere(it) || it.operation == Operation::Drop);
    let wanted = |name: &str| {
        whole
            || table.key.contains(&name)
            || changes.iter().any(|change| change.columns.contains_key(name))
    };
    let rows = found(connection, schema, table, &as_json(table, "row", wanted), keys).await?;
    for row in rows {
        if let Value::Object(row) = row {
            known.insert((table.name, key_of(table, &Row::from(row.clone()))), Some(row));
        }
    }
    Ok(())
}

/// What is about to be written, in the form in which it will be there.
async fn written(
    connection: &mut PgConnection,
    schema: Option<&str>,
    table: &'static Table,
    changes: &[&Change],
) -> Result<Vec<Fields>, sqlx::Error> {
    let kinds: HashMap<&str, &str> = table.columns().iter().map(|it| (it.name, it.kind)).collect();
    let ours: Option<Vec<Fields>> =
        changes.iter().map(|change| plain(&kinds, &change.columns)).collect();
    if let Some(rows) = ours {
        return Ok(rows);
    }
    let name = qualified(table, schema);
    let sql = format!(
        "SELECT {} FROM ROWS FROM (jsonb_array_elements($1::text::jsonb)) WITH ORDINALITY AS given (fields, nth)
         CROSS JOIN LATERAL jsonb_populate_record(NULL::{name}, given.fields) AS row ORDER BY given.nth",
        as_json(table, "row", |_| true)
    );
    let given: Vec<&Row> = changes.iter().map(|change| &change.columns).collect();
    let rows: Vec<Value> =
        sqlx::query_scalar(&sql).bind(text(&given)).fetch_all(connection).await?;
    let typed = rows.into_iter().zip(&given).map(|(row, given)| match row {
        Value::Object(row) => {
            row.into_iter().filter(|(name, _)| given.contains_key(name)).collect()
        }
        _ => Fields::new(),
    });
    Ok(typed.collect())
}

/// What is picked of the rows with these keys that are there.
async fn found(
    connection: &mut PgConnection,
    schema: Option<&str>,
    table: &'static Table,
    picked: &str,
    keys: impl Iterator<Item = &Row>,
) -> Result<Vec<Value>, sqlx::Error> {
    let none = Row::new();
    let mut seen = HashSet::new();
    let keys: Vec<_> =
        keys.filter(|key| seen.insert(key_of(table, key))).map(|key| (key, &none)).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let keys = Columns::of(table, table.key.iter().copied(), &keys);
    let sql = format!(
        "SELECT {picked} FROM {} AS wanted JOIN {} AS row ON {}",
        keys.given(1, &[]),
        qualified(table, schema),
        same_key(table)
    );
    let mut arguments = PgArguments::default();
    keys.bind_to(&mut arguments).map_err(sqlx::Error::Encode)?;
    sqlx::query_scalar_with(&sql, arguments).fetch_all(connection).await
}

/// Columns in the form in which Postgres tells them, where that is plain to see; otherwise Postgres has to
/// be asked.
fn plain(kinds: &HashMap<&str, &str>, row: &Row) -> Option<Fields> {
    row.iter()
        .map(|(name, value)| Some((name.to_owned(), told(kinds.get(name)?, value)?)))
        .collect()
}

fn told(kind: &str, value: &Value) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Null);
    }
    let (plain, rest) = kind.split_once('(').unwrap_or((kind, ""));
    match (plain, value) {
        ("text" | "character varying", Value::String(_)) | ("boolean", Value::Bool(_)) => {
            Some(value.clone())
        }
        ("smallint" | "integer" | "bigint", Value::Number(number)) if number.is_i64() => {
            Some(value.clone())
        }
        ("uuid", Value::String(text)) => {
            Some(Value::from(text.parse::<Uuid>().ok()?.hyphenated().to_string()))
        }
        ("timestamp with time zone", Value::String(text)) => {
            let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
            let (seconds, micros) =
                (time.format("%Y-%m-%dT%H:%M:%S"), time.timestamp_subsec_micros());
            let part = if micros == 0 { String::new() } else { format!(".{micros:06}") };
            let whole = time.timestamp_subsec_nanos() % 1_000 == 0;
            whole.then(|| Value::from(format!("{seconds}{}+00:00", part.trim_end_matches('0'))))
        }
        ("numeric", Value::String(text)) => {
            let scale: usize = rest.trim_end_matches(')').split_once(',')?.1.trim().parse().ok()?;
            decimal(text, scale).map(Value::from)
        }
        _ => None,
    }
}

/// A decimal number with so many digits after its point.
fn decimal(text: &str, scale: usize) -> Option<String> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let is_plain = digits(whole)
        && digits(part)
        && (whole == "0" || (!whole.is_empty() && !whole.starts_with('0')))
        && part.len() <= scale
        // A zero has no sign.
        && !(text.starts_with('-') && unsigned.bytes().all(|it| matches!(it, b'0' | b'.')));
    let point = if scale == 0 { "" } else { "." };
    let sign = if text.starts_with('-') { "-" } else { "" };
    is_plain.then(|| format!("{sign}{whole}{point}{part:0<scale$}"))
}

fn same_key(table: &Table) -> String {
    let same = table.key.iter().map(|it| format!("row.{0} = wanted.{0}", quoted(it)));
    same.collect::<Vec<_>>().join(" AND ")
}

fn text(rows: &[&Row]) -> String {
    serde_json::to_string(rows).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static ROWS: Table = Table::new(
        "x",
        "rows",
        &["id"],
        "COMMENT ON COLUMN x.rows.name IS\n'A name.\n\nPersonal data: null after erasure.';\n\
         COMMENT ON COLUMN x.rows.state IS 'A state.';",
    );

    fn object(value: Value) -> Fields {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_changes_is_told_as_it_was_and_what_is_personal_by_its_name_alone() {
        let before =
            object(json!({"id": "1", "name": "Ada", "state": "new", "size": 3, "updated_at": "t"}));
        let mut values = Map::new();
        add(
            &mut values,
            &ROWS,
            ROWS.personal(),
            &before,
            &object(json!({"name": "Ada", "state": "old", "size": 3, "updated_at": "u"})),
        );
        assert_eq!(Value::Object(values), json!({"name": REDACTED, "state": "new"}));
    }

    #[test]
    fn what_is_about_to_be_written_is_told_as_postgres_tells_it() {
        let of = |kind: &str, value: Value| super::told(kind, &value);
        assert_eq!(of("numeric(15,2)", json!("7")), Some(json!("7.00")));
        assert_eq!(of("numeric(15,2)", json!("-0.5")), Some(json!("-0.50")));
        for other in ["-0.00", "07", "1.234", "NaN", "1e3", ""] {
            assert_eq!(of("numeric(15,2)", json!(other)), None, "{other}");
        }
        let time = |text: &str| of("timestamp with time zone", json!(text));
        assert_eq!(time("2026-01-02T03:04:05.120Z"), Some(json!("2026-01-02T03:04:05.12+00:00")));
        assert_eq!(time("2026-01-02T03:04:05Z"), Some(json!("2026-01-02T03:04:05+00:00")));
        assert_eq!(of("jsonb", json!({"b": 1})), None);
        assert_eq!(of("jsonb", Value::Null), Some(Value::Null));
    }

    #[test]
    fn a_row_that_goes_is_told_whole() {
        let before = object(json!({"id": "1", "name": null, "state": "new"}));
        let mut values = object(json!({"state": "another row's"}));
        add(&mut values, &ROWS, ROWS.personal(), &before, &Fields::new());
        let expected = json!({"state": "another row's", "rows.state": "new", "name": REDACTED});
        assert_eq!(Value::Object(values), expected);
    }

    #[test]
    fn an_event_sees_what_an_earlier_one_of_its_batch_wrote() {
        let changes = [
            (0, ROWS.patch("1", json!({"state": "a"}))),
            (1, ROWS.patch("1", json!({"state": "b"}))),
        ];
        let typed =
            changes.iter().map(|(_, it)| owned(&it.columns).collect()).enumerate().collect();
        let there = object(json!({"id": "1", "state": "new"}));
        let mut known = Known::from([(("rows", "1".to_owned()), Some(there))]);
        let told = go_through(&changes, &mut known, &typed, 2);
        assert_eq!(json!(told), json!([{"state": "new"}, {"state": "a"}]));
    }
}
