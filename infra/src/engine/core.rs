//! The loop.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use annals_commands::{ClaimChange, Code, Id, Need, Problem, States, Stop, Stream, Target, Work};
use annals_domain::Moment;
use chrono::{DateTime, Utc};
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use uuid::Uuid;

use super::{
    Parts,
    batch::{Building, Decided},
    cache::Cache,
    encode::{NotReady, encode},
    failpoint::failpoint,
    fence::is_fenced,
    load::{Loaded, load},
    reply::{Accepted, EventRef, Outcome, stored},
    submission::{Respond, Submission},
};
use crate::{
    sabotage::broken,
    store::{AppendError, Batch, NewEvent, Store, StoredOutcome, Writer},
};

/// How long a batch is sent again and again while it is not known whether it was stored.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the log is asked whether others wrote to it.
const FOLLOW: Duration = Duration::from_millis(250);
/// How often a command is decided again because what speaks against it has changed meanwhile.
const DOUBTS: u8 = 4;
/// A stream's state is kept each time it has grown by this many events.
const SNAPSHOT_EVERY: u64 = 100;

/// What tasks report back.
enum Report {
    Appended {
        result: Result<i64, AppendError>,
        at: DateTime<Utc>,
        unsure: bool,
    },
    Loaded(Loaded),
    Keys {
        subjects: Vec<String>,
        failed: Option<String>,
    },
    Known {
        submission: Box<Submission>,
        problem: Box<Problem>,
        looked_at: Vec<(Stream, u64)>,
        found: Found,
    },
    Duplicates {
        found: Found,
        unsure: bool,
        batch: Box<Building>,
    },
    /// Where the log ended, and what was known of it when it was asked.
    Head {
        head: i64,
        known: i64,
    },
    Followed {
        until: i64,
        streams: Option<Vec<(String, String)>>,
    },
}

type Found = Result<(Vec<StoredOutcome>, i64), String>;

/// Somebody else who waits for the answer to the same command.
struct Joined {
    fingerprint: [u8; 16],
    command_id: Arc<str>,
    respond: Respond,
}

/// The loop's state.
pub struct Core {
    parts: Parts,
    /// Of whoever appends; one does at a time.
    writer: Arc<Mutex<Writer>>,
    cache: Cache,
    building: Building,
    in_flight: Option<Building>,
    batch_number: u64,
    /// Commands on their way, by key, with those who asked the same again meanwhile.
    pending: HashMap<Uuid, Vec<Joined>>,
    waiting: HashMap<Need, Vec<Submission>>,
    wanted: Vec<Need>,
    /// What commands on their way are known to need, by key.
    asked: HashMap<Uuid, Vec<Need>>,
    waiting_keys: Vec<(HashSet<String>, Submission)>,
    wanted_keys: HashSet<String>,
    loading_keys: HashSet<String>,
    /// Commands that must not share a batch with what is on its way.
    deferred: Vec<Submission>,
    /// Commands to decide again, first come first.
    again: VecDeque<Submission>,
    /// This many commands go one by one: the store refused the batch they were in.
    one_by_one: usize,
    /// Up to here the log holds nothing that the cache does not know of.
    known_head: i64,
    /// The last position that somebody else wrote, as far as is known.
    last_foreign: i64,
    /// Ranges this engine stored above `known_head`.
    own: Vec<(i64, i64)>,
    following: bool,
    /// No event is given an earlier time.
    floor: DateTime<Utc>,
    head: Arc<AtomicI64>,
    back: mpsc::UnboundedSender<Report>,
    reports: Option<mpsc::UnboundedReceiver<Report>>,
}

impl Core {
    pub fn new(parts: Parts, head: Arc<AtomicI64>) -> Self {
        let (back, reports) = mpsc::unbounded_channel();
        Self {
            cache: Cache::new(parts.limits.cached),
            writer: Arc::new(Mutex::new(Writer::new(parts.store.clone()))),
            parts,
            building: Building::default(),
            in_flight: None,
            batch_number: 1,
            pending: HashMap::new(),
            waiting: HashMap::new(),
            wanted: Vec::new(),
            asked: HashMap::new(),
            waiting_keys: Vec::new(),
            wanted_keys: HashSet::new(),
            loading_keys: HashSet::new(),
            deferred: Vec::new(),
            again: VecDeque::new(),
            one_by_one: 0,
            known_head: 0,
            last_foreign: 0,
            own: Vec::new(),
            following: false,
            floor: DateTime::UNIX_EPOCH,
            head,
            back,
            reports: Some(reports),
        }
    }

