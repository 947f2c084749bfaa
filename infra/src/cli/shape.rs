//! A command's JSON Schema, as far as a person who types its fields has to know it.

use serde_json::{Map, Value, json};

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it means, in a sentence; empty where nothing is said.
    pub about: String,
    /// Whether it must be there.
    pub required: bool,
    /// What it holds.
    pub shape: Shape,
}

/// What a value looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its kind.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
}

/// A kind of value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A text, perhaps of a format such as `uuid`, perhaps with a pattern.
    Text {
        /// The schema's `format`.
        format: Option<String>,
        /// The schema's `pattern`.
        pattern: Option<String>,
        /// How many characters fit.
        longest: Option<u64>,
    },
    /// One of these texts.
    Choice(Vec<String>),
    /// A whole number, from a least one.
    Integer(Option<i64>),
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// Values of one shape.
    List(Box<Shape>),
    /// An object with these fields.
    Object(Vec<Field>),
    /// Any JSON.
    Any,
}

/// How deep references are followed; a schema that refers to itself ends in [`Kind::Any`].
const DEPTH: u8 = 12;

/// The fields of a schema that describes an object, those that must be there first.
#[must_use]
pub fn fields_of(schema: &Value) -> Vec<Field> {
    match shape(schema, schema, 0).kind {
        Kind::Object(fields) => fields,
        _ => Vec::new(),
    }
}

/// A value that fits a schema: with what must be there, or with one field where nothing must.
#[must_use]
pub fn example(schema: &Value) -> Value {
    match schema.get("examples").and_then(|examples| examples.get(0)) {
        Some(given) => given.clone(),
        None => object_example(&fields_of(schema), schema.get("properties")),
    }
}

fn shape(root: &Value, schema: &Value, depth: u8) -> Shape {
    let any = Shape { kind: Kind::Any, nullable: true };
    if depth > DEPTH {
        return any;
    }
    let below = |schema| shape(root, schema, depth + 1);
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(any, below);
    }
    if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        return below(only);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(these) = schema.get(several).and_then(Value::as_array) {
            return one_of(these.iter().map(below).collect());
        }
    }
    if let Some(only) = schema.get("const").and_then(Value::as_str) {
        return Shape { kind: Kind::Choice(vec![only.to_owned()]), nullable: false };
    }
    let types: Vec<_> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let nullable = types.contains(&"null");
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let words = choices.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let nullable = nullable || choices.contains(&Value::Null);
        return Shape { kind: Kind::Choice(words), nullable };
    }
    let kind = match types.iter().find(|kind| **kind != "null") {
        Some(&"string") => text(schema),
        Some(&"integer") => Kind::Integer(schema.get("minimum").and_then(Value::as_i64)),
        Some(&"number") => Kind::Number,
        Some(&"boolean") => Kind::Flag,
        Some(&"array") => Kind::List(Box::new(schema.get("items").map_or(any, below))),
        Some(&"object") => match schema.get("properties") {
            Some(Value::Object(properties)) => Kind::Object(fields(schema, properties, below)),
            _ => Kind::Any,
        },
        _ if nullable => return Shape { kind: Kind::Choice(Vec::new()), nullable },
        _ => return any,
    };
    Shape { kind, nullable }
}

/// Several shapes as one: choices are joined, null makes the rest nullable.
fn one_of(shapes: Vec<Shape>) -> Shape {
    let nullable = shapes.iter().any(|shape| shape.nullable);
    let mut kinds = shapes.into_iter().map(|shape| shape.kind);
    let first = kinds.next().unwrap_or(Kind::Any);
    let kind = kinds.fold(first, |joined, kind| match (joined, kind) {
        (Kind::Choice(mut words), Kind::Choice(more)) => {
            words.extend(more);
            Kind::Choice(words)
        }
        (Kind::Choice(words), other) | (other, Kind::Choice(words)) if words.is_empty() => other,
        _ => Kind::Any,
    });
    Shape { kind, nullable }
}

