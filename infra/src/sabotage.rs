//! Deliberate defects, to find out whether the tests would notice them.
//!
//! Compiled in with the feature `sabotage`, which only the tests' crate asks for, and even then without
//! effect until [`arm`] is called, which the binary `annals` never does:
//!
//! - `ANNALS_TEST_FAILPOINT=<name>[:<nth>]` aborts the process when the named place is passed for the nth
//!   time (the first, unless said otherwise);
//! - `ANNALS_TEST_SABOTAGE=<name>` breaks the promise of that name, where the code asks [`broken`].
//!
//! To add a defect: one line at its place, and a case in the fault rig (`tests/src/rig/variants.rs`),
//! which has to catch it.

#[cfg(feature = "sabotage")]
mod armed;
#[cfg(feature = "sabotage")]
mod early;

#[cfg(feature = "sabotage")]
pub use armed::{arm, passed};
#[cfg(feature = "sabotage")]
pub(crate) use early::{answer, equip, publish, seen};

/// Whether this process is to break the promise of this name. Never so outside of tests.
#[inline]
#[must_use]
pub fn broken(name: &str) -> bool {
    #[cfg(feature = "sabotage")]
    return armed::is_broken(name);
    #[cfg(not(feature = "sabotage"))]
    {
        let _ = name;
        false
    }
}
