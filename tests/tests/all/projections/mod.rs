//! From events to rows: exactly once, whatever happens.

mod analytics;
mod audit;
mod months;
pub mod poison;
mod postgres_alone;
mod rebuild;
mod waiting;
