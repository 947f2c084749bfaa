//! What a deployment looks like at one moment, and what is wrong with that.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::reactors::Reactor;
use crate::ops::text::{count, number, span};

/// Waiting for so many seconds calls for a second look: does it move at all?
const LONG: f64 = 30.0;

/// A deployment at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Reading {
    /// When it was looked at.
    pub at: DateTime<Utc>,
    /// Whether nothing stands still and nothing that is needed is out of reach.
    pub ok: bool,
    /// What stands still or is out of reach, and what to do.
    pub faults: Vec<String>,
    /// What may be well.
    pub notes: Vec<String>,
    /// Versions of the programs.
    pub versions: Versions,
    /// The log.
    pub log: Log,
    /// Whether a relay works.
    pub relay_active: bool,
    /// The contexts.
    pub contexts: Vec<Context>,
    /// The key store.
    pub keys: Keys,
    /// NATS.
    pub nats: Nats,
}

/// Versions of the programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Versions {
    /// This program.
    pub annals: &'static str,
    /// Postgres.
    pub postgres: String,
    /// nats-server, where it answers.
    pub nats: Option<String>,
}

/// The log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Log {
    /// Position of the last event.
    pub position: i64,
    /// Time of the last event.
    pub recorded_at: Option<DateTime<Utc>>,
    /// Commands whose outcome is kept.
    pub commands: i64,
    /// Whether that is Postgres' estimate.
    pub commands_estimated: bool,
    /// How many events the newest signed checkpoint covers; none where nothing is signed.
    pub signed: Option<i64>,
    /// When that was signed.
    pub signed_at: Option<DateTime<Utc>>,
    /// Whether a notary works.
    pub notary_active: bool,
    /// Erasures that are not finished.
    pub erasures_open: i64,
    /// Exports that somebody asked for and that are not delivered.
    pub exports_waiting: i64,
    /// Whether anybody delivers exports.
    pub exporter_active: bool,
}

/// A context: its rows, its stream, its services.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Context {
    /// Its name.
    pub name: String,
    /// Its rows; none where the read model was never made.
    pub projection: Option<Projection>,
    /// Its published events; none where nothing was ever published.
    pub published: Option<Progress>,
    /// Its reactor; none where none ever worked.
    pub reactor: Option<Reactor>,
    /// Its stream, where NATS answers and holds it.
    pub stream: Option<Stream>,
    /// Events that could not be applied and wait for somebody to look.
    pub parked: i64,
    /// Events that an operator let be skipped.
    pub skipped: i64,
    /// Whether a rebuild fills a second schema, or was left half way.
    pub rebuilding: bool,
    /// Command services that answer; none where NATS does not.
    pub services: Option<usize>,
}

/// How far something is behind the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Progress {
    /// Position of the context's last event that it holds.
    pub position: i64,
    /// Counts its new beginnings.
    pub epoch: i64,
    /// Events of the context after that.
    pub lag_events: i64,
    /// Whether those were counted to the end of the log.
    pub lag_exact: bool,
    /// How long the oldest of those waits.
    pub lag_seconds: f64,
    /// Whether it did not move between two looks, though events wait.
    pub stalled: bool,
}

/// The rows of a context.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Projection {
    /// How far they are.
    #[serde(flatten)]
    pub progress: Progress,
    /// Whether a projector works on them.
    pub active: bool,
    /// Whether the tables are of another version of their files.
    pub stale: bool,
    /// Position of the event that cannot be applied.
    pub stopped_at: Option<i64>,
    /// Why it cannot be.
    pub error: Option<String>,
}

/// A stream of JetStream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Stream {
    /// Its name.
    pub name: String,
    /// Messages in it.
    pub messages: u64,
    /// Their size.
    pub bytes: u64,
    /// The last message's sequence.
    pub last_sequence: u64,
}

/// The key store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Keys {
    /// Whether it answers.
    pub reachable: bool,
    /// Keys of persons that are there.
    pub live: i64,
    /// Keys that were destroyed.
    pub destroyed: i64,
    /// Why it does not answer.
    pub error: Option<String>,
}

/// NATS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Nats {
    /// Whether it answers.
    pub reachable: bool,
    /// Why it does not.
    pub error: Option<String>,
}

impl Progress {
    /// Whether something waits for so long that it is worth a second look.
    pub fn is_late(&self) -> bool {
        self.lag_events > 0 && self.lag_seconds > LONG
    }

