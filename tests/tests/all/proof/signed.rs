//! Signing, and going on from what was verified.

use annals_infra::proof::{LAST, note::Note, tree::Frontier, verify::Verification};
use annals_tests::{busy, restorative};
use serde_json::json;

use super::{ORIGIN, all_signed, folder, keys, verified, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_altered_is_what_was_signed() {
    let (world, signing) = world().await;
    busy::fill(&world).await;
    let text = all_signed(&world, &signing).await;
    for with_copy in [true, false] {
        let report = verified(&world, &signing, with_copy).await;
        assert_eq!(report.findings, []);
        assert!(report.checkpoints > 0 && report.events > 40, "{report:?}");
        assert_eq!(report.signed, report.events);
        let note = Note::read(&text).unwrap().checkpoint(&keys(&signing), ORIGIN).unwrap();
        assert_eq!(report.tree.root(), note.root);
    }
    let kept = std::fs::read_to_string(folder(&signing).join(LAST)).unwrap();
    assert_eq!(kept, text, "the notary's folder holds the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verification_goes_on_where_it_ended() {
    let (world, signing) = world().await;
    busy::fill(&world).await;
    all_signed(&world, &signing).await;
    let first = verified(&world, &signing, false).await;
    let saved = json!({"narrative": "It went on"});
    let ruth = world.as_person(restorative::RUTH);
    ruth.send("restorative.cmd.save_restorative_record", (), saved).await.ok();
    all_signed(&world, &signing).await;
    let again = |known: Frontier| Verification {
        pool: world.pool().clone(),
        origin: ORIGIN.to_owned(),
        keys: keys(&signing),
        known,
        elsewhere: Vec::new(),
        copy: None,
    };
    let second = again(first.tree.clone()).run(|_, _| {}).await.unwrap();
    assert_eq!(second.findings, []);
    assert!(second.events > 0 && second.events < first.events, "{second:?}");
    let whole = again(Frontier::default()).run(|_, _| {}).await.unwrap();
    assert_eq!(second.tree, whole.tree);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notary_that_is_started_again_goes_on_and_never_signs_an_altered_log() {
    let (mut world, signing) = world().await;
    busy::fill(&world).await;
    let before = all_signed(&world, &signing).await;
    world.rest().await;
    let mut config = world.config();
    config.signing = Some(signing.clone());
    sqlx::raw_sql(
        "SET session_replication_role = replica;
         UPDATE annals.events SET hash = sha256('x') WHERE position = 3;
         RESET session_replication_role;",
    )
    .execute(world.pool())
    .await
    .unwrap();
    world.serve(config).await;
    let ruth = world.as_person(restorative::RUTH);
    let saved = json!({"narrative": "After it"});
    ruth.send("restorative.cmd.save_restorative_record", (), saved).await.ok();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let kept = std::fs::read_to_string(folder(&signing).join(LAST)).unwrap();
    assert_eq!(kept, before, "nothing is signed over an altered beginning");
}
