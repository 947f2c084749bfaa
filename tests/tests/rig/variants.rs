//! The rig under test: what is broken must be caught.

use annals_tests::rig::{
    check,
    servers::Servers,
    variants::{ALTERATIONS, CONTROLS, Stage, VARIANTS},
};

use super::{short, turn};

async fn stage(name: &str) -> Stage {
    let options = short(name);
    eprintln!("rig: seed {}", options.seed);
    std::fs::create_dir_all(&options.folder).unwrap();
    let servers = Servers::start(&options.folder, None).await.unwrap();
    Stage::set(options, servers).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deliberate_defect_is_caught_and_a_sound_system_is_not() {
    let _turn = turn().await;
    let mut stage = stage("variants").await;
    let only = std::env::var("ANNALS_RIG_VARIANT").unwrap_or_default();
    let mut missed = Vec::new();
    for variant in VARIANTS.iter().filter(|it| it.name.contains(&only)) {
        let lived =
            stage.live(variant).await.unwrap_or_else(|why| panic!("{}: {why}", variant.name));
        let found: Vec<_> = lived.findings.broken().map(|it| it.name.as_str()).collect();
        println!("{}: {} accepted; found: {}", variant.name, lived.accepted, found.join("; "));
        if !lived.findings.has(variant.caught_by) {
            missed.push(format!("{}: {found:?}", variant.name));
        }
    }
    for control in CONTROLS.iter().filter(|it| it.name.contains(&only)) {
        let lived =
            stage.live(control).await.unwrap_or_else(|why| panic!("{}: {why}", control.name));
        let counts = |name: &str| control.caught_by.is_empty() || name == control.caught_by;
        let found: Vec<_> = lived.findings.broken().filter(|it| counts(&it.name)).collect();
        println!("{}: {} accepted", control.name, lived.accepted);
        assert!(found.is_empty(), "{}: {found:?}", control.name);
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_check_fails_once_its_promise_is_broken_by_hand() {
    let _turn = turn().await;
    let mut stage = stage("alterations").await;
    let lived = stage.live(&CONTROLS[0]).await.unwrap();
    assert!(lived.findings.broken().next().is_none(), "{:?}", lived.findings);
    for (promise, statement) in ALTERATIONS {
        let found = stage.altered(&lived, promise, statement).await;
        let found = found.unwrap_or_else(|why| panic!("{promise}: {why}"));
        assert!(found.has(promise), "{promise} was not missed: {found:?}");
    }
    let altered: Vec<_> = ALTERATIONS.iter().map(|(promise, _)| *promise).collect();
    let promised: Vec<_> = check::names().collect();
    assert_eq!(altered, promised, "every promise is broken once");
}
