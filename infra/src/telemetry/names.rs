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
    /// Requests that get no answer: they name no reply subject, or one that is no client's inbox.
    REQUESTS_DROPPED = "annals_requests_dropped_total", Counter, Count, ["why"];
    /// Events stored.
    EVENTS_APPENDED = "annals_events_appended_total", Counter, Count, [];
    /// Events that shared a commit.
    APPEND_BATCH_SIZE = "annals_append_batch_size", Histogram(COUNTS), Count, [];
    /// How long an append transaction takes.
    APPEND_DURATION = "annals_append_duration_seconds", Histogram(SECONDS), Seconds, [];
    /// Commands decided again, since a stream had moved on.
    APPEND_CONFLICTS = "annals_append_conflicts_total", Counter, Count, [];
    /// Aggregates kept in memory.
    CACHED_AGGREGATES = "annals_cached_aggregates", Gauge, Count, [];
    /// The last position of the event store.
    STORE_POSITION = "annals_store_position", Gauge, Count, [];
    /// The position up to which events are published.
    RELAY_POSITION = "annals_relay_position", Gauge, Count, [];
    /// Events stored but not published yet.
    RELAY_LAG = "annals_relay_lag_events", Gauge, Count, [];
    /// Times that the relay began again after a failure.
    RELAY_RESTARTS = "annals_relay_restarts_total", Counter, Count, [];
    /// Streams filled again from the store, since they were lost or came back shorter.
    RELAY_REFILLS = "annals_relay_refills_total", Counter, Count, ["context"];
    /// Events published.
    EVENTS_PUBLISHED = "annals_events_published_total", Counter, Count, ["context"];
    /// The position up to which a context's rows are written.
    PROJECTION_POSITION = "annals_projection_position", Gauge, Count, ["context"];
    /// Events stored but not in a context's rows yet.
    PROJECTION_LAG = "annals_projection_lag_events", Gauge, Count, ["context"];
    /// How long ago the last event happened that a context's rows show.
    PROJECTION_LAG_SECONDS = "annals_projection_lag_seconds", Gauge, Seconds, ["context"];
    /// Events that a context's rows show.
    EVENTS_PROJECTED = "annals_events_projected_total", Counter, Count, ["context"];
    /// Times that a projector failed and began again.
    PROJECTION_FAILURES = "annals_projection_failures_total", Counter, Count, ["context"];
    /// Messages on an event stream that no stored event stands behind.
    FORGED_MESSAGES = "annals_forged_messages_total", Counter, Count, ["context"];
    /// Erasures that were carried out.
    ERASURES = "annals_erasures_total", Counter, Count, [];
    /// Times an erasure was begun and could not be ended; it is tried again.
    ERASER_FAILURES = "annals_eraser_failures_total", Counter, Count, [];
    /// Exports that somebody asked for and that were delivered.
    EXPORTS = "annals_exports_total", Counter, Count, ["context"];
    /// Times an export could not be delivered; it is tried again.
    EXPORT_FAILURES = "annals_export_failures_total", Counter, Count, ["context"];
    /// Reads of sensitive columns that became events.
    SENSITIVE_READS = "annals_sensitive_reads_total", Counter, Count, [];
    /// Times reads of sensitive columns could not become events; they are tried again.
    SENSITIVE_READ_FAILURES = "annals_sensitive_read_failures_total", Counter, Count, [];
    /// Events that are parked, since no projection could apply them.
    DEAD_LETTERS = "annals_dead_letters", Gauge, Count, ["context"];
    /// The position up to which a signed checkpoint covers the log.
    SIGNED_POSITION = "annals_signed_position", Gauge, Count, [];
    /// Times that no checkpoint could be signed.
    NOTARY_FAILURES = "annals_notary_failures_total", Counter, Count, [];
    /// Times that a witness refused to cosign: the log is not what it was, or the witness is another's.
    WITNESS_REFUSALS = "annals_witness_refusals_total", Counter, Count, [];
    /// Refusals that nobody was told of, since too many waited to be.
    SIGHTINGS_DROPPED = "annals_sightings_dropped_total", Counter, Count, [];
    /// Commands sent because of an event or a timer.
    REACTIONS = "annals_reactions_total", Counter, Count, ["reaction", "outcome"];
    /// The position up to which a context's events were reacted to.
    REACTOR_POSITION = "annals_reactor_position", Gauge, Count, ["context"];
    /// How long ago the last event happened that was reacted to.
    REACTOR_LAG_SECONDS = "annals_reactor_lag_seconds", Gauge, Seconds, ["context"];
    /// Events stored but not reacted to yet.
    REACTOR_LAG = "annals_reactor_lag_events", Gauge, Count, ["context"];
    /// Timers that are set.
    TIMERS = "annals_timers", Gauge, Count, ["context"];
    /// Times that a reactor failed and began again.
    REACTOR_FAILURES = "annals_reactor_failures_total", Counter, Count, ["context"];
    /// Timers that were due and handled.
    TIMERS_FIRED = "annals_timers_fired_total", Counter, Count, ["context"];
    /// Timers that were due and could not be handled.
    TIMER_FAILURES = "annals_timer_failures_total", Counter, Count, ["context"];
    /// The program that runs; always 1.
    BUILD_INFO = "annals_build_info", Gauge, Count, ["version"];
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// Every metric that a source file names in one of the macros.
    fn used(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                used(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for (at, _) in text.match_indices("!(\"annals_") {
                    let name = text[at + 3..].split('"').next().unwrap();
                    found.insert(name.to_owned());
                }
            }
        }
    }

    #[test]
    fn every_metric_that_is_used_is_described() {
        let mut found = BTreeSet::new();
        used(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        found.retain(|name| !ALL.iter().any(|metric| metric.name == name));
        assert!(found.is_empty(), "not in the list: {found:?}");
    }

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
