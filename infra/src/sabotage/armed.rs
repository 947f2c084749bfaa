//! What a test asked for.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

struct Armed {
    /// Where to die, and how often to pass there before.
    failpoint: Option<(String, AtomicU64)>,
    /// Which promise to break.
    sabotage: Option<String>,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Lets the environment say where this process dies and what it breaks.
pub fn arm() {
    let failpoint = std::env::var("ANNALS_TEST_FAILPOINT").ok().map(|wish| {
        let (name, nth) = wish.split_once(':').unwrap_or((&wish, "1"));
        (name.to_owned(), AtomicU64::new(nth.parse().unwrap_or(1)))
    });
    let sabotage = std::env::var("ANNALS_TEST_SABOTAGE").ok().filter(|name| !name.is_empty());
    let _ = ARMED.set(Armed { failpoint, sabotage });
}

/// A failpoint is passed.
pub fn passed(name: &str) {
    if let Some((wanted, left)) = ARMED.get().and_then(|armed| armed.failpoint.as_ref())
        && wanted == name
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        std::process::abort();
    }
}

pub(super) fn is_broken(name: &str) -> bool {
    ARMED.get().and_then(|armed| armed.sabotage.as_deref()) == Some(name)
}
