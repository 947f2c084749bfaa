//! A record: written once by whoever was there, amended where it was wrong or incomplete, never
//! unwritten.
//!
//! Nothing protects a record but what it is about, so all kinds of record share this one aggregate. A
//! kind says in its own file what is written, what is amended, and of whom and where it is; who wrote
//! and who amended stands with every event (F086).

use std::fmt::Debug;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::permission::Permission;
use crate::{Decider, DomainEvent, Moment, Refusal};

/// A kind of record.
pub trait Kind: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// Stored name, `carenotes.<record>`. Never changes once released.
    const TYPE: &'static str;
    /// The permission with which staff write and amend such records.
    const CODE: Permission;
    /// What may be asked of it.
    type Command: Send;
    /// What happens to it.
    type Event: DomainEvent;
    /// Why it says no.
    type Refusal: Refusal;

    /// What a command writes or amends; nothing where that changes nothing. `about` is what the
    /// record is about, once it is written.
    ///
    /// # Errors
    /// A business rule that stands against the command.
    fn decide(
        about: Option<&About>,
        command: Self::Command,
        moment: &Moment,
    ) -> Result<Option<Self::Event>, Self::Refusal>;

    /// What the record is about, where an event says so.
    fn about(event: &Self::Event) -> Option<About>;
}

/// Of whom, where and of which day a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The resident, if it is about one.
    pub resident_id: Option<Uuid>,
    /// The facility, if it is about one.
    pub facility_id: Option<Uuid>,
    /// The day, where later decisions ask for it.
    pub day: Option<NaiveDate>,
}

/// A record of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Record<K: Kind> {
    /// What it is about; nothing before it is written.
    pub about: Option<About>,
    #[serde(skip)]
    kind: std::marker::PhantomData<K>,
}

impl<K: Kind> Default for Record<K> {
    fn default() -> Self {
        Self { about: None, kind: std::marker::PhantomData }
    }
}

impl<K: Kind> Decider for Record<K> {
    const TYPE: &'static str = K::TYPE;
    type Command = K::Command;
    type Event = K::Event;
    type Refusal = K::Refusal;

    fn decide(&self, command: K::Command, moment: &Moment) -> Result<Vec<K::Event>, K::Refusal> {
        Ok(K::decide(self.about.as_ref(), command, moment)?.into_iter().collect())
    }

    fn evolve(&mut self, event: &K::Event) {
        self.about = K::about(event).or(self.about);
    }
}