    pub async fn run(mut self, mut inbox: mpsc::Receiver<Submission>) {
        let Some(mut reports) = self.reports.take() else { return };
        let mut follow = interval(FOLLOW);
        follow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut arrived = Vec::new();
        let mut open = true;
        while open || !self.pending.is_empty() {
            let room = self.has_room()
                && self.again.is_empty()
                && self.pending.len() < self.parts.limits.waiting;
            tokio::select! {
                biased;
                Some(report) = reports.recv() => {
                    self.take(report);
                    while let Ok(report) = reports.try_recv() {
                        self.take(report);
                    }
                }
                count = inbox.recv_many(&mut arrived, 256), if open && room => {
                    open = count > 0;
                    for submission in arrived.drain(..) {
                        self.admit(submission);
                    }
                }
                _ = follow.tick() => self.ask_for_head(),
            }
            self.turn();
        }
    }

    fn has_room(&self) -> bool {
        let limits = &self.parts.limits;
        let alone = self.one_by_one > 0 && !self.building.is_empty();
        !alone && !self.building.is_full(limits.batch_events, limits.batch_bytes)
    }

    /// What is done after each wake-up: decide again what has to be, ask for what is missing, commit.
    fn turn(&mut self) {
        while self.has_room()
            && let Some(submission) = self.again.pop_front()
        {
            self.decide(submission);
        }
        self.cache.forget_claims();
        self.fetch();
        self.send();
        metrics::gauge!("annals_commands_in_flight").set(count(self.pending.len()));
        metrics::gauge!("annals_cached_aggregates").set(count(self.cache.len()));
    }

    /// A command arrives.
    fn admit(&mut self, submission: Submission) {
        if let Some(joined) = self.pending.get_mut(&submission.key) {
            joined.push(Joined {
                fingerprint: submission.fingerprint,
                command_id: submission.command_id,
                respond: submission.respond,
            });
            return;
        }
        self.pending.insert(submission.key, Vec::new());
        failpoint("received");
        self.decide(submission);
    }

    /// Decides a command on what is in memory.
    fn decide(&mut self, mut submission: Submission) {
        submission.attempts = submission.attempts.saturating_add(1);
        if submission.attempts > self.parts.limits.attempts {
            let problem = Problem::new(
                &Code::StoreUnavailable,
                "what this command depends on kept changing; send it again under the same id",
            );
            self.answer(submission, problem.into());
            return;
        }
        let now = self.parts.clock.now().max(self.floor);
        let moment = Moment::new(now, submission.actor.id, submission.key);
        if submission.id.is_none() {
            match submission.target {
                Target::New => submission.id = Some(Id::from(fresh_id(&submission, now)).0),
                Target::Actor => submission.id = Some(Id::from(submission.actor.id).0),
                Target::Given => {
                    let problem = Problem::new(&Code::InvalidField, "the command needs an id")
                        .at("/id", "the id of the aggregate it is for");
                    self.unless_known(submission, problem);
                    return;
                }
            }
        }
        let id = submission.id.clone().unwrap_or_else(|| Arc::from(""));
        if is_fenced(&self.parts.keys, &submission, &id) {
            let detail = "the person this is about was erased; nothing more is asked about them";
            return self.unless_known(submission, Problem::new(&Code::Erased, detail));
        }
        let mut work = Work::new(&self.cache, &submission.actor, &moment);
        work.reason.clone_from(&submission.reason);
        let target = Stream { kind: submission.aggregate.name, id };
        let handled = catch_unwind(AssertUnwindSafe(|| {
            let handled = submission.request.handle(&mut work, &target.id);
            // Of what lies elsewhere nothing is kept, not even that a rule stands against it.
            let kept = matches!(handled, Ok(()) | Err(Stop::Refused(_)));
            match self.parts.catalogue.context(submission.context).filter(|_| kept) {
                Some(context) => {
                    context.resident(&mut work, &target, &self.parts.region).and(handled)
                }
                None => handled,
            }
        }))
        .unwrap_or_else(|_| Err(Stop::Fault("the handler panicked".to_owned())));
        let Work { tenant, mut appended, mut reads, claims, .. } = work;
        let mut refused = None;
        match handled {
            Ok(()) => {}
            Err(Stop::Missing(need)) => return self.park(need, submission),
            Err(Stop::Refused(refusal)) => {
                appended.clear();
                match self.refusal_events(&submission, &target, &moment, &refusal) {
                    Ok((events, read)) => {
                        appended.extend(events);
                        reads.extend(read);
                    }
                    Err(need) => return self.park(need, submission),
                }
                refused = Some(refusal);
            }
            Err(stop) => return self.unless_stale(submission, problem(stop), reads),
        }
        if let Some(expected) = submission.expected_version {
            match self.cache.state(&target).map(|(_, version)| version) {
                None => return self.park(Need::Stream(target), submission),
                Some(version) if version != expected => {
                    let detail = format!("expected version {expected}, it is {version}");
                    let mut conflict = Problem::new(&Code::VersionConflict, detail)
                        .at("/expected_version", "not the present version")
                        .hint("read it again, and send a new command with a new id");
                    conflict.version = Some(version);
                    return self.unless_stale(submission, conflict, vec![(target, version)]);
                }
                Some(_) => {}
            }
        }
        let tenant = match (&tenant, &refused) {
            (Some(tenant), _) => Arc::clone(tenant),
            (None, Some(_)) => Id::from(submission.actor.id).0,
            (None, None) if appended.is_empty() => Arc::from(""),
            (None, None) => {
                let stop = Stop::Fault("the handler names no tenant".to_owned());
                return self.unless_known(submission, problem(stop));
            }
        };
        let claims = if refused.is_some() { Vec::new() } else { claims };
        let touched = self.building.meets(&claims)
            || self.in_flight.as_ref().is_some_and(|batch| batch.meets(&claims));
        if touched {
            submission.attempts = submission.attempts.saturating_sub(1);
            self.deferred.push(submission);
            return;
        }
        let most = self.parts.limits.event_bytes;
        let events = match encode(&self.parts.keys, &submission, &tenant, &moment, &appended, most)
        {
            Ok(events) => events,
            Err(NotReady::Keys(subjects)) => return self.park_for_keys(subjects, submission),
            Err(NotReady::Erased) => {
                let detail = "the person this is about was erased; nothing more is kept of them";
                return self.unless_known(submission, Problem::new(&Code::Erased, detail));
            }
            Err(NotReady::TooLarge) => {
                let detail = format!("an event of it would be larger than {most} bytes");
                return self.unless_known(submission, Problem::new(&Code::TooLarge, detail));
            }
            Err(NotReady::Fault(fault)) => {
                return self.unless_known(submission, problem(Stop::Fault(fault)));
            }
        };
        for (stream, version) in &reads {
            // A stream that this batch has changed already was guarded before it did.
            self.building.guard(stream, *version);
        }
        for (stream, _) in &reads {
            self.cache.touch(stream);
        }
        if submission.dry_run {
            return self.answer_dry_run(submission, &target, &events, refused.as_ref());
        }
        for it in &appended {
            if !self.cache.evolve(&it.stream, it.event.as_ref(), it.sequence, self.batch_number) {
                // Cannot be: the handler loaded it. What is cached is not to be trusted then.
                self.cache.forget(&it.stream);
                let fault = format!("{:?} could not move on", it.stream);
                return self.unless_known(submission, problem(Stop::Fault(fault)));
            }
            self.building.changed.insert(it.stream.clone());
        }
        self.keep(submission, &target, events, refused.as_ref(), claims);
    }

