//! What somebody else puts onto a stream changes nothing.

use annals_tests::{World, samia::wallet};
use async_nats::{HeaderMap, jetstream};
use serde_json::json;
use uuid::Uuid;

use super::{Published, published, relayed};

async fn publish(world: &World, subject: &str, headers: HeaderMap, payload: String) {
    let jetstream = jetstream::new(world.master().await);
    let sent = jetstream.publish_with_headers(subject.to_owned(), headers, payload.into());
    sent.await.unwrap().await.unwrap();
}

/// Clara's debit, as it was published.
async fn debited() -> (World, Uuid, Published) {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let data = json!({"amount": "1.00"});
    world.as_system().send("samia.cmd.debit_wallet", clara, data).await.ok();
    relayed(&world, "samia").await;
    let message = published(&world, "samia").await.pop().unwrap();
    (world, clara, message)
}

/// The tables know of nine, then of eight and nothing else.
async fn goes_on(world: &World, clara: Uuid) {
    let balance = "SELECT balance::text, (SELECT count(*) FROM samia.transactions) AS moved
                   FROM samia.user_wallets";
    let data = json!({"amount": "1.00"});
    world.as_system().send("samia.cmd.debit_wallet", clara, data).await.ok();
    assert_eq!(world.row(balance).await, json!({"balance": "8.00", "moved": 3}));
    let parked = world.number("SELECT count(*) FROM annals.parked").await;
    assert_eq!(parked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_event_is_not_applied() {
    let (world, clara, real) = debited().await;
    let next = format!("{:020}", real.position() + 1);
    let mut headers = HeaderMap::new();
    for (name, values) in real.headers.iter() {
        for value in values {
            match AsRef::<str>::as_ref(name) {
                "ce-sequence" => headers.insert("ce-sequence", next.as_str()),
                "Annals-Previous" => {
                    headers.insert("Annals-Previous", real.position().to_string());
                }
                "ce-id" => headers.insert("ce-id", Uuid::now_v7().to_string()),
                "Annals-Sequence" => headers.insert("Annals-Sequence", "4"),
                name if name.starts_with("Nats-") => {}
                _ => headers.append(name.clone(), value.clone()),
            }
        }
    }
    let payload = real.payload.replace("9.00", "9999.00");
    assert_ne!(payload, real.payload);
    publish(&world, &real.subject, headers, payload).await;
    publish(&world, &real.subject, HeaderMap::new(), "{}".to_owned()).await;
    goes_on(&world, clara).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_message_that_comes_again_is_passed_over() {
    let (world, clara, real) = debited().await;
    let mut headers = real.headers.clone();
    headers.insert("Nats-Msg-Id", "again");
    for name in ["Nats-Expected-Last-Sequence", "Nats-Batch-Id", "Nats-Batch-Sequence"] {
        headers = without(&headers, name);
    }
    publish(&world, &real.subject, without(&headers, "Nats-Batch-Commit"), real.payload).await;
    goes_on(&world, clara).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_message_under_another_contexts_subject_is_passed_over() {
    let (world, clara, real) = debited().await;
    let mut headers = HeaderMap::new();
    for (name, values) in real.headers.iter() {
        if !AsRef::<str>::as_ref(name).starts_with("Nats-") {
            values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
        }
    }
    publish(&world, "lift.evt.alert.1.alert_raised", headers, real.payload).await;
    annals_tests::lift::account(&world).await;
    world.shown("lift").await;
    assert_eq!(world.number("SELECT count(*) FROM annals.parked").await, 0);
    goes_on(&world, clara).await;
}

fn without(headers: &HeaderMap, name: &str) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for (known, values) in headers.iter() {
        if AsRef::<str>::as_ref(known) != name {
            values.iter().for_each(|value| kept.append(known.clone(), value.clone()));
        }
    }
    kept
}
