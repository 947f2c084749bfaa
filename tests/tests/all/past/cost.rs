//! What the past costs, as ratios in one run.

use std::time::{Duration, Instant};

use annals_infra::projector::rebuild;
use annals_tests::{Reader, World, samia};
use futures::future::join_all;
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use super::Work;

/// How long a query takes within one session, in the middle.
async fn typical(world: &World, sql: &str) -> Duration {
    let mut connection = world.pool().acquire().await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    annals_tests::claim(&mut transaction, Reader::Person(samia::CLARA)).await;
    sqlx::query("SET LOCAL annals.as_of = 'now'").execute(&mut *transaction).await.unwrap();
    let mut took = Vec::new();
    for _ in 0..400 {
        let began = Instant::now();
        sqlx::query(sql).fetch_all(&mut *transaction).await.unwrap();
        took.push(began.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: wants a quiet machine and a release build"]
async fn the_past_costs_no_more_than_it_may() {
    let world = World::start().await;
    samia::wallet(&world, "10.00").await;
    let wallets: Vec<Uuid> = (0..200).map(|nth| Uuid::from_u128(0x77_0000 + nth)).collect();
    for some in wallets.chunks(20) {
        join_all(some.iter().map(|person| samia::wallet_of(&world, *person, "10.00"))).await;
    }
    for _ in 0..50 {
        join_all(wallets.iter().map(|person| async {
            let data = json!({"amount": "1.00", "description": "A card"});
            world.as_system().send("samia.cmd.credit_wallet", *person, data).await.ok();
        }))
        .await;
    }
    world.all_shown().await;
    let work = Work::new(&world).await;
    let mut took = [Duration::MAX; 2];
    for _ in 0..3 {
        for (nth, history) in [false, true].into_iter().enumerate() {
            let began = Instant::now();
            let done = rebuild(work.of("samia", history), |_| {}).await.unwrap();
            assert!(done.events > 10_000);
            took[nth] = took[nth].min(began.elapsed());
        }
    }
    let (plain, kept) = (took[0].as_secs_f64() - 0.25, took[1].as_secs_f64() - 0.25);
    println!(
        "rebuild {plain:.2} s, with its past {kept:.2} s: {:.0} % of the rate",
        100.0 * plain / kept
    );
    sqlx::query("ANALYZE").execute(world.pool()).await.unwrap();
    let last = world.row("SELECT id FROM samia.transactions LIMIT 1").await["id"].clone();
    let mut worst = 0.0_f64;
    for (table, condition) in [
        ("user_wallets", format!("user_id = '{}'", samia::CLARA)),
        ("users", format!("id = '{}'", samia::CLARA)),
        ("transactions", format!("id = '{}'", last.as_str().unwrap())),
    ] {
        let live = typical(&world, &format!("SELECT * FROM samia.{table} WHERE {condition}")).await;
        let past =
            typical(&world, &format!("SELECT * FROM samia_as_of.{table} WHERE {condition}")).await;
        println!("{table}: live {live:?}, as of {past:?}");
        worst = worst.max(past.as_secs_f64() / live.as_secs_f64());
    }
    assert!(
        plain / kept >= 0.4,
        "the past costs {:.0} % of the rate",
        100.0 - 100.0 * plain / kept
    );
    assert!(worst <= 3.0, "as of takes {worst:.1} times as long as live");
}