    /// Puts a decided command into the batch.
    fn keep(
        &mut self,
        submission: Submission,
        target: &Stream,
        events: Vec<NewEvent>,
        refused: Option<&annals_domain::Refused>,
        claims: Vec<ClaimChange>,
    ) {
        failpoint("decided");
        let version = self.cache.entry(target).map_or(0, |entry| entry.version);
        let last_of_target = events
            .iter()
            .rposition(|it| it.aggregate_type == target.kind && it.aggregate_id == target.id)
            .and_then(|nth| i32::try_from(nth).ok());
        let (outcome, kept) = match refused {
            Some(refusal) => {
                let mut problem = Problem::refused(refusal);
                problem.command_id = Some(submission.command_id.to_string());
                let kept = problem.to_json();
                (Outcome::from(problem), Some(kept))
            }
            None => {
                let accepted = accepted(&submission, target, version, &events);
                // Put together again from the events, unless they do not say what was addressed.
                let kept = last_of_target.is_none().then(|| serde_json::to_string(&accepted));
                let kept = kept.transpose().ok().flatten();
                (Outcome::Accepted(accepted), kept)
            }
        };
        let target = if refused.is_some() { None } else { last_of_target };
        self.building.push(submission, outcome, events, target, claims, kept);
    }

    fn answer_dry_run(
        &mut self,
        submission: Submission,
        target: &Stream,
        events: &[NewEvent],
        refused: Option<&annals_domain::Refused>,
    ) {
        let outcome = match refused {
            Some(refusal) => Problem::refused(refusal).into(),
            None => {
                let grown = events
                    .iter()
                    .filter(|it| it.aggregate_type == target.kind && it.aggregate_id == target.id)
                    .count();
                let before = self.cache.entry(target).map_or(0, |entry| entry.version);
                let version = before + u64::try_from(grown).unwrap_or_default();
                let accepted = accepted(&submission, target, version, events);
                Outcome::Accepted(Accepted { position: 0, dry_run: true, ..accepted })
            }
        };
        self.answer(submission, outcome);
    }

