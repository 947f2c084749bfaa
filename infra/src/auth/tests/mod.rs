//! Tokens that are believed, and many that are not.

mod forge;
mod good;
mod refused;
mod rotation;
