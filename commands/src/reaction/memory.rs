//! What a reactor remembers of the events that it has read.

use std::collections::{BTreeMap, BTreeSet};

use annals_domain::PersonalField;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Halt;

/// A small state that a reactor keeps of something, folded from events. What is in it that is personal
/// is sealed where it is kept, under the key of the person whose id it is kept under; once that key is
/// destroyed it reads as its tombstone.
pub trait Memory: Default + Serialize + DeserializeOwned {
    /// Its name within the context.
    const KIND: &'static str;
    /// The fields that hold personal data; empty where the id is not a person's.
    const PERSONAL: &'static [PersonalField] = &[];
}

/// What a memory is kept under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A state.
    State {
        /// What kind of state.
        kind: &'static str,
        /// Of what.
        id: String,
        /// Its personal fields.
        personal: &'static [PersonalField],
    },
    /// A set of ids.
    Set {
        /// What they are.
        kind: &'static str,
        /// Whose they are.
        id: String,
    },
}

/// The memories at hand.
pub trait Memories: Sync {
    /// A state as JSON (`Some(None)`: nothing is remembered), or `None` while it is not at hand.
    fn state(&self, kind: &'static str, id: &str) -> Option<Option<&Value>>;
    /// The members of a set, or `None` while they are not at hand.
    fn members(&self, kind: &'static str, id: &str) -> Option<&BTreeSet<String>>;
}

/// What one run remembers, over what was remembered before.
pub struct Notes<'a> {
    before: &'a dyn Memories,
    /// States as they are from now on.
    pub states: BTreeMap<(&'static str, String), (Value, &'static [PersonalField])>,
    /// Members that came to a set or left it.
    pub sets: BTreeMap<(&'static str, String), BTreeMap<String, bool>>,
}

impl<'a> Notes<'a> {
    /// Nothing new yet.
    pub(super) fn new(before: &'a dyn Memories) -> Self {
        Self { before, states: BTreeMap::new(), sets: BTreeMap::new() }
    }

    pub(super) fn recall<M: Memory>(&self, id: &str) -> Result<M, Halt> {
        self.get(M::KIND, id, M::PERSONAL)
    }

    pub(super) fn remember<M: Memory>(&mut self, id: &str, state: &M) -> Result<(), Halt> {
        self.put(M::KIND, id, state, M::PERSONAL)
    }

    pub(super) fn get<T: Default + DeserializeOwned>(
        &self,
        kind: &'static str,
        id: &str,
        personal: &'static [PersonalField],
    ) -> Result<T, Halt> {
        let read = |state: &Value| {
            T::deserialize(state)
                .map_err(|_| Halt::Fault(format!("the memory {kind} is of another version")))
        };
        if let Some((own, _)) = self.states.get(&(kind, id.to_owned())) {
            return read(own);
        }
        match self.before.state(kind, id) {
            None => Err(Halt::Missing(Key::State { kind, id: id.to_owned(), personal })),
            Some(None) => Ok(T::default()),
            Some(Some(state)) => read(state),
        }
    }

    pub(super) fn put<T: Serialize>(
        &mut self,
        kind: &'static str,
        id: &str,
        state: &T,
        personal: &'static [PersonalField],
    ) -> Result<(), Halt> {
        self.states.insert((kind, id.to_owned()), (serde_json::to_value(state)?, personal));
        Ok(())
    }

    /// Adds a member to a set.
    pub fn join(&mut self, kind: &'static str, id: impl ToString, member: impl ToString) {
        let set = self.sets.entry((kind, id.to_string())).or_default();
        set.insert(member.to_string(), true);
    }

    /// Takes a member out of a set.
    pub fn leave(&mut self, kind: &'static str, id: impl ToString, member: impl ToString) {
        let set = self.sets.entry((kind, id.to_string())).or_default();
        set.insert(member.to_string(), false);
    }

    /// The members of a set, in order.
    ///
    /// # Errors
    /// [`Halt::Missing`] while they are not at hand.
    pub fn members(&self, kind: &'static str, id: impl ToString) -> Result<BTreeSet<String>, Halt> {
        let id = id.to_string();
        let Some(before) = self.before.members(kind, &id) else {
            return Err(Halt::Missing(Key::Set { kind, id }));
        };
        let mut members = before.clone();
        for (member, is_in) in self.sets.get(&(kind, id)).into_iter().flatten() {
            if *is_in {
                members.insert(member.clone());
            } else {
                members.remove(member);
            }
        }
        Ok(members)
    }
}
