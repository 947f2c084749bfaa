//! Who opens rooms, speaks in them and closes them.

use std::sync::Arc;

use annals_domain::samia::{
    chat_room::{
        AddParticipant, ChangeRoomSettings, ChatRoom, CloseChatRoom, Command, ConfirmDelivery,
        DeleteMessage, EditMessage, MOST_PARTICIPANTS, MarkMessageRead, MessageType, OpenChatRoom,
        Refusal, RemoveParticipant, RoomType, SendMessage,
    },
    reading::Reading,
};
use uuid::Uuid;

use super::{acting_role, is_kept_user, owner, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of a room, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["samia.policy.chat_rooms.manage.participant"];
    const OPEN_CLOSE: &[&str] =
        &["samia.policy.chat_rooms.manage.participant", "samia.policy.chat_rooms.manage.system"];
    const ACKNOWLEDGE: &[&str] = &["samia.policy.chat_messages.send.participant"];
    const SEND: &[&str] = &[
        "samia.policy.chat_messages.send.participant",
        "samia.policy.chat_messages.expire.system",
    ];
    const OWN: &[&str] = &["samia.policy.chat_messages.own"];
    const DELETE: &[&str] =
        &["samia.policy.chat_messages.own", "samia.policy.chat_messages.expire.system"];
    vec![
        command::<ChatRoom, OpenChatRoom>(Target::New, OPEN_CLOSE, open),
        command::<ChatRoom, AddParticipant>(Target::Given, MANAGE, add),
        command::<ChatRoom, RemoveParticipant>(Target::Given, MANAGE, managed),
        command::<ChatRoom, ChangeRoomSettings>(Target::Given, MANAGE, managed),
        command::<ChatRoom, CloseChatRoom>(Target::Given, OPEN_CLOSE, close),
        command::<ChatRoom, SendMessage>(Target::Given, SEND, send),
        command::<ChatRoom, ConfirmDelivery>(Target::Given, ACKNOWLEDGE, delivered),
        command::<ChatRoom, MarkMessageRead>(Target::Given, ACKNOWLEDGE, read),
        command::<ChatRoom, EditMessage>(Target::Given, OWN, edit),
        command::<ChatRoom, DeleteMessage>(Target::Given, DELETE, delete),
    ]
}

fn open(work: &mut Work<'_>, id: &Arc<str>, command: &OpenChatRoom) -> Result<(), Stop> {
    uuid(id)?;
    if !work.actor.is_system() {
        acting_role(work)?;
        if !command.participants.contains(&work.actor.id) {
            return Err(Stop::Denied("whoever opens a room is in it"));
        }
    }
    decide(work, id, command.clone())?;
    // Not too many to look at, by now.
    for person in &command.participants {
        if !is_kept_user(work, *person)? {
            return Err(Refusal::TooManyParticipants { most: MOST_PARTICIPANTS }.into());
        }
    }
    of_reading(work, command)
}

/// A reading's room is for those who take part in the reading.
fn of_reading(work: &mut Work<'_>, command: &OpenChatRoom) -> Result<(), Stop> {
    let Some(reading) = command.reading_session_id else {
        let needs_one = command.room_type == RoomType::Reading;
        return if needs_one { Err(Refusal::NotPartOfReading.into()) } else { Ok(()) };
    };
    let reading = work.load::<Reading>(reading)?;
    let all = command.participants.iter().all(|person| reading.has_party(*person));
    if all { Ok(()) } else { Err(Refusal::NotPartOfReading.into()) }
}

fn add(work: &mut Work<'_>, id: &Arc<str>, command: &AddParticipant) -> Result<(), Stop> {
    participant(work, id)?;
    if !is_kept_user(work, command.user_id)? {
        return Err(Refusal::TooManyParticipants { most: MOST_PARTICIPANTS }.into());
    }
    decide(work, id, command.clone())
}

fn managed<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    participant(work, id)?;
    decide(work, id, command.clone())
}

fn close(work: &mut Work<'_>, id: &Arc<str>, command: &CloseChatRoom) -> Result<(), Stop> {
    if work.actor.is_system() {
        work.existing::<ChatRoom>(id)?;
    } else {
        participant(work, id)?;
    }
    decide(work, id, command.clone())
}

/// People speak for themselves; the system speaks in a participant's name and says so.
fn send(work: &mut Work<'_>, id: &Arc<str>, command: &SendMessage) -> Result<(), Stop> {
    let from_system = command.message_type == Some(MessageType::System);
    if work.actor.is_system() {
        work.existing::<ChatRoom>(id)?;
        if command.message_type.is_some() && !from_system {
            return Err(Stop::Denied("the system sends system messages"));
        }
        if command.sender_id.is_none() {
            return Err(Stop::Invalid {
                pointer: "/sender_id",
                detail: "expected the participant in whose name the system speaks".to_owned(),
            });
        }
        let message_type = Some(MessageType::System);
        return decide(work, id, SendMessage { message_type, ..command.clone() });
    }
    participant(work, id)?;
    if from_system || command.sender_id.is_some_and(|sender| sender != work.actor.id) {
        return Err(Stop::Denied("people speak for themselves"));
    }
    let sender_id = Some(work.actor.id);
    decide(work, id, SendMessage { sender_id, ..command.clone() })
}

fn delivered(work: &mut Work<'_>, id: &Arc<str>, command: &ConfirmDelivery) -> Result<(), Stop> {
    another_participant(work, id, command.message_id)?;
    decide(work, id, command.clone())
}

fn read(work: &mut Work<'_>, id: &Arc<str>, command: &MarkMessageRead) -> Result<(), Stop> {
    another_participant(work, id, command.message_id)?;
    decide(work, id, command.clone())
}

fn edit(work: &mut Work<'_>, id: &Arc<str>, command: &EditMessage) -> Result<(), Stop> {
    sender(work, id, command.message_id)?;
    decide(work, id, command.clone())
}

/// The sender wants it, or its time has come (samia.ops.message-retention).
fn delete(work: &mut Work<'_>, id: &Arc<str>, command: &DeleteMessage) -> Result<(), Stop> {
    let expired = work.actor.is_system();
    if expired {
        work.existing::<ChatRoom>(id)?;
    } else {
        sender(work, id, command.message_id)?;
    }
    decide(work, id, DeleteMessage { expired, ..command.clone() })
}

/// Only somebody in the room.
fn participant<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<Loaded<'a, ChatRoom>, Stop> {
    let room = work.existing::<ChatRoom>(id)?;
    if !room.has(work.actor.id) {
        return Err(Stop::Denied("only a participant may do this"));
    }
    acting_role(work)?;
    Ok(room)
}

fn another_participant(work: &mut Work<'_>, id: &Arc<str>, message: Uuid) -> Result<(), Stop> {
    if participant(work, id)?.sender(message) == Some(work.actor.id) {
        return Err(Stop::Denied("a message is acknowledged by the others"));
    }
    Ok(())
}

/// Only whoever sent a message, in the room still or not; of one that is not known, the room says so.
fn sender(work: &mut Work<'_>, id: &Arc<str>, message: Uuid) -> Result<(), Stop> {
    match work.existing::<ChatRoom>(id)?.sender(message) {
        Some(sender) => owner(work, sender),
        None => participant(work, id).map(drop),
    }
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.tenant(work.actor.id);
    work.decide::<ChatRoom>(id, command)
}

#[cfg(test)]
mod tests;
