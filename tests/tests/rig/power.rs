//! Power cuts, where the machine allows them.

use std::time::Duration;

use annals_tests::rig::{
    faults::Fault,
    power::Disk,
    run::{Options, run},
};

use super::{short, turn};

/// A run on a disk whose power can be cut; none where this machine has no such disk, which it says.
async fn powered(name: &str, faults: Vec<Fault>) -> Option<Options> {
    let mut options = short(name);
    if let Err(why) = Disk::make(&options.folder.join("tried"), 64).await {
        eprintln!("SKIPPED: no power cuts on this machine, so flushes are not tested: {why}");
        return None;
    }
    options.cuts = 1;
    options.faults = Some(faults);
    Some(options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_power_cuts() {
    let _turn = turn().await;
    let Some(options) = powered("power", vec![Fault::PowerCut; 3]).await else { return };
    let report = run(options).await.unwrap();
    println!("{report}");
    assert!(report.is_good(), "{report}");
    assert_eq!(report.tally.power_cuts, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_does_not_flush_is_seen_to_lose_what_it_acknowledged() {
    let _turn = turn().await;
    let faults = vec![Fault::ForgetFlushes, Fault::PowerCut];
    let Some(mut options) = powered("forgetful", faults).await else { return };
    options.patience = Duration::from_secs(10);
    options.load.insists = Duration::from_secs(5);
    let report = run(options).await.unwrap();
    println!("{report}");
    assert!(report.findings.has("acknowledged and missing"), "{report}");
}
