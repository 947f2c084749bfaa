//! Exports that somebody asked for by a command: found in the log, written to files, reported back.
//!
//! An archive is a file of its own, named after the export: the documented tables' rows of that tenant, or
//! that child, alone, as JSON Lines (see [`crate::transfer`]). It appears whole or not at all, is readable
//! by its owner only, and is never written over: whoever was killed between file and report reports the
//! same bytes afterwards. Fetching it is left to whoever serves the people who asked; after some days the
//! file is removed.
//!
//! Nothing here knows a context: which events ask for an export is in [`annals_commands::export`], whose
//! rows it holds in [`annals_projections::tenant::handed_out`].

mod archive;
mod open;
mod run;

pub use open::{Waiting, waiting};
pub use run::Exporter;

use std::path::{Path, PathBuf};

use crate::{reactor::RunError, transfer::TransferError};

/// Where archives lie, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// The folder. Nobody but its owner may look into it.
    pub folder: PathBuf,
    /// After so many days an archive is removed.
    pub days: u64,
}

/// Why an export is not delivered yet. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Postgres.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The folder or a file in it.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Rows cannot be read or written.
    #[error(transparent)]
    Rows(#[from] TransferError),
    /// It cannot be reported.
    #[error(transparent)]
    Report(#[from] RunError),
}

/// An error about this file.
fn file(path: &Path) -> impl FnOnce(std::io::Error) -> ExportError {
    let path = path.to_owned();
    |source| ExportError::File { path, source }
}