    /// "3 events", or more than were counted.
    fn waiting(&self) -> String {
        let events = count(self.lag_events, "event");
        if self.lag_exact { events } else { format!("more than {events}") }
    }

    /// "3 (2.0 s)".
    pub fn behind(&self) -> String {
        match (self.lag_events, self.lag_exact) {
            (0, true) => "0".to_owned(),
            // So many events of other contexts follow that counting stopped.
            (0, false) => "0…".to_owned(),
            (lag, exact) => {
                let more = if exact { "" } else { "+" };
                format!("{}{more} ({})", number(lag), span(self.lag_seconds))
            }
        }
    }
}

impl Reading {
    /// Whether somebody should look a second time before it is said what stands still.
    pub fn is_late(&self) -> bool {
        self.contexts.iter().any(|context| {
            context.projection.as_ref().is_some_and(|it| it.progress.is_late())
                || context.published.as_ref().is_some_and(Progress::is_late)
                || context.reactor.as_ref().is_some_and(|it| it.progress.is_late())
        })
    }

    /// Marks what is late and where an earlier look found it.
    pub fn compare(&mut self, earlier: &Self) {
        for context in &mut self.contexts {
            let Some(before) = earlier.contexts.iter().find(|it| it.name == context.name) else {
                continue;
            };
            let rows = before.projection.as_ref().map(|it| &it.progress);
            if let (Some(now), Some(before)) = (&mut context.projection, rows) {
                now.progress.stalled = stalled(&now.progress, before);
            }
            if let (Some(now), Some(before)) = (&mut context.published, &before.published) {
                now.stalled = stalled(now, before);
            }
            if let (Some(now), Some(before)) = (&mut context.reactor, &before.reactor) {
                now.progress.stalled = stalled(&now.progress, &before.progress);
            }
        }
    }

    /// Says what is wrong.
    pub fn judge(&mut self) {
        let mut faults: Vec<_> = self.contexts.iter().filter_map(of_rows).collect();
        faults.extend(self.contexts.iter().filter_map(|it| self.of_publishing(it)));
        faults.extend(self.contexts.iter().filter_map(|it| it.reactor.as_ref()?.fault(&it.name)));
        self.faults = faults;
        if let Some(error) = &self.keys.error {
            self.faults.push(format!("the key store does not answer: {error}"));
        }
        self.notes.clear();
        if let Some(error) = &self.nats.error {
            self.notes.push(format!("NATS does not answer here: {error}"));
        }
        for context in &self.contexts {
            if context.services == Some(0) {
                self.notes.push(format!("nobody takes commands of {}", context.name));
            }
            if context.rebuilding {
                let note =
                    "is being rebuilt, or a rebuild was left half way; run again, it goes on";
                self.notes.push(format!("{} {note}", context.name));
            }
        }
        self.ok = self.faults.is_empty();
    }

    fn of_publishing(&self, context: &Context) -> Option<String> {
        let published = context.published.as_ref()?;
        if published.lag_events == 0 {
            return None;
        }
        let name = &context.name;
        let wait = published.waiting();
        if !self.relay_active {
            return Some(format!(
                "nobody publishes: {wait} of {name} not on the stream. Run annals serve with the role \
                 relay"
            ));
        }
        published.stalled.then(|| {
            format!("publishing {name} stands still, {wait} behind: look into the relay's log")
        })
    }
}

fn stalled(now: &Progress, before: &Progress) -> bool {
    now.is_late() && now.position == before.position && now.epoch == before.epoch
}

/// What is wrong with a context's rows.
fn of_rows(context: &Context) -> Option<String> {
    let name = &context.name;
    let Some(rows) = &context.projection else {
        return Some(format!("there is no read model {name}: run annals migrate"));
    };
    if let Some(position) = rows.stopped_at {
        let why = rows.error.as_deref().unwrap_or("no reason is kept");
        return Some(format!(
            "{name} stands still at position {position}: {why}. Mend it and it goes on, or let it be \
             skipped with annals skip {name} {position} --reason …"
        ));
    }
    if rows.stale {
        return Some(format!(
            "the tables of {name} are of another version: run annals rebuild {name}"
        ));
    }
    if rows.progress.lag_events == 0 {
        return None;
    }
    let wait = rows.progress.waiting();
    if !rows.active {
        return Some(format!(
            "nobody projects {name}, {wait} behind. Run annals serve with the role projector"
        ));
    }
    rows.progress
        .stalled
        .then(|| format!("{name} stands still, {wait} behind: look into the projector's log"))
}

