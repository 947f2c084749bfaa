//! People of the tests' world.

use annals_domain::{
    samia::user::{Role, User, UserDeactivated, UserRegistered, UserRoleChanged},
    samia::words::Object,
    shared::identity::{Identity, IdentityRegistered},
};
use serde_json::json;
use uuid::Uuid;

use crate::testing::World;

/// A client.
pub const CLIENT: Uuid = Uuid::from_u128(0xc11e);
/// Another client.
pub const OTHER: Uuid = Uuid::from_u128(0x07e5);
/// A reader.
pub const READER: Uuid = Uuid::from_u128(0x4ead);
/// A monitor.
pub const MONITOR: Uuid = Uuid::from_u128(0x3071);
/// An admin.
pub const ADMIN: Uuid = Uuid::from_u128(0xad31);
/// A super admin.
pub const SUPER: Uuid = Uuid::from_u128(0x50be);
/// Somebody who is no user.
pub const STRANGER: Uuid = Uuid::from_u128(0x5742);

/// A world with a user of every role, and a stranger known to the identity provider alone.
pub fn world() -> World {
    let mut world = World::new();
    for (id, role) in [
        (CLIENT, Role::Client),
        (OTHER, Role::Client),
        (READER, Role::Reader),
        (MONITOR, Role::Monitor),
        (ADMIN, Role::Admin),
        (SUPER, Role::SuperAdmin),
    ] {
        user(&mut world, id, role);
    }
    known(&mut world, STRANGER);
    world
}

/// Makes somebody known to the identity provider.
pub fn known(world: &mut World, id: Uuid) {
    world.happened::<Identity>(id, IdentityRegistered { email: format!("{id}@example.org") });
}

/// Makes somebody a user.
pub fn user(world: &mut World, id: Uuid, role: Role) {
    known(world, id);
    world.happened::<User>(id, registered(id));
    let changed = UserRoleChanged { role, profile_type: role.profile_type() };
    world.happened::<User>(id, changed);
}

/// Somebody registered.
pub fn registered(id: Uuid) -> UserRegistered {
    UserRegistered {
        email: format!("{id}@example.org").parse().unwrap(),
        full_name: "Somebody".parse().unwrap(),
        role: Role::Client,
        is_active: true,
        email_verified: false,
        phone_number: None,
        date_of_birth: None,
        timezone: None,
        profile_image_url: None,
        bio: None,
        login_count: 0,
        metadata: Some(Object::new()),
        preferences: Some(Object::new()),
    }
}

/// Takes somebody's rights away.
pub fn deactivate(world: &mut World, id: Uuid) {
    world.happened::<User>(id, UserDeactivated { is_active: false });
}

/// Takes somebody out of the service for good.
pub fn erase(world: &mut World, id: Uuid) {
    world.as_system().send("samia.cmd.erase_user", id, json!({})).accepted(&["UserErased"]);
}

/// Opens a room, whose messages are in clear, for two.
pub fn room(world: &mut World, room: Uuid, participants: &[Uuid; 2]) {
    let data = json!({"room_type": "direct", "participants": participants, "is_encrypted": false});
    world.as_person(participants[0]);
    world.send("samia.cmd.open_chat_room", room, data).accepted(&["ChatRoomOpened"]);
}
