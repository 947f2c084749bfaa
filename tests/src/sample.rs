//! Values that fit a JSON Schema, so that what nobody has written a test for is tried as well.

use serde_json::{Map, Value, json};

/// How much of a schema a sample fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Every property; a value where one may be null.
    Everything,
    /// Required properties alone; null where a value may be that.
    Little,
}

/// A value that fits a schema.
#[must_use]
pub fn sample(schema: &Value, fill: Fill) -> Value {
    Sampler { root: schema, fill }.value(schema)
}

struct Sampler<'a> {
    root: &'a Value,
    fill: Fill,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value) -> Value {
        let Some(fields) = schema.as_object() else { return json!("anything") };
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(reference.trim_start_matches('#'));
            return self.value(target.unwrap_or_else(|| panic!("{reference} leads nowhere")));
        }
        if let Some(value) = fields.get("const") {
            return value.clone();
        }
        if let Some(values) = fields.get("enum").and_then(Value::as_array) {
            return self.choose(values).clone();
        }
        if let Some([only]) = fields.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            return self.value(only);
        }
        if let Some(options) = ["oneOf", "anyOf"].iter().find_map(|name| fields.get(*name)) {
            return self.value(self.choose_schema(options.as_array().unwrap()));
        }
        match fields.get("type") {
            Some(Value::String(kind)) => self.typed(kind, fields),
            Some(Value::Array(kinds)) => {
                let null = json!("null");
                if self.fill == Fill::Little && kinds.contains(&null) {
                    return Value::Null;
                }
                let kind = kinds.iter().find(|kind| **kind != null).unwrap();
                self.typed(kind.as_str().unwrap(), fields)
            }
            _ => json!("anything"),
        }
    }

    /// Null is chosen if little is asked for, and avoided otherwise.
    fn choose<'v>(&self, values: &'v [Value]) -> &'v Value {
        let wanted = |value: &&Value| value.is_null() == (self.fill == Fill::Little);
        values.iter().find(wanted).or(values.first()).unwrap()
    }

    fn choose_schema<'v>(&self, options: &'v [Value]) -> &'v Value {
        let is_null = |option: &Value| option["type"] == "null";
        let wanted = |option: &&Value| is_null(option) == (self.fill == Fill::Little);
        options.iter().find(wanted).or(options.first()).unwrap()
    }

    fn typed(&self, kind: &str, fields: &Map<String, Value>) -> Value {
        match kind {
            "null" => Value::Null,
            "boolean" => json!(true),
            "integer" | "number" => fields.get("minimum").cloned().unwrap_or(json!(1)),
            "string" => json!(text(fields)),
            "array" => self.list(fields),
            "object" => self.object(fields),
            other => panic!("no sample of type {other}"),
        }
    }

    fn list(&self, fields: &Map<String, Value>) -> Value {
        let least = fields.get("minItems").and_then(Value::as_u64).unwrap_or_default();
        match fields.get("items") {
            Some(items) if self.fill == Fill::Everything || least > 0 => json!([self.value(items)]),
            _ => json!([]),
        }
    }

    fn object(&self, fields: &Map<String, Value>) -> Value {
        let none = Map::new();
        let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = fields.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|it| it == name));
        let wanted = |name: &str| self.fill == Fill::Everything || is_required(name);
        let filled = properties
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, schema)| (name.clone(), self.value(schema)));
        Value::Object(filled.collect())
    }
}

fn text(fields: &Map<String, Value>) -> String {
    let name = |key: &str| fields.get(key).and_then(Value::as_str);
    if let Some(pattern) = name("pattern") {
        return like(pattern).to_owned();
    }
    match name("format") {
        Some("uuid") => "0f000000-0000-7000-8000-000000000001",
        Some("date-time") => "2026-01-02T03:04:05.000006Z",
        Some("date") => "2026-01-02",
        Some("time" | "partial-time") => "03:04:05",
        Some("ip" | "ipv4") => "192.0.2.1",
        Some(other) => panic!("no sample of format {other}: say one here"),
        None => {
            let most = fields.get("maxLength").and_then(Value::as_u64).unwrap_or(u64::MAX);
            return "a text of some length"
                .chars()
                .take(usize::try_from(most).unwrap_or(usize::MAX))
                .collect();
        }
    }
    .to_owned()
}

fn like(pattern: &str) -> &'static str {
    match pattern {
        r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$"
        | r"^[0-9]{1,10}(\.[0-9]{1,2})?$"
        | r"^[0-9]+(\.[0-9]+)?$"
        | r"^-?\d+(\.\d+)?([eE]\d+)?$" => "0.50",
        "^[A-Z]{3}$" => "USD",
        "^(stickers|sessions)>=[1-9][0-9]*$" => "stickers>=3",
        other => panic!("no sample of pattern {other}: say one here"),
    }
}
