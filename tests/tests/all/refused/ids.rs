//! A command id has one outcome.

use annals_tests::samia::{CLARA, DORA, wallet};
use annals_tests::{Answer, World, nestsync, samia};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{DEBIT, Guarded};

/// An answer without what tells the first from its repetitions.
fn same(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    body.as_object_mut().unwrap().remove("duplicate");
    body
}

async fn balance(world: &World) -> Value {
    world.row("SELECT balance::text FROM samia.user_wallets").await["balance"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_twice_has_one_effect_and_one_answer() {
    let guarded = Guarded::start().await;
    let debit = guarded.debit().under("once").shown();
    let (first, second) = (debit.clone().send().await, debit.send().await);
    first.accepted(&["WalletDebited"]);
    second.accepted(&["WalletDebited"]);
    assert!(!first.duplicate() && second.duplicate());
    assert_eq!(same(&first), same(&second));
    assert_eq!(guarded.world.events().await, guarded.events + 1);
    assert_eq!(balance(&guarded.world).await, "9.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_after_a_restart_has_the_same_answer() {
    let mut world = World::start().await;
    wallet(&world, "10.00").await;
    let debit =
        world.as_system().ask(DEBIT, CLARA, json!({"amount": "1.00"})).under("once").shown();
    let first = debit.clone().send().await;
    world.rest().await;
    world.wake().await;
    let second = debit.send().await;
    assert!(second.duplicate());
    assert_eq!(same(&first), same(&second));
    assert_eq!(balance(&world).await, "9.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_id_from_twenty_at_once_has_one_effect_and_one_answer() {
    let guarded = Guarded::start().await;
    let asked = (0..20).map(|_| tokio::spawn(guarded.debit().under("once").shown().send()));
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate()).count(), 1);
    for answer in &answers {
        answer.accepted(&["WalletDebited"]);
        assert_eq!(same(answer), same(&answers[0]));
    }
    assert_eq!(guarded.world.events().await, guarded.events + 1);
    assert_eq!(balance(&guarded.world).await, "9.00");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_id_at_two_services_at_once_has_one_effect_and_one_answer() {
    let mut world = World::start().await;
    world.wake().await;
    let guarded = Guarded::over(world).await;
    let asked = (0..20).map(|_| tokio::spawn(guarded.debit().under("once").shown().send()));
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate()).count(), 1);
    for answer in &answers {
        answer.accepted(&["WalletDebited"]);
        assert_eq!(same(answer), same(&answers[0]));
    }
    assert_eq!(guarded.world.events().await, guarded.events + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_with_another_body_is_refused() {
    let guarded = Guarded::start().await;
    guarded.debit().under("once").send().await.ok();
    let other = guarded.world.as_system().ask(DEBIT, CLARA, json!({"amount": "2.00"}));
    other.under("once").send().await.refused("command_id_reused").status(409);
    let elsewhere = guarded.world.as_system().ask(
        "samia.cmd.charge_fee",
        CLARA,
        json!({
            "amount": "1.00"
        }),
    );
    elsewhere.under("once").send().await.refused("command_id_reused");
    assert_eq!(guarded.world.events().await, guarded.events + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_id_with_another_body_at_once_is_one_of_them() {
    let guarded = Guarded::start().await;
    let asked = (1..=20).map(|cents| {
        let data = json!({"amount": format!("0.{cents:02}")});
        tokio::spawn(guarded.world.as_system().ask(DEBIT, CLARA, data).under("once").send())
    });
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    let (accepted, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.body["ok"] == true);
    assert_eq!((accepted.len(), refused.len()), (1, 19));
    refused.iter().for_each(|answer| {
        answer.refused("command_id_reused");
    });
    assert_eq!(guarded.world.events().await, guarded.events + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_id_as_a_dry_run_at_once_is_still_done() {
    let guarded = Guarded::start().await;
    let asked = (0..40).map(|nth| {
        let debit = guarded.debit().under("once");
        let debit = if nth % 2 == 0 { debit.header("Annals-Dry-Run", "1") } else { debit };
        tokio::spawn(debit.send())
    });
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    for (nth, answer) in answers.iter().enumerate() {
        answer.accepted(&["WalletDebited"]);
        assert_eq!(answer.body["dry_run"] == true, nth % 2 == 0, "{}", answer.body);
    }
    assert_eq!(guarded.world.events().await, guarded.events + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_different_senders_never_meet() {
    let world = World::start().await;
    for person in [CLARA, DORA] {
        world.knows(person).await;
        let data = json!({"email": annals_tests::token::address(person), "full_name": "Somebody"});
        let asked = world.as_person(person).ask("samia.cmd.register_user", (), data);
        let answer = asked.under("1").send().await;
        assert!(!answer.accepted(&["UserRegistered"]).duplicate());
        assert_eq!(answer.id(), person);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_by_a_rule_is_kept_and_stands_when_the_rule_would_not() {
    let world = World::start().await;
    let nest = nestsync::family(&world, nestsync::NORA).await;
    let nora = world.as_person(nestsync::NORA);
    let data = json!({"quantity": "11"});
    let used = nora.ask("nestsync.cmd.log_usage", nest.item, data).under("too-much");
    let before = world.events().await;
    let first = used.clone().send().await;
    first.refused("not_enough_stock").status(422).at("/data/quantity");
    assert!(!first.duplicate());
    assert_eq!(world.events().await, before);
    nora.send("nestsync.cmd.restock_item", nest.item, json!({"quantity": "50"})).await.ok();
    let second = used.clone().send().await;
    second.refused("not_enough_stock").status(422);
    assert!(second.duplicate());
    assert_eq!(same(&first), same(&second));
    // Under an id of its own it is another command.
    used.under("enough").send().await.accepted(&["ItemUsed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_is_no_rules_is_not_kept() {
    let world = World::start().await;
    samia::user(&world, CLARA).await;
    let debit = world.as_system().ask(DEBIT, CLARA, json!({"amount": "1.00"})).under("later");
    // There is no wallet yet, or there is: whoever sends it again under the same id is heard.
    let stale = debit.clone().with("expected_version", 7).send().await;
    stale.refused("version_conflict").status(409);
    let data = json!({});
    world.as_system().send("samia.cmd.open_wallet", CLARA, data).await.ok();
    let data = json!({"amount": "5.00"});
    world.as_system().send("samia.cmd.credit_wallet", CLARA, data).await.ok();
    debit.with("expected_version", 2).send().await.accepted(&["WalletDebited"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_expected_version_is_refused_and_says_which_it_is() {
    let guarded = Guarded::start().await;
    for wrong in [0, 1, 3, 1_000_000] {
        let answer = guarded.debit().with("expected_version", wrong).send().await;
        answer.refused("version_conflict").status(409).at("/expected_version");
        assert_eq!(answer.body["version"], 2, "{}", answer.body);
    }
    assert_eq!(guarded.world.events().await, guarded.events);
    let answer = guarded.debit().with("expected_version", 2).send().await;
    assert_eq!(answer.ok().version(), 3);
    guarded.debit().with("expected_version", 2).send().await.refused("version_conflict");
    guarded.debit().with("expected_version", -1).send().await.refused("invalid_field");
}
