//! From `field=value` on a command line to the object that a command takes.
//!
//! - `field=value`: the value, in the type that the schema says. For a list, once per item.
//! - `field:=json`: any JSON, such as `tags:='["a","b"]'` or `note:=null`.
//! - `outer.inner=value`: a field of an object inside.
//! - `@file.json` or `@-`: an object to begin with, from a file or the standard input.

use std::{fmt, fs, io};

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

use crate::settings::nearest;

use super::shape::{Field, Kind, Shape, fields_of};

/// Why fields do not make an object, one sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldErrors(pub Vec<String>);

impl fmt::Display for FieldErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for FieldErrors {}

/// The object that a command with this schema takes.
///
/// # Errors
/// All that does not fit, at once: fields that are unknown, of another type, or missing.
pub fn object(schema: &Value, arguments: &[String]) -> Result<Value, FieldErrors> {
    made(&fields_of(schema), arguments)
}

fn made(fields: &[Field], arguments: &[String]) -> Result<Value, FieldErrors> {
    let (mut object, mut wrong) = (Map::new(), Vec::new());
    for argument in arguments {
        let result = match argument.strip_prefix('@') {
            Some(path) => from_file(path).map(|from_file| object.extend(from_file)),
            None => add(&mut object, fields, argument),
        };
        wrong.extend(result.err());
    }
    if wrong.is_empty() {
        let missing = |field: &&Field| field.required && !object.contains_key(&field.name);
        wrong.extend(fields.iter().filter(missing).map(|field| {
            let about = if field.about.is_empty() { "" } else { " - " };
            format!("missing: {}={}{about}{}", field.name, field.shape.in_words(), field.about)
        }));
    }
    if wrong.is_empty() { Ok(Value::Object(object)) } else { Err(FieldErrors(wrong)) }
}

/// An object without a schema: a value is JSON where it reads as such, else a text.
///
/// # Errors
/// What is no field, at once.
pub fn loose(arguments: &[String]) -> Result<Value, FieldErrors> {
    let name = |argument: &String| {
        let (name, _) = argument.split_once('=')?;
        Some(name.strip_suffix(':').unwrap_or(name).to_owned())
    };
    let any = || Shape { kind: Kind::Any, nullable: true };
    let field = |name| Field { name, about: String::new(), required: false, shape: any() };
    let fields: Vec<_> = arguments.iter().filter_map(name).map(field).collect();
    made(&fields, arguments)
}

fn from_file(path: &str) -> Result<Map<String, Value>, String> {
    let text = if path == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = text.map_err(|error| format!("@{path}: {error}"))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(format!("@{path}: expected a JSON object")),
        Err(error) => Err(format!("@{path}: not JSON: {error}")),
    }
}

fn add(object: &mut Map<String, Value>, fields: &[Field], argument: &str) -> Result<(), String> {
    let Some((name, text)) = argument.split_once('=') else {
        return Err(format!("`{argument}` is no field: write field=value, field:=json or @file"));
    };
    let (name, is_json) = match name.strip_suffix(':') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let path: Vec<_> = name.split('.').collect();
    let (field, object) = find(object, fields, &path)?;
    if is_json {
        let value = serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        if !fits(&field.shape, &value) {
            return Err(expected(name, &field.shape));
        }
        object.insert(field.name.clone(), value);
        return Ok(());
    }
    match &field.shape.kind {
        Kind::List(item) => {
            let value = read(item, text).ok_or_else(|| expected(name, item))?;
            let list = object.entry(field.name.clone()).or_insert_with(|| json!([]));
            match list {
                Value::Array(items) => items.push(value),
                other => *other = json!([value]),
            }
        }
        Kind::Object(inner) => {
            let inner = inner.first().map_or("field", |field| field.name.as_str());
            return Err(format!(
                "{name}: it is an object: write {name}.{inner}=… or {name}:={{…}}"
            ));
        }
        _ => {
            let value = read(&field.shape, text).ok_or_else(|| expected(name, &field.shape))?;
            object.insert(field.name.clone(), value);
        }
    }
    Ok(())
}

