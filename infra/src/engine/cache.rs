//! Aggregates and claims in memory.

use std::{collections::HashMap, sync::Arc};

use annals_commands::{Claim, Happened, State, States, Stream};
use lru::LruCache;

/// A cached aggregate.
pub struct Entry {
    /// Its state, with all that was decided, stored or not yet.
    pub state: Box<dyn State>,
    /// Its version, likewise.
    pub version: u64,
    /// The batch that changed it last; 0 for none since it was loaded.
    pub batch: u64,
}

/// What is in memory.
pub struct Cache {
    streams: LruCache<Stream, Entry>,
    claims: HashMap<Claim, Option<Arc<str>>>,
    most: usize,
}

impl Cache {
    /// An empty one, for at most this many aggregates.
    pub fn new(most: usize) -> Self {
        Self { streams: LruCache::unbounded(), claims: HashMap::new(), most }
    }

    /// Brings an aggregate in. One that a batch on its way depends on is never pushed out for it.
    pub fn insert(&mut self, stream: Stream, state: Box<dyn State>, version: u64, settled: u64) {
        self.streams.put(stream, Entry { state, version, batch: 0 });
        let mut spared = 0;
        while self.streams.len() > self.most && spared < 64 {
            let Some((stream, entry)) = self.streams.pop_lru() else { break };
            if entry.batch > settled {
                self.streams.put(stream, entry);
                spared += 1;
            }
        }
    }

    /// Forgets an aggregate.
    pub fn forget(&mut self, stream: &Stream) {
        self.streams.pop(stream);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.streams.clear();
        self.claims.clear();
    }

    /// Whether an aggregate is in memory.
    pub fn holds(&self, stream: &Stream) -> bool {
        self.streams.contains(stream)
    }

    /// Marks an aggregate as used just now.
    pub fn touch(&mut self, stream: &Stream) {
        self.streams.promote(stream);
    }

    /// An aggregate's state and version.
    pub fn entry(&self, stream: &Stream) -> Option<&Entry> {
        self.streams.peek(stream)
    }

    /// Moves an aggregate past an event that a batch is about to store. False if it cannot.
    pub fn evolve(
        &mut self,
        stream: &Stream,
        event: &dyn Happened,
        version: u64,
        batch: u64,
    ) -> bool {
        let Some(entry) = self.streams.peek_mut(stream) else { return false };
        entry.version = version;
        entry.batch = batch;
        entry.state.evolve(event).is_ok()
    }

    /// Remembers who holds a claim, for the commands that wait to know.
    pub fn insert_claim(&mut self, claim: Claim, holder: Option<Arc<str>>) {
        self.claims.insert(claim, holder);
    }

    /// Forgets all claims: others may change them at any time.
    pub fn forget_claims(&mut self) {
        self.claims.clear();
    }

    /// How many aggregates are in memory.
    pub fn len(&self) -> usize {
        self.streams.len()
    }
}

impl States for Cache {
    fn state(&self, stream: &Stream) -> Option<(&dyn State, u64)> {
        self.streams.peek(stream).map(|entry| (entry.state.as_ref(), entry.version))
    }

    fn claim(&self, claim: &Claim) -> Option<Option<Arc<str>>> {
        self.claims.get(claim).cloned()
    }
}
