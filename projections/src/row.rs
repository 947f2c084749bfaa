//! A row's columns and their values.

use std::{borrow::Cow, fmt, ops::Index};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeMap, SerializeStruct},
};
use serde_json::{Error, Map, Value};

use crate::table::json;

/// The name of a column: most are written in the program, and cost nothing then.
pub type Name = Cow<'static, str>;

/// Columns and their values, as JSON that Postgres types; each name once, in the order in which they were
/// said. Rows have few columns, so that to look through them all is quicker than to keep them in order.
#[derive(Clone, Default)]
pub struct Row(Vec<(Name, Value)>);

impl Row {
    /// No columns.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The fields of whatever has any, such as an event; nothing of whatever has none.
    #[must_use]
    pub fn of(payload: impl Serialize) -> Self {
        payload.serialize(Fields).unwrap_or_default()
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A column's value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A column's value, where the column is at this place, as it is in a row with the same columns in the
    /// same order; otherwise wherever it is.
    #[must_use]
    pub fn get_at(&self, place: usize, name: &str) -> Option<&Value> {
        match self.0.get(place) {
            Some((known, value)) if known == name => Some(value),
            _ => self.get(name),
        }
    }

    /// Whether there is such a column.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a column, new or known.
    pub fn insert(&mut self, name: impl Into<Name>, value: Value) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets a column that is not there yet.
    pub fn insert_new(&mut self, name: impl Into<Name>, value: Value) {
        let name = name.into();
        if !self.contains_key(&name) {
            self.0.push((name, value));
        }
    }

    /// Takes a column away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// Keeps the columns of which this holds.
    pub fn retain(&mut self, mut keeps: impl FnMut(&str, &Value) -> bool) {
        self.0.retain(|(name, value)| keeps(name, value));
    }

    /// The columns' names.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The columns' values.
    pub fn values(&self) -> impl Iterator<Item = &Value> + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The columns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl Index<&str> for Row {
    type Output = Value;

    /// A column's value; null where there is none, as in JSON.
    fn index(&self, name: &str) -> &Value {
        static NONE: Value = Value::Null;
        self.get(name).unwrap_or(&NONE)
    }
}

impl PartialEq for Row {
    /// Whatever the order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<N: Into<Name>> Extend<(N, Value)> for Row {
    fn extend<I: IntoIterator<Item = (N, Value)>>(&mut self, more: I) {
        more.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl<N: Into<Name>> FromIterator<(N, Value)> for Row {
    fn from_iter<I: IntoIterator<Item = (N, Value)>>(columns: I) -> Self {
        let mut row = Self::new();
        row.extend(columns);
        row
    }
}

impl IntoIterator for Row {
    type Item = (Name, Value);
    type IntoIter = std::vec::IntoIter<(Name, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Map<String, Value>> for Row {
    fn from(map: Map<String, Value>) -> Self {
        Self(map.into_iter().map(|(name, value)| (Name::Owned(name), value)).collect())
    }
}

/// Collects the fields of a struct or a map, and refuses everything else.
struct Fields;

/// A row that is being collected.
struct Collected {
    row: Row,
    name: Option<Name>,
}

impl Collected {
    fn new(count: usize) -> Self {
        // A projection adds some of its own.
        Self { row: Row(Vec::with_capacity(count + 8)), name: None }
    }
}

fn no_fields<T>() -> Result<T, Error> {
    Err(Error::custom("only structs and maps have columns"))
}

macro_rules! refuse {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, _: $kind) -> Result<Row, Error> { no_fields() })*
    };
}

impl Serializer for Fields {
    type Ok = Row;
    type Error = Error;
    type SerializeSeq = Impossible<Row, Error>;
    type SerializeTuple = Impossible<Row, Error>;
    type SerializeTupleStruct = Impossible<Row, Error>;
    type SerializeTupleVariant = Impossible<Row, Error>;
    type SerializeMap = Collected;
    type SerializeStruct = Collected;
    type SerializeStructVariant = Impossible<Row, Error>;

    refuse!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    );

    fn serialize_none(self) -> Result<Row, Error> {
        Ok(Row::new())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<Row, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Row, Error> {
        Ok(Row::new())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<Row, Error> {
        no_fields()
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Row, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Row, Error> {
        no_fields()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        no_fields()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        no_fields()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        no_fields()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        no_fields()
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Collected, Error> {
        Ok(Collected::new(count.unwrap_or_default()))
    }

    fn serialize_struct(self, _: &'static str, count: usize) -> Result<Collected, Error> {
        Ok(Collected::new(count))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        no_fields()
    }
}

impl SerializeMap for Collected {
    type Ok = Row;
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Error> {
        self.name = match json(key) {
            Value::String(name) => Some(Name::Owned(name)),
            _ => return no_fields(),
        };
        Ok(())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        let value = serde_json::to_value(value)?;
        if let Some(name) = self.name.take() {
            self.row.0.push((name, value));
        }
        Ok(())
    }

    fn end(self) -> Result<Row, Error> {
        Ok(self.row)
    }
}

impl SerializeStruct for Collected {
    type Ok = Row;
    type Error = Error;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.row.0.push((Name::Borrowed(name), serde_json::to_value(value)?));
        Ok(())
    }

    fn end(self) -> Result<Row, Error> {
        Ok(self.row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct Said {
        name: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        born: Option<u8>,
        #[serde(flatten)]
        more: Map<String, Value>,
    }

    #[derive(Serialize)]
    struct Wrapped<'a>(&'a Plain);

    #[derive(Serialize)]
    struct Plain {
        a: u8,
        b: Option<u8>,
    }

    #[test]
    fn a_payload_has_the_columns_that_its_json_has() {
        let more = json!({"c": [1], "d": {"e": null}}).as_object().cloned().unwrap();
        let said = Said { name: "n", born: None, more };
        assert_eq!(json!(Row::of(&said)), json!(said));
        let plain = Plain { a: 1, b: None };
        assert_eq!(json!(Row::of(Wrapped(&plain))), json!({"a": 1, "b": null}));
        for nothing in [json!(null), json!(3), json!("text"), json!([1])] {
            assert!(Row::of(nothing).is_empty());
        }
        assert!(Row::of(()).is_empty());
    }

    #[test]
    fn a_column_is_there_once() {
        let mut row = Row::of(json!({"a": 1, "b": 2}));
        row.insert("a", json!(3));
        row.insert_new("b", json!(4));
        row.insert_new("c", json!(5));
        assert_eq!(json!(row), json!({"a": 3, "b": 2, "c": 5}));
        row.remove("a");
        assert_eq!(row, Row::of(json!({"c": 5, "b": 2})));
        assert_ne!(row, Row::of(json!({"c": 5, "b": 3})));
        assert_eq!((&row["a"], row.get_at(0, "c")), (&Value::Null, Some(&json!(5))));
    }
}
