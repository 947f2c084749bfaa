//! Days as care homes have them. Their residents are known by NHS numbers, so a day is one of London's.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;

/// The day it is in a care home at a time.
#[must_use]
pub fn day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&London).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summer_day_begins_before_utcs() {
        let late: DateTime<Utc> = "2026-06-30T23:30:00Z".parse().unwrap();
        assert_eq!(day(late), NaiveDate::from_ymd_opt(2026, 7, 1).unwrap());
        let late: DateTime<Utc> = "2026-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(day(late), NaiveDate::from_ymd_opt(2026, 12, 31).unwrap());
    }
}
