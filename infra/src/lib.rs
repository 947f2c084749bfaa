//! Everything that touches the world: Postgres, NATS, keys, clocks, processes.
//!
//! The rules live in `domain`, who may ask in `commands`, what an event does to rows in
//! `projections`. Here each of them is served, once, for every aggregate and every table alike.

pub mod app;
pub mod auth;
pub mod bench;
pub mod cli;
pub mod console;
pub mod dev;
pub mod engine;
pub mod erasure;
pub mod exports;
pub mod keys;
pub mod migrate;
pub mod ops;
pub mod projector;
pub mod proof;
pub mod reactor;
pub mod relay;
pub mod sabotage;
pub mod seal;
pub mod sensitive;
pub mod serve;
pub mod service;
pub mod settings;
pub mod store;
pub mod subject;
pub mod telemetry;
pub mod transfer;
