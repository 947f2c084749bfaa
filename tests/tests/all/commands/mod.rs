//! From an empty system to rows, by commands alone.

mod carenotes;
mod lift;
mod nestsync;
mod restorative;
mod samia;
