use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    samia::testing::{ADMIN, CLIENT, MONITOR, OTHER, READER, STRANGER, SUPER, deactivate, world},
    testing::{Sent, World},
};

/// A world in which this user has a wallet with this much in it.
fn rich(owner: Uuid, balance: &str) -> World {
    let mut world = world();
    world.as_system().send("samia.cmd.open_wallet", owner, json!({})).accepted(&["WalletOpened"]);
    world
        .send("samia.cmd.credit_wallet", owner, json!({"amount": balance}))
        .accepted(&["WalletCredited"]);
    world
}

fn send(world: &mut World, command: &str, owner: Uuid, data: Value) -> Sent {
    world.send(&format!("samia.cmd.{command}"), owner, data)
}

/// Starts a deposit or withdrawal as the owner and says its transaction's id.
fn start(world: &mut World, command: &str, owner: Uuid) -> Value {
    let data = json!({"amount": "5.00", "gateway_provider": "stripe"});
    world.as_person(owner);
    let sent = send(world, command, owner, data).0.unwrap();
    sent[0].event.payload_value().unwrap()["transaction_id"].clone()
}

#[test]
fn the_system_opens_one_wallet_for_each_user() {
    let mut world = world();
    let open = "samia.cmd.open_wallet";
    world.as_person(CLIENT).send(open, CLIENT, json!({})).denied();
    world.as_person(SUPER).send(open, CLIENT, json!({})).denied();
    world.as_system().send(open, STRANGER, json!({})).unknown();
    world.as_system().send(open, CLIENT, json!({"currency": "EUR"})).accepted(&["WalletOpened"]);
    world.as_system().send(open, CLIENT, json!({})).refused("wallet_already_open");
}

#[test]
fn admins_and_the_system_move_money_by_hand_and_owners_do_not() {
    for (command, event) in [
        ("credit_wallet", "WalletCredited"),
        ("debit_wallet", "WalletDebited"),
        ("charge_fee", "FeeCharged"),
    ] {
        let mut world = rich(CLIENT, "10");
        let one = json!({"amount": "1.00"});
        for person in [CLIENT, OTHER, READER, MONITOR, STRANGER] {
            send(world.as_person(person), command, CLIENT, one.clone()).denied();
        }
        send(world.as_operator(), command, CLIENT, one.clone()).denied();
        send(world.as_system(), command, CLIENT, one.clone()).accepted(&[event]);
        for person in [ADMIN, SUPER] {
            let sent = send(world.as_person(person), command, CLIENT, one.clone());
            let payload = sent.accepted(&[event])[0].event.payload_value().unwrap();
            assert_eq!(payload["processed_by"], json!(person));
        }
        let mut world = rich(ADMIN, "10");
        send(world.as_person(ADMIN), command, ADMIN, one.clone()).denied();
        deactivate(&mut world, SUPER);
        send(world.as_person(SUPER), command, ADMIN, one).refused("actor_not_active");
    }
}

#[test]
fn who_processed_a_transaction_is_not_the_callers_to_say() {
    let mut world = rich(CLIENT, "10");
    let data = json!({"amount": "1", "processed_by": CLIENT});
    assert!(matches!(
        send(&mut world, "debit_wallet", CLIENT, data).0,
        Err(crate::Stop::Invalid { .. })
    ));
}

#[test]
fn a_debit_says_what_it_is_for_and_fixes_its_sign() {
    let mut world = rich(CLIENT, "10");
    for (kind, ok) in [("payment", true), ("withdrawal", true), ("deposit", false), ("fee", false)]
    {
        let data = json!({"amount": "1", "transaction_type": kind});
        assert_eq!(send(&mut world, "debit_wallet", CLIENT, data).0.is_ok(), ok, "{kind}");
    }
    send(&mut world, "debit_wallet", CLIENT, json!({"amount": "8.01"}))
        .refused("insufficient_funds");
    send(&mut world, "debit_wallet", CLIENT, json!({"amount": "0"})).refused("amount_not_positive");
    for bad in [json!(1), json!("NaN"), json!("1.001"), json!("1e2"), Value::Null] {
        let sent = send(&mut world, "debit_wallet", CLIENT, json!({"amount": bad}));
        assert!(matches!(sent.0, Err(crate::Stop::Invalid { .. })), "{:?}", sent.0);
    }
}

