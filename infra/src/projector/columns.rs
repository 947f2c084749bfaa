//! Columns of many rows, as arrays: Postgres reads typed arrays at a fraction of what JSON costs it.
//!
//! A column goes in the form that its type has on the wire, where every value of it can be read as one:
//! uuids, times, truth values, whole numbers. Everything else goes as text and is cast by Postgres, which
//! then says what is wrong with it. Text is never cast to a length: a cast would cut what is too long,
//! and an assignment refuses it.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use annals_projections::{Row, Table};
use chrono::{DateTime, Timelike, Utc};
use serde_json::Value;
use sqlx::{Arguments, Postgres, error::BoxDynError, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::write::quoted;

/// A row's key and its other columns. The key's word counts where both have a column.
pub(super) type Pair<'a> = (&'a Row, &'a Row);

/// Arrays for one statement, and the names that its SQL knows them by.
pub(super) struct Columns<'a> {
    columns: Vec<Column<'a>>,
}

struct Column<'a> {
    name: Cow<'a, str>,
    kind: Kind,
    values: Values<'a>,
}

/// What a column's type asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Uuid,
    Time,
    Bool,
    Whole,
    Text,
    Json,
    /// An array of this type.
    Array(&'static str),
    /// Text that Postgres casts to this type.
    Cast(&'static str),
}

enum Values<'a> {
    Uuid(Vec<Option<Uuid>>),
    Time(Vec<Option<DateTime<Utc>>>),
    Bool(Vec<Option<bool>>),
    Whole(Vec<Option<i64>>),
    Text(Vec<Option<Cow<'a, str>>>),
}

impl Kind {
    fn of(kind: &'static str) -> Self {
        let plain = kind.split_once('(').map_or(kind, |(it, _)| it).trim();
        match plain {
            "uuid" => Self::Uuid,
            "timestamp with time zone" => Self::Time,
            "boolean" => Self::Bool,
            "smallint" | "integer" | "bigint" => Self::Whole,
            "text" | "character varying" => Self::Text,
            "jsonb" => Self::Json,
            _ => match plain.strip_suffix("[]") {
                Some(_) => Self::Array(plain),
                None => Self::Cast(plain),
            },
        }
    }

    /// The kinds of a table's columns.
    fn of_table(table: &'static Table) -> &'static HashMap<&'static str, Self> {
        type Known = HashMap<(&'static str, &'static str), &'static HashMap<&'static str, Kind>>;
        static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
        let name = (table.schema, table.name);
        if let Some(kinds) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return kinds;
        }
        let kinds = table.columns().iter().map(|it| (it.name, Self::of(it.kind))).collect();
        // There are as many as there are tables.
        let kinds = &*Box::leak(Box::new(kinds));
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(name, kinds);
        kinds
    }
}

impl<'a> Columns<'a> {
    /// The named columns of rows. One that a row does not have is null in it.
    pub fn of(
        table: &'static Table,
        names: impl IntoIterator<Item = &'a str>,
        rows: &[Pair<'a>],
    ) -> Self {
        let kinds = Kind::of_table(table);
        let column = |name: &'a str| {
            // What the table's file does not name, Postgres refuses by name.
            let kind = kinds.get(name).copied().unwrap_or(Kind::Text);
            let place =
                rows.first().and_then(|(_, columns)| columns.keys().position(|it| it == name));
            let place = place.unwrap_or(usize::MAX);
            let value = move |(key, columns): &Pair<'a>| {
                key.get(name).or_else(|| columns.get_at(place, name))
            };
            let values = Values::of(kind, rows.iter().map(value));
            Column { name: Cow::Borrowed(name), kind, values }
        };
        Self { columns: names.into_iter().map(column).collect() }
    }

    /// `(SELECT … FROM unnest($1::uuid[], …))`: the rows as a table, each column of its type. Parameters
    /// are numbered from `first`; `more` are further arrays, as name and type, that follow.
    pub fn given(&self, first: usize, more: &[(&str, &str)]) -> String {
        let (mut picked, mut arrays, mut names) = (String::new(), String::new(), String::new());
        let mut add = |nth: usize, name: &str, array: &str, cast: Option<&str>| {
            let comma = if nth == 0 { "" } else { ", " };
            let cast = cast.map(|kind| format!("::{kind}")).unwrap_or_default();
            picked.push_str(&format!("{comma}it.{name}{cast} AS {name}"));
            arrays.push_str(&format!("{comma}${}::{array}[]", first + nth));
            names.push_str(&format!("{comma}{name}"));
        };
        for (nth, column) in self.columns.iter().enumerate() {
            add(nth, &quoted(&column.name), column.values.array(), column.cast());
        }
        for (nth, (name, array)) in more.iter().enumerate() {
            add(self.columns.len() + nth, name, array, None);
        }
        format!("(SELECT {picked} FROM unnest({arrays}) AS it ({names}))")
    }

    /// Binds the arrays.
    pub fn bind_to(self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        self.columns.into_iter().try_for_each(|column| match column.values {
            Values::Uuid(values) => arguments.add(values),
            Values::Time(values) => arguments.add(values),
            Values::Bool(values) => arguments.add(values),
            Values::Whole(values) => arguments.add(values),
            Values::Text(values) => arguments.add(values),
        })
    }
}

/// A statement with these arguments.
pub(super) fn query(sql: &str, arguments: PgArguments) -> Query<'_, Postgres, PgArguments> {
    sqlx::query_with(sql, arguments)
}

