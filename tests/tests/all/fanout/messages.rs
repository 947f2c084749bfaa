//! What is published: all that is stored, in order, and nothing personal.

use annals_tests::{World, nestsync, samia::wallet};
use futures::future::join_all;
use serde_json::json;

use super::{published, relayed, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_stored_is_published_in_order_and_once() {
    let world = World::start().await;
    let clara = wallet(&world, "500.00").await;
    nestsync::family(&world, nestsync::NORA).await;
    let debits = (0..100).map(|_| {
        let data = json!({"amount": "1.00"});
        world.as_system().ask("samia.cmd.debit_wallet", clara, data).send()
    });
    join_all(debits).await;
    for context in annals_commands::Catalogue::new().contexts().iter().map(|it| it.name) {
        relayed(&world, context).await;
        let messages = published(&world, context).await;
        let positions: Vec<i64> = messages.iter().map(super::Published::position).collect();
        assert_eq!(positions, stored(&world, context).await, "{context}");
        let mut previous = 0;
        for message in messages {
            assert_eq!(message.header("Annals-Previous"), previous.to_string(), "{context}");
            previous = message.position();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_a_cloud_event_with_the_bytes_that_were_stored() {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    let debit = debit.under("c-1").header("traceparent", parent);
    let debit = debit.header("Annals-Correlation-Id", "an-evening");
    let answer = debit.shown().send().await;
    relayed(&world, "samia").await;
    let message = published(&world, "samia").await.pop().unwrap();
    assert_eq!(message.subject, format!("samia.evt.wallet.{clara}.wallet_debited"));
    let row = world
        .row(
            "SELECT event_id, payload::text AS payload, recorded_at FROM annals.events
              ORDER BY position DESC LIMIT 1",
        )
        .await;
    assert_eq!(message.payload, row["payload"].as_str().unwrap());
    let id = row["event_id"].as_str().unwrap();
    assert_eq!(answer.body["events"][0]["id"], id);
    let position = format!("{:020}", answer.position());
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-type", "samia.wallet.wallet_debited.v1"),
        ("ce-source", "/samia/wallet"),
        ("ce-subject", &clara.to_string()),
        ("ce-sequence", &position),
        ("ce-causationid", "c-1"),
        ("ce-correlationid", "an-evening"),
        ("traceparent", parent),
        ("Content-Type", "application/json"),
    ] {
        assert_eq!(message.header(name), value, "{name}");
    }
    assert!(message.header("ce-time").ends_with('Z'));
    assert!(message.header("ce-recordedtime").ends_with('Z'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_published() {
    let world = World::start().await;
    nestsync::family(&world, nestsync::NORA).await;
    relayed(&world, "nestsync").await;
    relayed(&world, "shared").await;
    let address = annals_tests::token::address(nestsync::NORA);
    for context in ["nestsync", "shared"] {
        for message in published(&world, context).await {
            let all = format!("{}{:?}{}", message.subject, message.headers, message.payload);
            for personal in ["shy of dogs", "Kim", "Somebody", address.as_str()] {
                assert!(!all.contains(personal), "{personal}: {all}");
            }
        }
    }
}
