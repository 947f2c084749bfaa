//! Rooms: opened for a reading, closed a day after it, and messages that do not stay.

use annals_domain::samia::chat_room::{
    ChatRoom, CloseChatRoom, DeleteMessage, Event, OpenChatRoom, RoomType,
};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{MESSAGE, ROOM, ROOM_CLOSED};
use crate::reaction::{Halt, Memory, Reacting};

/// A reading's rooms that are open.
const ROOMS: &str = "rooms";

/// What is remembered of a room.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfRoom {
    reading: Option<Uuid>,
    /// After how many hours its messages go.
    hours: Option<u16>,
}

impl Memory for OfRoom {
    const KIND: &'static str = "room";
}

/// Opens the room of a reading and its reader (samia.reaction.room-for-reading).
pub fn open(
    reading: Uuid,
    client: Uuid,
    reader: Uuid,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let room = OpenChatRoom {
        room_type: RoomType::Reading,
        name: None,
        description: None,
        participants: vec![client, reader],
        max_participants: None,
        is_encrypted: None,
        auto_delete_after_hours: None,
        reading_session_id: Some(reading),
        metadata: None,
    };
    // The same two have one room for one reading.
    reacting.send::<ChatRoom, _>(ROOM, Uuid::new_v5(&reading, reader.as_bytes()), &room)
}

/// Closes the rooms of a reading that is over (samia.reaction.room-closed-after-reading).
pub fn close(reading: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    for room in reacting.notes.members(ROOMS, reading)? {
        reacting.send::<ChatRoom, _>(ROOM_CLOSED, room, &CloseChatRoom {})?;
    }
    Ok(())
}

/// A message has stayed for as long as its room lets it (samia.reaction.message-expiry).
pub fn expire(room: Uuid, message_id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let delete = DeleteMessage { message_id, expired: true };
    reacting.send_as::<ChatRoom, _>(MESSAGE, room, &message_id.to_string(), &delete)
}

/// What a room's events lead to. A message goes after the hours that its room said when it was sent.
pub fn room(event: &Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        Event::ChatRoomOpened(opened) => {
            if let Some(reading) = opened.reading_session_id {
                reacting.notes.join(ROOMS, reading, id);
            }
            let hours = opened.auto_delete_after_hours.map(u16::from);
            reacting.remember(id, &OfRoom { reading: opened.reading_session_id, hours })
        }
        Event::RoomSettingsChanged(changed) => {
            if let Some(hours) = changed.auto_delete_after_hours {
                reacting.amend(id, |room: &mut OfRoom| room.hours = hours.map(u16::from))?;
            }
            Ok(())
        }
        Event::ChatRoomClosed(_) => {
            if let Some(reading) = reacting.recall::<OfRoom>(id)?.reading {
                reacting.notes.leave(ROOMS, reading, id);
            }
            Ok(())
        }
        Event::MessageSent(sent) => {
            if let Some(hours) = reacting.recall::<OfRoom>(id)?.hours {
                let due = reacting.cause.at + Duration::hours(hours.into());
                reacting.wake_at(MESSAGE, format!("{id}:{}", sent.message_id), due);
            }
            Ok(())
        }
        Event::MessageDeleted(deleted) => {
            reacting.let_sleep(MESSAGE, format!("{id}:{}", deleted.message_id));
            Ok(())
        }
        Event::Imported(row) if row.table() == "chat_rooms" => {
            let reading = row.get::<Uuid>("reading_session_id");
            if let Some(reading) = reading.filter(|_| row.or_default("is_active")) {
                reacting.notes.join(ROOMS, reading, id);
            }
            reacting.remember(id, &OfRoom { reading, hours: row.get("auto_delete_after_hours") })
        }
        Event::Imported(_)
        | Event::ParticipantAdded(_)
        | Event::ParticipantRemoved(_)
        | Event::MessageDelivered(_)
        | Event::MessageRead(_)
        | Event::MessageEdited(_) => Ok(()),
    }
}
