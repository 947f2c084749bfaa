//! From events to rows: exactly once, whatever happens.

mod poison;
mod postgres_alone;
mod rebuild;
mod waiting;