    /// What a context records of a refusal.
    #[allow(clippy::type_complexity, reason = "events and reads, as a Work has them")]
    fn refusal_events(
        &self,
        submission: &Submission,
        target: &Stream,
        moment: &Moment,
        refused: &annals_domain::Refused,
    ) -> Result<(Vec<annals_commands::Appended>, Vec<(Stream, u64)>), Need> {
        let context =
            self.parts.catalogue.contexts().iter().find(|it| it.name == submission.context);
        let Some(record) = context.and_then(|context| context.on_refused) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let mut work = Work::new(&self.cache, &submission.actor, moment);
        let refusal = annals_commands::catalogue::Refusal {
            command: &submission.command,
            command_id: &submission.command_id,
            target,
            refused,
        };
        match record(&mut work, &refusal) {
            Ok(()) => Ok((work.appended, work.reads)),
            Err(Stop::Missing(need)) => Err(need),
            Err(stop) => {
                tracing::error!(?stop, "a refusal could not be recorded");
                Ok((Vec::new(), Vec::new()))
            }
        }
    }

    fn park(&mut self, need: Need, submission: Submission) {
        self.foresee(&need, &submission);
        // Waiting for a load is not the command's fault, but a handler that never stops asking is.
        if let Some(waiting) = self.waiting.get_mut(&need) {
            waiting.push(submission);
            return;
        }
        self.wanted.push(need.clone());
        self.waiting.insert(need, vec![submission]);
    }

