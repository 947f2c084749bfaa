//! Rows out of one system and into another.

mod plain;
mod refused;
mod resumed;
mod round;
