//! Long work, seen: a bar on a terminal, a line now and then elsewhere, JSON Lines on request.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::text::{number, span};
use crate::cli::{complain, say};

/// How often a line is written where nobody draws.
const EVERY: Duration = Duration::from_secs(2);

/// How far long work is, for whoever watches.
pub(super) struct Progress {
    /// What is counted, for example `events`.
    unit: &'static str,
    shown: Shown,
    began: Instant,
    written: Option<Instant>,
    first: Option<u64>,
}

enum Shown {
    Bar(ProgressBar),
    Lines,
    Json,
    Nothing,
}

impl Progress {
    /// Watched on the standard error output; as JSON Lines on the standard output where `json`.
    pub fn new(unit: &'static str, json: bool) -> Self {
        let shown = match (json, io::stderr().is_terminal()) {
            (true, _) => Shown::Json,
            (false, true) => Shown::Bar(bar()),
            (false, false) => Shown::Lines,
        };
        Self { unit, shown, began: Instant::now(), written: None, first: None }
    }

    /// A bar on a terminal, and nothing elsewhere.
    pub fn quiet(unit: &'static str, json: bool) -> Self {
        let mut progress = Self::new(unit, json);
        if !matches!(progress.shown, Shown::Bar(_)) {
            progress.shown = Shown::Nothing;
        }
        progress
    }

    /// Tells that `done` of `all` positions are passed, and `amount` things were done on the way.
    pub fn tell(&mut self, done: u64, all: u64, amount: u64) {
        let first = *self.first.get_or_insert(done);
        let seconds = self.began.elapsed().as_secs_f64();
        let now = Measure { done, all, amount, seconds, first };
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(all);
            bar.set_position(done);
            bar.set_message(now.in_words(self.unit));
            return;
        }
        if done < all && self.written.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        self.written = Some(Instant::now());
        match &self.shown {
            Shown::Json => say(&now.as_json().to_string()),
            Shown::Lines => complain(&format!("{done} of {all}: {}", now.in_words(self.unit))),
            Shown::Bar(_) | Shown::Nothing => {}
        }
    }

    /// Takes the bar away, and tells how long it took.
    pub fn end(self) -> Duration {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
        self.began.elapsed()
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:32} {percent:>3} % {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// How far it is, and how fast.
pub(crate) struct Measure {
    /// Positions passed.
    pub done: u64,
    /// Positions to pass.
    pub all: u64,
    /// Things done on the way.
    pub amount: u64,
    /// For how long.
    pub seconds: f64,
    /// Position at which it began.
    pub first: u64,
}

impl Measure {
    fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.amount as f64 / self.seconds } else { 0.0 }
    }

    /// Seconds that the rest will take at this pace; none before there is one.
    fn left(&self) -> Option<f64> {
        let passed = self.done.saturating_sub(self.first);
        let pace = (passed > 0).then(|| passed as f64 / self.seconds.max(0.001))?;
        Some(self.all.saturating_sub(self.done) as f64 / pace)
    }

    fn in_words(&self, unit: &str) -> String {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (amount, rate) = (number(whole(self.amount)), number(self.rate() as i64));
        let left = self.left().map(|left| format!(", {} left", span(left))).unwrap_or_default();
        format!("{amount} {unit}, {rate} a second{left}")
    }

    /// For programs.
    pub fn as_json(&self) -> Value {
        let rate = self.rate().round();
        json!({
            "progress": { "position": self.done, "head": self.all, "events": self.amount,
                          "events_per_second": rate, "seconds_left": self.left() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_and_rest_are_reckoned_from_where_the_work_began() {
        let it = Measure { done: 600, all: 1_000, amount: 250, seconds: 5.0, first: 100 };
        assert_eq!(it.in_words("events"), "250 events, 50 a second, 4.0 s left");
        let json = it.as_json();
        assert_eq!(json["progress"]["seconds_left"], 4.0);
        let begun = Measure { done: 100, all: 1_000, amount: 0, seconds: 0.0, first: 100 };
        assert_eq!(begun.in_words("events"), "0 events, 0 a second");
    }
}
