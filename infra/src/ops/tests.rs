//! What operators do to a deployment, tried on a real one.

use std::{process::ExitCode, time::Duration};

use uuid::Uuid;

use super::{
    OpsError,
    migrate::{self, MigrateArgs},
    parked::{self, ParkedArgs, SkipArgs},
    rebuild::{self, RebuildArgs},
    testing::{NOBODY, World},
};
use crate::{
    cli::Exit,
    dev::harness,
    settings::Flags,
    store::{Role, connect},
};

fn code(exit: Exit) -> ExitCode {
    exit.into()
}

fn same(left: ExitCode, right: Exit) -> bool {
    format!("{left:?}") == format!("{:?}", code(right))
}

fn skipping(world: &World, position: i64) -> SkipArgs {
    SkipArgs {
        context: "lift".into(),
        position,
        reason: "AN-7: nonsense".into(),
        flags: world.flags(NOBODY),
    }
}

fn rebuilding(world: &World) -> RebuildArgs {
    RebuildArgs {
        context: "lift".into(),
        strict: true,
        flags: world.flags(NOBODY),
        ..RebuildArgs::default()
    }
}

async fn listed(world: &World) -> ExitCode {
    parked::list(ParkedArgs { json: true, flags: world.flags(NOBODY) }).await.unwrap()
}

#[tokio::test]
async fn a_projection_that_stands_still_goes_on_once_an_operator_lets_it_skip() {
    let mut world = World::new().await;
    world.organisation().await;
    let nonsense = world.poison().await;
    let last = world.organisation().await;
    let projecting = world.project("lift").await;
    world.until("EXISTS (SELECT FROM annals.parked)").await;
    assert!(same(listed(&world).await, Exit::Fault));

    let exit = parked::skip(skipping(&world, nonsense)).await.unwrap();
    assert!(same(exit, Exit::Done));
    world.projected("lift", last).await;
    assert!(same(listed(&world).await, Exit::Done));
    let kept: (String, String) =
        sqlx::query_as("SELECT skipped_by, reason FROM annals.parked WHERE skipped_at IS NOT NULL")
            .fetch_one(&world.owner().await)
            .await
            .unwrap();
    assert!(kept.0.ends_with("annals") && kept.1 == "AN-7: nonsense", "{kept:?}");
    let again = parked::skip(skipping(&world, nonsense)).await.unwrap();
    assert!(same(again, Exit::Done), "asking twice changes nothing");
    projecting.stop().await;

    // What is skipped is skipped by a rebuild as well, and nothing differs.
    assert!(same(rebuild::run(rebuilding(&world)).await.unwrap(), Exit::Done));
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM lift.organisations")
        .fetch_one(&world.owner().await)
        .await
        .unwrap();
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn only_what_is_parked_can_be_skipped() {
    let mut world = World::new().await;
    let fine = world.organisation().await;
    let error = parked::skip(skipping(&world, fine)).await.unwrap_err();
    assert!(matches!(&error, OpsError::Refused(why) if why.contains("is not parked")), "{error}");
    assert_eq!(error.exit(), Exit::Fault);
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM annals.parked")
        .fetch_one(&world.owner().await)
        .await
        .unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_rebuild_that_meets_an_event_it_cannot_apply_leaves_the_rows_as_they_are() {
    let mut world = World::new().await;
    let first = world.organisation().await;
    let projecting = world.project("lift").await;
    world.projected("lift", first).await;
    projecting.stop().await;
    world.poison().await;
    let error = rebuild::run(rebuilding(&world)).await.unwrap_err();
    assert!(error.to_string().contains("event 2 (Nonsense) cannot be applied"), "{error}");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM lift.organisations")
        .fetch_one(&world.owner().await)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_rebuild_says_which_tables_somebody_had_written_to() {
    let mut world = World::new().await;
    let first = world.organisation().await;
    let projecting = world.project("lift").await;
    world.projected("lift", first).await;
    projecting.stop().await;
    let owner = world.owner().await;
    sqlx::query("UPDATE lift.organisations SET city = 'York'").execute(&owner).await.unwrap();
    assert!(same(rebuild::run(rebuilding(&world)).await.unwrap(), Exit::Fault));
    let city: String =
        sqlx::query_scalar("SELECT city FROM lift.organisations").fetch_one(&owner).await.unwrap();
    assert_eq!(city, "Leeds", "the log is right");
    assert!(same(rebuild::run(rebuilding(&world)).await.unwrap(), Exit::Done));
}

#[tokio::test]
async fn a_server_without_our_databases_has_them_after_migrate_and_twice_changes_nothing() {
    let postgres = harness::postgres().await.unwrap();
    let name = format!("migrate_{}", Uuid::now_v7().simple());
    let url = postgres.admin_url().replace("/postgres", &format!("/{name}"));
    let flags = Flags::default().with("database_url", url.as_str()).unwrap();
    for _ in 0..2 {
        let args = MigrateArgs { json: true, wait: 5, flags: flags.clone() };
        assert!(same(migrate::run(args).await.unwrap(), Exit::Done));
    }
    let pool = connect(&url, Role::Auditor, 1, true).await.unwrap();
    let head: i64 =
        sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(&pool).await.unwrap();
    assert_eq!(head, 0);
    pool.close().await;
    let keys = connect(&format!("{url}_keys"), Role::Login, 1, true).await.unwrap();
    sqlx::query("SELECT FROM annals_keys.subject_keys").fetch_all(&keys).await.unwrap();
}

#[tokio::test]
async fn migrate_waits_no_longer_than_it_is_told() {
    let flags = Flags::default().with("database_url", "postgres://a@127.0.0.1:1/a").unwrap();
    let began = std::time::Instant::now();
    let error = migrate::run(MigrateArgs { json: false, wait: 1, flags }).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unavailable);
    assert!((1..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_database_without_an_event_store_is_told_from_one_that_is_away() {
    let postgres = harness::postgres().await.unwrap();
    let empty = postgres.empty_database().await.unwrap();
    let flags = Flags::default().with("database_url", empty.url()).unwrap();
    let args = ParkedArgs { json: false, flags };
    let error = tokio::time::timeout(Duration::from_secs(20), parked::list(args)).await;
    assert!(matches!(error.unwrap().unwrap_err(), OpsError::NotMigrated));
    let away = Flags::default().with("database_url", "postgres://a@127.0.0.1:1/a").unwrap();
    let error = parked::list(ParkedArgs { json: false, flags: away }).await.unwrap_err();
    assert_eq!(error.exit(), Exit::Unavailable, "{error}");
}

#[test]
fn every_command_of_operators_explains_itself() {
    use clap::Args as _;
    let commands = [
        ("history", super::history::HistoryArgs::augment_args(clap::Command::new("history"))),
        ("status", super::status::StatusArgs::augment_args(clap::Command::new("status"))),
        ("rebuild", RebuildArgs::augment_args(clap::Command::new("rebuild"))),
        ("parked", ParkedArgs::augment_args(clap::Command::new("parked"))),
        ("skip", SkipArgs::augment_args(clap::Command::new("skip"))),
        ("migrate", MigrateArgs::augment_args(clap::Command::new("migrate"))),
        ("doctor", super::doctor::DoctorArgs::augment_args(clap::Command::new("doctor"))),
    ];
    for (name, mut command) in commands {
        command.clone().debug_assert();
        let help = command.render_long_help().to_string();
        for part in [&format!("annals {name}"), "Examples:", "Exit codes:", "--database-url"] {
            assert!(help.contains(part), "{name}: {part}");
        }
        let short = command.render_help().to_string();
        assert!(!short.contains("--database-url"), "{name}");
    }
}
