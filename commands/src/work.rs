//! What a handler sees of the store, and what it leaves behind.

use std::{fmt, ops::Deref, sync::Arc};

use annals_domain::{Decider, Moment, Refusal, Refused};
use chrono::{DateTime, Utc};

use crate::{
    actor::Actor,
    aggregate::{Happened, State},
};

/// One aggregate's events: its kind and its id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Stored name of the aggregate's kind, for example `lift.alert`.
    pub kind: &'static str,
    /// The aggregate's id.
    pub id: Arc<str>,
}

impl Stream {
    /// The stream of an aggregate.
    #[must_use]
    pub fn of<D: Decider>(id: impl Into<Id>) -> Self {
        Self { kind: D::TYPE, id: id.into().0 }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.kind, self.id)
    }
}

/// An aggregate's id, from a UUID or a text.
#[derive(Debug, Clone)]
pub struct Id(pub Arc<str>);

impl From<uuid::Uuid> for Id {
    fn from(id: uuid::Uuid) -> Self {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        Self(Arc::from(&*id.hyphenated().encode_lower(&mut text)))
    }
}

impl From<&str> for Id {
    fn from(id: &str) -> Self {
        Self(Arc::from(id))
    }
}

impl From<String> for Id {
    fn from(id: String) -> Self {
        Self(Arc::from(id))
    }
}

impl From<&Arc<str>> for Id {
    fn from(id: &Arc<str>) -> Self {
        Self(Arc::clone(id))
    }
}

/// A value that only one stream may hold at a time, such as an e-mail address (F029).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// What must be unique, `<context>.<aggregate>.<field>`.
    pub field: &'static str,
    /// The normalised value. Stored as its SHA-256 alone, and never shown.
    pub value: String,
}

impl fmt::Debug for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}=…", self.field)
    }
}

/// What happens to claims in the append transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimChange {
    /// The owner takes the value.
    Take {
        /// What is taken.
        claim: Claim,
        /// The id of the stream that holds it from now on.
        owner: Arc<str>,
    },
    /// The owner lets go of whatever value of the field it holds.
    Release {
        /// The field.
        field: &'static str,
        /// The stream that lets go.
        owner: Arc<str>,
    },
}

/// The states and claims in memory.
pub trait States {
    /// A stream's state and version (0: nothing happened yet), or `None` while it is not in memory.
    fn state(&self, stream: &Stream) -> Option<(&dyn State, u64)>;
    /// Who holds a claim (`Some(None)`: nobody), or `None` while that is not in memory.
    fn claim(&self, claim: &Claim) -> Option<Option<Arc<str>>>;
}

/// What must be brought into memory before a handler can run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// A stream.
    Stream(Stream),
    /// Who holds a claim.
    Claim(Claim),
}

/// Why a handler did not end in a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Something is not in memory yet: load it and run the handler again.
    Missing(Need),
    /// A business rule stands against it; the outcome is kept under the command's id.
    Refused(Refused),
    /// The actor may not do this; the sentence says who may.
    Denied(&'static str),
    /// There is no such aggregate.
    Unknown {
        /// Its kind, for example `lift.alert`.
        kind: &'static str,
    },
    /// There is one already.
    Exists {
        /// Its kind.
        kind: &'static str,
    },
    /// Its subject was erased.
    Erased {
        /// Its kind.
        kind: &'static str,
    },
    /// The data lies in another region than this deployment's; nothing is kept of the command.
    Foreign {
        /// The data's region.
        region: String,
    },
    /// A field does not fit, beyond what its schema says.
    Invalid {
        /// JSON pointer below `data`, for example `/email`.
        pointer: &'static str,
        /// What would fit.
        detail: String,
    },
    /// A fault of ours.
    Fault(String),
}

impl<R: Refusal> From<R> for Stop {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.refused())
    }
}

/// An event that the command leads to, before it is stored.
#[derive(Debug)]
pub struct Appended {
    /// Where it belongs.
    pub stream: Stream,
    /// Its place in the stream, from 1.
    pub sequence: u64,
    /// What happened.
    pub event: Box<dyn Happened>,
    /// Where it comes from, if that is not the command: an imported row has its own tenant and time.
    pub origin: Option<Origin>,
}

/// Where an event comes from that was there before the log was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Whose data it is.
    pub tenant: Arc<str>,
    /// When it happened, if that is known.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// A state as a handler sees it.
#[derive(Debug)]
pub enum Loaded<'a, D> {
    /// As it is in memory.
    Base(&'a D, u64),
    /// With what this command has already led to.
    Own(Box<D>, u64),
}

impl<D> Loaded<'_, D> {
    /// How many events made it; 0 where nothing happened yet.
    pub fn version(&self) -> u64 {
        match self {
            Self::Base(_, version) | Self::Own(_, version) => *version,
        }
    }

    /// Whether anything ever happened to it.
    pub fn exists(&self) -> bool {
        self.version() > 0
    }
}

impl<D> Deref for Loaded<'_, D> {
    type Target = D;

    fn deref(&self) -> &D {
        match self {
            Self::Base(state, _) => state,
            Self::Own(state, _) => state,
        }
    }
}

/// One run of a handler: what it may look at, and what came of it.
pub struct Work<'a> {
    /// Who asks.
    pub actor: &'a Actor,
    /// When, and with which new ids.
    pub moment: &'a Moment,
    /// The reason given with the command, where one is required (overrides).
    pub reason: Option<String>,
    /// The tenant whose data this is; every handler that appends sets it.
    pub tenant: Option<Arc<str>>,
    /// The events, in order.
    pub appended: Vec<Appended>,
    /// The streams that were looked at, with their versions then: all of it still holds at commit.
    pub reads: Vec<(Stream, u64)>,
    /// Claims taken and released.
    pub claims: Vec<ClaimChange>,
    states: &'a dyn States,
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Work").field("reads", &self.reads).finish_non_exhaustive()
    }
}