fn text(schema: &Value) -> Kind {
    let of = |name: &str| schema.get(name).and_then(Value::as_str).map(str::to_owned);
    let longest = schema.get("maxLength").and_then(Value::as_u64);
    Kind::Text { format: of("format"), pattern: of("pattern"), longest }
}

fn fields<'a>(
    schema: &Value,
    properties: &'a Map<String, Value>,
    shape: impl Fn(&'a Value) -> Shape,
) -> Vec<Field> {
    let required: Vec<_> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut fields: Vec<_> = properties
        .iter()
        .map(|(name, schema)| Field {
            name: name.clone(),
            about: sentence(schema),
            required: required.contains(&name.as_str()),
            shape: shape(schema),
        })
        .collect();
    fields.sort_by_key(|field| {
        let place = required.iter().position(|name| *name == field.name);
        (place.is_none(), place)
    });
    fields
}

/// The first paragraph of a description, on one line.
fn sentence(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let paragraph: Vec<_> = text.lines().take_while(|line| !line.trim().is_empty()).collect();
    paragraph.join(" ")
}

impl Shape {
    /// What a person may type, in a few words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let null = if self.nullable && self.kind != Kind::Any { " or null" } else { "" };
        format!("{}{null}", self.kind.in_words())
    }
}

impl Kind {
    fn in_words(&self) -> String {
        match self {
            Self::Text { format: Some(format), .. } => match format.as_str() {
                "uuid" => "UUID".into(),
                "date-time" => "time".into(),
                other => other.to_owned(),
            },
            Self::Text { pattern: Some(pattern), .. } if is_decimal(pattern) => "decimal".into(),
            Self::Text { longest: Some(longest), .. } => format!("text up to {longest}"),
            Self::Text { .. } => "text".into(),
            Self::Choice(words) => words.join("|"),
            Self::Integer(_) => "whole number".into(),
            Self::Number => "number".into(),
            Self::Flag => "true|false".into(),
            Self::List(item) => format!("list of {}", item.in_words()),
            Self::Object(_) => "object".into(),
            Self::Any => "JSON".into(),
        }
    }
}

/// Whether a pattern is one of a decimal number.
fn is_decimal(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let pattern = pattern.strip_prefix("-?").unwrap_or(pattern);
    pattern.starts_with("[0-9]") || pattern.starts_with(r"\d")
}

fn object_example(fields: &[Field], properties: Option<&Value>) -> Value {
    let mut object = Map::new();
    let needed = fields.iter().filter(|field| field.required);
    let first = fields.iter().find(|field| field.shape.is_simple());
    let first = first.filter(|_| !fields.iter().any(|field| field.required));
    for field in needed.chain(first) {
        let own = properties.and_then(|all| all.get(&field.name));
        let given = own.and_then(|own| own.get("examples")?.get(0)).cloned();
        let value = given.unwrap_or_else(|| field.shape.kind.example(&field.name));
        object.insert(field.name.clone(), value);
    }
    Value::Object(object)
}

impl Shape {
    /// Whether a person types it as one word.
    fn is_simple(&self) -> bool {
        match &self.kind {
            Kind::Text { .. } | Kind::Integer(_) | Kind::Number | Kind::Flag => true,
            Kind::Choice(words) => !words.is_empty(),
            Kind::List(_) | Kind::Object(_) | Kind::Any => false,
        }
    }
}

impl Kind {
    fn example(&self, name: &str) -> Value {
        match self {
            Self::Text { format, pattern, longest } => {
                let text = text_example(name, format.as_deref(), pattern.as_deref());
                let longest = longest.and_then(|longest| usize::try_from(longest).ok());
                Value::from(text.chars().take(longest.unwrap_or(usize::MAX)).collect::<String>())
            }
            Self::Choice(words) => words.first().map_or(Value::Null, |word| json!(word)),
            Self::Integer(least) => json!(least.unwrap_or(1).max(1)),
            Self::Number => json!(1.5),
            Self::Flag => json!(true),
            Self::List(item) => json!([item.kind.example(name)]),
            Self::Object(fields) => object_example(fields, None),
            Self::Any => json!({}),
        }
    }
}

