//! A deployment that is well, and each way in which one can be ill.

use async_nats::jetstream;

use super::*;
use crate::{
    dev::harness,
    ops::testing::{NOBODY, World},
    serve::connect_nats,
};

/// Checks of these tests' throw-away cluster: it keeps nothing on purpose, and its login is a superuser.
const OF_THE_CLUSTER: [&str; 3] = ["durability", "login", "checksums"];

/// Everything that is not as it should be: what, and what was seen.
async fn ill(world: &World, nats: &str) -> Vec<(&'static str, String)> {
    let setup = world.setup(nats);
    let args = DoctorArgs { hashes: 100, ..DoctorArgs::default() };
    let found = examine(&setup, &args).await;
    found
        .into_iter()
        .filter(|it| it.verdict > Verdict::Skipped && !OF_THE_CLUSTER.contains(&it.check))
        .map(|it| (it.check, it.seen))
        .collect()
}

async fn run_all(world: &World, statements: &[&str]) {
    let owner = world.owner().await;
    for statement in statements {
        sqlx::query(statement).execute(&owner).await.unwrap();
    }
}

#[tokio::test]
async fn a_deployment_that_is_well_has_no_fault_and_a_lost_stream_is_noticed() {
    let mut world = World::new().await;
    let nats = harness::nats().await.unwrap();
    let running = world.serve(&nats.url()).await;
    let first = world.organisation().await;
    world.projected("lift", first).await;
    world.until("EXISTS (SELECT FROM annals.relay WHERE context = 'lift' AND position = 1)").await;
    assert_eq!(ill(&world, &nats.url()).await, []);

    // With nobody there to fill it anew.
    running.stop().await;
    let client = connect_nats(&nats.url(), None).await.unwrap();
    let jetstream = jetstream::new(client);
    jetstream.get_stream("EVT_LIFT").await.unwrap().purge().await.unwrap();
    let [(check, seen)] = &ill(&world, &nats.url()).await[..] else { panic!("one fault is due") };
    assert_eq!(*check, "streams");
    assert!(seen.contains("EVT_LIFT is empty, though the relay published up to 1"), "{seen}");
    jetstream.delete_stream("EVT_LIFT").await.unwrap();
    let [(_, seen)] = &ill(&world, &nats.url()).await[..] else { panic!("one fault is due") };
    assert!(seen.contains("EVT_LIFT is not there"), "{seen}");
}

#[tokio::test]
async fn an_open_door_to_events_or_rows_is_noticed() {
    let world = World::new().await;
    run_all(
        &world,
        &[
            "ALTER TABLE annals.events DISABLE TRIGGER events_are_never_changed",
            "GRANT UPDATE (payload) ON annals.events TO annals_appender",
            "GRANT SELECT ON annals.events TO authenticated",
            "ALTER TABLE lift.alerts NO FORCE ROW LEVEL SECURITY",
            "GRANT SELECT ON lift.children TO PUBLIC",
            "GRANT USAGE ON SCHEMA annals TO PUBLIC",
            "CREATE TABLE samia.notes (id int)",
            "CREATE VIEW lift.everything AS SELECT * FROM lift.alerts",
            "GRANT SELECT ON lift.everything TO authenticated",
            "DROP TABLE nestsync.usage_logs CASCADE",
        ],
    )
    .await;
    let found = ill(&world, NOBODY).await;
    for (check, seen) in [
        ("append only", "events_are_never_changed"),
        ("events' rights", "SELECT to authenticated, UPDATE to annals_appender"),
        ("row security", "lift.alerts, samia.notes"),
        ("policies", "samia.notes"),
        ("grants", "lift.children"),
        ("schemas", "annals"),
        ("views", "lift.everything"),
        ("tables", "nestsync.usage_logs"),
    ] {
        assert!(found.contains(&(check, seen.to_owned())), "{check}: {seen} in {found:?}");
    }
    // These eight, and NATS, where nobody listens.
    assert_eq!(found.len(), 9, "{found:?}");
}

