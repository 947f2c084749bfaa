//! How much one actor may send.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use lru::LruCache;
use uuid::Uuid;

/// Actors that are remembered.
const REMEMBERED: usize = 65_536;

/// A bucket of tokens for each actor: it fills at a rate, and holds at most two seconds of it.
#[derive(Debug)]
pub struct RateLimit {
    per_second: f64,
    buckets: Mutex<LruCache<Uuid, (f64, Instant)>>,
}

impl RateLimit {
    /// A limit of commands a second; none where it is 0.
    #[must_use]
    pub fn new(per_second: u32) -> Option<Self> {
        (per_second > 0).then(|| Self {
            per_second: f64::from(per_second),
            buckets: Mutex::new(LruCache::new(
                NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN),
            )),
        })
    }

    /// Takes one from an actor's bucket, if there is one.
    pub fn allows(&self, actor: Uuid, now: Instant) -> bool {
        let most = self.per_second * 2.0;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get_or_insert_mut(actor, || (most, now));
        let earned = now.duration_since(bucket.1).as_secs_f64() * self.per_second;
        bucket.0 = (bucket.0 + earned).min(most);
        bucket.1 = now;
        if bucket.0 < 1.0 {
            return false;
        }
        bucket.0 -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_actor_gets_its_rate_and_others_are_not_touched() {
        let limit = RateLimit::new(5).unwrap();
        let (ada, bob, start) = (Uuid::from_u128(1), Uuid::from_u128(2), Instant::now());
        let allowed = (0..20).filter(|_| limit.allows(ada, start)).count();
        assert_eq!(allowed, 10);
        assert!(limit.allows(bob, start));
        let later = start + Duration::from_secs(1);
        assert_eq!((0..20).filter(|_| limit.allows(ada, later)).count(), 5);
    }
}
