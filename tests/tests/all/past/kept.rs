//! Versions are kept with the rows, or not at all.

use annals_infra::settings::Kept;
use annals_projections::{Catalogue, Context, Writer};
use annals_tests::{World, busy::fill, samia};
use serde_json::json;

use super::Work;

/// Tables whose open versions are not their rows, byte for byte.
async fn unlike_live(world: &World, context: &Context) -> Vec<&'static str> {
    let mut unlike = Vec::new();
    for table in context.tables.iter().filter(|it| it.writer == Writer::Projector) {
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
        let kept =
            format!("SELECT history FROM annals.projections WHERE name = '{}'", context.name);
        assert_eq!(world.row(&kept).await, json!({"history": true}));
    }
    let wallet = "SELECT balance::text, annals_to = 9223372036854775807 AS open
                  FROM samia_history.user_wallets ORDER BY annals_from";
    let versions = ["0.00", "10.00", "9.50"]
        .map(|balance| json!({"balance": balance, "open": balance == "9.50"}));
    assert_eq!(world.rows(wallet).await, versions);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_past_that_is_switched_off_says_so_until_a_rebuild_fills_it() {
    let mut world = World::start_with(|config| config.history = Kept::NONE).await;
    let clara = samia::wallet(&world, "10.00").await;
    world.shown("samia").await;
    let versions = "SELECT count(*) FROM samia_history.user_wallets";
    assert_eq!(world.number(versions).await, 0);
    let asked = world.execute("SELECT * FROM samia_as_of.user_wallets").await;
    assert_eq!(asked, Err("55000".to_owned()), "it is not empty, it is not kept");

    // Switched on, it does not begin in the middle.
    world.rest().await;
    world.wake().await;
    let debit = json!({"amount": "1.00"});
    world.as_system().send("samia.cmd.debit_wallet", clara, debit.clone()).await.ok();
    world.shown("samia").await;
    assert_eq!(world.number(versions).await, 0);
    assert_eq!(world.execute("SELECT * FROM samia_as_of.users").await, Err("55000".to_owned()));
    let work = Work::new(&world).await;
    work.rebuild("samia", true).await;
    assert_eq!(world.number(versions).await, 3);
    world.as_system().send("samia.cmd.debit_wallet", clara, debit.clone()).await.ok();
    world.shown("samia").await;
    assert_eq!(world.number(versions).await, 4, "from then on it is kept");
    let samia = "SELECT balance::text FROM samia_as_of.user_wallets";
    assert_eq!(world.row(samia).await, json!({"balance": "8.00"}));

    // Switched off again, it has a hole, and says so.
    world.rest().await;
    let mut config = world.config();
    config.history = Kept::NONE;
    world.serve(config).await;
    world.as_system().send("samia.cmd.debit_wallet", clara, debit).await.ok();
    world.shown("samia").await;
    assert_eq!(world.execute("SELECT * FROM samia_as_of.users").await, Err("55000".to_owned()));
    let catalogue = Catalogue::new();
    assert_eq!(unlike_live(&world, catalogue.context("lift").unwrap()).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_that_is_killed_again_and_again_leaves_no_version_out_and_none_twice() {
    let world = World::start().await;
    let clara = samia::wallet(&world, "10.00").await;
    let kill = "SELECT pg_terminate_backend(held.pid) FROM pg_locks AS held
                WHERE held.locktype = 'advisory'
                  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND held.classid =
                      (hashtext('annals.projector.samia')::bigint & 4294967295)::text::oid";
    let mut killed = 0;
    for _ in 0..12 {
        let credits = (0..10).map(|_| async {
            let data = json!({"amount": "0.10"});
            world.as_system().send("samia.cmd.credit_wallet", clara, data).await.ok();
        });
        let kills = async { world.execute(kill).await.unwrap() };
        let (_, count) = tokio::join!(futures::future::join_all(credits), kills);
        killed += count;
    }
    assert!(killed > 3, "{killed}");
    world.shown("samia").await;
    let versions = "SELECT count(*) FROM samia_history.user_wallets";
    assert_eq!(world.number(versions).await, 122);
    let written = super::versions(&world, "samia").await;
    Work::new(&world).await.rebuild("samia", true).await;
    assert_eq!(super::versions(&world, "samia").await, written);
}
