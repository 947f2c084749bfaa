//! Days, weeks and months as a family's clock has them, and times of the day as a person's has them.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The time zone of this IANA name, if there is one.
#[must_use]
pub fn zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

/// The day it is there.
#[must_use]
pub fn day_in(zone: Tz, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The time of day it is there.
#[must_use]
pub fn time_in(zone: Tz, at: DateTime<Utc>) -> NaiveTime {
    at.with_timezone(&zone).time()
}

/// What use is added up over (nestsync.usage_analytics.period).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A day.
    Day,
    /// A week, from Monday.
    Week,
    /// A month, from its first.
    Month,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The first day of the period that a day lies in.
    #[must_use]
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        let back = match self {
            Self::Day => 0,
            Self::Week => day.weekday().num_days_from_monday(),
            Self::Month => day.day0(),
        };
        day.checked_sub_days(Days::new(u64::from(back))).unwrap_or(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_the_zones_own() {
        let toronto = zone("America/Toronto").unwrap();
        for (at, day, time) in [
            ("2026-01-01T04:59:59Z", "2025-12-31", "23:59:59"),
            ("2026-01-01T05:00:00Z", "2026-01-01", "00:00:00"),
            ("2026-07-01T03:59:59Z", "2026-06-30", "23:59:59"),
            ("2026-07-01T04:00:00Z", "2026-07-01", "00:00:00"),
        ] {
            let at: DateTime<Utc> = at.parse().unwrap();
            assert_eq!(day_in(toronto, at), date(day));
            assert_eq!(time_in(toronto, at), time.parse().unwrap());
        }
    }

    #[test]
    fn only_iana_names_are_zones() {
        assert!(zone("America/St_Johns").is_some());
        for name in ["", "Toronto", "EST5EDT4", "america/toronto", "+05:00"] {
            assert!(zone(name).is_none(), "{name}");
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        for (day, week, month) in [
            ("2026-01-01", "2025-12-29", "2026-01-01"),
            ("2026-03-01", "2026-02-23", "2026-03-01"),
            ("2026-03-02", "2026-03-02", "2026-03-01"),
            ("2024-02-29", "2024-02-26", "2024-02-01"),
        ] {
            assert_eq!(Period::Day.start(date(day)), date(day));
            assert_eq!(Period::Week.start(date(day)), date(week));
            assert_eq!(Period::Month.start(date(day)), date(month));
        }
    }
}
