//! The use of an item: each use that counts, and what they add up to by day, week and month.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::calendar::Period;
use crate::Amount;

/// The largest sum a column of `numeric(14,2)` holds: 999,999,999,999.99.
const LARGEST_TOTAL: Amount = Amount::from_hundredths(99_999_999_999_999);

/// What an item's use adds up to in one period, as a row of `usage_analytics` has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageTotal {
    /// Day, week or month.
    pub period: Period,
    /// Its first day.
    pub period_start: NaiveDate,
    /// How many uses.
    pub usage_count: u32,
    /// How much was used.
    pub total_quantity: Amount,
    /// How much a use took on average, with four decimals.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub average_quantity: String,
    /// The latest use; nothing where none counts any more.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A use that counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// How much it took.
    pub quantity: Amount,
    /// When.
    pub used_at: DateTime<Utc>,
    /// On which of the family's days.
    pub used_on: NaiveDate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    count: u32,
    total: Amount,
    last: Option<DateTime<Utc>>,
}

impl Sum {
    fn named(self, period: Period, period_start: NaiveDate) -> UsageTotal {
        UsageTotal {
            period,
            period_start,
            usage_count: self.count,
            total_quantity: self.total,
            average_quantity: average(self.total, self.count),
            last_used_at: self.last,
        }
    }
}

/// The uses of an item that count, and their sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Uses {
    counted: HashMap<Uuid, Use>,
    sums: BTreeMap<Period, BTreeMap<NaiveDate, Sum>>,
}

impl Uses {
    /// A use that counts.
    #[must_use]
    pub fn get(&self, usage_id: Uuid) -> Option<&Use> {
        self.counted.get(&usage_id)
    }

    /// The sums of a use's day, week and month, were it to count; nothing where one of them would be
    /// more than the tables hold.
    #[must_use]
    pub fn with(&self, used: &Use) -> Option<Vec<UsageTotal>> {
        let after = |period: Period| {
            let start = period.start(used.used_on);
            let before = self.sum(period, start);
            let sum = Sum {
                count: before.count.checked_add(1)?,
                total: before.total.plus(used.quantity).filter(|sum| *sum <= LARGEST_TOTAL)?,
                last: before.last.max(Some(used.used_at)),
            };
            Some(sum.named(period, start))
        };
        Period::ALL.into_iter().map(after).collect()
    }

    /// The sums of a use's day, week and month, were it to count no more.
    #[must_use]
    pub fn without(&self, usage_id: Uuid, used: &Use) -> Vec<UsageTotal> {
        let after = |period: Period| {
            let start = period.start(used.used_on);
            let before = self.sum(period, start);
            let last = if before.last == Some(used.used_at) {
                self.latest(period, start, usage_id)
            } else {
                before.last
            };
            let total = before.total.minus(used.quantity).unwrap_or(Amount::ZERO);
            Sum { count: before.count.saturating_sub(1), total, last }.named(period, start)
        };
        Period::ALL.into_iter().map(after).collect()
    }

    /// A use counts from now on; these are the sums it led to.
    pub fn count(&mut self, usage_id: Uuid, used: Use, totals: &[UsageTotal]) {
        self.counted.insert(usage_id, used);
        self.add_up(totals);
    }

    /// A use counts no more; these are the sums without it.
    pub fn discount(&mut self, usage_id: Uuid, totals: &[UsageTotal]) {
        self.counted.remove(&usage_id);
        self.add_up(totals);
    }

    fn sum(&self, period: Period, start: NaiveDate) -> Sum {
        self.sums.get(&period).and_then(|sums| sums.get(&start)).copied().unwrap_or_default()
    }

    fn latest(&self, period: Period, start: NaiveDate, except: Uuid) -> Option<DateTime<Utc>> {
        let others = self
            .counted
            .iter()
            .filter(|(id, used)| **id != except && period.start(used.used_on) == start);
        others.map(|(_, used)| used.used_at).max()
    }

