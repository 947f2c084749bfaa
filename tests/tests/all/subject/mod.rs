//! What a person gets to know of what is kept about them, and of who read it.

mod copy;
mod sensitive;
