//! Given events, when another comes or a timer is due, then these commands: without a store.
//!
//! ```ignore
//! let mut told = Told::new("lift");
//! told.hears::<Invitation>(ANN, invited());
//! told.due("lift.reaction.invitation-expiry", ANN).sends(&[("lift.cmd.expire_invitation", json!({}))]);
//! ```

use std::collections::{BTreeMap, BTreeSet};

use annals_domain::{Decider, testing::day};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Cause, Due, Halt, Memories, Notice, Reacting, Reactions, Rules, Sending, TimerChange, turn_of,
};
use crate::{actor::ActorKind, catalogue::Catalogue, work::Stream};

/// A reactor whose memory is a map.
pub struct Told {
    reactions: Reactions,
    memory: Map,
    /// Rules that judge.
    pub rules: Rules,
    now: DateTime<Utc>,
    position: u64,
    timers: BTreeMap<(String, String), DateTime<Utc>>,
}

#[derive(Default, Debug)]
struct Map {
    states: BTreeMap<(String, String), Value>,
    sets: BTreeMap<(String, String), BTreeSet<String>>,
    none: BTreeSet<String>,
}

impl Memories for Map {
    fn state(&self, kind: &'static str, id: &str) -> Option<Option<&Value>> {
        Some(self.states.get(&(kind.to_owned(), id.to_owned())))
    }

    fn members(&self, kind: &'static str, id: &str) -> Option<&BTreeSet<String>> {
        Some(self.sets.get(&(kind.to_owned(), id.to_owned())).unwrap_or(&self.none))
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Told").field("memory", &self.memory).finish_non_exhaustive()
    }
}

#[allow(clippy::panic, reason = "what goes wrong here is a mistake in the test")]
impl Told {
    /// A reactor of a context, which has heard of nothing.
    ///
    /// # Panics
    /// When the context has no reactions.
    #[must_use]
    pub fn new(context: &str) -> Self {
        let reactions = Catalogue::new()
            .into_contexts()
            .into_iter()
            .find(|it| it.name == context)
            .and_then(|it| it.reactions);
        let Some(reactions) = reactions else { panic!("{context} has no reactions") };
        Self {
            reactions,
            memory: Map::default(),
            rules: Rules::default(),
            now: day(1),
            position: 0,
            timers: BTreeMap::new(),
        }
    }

    /// What comes next comes at this time.
    pub fn at(&mut self, now: DateTime<Utc>) -> &mut Self {
        self.now = now;
        self
    }

    /// This happened.
    pub fn hears<D: Decider>(
        &mut self,
        id: impl Into<crate::work::Id>,
        event: impl Into<D::Event>,
    ) -> Reacted {
        self.position += 1;
        let stream = Stream::of::<D>(id);
        let cause = Cause {
            id: Uuid::from_u128(self.position.into()),
            event_id: Uuid::from_u128(self.position.into()),
            position: self.position,
            aggregate_type: D::TYPE.to_owned(),
            stream: stream.id.to_string(),
            at: self.now,
            tenant: stream.id.to_string(),
            actor: Uuid::nil(),
            actor_kind: ActorKind::Person,
            correlation_id: "c".to_owned(),
        };
        let event: D::Event = event.into();
        let mut reacting = Reacting::new(&cause, &self.rules, &self.memory);
        let done = self.reactions.react(&event, &mut reacting);
        let (states, sets, reacted) = taken(reacting, done);
        self.keep(states, sets, &reacted.timers);
        reacted
    }

