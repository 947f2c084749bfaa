//! The command line of those who run and audit a deployment.
//!
//! Each subcommand is a module with its arguments (clap) and `run`, which says how it ended. All of
//! them talk to Postgres (and where it helps to NATS and the key store) and never to a running
//! process of ours: they work while everything else stands still. What a person reads is made by
//! plain functions from data to text. Results go to the standard output, the rest to the standard
//! error output.
//!
//! To add a subcommand: a module here with its arguments, a way of failing in [`OpsError`] if it has
//! one of its own, and a variant of the command enum in `app`.

pub mod doctor;
pub mod erase;
mod error;
pub mod export;
pub mod history;
pub mod import;
pub mod migrate;
mod moment;
pub mod parked;
pub mod past;
pub(crate) mod progress;
pub mod prove;
pub mod rebuild;
pub mod replay;
mod setup;
pub mod status;
pub mod subject;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
pub mod verify;
pub mod witness;

pub use error::{EXIT_CODES, OpsError};
pub use moment::Moment;