    /// Asks together for all that a command is known to need. Who holds a claim is looked up anew for
    /// each decision, since others may change it at any time; a command with two claims would wait
    /// for the one and lose the other for ever, were they asked for one after the other.
    fn foresee(&mut self, need: &Need, submission: &Submission) {
        let is_claim = matches!(need, Need::Claim(_));
        let asked = match self.asked.entry(submission.key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let needs = submission.request.needs();
                if needs.is_empty() && !is_claim {
                    return;
                }
                new.insert(needs)
            }
        };
        if is_claim && !asked.contains(need) {
            asked.push(need.clone());
        }
        let known: HashSet<&Need> = self.wanted.iter().collect();
        let held = |it: &Need| matches!(it, Need::Stream(stream) if self.cache.holds(stream));
        let more: Vec<Need> = asked
            .iter()
            .filter(|it| *it != need && !known.contains(it) && !held(it))
            .cloned()
            .collect();
        self.wanted.extend(more);
    }

    fn park_for_keys(&mut self, subjects: Vec<String>, submission: Submission) {
        for subject in &subjects {
            if !self.loading_keys.contains(subject) {
                self.wanted_keys.insert(subject.clone());
            }
        }
        self.waiting_keys.push((subjects.into_iter().collect(), submission));
    }

    /// Asks for everything that is missing, at once.
    fn fetch(&mut self) {
        if !self.wanted.is_empty() {
            let needs = std::mem::take(&mut self.wanted);
            let (parts, back) = (self.parts.clone(), self.back.clone());
            tokio::spawn(async move {
                let loaded = load(&parts.store, &parts.keys, &parts.catalogue, needs).await;
                let _ = back.send(Report::Loaded(loaded));
            });
        }
        if !self.wanted_keys.is_empty() {
            let subjects: Vec<String> = self.wanted_keys.drain().collect();
            self.loading_keys.extend(subjects.iter().cloned());
            let (keys, back) = (Arc::clone(&self.parts.keys), self.back.clone());
            tokio::spawn(async move {
                let failed = keys.ensure(&subjects).await.err().map(|error| error.to_string());
                let _ = back.send(Report::Keys { subjects, failed });
            });
        }
    }

    /// Sends the batch, if there is one and the writer is free.
    fn send(&mut self) {
        if self.in_flight.is_some() || self.building.is_empty() {
            return;
        }
        let mut building = std::mem::take(&mut self.building);
        building.close();
        let at = self.parts.clock.now().max(self.floor);
        let at = DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
        self.floor = at;
        let snapshots = self.snapshots(&building);
        #[cfg(feature = "sabotage")]
        building.decided.iter_mut().for_each(|it| {
            crate::sabotage::answer(&mut it.submission, &it.outcome, self.known_head + it.last)
        });
        let batch = std::mem::take(&mut building.batch);
        let (store, back) = (self.parts.store.clone(), self.back.clone());
        let writer = Arc::clone(&self.writer);
        let expected = self.known_head;
        metrics::histogram!("annals_append_batch_size").record(count(batch.events.len()));
        self.in_flight = Some(building);
        self.batch_number += 1;
        tokio::spawn(async move {
            let began = std::time::Instant::now();
            let report = append(&mut *writer.lock().await, &batch, expected, at).await;
            metrics::histogram!("annals_append_duration_seconds")
                .record(began.elapsed().as_secs_f64());
            let stored = matches!(report, Report::Appended { result: Ok(_), .. });
            let _ = back.send(report);
            if stored {
                for (stream, version, form, state) in snapshots {
                    let version = i64::try_from(version).unwrap_or_default();
                    let kept =
                        store.keep_snapshot(stream.kind, &stream.id, version, form, &state).await;
                    if let Err(error) = kept {
                        tracing::warn!(?stream, %error, "a snapshot was not kept");
                    }
                }
            }
        });
    }

    fn snapshots(&self, building: &Building) -> Vec<(Stream, u64, i64, serde_json::Value)> {
        let mut snapshots = Vec::new();
        for stream in &building.changed {
            let Some(entry) = self.cache.entry(stream) else { continue };
            let before = building.version_before(stream);
            if before / SNAPSHOT_EVERY == entry.version / SNAPSHOT_EVERY {
                continue;
            }
            let form = self.parts.catalogue.aggregate(stream.kind).map_or(0, |it| it.state_version);
            match entry.state.snapshot() {
                Ok(state) => {
                    snapshots.push((stream.clone(), entry.version, i64::from(form), state));
                }
                Err(error) => tracing::warn!(?stream, %error, "a state has no JSON"),
            }
        }
        snapshots
    }

    /// A task reports back.
    fn take(&mut self, report: Report) {
        match report {
            Report::Appended { result, at, unsure } => self.appended(result, at, unsure),
            Report::Loaded(loaded) => self.loaded(loaded),
            Report::Keys { subjects, failed } => self.keys_loaded(&subjects, failed),
            Report::Known { submission, problem, looked_at, found } => {
                self.known(*submission, *problem, &looked_at, found);
            }
            Report::Duplicates { found, unsure, batch } => {
                self.duplicates(found, unsure, *batch);
            }
            Report::Head { head, known } if head < known => self.put_back(head),
            Report::Head { head, .. } => {
                if self.in_flight.is_none() && self.building.is_empty() && head > self.known_head {
                    self.follow(head);
                }
            }
            Report::Followed { until, streams } => self.followed(until, streams),
        }
    }

    fn appended(&mut self, result: Result<i64, AppendError>, at: DateTime<Utc>, unsure: bool) {
        let Some(batch) = self.in_flight.take() else { return };
        self.floor = self.floor.max(at);
        self.one_by_one = self.one_by_one.saturating_sub(batch.decided.len());
        match result {
            Ok(base) => {
                failpoint("committed");
                self.committed(base, batch);
            }
            Err(AppendError::Stale(streams)) => {
                metrics::counter!("annals_append_conflicts_total").increment(1);
                for (kind, id) in &streams {
                    if let Some(stream) = self.stream(kind, id) {
                        self.cache.forget(&stream);
                    }
                }
                self.undo(batch);
            }
            Err(AppendError::ClaimHeld | AppendError::SequenceTaken) => {
                metrics::counter!("annals_append_conflicts_total").increment(1);
                self.undo(batch);
            }
            Err(AppendError::KnownCommand) => {
                let keys: Vec<Uuid> = batch.decided.iter().map(|it| it.submission.key).collect();
                self.forget_changed(&batch);
                let (store, back) = (self.parts.store.clone(), self.back.clone());
                tokio::spawn(async move {
                    let found = look_up(&store, &keys).await;
                    let _ = back.send(Report::Duplicates { found, unsure, batch: Box::new(batch) });
                });
                self.undo(Building::default());
            }
            Err(AppendError::ClockBehind(_)) => self.undo(batch),
            Err(AppendError::Refused(why)) if batch.decided.len() > 1 => {
                tracing::error!(%why, "the store refuses a batch; its commands go one by one");
                self.one_by_one = batch.decided.len() + self.building.len();
                self.undo(batch);
            }
            Err(AppendError::Refused(why)) => {
                tracing::error!(%why, "the store refuses a command");
                self.fail(batch, &Code::Internal, "the store refuses what this would write");
            }
            Err(AppendError::Unknown(why)) => {
                tracing::error!(%why, "the store does not answer");
                let detail =
                    "it is not known whether this was stored; send it again under the same id";
                let code = if broken("unknown_as_refused") {
                    Code::VersionConflict
                } else {
                    Code::StoreUnavailable
                };
                self.fail(batch, &code, detail);
            }
        }
        let deferred = std::mem::take(&mut self.deferred);
        self.again.extend(deferred);
    }

    fn committed(&mut self, base: i64, batch: Building) {
        let size = batch.decided.iter().map(|it| it.last).max().unwrap_or_default();
        let end = base + size;
        if base < self.known_head {
            self.put_back(end);
        } else if base == self.known_head {
            self.known_head = end;
        } else {
            self.own.push((base, end));
            self.last_foreign = self.last_foreign.max(base);
            self.follow(base);
        }
        if size > 0 {
            self.head.fetch_max(end, Ordering::Relaxed);
            metrics::gauge!("annals_store_position").set(end as f64);
            metrics::counter!("annals_events_appended_total")
                .increment(u64::try_from(size).unwrap_or_default());
            (self.parts.on_commit)(end);
        }
        for Decided { submission, outcome, last } in batch.decided {
            let outcome = match outcome {
                Outcome::Accepted(accepted) => {
                    let position = if last > 0 { base + last } else { base };
                    Outcome::Accepted(Accepted { position, ..accepted })
                }
                problem @ Outcome::Problem(_) => problem,
            };
            self.answer(submission, outcome);
        }
    }

    fn forget_changed(&mut self, batch: &Building) {
        for stream in &batch.changed {
            self.cache.forget(stream);
        }
    }

    /// A batch failed: all that was built on it is decided again.
    fn undo(&mut self, batch: Building) {
        self.forget_changed(&batch);
        let building = std::mem::take(&mut self.building);
        self.forget_changed(&building);
        let decided = batch.decided.into_iter().chain(building.decided);
        self.again.extend(decided.map(|it| it.submission));
    }

    /// A batch failed for good.
    fn fail(&mut self, batch: Building, code: &Code, detail: &str) {
        self.forget_changed(&batch);
        for Decided { submission, .. } in batch.decided {
            self.answer(submission, Problem::new(code, detail).into());
        }
        self.undo(Building::default());
    }

    fn loaded(&mut self, loaded: Loaded) {
        if let Some(why) = &loaded.failed {
            tracing::error!(%why, "streams could not be loaded");
            for need in &loaded.needs {
                for submission in self.waiting.remove(need).unwrap_or_default() {
                    let detail = "what this command depends on cannot be read now";
                    let problem = Problem::new(&Code::StoreUnavailable, detail);
                    self.answer(submission, problem.into());
                }
            }
            return;
        }
        // What somebody else wrote after the streams were read, and was followed meanwhile, is missing
        // from what was read: then it is asked for again.
        let settled = self.batch_number.saturating_sub(2);
        for (stream, state, version) in loaded.streams {
            if loaded.head >= self.last_foreign && !self.cache.holds(&stream) {
                self.cache.insert(stream, state, version, settled);
            }
        }
        for (claim, holder) in loaded.claims {
            self.cache.insert_claim(claim, holder);
        }
        for need in loaded.needs {
            let waiting = self.waiting.remove(&need).unwrap_or_default();
            for mut submission in waiting {
                submission.attempts = submission.attempts.saturating_sub(1);
                self.again.push_back(submission);
            }
        }
    }

    fn keys_loaded(&mut self, subjects: &[String], failed: Option<String>) {
        for subject in subjects {
            self.loading_keys.remove(subject);
        }
        for (wanted, mut submission) in std::mem::take(&mut self.waiting_keys) {
            if !wanted.iter().any(|it| subjects.contains(it)) {
                self.waiting_keys.push((wanted, submission));
            } else if let Some(why) = &failed {
                tracing::error!(%why, "keys could not be had");
                let problem =
                    Problem::new(&Code::StoreUnavailable, "the key store does not answer");
                self.answer(submission, problem.into());
            } else {
                submission.attempts = submission.attempts.saturating_sub(1);
                self.again.push_back(submission);
            }
        }
    }

    /// Answers with a problem that is not kept, unless the command had an outcome before, and unless
    /// somebody else wrote what the problem does not know of yet.
    fn unless_known(&mut self, submission: Submission, problem: Problem) {
        self.unless_stale(submission, problem, Vec::new());
    }

    /// The same for a problem that comes of these streams: where they turn out to have changed
    /// meanwhile, the command is decided again.
    fn unless_stale(
        &mut self,
        submission: Submission,
        problem: Problem,
        looked_at: Vec<(Stream, u64)>,
    ) {
        let (store, back, key) = (self.parts.store.clone(), self.back.clone(), submission.key);
        tokio::spawn(async move {
            let found = look_up(&store, &[key]).await;
            let (submission, problem) = (Box::new(submission), Box::new(problem));
            let _ = back.send(Report::Known { submission, problem, looked_at, found });
        });
    }

    fn known(
        &mut self,
        submission: Submission,
        problem: Problem,
        looked_at: &[(Stream, u64)],
        found: Found,
    ) {
        match found {
            Err(why) => {
                tracing::error!(%why, "outcomes cannot be read");
                let detail = "the event store does not answer";
                self.answer(submission, Problem::new(&Code::StoreUnavailable, detail).into());
            }
            Ok((outcomes, head)) => {
                if let Some(kept) = outcomes.first() {
                    let outcome =
                        answer_kept(&submission.command_id, &submission.fingerprint, kept);
                    self.answer(submission, outcome);
                } else if head > self.known_head && self.in_flight.is_none() {
                    self.follow(head);
                    self.deferred.push(submission);
                } else if submission.attempts < DOUBTS && self.has_changed(looked_at) {
                    self.again.push_back(submission);
                } else {
                    self.answer(submission, problem.into());
                }
            }
        }
    }

    /// Whether streams have other versions now, or were forgotten because others wrote to them.
    fn has_changed(&self, looked_at: &[(Stream, u64)]) -> bool {
        looked_at.iter().any(|(stream, version)| {
            self.cache.entry(stream).is_none_or(|entry| entry.version != *version)
        })
    }

    /// Some commands of a batch have an outcome: those get it, the others are decided again.
    fn duplicates(&mut self, found: Found, unsure: bool, batch: Building) {
        match found {
            Err(why) => {
                tracing::error!(%why, "outcomes cannot be read");
                let detail =
                    "it is not known whether this was stored; send it again under the same id";
                self.fail(batch, &Code::StoreUnavailable, detail);
            }
            Ok((outcomes, _)) => {
                let kept: HashMap<Uuid, StoredOutcome> =
                    outcomes.into_iter().map(|it| (it.key, it)).collect();
                for Decided { submission, outcome: ours, .. } in batch.decided {
                    match kept.get(&submission.key) {
                        None => self.again.push_back(submission),
                        Some(kept) => {
                            let mut outcome =
                                answer_kept(&submission.command_id, &submission.fingerprint, kept);
                            // Stored by this very batch, whose first answer got lost on its way: the
                            // events are those that it had.
                            if let (true, Outcome::Accepted(kept), Outcome::Accepted(ours)) =
                                (unsure, &mut outcome, &ours)
                                && kept.events == ours.events
                            {
                                kept.duplicate = false;
                            }
                            self.answer(submission, outcome);
                        }
                    }
                }
            }
        }
    }

    /// Gives everybody who waits for it the answer.
    fn answer(&mut self, mut submission: Submission, mut outcome: Outcome) {
        if let Outcome::Problem(problem) = &mut outcome
            && problem.command_id.is_none()
        {
            problem.command_id = Some(submission.command_id.to_string());
        }
        self.asked.remove(&submission.key);
        for joined in self.pending.remove(&submission.key).unwrap_or_default() {
            let mut copy = outcome.clone();
            if joined.fingerprint == submission.fingerprint {
                match &mut copy {
                    Outcome::Accepted(accepted) => accepted.duplicate = !accepted.dry_run,
                    Outcome::Problem(problem) => problem.duplicate = problem.status == 422,
                }
            } else {
                copy = reused(&joined.command_id);
            }
            (joined.respond)(copy);
        }
        failpoint("replying");
        let respond = std::mem::replace(&mut submission.respond, Box::new(|_| {}));
        respond(outcome);
    }

    fn ask_for_head(&mut self) {
        if self.in_flight.is_some() || self.following {
            return;
        }
        let (store, back) = (self.parts.store.clone(), self.back.clone());
        let known = self.known_head;
        tokio::spawn(async move {
            if let Ok(head) = store.head().await {
                let _ = back.send(Report::Head { head, known });
            }
        });
    }

    /// The log ends before what is known of it: it was put back to an older state, and nothing in memory holds any
    /// more.
    fn put_back(&mut self, head: i64) {
        tracing::error!(known = self.known_head, head, "the log was put back to an older state");
        self.cache.clear();
        self.own.clear();
        (self.known_head, self.last_foreign) = (head, 0);
        self.head.store(head, Ordering::Relaxed);
        self.undo(Building::default());
        let deferred = std::mem::take(&mut self.deferred);
        self.again.extend(deferred);
    }

    /// Finds out what others wrote up to a position.
    fn follow(&mut self, until: i64) {
        if self.following || until <= self.known_head {
            return;
        }
        self.following = true;
        let (store, back, from) = (self.parts.store.clone(), self.back.clone(), self.known_head);
        // A fresh cache has nothing to forget.
        let nothing = self.cache.len() == 0 && self.building.is_empty() && self.in_flight.is_none();
        tokio::spawn(async move {
            let streams =
                if nothing { Some(Vec::new()) } else { store.changed(from, until).await.ok() };
            let _ = back.send(Report::Followed { until, streams });
        });
    }

    fn followed(&mut self, until: i64, streams: Option<Vec<(String, String)>>) {
        self.following = false;
        let Some(streams) = streams else { return };
        let mut rebuild = false;
        for (kind, id) in &streams {
            let Some(stream) = self.stream(kind, id) else { continue };
            // What is on its way is compared with the log when it gets there.
            let on_its_way = self.in_flight.as_ref().is_some_and(|it| it.depends_on(&stream));
            rebuild |= self.building.depends_on(&stream);
            if !on_its_way {
                self.cache.forget(&stream);
            }
        }
        if rebuild {
            let building = std::mem::take(&mut self.building);
            self.forget_changed(&building);
            self.again.extend(building.decided.into_iter().map(|it| it.submission));
        }
        self.last_foreign = self.last_foreign.max(until);
        self.known_head = self.known_head.max(until);
        self.head.fetch_max(self.known_head, Ordering::Relaxed);
        self.own.sort_unstable();
        while let Some((base, end)) = self.own.first().copied() {
            if base > self.known_head {
                return self.follow(base);
            }
            self.known_head = self.known_head.max(end);
            self.own.remove(0);
        }
        let deferred = std::mem::take(&mut self.deferred);
        self.again.extend(deferred);
    }

    fn stream(&self, kind: &str, id: &str) -> Option<Stream> {
        let kind = self.parts.catalogue.aggregate(kind)?.name;
        Some(Stream { kind, id: Arc::from(id) })
    }
}