    /// A timer is due. Its time is now, if that is later than what was set before.
    pub fn due(&mut self, reaction: &str, key: impl ToString) -> Reacted {
        let due = Due { reaction: reaction.to_owned(), key: key.to_string() };
        let Some(due_at) = self.timers.remove(&(due.reaction.clone(), due.key.clone())) else {
            panic!("no timer {reaction} {}: {:?}", due.key, self.timers.keys());
        };
        self.now = self.now.max(due_at);
        let event_id = Uuid::from_u128(self.position.into());
        let cause = Cause {
            id: turn_of(event_id, &due, due_at),
            event_id,
            position: self.position,
            aggregate_type: String::new(),
            stream: due.key.clone(),
            at: due_at,
            tenant: String::new(),
            actor: Uuid::nil(),
            actor_kind: ActorKind::System,
            correlation_id: "c".to_owned(),
        };
        let mut reacting = Reacting::new(&cause, &self.rules, &self.memory);
        let done = (self.reactions.due)(&due, &mut reacting);
        let (states, sets, reacted) = taken(reacting, done);
        self.keep(states, sets, &reacted.timers);
        reacted
    }

    /// When a timer is due, if it is set.
    #[must_use]
    pub fn timer(&self, reaction: &str, key: impl ToString) -> Option<DateTime<Utc>> {
        self.timers.get(&(reaction.to_owned(), key.to_string())).copied()
    }

    fn keep(&mut self, states: States, sets: Sets, timers: &[TimerChange]) {
        self.memory.states.extend(states);
        for (key, changes) in sets {
            let set = self.memory.sets.entry(key).or_default();
            for (member, is_in) in changes {
                if is_in {
                    set.insert(member);
                } else {
                    set.remove(&member);
                }
            }
        }
        for TimerChange { reaction, key, due_at } in timers {
            let key = ((*reaction).to_owned(), key.clone());
            match due_at {
                Some(due_at) => self.timers.insert(key, *due_at),
                None => self.timers.remove(&key),
            };
        }
    }
}

type States = Vec<((String, String), Value)>;
type Sets = Vec<((String, String), BTreeMap<String, bool>)>;

#[allow(clippy::panic, reason = "what goes wrong here is a mistake in the test")]
fn taken(reacting: Reacting<'_>, done: Result<(), Halt>) -> (States, Sets, Reacted) {
    if let Err(halt) = done {
        panic!("the reaction halts: {halt:?}");
    }
    let Reacting { notes, sendings, notices, timers, .. } = reacting;
    let own = |(kind, id): (&'static str, String)| (kind.to_owned(), id);
    let states = notes.states.into_iter().map(|(key, (state, _))| (own(key), state)).collect();
    let sets = notes.sets.into_iter().map(|(key, changes)| (own(key), changes)).collect();
    (states, sets, Reacted { sendings, notices, timers })
}

/// What came of an event or a timer.
#[derive(Debug)]
pub struct Reacted {
    /// The commands.
    pub sendings: Vec<Sending>,
    /// What others are told.
    pub notices: Vec<Notice>,
    /// The timers.
    pub timers: Vec<TimerChange>,
}

impl Reacted {
    /// Exactly these commands were sent, in this order; of each one's fields, at least these.
    ///
    /// # Panics
    /// When it came otherwise.
    pub fn sends(&self, expected: &[(&str, Value)]) -> &Self {
        let subjects: Vec<&str> = self.sendings.iter().map(|it| it.subject.as_str()).collect();
        let wanted: Vec<&str> = expected.iter().map(|(subject, _)| *subject).collect();
        assert_eq!(subjects, wanted, "{:?}", self.sendings);
        for (sending, (subject, fields)) in self.sendings.iter().zip(expected) {
            for (name, value) in fields.as_object().into_iter().flatten() {
                assert_eq!(&sending.data[name], value, "{subject}: {name}");
            }
        }
        self
    }

    /// No command was sent.
    ///
    /// # Panics
    /// When one was.
    pub fn sends_nothing(&self) -> &Self {
        self.sends(&[])
    }

    /// For whom the commands are.
    #[must_use]
    pub fn targets(&self) -> Vec<&str> {
        self.sendings.iter().map(|it| it.target.as_str()).collect()
    }

    /// The reactions that sent them.
    #[must_use]
    pub fn by(&self) -> Vec<&'static str> {
        self.sendings.iter().map(|it| it.reaction).collect()
    }
}
