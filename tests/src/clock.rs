//! A clock that is ahead.

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
