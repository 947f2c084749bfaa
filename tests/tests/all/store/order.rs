//! Positions are dense and in commit order, whoever writes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annals_tests::{World, token};
use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

const SENDERS: u128 = 64;
const EACH: u128 = 12;

/// Reads the log as it grows, as relay and projectors do, and returns what it saw.
async fn follow(pool: PgPool, done: Arc<AtomicBool>) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    loop {
        let last = done.load(Ordering::SeqCst);
        let more: Vec<i64> = sqlx::query_scalar(
            "SELECT position FROM annals.events WHERE position > $1 ORDER BY position",
        )
        .bind(seen.last().copied().unwrap_or_default())
        .fetch_all(&pool)
        .await
        .unwrap();
        seen.extend(more);
        if last {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn from_many_senders(services: usize) {
    let mut world = World::start().await;
    for _ in 1..services {
        world.wake().await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> =
        (0..3).map(|_| tokio::spawn(follow(world.pool().clone(), Arc::clone(&done)))).collect();
    let senders = (0..SENDERS).map(|sender| {
        let system = world.as_system();
        tokio::spawn(async move {
            for nth in 0..EACH {
                let person = Uuid::from_u128(sender * 1_000 + nth + 1);
                let data = json!({"email": token::address(person)});
                let asked = system.ask("shared.cmd.register_identity", person, data);
                asked.send().await.accepted(&["IdentityRegistered"]);
            }
        })
    });
    join_all(senders).await.into_iter().for_each(Result::unwrap);
    done.store(true, Ordering::SeqCst);
    let count = i64::try_from(SENDERS * EACH).unwrap();
    for reader in readers {
        // Whoever has read up to a position has read everything up to it.
        assert_eq!(reader.await.unwrap(), (1..=count).collect::<Vec<_>>());
    }
    assert_eq!(world.number("SELECT position FROM annals.head").await, count);
    let back_in_time = "SELECT count(*) FROM annals.events AS event
        JOIN annals.events AS before ON before.position = event.position - 1
        WHERE event.recorded_at < before.recorded_at";
    assert_eq!(world.number(back_in_time).await, 0);
    let ids = "SELECT count(DISTINCT event_id) FROM annals.events";
    assert_eq!(world.number(ids).await, count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_misses_an_event_of_sixty_four_senders() {
    from_many_senders(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_misses_an_event_of_two_services() {
    from_many_senders(2).await;
}
