//! An import that was interrupted goes on where it was.

use annals_infra::transfer::Plan;
use annals_tests::{
    World,
    samia::{CLARA, wallet},
    transfer::{exported, imported, planned, stored},
};
use futures::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_import_again_stores_what_is_left_and_nothing_twice() {
    let old = World::start().await;
    // Wallet, movements and their lines in the audit log: more than one piece.
    wallet(&old, "600.00").await;
    for _ in 0..6 {
        let debits = (0..100).map(|_| {
            let data = json!({"amount": "0.50"});
            old.as_system().ask("samia.cmd.debit_wallet", CLARA, data).send()
        });
        for answer in join_all(debits).await {
            answer.ok();
        }
    }
    old.shown("samia").await;
    let audits = format!("UPDATE samia.audit_logs SET user_id = '{CLARA}'");
    old.execute(&audits).await.unwrap();
    let lines = exported(&old, "samia", CLARA).await;
    let new = World::start().await;

    let mut plan = planned(&new, &lines).await.unwrap();
    let (all, pieces) = (plan.rows(), plan.pieces.len());
    assert!(pieces > 1 && all > Plan::AT_ONCE, "{pieces} pieces, {all} rows");
    // It stops after the first piece.
    plan.pieces.truncate(1);
    let first = stored(&new, plan, false).await.unwrap().rows;
    assert!(first > 0 && first < all);
    let rest = imported(&new, &lines).await.unwrap();
    assert_eq!(first + rest.rows, all);
    assert_eq!(imported(&new, &lines).await.unwrap().rows, 0);
    assert_eq!(new.events().await, i64::try_from(all).unwrap());
    new.shown("samia").await;
    let balance = "SELECT balance::text FROM samia.user_wallets";
    assert_eq!(new.row(balance).await, json!({"balance": "300.00"}));
    assert_eq!(new.number("SELECT count(*) FROM samia.transactions").await, 601);
}
