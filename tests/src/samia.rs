//! Scenes of SAMIA TAROT.

use serde_json::json;
use uuid::Uuid;

use crate::{World, token};

/// A client.
pub const CLARA: Uuid = Uuid::from_u128(0x0c00_0000_0000_7000_8000_0000_0000_0001);
/// Another client.
pub const DORA: Uuid = Uuid::from_u128(0x0c00_0000_0000_7000_8000_0000_0000_0002);
/// The first super admin.
pub const SAM: Uuid = Uuid::from_u128(0x0c00_0000_0000_7000_8000_0000_0000_0003);

/// A person who is known and has registered.
pub async fn user(world: &World, person: Uuid) {
    world.knows(person).await;
    let data = json!({"email": token::address(person), "full_name": "Somebody"});
    let asked = world.as_person(person).send("samia.cmd.register_user", (), data).await;
    asked.accepted(&["UserRegistered"]);
}

/// Sam, whom the operator makes super admin.
pub async fn super_admin(world: &World) -> Uuid {
    user(world, SAM).await;
    let data = json!({"role": "super_admin"});
    world.as_operator().send("samia.cmd.change_user_role", SAM, data).await.ok();
    SAM
}

/// Clara, with so much money in her wallet.
pub async fn wallet(world: &World, balance: &str) -> Uuid {
    wallet_of(world, CLARA, balance).await;
    CLARA
}

/// A person's wallet, with so much money in it.
pub async fn wallet_of(world: &World, person: Uuid, balance: &str) {
    user(world, person).await;
    let system = world.as_system();
    system.send("samia.cmd.open_wallet", person, json!({})).await.accepted(&["WalletOpened"]);
    let credit = json!({"amount": balance});
    system.send("samia.cmd.credit_wallet", person, credit).await.accepted(&["WalletCredited"]);
}
