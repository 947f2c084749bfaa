//! From events to rows: exactly once, whatever happens.

mod months;
mod poison;
mod postgres_alone;
mod rebuild;
mod waiting;
