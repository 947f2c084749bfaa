//! Money and quantities: decimals with at most two places, never floats, never NaN.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A finite decimal with two places, kept as whole hundredths: an amount of money in its currency, or
/// a quantity of an item. Written in JSON as a string, `"12.50"`; a JSON number is refused, since it
/// would have passed through a float somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest that `numeric(15,2)` holds: 9,999,999,999,999.99.
    pub const MAX: Self = Self(999_999_999_999_999);

    /// From whole hundredths (cents).
    #[must_use]
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// As whole hundredths (cents).
    #[must_use]
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The sum, or nothing where it would exceed what the tables hold.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = self.0.checked_add(other.0)?;
        (sum.unsigned_abs() <= Self::MAX.0.unsigned_abs()).then_some(Self(sum))
    }

    /// The difference, or nothing where it would fall below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        let rest = self.0.checked_sub(other.0)?;
        (rest >= 0).then_some(Self(rest))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs();
        write!(out, "{sign}{}.{:02}", whole / 100, whole % 100)
    }
}

/// A text that is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnAmount;

impl fmt::Display for NotAnAmount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("expected a decimal with at most two places as a string, such as \"12.50\"")
    }
}

impl std::error::Error for NotAnAmount {}

impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > 13
            || places.len() > 2
            || (digits.contains('.') && places.is_empty())
            || !is_number(whole)
            || !is_number(places)
        {
            return Err(NotAnAmount);
        }
        let whole: i64 = whole.parse().map_err(|_| NotAnAmount)?;
        let places: i64 = match places.len() {
            0 => 0,
            1 => places.parse::<i64>().map_err(|_| NotAnAmount)? * 10,
            _ => places.parse().map_err(|_| NotAnAmount)?,
        };
        let hundredths = whole * 100 + places;
        Ok(Self(if negative { -hundredths } else { hundredths }))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)
            .map_err(|_| de::Error::custom(NotAnAmount))?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$",
            "description": "A decimal with at most two places, as a string."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_it_is_read() {
        for (text, written) in [("0", "0.00"), ("12.5", "12.50"), ("-0.01", "-0.01")] {
            assert_eq!(text.parse::<Amount>().map(|it| it.to_string()), Ok(written.into()));
        }
    }

    #[test]
    fn what_is_no_finite_decimal_with_two_places_is_refused() {
        for text in
            ["", ".", "1.", ".5", "1.234", "NaN", "1e3", "+1", "٣", " 1", "99999999999999", "--1"]
        {
            assert_eq!(text.parse::<Amount>(), Err(NotAnAmount), "{text}");
        }
    }

    #[test]
    fn a_json_number_is_refused() {
        assert!(serde_json::from_str::<Amount>("12.5").is_err());
        assert!(serde_json::from_str::<Amount>("\"12.5\"").is_ok());
    }

    #[test]
    fn sums_stay_within_what_the_tables_hold() {
        assert_eq!(Amount::MAX.plus(Amount::from_hundredths(1)), None);
        assert_eq!(Amount::ZERO.minus(Amount::from_hundredths(1)), None);
    }
}
