//! One works, others stand by.

use annals_infra::serve::Roles;
use annals_tests::{World, nestsync, samia::wallet};
use futures::future::join_all;
use serde_json::json;

use super::{published, relayed, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_of_everything_publish_and_project_each_event_once() {
    let mut world = World::start().await;
    world.wake().await;
    let clara = wallet(&world, "100.00").await;
    let debits = (0..50).map(|_| {
        let data = json!({"amount": "1.00"});
        world.as_system().ask("samia.cmd.debit_wallet", clara, data).shown().send()
    });
    for answer in join_all(debits).await {
        answer.accepted(&["WalletDebited"]);
    }
    relayed(&world, "samia").await;
    let positions: Vec<i64> =
        published(&world, "samia").await.iter().map(super::Published::position).collect();
    assert_eq!(positions, stored(&world, "samia").await);
    let row = "SELECT balance::text, (SELECT count(*) FROM samia.transactions) AS moved
               FROM samia.user_wallets";
    assert_eq!(world.row(row).await, json!({"balance": "50.00", "moved": 51}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_stands_by_takes_over() {
    let mut world = World::start().await;
    let clara = wallet(&world, "100.00").await;
    let one = json!({"amount": "1.00"});
    for _ in 0..3 {
        world.wake().await;
        world.rest_first().await;
        let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, one.clone());
        debit.send().await.accepted(&["WalletDebited"]);
        relayed(&world, "samia").await;
        world.shown("samia").await;
    }
    let positions: Vec<i64> =
        published(&world, "samia").await.iter().map(super::Published::position).collect();
    assert_eq!(positions, stored(&world, "samia").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn roles_and_contexts_are_split_over_processes() {
    let none = Roles::NONE;
    let mut world = World::asleep().await;
    for (roles, contexts) in [
        (Roles { commands: true, ..none }, &["shared", "samia"][..]),
        (Roles { commands: true, ..none }, &["nestsync"]),
        (Roles { relay: true, ..none }, &[]),
        (Roles { projector: true, ..none }, &["shared", "samia"]),
        (Roles { projector: true, ..none }, &["nestsync", "lift"]),
    ] {
        let mut config = world.config();
        config.roles = roles;
        config.contexts = contexts.iter().map(|it| (*it).to_owned()).collect();
        world.serve(config).await;
    }
    let clara = wallet(&world, "10.00").await;
    let data = json!({"amount": "1.00"});
    world.as_system().send("samia.cmd.debit_wallet", clara, data).await.ok();
    let nest = nestsync::family(&world, nestsync::NORA).await;
    let data = json!({"quantity": "1"});
    let nora = world.as_person(nestsync::NORA);
    nora.send("nestsync.cmd.log_usage", nest.item, data).await.ok();
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "9.00"}));
    let row = world.row("SELECT quantity::text FROM nestsync.inventory_items").await;
    assert_eq!(row, json!({"quantity": "9.00"}));
    for context in ["shared", "samia", "nestsync"] {
        relayed(&world, context).await;
    }
}
