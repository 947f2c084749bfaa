//! With NATS away, rows still converge.

use std::sync::Arc;

use annals_infra::{
    keys::{Kek, Keys},
    projector::Projector,
    relay::MacKey,
    serve::Roles,
    store::{Role, Store, connect},
};
use annals_tests::{World, samia::wallet};
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_projected_with_nats_switched_off() {
    let only = Roles { commands: true, relay: false, projector: false, reactor: false };
    let mut world = World::start_with(|config| config.roles = only).await;
    let person = annals_tests::samia::CLARA;
    let data = json!({"email": annals_tests::token::address(person)});
    world.as_system().ask("shared.cmd.register_identity", person, data).send().await.ok();
    let data = json!({"email": "clara@example.org", "full_name": "Clara"});
    world.as_person(person).ask("samia.cmd.register_user", (), data).send().await.ok();
    let open = world.as_system().ask("samia.cmd.open_wallet", person, json!({}));
    open.send().await.ok();
    world.rest().await;
    world.nats.stop().await;

    let config = world.config();
    let kek = Kek::open(&config.kek_file).unwrap();
    let keys = Arc::new(Keys::connect(&config.keys_url, kek, true).await.unwrap());
    let key = MacKey::new(&*keys.derived("annals.relay.mac.v1").unwrap());
    let pool = connect(&config.database_url, Role::Projector, 4, true).await.unwrap();
    let stop = CancellationToken::new();
    let projectors = ["shared", "samia"].map(|context| {
        let projector = Projector {
            catalogue: Arc::new(annals_projections::Catalogue::new()),
            aggregates: Arc::new(annals_commands::Catalogue::new()),
            store: Store::new(pool.clone()),
            keys: Arc::clone(&keys),
            client: None,
            key: key.clone(),
            history: true,
            met: Arc::default(),
        };
        tokio::spawn(projector.run(context, stop.clone()))
    });
    world.shown("shared").await;
    world.shown("samia").await;
    let rows = world.rows("SELECT full_name, email FROM samia.users").await;
    assert_eq!(rows, [json!({"full_name": "Clara", "email": "clara@example.org"})]);
    assert_eq!(world.number("SELECT count(*) FROM samia.user_wallets").await, 1);
    stop.cancel();
    for projector in projectors {
        projector.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_no_relay_publishes_are_read_from_postgres() {
    let only = Roles { commands: true, relay: false, projector: true, reactor: false };
    let world = World::start_with(|config| config.roles = only).await;
    wallet(&world, "10.00").await;
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "10.00"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_that_goes_and_comes_back_loses_no_row() {
    let mut world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    for _ in 0..2 {
        let debit =
            world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
        debit.shown().insist().await.ok();
        world.nats.kill();
        world.nats.resume().await.unwrap();
    }
    let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    debit.shown().insist().await.ok();
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "7.00"}));
}
