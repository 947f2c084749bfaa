//! An event that cannot be applied stops its projection loudly; nothing is skipped in silence.

use annals_infra::store::leaf_hash;
use annals_tests::{World, samia::wallet};
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

/// Puts an event into the log that this version does not know, as a newer one may have written it.
async fn poisoned(world: &World, event_type: &str, payload: &str) -> i64 {
    poisoned_as(world, "samia.wallet", event_type, payload).await
}

/// The same, of any kind of aggregate.
pub async fn poisoned_as(world: &World, kind: &str, event_type: &str, payload: &str) -> i64 {
    let mut transaction = world.pool().begin().await.unwrap();
    let head = "SELECT position, clock_timestamp() FROM annals.head FOR UPDATE";
    let head = sqlx::query(head).fetch_one(&mut *transaction).await.unwrap();
    let (position, at): (i64, DateTime<Utc>) = (head.get::<i64, _>(0) + 1, head.get(1));
    let (stream, id) = (Uuid::from_u128(0xbad).to_string(), Uuid::now_v7());
    let metadata = json!({
        "command_id": "c", "command": "c", "actor": Uuid::nil(), "actor_kind": "system",
        "tenant": stream, "correlation_id": "c", "causation_id": "c",
    });
    let metadata = metadata.to_string();
    let hash = leaf_hash(kind, &stream, 1, event_type, "1", id, at, &metadata, payload);
    sqlx::query(
        "INSERT INTO annals.events (position, aggregate_type, aggregate_id, sequence, event_type,
             event_version, payload, metadata, event_id, recorded_at, hash)
         VALUES ($1, $2, $3, 1, $4, '1', $5::json, $6::json, $7, $8, $9)",
    )
    .bind(position)
    .bind(kind)
    .bind(&stream)
    .bind(event_type)
    .bind(payload)
    .bind(&metadata)
    .bind(id)
    .bind(at)
    .bind(hash.as_slice())
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query("UPDATE annals.head SET position = $1, recorded_at = $2")
        .bind(position)
        .bind(at)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    position
}

async fn stops_until_it_is_skipped(event_type: &str, payload: &str) {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let position = poisoned(&world, event_type, payload).await;
    let standing = "SELECT stopped_at = {} FROM annals.projections WHERE name = 'samia'";
    world.until(&standing.replace("{}", &position.to_string())).await;
    let parked = "SELECT name, position, event_type, skipped_at, attempts > 0 AS tried
                  FROM annals.parked";
    let expected = json!({"name": "samia", "position": position, "event_type": event_type,
                          "skipped_at": null, "tried": true});
    assert_eq!(world.row(parked).await, expected);
    let why = world.row("SELECT error FROM annals.projections WHERE name = 'samia'").await;
    assert!(!why["error"].as_str().unwrap().is_empty());

    // Commands are still taken, and other contexts are not touched.
    let debit = world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": "1.00"}));
    debit.send().await.accepted(&["WalletDebited"]);
    annals_tests::lift::account(&world).await;
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "10.00"}), "nothing behind it is applied");

    let skip = "UPDATE annals.parked SET skipped_at = now(), skipped_by = 'somebody',
                       reason = 'of a version that was taken back'";
    assert_eq!(world.execute(skip).await, Ok(1));
    world.shown("samia").await;
    let row = world.row("SELECT balance::text FROM samia.user_wallets").await;
    assert_eq!(row, json!({"balance": "9.00"}));
    let at = "SELECT stopped_at, error FROM annals.projections WHERE name = 'samia'";
    assert_eq!(world.row(at).await, json!({"stopped_at": null, "error": null}));
    let kept = "SELECT skipped_by, reason FROM annals.parked";
    let kept = world.row(kept).await;
    assert_eq!(kept["skipped_by"], "somebody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_nobody_knows_stops_its_projection_until_it_is_skipped() {
    stops_until_it_is_skipped("WalletEnchanted", r#"{"by": "a newer version"}"#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_payload_does_not_fit_stops_its_projection() {
    stops_until_it_is_skipped("WalletCredited", r#"{"amount": "1.00"}"#).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_row_is_not_there_stops_its_projection() {
    stops_until_it_is_skipped("WalletFrozen", r#"{"is_frozen": true}"#).await;
}