/// The field at the end of a path, and the object it belongs into.
fn find<'a, 'o>(
    object: &'o mut Map<String, Value>,
    fields: &'a [Field],
    path: &[&str],
) -> Result<(&'a Field, &'o mut Map<String, Value>), String> {
    let Some((first, rest)) = path.split_first() else {
        return Err("a field needs a name".into());
    };
    let Some(field) = fields.iter().find(|field| field.name == *first) else {
        return Err(unknown(first, fields));
    };
    if rest.is_empty() {
        return Ok((field, object));
    }
    let Kind::Object(inner) = &field.shape.kind else {
        return Err(format!("{first}: it has no fields inside; write {first}:=… for JSON"));
    };
    let below = object.entry(field.name.clone()).or_insert_with(|| json!({}));
    if !below.is_object() {
        *below = json!({});
    }
    match below {
        Value::Object(below) => find(below, inner, rest),
        _ => Err(expected(first, &field.shape)),
    }
}

fn unknown(name: &str, fields: &[Field]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    if let Some(meant) = nearest(name, names.iter().copied()) {
        return format!("{name}: there is no such field; did you mean {meant}?");
    }
    let of_the_envelope = match name {
        "id" => "; the aggregate is named by --id",
        "expected_version" => "; the version is given by --expect-version",
        "occurred_at" => "; the time is given by --occurred-at",
        "reason" => "; the reason is given by --reason",
        _ => "",
    };
    if names.is_empty() {
        return format!("{name}: there is no such field; this one takes none{of_the_envelope}");
    }
    format!("{name}: there is no such field{of_the_envelope}; there are {}", names.join(", "))
}

fn expected(name: &str, shape: &Shape) -> String {
    let example = match &shape.kind {
        Kind::Text { format, .. } => match format.as_deref() {
            Some("date-time") => ", such as 2026-11-21T12:00:00Z",
            Some("date") => ", such as 2026-11-21",
            _ => "",
        },
        _ => "",
    };
    format!("{name}: expected {}{example}", shape.in_words())
}

/// A typed value from its text, or nothing where the text is none.
fn read(shape: &Shape, text: &str) -> Option<Value> {
    match &shape.kind {
        Kind::Text { format, .. } => {
            let fits = match format.as_deref() {
                Some("uuid") => uuid::Uuid::try_parse(text).is_ok(),
                Some("date-time") => DateTime::parse_from_rfc3339(text).is_ok(),
                Some("date") => text.parse::<NaiveDate>().is_ok(),
                _ => true,
            };
            fits.then(|| json!(text))
        }
        Kind::Choice(words) => words.iter().any(|word| word == text).then(|| json!(text)),
        Kind::Integer(_) => text.parse::<i64>().ok().map(Value::from),
        Kind::Number => text.parse::<f64>().ok().filter(|it| it.is_finite()).map(Value::from),
        Kind::Flag => match text {
            "true" | "yes" => Some(json!(true)),
            "false" | "no" => Some(json!(false)),
            _ => None,
        },
        // Whatever it is: JSON if it reads as such, else a text.
        Kind::Any => Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text))),
        Kind::List(_) | Kind::Object(_) => None,
    }
}

