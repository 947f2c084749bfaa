//! What the five contexts share: who there is.

pub mod identity;