impl<'a> Work<'a> {
    /// A fresh run.
    #[must_use]
    pub fn new(states: &'a dyn States, actor: &'a Actor, moment: &'a Moment) -> Self {
        Self {
            actor,
            moment,
            reason: None,
            tenant: None,
            appended: Vec::new(),
            reads: Vec::new(),
            claims: Vec::new(),
            states,
        }
    }

    /// An aggregate's state, empty where nothing happened to it yet.
    ///
    /// # Errors
    /// [`Stop::Missing`] while it is not in memory.
    pub fn load<D: Decider>(&mut self, id: impl Into<Id>) -> Result<Loaded<'a, D>, Stop> {
        let stream = Stream::of::<D>(id);
        let Some((state, version)) = self.states.state(&stream) else {
            return Err(Stop::Missing(Need::Stream(stream)));
        };
        let base = state
            .as_any()
            .downcast_ref::<D>()
            .ok_or_else(|| Stop::Fault(format!("{stream:?} is held as another type")))?;
        if !self.reads.iter().any(|(read, _)| *read == stream) {
            self.reads.push((stream.clone(), version));
        }
        if !self.appended.iter().any(|appended| appended.stream == stream) {
            return Ok(Loaded::Base(base, version));
        }
        let mut own = Box::new(base.clone());
        let mut version = version;
        for appended in self.appended.iter().filter(|appended| appended.stream == stream) {
            if let Some(event) = appended.event.as_any().downcast_ref::<D::Event>() {
                own.evolve(event);
                version = appended.sequence;
            }
        }
        Ok(Loaded::Own(own, version))
    }

    /// An aggregate's state, if anything ever happened to it.
    ///
    /// # Errors
    /// [`Stop::Unknown`] where nothing did; [`Stop::Missing`] while it is not in memory.
    pub fn existing<D: Decider>(&mut self, id: impl Into<Id>) -> Result<Loaded<'a, D>, Stop> {
        let loaded = self.load::<D>(id)?;
        if loaded.exists() { Ok(loaded) } else { Err(Stop::Unknown { kind: D::TYPE }) }
    }

    /// Lets an aggregate decide and keeps its events.
    ///
    /// # Errors
    /// What the aggregate refuses; [`Stop::Missing`] while it is not in memory.
    pub fn decide<D: Decider>(
        &mut self,
        id: impl Into<Id>,
        command: impl Into<D::Command>,
    ) -> Result<(), Stop> {
        let id = id.into();
        let loaded = self.load::<D>(id.clone())?;
        let events = loaded.decide(command.into(), self.moment)?;
        for (sequence, event) in (loaded.version() + 1..).zip(events) {
            let stream = Stream { kind: D::TYPE, id: Arc::clone(&id.0) };
            self.appended.push(Appended { stream, sequence, event: Box::new(event), origin: None });
        }
        Ok(())
    }

    /// A stream's state and version, whatever its type.
    ///
    /// # Errors
    /// [`Stop::Missing`] while it is not in memory.
    pub fn state(&mut self, stream: &Stream) -> Result<(&'a dyn State, u64), Stop> {
        let Some((state, version)) = self.states.state(stream) else {
            return Err(Stop::Missing(Need::Stream(stream.clone())));
        };
        if !self.reads.iter().any(|(read, _)| read == stream) {
            self.reads.push((stream.clone(), version));
        }
        Ok((state, version))
    }

    /// Says whose data this is: an organisation's, a family's, a user's.
    pub fn tenant(&mut self, id: impl Into<Id>) {
        self.tenant = Some(id.into().0);
    }

    /// Takes a value for a stream, in place of whatever value of that field the stream holds.
    /// `Ok(false)`: another stream has it.
    ///
    /// # Errors
    /// [`Stop::Missing`] while it is not known who holds it.
    pub fn claim(
        &mut self,
        field: &'static str,
        value: impl Into<String>,
        owner: impl Into<Id>,
    ) -> Result<bool, Stop> {
        let claim = Claim { field, value: value.into() };
        let owner = owner.into().0;
        match self.states.claim(&claim) {
            None => Err(Stop::Missing(Need::Claim(claim))),
            Some(Some(holder)) if !self.let_go(field, &holder) => Ok(holder == owner),
            Some(_) => {
                self.claims.push(ClaimChange::Release { field, owner: Arc::clone(&owner) });
                self.claims.push(ClaimChange::Take { claim, owner });
                Ok(true)
            }
        }
    }

    /// Whether this command has already made the holder let go.
    fn let_go(&self, field: &'static str, holder: &Arc<str>) -> bool {
        self.claims.iter().any(|change| match change {
            ClaimChange::Release { field: of, owner } => *of == field && owner == holder,
            ClaimChange::Take { .. } => false,
        })
    }

    /// Who holds a value, if anyone does.
    ///
    /// # Errors
    /// [`Stop::Missing`] while it is not known.
    pub fn holder(
        &mut self,
        field: &'static str,
        value: impl Into<String>,
    ) -> Result<Option<Arc<str>>, Stop> {
        let claim = Claim { field, value: value.into() };
        self.states.claim(&claim).ok_or(Stop::Missing(Need::Claim(claim)))
    }

    /// Lets a stream let go of whatever value of the field it holds.
    pub fn release(&mut self, field: &'static str, owner: impl Into<Id>) {
        self.claims.push(ClaimChange::Release { field, owner: owner.into().0 });
    }
}
