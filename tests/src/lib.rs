//! What tests of the whole stand on: a world of its own for each of them.
//!
//! ```no_run
//! # async fn a_test() {
//! use annals_tests::{World, samia};
//! use serde_json::json;
//!
//! let world = World::start().await;
//! let ada = samia::wallet(&world, "100.00").await;
//! let debit = json!({"amount": "30.00"});
//! world.as_person(ada).send("samia.cmd.debit_wallet", ada, debit).await.accepted(&["WalletDebited"]);
//! let rows = world.rows("SELECT balance::text FROM samia.user_wallets").await;
//! assert_eq!(rows, [json!({"balance": "70.00"})]);
//! # }
//! ```
//!
//! A world has a fresh database, a key store, a nats-server and a running `annals serve`; all of it
//! goes with the test. To add a scene that several tests begin with: a function in the context's
//! module here.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's set-up fails by panicking, where it failed"
)]

pub mod bench;
pub mod busy;
mod caller;
pub mod carenotes;
mod clock;
pub mod lift;
pub mod nestsync;
pub mod restorative;
#[cfg(feature = "sabotage")]
pub mod rig;
mod rows;
pub mod samia;
pub mod sample;
pub mod stories;
pub mod token;
pub mod transfer;
mod world;

pub use caller::{Answer, Caller, Question};
pub use clock::{Ahead, Moving};
pub use rows::{Reader, claim};
pub use world::World;
