//! What happens by itself: each kind of reaction from the event to the row, once in effect whatever is
//! killed when, and timers that outlive whoever set them.

mod carenotes;
mod erased;
mod lift;
mod nestsync;
#[cfg(feature = "sabotage")]
mod once;
mod parked;
#[cfg(feature = "sabotage")]
pub mod process;
mod samia;
