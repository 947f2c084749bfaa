//! All keys that are believed at the moment.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{error::Flaw, key::TokenKey};

/// All keys, by the place they are from.
#[derive(Debug)]
pub struct Ring {
    sources: Vec<Source>,
    stale_after: Duration,
    generation: u64,
}

/// The keys of one place.
#[derive(Debug)]
struct Source {
    keys: Vec<Arc<TokenKey>>,
    /// When they were last seen there; nothing for keys that cannot change.
    seen: Option<Instant>,
}

impl Ring {
    /// No keys yet, from this many places.
    pub fn new(sources: usize, stale_after: Duration) -> Self {
        let empty = || Source { keys: Vec::new(), seen: None };
        Self {
            sources: std::iter::repeat_with(empty).take(sources).collect(),
            stale_after,
            generation: 0,
        }
    }

    /// Counts the changes.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The key of this name, and where it is from. Names are compared as they are; a token without one
    /// finds only a secret without one.
    pub fn find(&self, kid: Option<&str>) -> Result<(usize, Arc<TokenKey>), Flaw> {
        let all = self
            .sources
            .iter()
            .enumerate()
            .flat_map(|(source, from)| from.keys.iter().map(move |key| (source, key)));
        let mut named = all.filter(|(_, key)| key.kid.as_deref() == kid);
        named.next().map(|(source, key)| (source, Arc::clone(key))).ok_or(Flaw::UnknownKey)
    }

    /// Whether the keys of a place were seen there recently enough.
    pub fn is_fresh(&self, source: usize, now: Instant) -> Result<(), Flaw> {
        let seen = self.sources.get(source).ok_or(Flaw::Stale)?.seen;
        if seen.is_some_and(|seen| now.saturating_duration_since(seen) > self.stale_after) {
            return Err(Flaw::Stale);
        }
        Ok(())
    }

    /// Whether all keys were.
    pub fn all_fresh(&self, now: Instant) -> bool {
        (0..self.sources.len()).all(|source| self.is_fresh(source, now).is_ok())
    }

    /// Notes that a place still has the keys it had.
    pub fn seen(&mut self, source: usize, at: Instant) {
        if let Some(source) = self.sources.get_mut(source) {
            source.seen = Some(at);
        }
    }

    /// Takes the keys of a place instead of those it had; true if they are others.
    ///
    /// Refuses a name that another place has, since a token could then be meant for either.
    pub fn replace(
        &mut self,
        source: usize,
        keys: Vec<Arc<TokenKey>>,
        seen: Option<Instant>,
    ) -> Result<bool, &'static str> {
        let taken = |key: &Arc<TokenKey>| {
            let mut others = self.sources.iter().enumerate().filter(|(nth, _)| *nth != source);
            others.any(|(_, other)| other.keys.iter().any(|known| known.kid == key.kid))
        };
        if keys.iter().any(taken) {
            return Err("a key has the same name (`kid`) as one of another place");
        }
        let Some(place) = self.sources.get_mut(source) else {
            return Err("there is no such place");
        };
        let identities = |keys: &[Arc<TokenKey>]| {
            let mut all: Vec<_> = keys.iter().map(|key| key.identity).collect();
            all.sort_unstable();
            all
        };
        let changed = identities(&place.keys) != identities(&keys);
        *place = Source { keys, seen };
        if changed {
            self.generation += 1;
        }
        Ok(changed)
    }
}
