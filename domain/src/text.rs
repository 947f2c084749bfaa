//! Texts as several contexts' columns hold them, and checks on them.

use std::{borrow::Cow, fmt, ops::Deref, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

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

/// An e-mail address as every context compares and stores it: trimmed and in lower case (F030).
#[must_use]
pub fn normal_email(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Whether a text looks like an e-mail address: the documented expression (samia.rule.user.email_format).
#[must_use]
pub fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let Some((host, top)) = domain.rsplit_once('.') else {
        return false;
    };
    let local_ok = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    let host_ok = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    !local.is_empty()
        && !host.is_empty()
        && top.len() >= 2
        && local.bytes().all(local_ok)
        && host.bytes().all(host_ok)
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Distinguishes "absent" from "null" in a command: absent means unchanged, null means cleared (F037).
///
/// Use as `#[serde(default, deserialize_with = "some")] field: Option<Option<T>>`.
///
/// # Errors
/// As the inner type's.
pub fn some<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_measured_in_characters() {
        assert!("äöü".parse::<Text<3>>().is_ok());
        assert_eq!("abcd".parse::<Text<3>>(), Err(TooLong(3)));
        assert!(serde_json::from_str::<Text<3>>("\"abcd\"").is_err());
    }

    #[test]
    fn addresses_follow_the_documented_expression() {
        assert!(is_email("a.b+c@example.org"));
        for bad in ["no-at-sign", "a@b", "@example.org", "a@.x", "a b@example.org"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
