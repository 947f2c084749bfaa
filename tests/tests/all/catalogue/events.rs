//! Every kind of event, by samples that fit its schema.

use std::collections::{BTreeMap, BTreeSet};

use annals_commands::{AggregateType, Catalogue as Aggregates};
use annals_domain::{EventType, RowType, Subject};
use annals_projections::{
    ActorKind, Catalogue, Change, Envelope, Operation,
    table::{Column, Writer},
};
use annals_tests::{
    World,
    sample::{Fill, sample},
};
use chrono::DateTime;
use serde_json::{Value, json};
use uuid::Uuid;

const STREAM: &str = "0f000000-0000-7000-8000-0000000000ff";

/// A sample of an event; full or not, and with tombstones in place of what is personal, or not.
struct Sample {
    aggregate: &'static str,
    event: &'static EventType,
    payload: Value,
    full: bool,
    erased: bool,
}

impl Sample {
    fn changes(&self, catalogue: &Catalogue) -> Result<Vec<Change>, String> {
        let context = self.aggregate.split('.').next().unwrap();
        let envelope = Envelope {
            aggregate_type: self.aggregate.to_owned(),
            aggregate_id: STREAM.to_owned(),
            sequence: 7,
            position: 70,
            event_id: Uuid::from_u128(7),
            event_type: self.event.name.to_owned(),
            at: DateTime::from_timestamp(1_767_225_600, 0).unwrap(),
            occurred_at: None,
            actor: Uuid::from_u128(8),
            actor_kind: ActorKind::Person,
            command: "a_command".to_owned(),
            command_id: "c-1".to_owned(),
            tenant: STREAM.to_owned(),
            erased: self.erased,
        };
        let context = catalogue.context(context).ok_or("no such context")?;
        let redacted = || json!({});
        context
            .project(&envelope, self.payload.clone(), redacted)
            .map_err(|error| error.to_string())
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.erased { ", erased" } else { "" };
        write!(out, "{}: {}{how}: {}", self.aggregate, self.event.name, self.payload)
    }
}

fn samples_of(aggregate: &AggregateType) -> Vec<Sample> {
    let mut samples = Vec::new();
    for event in aggregate.events {
        let schema = serde_json::to_value((event.schema)()).unwrap();
        let row = aggregate.rows.iter().find(|row| row.event.name == event.name);
        for fill in [Fill::Everything, Fill::Little] {
            let (name, full) = (aggregate.name, fill == Fill::Everything);
            let clear = row.map_or_else(|| sample(&schema, fill), |it| row_of(aggregate, it, fill));
            for (payload, erased) in [(clear.clone(), false), (tombstoned(event, clear), true)] {
                samples.push(Sample { aggregate: name, event, payload, full, erased });
            }
        }
    }
    samples
}

/// The columns of a table whose rows an aggregate owns.
fn columns_of(aggregate: &AggregateType, row: &RowType) -> Vec<Column> {
    let catalogue = Catalogue::new();
    let context = catalogue.context(aggregate.context()).unwrap();
    match context.tables.iter().find(|table| table.name == row.table) {
        Some(table) => table.columns().to_vec(),
        // Accounts, whose table is not ours to describe.
        None => {
            assert_eq!((aggregate.name, row.table), ("shared.identity", "users"));
            let of = |name, kind| Column { name, kind, required: name == "id" };
            vec![
                of("id", "uuid"),
                of("email", "text"),
                of("created_at", "timestamp with time zone"),
            ]
        }
    }
}

/// The payload that a row of a table becomes.
fn row_of(aggregate: &AggregateType, row: &RowType, fill: Fill) -> Value {
    let value = |column: &Column| match column.kind {
        _ if fill == Fill::Little && !column.required => Value::Null,
        "boolean" => json!(true),
        "integer" | "smallint" | "bigint" => json!(1),
        "uuid" => json!("0f000000-0000-7000-8000-000000000001"),
        "timestamp with time zone" => json!("2026-01-02T03:04:05.000006Z"),
        "date" => json!("2026-01-02"),
        "time without time zone" => json!("03:04:05"),
        "inet" => json!("192.0.2.1"),
        "jsonb" => json!({}),
        "bytea" => json!("\\x00"),
        kind if kind.starts_with("numeric") => json!("0.50"),
        kind if kind.ends_with("[]") => json!([]),
        // As short as the shortest column of the kind.
        kind if kind.starts_with("text") || kind.starts_with("character varying") => json!("a"),
        other => panic!("no sample of type {other}: say one here"),
    };
    let columns = columns_of(aggregate, row);
    let row_of = columns.iter().map(|column| (column.name.to_owned(), value(column))).collect();
    Value::Object(row.payload(row_of, STREAM))
}