/// The id of an aggregate that a command makes, apart from the ids that its decision draws.
fn fresh_id(submission: &Submission, now: DateTime<Utc>) -> Uuid {
    let seed = Uuid::new_v5(&submission.key, b"target");
    Moment::new(now, submission.actor.id, seed).new_id()
}

/// Sends a batch until it is known what became of it, or patience ends.
async fn append(writer: &mut Writer, batch: &Batch, expected: i64, at: DateTime<Utc>) -> Report {
    let (mut at, mut unsure, mut pause) = (at, false, Duration::from_millis(20));
    let deadline = Instant::now() + PATIENCE;
    loop {
        #[cfg(feature = "sabotage")]
        crate::sabotage::publish(batch, expected, at).await;
        failpoint("appending");
        match writer.append(batch, expected, at).await {
            Err(AppendError::ClockBehind(log)) if log > at => at = log,
            Err(AppendError::Unknown(why))
                if Instant::now() < deadline && !broken("unknown_as_refused") =>
            {
                tracing::warn!(%why, "an append is sent again");
                unsure = true;
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(500));
            }
            result => return Report::Appended { result, at, unsure },
        }
    }
}

async fn look_up(store: &Store, keys: &[Uuid]) -> Found {
    let outcomes = store.outcomes(keys).await.map_err(|error| error.to_string())?;
    let head = store.head().await.map_err(|error| error.to_string())?;
    Ok((outcomes, head))
}

