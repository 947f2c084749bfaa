//! More than is taken.

use annals_tests::{World, samia::CLARA};
use futures::future::join_all;
use serde_json::json;

use super::{DEBIT, Guarded};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_could_not_be_published_is_not_stored() {
    let world = World::start_with(|config| config.limits.event_bytes = 2_000).await;
    let guarded = Guarded::over(world).await;
    let data = json!({"amount": "1.00", "description": "x".repeat(2_000)});
    let answer = guarded.world.as_system().send(DEBIT, CLARA, data).await;
    answer.refused("too_large").status(413);
    guarded.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_too_much_is_asked_to_come_again() {
    let world = World::start_with(|config| config.rate_limit = 20).await;
    let guarded = Guarded::over(world).await;
    let asked = (0..100).map(|_| {
        let data = json!({"amount": "0.01"});
        guarded.world.as_system().ask(DEBIT, CLARA, data).send()
    });
    let answers = join_all(asked).await;
    let limited: Vec<_> = answers.iter().filter(|answer| answer.body["ok"] == false).collect();
    assert!(limited.len() >= 50, "{} of 100 were refused", limited.len());
    for answer in limited {
        answer.refused("rate_limited").status(429);
        assert_eq!(answer.body["retryable"], true);
    }
    // Others are not touched by it.
    let answer = guarded.world.as_person(CLARA).send("samia.cmd.delete_user", (), json!({})).await;
    assert_ne!(answer.body["code"], "rate_limited");
}
