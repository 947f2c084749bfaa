//! Bundles: verified without the database, and worth nothing once a byte is changed.

use annals_infra::{
    proof::{bundle, ledger::Ledger},
    store::Store,
};
use annals_tests::{busy, restorative};
use serde_json::json;

use super::{ORIGIN, all_signed, keys, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_proves_its_events_and_that_the_log_went_on() {
    let (world, signing) = world().await;
    busy::fill(&world).await;
    let older = all_signed(&world, &signing).await;
    let saved = json!({"narrative": "Another one"});
    let ruth = world.as_person(restorative::RUTH);
    ruth.send("restorative.cmd.save_restorative_record", (), saved).await.ok();
    let note = all_signed(&world, &signing).await;
    let ledger = Ledger::new(world.pool().clone());
    let events = Store::new(world.pool().clone()).after(0, 1_000, None).await.unwrap();
    let lines = bundle::make(&ledger, &note, &events, Some(&older)).await.unwrap();
    let text = lines.join("\n") + "\n";

    let keys = keys(&signing);
    let check = |text: &str, held: Option<&str>| {
        let mut seen = Vec::new();
        bundle::check(&mut text.as_bytes(), &keys, ORIGIN, held, |it| seen.push(it.position))
            .map(|proved| (proved, seen))
    };
    let (proved, seen) = check(&text, Some(&older)).unwrap();
    assert_eq!(seen, (1..=events.len() as u64).collect::<Vec<_>>());
    assert!(proved.continues.is_some_and(|size| size < proved.size));
    check(&text, None).unwrap();
    let without: Vec<_> = lines[..lines.len() - 1].to_vec();
    assert!(
        check(&(without.join("\n") + "\n"), Some(&older)).is_err(),
        "a fork would look the same"
    );

    // Whatever is changed in any line, it proves nothing any more.
    for (nth, line) in lines.iter().enumerate() {
        for (from, to) in [
            ("\"position\":", "\"position\":1"),
            ("Ruth", "Rute"),
            ("\"sequence\":", "\"sequence\":1"),
            (":\"A", ":\"B"),
            ("2026", "2027"),
            ("_", "-"),
        ] {
            if !line.contains(from) {
                continue;
            }
            let mut changed = lines.clone();
            changed[nth] = line.replacen(from, to, 1);
            let changed = changed.join("\n") + "\n";
            assert!(
                changed == text || check(&changed, Some(&older)).is_err(),
                "line {nth}: {from} → {to}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_of_every_size_of_the_log_has_its_proof() {
    let (world, signing) = world().await;
    busy::fill(&world).await;
    all_signed(&world, &signing).await;
    let notes: Vec<String> =
        sqlx::query_scalar("SELECT note FROM annals.checkpoints ORDER BY size")
            .fetch_all(world.pool())
            .await
            .unwrap();
    let ledger = Ledger::new(world.pool().clone());
    let events = Store::new(world.pool().clone()).after(0, 1_000, None).await.unwrap();
    let (mut proved, keys) = (0, keys(&signing));
    for note in &notes {
        for event in &events {
            let Ok(lines) = bundle::make(&ledger, note, std::slice::from_ref(event), None).await
            else {
                continue;
            };
            let text = lines.join("\n") + "\n";
            bundle::check(&mut text.as_bytes(), &keys, ORIGIN, None, |_| {}).unwrap();
            proved += 1;
        }
    }
    assert!(proved >= events.len(), "{proved} proofs of {} events", events.len());
}
