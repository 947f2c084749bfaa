use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    samia::testing::{ADMIN, CLIENT, OTHER, READER, STRANGER, deactivate, room, world},
    testing::{Sent, World},
};

const ROOM: Uuid = Uuid::from_u128(0x4007);

fn send(world: &mut World, command: &str, data: Value) -> Sent {
    world.send(&format!("samia.cmd.{command}"), ROOM, data)
}

fn open(participants: &[Uuid]) -> Value {
    json!({"room_type": "group", "max_participants": 3, "participants": participants})
}

/// A world in which the client and another are in a room.
fn two() -> World {
    let mut world = world();
    room(&mut world, ROOM, &[CLIENT, OTHER]);
    world
}

/// Says the id of what the client said.
fn said(world: &mut World) -> Value {
    world.as_person(CLIENT);
    let sent = send(world, "send_message", json!({"content": "hello"})).accepted(&["MessageSent"]);
    sent[0].event.payload_value().unwrap()["message_id"].clone()
}

#[test]
fn whoever_opens_a_room_is_in_it_and_everyone_in_it_is_a_user() {
    let mut world = world();
    send(world.as_person(ADMIN), "open_chat_room", open(&[CLIENT, OTHER])).denied();
    send(world.as_person(STRANGER), "open_chat_room", open(&[STRANGER])).denied();
    send(world.as_person(CLIENT), "open_chat_room", open(&[CLIENT, STRANGER]))
        .refused("too_many_participants");
    send(world.as_person(CLIENT), "open_chat_room", open(&[CLIENT, OTHER]))
        .accepted(&["ChatRoomOpened"]);
    deactivate(&mut world, OTHER);
    send(world.as_person(OTHER), "open_chat_room", open(&[OTHER])).refused("actor_not_active");
}

#[test]
fn a_readings_room_is_for_its_client_and_its_reader() {
    let mut world = world();
    let (spread, reading) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let layout = json!({"name": "One", "card_count": 1, "layout_data": ["a"]});
    world
        .as_person(CLIENT)
        .send("samia.cmd.design_custom_spread", spread, layout)
        .accepted(&["CustomSpreadDesigned"]);
    let asked = json!({"spread_id": spread, "reader_id": READER});
    world.send("samia.cmd.request_reading", reading, asked).accepted(&["ReadingRequested"]);
    let open = |people: &[Uuid], reading: Option<Uuid>| json!({"room_type": "reading", "participants": people, "reading_session_id": reading});
    world.as_system();
    for (people, reading) in [
        ([CLIENT, OTHER], Some(reading)),
        ([CLIENT, READER], None),
        ([CLIENT, READER], Some(spread)),
    ] {
        send(&mut world, "open_chat_room", open(&people, reading)).refused("not_part_of_reading");
    }
    send(&mut world, "open_chat_room", open(&[CLIENT, READER], Some(reading)))
        .accepted(&["ChatRoomOpened"]);
}

#[test]
fn participants_manage_their_group_and_nobody_else_does() {
    let mut world = world();
    send(world.as_person(CLIENT), "open_chat_room", open(&[CLIENT, OTHER]))
        .accepted(&["ChatRoomOpened"]);
    for (command, data, event) in [
        ("add_participant", json!({"user_id": READER}), "ParticipantAdded"),
        ("remove_participant", json!({"user_id": READER}), "ParticipantRemoved"),
        ("change_room_settings", json!({"name": "Friends"}), "RoomSettingsChanged"),
    ] {
        send(world.as_person(ADMIN), command, data.clone()).denied();
        send(world.as_system(), command, data.clone()).denied();
        send(world.as_person(OTHER), command, data).accepted(&[event]);
    }
    let stranger = json!({"user_id": STRANGER});
    send(world.as_person(CLIENT), "add_participant", stranger).refused("too_many_participants");
}

#[test]
fn participants_and_the_system_close_a_room() {
    for system in [true, false] {
        let mut world = two();
        send(world.as_person(ADMIN), "close_chat_room", json!({})).denied();
        if system {
            world.as_system()
        } else {
            world.as_person(OTHER)
        };
        send(&mut world, "close_chat_room", json!({})).accepted(&["ChatRoomClosed"]);
    }
    send(world().as_system(), "close_chat_room", json!({})).unknown();
}

#[test]
fn people_speak_for_themselves() {
    let mut world = two();
    let hello = json!({"content": "hello"});
    send(world.as_person(ADMIN), "send_message", hello.clone()).denied();
    world.as_person(CLIENT);
    send(&mut world, "send_message", json!({"content": "x", "sender_id": OTHER})).denied();
    send(&mut world, "send_message", json!({"content": "x", "message_type": "system"})).denied();
    send(&mut world, "send_message", json!({"content": "x", "is_encrypted": true}))
        .refused("encryption_mismatch");
    let sent = send(&mut world, "send_message", hello).accepted(&["MessageSent"]);
    assert_eq!(sent[0].event.payload_value().unwrap()["sender_id"], json!(CLIENT));
}

#[test]
fn the_system_speaks_in_a_participants_name_and_says_so() {
    let mut world = two();
    world.as_system();
    let sent = send(&mut world, "send_message", json!({"content": "x"}));
    assert!(matches!(sent.0, Err(crate::Stop::Invalid { pointer: "/sender_id", .. })));
    let text = json!({"content": "x", "sender_id": CLIENT, "message_type": "text"});
    send(&mut world, "send_message", text).denied();
    send(&mut world, "send_message", json!({"content": "x", "sender_id": READER}))
        .refused("not_in_room");
    let sent = send(&mut world, "send_message", json!({"content": "x", "sender_id": CLIENT}))
        .accepted(&["MessageSent"]);
    assert_eq!(sent[0].event.payload_value().unwrap()["message_type"], "system");
}

#[test]
fn a_message_is_acknowledged_by_the_others() {
    let mut world = two();
    let id = json!({"message_id": said(&mut world)});
    for (command, event) in
        [("confirm_delivery", "MessageDelivered"), ("mark_message_read", "MessageRead")]
    {
        send(world.as_person(CLIENT), command, id.clone()).denied();
        send(world.as_person(ADMIN), command, id.clone()).denied();
        send(world.as_person(OTHER), command, id.clone()).accepted(&[event]);
        send(world.as_person(OTHER), command, id.clone()).accepted(&[]);
        send(world.as_person(OTHER), command, json!({"message_id": Uuid::nil()}))
            .refused("message_not_found");
    }
}

#[test]
fn the_sender_edits_and_deletes_and_the_system_deletes_what_has_outlived_its_time() {
    let mut world = two();
    let message = said(&mut world);
    let edit = json!({"message_id": message, "content": "bye"});
    let delete = json!({"message_id": message});
    for person in [OTHER, ADMIN] {
        send(world.as_person(person), "edit_message", edit.clone()).denied();
        send(world.as_person(person), "delete_message", delete.clone()).denied();
    }
    send(world.as_system(), "edit_message", edit.clone()).denied();
    send(world.as_person(CLIENT), "edit_message", edit.clone()).accepted(&["MessageEdited"]);
    send(world.as_person(CLIENT), "delete_message", delete).accepted(&["MessageDeleted"]);
    send(&mut world, "edit_message", edit).refused("message_deleted_already");
    let other = json!({"message_id": said(&mut world)});
    send(world.as_system(), "delete_message", other.clone()).accepted(&["MessageDeleted"]);
    send(world.as_system(), "delete_message", other).accepted(&[]);
}