#[cfg(test)]
pub(super) mod tests {
    use annals_domain::testing::day;

    use super::*;

    pub fn reading() -> Reading {
        let progress = Progress { position: 9, epoch: 1, lag_exact: true, ..Progress::default() };
        let rows = Projection { progress: progress.clone(), active: true, ..Projection::default() };
        Reading {
            at: day(2),
            ok: true,
            faults: Vec::new(),
            notes: Vec::new(),
            versions: Versions { annals: "0.1.0", postgres: "18.1".into(), nats: None },
            log: Log { position: 9, recorded_at: Some(day(1)), ..Log::default() },
            relay_active: true,
            contexts: vec![Context {
                name: "lift".into(),
                projection: Some(rows),
                published: Some(progress),
                services: Some(1),
                ..Context::default()
            }],
            keys: Keys { reachable: true, live: 2, ..Keys::default() },
            nats: Nats { reachable: true, error: None },
        }
    }

    fn faults(change: impl FnOnce(&mut Reading)) -> String {
        let mut reading = reading();
        change(&mut reading);
        reading.judge();
        assert_eq!(reading.ok, reading.faults.is_empty());
        reading.faults.join("\n")
    }

    fn rows(reading: &mut Reading) -> &mut Projection {
        reading.contexts[0].projection.as_mut().unwrap()
    }

    #[test]
    fn nothing_is_wrong_where_all_is_published_and_projected() {
        assert_eq!(faults(|_| {}), "");
        // A few events on their way are how it should be.
        assert_eq!(faults(|it| rows(it).progress.lag_events = 3), "");
    }

    #[test]
    fn what_stands_still_is_named_with_what_to_do() {
        let stopped = faults(|it| {
            rows(it).stopped_at = Some(7);
            rows(it).error = Some("unknown event".into());
        });
        assert!(
            stopped.contains("position 7: unknown event") && stopped.contains("annals skip lift 7")
        );
        assert!(faults(|it| rows(it).stale = true).contains("annals rebuild lift"));
        assert!(faults(|it| it.contexts[0].projection = None).contains("annals migrate"));
        let alone = faults(|it| {
            rows(it).active = false;
            rows(it).progress.lag_events = 1;
        });
        assert!(alone.contains("nobody projects lift, 1 event behind"), "{alone}");
        let silent = faults(|it| {
            it.relay_active = false;
            it.contexts[0].published.as_mut().unwrap().lag_events = 2;
        });
        assert!(silent.contains("nobody publishes: 2 events of lift"), "{silent}");
        let keys = faults(|it| it.keys.error = Some("refused".into()));
        assert!(keys.contains("key store"), "{keys}");
    }

    #[test]
    fn a_standstill_shows_at_the_second_look() {
        let mut late = reading();
        rows(&mut late).progress =
            Progress { lag_events: 5, lag_seconds: 60.0, ..rows(&mut late).progress.clone() };
        assert!(late.is_late() && !reading().is_late());
        let mut moved = late.clone();
        rows(&mut moved).progress.position += 1;
        moved.compare(&late);
        assert!(!rows(&mut moved).progress.stalled);
        let mut same = late.clone();
        same.compare(&late);
        same.judge();
        assert!(same.faults[0].contains("lift stands still, 5 events behind"), "{:?}", same.faults);
    }

    #[test]
    fn what_may_be_well_is_a_note() {
        let mut it = reading();
        it.nats = Nats { reachable: false, error: Some("refused".into()) };
        it.contexts[0].services = Some(0);
        it.contexts[0].rebuilding = true;
        it.judge();
        assert!(it.ok && it.notes.len() == 3, "{:?}", it.notes);
    }

    #[test]
    fn how_far_behind_is_told_in_events_and_time() {
        let lag = |lag_events, lag_exact| {
            Progress { lag_events, lag_exact, lag_seconds: 2.0, ..Progress::default() }.behind()
        };
        assert_eq!([lag(0, true), lag(0, false)], ["0", "0…"]);
        assert_eq!([lag(3, true), lag(3, false)], ["3 (2.0 s)", "3+ (2.0 s)"]);
    }
}
