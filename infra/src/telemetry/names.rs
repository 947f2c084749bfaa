//! Every metric: its name, what it counts, in which unit, under which labels.

use metrics::Unit;

/// What is known of a metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// How it moves.
    pub kind: MetricKind,
    /// Its unit.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    about: &'static str,
}

impl Metric {
    /// What it says, in a sentence.
    #[must_use]
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }
}

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// Only up.
    Counter,
    /// Up and down.
    Gauge,
    /// A distribution, in these buckets.
    Histogram(&'static [f64]),
}

/// Seconds, from a tenth of a millisecond to ten seconds.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// How many at once.
const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0];

macro_rules! metrics_list {
    ($(#[doc = $about:literal] $constant:ident = $name:literal, $kind:expr, $unit:ident,
        [$($label:literal),*];)*) => {
        $(#[doc = $about] pub const $constant: &str = $name;)*

        /// Every metric.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name,
            kind: $kind,
            unit: Unit::$unit,
            labels: &[$($label),*],
            about: $about,
        }),*];
    };
}

use MetricKind::{Counter, Gauge, Histogram};

metrics_list! {
    /// Commands answered; the outcome is `accepted`, `duplicate`, or the code of the problem.
    COMMANDS = "annals_commands_total", Counter, Count, ["context", "command", "outcome"];
    /// From a command's arrival to its answer.
    COMMAND_DURATION = "annals_command_duration_seconds", Histogram(SECONDS), Seconds, ["context", "command"];
    /// Commands under way.
    COMMANDS_IN_FLIGHT = "annals_commands_in_flight", Gauge, Count, [];
    /// Replies that were not sent, since their subject is no client's inbox.
    REPLIES_WITHHELD = "annals_replies_withheld_total", Counter, Count, [];
    /// Events stored.
    EVENTS_APPENDED = "annals_events_appended_total", Counter, Count, ["context"];
    /// Commands that shared a commit.
    APPEND_BATCH_SIZE = "annals_append_batch_size", Histogram(COUNTS), Count, [];
    /// How long an append transaction takes.
    APPEND_DURATION = "annals_append_duration_seconds", Histogram(SECONDS), Seconds, [];
    /// Commands decided again, since a stream had moved on.
    APPEND_CONFLICTS = "annals_append_conflicts_total", Counter, Count, [];
    /// Aggregates kept in memory.
    CACHED_AGGREGATES = "annals_cached_aggregates", Gauge, Count, [];
    /// Aggregates read from the store, since they were not in memory.
    AGGREGATES_LOADED = "annals_aggregates_loaded_total", Counter, Count, ["context"];
    /// The last position of the event store.
    STORE_POSITION = "annals_store_position", Gauge, Count, [];
    /// Whether this process's relay is the active one.
    RELAY_ACTIVE = "annals_relay_active", Gauge, Count, [];
    /// Events stored but not published yet.
    RELAY_LAG = "annals_relay_lag_events", Gauge, Count, [];
    /// Events published.
    RELAY_PUBLISHED = "annals_relay_published_total", Counter, Count, ["context"];
    /// Streams filled again from the store, since they were lost or came back shorter.
    RELAY_REFILLS = "annals_relay_refills_total", Counter, Count, ["context"];
    /// The position up to which a projection's rows are written.
    PROJECTION_POSITION = "annals_projection_position", Gauge, Count, ["projection"];
    /// Events stored but not in a projection's rows yet.
    PROJECTION_LAG = "annals_projection_lag_events", Gauge, Count, ["projection"];
    /// The age of the oldest event that is not in a projection's rows yet.
    PROJECTION_LAG_SECONDS = "annals_projection_lag_seconds", Gauge, Seconds, ["projection"];
    /// How long a projection's transaction takes.
    PROJECTION_APPLY = "annals_projection_apply_seconds", Histogram(SECONDS), Seconds, ["projection"];
    /// Events that share a projection's transaction.
    PROJECTION_BATCH_SIZE = "annals_projection_batch_size", Histogram(COUNTS), Count, ["projection"];
    /// Transactions of a projection that failed and are tried again.
    PROJECTION_FAILURES = "annals_projection_failures_total", Counter, Count, ["projection"];
    /// Whether a projection stands still at an event it cannot apply.
    PROJECTION_PAUSED = "annals_projection_paused", Gauge, Count, ["projection"];
    /// How far a rebuild is, from 0 to 1.
    REBUILD_PROGRESS = "annals_rebuild_progress_ratio", Gauge, Count, ["context"];
    /// Events that are parked, since no projection could apply them.
    DEAD_LETTERS = "annals_dead_letters", Gauge, Count, ["projection"];
    /// Commands sent because of an event or a timer.
    REACTIONS = "annals_reactions_total", Counter, Count, ["reaction", "outcome"];
    /// The program that runs; always 1.
    BUILD_INFO = "annals_build_info", Gauge, Count, ["version"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_follow_prometheus_rules() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            assert!(metric.name.starts_with("annals_"), "{}", metric.name);
            assert!(metric.about().ends_with(['.', '1']), "{} has no sentence", metric.name);
            let total = metric.name.ends_with("_total");
            assert_eq!(total, metric.kind == Counter, "{}", metric.name);
            let seconds = metric.name.ends_with("_seconds");
            assert_eq!(seconds, metric.unit == Unit::Seconds, "{}", metric.name);
            let ids = metric.labels.iter().any(|label| label.ends_with("id"));
            assert!(!ids, "{} has an id for a label", metric.name);
        }
    }
}
