//! Scenes of NestSync.

use serde_json::json;
use uuid::Uuid;

use crate::{World, token};

/// Owns a family.
pub const NORA: Uuid = Uuid::from_u128(0x0d00_0000_0000_7000_8000_0000_0000_0001);
/// Helps in Nora's family.
pub const CARL: Uuid = Uuid::from_u128(0x0d00_0000_0000_7000_8000_0000_0000_0002);
/// May look at Nora's family's things.
pub const VIC: Uuid = Uuid::from_u128(0x0d00_0000_0000_7000_8000_0000_0000_0003);
/// Owns another family.
pub const OTTO: Uuid = Uuid::from_u128(0x0d00_0000_0000_7000_8000_0000_0000_0004);
/// A system administrator, of no family.
pub const ROOT: Uuid = Uuid::from_u128(0x0d00_0000_0000_7000_8000_0000_0000_0005);

/// A family with what it has.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The family.
    pub id: Uuid,
    /// Its child.
    pub child: Uuid,
    /// Its item: ten packs of nappies.
    pub item: Uuid,
}

/// A person who is known and has registered.
pub async fn user(world: &World, person: Uuid) {
    world.knows(person).await;
    let data = json!({"email": token::address(person), "display_name": "Somebody"});
    let asked = world.as_person(person).send("nestsync.cmd.register_user", (), data).await;
    asked.accepted(&["UserRegistered"]);
}

/// A family with a child and an item, founded by a person who was not known before.
pub async fn family(world: &World, owner: Uuid) -> Family {
    user(world, owner).await;
    let owner = world.as_person(owner);
    let data = json!({"name": "A family", "display_name": "The owner"});
    let id = owner.send("nestsync.cmd.create_family", (), data).await.ok().id();
    let data = json!({"family_id": id, "first_name": "Kim", "notes": "shy of dogs"});
    let child = owner.send("nestsync.cmd.add_child", (), data).await.ok().id();
    let data = json!({
        "family_id": id, "child_id": child, "category": "supply", "name": "Nappies",
        "unit": "pack", "quantity": "10", "reorder_threshold": "2",
    });
    let item = owner.send("nestsync.cmd.add_inventory_item", (), data).await.ok().id();
    Family { id, child, item }
}

/// Has a person who was not known before join a family, in a role.
pub async fn member(world: &World, family: Family, owner: Uuid, person: Uuid, role: &str) -> Uuid {
    user(world, person).await;
    let data = json!({
        "display_name": "A member", "invited_email": token::address(person), "role": role,
    });
    let owner = world.as_person(owner);
    owner.send("nestsync.cmd.invite_family_member", family.id, data).await.ok();
    let found = format!(
        "SELECT id FROM nestsync.family_members WHERE family_id = '{}' AND user_id = '{person}'",
        family.id
    );
    let member = world.row(&found).await["id"].as_str().unwrap().parse().unwrap();
    let data = json!({"member_id": member});
    let invitee = world.as_person(person);
    invitee.send("nestsync.cmd.accept_family_invitation", family.id, data).await.ok();
    member
}
