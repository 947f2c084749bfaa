//! What a service refuses to start on; the sentence says what to do.

use annals_infra::{
    dev::harness,
    serve,
    store::{ConnectError, Role, connect},
};
use annals_tests::World;
use sqlx::PgPool;
use uuid::Uuid;

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

async fn kept(pool: &PgPool) -> Vec<String> {
    // Two connections at once: one that was there, and a new one.
    let (mut one, mut other) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
    let mut said = Vec::new();
    for connection in [&mut one, &mut other] {
        let sql = "SELECT current_setting('synchronous_commit')";
        said.push(sqlx::query_scalar(sql).fetch_one(&mut **connection).await.unwrap());
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_service_acknowledges_stays_on_disk_though_that_is_switched_off_under_it() {
    let folder = harness::scratch().unwrap().join(format!("server-{}", Uuid::now_v7()));
    let mut postgres = harness::postgres_in(&folder).await.unwrap();
    let world = World::on(&postgres).await;
    let url = world.database_url().to_owned();
    let pool = connect(&url, Role::Appender, 2, false).await.unwrap();
    for sql in ["ALTER SYSTEM SET synchronous_commit = off", "SELECT pg_reload_conf()"] {
        world.execute(sql).await.unwrap();
    }
    world
        .until("(SELECT setting = 'off' FROM pg_settings WHERE name = 'synchronous_commit')")
        .await;
    assert_eq!(kept(&pool).await, ["on", "on"]);
    let refused = connect(&url, Role::Appender, 1, false).await;
    assert!(matches!(refused, Err(ConnectError::Unsafe { setting: "synchronous_commit", .. })));
    pool.close().await;
    postgres.stop().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
