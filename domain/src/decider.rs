//! The one shape of every aggregate.

use std::cell::Cell;

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{event::DomainEvent, refusal::Refusal};

/// An aggregate: a state that decides what a command leads to, and moves past what happened.
///
/// The state is what later decisions need and nothing more; it is cached and kept in snapshots, so
/// it must not hold personal data in clear.
pub trait Decider: Default + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Stored name, `<context>.<aggregate>`, for example `lift.alert`. Never changes once released.
    const TYPE: &'static str;
    /// Counts the changes of the serialised state's form: a snapshot of another form is not read.
    const STATE_VERSION: u32 = 1;
    /// What may be asked of it.
    type Command: Send;
    /// What happens to it.
    type Event: DomainEvent;
    /// Why it says no.
    type Refusal: Refusal;

    /// Says what happens, without doing it. No events means that nothing is left to do.
    ///
    /// # Errors
    /// A business rule that stands against the command.
    fn decide(
        &self,
        command: Self::Command,
        moment: &Moment,
    ) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Moves past one event. Never refuses: the event already happened.
    fn evolve(&mut self, event: &Self::Event);
}

/// When, by whom, and with which new ids a decision is made: all that `decide` may know of the world.
#[derive(Debug)]
pub struct Moment {
    /// Now, in whole microseconds (what Postgres keeps).
    pub now: DateTime<Utc>,
    /// Who asks; the subject of the token.
    pub actor: Uuid,
    seed: Uuid,
    drawn: Cell<u64>,
}

impl Moment {
    /// A moment whose new ids are derived from `seed`, so that deciding again gives the same ids.
    #[must_use]
    pub fn new(now: DateTime<Utc>, actor: Uuid, seed: Uuid) -> Self {
        let micros = now.timestamp_micros();
        Self {
            now: DateTime::from_timestamp_micros(micros).unwrap_or(now),
            actor,
            seed,
            drawn: Cell::new(0),
        }
    }

    /// A new id: ordered by time like any version 7 id, and the same each time this moment is lived.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let nth = self.drawn.get();
        self.drawn.set(nth + 1);
        let hashed = Uuid::new_v5(&self.seed, &nth.to_be_bytes());
        let mut bytes = *hashed.as_bytes();
        let millis = self.now.timestamp_millis().to_be_bytes();
        bytes[..6].copy_from_slice(&millis[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        Uuid::from_bytes(bytes)
    }
}

/// Declares an aggregate's commands: one struct each, under its documented name, and the enum over
/// all of them.
///
/// ```ignore
/// commands! {
///     /// What may be asked of an alert.
///     pub enum Command { RaiseAlert, AcknowledgeAlert }
/// }
/// ```
#[macro_export]
macro_rules! commands {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($command:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name {
            $(#[allow(missing_docs, reason = "documented on the struct")] $command($command),)*
        }
        $(impl From<$command> for $name {
            fn from(command: $command) -> Self { Self::$command(command) }
        })*
    };
}
