//! Versions are kept with the rows, or not at all.

use annals_projections::{Catalogue, Context};
use annals_tests::{World, busy::fill};
use serde_json::json;

/// Tables whose open versions are not their rows, byte for byte.
async fn unlike_live(world: &World, context: &Context) -> Vec<&'static str> {
    let mut unlike = Vec::new();
    for table in context.tables {
        let name = format!("{}.{}", table.schema, table.name);
        let rows = format!(
            "SELECT (SELECT coalesce(json_agg(r::text ORDER BY r::text), '[]') FROM {name} AS r)::text
                  = (SELECT coalesce(json_agg(r::text ORDER BY r::text), '[]')
                     FROM {}_as_of.{} AS r)::text AS alike",
            table.schema, table.name
        );
        if world.row(&rows).await != json!({"alike": true}) {
            unlike.push(table.name);
        }
    }
    unlike
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_open_versions_are_the_rows_byte_for_byte() {
    let world = World::start().await;
    fill(&world).await;
    for context in Catalogue::new().contexts() {
        assert_eq!(unlike_live(&world, context).await, [""; 0], "{}", context.name);
        if context.tables.is_empty() {
            continue;
        }
        let kept = format!("SELECT history FROM annals.projections WHERE name = '{}'", context.name);
        assert_eq!(world.row(&kept).await, json!({"history": true}));
    }
    let wallet = "SELECT balance::text, annals_to = 9223372036854775807 AS open
                  FROM samia_history.user_wallets ORDER BY annals_from";
    let versions = ["0.00", "10.00", "9.50"]
        .map(|balance| json!({"balance": balance, "open": balance == "9.50"}));
    assert_eq!(world.rows(wallet).await, versions);
}
