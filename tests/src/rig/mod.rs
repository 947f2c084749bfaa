//! The fault rig: load on real processes, faults by a seeded schedule, and a checker that believes nobody.
//!
//! A run has four parts, and each is tested by breaking it ([`variants`]):
//!
//! - [`load`] sends commands and journals each before it is sent and its answer after ([`journal`]).
//! - [`faults`] kills, stalls and cuts off real `annals` processes, Postgres and nats-server, at random
//!   times and at failpoints between every two steps of a command's way; [`power`] cuts the power of the
//!   disk that both servers write to.
//! - [`check`] holds the journal against the event table, the read models and the streams, by SQL of its
//!   own. It never asks the system whether it is right.
//! - [`report`] says how many of everything there were beside each zero.
//!
//! To add a fault: a variant of [`faults::Fault`] and its turn in the schedule. To add a promise: a file
//! in `checks/` and its line in [`check`]. To add a defect that must be caught: one line in the product
//! behind [`annals_infra::sabotage::broken`], or a statement for the test's database, and a case in
//! [`variants`].

pub mod chance;
pub mod check;
pub mod faults;
pub mod journal;
pub mod load;
pub mod power;
pub mod process;
pub mod proxy;
pub mod report;
pub mod run;
pub mod scene;
pub mod servers;
pub mod streams;
pub mod variants;

/// Why the rig itself cannot go on.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What the rig does, or why it cannot.
pub type Done<T = ()> = Result<T, Fault>;
