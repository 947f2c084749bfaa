//! Wallets of SAMIA TAROT.

use annals_tests::{
    World,
    samia::{CLARA, super_admin, user, wallet},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_becomes_a_user_with_a_wallet_that_is_credited_and_debited() {
    let world = World::start().await;
    wallet(&world, "100.00").await;
    let debit =
        json!({"amount": "30.25", "transaction_type": "payment", "description": "A reading"});
    let answer = world.as_system().send("samia.cmd.debit_wallet", CLARA, debit).await;
    answer.accepted(&["WalletDebited"]);
    assert_eq!((answer.id(), answer.version()), (CLARA, 3));
    assert_eq!(answer.body["aggregate"], "samia.wallet");
    assert!(!answer.duplicate());

    let users = world.rows("SELECT id, full_name, role, is_active FROM samia.users").await;
    let clara = json!({"id": CLARA, "full_name": "Somebody", "role": "client", "is_active": true});
    assert_eq!(users, [clara]);
    let wallets =
        world.rows("SELECT user_id, balance::text, currency FROM samia.user_wallets").await;
    assert_eq!(wallets, [json!({"user_id": CLARA, "balance": "69.75", "currency": "USD"})]);
    let moved = "SELECT transaction_type, amount::text, status, description, user_id
                 FROM samia.transactions ORDER BY created_at";
    assert_eq!(
        world.rows(moved).await,
        [
            json!({"transaction_type": "deposit", "amount": "100.00", "status": "completed",
                   "description": null, "user_id": CLARA}),
            json!({"transaction_type": "payment", "amount": "30.25", "status": "completed",
                   "description": "A reading", "user_id": CLARA}),
        ]
    );
    let logged =
        "SELECT action, user_id FROM samia.audit_logs ORDER BY (metadata->>'position')::int";
    assert_eq!(
        world.rows(logged).await,
        [
            json!({"action": "UserRegistered", "user_id": CLARA}),
            json!({"action": "WalletOpened", "user_id": null}),
            json!({"action": "WalletCredited", "user_id": null}),
            json!({"action": "WalletDebited", "user_id": null}),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_never_falls_below_zero_and_the_refusal_is_logged() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    let debit = json!({"amount": "10.01"});
    let asked = world.as_system().send("samia.cmd.debit_wallet", CLARA, debit).await;
    asked.refused("insufficient_funds").status(422);
    let debit = json!({"amount": "10.00"});
    world.as_system().send("samia.cmd.debit_wallet", CLARA, debit).await.ok();
    let rows = world.rows("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(rows, [json!({"balance": "0.00"})]);
    let refusals = "SELECT action, error_message, metadata->>'command' AS command, resource_id
                    FROM samia.audit_logs WHERE NOT success";
    let line = json!({"action": "CommandRefused", "error_message": "insufficient_funds",
                      "command": "debit_wallet", "resource_id": CLARA});
    assert_eq!(world.rows(refusals).await, [line]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_wallet_and_one_at_its_limit_move_no_money() {
    let world = World::start().await;
    wallet(&world, "500.00").await;
    let admin = world.as_person(super_admin(&world).await);
    let debit = |amount: &str| json!({"amount": amount});
    admin.send("samia.cmd.set_wallet_limits", CLARA, json!({"daily_limit": "50.00"})).await.ok();
    let system = world.as_system();
    system.send("samia.cmd.debit_wallet", CLARA, debit("40.00")).await.ok();
    let asked = system.send("samia.cmd.debit_wallet", CLARA, debit("10.01")).await;
    asked.refused("daily_limit_exceeded");
    admin.send("samia.cmd.freeze_wallet", CLARA, json!({})).await.accepted(&["WalletFrozen"]);
    system.send("samia.cmd.debit_wallet", CLARA, debit("1.00")).await.refused("wallet_frozen");
    admin.send("samia.cmd.unfreeze_wallet", CLARA, json!({})).await.accepted(&["WalletUnfrozen"]);
    system.send("samia.cmd.debit_wallet", CLARA, debit("1.00")).await.ok();
    let wrong = json!({"amount": "1.00", "currency": "EUR"});
    system.send("samia.cmd.debit_wallet", CLARA, wrong).await.refused("currency_mismatch");
    let row = world.row("SELECT balance::text, is_frozen FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "459.00", "is_frozen": false}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_credits_the_own_wallet() {
    let world = World::start().await;
    wallet(&world, "1.00").await;
    let credit = json!({"amount": "1000.00"});
    let asked = world.as_person(CLARA).send("samia.cmd.credit_wallet", CLARA, credit).await;
    asked.refused("not_allowed").status(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_fields_are_ciphertext_in_the_log_and_clear_in_the_rows() {
    let world = World::start().await;
    user(&world, CLARA).await;
    let stored = "SELECT payload::text AS payload, metadata::text AS metadata FROM annals.events";
    let stored = serde_json::to_string(&world.rows(stored).await).unwrap();
    assert!(!stored.contains("Somebody") && !stored.contains("example.org"), "{stored}");
    let row = world.row("SELECT full_name, email FROM samia.users").await;
    let email = annals_tests::token::address(CLARA);
    assert_eq!(row, json!({"full_name": "Somebody", "email": email}));
}
