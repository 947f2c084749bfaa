//! A log that is put back to an older state while services go on.

use annals_tests::{World, samia::wallet};
use serde_json::json;

/// How many credits the backup does not have.
const LOST: i64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn services_that_outlive_a_log_that_was_put_back_go_on_from_there() {
    let mut world = World::start().await;
    // Each of the two knows of what the other wrote, and will not find it again.
    world.wake().await;
    let clara = wallet(&world, "100.00").await;
    let credit = || async {
        let data = json!({"amount": "10.00"});
        world.as_system().send("samia.cmd.credit_wallet", clara, data).await
    };
    for _ in 0..LOST + 2 {
        credit().await.accepted(&["WalletCredited"]);
    }
    let head = world.number("SELECT position FROM annals.head").await - LOST;
    world
        .execute(&format!(
            "SET session_replication_role = replica;
             DELETE FROM annals.events WHERE position > {head};
             DELETE FROM annals.commands WHERE position > {head};
             UPDATE annals.head SET position = {head};
             RESET session_replication_role"
        ))
        .await
        .unwrap();
    // What is decided on what was is refused by the log, and decided again.
    for _ in 0..LOST / 2 {
        credit().await.accepted(&["WalletCredited"]);
    }
    let stream = "SELECT count(*) = max(sequence) AND min(sequence) = 1 AS whole,
                         (array_agg(payload ->> 'balance' ORDER BY sequence DESC))[1] AS balance
                  FROM annals.events WHERE aggregate_type = 'samia.wallet'";
    assert_eq!(world.row(stream).await, json!({"whole": true, "balance": "220.00"}));
    let positions = "SELECT count(*) - max(position) FROM annals.events";
    assert_eq!(world.number(positions).await, 0);
}
