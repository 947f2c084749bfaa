//! What was measured, as a table and as JSON.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::cli::{Exit, Output, Tone, table};

use super::{
    BenchArgs,
    level::{Level, Measured, MeasuredRows, Pace},
    measure::Percentiles,
    surroundings::Surroundings,
};

/// Rows keep up where they appear at this part of the rate or faster, and are all there this soon.
const KEPT_UP: (f64, Duration) = (0.97, Duration::from_secs(1));

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Report {
    surroundings: Surroundings,
    load: LoadTold,
    levels: Vec<LevelTold>,
}

/// What was sent.
#[derive(Debug, Serialize)]
struct LoadTold {
    mix: &'static str,
    wallets: u32,
    hot: bool,
    earlier: u32,
    seed: String,
    warmup_seconds: u64,
    seconds: u64,
}

/// A level. Times are in milliseconds.
#[derive(Debug, Serialize)]
struct LevelTold {
    in_flight: Option<u32>,
    rate: Option<u32>,
    accepted: u64,
    accepted_per_second: f64,
    refused: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
    latency_ms: Percentiles,
    sent_late_ms: Option<Percentiles>,
    rows: Option<RowsTold>,
}

/// Of the rows.
#[derive(Debug, Serialize)]
struct RowsTold {
    visible_per_second: f64,
    reply_to_visible_ms: Percentiles,
    behind_at_end: i64,
    caught_up_in_ms: Option<f64>,
    kept_up: bool,
}

impl Report {
    /// Of these levels.
    pub fn new(args: &BenchArgs, surroundings: Surroundings, levels: Vec<Measured>) -> Self {
        Self {
            surroundings,
            load: LoadTold {
                mix: "credit_wallet 10.00 and debit_wallet 7.00 in turn",
                wallets: if args.hot { 1 } else { args.wallets },
                hot: args.hot,
                earlier: args.earlier,
                seed: args.seed.clone(),
                warmup_seconds: args.warmup,
                seconds: args.seconds,
            },
            levels: levels.into_iter().map(LevelTold::of).collect(),
        }
    }

    /// For programs.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Measured, or not: a level at which nothing is accepted says nothing.
    pub fn exit(&self) -> Exit {
        let refused = |it: &LevelTold| !it.refused.is_empty();
        if self.levels.iter().all(|it| it.accepted > 0) {
            Exit::Done
        } else if self.levels.iter().any(refused) {
            Exit::Refused
        } else {
            Exit::Unavailable
        }
    }

    /// For people.
    pub fn text(&self, output: Output) -> String {
        let about = &self.surroundings;
        let mut lines = vec![format!(
            "annals {}, NATS {} at {}, {} cores{}",
            about.annals,
            about.nats_version,
            about.nats,
            about.cores,
            about.processor.as_deref().map(|it| format!(" ({it})")).unwrap_or_default(),
        )];
        let postgres: Vec<String> =
            about.postgres.iter().map(|(name, value)| format!("{name} {value}")).collect();
        lines.push(if postgres.is_empty() {
            "Postgres: out of reach from here".to_owned()
        } else {
            format!("Postgres: {}", postgres.join(", "))
        });
        let wallets = match (self.load.hot, self.load.earlier) {
            (true, earlier) => format!("one wallet with {earlier} earlier events or more"),
            (false, _) => format!("{} wallets", self.load.wallets),
        };
        lines.push(format!(
            "{}, {wallets}; {} s each after {} s of warm-up\n",
            self.load.mix, self.load.seconds, self.load.warmup_seconds
        ));
        lines = lines.into_iter().map(|line| output.paint(Tone::Faint, &line)).collect();
        lines.push(self.latencies(output));
        if self.levels.iter().any(|it| it.rows.is_some()) {
            lines.push(String::new());
            lines.push(self.rows(output));
        }
        for level in &self.levels {
            if let Some(late) = level.sent_late_ms.filter(|late| late.p99 > 2.0) {
                let text = format!(
                    "at {} this machine sent late (p99 {} ms): the waits are in part its own",
                    level.name(),
                    millis(late.p99)
                );
                lines.push(output.paint(Tone::Warn, &text));
            }
        }
        lines.join("\n")
    }

    fn latencies(&self, output: Output) -> String {
        let headings =
            ["load", "accepted/s", "p50 ms", "p90", "p99", "p99.9", "max", "refused", "errors"];
        let rows = self.levels.iter().map(|level| {
            let waits = &level.latency_ms;
            [
                level.name(),
                thousands(level.accepted_per_second),
                millis(waits.p50),
                millis(waits.p90),
                millis(waits.p99),
                millis(waits.p999),
                millis(waits.max),
                counts(&level.refused),
                counts(&level.errors),
            ]
        });
        table(output, headings, rows)
    }