fn answer_kept(command_id: &str, fingerprint: &[u8; 16], kept: &StoredOutcome) -> Outcome {
    if kept.fingerprint != fingerprint {
        return reused(command_id);
    }
    stored(command_id, kept).unwrap_or_else(|error| {
        tracing::error!(%error, "a kept outcome cannot be read");
        Problem::new(&Code::Internal, "the kept answer cannot be read").into()
    })
}

fn reused(command_id: &str) -> Outcome {
    let mut problem = Problem::new(
        &Code::CommandIdReused,
        "this command id was used before, with another command or body",
    )
    .hint("make a new id for each new command; keep the id only to send the very same one again");
    problem.command_id = Some(command_id.to_owned());
    problem.into()
}

fn accepted(
    submission: &Submission,
    target: &Stream,
    version: u64,
    events: &[NewEvent],
) -> Accepted {
    Accepted {
        ok: true,
        command_id: submission.command_id.to_string(),
        aggregate: target.kind.to_owned(),
        id: target.id.to_string(),
        version,
        position: 0,
        events: events
            .iter()
            .map(|event| EventRef {
                id: event.event_id,
                event_type: event.event_type.to_owned(),
                version: u64::try_from(event.sequence).unwrap_or_default(),
            })
            .collect(),
        duplicate: false,
        dry_run: false,
    }
}