    /// Takes sums as they were reckoned.
    pub fn add_up(&mut self, totals: &[UsageTotal]) {
        for total in totals {
            let sum = Sum {
                count: total.usage_count,
                total: total.total_quantity,
                last: total.last_used_at,
            };
            self.sums.entry(total.period).or_default().insert(total.period_start, sum);
        }
    }
}

/// The average with four decimals, rounded half up; zero of nothing.
fn average(total: Amount, count: u32) -> String {
    let count = i128::from(count.max(1));
    let ten_thousandths = (i128::from(total.hundredths()) * 100 * 2 + count) / (count * 2);
    format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::day;

    const FIRST: Uuid = Uuid::from_u128(1);
    const SECOND: Uuid = Uuid::from_u128(2);

    fn taken(hundredths: i64, nth_day: i64) -> Use {
        let used_at = day(nth_day);
        Use {
            quantity: Amount::from_hundredths(hundredths),
            used_at,
            used_on: used_at.date_naive(),
        }
    }

    fn counted(uses: &[(Uuid, Use)]) -> Uses {
        let mut all = Uses::default();
        for (id, used) in uses {
            let totals = all.with(used).unwrap();
            all.count(*id, *used, &totals);
        }
        all
    }

    #[test]
    fn averages_have_four_decimals_and_round_half_up() {
        for (hundredths, count, expected) in [
            (0, 0, "0.0000"),
            (100, 3, "0.3333"),
            (200, 3, "0.6667"),
            (1, 16, "0.0006"),
            (99_999_999_999_999, 1, "999999999999.9900"),
        ] {
            assert_eq!(average(Amount::from_hundredths(hundredths), count), expected);
        }
    }

    #[test]
    fn a_use_counts_in_its_day_week_and_month() {
        // 1 January 2026 is a Thursday; the 5th is the Monday after.
        let uses = counted(&[(FIRST, taken(100, 1)), (SECOND, taken(300, 5))]);
        let totals = uses.with(&taken(200, 6)).unwrap();
        let told: Vec<_> = totals
            .iter()
            .map(|it| (it.period, it.period_start.to_string(), it.usage_count))
            .collect();
        assert_eq!(
            told,
            [
                (Period::Day, "2026-01-06".to_owned(), 1),
                (Period::Week, "2026-01-05".to_owned(), 2),
                (Period::Month, "2026-01-01".to_owned(), 3),
            ]
        );
        assert_eq!(totals[2].total_quantity, Amount::from_hundredths(600));
        assert_eq!(totals[2].average_quantity, "2.0000");
    }

    #[test]
    fn a_use_that_counts_no_more_leaves_the_others_last() {
        let uses = counted(&[(FIRST, taken(100, 1)), (SECOND, taken(300, 2))]);
        let totals = uses.without(SECOND, &taken(300, 2));
        assert_eq!((totals[0].usage_count, totals[0].last_used_at), (0, None));
        assert_eq!((totals[1].usage_count, totals[1].last_used_at), (1, Some(day(1))));
        let totals = uses.without(FIRST, &taken(100, 1));
        assert_eq!(totals[2].last_used_at, Some(day(2)));
    }

    #[test]
    fn the_latest_use_is_not_always_the_one_logged_last() {
        let uses = counted(&[(FIRST, taken(100, 9)), (SECOND, taken(300, 8))]);
        assert_eq!(uses.with(&taken(1, 7)).unwrap()[2].last_used_at, Some(day(9)));
    }

    #[test]
    fn sums_that_the_tables_cannot_hold_are_none() {
        let uses = counted(&[(FIRST, Use { quantity: LARGEST_TOTAL, ..taken(0, 1) })]);
        assert_eq!(uses.with(&taken(1, 1)), None);
    }

    #[test]
    fn the_sums_survive_a_snapshot() {
        let uses = counted(&[(FIRST, taken(100, 1)), (SECOND, taken(300, 2))]);
        let json = serde_json::to_value(&uses).unwrap();
        assert_eq!(serde_json::from_value::<Uses>(json).unwrap(), uses);
    }
}
