//! A projection equals its replay, and is never seen half built.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annals_infra::{
    projector::{Rebuild, Rebuilt, rebuild},
    store::{Role, connect},
};
use annals_tests::{
    Reader, World,
    busy::{Busy, fill},
    claim, samia,
};
use futures::future::join_all;
use serde_json::json;

pub(super) async fn rebuilt(world: &World, context: &str) -> Rebuilt {
    let pool = connect(world.database_url(), Role::Projector, 2, true).await.unwrap();
    let catalogue = annals_projections::Catalogue::new();
    let aggregates = Arc::new(annals_commands::Catalogue::new());
    let keys = Arc::clone(&world.services()[0].keys);
    let context = catalogue.context(context).unwrap();
    let (url, pool, aggregates, keys) = (world.database_url(), &pool, &aggregates, &*keys);
    let work = Rebuild { url, pool, context, aggregates, keys, history: true };
    rebuild(work, |_| {}).await.unwrap()
}

async fn busy() -> (World, Busy) {
    let world = World::start().await;
    let busy = fill(&world).await;
    (world, busy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_rebuilt_is_what_was_there_byte_for_byte() {
    let (world, _) = busy().await;
    let contexts: Vec<&str> = annals_projections::Catalogue::new()
        .contexts()
        .filter(|context| !context.tables.is_empty())
        .map(|context| context.name)
        .collect();
    for context in &contexts {
        let head = format!("SELECT position FROM annals.projections WHERE name = '{context}'");
        let head = world.number(&head).await;
        let done = rebuilt(&world, context).await;
        assert!(done.compared, "{context}");
        assert_eq!((done.different.as_slice(), done.position), (&[][..], head), "{context}");
        let events =
            format!("SELECT count(*) FROM annals.events WHERE aggregate_type LIKE '{context}.%'");
        assert_eq!(i64::try_from(done.events).unwrap(), world.number(&events).await);
        assert_eq!(rebuilt(&world, context).await.different, [""; 0], "{context}, again");
    }
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%\\_next%'";
    assert_eq!(world.number(schemas).await, 0);
    let checkpoints = "SELECT name, epoch FROM annals.projections WHERE epoch > 1 ORDER BY name";
    let checkpoint = |name: &str| json!({"name": name, "epoch": 3});
    let expected: Vec<_> = contexts.into_iter().map(checkpoint).collect();
    assert_eq!(world.rows(checkpoints).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_somebody_changed_by_hand_is_found_and_put_right() {
    let (world, _) = busy().await;
    let tampered = "UPDATE samia.user_wallets SET balance = 1000000";
    assert_eq!(world.execute(tampered).await, Ok(1));
    let done = rebuilt(&world, "samia").await;
    assert_eq!(done.different, ["user_wallets"]);
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "9.50"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_all_rows_while_a_rebuild_swaps_them() {
    let (world, Busy { school, .. }) = busy().await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (pool, done) = (world.pool().clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut looks = 0;
                while !done.load(Ordering::SeqCst) {
                    let mut transaction = pool.begin().await.unwrap();
                    claim(&mut transaction, Reader::Person(school.practitioner)).await;
                    let seen: (i64, i64, i64) = sqlx::query_as(
                        "SELECT (SELECT count(*) FROM lift.children),
                                (SELECT count(*) FROM lift.alerts),
                                (SELECT completed_sessions FROM lift.child_progress_summary)",
                    )
                    .fetch_one(&mut *transaction)
                    .await
                    .unwrap();
                    assert_eq!(seen, (1, 1, 1));
                    looks += 1;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                looks
            })
        })
        .collect();
    for _ in 0..4 {
        assert_eq!(rebuilt(&world, "lift").await.different, [""; 0]);
    }
    done.store(true, Ordering::SeqCst);
    for looks in join_all(readers).await {
        assert!(looks.unwrap() > 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_in_the_middle_of_a_transaction_goes_on_undisturbed() {
    let (world, Busy { school, .. }) = busy().await;
    let mut transaction = world.pool().begin().await.unwrap();
    claim(&mut transaction, Reader::Person(school.practitioner)).await;
    let children = "SELECT count(*) FROM lift.children";
    let alerts = "SELECT count(*) FROM lift.alerts";
    let seen: i64 = sqlx::query_scalar(children).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(seen, 1);
    let reader = async {
        let away = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'lift_away')";
        world.until(away).await;
        for sql in [alerts, children, alerts] {
            let seen: i64 = sqlx::query_scalar(sql).fetch_one(&mut *transaction).await.unwrap();
            assert_eq!(seen, 1);
        }
        transaction.commit().await.unwrap();
    };
    let (done, ()) = tokio::join!(rebuilt(&world, "lift"), reader);
    assert_eq!(done.different, [""; 0]);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'lift\\_%'
                   AND nspname NOT IN ('lift_history', 'lift_as_of')";
    assert_eq!(world.number(schemas).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rebuild_under_way_misses_nothing_that_happens_meanwhile() {
    let (world, _) = busy().await;
    let credits = async {
        for _ in 0..60 {
            let data = json!({"amount": "1.00"});
            let credit = world.as_system().ask("samia.cmd.credit_wallet", samia::CLARA, data);
            credit.send().await.ok();
        }
    };
    let rebuilds = async {
        for _ in 0..3 {
            let done = rebuilt(&world, "samia").await;
            assert_eq!(done.different, [""; 0]);
        }
    };
    tokio::join!(credits, rebuilds);
    let data = json!({"amount": "0.01"});
    world.as_system().send("samia.cmd.credit_wallet", samia::CLARA, data).await.ok();
    let row = "SELECT balance::text, (SELECT count(*) FROM samia.transactions) AS moved
               FROM samia.user_wallets";
    assert_eq!(world.row(row).await, json!({"balance": "69.51", "moved": 63}));
    assert_eq!(rebuilt(&world, "samia").await.different, [""; 0]);
}