impl Column<'_> {
    fn cast(&self) -> Option<&'static str> {
        let is_text = matches!(self.values, Values::Text(_));
        match self.kind {
            Kind::Text => None,
            _ if !is_text => None,
            Kind::Uuid => Some("uuid"),
            Kind::Time => Some("timestamptz"),
            Kind::Bool => Some("boolean"),
            Kind::Whole => Some("bigint"),
            Kind::Json => Some("jsonb"),
            Kind::Array(kind) | Kind::Cast(kind) => Some(kind),
        }
    }
}

impl<'a> Values<'a> {
    fn of(kind: Kind, values: impl Iterator<Item = Option<&'a Value>> + Clone) -> Self {
        let typed = match kind {
            Kind::Uuid => read(values.clone(), |it| it.as_str()?.parse().ok()).map(Self::Uuid),
            Kind::Time => read(values.clone(), |it| time(it.as_str()?)).map(Self::Time),
            Kind::Bool => read(values.clone(), Value::as_bool).map(Self::Bool),
            Kind::Whole => read(values.clone(), Value::as_i64).map(Self::Whole),
            Kind::Text | Kind::Json | Kind::Array(_) | Kind::Cast(_) => None,
        };
        typed.unwrap_or_else(|| {
            let text =
                |value: Option<&'a Value>| Some(text(kind, value.filter(|it| !it.is_null())?));
            Self::Text(values.map(text).collect())
        })
    }

    const fn array(&self) -> &'static str {
        match self {
            Self::Uuid(_) => "uuid",
            Self::Time(_) => "timestamptz",
            Self::Bool(_) => "boolean",
            Self::Whole(_) => "bigint",
            Self::Text(_) => "text",
        }
    }
}

/// All values as one type, or none where one of them is something else.
fn read<'a, T>(
    values: impl Iterator<Item = Option<&'a Value>>,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Vec<Option<T>>> {
    values
        .map(|value| match value {
            None | Some(Value::Null) => Some(None),
            Some(value) => read(value).map(Some),
        })
        .collect()
}

/// A time, if Postgres has it as exactly.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (time.nanosecond() % 1_000 == 0).then_some(time)
}

fn text(kind: Kind, value: &Value) -> Cow<'_, str> {
    match (kind, value) {
        (Kind::Json, value) => Cow::Owned(value.to_string()),
        (Kind::Array(_), Value::Array(items)) => Cow::Owned(array(items)),
        (_, Value::String(text)) => Cow::Borrowed(text),
        (_, value) => Cow::Owned(value.to_string()),
    }
}

/// An array as Postgres writes it. Every element is quoted, so that none is taken for NULL or a brace.
fn array(items: &[Value]) -> String {
    let mut out = String::from("{");
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        match item {
            Value::Null => out.push_str("NULL"),
            Value::Array(items) => out.push_str(&array(items)),
            item => {
                let text = text(Kind::Text, item);
                out.push('"');
                for letter in text.chars() {
                    if matches!(letter, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(letter);
                }
                out.push('"');
            }
        }
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static THINGS: Table = Table::new(
        "x",
        "things",
        &["id"],
        "CREATE TABLE x.things (\n    id uuid NOT NULL,\n    at timestamp with time zone,\n    \
         name character varying(5),\n    price numeric(12,2),\n    tags text[],\n    facts jsonb,\n    \
         \"count\" integer,\n    live boolean\n);",
    );

    fn given(row: &Value) -> String {
        let (key, row) = (Row::new(), Row::of(row));
        Columns::of(&THINGS, row.keys(), &[(&key, &row)]).given(1, &[])
    }

    #[test]
    fn what_can_be_read_goes_typed_and_the_rest_as_text() {
        let sql = given(&json!({"id": "1d000000-0000-7000-8000-000000000021", "price": "1.50"}));
        assert_eq!(
            sql,
            "(SELECT it.\"id\" AS \"id\", it.\"price\"::numeric AS \"price\" \
             FROM unnest($1::uuid[], $2::text[]) AS it (\"id\", \"price\"))"
        );
        assert!(
            given(&json!({"id": "no uuid"}))
                .contains("it.\"id\"::uuid AS \"id\" FROM unnest($1::text[])")
        );
        assert!(given(&json!({"at": "2026-01-01T00:00:00.000001Z"})).contains("$1::timestamptz[]"));
        assert!(given(&json!({"at": "2026-01-01T00:00:00.0000001Z"})).contains("$1::text[]"));
        assert!(given(&json!({"count": 3, "live": null})).contains("$1::bigint[], $2::boolean[]"));
    }

    #[test]
    fn a_text_is_not_cast_to_its_length_which_would_cut_it() {
        assert!(given(&json!({"name": "too long by far"})).contains("it.\"name\" AS"));
    }

    #[test]
    fn arrays_are_quoted_as_postgres_reads_them() {
        let items = json!(["a,b", "{c}", "d\"e\\f", null, "NULL", 3, ["x"]]);
        let written = array(items.as_array().unwrap());
        assert_eq!(written, r#"{"a,b","{c}","d\"e\\f",NULL,"NULL","3",{"x"}}"#);
    }

    #[test]
    fn text_in_a_json_column_stays_json() {
        assert_eq!(text(Kind::Json, &json!("a\"b")), r#""a\"b""#);
        assert_eq!(text(Kind::Text, &json!({"a": 1})), r#"{"a":1}"#);
    }
}