/// Whether a JSON value is of the shape's type. What else the schema says, the command checks.
fn fits(shape: &Shape, value: &Value) -> bool {
    match (&shape.kind, value) {
        (_, Value::Null) => shape.nullable,
        (Kind::Any, _)
        | (Kind::Text { .. } | Kind::Choice(_), Value::String(_))
        | (Kind::Number, Value::Number(_))
        | (Kind::Flag, Value::Bool(_))
        | (Kind::Object(_), Value::Object(_)) => true,
        (Kind::Integer(_), Value::Number(number)) => number.is_i64() || number.is_u64(),
        (Kind::List(item), Value::Array(items)) => items.iter().all(|value| fits(item, value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::shape::tests::schema, *};

    const CHILD: &str = "child_id=0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10";

    fn with(arguments: &[&str]) -> Result<Value, FieldErrors> {
        let whole = [CHILD, "amount=12.50", "mood=good"];
        let all: Vec<_> = whole.iter().chain(arguments).map(|it| (*it).to_owned()).collect();
        object(&schema(), &all)
    }

    fn wrong(argument: &str) -> String {
        with(&[argument]).unwrap_err().to_string()
    }

    #[test]
    fn values_take_the_type_that_the_schema_says() {
        let object = with(&[
            "note=1",
            "count=7",
            "ratio=0.5",
            "urgent=yes",
            "tags=a,b",
            "tags=c",
            "address.city=Lviv",
            "address.next.city=x=y",
            "extra=[1]",
            "settings=plain",
        ]);
        let expected = json!({
            "child_id": "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10", "amount": "12.50", "mood": "good",
            "note": "1", "count": 7, "ratio": 0.5, "urgent": true, "tags": ["a,b", "c"],
            "address": {"city": "Lviv", "next": {"city": "x=y"}}, "extra": [1], "settings": "plain",
        });
        assert_eq!(object, Ok(expected));
    }

    #[test]
    fn json_is_taken_as_it_is_where_it_fits() {
        let object =
            with(&["tags:=[\"a\"]", "note:=null", "before:=null", "address:={\"city\":\"x\"}"]);
        let object = object.unwrap();
        assert_eq!((&object["tags"], &object["note"]), (&json!(["a"]), &Value::Null));
        assert_eq!(wrong("count:=\"7\""), "count: expected whole number");
        assert_eq!(wrong("count:=null"), "count: expected whole number");
        assert_eq!(wrong("tags:=[1]"), "tags: expected list of text");
        assert!(wrong("tags:=[").starts_with("tags: EOF"));
    }

    #[test]
    fn an_error_names_the_field_and_what_would_fit() {
        for (argument, said) in [
            ("amonut=1", "amonut: there is no such field; did you mean amount?"),
            ("count=many", "count: expected whole number"),
            ("count=1.5", "count: expected whole number"),
            ("ratio=NaN", "ratio: expected number or null"),
            ("urgent=maybe", "urgent: expected true|false"),
            ("before=ugly", "before: expected good|bad|mixed or null"),
            ("child_id=7", "child_id: expected UUID"),
            ("address=x", "address: it is an object: write address.city=… or address:={…}"),
            ("address.cty=x", "cty: there is no such field; did you mean city?"),
            ("note.x=1", "note: it has no fields inside; write note:=… for JSON"),
            ("urgent", "`urgent` is no field: write field=value, field:=json or @file"),
        ] {
            assert_eq!(wrong(argument), said);
        }
        assert!(wrong("colour=1").ends_with("there are child_id, amount, mood, address, before, count, extra, note, ratio, scale, settings, tags, urgent"));
        assert!(wrong("id=1").contains("--id"));
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let said = with(&["count=x", "urgent=x"]).unwrap_err();
        assert_eq!(said.0.len(), 2);
        let none = object(&schema(), &[]).unwrap_err();
        assert_eq!(
            none.0,
            [
                "missing: child_id=UUID - Whose it is.",
                "missing: amount=decimal - How much.",
                "missing: mood=good|bad|mixed",
            ]
        );
    }

    #[test]
    fn a_file_begins_the_object_and_fields_go_over_it() {
        let path = std::env::temp_dir().join(format!("annals-fields-{}", uuid::Uuid::new_v4()));
        fs::write(&path, r#"{"note": "from the file", "count": 1}"#).unwrap();
        let file = format!("@{}", path.display());
        let object = with(&[&file, "count=2"]).unwrap();
        assert_eq!((&object["note"], &object["count"]), (&json!("from the file"), &json!(2)));
        fs::write(&path, "[]").unwrap();
        assert!(wrong(&file).ends_with("expected a JSON object"));
        fs::remove_file(&path).unwrap();
        assert!(wrong(&file).contains("No such file"));
    }
}
