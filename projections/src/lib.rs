//! What an event does to rows, and the tables the rows live in.
//!
//! A projection is a pure function from one event to row changes as data: *put* a row, *patch*
//! columns, *drop* a row, *add* to a counter. Payload fields are named after columns, so most arms are
//! one line. One writer (in `infra`) merges changes and sends them; nothing here knows Postgres'
//! protocol. A table's file states what the table is; to change a table, edit its file and rebuild.
//!
//! To add a table: its `.sql` file, its line in the context's `tables.rs`, arms in the projections.

pub mod catalogue;
pub mod change;
pub mod recorded;
pub mod row;
#[cfg(test)]
mod stories;
pub mod table;
pub mod tenant;
#[cfg(test)]
mod testing;

pub mod carenotes;
pub mod lift;
pub mod nestsync;
pub mod restorative;
pub mod samia;
pub mod shared;

pub use catalogue::{Catalogue, Context, Projection, projection};
pub use change::{Change, Operation};
pub use recorded::{ActorKind, Envelope, Recorded};
pub use row::Row;
pub use table::{Partitions, Table, Writer};
