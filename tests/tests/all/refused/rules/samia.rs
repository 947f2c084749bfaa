use annals_tests::{
    World,
    samia::{CLARA, wallet},
};
use futures::future::join_all;
use serde_json::{Value, json};

/// How many events there are besides those that SAMIA TAROT notes of refusals (samia.event.CommandRefused).
async fn effects(world: &World) -> i64 {
    let others = "SELECT count(*) FROM annals.events WHERE event_type <> 'CommandRefused'";
    world.number(others).await
}

/// Has Clara ask for the same so often, and all of it be taken.
async fn often(world: &World, times: usize, subject: &str, data: impl Fn(usize) -> Value) {
    let clara = world.as_person(CLARA);
    let all = (0..times).map(|nth| clara.ask(subject, (), data(nth)).send());
    for answer in join_all(all).await {
        answer.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallet_has_room_for_a_hundred_payments_under_way_and_for_so_much_money() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    let deposit = json!({"amount": "1.00", "gateway_provider": "stripe"});
    often(&world, 100, "samia.cmd.initiate_deposit", |_| deposit.clone()).await;
    let before = effects(&world).await;
    let clara = world.as_person(CLARA);
    let answer = clara.send("samia.cmd.initiate_deposit", (), deposit).await;
    answer.refused("too_many_pending");
    let data = json!({"amount": "9999999999999.99"});
    let answer = world.as_system().send("samia.cmd.credit_wallet", CLARA, data).await;
    answer.refused("balance_too_large");
    assert_eq!(effects(&world).await, before, "something was stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_keeps_more_than_fifty_means_of_payment() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    let method = |nth: usize| {
        json!({"method_type": "digital_wallet", "provider": "paypal",
               "provider_method_id": format!("pp_{nth}")})
    };
    often(&world, 50, "samia.cmd.add_payment_method", method).await;
    let before = effects(&world).await;
    let clara = world.as_person(CLARA);
    let answer = clara.send("samia.cmd.add_payment_method", (), method(50)).await;
    answer.refused("too_many_payment_methods");
    assert_eq!(effects(&world).await, before, "something was stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measurements_have_names_and_values_of_their_size_and_visits_sessions_of_their_own() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    let before = effects(&world).await;
    let system = world.as_system();
    let metric = "samia.cmd.record_metric";
    let data = json!({"metric_value": "1"});
    let answer = system.send(metric, "m".repeat(101).as_str(), data).await;
    answer.refused("metric_name_too_long");
    let data = json!({"metric_value": "0.00001"});
    system.send(metric, "m", data).await.refused("metric_value_refused").at("/data/metric_value");
    let data = json!({"session_id": "server", "page_views": 1});
    let answer = world.as_person(CLARA).send("samia.cmd.record_visit", (), data).await;
    answer.refused("session_reserved").at("/data/session_id");
    assert_eq!(effects(&world).await, before, "something was stored");
}
