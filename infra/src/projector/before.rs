//! What rows held before an event changed them, for the line that a context keeps of every event.
//!
//! Postgres reads both what is there and what is about to be written, and says it in one form: so a line is the same
//! however events are batched, and the same again after a rebuild. Personal columns are named and not shown.

use std::collections::{BTreeMap, HashMap, HashSet};

use annals_projections::{Change, Operation, Row, Table};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::{
    apply::Target,
    write::{qualified, quoted},
};
use crate::store::StoredEvent;

/// Stands in place of what is personal, as it does in what is told of the values after.
const REDACTED: &str = "[redacted]";
/// Moves with every event, and says nothing of its own.
const CLOCK: &str = "updated_at";

/// A row as it is known while a batch is gone through; none where it is not there.
type Known = HashMap<(&'static str, String), Option<Row>>;

/// Puts into each event's line what the rows that it changes held before.
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
    let mut tables: BTreeMap<&str, (&'static Table, Vec<(usize, &Change)>)> = BTreeMap::new();
    for (place, (_, change)) in changes.iter().enumerate() {
        let of_rows = || met.contains(&(change.table.name, key_of(change.table, &change.key)));
        if change.table.name != lines.name && (is_everywhere(change) || of_rows()) {
            let those = tables.entry(change.table.name).or_insert((change.table, Vec::new()));
            those.1.push((place, change));
        }
    }
    let mut known = Known::new();
    let mut typed: HashMap<usize, Row> = HashMap::new();
    for (table, those) in tables.into_values() {
        let (places, those): (Vec<usize>, Vec<&Change>) = those.into_iter().unzip();
        there(connection, target.schema, table, &those, &mut known).await?;
        let rows = written(connection, target.schema, table, &those).await?;
        typed.extend(places.into_iter().zip(rows));
    }
    // Events that are applied again find their lines: what the rows hold now is not what was before them. A rebuild
    // begins with no line.
    let kept = match target.schema {
        None => lines_of(connection, lines, column, changes).await?,
        Some(_) => HashMap::new(),
    };
    let told = go_through(changes, &mut known, &typed, events.len());
    let line =
        |change: &Change| change.table.name == lines.name && change.operation == Operation::Put;
    for (nth, change) in changes.iter_mut().filter(|(_, change)| line(change)) {
        if let Some(values) = kept.get(&key_of(lines, &change.key)) {
            change.columns.insert(column.to_owned(), values.clone());
        } else if let Some(values) = told.get(*nth).filter(|values| !values.is_empty()) {
            change.columns.insert(column.to_owned(), Value::Object(values.clone()));
        }
    }
    Ok(())
}

/// The lines that are there already, by their keys, and what they tell of the values before.
async fn lines_of(
    connection: &mut PgConnection,
    lines: &'static Table,
    column: &str,
    changes: &[(usize, Change)],
) -> Result<HashMap<String, Value>, sqlx::Error> {
    let keys: Vec<&Row> = changes
        .iter()
        .filter(|(_, change)| change.table.name == lines.name && change.operation == Operation::Put)
        .map(|(_, change)| &change.key)
        .collect();
    let name = qualified(lines, None);
    let sql = format!(
        "SELECT jsonb_build_array(jsonb_build_object({}), row.{}) FROM {name} AS row
         JOIN jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) AS wanted ON {}",
        lines
            .key
            .iter()
            .map(|it| format!("'{it}', row.{}", quoted(it)))
            .collect::<Vec<_>>()
            .join(", "),
        quoted(column),
        same_key(lines)
    );
    let rows: Vec<Value> = sqlx::query_scalar(&sql).bind(text(&keys)).fetch_all(connection).await?;
    let line = |row: Value| match row {
        Value::Array(pair) => match <[Value; 2]>::try_from(pair) {
            Ok([Value::Object(key), values]) => Some((key_of(lines, &key), values)),
            _ => None,
        },
        _ => None,
    };
    Ok(rows.into_iter().filter_map(line).collect())
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

fn is_everywhere(change: &Change) -> bool {
    matches!(change.operation, Operation::PatchWhere | Operation::DropWhere)
}

/// Each event's old values, and the rows as they are in the end.
fn go_through(
    changes: &[(usize, Change)],
    known: &mut Known,
    typed: &HashMap<usize, Row>,
    events: usize,
) -> Vec<Map<String, Value>> {
    let mut told = vec![Map::new(); events];
    let mut personal: HashMap<&str, Vec<&str>> = HashMap::new();
    for (place, (nth, change)) in changes.iter().enumerate() {
        let name = (change.table.name, key_of(change.table, &change.key));
        let columns = typed.get(&place);
        let personal = personal.entry(change.table.name).or_insert_with(|| change.table.personal());
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
                    add(values, change.table, personal, &before, &Row::new());
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
fn made(change: &Change) -> Row {
    let columns = change.table.columns();
    let mut row: Row = columns.iter().map(|it| (it.name.to_owned(), Value::Null)).collect();
    row.extend(change.key.clone());
    row
}

/// Changes the rows that are known and have the value that is looked for.
fn everywhere(known: &mut Known, change: &Change, columns: Option<&Row>) {
    let rows = known.iter_mut().filter(|((table, _), _)| *table == change.table.name);
    for (_, row) in rows {
        let here = |row: &Row| change.key.iter().all(|(name, value)| row.get(name) == Some(value));
        if row.as_ref().is_some_and(here) {
            match (change.operation, columns) {
                (Operation::DropWhere, _) => *row = None,
                (_, Some(columns)) => row.get_or_insert_with(Row::new).extend(columns.clone()),
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
    before: &Row,
    columns: &Row,
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

fn key_of(table: &Table, key: &Row) -> String {
    let values = table.key.iter().map(|name| match key.get(*name) {
        Some(Value::String(text)) => text.clone(),
        other => other.map(ToString::to_string).unwrap_or_default(),
    });
    values.collect::<Vec<_>>().join("\u{1f}")
}

/// A row of a table as JSON, amounts as text so that none passes through a float.
fn as_json(table: &'static Table, row: &str) -> String {
    let columns = table.columns();
    let fields = columns.iter().map(|column| {
        let cast = if column.kind.starts_with("numeric") { "::text" } else { "" };
        format!("'{}', {row}.{}{cast}", column.name, quoted(column.name))
    });
    format!("jsonb_build_object({})", fields.collect::<Vec<_>>().join(", "))
}

/// Reads the rows that are there.
async fn there(
    connection: &mut PgConnection,
    schema: Option<&str>,
    table: &'static Table,
    changes: &[&Change],
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    let name = qualified(table, schema);
    let sql = format!(
        "SELECT DISTINCT {} FROM {name} AS row
         JOIN jsonb_populate_recordset(NULL::{name}, $1::text::jsonb) AS wanted ON {}",
        as_json(table, "row"),
        same_key(table)
    );
    let keys: Vec<&Row> =
        changes.iter().filter(|change| !is_everywhere(change)).map(|change| &change.key).collect();
    let rows: Vec<Value> = sqlx::query_scalar(&sql).bind(text(&keys)).fetch_all(connection).await?;
    for row in rows {
        if let Value::Object(row) = row {
            known.insert((table.name, key_of(table, &row)), Some(row));
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
) -> Result<Vec<Row>, sqlx::Error> {
    let name = qualified(table, schema);
    let sql = format!(
        "SELECT {} FROM ROWS FROM (jsonb_array_elements($1::text::jsonb)) WITH ORDINALITY AS given (fields, nth)
         CROSS JOIN LATERAL jsonb_populate_record(NULL::{name}, given.fields) AS row ORDER BY given.nth",
        as_json(table, "row")
    );
    let given: Vec<&Row> = changes.iter().map(|change| &change.columns).collect();
    let rows: Vec<Value> =
        sqlx::query_scalar(&sql).bind(text(&given)).fetch_all(connection).await?;
    let typed = rows.into_iter().zip(&given).map(|(row, given)| match row {
        Value::Object(row) => {
            row.into_iter().filter(|(name, _)| given.contains_key(name)).collect()
        }
        _ => Row::new(),
    });
    Ok(typed.collect())
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

    fn object(value: Value) -> Row {
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
            &ROWS.personal(),
            &before,
            &object(json!({"name": "Ada", "state": "old", "size": 3, "updated_at": "u"})),
        );
        assert_eq!(Value::Object(values), json!({"name": REDACTED, "state": "new"}));
    }

    #[test]
    fn a_row_that_goes_is_told_whole() {
        let before = object(json!({"id": "1", "name": null, "state": "new"}));
        let mut values = object(json!({"state": "another row's"}));
        add(&mut values, &ROWS, &ROWS.personal(), &before, &Row::new());
        let expected = json!({"state": "another row's", "rows.state": "new", "name": REDACTED});
        assert_eq!(Value::Object(values), expected);
    }

    #[test]
    fn an_event_sees_what_an_earlier_one_of_its_batch_wrote() {
        let changes = [
            (0, ROWS.patch("1", json!({"state": "a"}))),
            (1, ROWS.patch("1", json!({"state": "b"}))),
        ];
        let typed = changes.iter().map(|(_, it)| it.columns.clone()).enumerate().collect();
        let there = object(json!({"id": "1", "state": "new"}));
        let mut known = Known::from([(("rows", "1".to_owned()), Some(there))]);
        let told = go_through(&changes, &mut known, &typed, 2);
        assert_eq!(json!(told), json!([{"state": "new"}, {"state": "a"}]));
    }
}
