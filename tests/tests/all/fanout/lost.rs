//! Streams that are lost, purged or made anew are noticed and filled again.

use annals_infra::{relay::stream_name, serve::Roles};
use annals_tests::{World, samia::wallet};
use async_nats::jetstream::{self, stream::Config};
use serde_json::json;
use uuid::Uuid;

use super::{epoch, published, relayed, stored, stream};

/// A world whose projections have seen nothing yet, so that all of the stream is still needed.
async fn unread() -> (World, Uuid) {
    let only = Roles { commands: true, relay: true, projector: false, reactor: false };
    let world = World::start_with(|config| config.roles = only).await;
    let clara = Uuid::from_u128(0xc1a2a);
    for nth in 0..5 {
        let data = json!({"email": format!("clara-{nth}@example.org")});
        let subject = if nth == 0 { "register_identity" } else { "change_identity_email" };
        let subject = format!("shared.cmd.{subject}");
        world.as_system().ask(&subject, clara, data).send().await.ok();
    }
    relayed(&world, "shared").await;
    assert_eq!(published(&world, "shared").await.len(), 5);
    (world, clara)
}

/// One more event, then the stream holds everything again, and the tables show it.
async fn filled_again(world: World, clara: Uuid) {
    let before = epoch(&world, "shared").await;
    let data = json!({"email": "clara@example.org"});
    world.as_system().ask("shared.cmd.change_identity_email", clara, data).insist().await.ok();
    let condition = format!("SELECT epoch > {before} FROM annals.relay WHERE context = 'shared'");
    world.until(&condition).await;
    still_filled(world, clara).await;
}

async fn still_filled(mut world: World, clara: Uuid) {
    let data = json!({"email": "clara@elsewhere.example"});
    world.as_system().ask("shared.cmd.change_identity_email", clara, data).insist().await.ok();
    relayed(&world, "shared").await;
    let mut positions =
        published(&world, "shared").await.iter().map(|it| it.position()).collect::<Vec<_>>();
    positions.sort_unstable();
    positions.dedup();
    assert_eq!(positions, stored(&world, "shared").await);
    let mut config = world.config();
    config.roles = Roles { commands: false, relay: false, projector: true, reactor: false };
    world.serve(config).await;
    world.shown("shared").await;
    let rows = world.rows("SELECT id, email FROM auth.users").await;
    assert_eq!(rows, [json!({"id": clara, "email": "clara@elsewhere.example"})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_deleted_is_filled_again() {
    let (world, clara) = unread().await;
    let jetstream = jetstream::new(world.master().await);
    jetstream.delete_stream(stream_name("shared")).await.unwrap();
    filled_again(world, clara).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_purged_is_filled_again_within_its_duplicate_window() {
    let (world, clara) = unread().await;
    stream(&world, "shared").await.purge().await.unwrap();
    world.until("SELECT epoch = 2 FROM annals.relay WHERE context = 'shared'").await;
    relayed(&world, "shared").await;
    assert_eq!(published(&world, "shared").await.len(), 5);
    stream(&world, "shared").await.purge().await.unwrap();
    world.until("SELECT epoch = 3 FROM annals.relay WHERE context = 'shared'").await;
    still_filled(world, clara).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_made_anew_is_filled_again() {
    let (world, clara) = unread().await;
    let jetstream = jetstream::new(world.master().await);
    let known = stream(&world, "shared").await.get_info().await.unwrap().config;
    jetstream.delete_stream(stream_name("shared")).await.unwrap();
    jetstream.create_stream(Config { description: None, ..known }).await.unwrap();
    filled_again(world, clara).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_that_lost_its_disk_is_filled_again() {
    let (mut world, clara) = unread().await;
    world.nats.kill();
    world.nats.lose_everything().unwrap();
    world.nats.resume().await.unwrap();
    filled_again(world, clara).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_the_same_whatever_became_of_the_stream_meanwhile() {
    let mut world = World::start().await;
    let clara = wallet(&world, "100.00").await;
    let debit =
        || world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    let jetstream = jetstream::new(world.master().await);
    for _ in 0..3 {
        debit().shown().send().await.ok();
        relayed(&world, "samia").await;
        stream(&world, "samia").await.purge().await.unwrap();
        debit().send().await.ok();
        jetstream.delete_stream(stream_name("samia")).await.unwrap();
        debit().send().await.ok();
    }
    world.nats.kill();
    world.nats.resume().await.unwrap();
    let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    debit.insist().await.ok();
    world.shown("samia").await;
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "90.00"}));
    assert_eq!(world.number("SELECT count(*) FROM samia.transactions").await, 11);
}
