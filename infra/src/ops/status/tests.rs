//! Readings of a real deployment.

use super::*;
use crate::{
    dev::harness,
    ops::testing::{NOBODY, World},
};

async fn observer(world: &World, nats: &str) -> Observer {
    let setup = world.setup(nats);
    let pool = setup.pool(Role::Auditor, 2).await.unwrap();
    Observer { reach: Reach::Setup(Box::new(setup)), pool, catalogue: Catalogue::new(), nats: None }
}

fn lift(reading: &Reading) -> &reading::Context {
    reading.contexts.iter().find(|it| it.name == "lift").unwrap()
}

#[tokio::test]
async fn a_deployment_at_work_is_told_from_one_that_stands_still() {
    let mut world = World::new().await;
    let nats = harness::nats().await.unwrap();
    let running = world.serve(&nats.url()).await;
    let first = world.organisation().await;
    world.projected("lift", first).await;
    world.until("EXISTS (SELECT FROM annals.relay WHERE context = 'lift' AND position = 1)").await;

    let mut observer = observer(&world, &nats.url()).await;
    let busy = observer.look().await.unwrap();
    assert!(busy.ok, "{:?}", busy.faults);
    assert!(busy.relay_active && busy.keys.reachable && busy.nats.reachable);
    let rows = lift(&busy).projection.as_ref().unwrap();
    assert!(rows.active && rows.progress.lag_exact);
    assert_eq!((rows.progress.position, rows.progress.lag_events), (first, 0));
    assert_eq!(lift(&busy).published.as_ref().unwrap().position, first);
    assert_eq!(lift(&busy).stream.as_ref().unwrap().messages, 1);
    assert_eq!(lift(&busy).services, Some(1));

    running.stop().await;
    world.organisation().await;
    // Other tests lock in databases of their own.
    world
        .until(
            "NOT EXISTS (SELECT FROM pg_locks AS held JOIN pg_database AS own ON own.oid = held.database
                         WHERE held.locktype = 'advisory' AND own.datname = current_database())",
        )
        .await;
    let quiet = observer.look().await.unwrap();
    assert!(!quiet.ok && !quiet.relay_active);
    let rows = lift(&quiet).projection.as_ref().unwrap();
    assert_eq!((rows.active, rows.progress.lag_events), (false, 1));
    assert_eq!(lift(&quiet).services, Some(0));
    let faults = quiet.faults.join("\n");
    assert!(faults.contains("nobody projects lift, 1 event behind"), "{faults}");
    assert!(faults.contains("nobody publishes: 1 event of lift"), "{faults}");
}

#[tokio::test]
async fn what_stops_a_projection_is_a_fault_and_nats_out_of_reach_is_none() {
    let mut world = World::new().await;
    world.poison().await;
    let projecting = world.project("lift").await;
    world.until("EXISTS (SELECT FROM annals.projections WHERE stopped_at = 1)").await;
    let reading = observer(&world, NOBODY).await.look().await.unwrap();
    projecting.stop().await;
    assert!(reading.faults[0].contains("lift stands still at position 1"), "{:?}", reading.faults);
    assert_eq!(reading.faults.len(), 1);
    assert_eq!(lift(&reading).parked, 1);
    assert!(!reading.nats.reachable && lift(&reading).services.is_none());
    assert!(reading.notes[0].contains("NATS does not answer here"), "{:?}", reading.notes);
    let args = StatusArgs { json: true, watch: None, flags: world.flags(NOBODY) };
    let exit = run(args).await.unwrap();
    assert_eq!(format!("{exit:?}"), format!("{:?}", ExitCode::from(1)));
}
