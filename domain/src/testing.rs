//! Given / when / then for aggregates.
//!
//! ```ignore
//! given::<Alert>([raised()])
//!     .when(AcknowledgeAlert {})
//!     .then([acknowledged()])
//!     .when(AcknowledgeAlert {})
//!     .refused("AlertTransitionRefused");
//! ```

use chrono::{DateTime, Duration, TimeZone, Utc};
use uuid::Uuid;

use crate::{
    decider::{Decider, Moment},
    refusal::Refusal,
};

/// A person who acts in tests.
pub const ADA: Uuid = Uuid::from_u128(0xada);
/// Another person.
pub const BOB: Uuid = Uuid::from_u128(0xb0b);

/// The n-th day of the tests' calendar, at noon UTC; day 1 is 1 January 2026.
#[must_use]
pub fn day(n: i64) -> DateTime<Utc> {
    let first = Utc.with_ymd_and_hms(2026, 1, 1, 12, 0, 0).single();
    first.unwrap_or(DateTime::UNIX_EPOCH) + Duration::days(n - 1)
}

/// An aggregate to which these events happened.
#[must_use]
pub fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let mut state = D::default();
    for event in events {
        state.evolve(&event);
    }
    Given { state, now: day(1), actor: ADA, turn: 0 }
}

/// An aggregate's state, and when and by whom the next command comes.
#[derive(Debug)]
pub struct Given<D> {
    /// The state after all that happened.
    pub state: D,
    now: DateTime<Utc>,
    actor: Uuid,
    turn: u128,
}

impl<D: Decider> Given<D> {
    /// The next command comes at this time.
    #[must_use]
    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        self.now = now;
        self
    }

    /// The next command comes from this person.
    #[must_use]
    pub fn by(mut self, actor: Uuid) -> Self {
        self.actor = actor;
        self
    }

    /// This event happens besides.
    #[must_use]
    pub fn and(mut self, event: impl Into<D::Event>) -> Self {
        self.state.evolve(&event.into());
        self
    }

    /// Decides the command.
    #[must_use]
    pub fn when(mut self, command: impl Into<D::Command>) -> When<D> {
        self.turn += 1;
        let moment = Moment::new(self.now, self.actor, Uuid::from_u128(self.turn));
        let outcome = self.state.decide(command.into(), &moment);
        When { given: self, outcome }
    }
}

/// What a command led to.
#[derive(Debug)]
pub struct When<D: Decider> {
    given: Given<D>,
    outcome: Result<Vec<D::Event>, D::Refusal>,
}

#[allow(clippy::panic, reason = "these are assertions")]
impl<D: Decider> When<D> {
    /// Exactly these events, which then happen.
    ///
    /// # Panics
    /// When it led to anything else.
    pub fn then<E: Into<D::Event>>(self, expected: impl IntoIterator<Item = E>) -> Given<D> {
        let expected: Vec<D::Event> = expected.into_iter().map(Into::into).collect();
        let events = self.events();
        assert_eq!(events.1, expected);
        events.0
    }

    /// Nothing is left to do.
    ///
    /// # Panics
    /// When there were events, or a refusal.
    pub fn then_nothing(self) -> Given<D> {
        let (given, events) = self.events();
        assert_eq!(events, Vec::new());
        given
    }

    /// The events, which then happen, for a closer look.
    ///
    /// # Panics
    /// When the command was refused.
    pub fn events(mut self) -> (Given<D>, Vec<D::Event>) {
        match self.outcome {
            Ok(events) => {
                for event in &events {
                    self.given.state.evolve(event);
                }
                (self.given, events)
            }
            Err(refusal) => panic!("refused with {}: {}", refusal.name(), refusal.detail()),
        }
    }

    /// Refused, under this name of the contract's.
    ///
    /// # Panics
    /// When it was accepted, or refused otherwise.
    pub fn refused(self, name: &str) -> Given<D> {
        match self.outcome {
            Ok(events) => panic!("accepted, where {name} was expected: {events:?}"),
            Err(refusal) => assert_eq!(refusal.name(), name, "{}", refusal.detail()),
        }
        self.given
    }
}
