//! Applying twice changes nothing: events carry outcomes.

use annals_projections::{Catalogue, Writer};
use annals_tests::{World, busy};
use serde_json::Value;

async fn everything(world: &World) -> Vec<(String, Vec<Value>)> {
    let mut tables = Vec::new();
    for context in Catalogue::new().contexts() {
        for table in context.tables {
            let name = format!("{}.{}", table.schema, table.name);
            let rows = world.rows(&format!("SELECT * FROM {name} AS row ORDER BY row::text")).await;
            tables.push((name, rows));
            if table.writer == Writer::Migrator {
                continue;
            }
            let past = format!("{}_history.{}", table.schema, table.name);
            let rows = world.rows(&format!("SELECT * FROM {past} AS row ORDER BY row::text")).await;
            tables.push((past, rows));
        }
    }
    tables
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_applied_again_leave_the_rows_as_they_were() {
    let mut world = World::start().await;
    busy::fill(&world).await;
    let before = everything(&world).await;
    assert!(before.iter().filter(|(_, rows)| !rows.is_empty()).count() > 34);
    world.rest().await;
    let back = "UPDATE annals.projections SET position = 0, hash = NULL, recorded_at = NULL";
    assert!(world.execute(back).await.unwrap() >= 4);
    world.wake().await;
    world.all_shown().await;
    assert_eq!(world.number("SELECT count(*) FROM annals.parked").await, 0);
    for ((name, before), (_, after)) in before.into_iter().zip(everything(&world).await) {
        assert_eq!(after, before, "{name}");
    }
}
