//! Keys in memory.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use super::KeyState;

/// A bounded number of keys, those least used forgotten first.
///
/// Destructions are numbered in the order in which they were committed. Up to `seen` all are known
/// here, so what was read before them must not come in after them.
pub struct Cache {
    states: LruCache<Arc<str>, KeyState>,
    seen: i64,
}

impl Cache {
    /// Room for this many; all destructions up to `seen` were before anything that will come in.
    pub fn new(most: usize, seen: i64) -> Self {
        let most = NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN);
        Self { states: LruCache::new(most), seen }
    }

    /// What is known of a person's key.
    pub fn get(&mut self, subject: &str) -> Option<KeyState> {
        self.states.get(subject).cloned()
    }

    /// The last destruction that is known of.
    pub const fn seen(&self) -> i64 {
        self.seen
    }

    /// Takes what was read when the last destruction was `as_of`; false if others were learnt of since,
    /// so that it has to be read again. Nothing that is destroyed comes to life.
    pub fn learn(&mut self, read: Vec<(Arc<str>, KeyState)>, as_of: i64) -> bool {
        if as_of < self.seen {
            return false;
        }
        for (subject, state) in read {
            match self.states.peek(&subject) {
                Some(KeyState::Destroyed) => {}
                Some(KeyState::Live(_)) | None => {
                    self.states.put(subject, state);
                }
            }
        }
        true
    }

    /// Forgets the key of a person whose keys were destroyed.
    pub fn destroy(&mut self, subject: &str) {
        self.states.put(Arc::from(subject), KeyState::Destroyed);
    }

    /// Notes that all destructions up to this one are known of.
    pub fn saw(&mut self, destruction: i64) {
        self.seen = self.seen.max(destruction);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::DataKey;

    fn live(subject: &str) -> (Arc<str>, KeyState) {
        let key = DataKey::from_secret(subject, 1, &[7; 32]).unwrap();
        (Arc::from(subject), KeyState::Live(Arc::new(key)))
    }

    fn is_live(cache: &mut Cache, subject: &str) -> Option<bool> {
        cache.get(subject).map(|state| state.live().is_some())
    }

    #[test]
    fn what_was_read_before_a_destruction_does_not_come_in_after_it() {
        let mut cache = Cache::new(8, 4);
        assert!(cache.learn(vec![live("a"), live("b")], 4));
        cache.destroy("a");
        cache.destroy("c");
        cache.saw(6);
        assert!(!cache.learn(vec![live("c"), live("d")], 5));
        assert_eq!(is_live(&mut cache, "a"), Some(false));
        assert_eq!(is_live(&mut cache, "b"), Some(true));
        assert_eq!(is_live(&mut cache, "c"), Some(false));
        assert_eq!(is_live(&mut cache, "d"), None);
        assert!(cache.learn(vec![live("a"), live("d")], 6));
        assert_eq!(is_live(&mut cache, "a"), Some(false));
        assert_eq!(is_live(&mut cache, "d"), Some(true));
        assert_eq!(cache.seen(), 6);
    }

    #[test]
    fn keys_in_memory_are_bounded_in_number() {
        let mut cache = Cache::new(2, 0);
        assert!(cache.learn(vec![live("a"), live("b")], 0));
        assert!(cache.get("a").is_some());
        assert!(cache.learn(vec![live("c")], 0));
        assert!(cache.get("a").is_some() && cache.get("b").is_none() && cache.get("c").is_some());
    }
}