#[test]
fn no_money_moves_without_a_wallet() {
    let mut world = world();
    send(world.as_system(), "credit_wallet", OTHER, json!({"amount": "1"}))
        .refused("wallet_not_found");
    send(world.as_person(ADMIN), "debit_wallet", OTHER, json!({"amount": "1"}))
        .refused("wallet_not_found");
}

#[test]
fn owners_deposit_withdraw_and_cancel_in_their_own_wallet_alone() {
    let data = json!({"amount": "5.00", "gateway_provider": "stripe"});
    for (command, event) in
        [("initiate_deposit", "DepositInitiated"), ("request_withdrawal", "WithdrawalRequested")]
    {
        let mut world = rich(CLIENT, "10");
        send(world.as_person(OTHER), command, CLIENT, data.clone()).denied();
        send(world.as_person(SUPER), command, CLIENT, data.clone()).denied();
        send(world.as_system(), command, CLIENT, data.clone()).denied();
        send(world.as_person(CLIENT), command, CLIENT, data.clone()).accepted(&[event]);
        deactivate(&mut world, CLIENT);
        send(world.as_person(CLIENT), command, CLIENT, data.clone()).refused("actor_not_active");
    }
    let mut world = rich(CLIENT, "10");
    let transaction = json!({"transaction_id": start(&mut world, "request_withdrawal", CLIENT)});
    send(world.as_person(ADMIN), "cancel_transaction", CLIENT, transaction.clone()).denied();
    send(world.as_person(OTHER), "cancel_transaction", OTHER, transaction.clone())
        .refused("wallet_not_found");
    send(world.as_person(CLIENT), "cancel_transaction", CLIENT, transaction.clone())
        .accepted(&["TransactionCancelled"]);
    send(&mut world, "cancel_transaction", CLIENT, transaction).refused("transaction_not_pending");
}

#[test]
fn callbacks_come_from_the_system_alone() {
    for (start_with, command, event) in [
        ("initiate_deposit", "confirm_deposit", "FundsDeposited"),
        ("request_withdrawal", "confirm_withdrawal", "FundsWithdrawn"),
    ] {
        let mut world = rich(CLIENT, "10");
        let id = start(&mut world, start_with, CLIENT);
        let data =
            json!({"transaction_id": id, "gateway_transaction_id": "g1", "gateway_fee": "0.10"});
        send(world.as_person(CLIENT), command, CLIENT, data.clone()).denied();
        send(world.as_person(SUPER), command, CLIENT, data.clone()).denied();
        send(world.as_system(), command, CLIENT, data).accepted(&[event]);
    }
    let mut world = rich(CLIENT, "10");
    let data = json!({"transaction_id": start(&mut world, "initiate_deposit", CLIENT)});
    send(world.as_person(CLIENT), "fail_transaction", CLIENT, data.clone()).denied();
    send(world.as_system(), "fail_transaction", CLIENT, data).accepted(&["TransactionFailed"]);
}

#[test]
fn a_repeated_callback_is_answered_alike_and_changes_nothing() {
    let mut world = rich(CLIENT, "10");
    let id = start(&mut world, "initiate_deposit", CLIENT);
    world.as_system();
    let confirmed = json!({"transaction_id": id, "gateway_transaction_id": "g1"});
    send(&mut world, "confirm_deposit", CLIENT, confirmed.clone()).accepted(&["FundsDeposited"]);
    send(&mut world, "confirm_deposit", CLIENT, confirmed).accepted(&[]);
    let named = json!({
        "transaction_id": id, "gateway_transaction_id": "g1", "gateway_provider": "stripe",
    });
    send(&mut world, "confirm_deposit", CLIENT, named).accepted(&[]);
    let other = json!({"transaction_id": id, "gateway_transaction_id": "g2"});
    send(&mut world, "confirm_deposit", CLIENT, other).refused("transaction_not_pending");
}