    fn rows(&self, output: Output) -> String {
        let headings = [
            "rows",
            "visible/s",
            "p50 ms",
            "p99",
            "max",
            "behind at end",
            "caught up in",
            "kept up",
        ];
        let rows = self.levels.iter().filter_map(|level| {
            let rows = level.rows.as_ref()?;
            let waits = &rows.reply_to_visible_ms;
            Some([
                level.name(),
                thousands(rows.visible_per_second),
                millis(waits.p50),
                millis(waits.p99),
                millis(waits.max),
                format!("{} events", rows.behind_at_end),
                rows.caught_up_in_ms.map_or("never".to_owned(), |it| format!("{} ms", millis(it))),
                if rows.kept_up { "yes".to_owned() } else { "no".to_owned() },
            ])
        });
        table(output, headings, rows)
    }
}

impl LevelTold {
    fn of(measured: Measured) -> Self {
        let Measured { level, counts, waits, late, rows, total: _ } = measured;
        let Level { pace, measured: time, .. } = level;
        let accepted_per_second = counts.accepted as f64 / time.as_secs_f64();
        let (in_flight, rate) = match pace {
            Pace::InFlight(count) => (Some(count), None),
            Pace::PerSecond(rate) => (None, Some(rate)),
        };
        Self {
            in_flight,
            rate,
            accepted: counts.accepted,
            accepted_per_second,
            refused: counts.refused,
            errors: counts.errors,
            latency_ms: waits.percentiles(),
            sent_late_ms: late.map(|late| late.percentiles()),
            rows: rows.map(|rows| RowsTold::of(&rows, time, accepted_per_second)),
        }
    }

    fn name(&self) -> String {
        match (self.in_flight, self.rate) {
            (Some(count), _) => format!("{count} in flight"),
            (None, rate) => format!("{} a second", rate.unwrap_or_default()),
        }
    }
}

impl RowsTold {
    fn of(rows: &MeasuredRows, time: Duration, accepted_per_second: f64) -> Self {
        let visible_per_second = rows.shown as f64 / time.as_secs_f64();
        let soon = rows.caught_up_in.is_some_and(|it| it <= KEPT_UP.1);
        Self {
            visible_per_second,
            reply_to_visible_ms: rows.waits.percentiles(),
            behind_at_end: rows.behind,
            caught_up_in_ms: rows.caught_up_in.map(|it| it.as_secs_f64() * 1_000.0),
            kept_up: soon && visible_per_second >= KEPT_UP.0 * accepted_per_second,
        }
    }
}

fn millis(millis: f64) -> String {
    if millis < 10.0 {
        format!("{millis:.2}")
    } else if millis < 100.0 {
        format!("{millis:.1}")
    } else {
        format!("{millis:.0}")
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "0".to_owned();
    }
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::{Counts, Waits};

    fn measured(accepted: u64, shown: i64) -> Measured {
        let mut waits = Waits::new();
        waits.add(Duration::from_millis(3));
        Measured {
            level: Level {
                pace: Pace::InFlight(8),
                warmup: Duration::ZERO,
                measured: Duration::from_secs(2),
            },
            counts: Counts { accepted, ..Counts::default() },
            total: Counts::default(),
            waits: waits.clone(),
            late: None,
            rows: Some(MeasuredRows {
                waits,
                shown,
                behind: 0,
                caught_up_in: Some(Duration::from_millis(20)),
            }),
        }
    }

    #[test]
    fn rows_keep_up_where_they_appear_as_fast_as_commands_are_accepted() {
        assert!(LevelTold::of(measured(20_000, 19_990)).rows.unwrap().kept_up);
        assert!(!LevelTold::of(measured(20_000, 15_000)).rows.unwrap().kept_up);
    }

    #[test]
    fn numbers_can_be_read() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!((millis(0.4712), millis(12.34), millis(345.6)).2, "346");
        assert_eq!(millis(0.4712), "0.47");
        assert_eq!(counts(&BTreeMap::from([("a".to_owned(), 2)])), "2 a");
    }

    #[test]
    fn a_level_without_an_accepted_command_says_nothing() {
        assert_eq!(LevelTold::of(measured(20_000, 0)).name(), "8 in flight");
        assert!((LevelTold::of(measured(20_000, 0)).accepted_per_second - 10_000.0).abs() < 0.1);
    }
}
