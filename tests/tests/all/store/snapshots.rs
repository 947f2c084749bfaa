//! States of long streams are kept, and are never the only copy.

use annals_domain::samia::wallet::Wallet;
use annals_infra::store::{Role, connect, cqrs::LogRepository};
use annals_tests::{World, samia::wallet};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

/// A wallet with 350 events: one opened it, 349 credited a unit each.
async fn long() -> (World, Uuid) {
    let world = World::start().await;
    let clara = wallet(&world, "1.00").await;
    for _ in 0..4 {
        let credits = (0..87).map(|_| {
            let data = json!({"amount": "1.00"});
            world.as_system().ask("samia.cmd.credit_wallet", clara, data).send()
        });
        for answer in join_all(credits).await {
            answer.accepted(&["WalletCredited"]);
        }
    }
    (world, clara)
}

/// What a service says that knows nothing yet.
async fn asked_afresh(world: &mut World, clara: Uuid) -> Value {
    world.rest().await;
    world.wake().await;
    let data = json!({"amount": "349.01"});
    let too_much = world.as_system().ask("samia.cmd.debit_wallet", clara, data);
    let detail = too_much.send().await.refused("insufficient_funds").body["detail"].clone();
    let data = json!({"amount": "349.00"});
    let all = world.as_system().ask("samia.cmd.debit_wallet", clara, data);
    let all = all.header("Annals-Dry-Run", "1").send().await;
    json!({"version": all.ok().version(), "detail": detail})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fresh_service_knows_a_long_stream_with_its_snapshot_and_without() {
    let (mut world, clara) = long().await;
    let kept = "SELECT last_sequence, payload FROM annals.snapshots
                WHERE aggregate_type = 'samia.wallet'";
    let snapshot = world.row(kept).await;
    let version = snapshot["last_sequence"].as_i64().unwrap();
    assert!((300..=350).contains(&version), "{snapshot}");
    let balance = format!("{}.00", version - 1);
    assert_eq!(snapshot["payload"]["balance"], json!(balance));

    let expected = json!({"version": 351, "detail": "the balance is 349.00"});
    assert_eq!(asked_afresh(&mut world, clara).await, expected);
    world.execute("DELETE FROM annals.snapshots").await.unwrap();
    assert_eq!(asked_afresh(&mut world, clara).await, expected);

    let pool = connect(world.database_url(), Role::Auditor, 1, true).await.unwrap();
    let state = LogRepository::new(pool).load::<Wallet>(&clara.to_string()).await.unwrap();
    assert_eq!(serde_json::to_value(state).unwrap()["balance"], "349.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_of_another_form_is_passed_over() {
    let (mut world, clara) = long().await;
    world.rest().await;
    let other = "UPDATE annals.snapshots SET current_snapshot = current_snapshot + 1,
                 payload = '{\"no\": \"wallet\"}'";
    assert_eq!(world.execute(other).await, Ok(1));
    let expected = json!({"version": 351, "detail": "the balance is 349.00"});
    assert_eq!(asked_afresh(&mut world, clara).await, expected);
}
