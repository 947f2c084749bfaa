//! As many services as there are: callers see one.

use annals_tests::{
    Answer, World,
    nestsync::{self, CARL, NORA},
    samia::wallet,
};
use futures::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_services_share_one_hot_wallet_and_callers_see_no_conflict() {
    let mut world = World::start().await;
    world.wake().await;
    let clara = wallet(&world, "100.00").await;
    let asked = (0..240_u32).map(|nth| {
        let system = world.as_system();
        tokio::spawn(async move {
            let (subject, amount) = match nth % 3 {
                0 => ("samia.cmd.credit_wallet", "3.00"),
                1 => ("samia.cmd.debit_wallet", "1.00"),
                _ => ("samia.cmd.charge_fee", "0.50"),
            };
            system.ask(subject, clara, json!({"amount": amount})).send().await
        })
    });
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    answers.iter().for_each(|answer| {
        answer.ok();
    });
    let mut versions: Vec<u64> = answers.iter().map(Answer::version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (3..243).collect::<Vec<_>>());
    let data = json!({"amount": "0.01"});
    let last = world.as_system().send("samia.cmd.credit_wallet", clara, data).await;
    assert_eq!(last.ok().version(), 243);
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "220.01"}), "100 + 80 × (3 − 1 − 0.5) + 0.01");
    let stream = "SELECT count(*), min(sequence), max(sequence) FROM annals.events
                  WHERE aggregate_type = 'samia.wallet'";
    assert_eq!(world.row(stream).await, json!({"count": 243, "min": 1, "max": 243}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_services_never_let_a_wallet_fall_below_zero() {
    let mut world = World::start().await;
    world.wake().await;
    let clara = wallet(&world, "10.00").await;
    let asked = (0..60).map(|_| {
        let debit =
            world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
        tokio::spawn(debit.shown().send())
    });
    let answers: Vec<Answer> = join_all(asked).await.into_iter().map(Result::unwrap).collect();
    let (accepted, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.body["ok"] == true);
    assert_eq!((accepted.len(), refused.len()), (10, 50));
    refused.iter().for_each(|answer| {
        answer.refused("insufficient_funds");
    });
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "0.00"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_right_that_is_gone_is_gone_at_every_service() {
    let mut world = World::start().await;
    world.wake().await;
    let nest = nestsync::family(&world, NORA).await;
    let carl = nestsync::member(&world, nest, NORA, CARL, "caregiver").await;
    let (nora, helper) = (world.as_person(NORA), world.as_person(CARL));
    let use_some = || helper.ask("nestsync.cmd.log_usage", nest.item, json!({"quantity": "0.01"}));
    for round in 0..5 {
        // Both services know Carl by now.
        for answer in join_all((0..8).map(|_| use_some().send())).await {
            answer.accepted(&["ItemUsed"]);
        }
        let permissions = json!({"member_id": carl, "permissions": ["inventory.read"]});
        nora.send("nestsync.cmd.change_member_permissions", nest.id, permissions).await.ok();
        for answer in join_all((0..8).map(|_| use_some().send())).await {
            answer.refused("not_allowed");
        }
        let permissions =
            json!({"member_id": carl, "permissions": ["inventory.read", "inventory.write"]});
        nora.send("nestsync.cmd.change_member_permissions", nest.id, permissions).await.ok();
        let used = world.number("SELECT count(*) FROM nestsync.usage_logs").await;
        assert_eq!(used, 8 * (round + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_that_stops_gives_the_answers_that_are_due() {
    let mut world = World::start().await;
    let clara = wallet(&world, "0.01").await;
    let mut asked: Vec<_> = (0..100)
        .map(|_| {
            let credit =
                world.as_system().ask("samia.cmd.credit_wallet", clara, json!({"amount": "1.00"}));
            tokio::spawn(credit.send())
        })
        .collect();
    // The first answer says that they have begun to arrive.
    asked.remove(0).await.unwrap().ok();
    world.rest().await;
    world.wake().await;
    let mut answered = 1;
    // One that came while nobody listened is told so at once, and did nothing.
    for answer in join_all(asked).await.into_iter().flatten() {
        answer.ok();
        answered += 1;
    }
    let stored = "SELECT count(*) FROM annals.events WHERE event_type = 'WalletCredited'";
    assert_eq!(world.number(stored).await, answered + 1);
}
