//! Counts and waits.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Waits in microseconds, up to an hour, to three digits.
#[derive(Debug, Clone)]
pub struct Waits(Option<Histogram<u64>>);

/// Percentiles of waits, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many waits these are of.
    pub count: u64,
    /// Half of them were no longer.
    pub p50: f64,
    /// 90 in 100 were no longer.
    pub p90: f64,
    /// 99 in 100 were no longer.
    pub p99: f64,
    /// 999 in 1,000 were no longer.
    pub p999: f64,
    /// None was longer.
    pub max: f64,
}

impl Default for Waits {
    fn default() -> Self {
        Self::new()
    }
}

impl Waits {
    const LONGEST: u64 = 3_600_000_000;

    /// None yet.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, Self::LONGEST, 3).ok())
    }

    /// Adds one.
    pub fn add(&mut self, wait: Duration) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(Self::LONGEST);
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(micros);
        }
    }

    /// Adds those that another has.
    pub fn add_all(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (&mut self.0, &other.0) {
            // Both have the same bounds: it fits.
            let _ = histogram.add(other);
        }
    }

    /// What they come to.
    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| {
            let micros = self.0.as_ref().map_or(0, |it| it.value_at_quantile(quantile));
            micros as f64 / 1_000.0
        };
        Percentiles {
            count: self.0.as_ref().map_or(0, Histogram::len),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }
}

/// What came of the commands of a level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted.
    pub accepted: u64,
    /// Refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Not answered, or with something else, by what it was.
    pub errors: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds to a count that has a name.
    pub fn add(counts: &mut BTreeMap<String, u64>, name: &str, more: u64) {
        match counts.get_mut(name) {
            Some(count) => *count += more,
            None if more > 0 => drop(counts.insert(name.to_owned(), more)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_waits() {
        let mut waits = Waits::new();
        for millis in 1..=1_000 {
            waits.add(Duration::from_millis(millis));
        }
        let found = waits.percentiles();
        assert_eq!(found.count, 1_000);
        for (is, wanted) in [
            (found.p50, 500.0),
            (found.p90, 900.0),
            (found.p99, 990.0),
            (found.p999, 999.0),
            (found.max, 1_000.0),
        ] {
            assert!((is - wanted).abs() <= wanted / 500.0, "{is} is not {wanted}");
        }
        assert_eq!(Waits::new().percentiles().count, 0);
    }
}
