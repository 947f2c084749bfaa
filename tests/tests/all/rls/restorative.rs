//! Rows of Restorative Records.

use annals_tests::{
    World,
    restorative::{ABEL, RUTH, record},
};
use uuid::Uuid;

use super::{matches, readable};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_the_own_record_and_no_other() {
    let world = World::start().await;
    record(&world, RUTH).await;
    record(&world, ABEL).await;
    world.shown("restorative").await;
    let tables = [readable("restorative.restorative_records", "user_id = $me")];
    let people = [("Ruth", RUTH), ("Abel", ABEL), ("a stranger", Uuid::from_u128(0x5c))];
    matches(&world, &tables, &people).await;
}