fn text_example(name: &str, format: Option<&str>, pattern: Option<&str>) -> String {
    let text = match (format, pattern) {
        (Some("uuid"), _) => "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10",
        (Some("date-time"), _) => "2026-11-21T12:00:00Z",
        (Some("date"), _) => "2026-11-21",
        (Some("time" | "partial-date-time"), _) => "12:00:00",
        (Some("email"), _) => "ada@example.org",
        (_, Some(pattern)) if is_decimal(pattern) => "12.50",
        (_, Some("^[A-Z]{3}$")) => "CAD",
        _ if name.contains("email") => "ada@example.org",
        _ => return format!("some {}", name.replace('_', " ")),
    };
    text.to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use annals_commands::Catalogue;

    use super::*;

    /// A schema with one field of every kind, as schemars writes them.
    pub fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["child_id", "amount", "mood"],
            "properties": {
                "amount": {"type": "string", "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$", "description": "How much.\n\nMore."},
                "child_id": {"type": "string", "format": "uuid", "description": "Whose\nit is."},
                "mood": {"$ref": "#/definitions/Mood"},
                "before": {"anyOf": [{"$ref": "#/definitions/Mood"}, {"type": "null"}]},
                "note": {"type": ["string", "null"], "maxLength": 5},
                "count": {"type": "integer", "format": "uint32", "minimum": 0},
                "ratio": {"type": ["number", "null"], "format": "double"},
                "scale": {"type": ["string", "number", "null"], "pattern": r"^-?\d+(\.\d+)?([eE]\d+)?$"},
                "urgent": {"type": "boolean", "default": false},
                "tags": {"type": "array", "items": {"type": "string"}},
                "address": {"$ref": "#/definitions/Address"},
                "extra": true,
                "settings": {"type": "object", "additionalProperties": true},
            },
            "definitions": {
                "Mood": {"oneOf": [
                    {"type": "string", "enum": ["good", "bad"]},
                    {"type": "string", "const": "mixed", "description": "Both."},
                ]},
                "Address": {"type": "object", "required": ["city"], "properties": {
                    "city": {"type": "string"},
                    "next": {"$ref": "#/definitions/Address"},
                }},
            },
        })
    }

    #[test]
    fn fields_are_told_in_words_those_that_must_be_there_first() {
        let fields = fields_of(&schema());
        let words: Vec<_> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.shape.in_words(), field.required))
            .collect();
        let expected = [
            ("child_id", "UUID", true),
            ("amount", "decimal", true),
            ("mood", "good|bad|mixed", true),
            ("address", "object", false),
            ("before", "good|bad|mixed or null", false),
            ("count", "whole number", false),
            ("extra", "JSON", false),
            ("note", "text up to 5 or null", false),
            ("ratio", "number or null", false),
            ("scale", "decimal or null", false),
            ("settings", "JSON", false),
            ("tags", "list of text", false),
            ("urgent", "true|false", false),
        ];
        assert_eq!(words, expected.map(|(name, words, must)| (name, words.to_owned(), must)));
        assert_eq!(fields[0].about, "Whose it is.");
        assert_eq!(fields[1].about, "How much.");
    }

    #[test]
    fn an_example_has_what_must_be_there_or_one_field() {
        let id = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10";
        let needed = json!({"child_id": id, "amount": "12.50", "mood": "good"});
        assert_eq!(example(&schema()), needed);
        let mut optional = schema();
        optional["required"] = json!([]);
        assert_eq!(example(&optional), json!({"amount": "12.50"}));
        optional["properties"] =
            json!({"list": {"type": "array"}, "note": {"type": "string", "maxLength": 5}});
        assert_eq!(example(&optional), json!({"note": "some "}));
    }

    #[test]
    fn the_example_of_every_command_is_one_that_the_command_takes() {
        let mut wrong = Vec::new();
        for context in Catalogue::new().contexts() {
            for command in &context.commands {
                let data = example(command.schema.as_value()).to_string();
                if let Err(error) = command.parse(&data) {
                    wrong.push(format!("{}: {error:?} in {data}", command.subject()));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
