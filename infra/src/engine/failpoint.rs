//! Places between two steps where a test can make the process die.
//!
//! `ANNALS_FAILPOINT=<name>[:<nth>]` aborts the process when the named place is passed for the nth
//! time (the first, unless said otherwise). Without the variable a failpoint costs one load.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

struct Armed {
    name: String,
    left: AtomicU64,
}

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

/// Dies here, if the test said so.
#[inline]
pub fn failpoint(name: &'static str) {
    if let Some(armed) = ARMED.get_or_init(armed)
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}

fn armed() -> Option<Armed> {
    let value = std::env::var("ANNALS_FAILPOINT").ok()?;
    let (name, nth) = match value.split_once(':') {
        Some((name, nth)) => (name.to_owned(), nth.parse().ok()?),
        None => (value, 1),
    };
    Some(Armed { name, left: AtomicU64::new(nth) })
}
