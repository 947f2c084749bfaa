//! A moment as people type it: a position of the log, or a time.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sqlx::PgPool;

/// A position, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// After the event at this position.
    Position(i64),
    /// After everything that was recorded at this time or before it.
    Time(DateTime<Utc>),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if !text.is_empty() && text.len() <= 18 && text.bytes().all(|it| it.is_ascii_digit()) {
            return text.parse().map(Self::Position).map_err(|_| EXPECTED.to_owned());
        }
        if text == "now" {
            return Ok(Self::Time(Utc::now()));
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Time(at.to_utc()));
        }
        for form in ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z"] {
            if let Ok(at) = DateTime::parse_from_str(text, form) {
                return Ok(Self::Time(at.to_utc()));
            }
        }
        for form in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
            if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
                return Ok(Self::Time(at.and_utc()));
            }
        }
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| EXPECTED)?;
        Ok(Self::Time(day.and_time(NaiveTime::MIN).and_utc()))
    }
}

const EXPECTED: &str = "expected a position of the log, or a time such as 2026-03-01 or \
     2026-03-01T12:00:00Z (UTC where nothing is said)";

impl Moment {
    /// The position of the last event up to this moment.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub(crate) async fn position(self, pool: &PgPool) -> Result<i64, sqlx::Error> {
        match self {
            Self::Position(position) => {
                let last: i64 =
                    sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(pool).await?;
                Ok(position.min(last))
            }
            Self::Time(at) => {
                sqlx::query_scalar("SELECT annals.position_at($1)").bind(at).fetch_one(pool).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_times_are_told_apart() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        for (text, moment) in [
            ("1204", Moment::Position(1_204)),
            ("2026-03-01", Moment::Time(at("2026-03-01T00:00:00Z"))),
            ("2026-03-01 12:00", Moment::Time(at("2026-03-01T12:00:00Z"))),
            ("2026-03-01 12:00+00", Moment::Time(at("2026-03-01T12:00:00Z"))),
            ("2026-03-01 12:00:01.5", Moment::Time(at("2026-03-01T12:00:01.5Z"))),
            ("2026-03-01T12:00:00+02:00", Moment::Time(at("2026-03-01T10:00:00Z"))),
        ] {
            assert_eq!(text.parse::<Moment>(), Ok(moment), "{text}");
        }
        assert!("yesterday".parse::<Moment>().unwrap_err().contains("expected"));
    }
}
