//! Texts, numbers and objects as the context's columns hold them.

use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A JSON object: what the `jsonb` columns for settings and metadata hold.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// A text of at most `MAX` characters: a `character varying(MAX)` column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

/// A text is longer than its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong(
    /// How many characters fit.
    pub usize,
);

impl fmt::Display for TooLong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "at most {} characters fit", self.0)
    }
}

impl std::error::Error for TooLong {}

impl<const MAX: usize> Text<MAX> {
    /// The text, if it fits.
    ///
    /// # Errors
    /// When it has more than `MAX` characters.
    pub fn new(text: impl Into<String>) -> Result<Self, TooLong> {
        let text = text.into();
        // A character has at least one byte, so most texts need no counting.
        if text.len() <= MAX || text.chars().count() <= MAX {
            Ok(Self(text))
        } else {
            Err(TooLong(MAX))
        }
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX })
    }
}

/// A whole number that counts something: zero or more, and what an `integer` column holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Count(i32);

impl Count {
    /// The number, if it is zero or more.
    #[must_use]
    pub const fn new(number: i32) -> Option<Self> {
        if number >= 0 { Some(Self(number)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i32::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| de::Error::custom("expected zero or more"))
    }
}

impl JsonSchema for Count {
    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": i32::MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_zero_or_more_and_fits_its_column() {
        assert_eq!(serde_json::from_str::<Count>("7").map(Count::get).ok(), Some(7));
        for bad in ["-1", "2147483648", "1.5", "\"1\""] {
            assert!(serde_json::from_str::<Count>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_is_measured_in_characters() {
        assert!("äöü".parse::<Text<3>>().is_ok());
        assert_eq!("abcd".parse::<Text<3>>(), Err(TooLong(3)));
        assert!(serde_json::from_str::<Text<3>>("\"abcd\"").is_err());
    }
}