#[test]
fn every_documented_table_is_owned_by_one_aggregate_that_can_be_taken_over_from_its_rows() {
    let aggregates = Aggregates::new();
    for context in Catalogue::new().contexts() {
        if annals_commands::import::of(context.name).is_none() {
            continue;
        }
        for table in context.tables.iter().filter(|it| it.writer == Writer::Projector) {
            let kinds = aggregates.aggregates().filter(|it| it.context() == context.name);
            let owners: Vec<&str> = kinds
                .filter(|kind| kind.rows.iter().any(|row| row.table == table.name))
                .map(|kind| kind.name)
                .collect();
            assert_eq!(owners.len(), 1, "{}.{}: {owners:?}", table.schema, table.name);
        }
    }
}

#[test]
fn an_imported_row_seals_what_its_tables_file_calls_personal() {
    for aggregate in Aggregates::new().aggregates() {
        for row in aggregate.rows.iter().filter(|_| aggregate.context() != "shared") {
            let catalogue = Catalogue::new();
            let context = catalogue.context(aggregate.context()).unwrap();
            let table = context.tables.iter().find(|table| table.name == row.table).unwrap();
            let sql = table.sql.replace('"', "");
            let comment = |column: &str| {
                let start = format!("ON COLUMN {}.{}.{column} IS", table.schema, table.name);
                let text = sql.split(&start).nth(1).unwrap_or_else(|| panic!("{start}"));
                text.split("';").next().unwrap().contains("Personal data")
            };
            for column in table.columns() {
                let sealed = row.event.personal.iter().any(|field| field.name == column.name);
                assert_eq!(sealed, comment(column.name), "{}.{}", table.name, column.name);
            }
            for column in row.stream.iter().chain(row.subject) {
                let known = table.columns().iter().any(|it| it.name == *column);
                assert!(known, "{}: {column}", row.event.name);
            }
        }
    }
}

#[test]
fn an_imported_row_is_put_as_it_stands_and_nothing_else_changes() {
    let catalogue = Catalogue::new();
    for sample in samples().into_iter().filter(|it| it.full && !it.erased) {
        let aggregate = *Aggregates::new().aggregate(sample.aggregate).unwrap();
        if !aggregate.rows.iter().any(|row| row.event.name == sample.event.name) {
            continue;
        }
        let changes = sample.changes(&catalogue).unwrap();
        assert_eq!(changes.len(), 1, "{sample}");
        assert_eq!(changes[0].operation, Operation::Put, "{sample}");
        let mut written = changes[0].columns.clone();
        written.extend(changes[0].key.clone());
        let mut row = sample.payload.as_object().cloned().unwrap();
        row.remove(annals_domain::import::SUBJECT);
        if aggregate.context() == "shared" {
            // An account's row is found by the stream's id.
            row.insert("id".to_owned(), json!(STREAM));
        }
        assert_eq!(json!(written), json!(row), "{sample}");
    }
}

/// As it reads once its subject is erased.
fn tombstoned(event: &EventType, mut payload: Value) -> Value {
    for field in event.personal {
        if let Some(value) = payload.get_mut(field.name).filter(|value| !value.is_null()) {
            *value = field.tombstone.value(STREAM);
        }
    }
    payload
}

fn samples() -> Vec<Sample> {
    Aggregates::new().aggregates().flat_map(samples_of).collect()
}

#[test]
fn every_event_can_be_read_back_also_of_somebody_erased() {
    let aggregates = Aggregates::new();
    for sample in samples() {
        let aggregate = aggregates.aggregate(sample.aggregate).unwrap();
        let read = (aggregate.read)(sample.event.name, sample.payload.clone());
        assert!(matches!(read, Ok(Some(_))), "{sample}: {:?}", read.err());
    }
}

#[test]
fn every_event_moves_its_aggregate_on_and_its_state_can_be_kept() {
    let aggregates = Aggregates::new();
    for sample in samples() {
        let aggregate = aggregates.aggregate(sample.aggregate).unwrap();
        let event = (aggregate.read)(sample.event.name, sample.payload.clone()).unwrap().unwrap();
        let mut state = (aggregate.empty)();
        assert!(state.evolve(event.as_ref()).is_ok(), "{sample}");
        let kept = state.snapshot().unwrap();
        let back = (aggregate.from_snapshot)(kept.clone()).unwrap();
        assert_eq!(back.snapshot().unwrap(), kept, "{sample}");
    }
}

