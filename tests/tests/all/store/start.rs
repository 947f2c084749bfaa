//! What a service refuses to start on; the sentence says what to do.

use annals_infra::{dev::harness, serve};
use annals_tests::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_service_starts_on_a_postgres_that_can_lose_commits() {
    let world = World::asleep().await;
    let mut config = world.config();
    config.allow_unsafe = false;
    let said = serve::start(config).await.unwrap_err().to_string();
    assert!(
        said.contains("fsync is off") && said.contains("ALTER SYSTEM SET fsync = on"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_service_starts_on_a_database_that_was_not_migrated() {
    let world = World::asleep().await;
    let empty = harness::postgres().await.unwrap().empty_database().await.unwrap();
    let mut config = world.config();
    config.database_url = empty.url();
    let said = serve::start(config).await.unwrap_err().to_string();
    assert!(said.contains("annals migrate"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_reached_is_named_and_passwords_are_not() {
    let world = World::asleep().await;
    let mut config = world.config();
    config.database_url = "postgres://somebody:hunter2@127.0.0.1:1/annals".to_owned();
    let said = serve::start(config).await.unwrap_err().to_string();
    assert!(said.contains("Postgres") && !said.contains("hunter2"), "{said}");
}
