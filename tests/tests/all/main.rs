//! Promises of the whole, kept on a real Postgres and a real nats-server.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, where it failed"
)]

mod catalogue;
mod commands;
mod console;
mod discovery;
mod erasure;
mod exports;
mod fanout;
mod past;
mod projections;
mod proof;
mod reactions;
mod refused;
mod rls;
mod store;
mod stories;
mod subject;
mod transfer;