#[test]
fn every_event_is_projected_and_twice_is_the_same() {
    let catalogue = Catalogue::new();
    for sample in samples() {
        let changes =
            sample.changes(&catalogue).unwrap_or_else(|error| panic!("{sample}: {error}"));
        assert_eq!(sample.changes(&catalogue).unwrap(), changes, "{sample}");
    }
}

#[test]
fn every_personal_field_is_a_field_of_its_event_and_so_is_whose_it_is() {
    for aggregate in Aggregates::new().aggregates() {
        for event in aggregate.events {
            let schema = serde_json::to_value((event.schema)()).unwrap();
            let row = aggregate.rows.iter().find(|row| row.event.name == event.name);
            let row = row.map(|row| row_of(aggregate, row, Fill::Everything));
            let has = |name: &str| match &row {
                Some(row) => row.get(name).is_some(),
                None => schema["properties"].get(name).is_some(),
            };
            for field in event.personal {
                assert!(has(field.name), "{}: {}", event.name, field.name);
            }
            if let Subject::Field(name) = event.subject {
                assert!(has(name), "{}: {name}", event.name);
            }
        }
    }
}

#[test]
fn no_two_events_of_an_aggregate_share_a_name() {
    for aggregate in Aggregates::new().aggregates() {
        let mut names: Vec<&str> = aggregate.events.iter().map(|event| event.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}", aggregate.name);
    }
}

#[test]
fn every_documented_column_is_written_by_some_event_that_is_no_import() {
    let catalogue = Catalogue::new();
    let mut written: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for sample in samples().into_iter().filter(|it| it.full && !it.event.name.ends_with("Imported"))
    {
        for change in sample.changes(&catalogue).unwrap() {
            let columns = written.entry((change.table.schema, change.table.name)).or_default();
            columns.extend(change.columns.keys().chain(change.key.keys()).map(str::to_owned));
        }
    }
    let tables = catalogue.contexts().flat_map(|context| context.tables);
    for table in tables.filter(|table| table.writer == Writer::Projector) {
        let columns = written.get(&(table.schema, table.name)).cloned().unwrap_or_default();
        let never: Vec<&str> = table
            .columns()
            .iter()
            .map(|it| it.name)
            .filter(|name| !columns.contains(*name))
            .collect();
        assert!(never.is_empty(), "{}.{}: {never:?}", table.schema, table.name);
    }
}

/// A column in Postgres: whether it may be null, and whether Postgres would make up a value for it.
struct Stored {
    null: bool,
    default: bool,
}

/// Every column, by schema, table and name.
async fn columns(world: &World) -> BTreeMap<(String, String, String), Stored> {
    let sql = "SELECT table_schema, table_name, column_name, is_nullable = 'YES',
                      column_default IS NOT NULL
               FROM information_schema.columns";
    let rows: Vec<(String, String, String, bool, bool)> =
        sqlx::query_as(sql).fetch_all(world.pool()).await.unwrap();
    let column =
        |(schema, table, name, null, default)| ((schema, table, name), Stored { null, default });
    rows.into_iter().map(column).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_every_event_writes_fits_its_tables_columns() {
    let world = World::asleep().await;
    let (catalogue, columns) = (Catalogue::new(), columns(&world).await);
    for sample in samples() {
        for change in sample.changes(&catalogue).unwrap() {
            let table = change.table;
            let name =
                |column: &str| (table.schema.to_owned(), table.name.to_owned(), column.to_owned());
            let mut row = change.columns.clone();
            row.extend(change.key.clone());
            for (column, value) in row.iter() {
                let known = columns.get(&name(column));
                assert!(known.is_some(), "{sample}: {}.{column} is no column", table.name);
                let fits = known.unwrap().null || !value.is_null();
                assert!(fits, "{sample}: {}.{column} may not be null", table.name);
            }
            if change.operation == Operation::Put && sample.full {
                for ((schema, of, column), it) in &columns {
                    let own = schema == table.schema && of == table.name;
                    let left_out = own && !row.contains_key(column);
                    // What Postgres makes up would differ at the next rebuild.
                    let needed = !it.null || it.default;
                    assert!(!(left_out && needed), "{sample}: {of}.{column} is left out");
                }
            }
            let typed = format!(
                "SELECT jsonb_populate_record(NULL::{}.{}, $1::text::jsonb) IS NOT NULL",
                table.schema, table.name
            );
            let json = json!(row).to_string();
            let done = sqlx::query(&typed).bind(&json).execute(world.pool()).await;
            assert!(done.is_ok(), "{sample}: {}: {json}: {:?}", table.name, done.err());
        }
    }
}
