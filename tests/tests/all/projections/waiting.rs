//! Reading one's own writes: by header, by request and from SQL.

use std::time::Duration;

use annals_infra::serve::Roles;
use annals_tests::{Reader, World, samia::wallet};
use serde_json::{Value, json};

async fn waited(world: &World, request: Value) -> Value {
    let answer = world.client().request("annals.await", request.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_is_awaited_from_sql() {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    let position = debit.send().await.ok().position();
    let wait = |position: i64, patience: &str| {
        format!("SELECT annals.wait_for('samia', {position}, '{patience}') AS reached")
    };
    let reader = Reader::Person(clara);
    let rows = world.rows_for(reader, &wait(position, "10 s")).await.unwrap();
    assert_eq!(rows, [json!({"reached": true})]);
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "9.00"}));
    let rows = world.rows_for(reader, &wait(position + 1, "50 ms")).await.unwrap();
    assert_eq!(rows, [json!({"reached": false})]);
    let rows = world.rows_for(Reader::Visitor, &wait(position, "50 ms")).await.unwrap();
    assert_eq!(rows, [json!({"reached": true})]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_is_awaited_by_request() {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    let position = debit.send().await.ok().position();
    let request = json!({"context": "samia", "position": position, "timeout_ms": 10_000});
    assert_eq!(waited(&world, request).await, json!({"ok": true, "reached": true}));
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "9.00"}));
    let request = json!({"context": "samia", "position": position + 1, "timeout_ms": 50});
    assert_eq!(waited(&world, request).await, json!({"ok": true, "reached": false}));
    let request = json!({"context": "samia", "place": 1});
    assert_eq!(waited(&world, request).await["code"], "malformed_json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_in_vain_is_told_that_the_command_is_stored() {
    let only = Roles { commands: true, relay: true, projector: false, reactor: false };
    let mut world = World::start_with(|config| config.roles = only).await;
    let person = annals_tests::samia::CLARA;
    let data = json!({"email": annals_tests::token::address(person)});
    let register = world.as_system().ask("shared.cmd.register_identity", person, data);
    let register = register.under("once").shown();
    let answer = register.clone().send().await;
    answer.refused("not_projected_yet").status(504);
    assert_eq!(answer.body["retryable"], true);
    assert_eq!(world.events().await, 1);
    let mut config = world.config();
    config.roles = Roles { commands: false, relay: false, projector: true, reactor: false };
    world.serve(config).await;
    let answer = register.send().await;
    assert!(answer.accepted(&["IdentityRegistered"]).duplicate());
    assert_eq!(world.events().await, 1);
    let patience = Duration::from_secs(5);
    tokio::time::timeout(patience, world.shown("shared")).await.unwrap();
}
