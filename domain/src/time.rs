//! Days and times that a caller names: what the calendar of the tables, and of JSON, can carry.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Deserializer, de};

/// The first year that a caller may name. What is computed from it, such as the Monday before it, still has
/// a year that JSON and Postgres write alike.
pub const FIRST_YEAR: i32 = 1_000;
/// The last one. What is computed from it, such as the end of a period that begins then, still has a
/// year of four digits.
pub const LAST_YEAR: i32 = 9_900;

/// A value with a year, or perhaps with one.
pub trait Dated {
    /// The year, where there is one.
    fn year(&self) -> Option<i32>;
}

impl Dated for NaiveDate {
    fn year(&self) -> Option<i32> {
        Some(Datelike::year(self))
    }
}

impl Dated for DateTime<Utc> {
    fn year(&self) -> Option<i32> {
        Some(Datelike::year(self))
    }
}

impl<T: Dated> Dated for Option<T> {
    fn year(&self) -> Option<i32> {
        self.as_ref().and_then(Dated::year)
    }
}

/// Whether a year lies between [`FIRST_YEAR`] and [`LAST_YEAR`].
#[must_use]
pub fn is_kept(year: i32) -> bool {
    (FIRST_YEAR..=LAST_YEAR).contains(&year)
}

/// Reads a day or a time whose year the tables can hold. Every command's field of such a type is read by it:
/// `#[serde(default, deserialize_with = "time::dated")]`; a test over the catalogue looks for one that is not.
///
/// # Errors
/// As the type's own, and where the year is beyond the calendar.
pub fn dated<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Dated,
    D: Deserializer<'de>,
{
    let value = T::deserialize(deserializer)?;
    match value.year() {
        Some(year) if !is_kept(year) => Err(de::Error::custom(format_args!(
            "the year is not within {FIRST_YEAR} and {LAST_YEAR}"
        ))),
        Some(_) | None => Ok(value),
    }
}

/// The same where absent and null differ, as [`text::some`](crate::text::some) tells them apart.
///
/// # Errors
/// As for [`dated`].
pub fn some_dated<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de> + Dated,
    D: Deserializer<'de>,
{
    dated::<Option<T>, D>(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Asked {
        #[serde(default, deserialize_with = "dated")]
        day: Option<NaiveDate>,
        #[serde(default, deserialize_with = "some_dated")]
        at: Option<Option<DateTime<Utc>>>,
    }

    #[test]
    fn a_year_beyond_the_calendar_is_refused_and_no_day_is_fine() {
        let read = |json: &str| serde_json::from_str::<Asked>(json);
        for good in
            [r#"{"day": "9900-12-31"}"#, r#"{"day": null}"#, "{}", r#"{"day": "1000-01-01"}"#]
        {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            r#"{"day": "+10000-01-01"}"#,
            r#"{"day": "0999-12-31"}"#,
            r#"{"day": "-0044-03-15"}"#,
            r#"{"day": "9901-01-01"}"#,
            r#"{"at": "+12000-01-01T00:00:00Z"}"#,
        ] {
            let error = read(bad).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with("the year is not within"), "{bad}: {error}");
        }
        let asked = read(r#"{"at": null}"#).unwrap();
        assert_eq!((asked.day, asked.at), (None, Some(None)));
    }
}
