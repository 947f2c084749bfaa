//! Quantities as commands write them (nestsync.rule.item.precision).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Amount;

/// The largest quantity a column of `numeric(12,2)` holds: 9,999,999,999.99.
pub const LARGEST: Amount = Amount::from_hundredths(999_999_999_999);

/// A quantity as it was written. Any text gets this far, so that one that is no quantity is refused
/// by the rule and under the rule's name, and not as a malformed field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(String);

impl Quantity {
    /// The quantity, if it is finite, has at most two decimals, fits the tables and is not negative.
    #[must_use]
    pub fn not_negative(&self) -> Option<Amount> {
        let amount: Amount = self.0.parse().ok()?;
        (Amount::ZERO <= amount && amount <= LARGEST).then_some(amount)
    }

    /// The same, if it is more than nothing.
    #[must_use]
    pub fn positive(&self) -> Option<Amount> {
        self.not_negative().filter(|amount| amount.is_positive())
    }
}

impl From<&str> for Quantity {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Amount> for Quantity {
    fn from(amount: Amount) -> Self {
        Self(amount.to_string())
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$",
            "description": "A decimal with at most two places, not negative, as a string."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_finite_has_two_decimals_and_fits_its_column() {
        assert_eq!(Quantity::from("0").not_negative(), Some(Amount::ZERO));
        assert_eq!(Quantity::from("9999999999.99").positive(), Some(LARGEST));
        for text in ["", "NaN", "Infinity", "1.234", "-0.01", "10000000000", "1e3"] {
            assert_eq!(Quantity::from(text).not_negative(), None, "{text}");
        }
        assert_eq!(Quantity::from("0").positive(), None);
    }

    #[test]
    fn a_json_number_is_no_quantity() {
        assert!(serde_json::from_str::<Quantity>("1").is_err());
    }
}
