//! Scenes of Restorative Records.

use serde_json::json;
use uuid::Uuid;

use crate::World;

/// Has a record.
pub const RUTH: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0101);
/// Has another.
pub const ABEL: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0102);

/// The record of a person who was not known before.
pub async fn record(world: &World, person: Uuid) {
    world.knows(person).await;
    let data = json!({"introduction": "Somebody", "narrative": "It began in spring"});
    let create = "restorative.cmd.create_restorative_record";
    world.as_person(person).send(create, (), data).await.accepted(&["RestorativeRecordCreated"]);
}
