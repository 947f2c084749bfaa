//! Code written for cqrs-es and postgres-es reads the log.

use annals_commands::adapter::Adapted;
use annals_domain::{Decider, samia::wallet::Wallet};
use annals_infra::store::{Role, connect, cqrs::LogRepository};
use annals_tests::{World, samia::wallet};
use cqrs_es::{
    Aggregate, AggregateContext, EventStore,
    persist::{PersistedEventRepository, PersistedEventStore},
};
use postgres_es::PostgresEventRepository;
use serde_json::{Value, json};

/// Ten come in, one goes out, by three events.
async fn moved() -> (World, String) {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let data = json!({"amount": "1.00"});
    world.as_system().send("samia.cmd.debit_wallet", clara, data).await.ok();
    (world, clara.to_string())
}

fn balance(wallet: &Wallet) -> Value {
    serde_json::to_value(wallet).unwrap()["balance"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_event_store_loads_our_aggregates() {
    let (world, clara) = moved().await;
    let pool = connect(world.database_url(), Role::Auditor, 1, true).await.unwrap();
    let repository = LogRepository::new(pool);
    assert_eq!(balance(&repository.load::<Wallet>(&clara).await.unwrap()), "9.00");
    let store = PersistedEventStore::<_, Adapted<Wallet>>::new_event_store(repository);
    let mut loaded = store.load_aggregate(&clara).await.unwrap();
    assert_eq!(loaded.current_sequence, 3);
    assert_eq!(balance(&loaded.aggregate().0), "9.00");
    let events = store.load_events(&clara).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(events.iter().all(|event| event.metadata.contains_key("command_id")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plain_postgres_repository_reads_our_streams() {
    let (world, clara) = moved().await;
    let pool = connect(world.database_url(), Role::Auditor, 1, true).await.unwrap();
    let stock = PostgresEventRepository::new(pool).with_tables("annals.events", "annals.snapshots");
    let events = stock.get_events::<Adapted<Wallet>>(&clara).await.unwrap();
    let kinds: Vec<(usize, &str, &str)> = events
        .iter()
        .map(|event| (event.sequence, event.event_type.as_str(), event.event_version.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [(1, "WalletOpened", "1"), (2, "WalletCredited", "1"), (3, "WalletDebited", "1")]
    );
    assert!(events.iter().all(|event| event.aggregate_type == Wallet::TYPE));
    assert!(events.iter().all(|event| event.aggregate_id == clara));
    assert_eq!(events[2].payload["balance"], "9.00");
    assert_eq!(events[2].metadata["command"], "debit_wallet");
    assert_eq!(Adapted::<Wallet>::TYPE, Wallet::TYPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_by_way_of_cqrs() {
    let (world, clara) = moved().await;
    let pool = connect(world.database_url(), Role::Appender, 1, true).await.unwrap();
    let repository = LogRepository::new(pool);
    let events = repository.get_events::<Adapted<Wallet>>(&clara).await.unwrap();
    assert!(repository.persist::<Adapted<Wallet>>(&events, None).await.is_err());
    assert_eq!(world.events().await, 5);
}