#[test]
fn one_gateway_payment_is_booked_for_one_transaction_even_in_another_wallet() {
    let mut world = rich(CLIENT, "10");
    world.as_system().send("samia.cmd.open_wallet", OTHER, json!({})).accepted(&["WalletOpened"]);
    let first = start(&mut world, "initiate_deposit", CLIENT);
    let second = start(&mut world, "initiate_deposit", OTHER);
    world.as_system();
    let confirm = |id: &Value| json!({"transaction_id": id, "gateway_transaction_id": "g1"});
    send(&mut world, "confirm_deposit", CLIENT, confirm(&first)).accepted(&["FundsDeposited"]);
    send(&mut world, "confirm_deposit", OTHER, confirm(&second))
        .refused("gateway_transaction_taken");
}

#[test]
fn payments_are_refunded_by_admins_and_the_system() {
    let mut world = rich(CLIENT, "10");
    let pay = json!({"amount": "4", "transaction_type": "payment"});
    let paid = send(&mut world, "debit_wallet", CLIENT, pay).accepted(&["WalletDebited"]);
    let id = paid[0].event.payload_value().unwrap()["transaction_id"].clone();
    let part = json!({"refund_of": id, "amount": "1"});
    send(world.as_person(CLIENT), "refund_payment", CLIENT, part.clone()).denied();
    send(world.as_person(ADMIN), "refund_payment", CLIENT, part).accepted(&["PaymentRefunded"]);
    let rest = json!({"refund_of": id});
    send(world.as_system(), "refund_payment", CLIENT, rest.clone()).accepted(&["PaymentRefunded"]);
    send(world.as_system(), "refund_payment", CLIENT, rest).refused("refund_exceeds_payment");
}

#[test]
fn admins_freeze_limit_and_reconcile_any_wallet_but_their_own() {
    let limits = json!({"daily_limit": "1.00"});
    for (command, data, event) in [
        ("freeze_wallet", json!({}), Some("WalletFrozen")),
        ("unfreeze_wallet", json!({}), None),
        ("set_wallet_limits", limits, Some("WalletLimitsSet")),
    ] {
        let mut world = rich(CLIENT, "10");
        for person in [CLIENT, OTHER, READER, MONITOR] {
            send(world.as_person(person), command, CLIENT, data.clone()).denied();
        }
        let events: Vec<_> = event.into_iter().collect();
        send(world.as_person(ADMIN), command, CLIENT, data.clone()).accepted(&events);
        let mut world = rich(ADMIN, "10");
        send(world.as_person(ADMIN), command, ADMIN, data.clone()).denied();
        send(world.as_person(SUPER), command, ADMIN, data).accepted(&events);
    }
}

#[test]
fn the_system_freezes_and_never_thaws() {
    let mut world = rich(CLIENT, "10");
    send(world.as_system(), "freeze_wallet", CLIENT, json!({})).accepted(&["WalletFrozen"]);
    send(world.as_system(), "unfreeze_wallet", CLIENT, json!({})).denied();
    send(world.as_system(), "debit_wallet", CLIENT, json!({"amount": "1"}))
        .refused("wallet_frozen");
}

#[test]
fn what_went_through_a_gateway_is_reconciled_by_an_admin() {
    let mut world = rich(CLIENT, "10");
    let id = start(&mut world, "initiate_deposit", CLIENT);
    let data = json!({"transaction_id": id});
    let reconcile = "reconcile_transaction";
    send(world.as_person(ADMIN), reconcile, CLIENT, data.clone())
        .refused("transaction_not_completed");
    let confirmed = json!({"transaction_id": id, "gateway_transaction_id": "g1"});
    send(world.as_system(), "confirm_deposit", CLIENT, confirmed).accepted(&["FundsDeposited"]);
    send(world.as_system(), reconcile, CLIENT, data.clone()).denied();
    send(world.as_person(ADMIN), reconcile, CLIENT, data.clone())
        .accepted(&["TransactionReconciled"]);
    send(world.as_person(ADMIN), reconcile, CLIENT, data).accepted(&[]);
}
