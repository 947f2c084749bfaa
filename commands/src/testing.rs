//! Commands end to end, without a store: a world of aggregates in memory.
//!
//! ```ignore
//! let mut world = World::new();
//! world.happened::<Member>(ADA, profile_created());
//! world.as_person(ADA).send("lift.cmd.acknowledge_alert", alert, json!({})).accepted(&["AlertAcknowledged"]);
//! world.as_person(EVE).send("lift.cmd.resolve_alert", alert, json!({"resolution_notes": "…"})).denied();
//! ```

use std::{collections::HashMap, sync::Arc};

use annals_domain::{Decider, Moment};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    actor::Actor,
    aggregate::State,
    catalogue::Catalogue,
    work::{Appended, Claim, ClaimChange, Id, States, Stop, Stream, Work},
};

/// Aggregates in memory, a clock that stands still, and whoever sends the next command.
pub struct World {
    catalogue: Catalogue,
    memory: Memory,
    actor: Actor,
    now: DateTime<Utc>,
    turn: u128,
    reason: Option<String>,
    region: String,
}

#[derive(Default)]
struct Memory {
    states: HashMap<Stream, (Box<dyn State>, u64)>,
    claims: HashMap<Claim, Arc<str>>,
    empty: HashMap<&'static str, Box<dyn State>>,
}

impl States for Memory {
    fn state(&self, stream: &Stream) -> Option<(&dyn State, u64)> {
        match self.states.get(stream) {
            Some((state, version)) => Some((state.as_ref(), *version)),
            None => self.empty.get(stream.kind).map(|state| (state.as_ref(), 0)),
        }
    }

    fn claim(&self, claim: &Claim) -> Option<Option<Arc<str>>> {
        Some(self.claims.get(claim).cloned())
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world in which nothing happened yet.
    #[must_use]
    pub fn new() -> Self {
        let catalogue = Catalogue::new();
        let mut memory = Memory::default();
        for kind in catalogue.aggregates() {
            memory.empty.insert(kind.name, (kind.empty)());
        }
        Self {
            catalogue,
            memory,
            actor: Actor::system(Uuid::from_u128(0x5e)),
            now: annals_domain::testing::day(1),
            turn: 0,
            reason: None,
            region: "ca-central-1".to_owned(),
        }
    }

    /// This happened.
    #[allow(clippy::panic, reason = "an event of another aggregate is a mistake in the test")]
    pub fn happened<D: Decider>(
        &mut self,
        id: impl Into<Id>,
        event: impl Into<D::Event>,
    ) -> &mut Self {
        let stream = Stream::of::<D>(id);
        let held = self.memory.states.entry(stream).or_insert_with(|| (Box::new(D::default()), 0));
        let event: D::Event = event.into();
        if held.0.evolve(&event).is_err() {
            panic!("not an event of {}", D::TYPE);
        }
        held.1 += 1;
        self
    }

    /// The next commands come from this person.
    pub fn as_person(&mut self, id: Uuid) -> &mut Self {
        self.actor = Actor::person(id);
        self
    }

    /// The next commands come from this person, signed in with this address.
    pub fn as_person_with_email(&mut self, id: Uuid, email: &str) -> &mut Self {
        self.actor = Actor { email: Some(email.to_owned()), ..Actor::person(id) };
        self
    }

    /// The next commands come from a service.
    pub fn as_system(&mut self) -> &mut Self {
        self.actor = Actor::system(Uuid::from_u128(0x5e));
        self
    }

    /// The next commands come from the operator.
    pub fn as_operator(&mut self) -> &mut Self {
        self.actor = Actor::operator(Uuid::from_u128(0x09));
        self
    }

    /// The next commands come at this time.
    pub fn at(&mut self, now: DateTime<Utc>) -> &mut Self {
        self.now = now;
        self
    }

    /// The next commands carry this reason.
    pub fn because(&mut self, reason: &str) -> &mut Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// The deployment lies in this region.
    pub fn within(&mut self, region: &str) -> &mut Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Sends a command to an aggregate; what it leads to happens.
    #[allow(
        clippy::panic,
        reason = "a subject that is not in the catalogue is a mistake in the test"
    )]
    pub fn send(&mut self, subject: &str, id: impl Into<Id>, data: Value) -> Sent {
        self.turn += 1;
        let Some(command) = self.catalogue.command(subject) else {
            panic!("no such command: {subject}");
        };
        let request = match command.parse(&data.to_string()) {
            Ok(request) => request,
            Err(error) => {
                return Sent(Err(Stop::Invalid { pointer: "/data", detail: error.detail }));
            }
        };
        let moment = Moment::new(self.now, self.actor.id, Uuid::from_u128(self.turn));
        let mut work = Work::new(&self.memory, &self.actor, &moment);
        work.reason.clone_from(&self.reason);
        let target = Stream { kind: command.aggregate.name, id: id.into().0 };
        let mut handled = request.handle(&mut work, &target.id);
        if matches!(handled, Ok(()) | Err(Stop::Refused(_)))
            && let Some(context) = self.catalogue.context(command.context())
            && let Err(stop) = context.resident(&mut work, &target, &self.region)
        {
            handled = Err(stop);
        }
        if let Err(stop) = handled {
            return Sent(Err(stop));
        }
        assert!(work.appended.is_empty() || work.tenant.is_some(), "{subject} names no tenant");
        let (appended, claims) = (work.appended, work.claims);
        self.remember(&appended, claims);
        Sent(Ok(appended))
    }

    fn remember(&mut self, appended: &[Appended], claims: Vec<ClaimChange>) {
        for Appended { stream, event, .. } in appended {
            let Some(empty) = self.memory.empty.get(stream.kind) else {
                continue;
            };
            let held =
                self.memory.states.entry(stream.clone()).or_insert_with(|| (empty.copy(), 0));
            assert!(held.0.evolve(event.as_ref()).is_ok(), "not an event of {stream:?}");
            held.1 += 1;
        }
        for change in claims {
            match change {
                ClaimChange::Take { claim, owner } => {
                    self.memory.claims.insert(claim, owner);
                }
                ClaimChange::Release { field, owner } => {
                    self.memory
                        .claims
                        .retain(|claim, holder| claim.field != field || *holder != owner);
                }
            }
        }
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Sent(pub Result<Vec<Appended>, Stop>);

#[allow(clippy::panic, reason = "these are assertions")]
impl Sent {
    /// Accepted, with exactly these kinds of event.
    ///
    /// # Panics
    /// When it came otherwise.
    pub fn accepted(self, expected: &[&str]) -> Vec<Appended> {
        match self.0 {
            Ok(appended) => {
                let names: Vec<_> = appended.iter().map(|it| it.event.event_type().name).collect();
                assert_eq!(names, expected);
                appended
            }
            Err(stop) => panic!("expected {expected:?}, got {stop:?}"),
        }
    }

    /// Refused by the rule with this code.
    ///
    /// # Panics
    /// When it came otherwise.
    pub fn refused(self, code: &str) {
        match self.0 {
            Err(Stop::Refused(refused)) => assert_eq!(refused.code, code, "{}", refused.detail),
            other => panic!("expected {code}, got {other:?}"),
        }
    }

    /// Not allowed.
    ///
    /// # Panics
    /// When it came otherwise.
    pub fn denied(self) {
        assert!(matches!(self.0, Err(Stop::Denied(_))), "expected a denial, got {:?}", self.0);
    }

    /// No such aggregate.
    ///
    /// # Panics
    /// When it came otherwise.
    pub fn unknown(self) {
        assert!(matches!(self.0, Err(Stop::Unknown { .. })), "expected unknown, got {:?}", self.0);
    }
}
