//! Every fault once, in an order that the seed decides.

use annals_tests::rig::{chance::Chance, faults, run::run};

use super::{short, turn};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_cut_off_or_lost_nothing_is_missing_double_or_different() {
    let _turn = turn().await;
    let mut options = short("faults");
    let mut all = faults::each_once(false);
    faults::shuffle(&mut all, &mut Chance::of(options.seed, 0x0de2));
    options.faults = Some(all);
    let report = run(options).await.unwrap();
    println!("{report}");
    assert!(report.is_good(), "{report}");
}
