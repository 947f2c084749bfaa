//! Rows in and out: one organisation, family or person as JSON Lines, and a whole database of plain
//! tables taken over.
//!
//! An export is read in one snapshot, under the projector's rights, from the documented tables. An
//! import is checked whole before anything is stored: its rows are put into temporary tables with
//! every constraint of the documented ones, and whatever does not fit is told by its line. Then each
//! row becomes one event of its aggregate (see `annals_domain::import`), through the same engine that
//! decides commands. Everything is stored in one transaction where it is not more than
//! [`Plan::AT_ONCE`] rows; more goes in pieces, each of whole aggregates, parents before children, and
//! an import that was interrupted goes on where it was, under the same command ids.
//!
//! Nothing here knows a context: what there is to know of one is in `annals_commands::import` and
//! `annals_projections::tenant`.

mod export;
mod file;
mod plan;
mod source;
mod stage;
mod store;
mod tables;

pub use export::{Exported, export, export_alone};
pub use file::{Head, Line, Numbered, Reader, TransferError, Wrong};
pub use plan::Plan;
pub use source::{Taken, from_postgres};
pub use stage::{Staged, stage};
pub use store::{Moved, Storing, store};
pub use tables::{Links, Tables};
