//! The command line, for people first and for programs on request.
//!
//! Each subcommand is a module with its arguments (clap) and a function that runs it and says how it
//! ended ([`Exit`]). What a person reads is made by plain functions from data to text, so that a test
//! can read it too. Results go to the standard output, everything else to the standard error output.
//!
//! To add a subcommand: a module here, a variant of the command enum in `main.rs`, and its examples
//! in its own `--help`.

pub mod commands;
pub mod completions;
pub mod config;
mod exit;
pub mod fields;
mod output;
pub mod send;
mod shape;

pub use exit::{EXIT_CODES, Exit};
pub use output::{Output, Tone, complain, say, table};
pub use shape::{Field, Kind, Shape, example, fields_of};
