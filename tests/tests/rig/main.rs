//! The short part of the fault rig: what must survive, and defects that must be caught.
//!
//! `ANNALS_RIG_SEED` repeats a run. The long form is `deploy/rig`.

#![expect(clippy::unwrap_used, reason = "a test's set-up fails by panicking, where it failed")]

mod faults;
mod power;
mod variants;

use std::{path::PathBuf, time::Duration};

use annals_infra::dev::harness;
use annals_tests::rig::{
    load::Load,
    run::{Options, any_seed},
};
use tokio::sync::{Mutex, MutexGuard};

/// One at a time: each is about a machine of its own.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// A short run, in a folder of this name.
fn short(name: &str) -> Options {
    let chosen = std::env::var("ANNALS_RIG_SEED").ok().and_then(|seed| seed.parse().ok());
    let scratch = harness::scratch().unwrap();
    Options {
        seed: chosen.unwrap_or_else(any_seed),
        commands: 0,
        kills: 0,
        cuts: 0,
        longest: Duration::MAX,
        wallets: 12,
        load: Load { clients: 12, rest: Duration::from_millis(10), ..Load::default() },
        faults: Some(Vec::new()),
        only: String::new(),
        patience: Duration::from_secs(60),
        check_every: 1,
        folder: scratch.join(name),
        journal: scratch.join("journals").join(name).join("journal.jsonl"),
        program: PathBuf::from(env!("CARGO_BIN_EXE_annals-rig")),
    }
}
