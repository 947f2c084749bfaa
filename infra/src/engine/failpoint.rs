//! Places between two steps where a test can make the process die.
//!
//! They are compiled in with the feature `sabotage` alone, and work only in a process that asked for it
//! ([`crate::sabotage::arm`]); anywhere else a failpoint is nothing.
//!
//! To add one: a line `failpoint("name")` between the two steps, and its name in the list of the fault
//! rig (`tests/src/rig/faults.rs`).

/// Dies here, if the test said so.
#[inline]
pub fn failpoint(name: &'static str) {
    #[cfg(feature = "sabotage")]
    crate::sabotage::passed(name);
    #[cfg(not(feature = "sabotage"))]
    let _ = name;
}
