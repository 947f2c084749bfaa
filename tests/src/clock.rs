//! Clocks that are ahead.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use annals_infra::engine::Clock;
use chrono::{DateTime, Duration, Utc};

/// Tells a time that is so far ahead of the machine's.
#[derive(Debug, Clone, Copy)]
pub struct Ahead(pub Duration);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.0
    }
}

/// Tells a time that can be moved on while it is told.
#[derive(Debug, Clone, Default)]
pub struct Moving(Arc<AtomicI64>);

impl Moving {
    /// Lets time go by.
    pub fn pass(&self, time: Duration) {
        self.0.fetch_add(time.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for Moving {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}
