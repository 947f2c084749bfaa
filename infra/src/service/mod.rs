//! The NATS services: one a context, one endpoint a command (ADR-32), and help for whoever calls.
//!
//! All commands of a context come through one subscription on `<context>.cmd.*` with the queue group
//! `q`, so that a command that does not exist gets an answer too; discovery still lists every command
//! as an endpoint with its own literal subject.

mod asyncapi;
mod discovery;
mod limit;
mod receive;
mod run;
mod sentry;

pub use asyncapi::{document, schema};
pub use limit::RateLimit;
pub use receive::{Received, Receiver};
pub use run::{Service, ServiceError};
pub use sentry::Sentry;