fn problem(stop: Stop) -> Problem {
    match stop {
        Stop::Denied(who) => Problem::new(&Code::NotAllowed, who),
        Stop::Unknown { kind } => {
            Problem::new(&Code::UnknownAggregate, format!("no {kind} has this id"))
                .at("/id", "unknown")
        }
        Stop::Exists { kind } => {
            Problem::new(&Code::AlreadyExists, format!("a {kind} with this id is there already"))
                .at("/id", "taken")
        }
        Stop::Foreign { region } => {
            let detail = format!("this data lies in {region}, and this deployment holds another's");
            Problem::new(&Code::ForeignRegion, detail)
                .hint("send it to the deployment of that region")
        }
        Stop::Erased { kind } => Problem::new(&Code::Erased, format!("this {kind} was erased")),
        Stop::Invalid { pointer, detail } => {
            Problem::new(&Code::InvalidField, detail.clone()).at(format!("/data{pointer}"), detail)
        }
        Stop::Refused(refused) => Problem::refused(&refused),
        Stop::Missing(need) => {
            tracing::error!(?need, "a need was not met");
            Problem::new(&Code::Internal, "a fault of the service; it is logged")
        }
        Stop::Fault(why) => {
            tracing::error!(%why, "a handler's fault");
            Problem::new(&Code::Internal, "a fault of the service; it is logged")
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts in memory are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}