#[tokio::test]
async fn a_log_that_lost_or_altered_events_is_noticed() {
    let mut world = World::new().await;
    for _ in 0..4 {
        world.organisation().await;
    }
    let projecting = world.project("lift").await;
    world.projected("lift", 4).await;
    projecting.stop().await;
    run_all(
        &world,
        &[
            "ALTER TABLE annals.events DISABLE TRIGGER events_are_never_changed",
            "UPDATE annals.events SET payload = '{}' WHERE position = 3",
            "DELETE FROM annals.events WHERE position = 2",
            "UPDATE annals.events SET hash = sha256('x') WHERE position = 4",
            "ALTER TABLE annals.events ENABLE TRIGGER events_are_never_changed",
        ],
    )
    .await;
    let found = ill(&world, NOBODY).await;
    for (check, seen) in [
        ("positions", "3 events, the last at 4, and the head says 4; position 2 is missing"),
        ("hashes", "3 (lift.organisation), 4 (lift.organisation)"),
        ("checkpoints", "lift"),
    ] {
        assert!(found.contains(&(check, seen.to_owned())), "{check}: {seen} in {found:?}");
    }
}

#[tokio::test]
async fn a_log_that_was_put_back_to_an_older_state_is_noticed() {
    let mut world = World::new().await;
    world.organisation().await;
    run_all(
        &world,
        &[
            "UPDATE annals.projections SET position = 9, hash = sha256('x') WHERE name = 'lift'",
            "UPDATE annals.projections SET stopped_at = 1, error = 'x' WHERE name = 'samia'",
            "UPDATE annals.projections SET tables_hash = 'x' WHERE name = 'nestsync'",
            "INSERT INTO annals.relay VALUES ('lift', 1, 'then', 9, NULL, now())",
            "UPDATE annals._sqlx_migrations SET checksum = 'x' WHERE version = 3",
        ],
    )
    .await;
    let found = ill(&world, NOBODY).await;
    for (check, seen) in [
        ("checkpoints", "lift"),
        ("projections", "samia"),
        ("relay", "lift"),
        ("table files", "nestsync"),
        ("schema", "migration 3 was another one"),
    ] {
        assert!(found.contains(&(check, seen.to_owned())), "{check}: {seen} in {found:?}");
    }
}

#[tokio::test]
async fn keys_that_are_out_of_reach_or_anothers_are_noticed() {
    let mut world = World::new().await;
    world.keys.ensure(&["ada".to_owned()]).await.unwrap();
    let fine = keys::check(&world.setup(NOBODY)).await;
    assert!(fine.iter().all(|it| it.verdict == Verdict::Ok), "{fine:?}");

    world.kek_file = world.kek_file.with_extension("other");
    crate::keys::Kek::open_or_create(&world.kek_file).unwrap();
    let found = keys::check(&world.setup(NOBODY)).await;
    let wrong = found.iter().find(|it| it.check == "kek fits").unwrap();
    assert_eq!(wrong.verdict, Verdict::Failed);
    assert!(wrong.seen.contains("not in the file"), "{}", wrong.seen);

    let away = world.flags(NOBODY).with("keys_url", "postgres://a@127.0.0.1:1/a").unwrap();
    let found = keys::check(&Setup::new(&away).unwrap()).await;
    assert!(found.iter().any(|it| it.check == "key store" && it.verdict == Verdict::Failed));
}

#[tokio::test]
async fn a_doctor_who_finds_nothing_to_examine_says_what_is_missing() {
    let postgres = harness::postgres().await.unwrap();
    let empty = postgres.empty_database().await.unwrap();
    let flags = Flags::default().with("database_url", empty.url()).unwrap();
    let flags = flags.with("nats_url", NOBODY).unwrap();
    let setup = Setup::new(&flags).unwrap();
    let found = examine(&setup, &DoctorArgs::default()).await;
    let advice = |check| found.iter().find(|it| it.check == check).and_then(|it| it.advice.clone());
    assert_eq!(advice("schema").as_deref(), Some("run annals migrate"));
    assert_eq!(advice("key store").as_deref(), Some("run annals migrate"));
    let exit = run(DoctorArgs { json: true, flags, ..DoctorArgs::default() }).await.unwrap();
    assert_eq!(format!("{exit:?}"), format!("{:?}", ExitCode::from(1)));
}
