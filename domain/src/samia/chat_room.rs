//! A chat room: its participants, its settings and the messages between them.
//!
//! What an encrypted room's messages say, the clients alone can read (F096).

use std::{collections::VecDeque, num::NonZeroU16};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::rules::opened;
use super::words::{Count, Object, Text};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

mod rules;

/// How many may be in a room, whatever its own maximum.
pub const MOST_PARTICIPANTS: i32 = 250;
/// How many messages of a room can be answered, acknowledged, edited or deleted by their sender: the
/// latest.
pub const MOST_REMEMBERED: usize = 5_000;

/// What kind of room it is (samia.chat_rooms.room_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomType {
    /// Of exactly two.
    #[default]
    Direct,
    /// Of a reading's client and reader.
    Reading,
    /// Of as many as its maximum says.
    Group,
    /// With somebody who helps.
    Support,
}

/// What kind of message it is (samia.chat_messages.message_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageType {
    /// Words.
    #[default]
    Text,
    /// A picture.
    Image,
    /// A file.
    File,
    /// From the system; never encrypted.
    System,
}

/// Opens a room. (samia.command.OpenChatRoom)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenChatRoom {
    /// What kind of room.
    pub room_type: RoomType,
    /// How it is called.
    #[serde(default)]
    pub name: Option<Text<255>>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Who is in it, whoever opens it included.
    pub participants: Vec<Uuid>,
    /// How many may be; 2 where it is left out, and a group must say.
    #[serde(default)]
    pub max_participants: Option<i32>,
    /// Whether its messages are encrypted by the clients; yes where it is left out.
    #[serde(default)]
    pub is_encrypted: Option<bool>,
    /// After how many hours a message is deleted; never where it is left out.
    #[serde(default)]
    pub auto_delete_after_hours: Option<NonZeroU16>,
    /// The reading it belongs to.
    #[serde(default)]
    pub reading_session_id: Option<Uuid>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
}

/// Takes somebody into a group. (samia.command.AddParticipant)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddParticipant {
    /// Whom.
    pub user_id: Uuid,
}

/// Takes somebody, perhaps oneself, out of a group. (samia.command.RemoveParticipant)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveParticipant {
    /// Whom.
    pub user_id: Uuid,
}

/// Changes a room's settings; what is left out stays, null clears. (samia.command.ChangeRoomSettings)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRoomSettings {
    /// How it is called.
    #[serde(default, deserialize_with = "text::some")]
    pub name: Option<Option<Text<255>>>,
    /// What it is for.
    #[serde(default, deserialize_with = "text::some")]
    pub description: Option<Option<String>>,
    /// How many may be in it.
    #[serde(default)]
    pub max_participants: Option<i32>,
    /// After how many hours a message is deleted.
    #[serde(default, deserialize_with = "text::some")]
    pub auto_delete_after_hours: Option<Option<NonZeroU16>>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
}

/// Closes a room; it stays to be read. (samia.command.CloseChatRoom)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseChatRoom {}

/// Says something in a room. (samia.command.SendMessage)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// What is said; ciphertext in an encrypted room.
    pub content: String,
    /// What kind of message; `text` where it is left out.
    #[serde(default)]
    pub message_type: Option<MessageType>,
    /// Whether the content is ciphertext; no where it is left out.
    #[serde(default)]
    pub is_encrypted: bool,
    /// Where the file lies.
    #[serde(default)]
    pub file_url: Option<String>,
    /// How the file is called.
    #[serde(default)]
    pub file_name: Option<Text<255>>,
    /// How large it is, in bytes.
    #[serde(default)]
    pub file_size: Option<Count>,
    /// What kind of file it is.
    #[serde(default)]
    pub file_type: Option<Text<100>>,
    /// The message it answers.
    #[serde(default)]
    pub reply_to_id: Option<Uuid>,
    /// In whose name the system speaks; a person's own where it is left out.
    #[serde(default)]
    pub sender_id: Option<Uuid>,
}

/// A message has reached another participant. (samia.command.ConfirmDelivery)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmDelivery {
    /// Which one.
    pub message_id: Uuid,
}

/// Another participant has read a message. (samia.command.MarkMessageRead)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkMessageRead {
    /// Which one.
    pub message_id: Uuid,
}

/// Says it differently. (samia.command.EditMessage)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// Which one.
    pub message_id: Uuid,
    /// What is said from now on.
    pub content: String,
}

/// Takes a message back, with what it said. (samia.command.DeleteMessage)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteMessage {
    /// Which one.
    pub message_id: Uuid,
    /// Whether its time has come, rather than that its sender wants it; the handler sets it.
    #[serde(skip)]
    pub expired: bool,
}

commands! {
    /// What may be asked of a room.
    pub enum Command {
        OpenChatRoom, AddParticipant, RemoveParticipant, ChangeRoomSettings, CloseChatRoom,
        SendMessage, ConfirmDelivery, MarkMessageRead, EditMessage, DeleteMessage,
    }
}

/// A room was opened. (samia.event.ChatRoomOpened)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatRoomOpened {
    /// What kind of room.
    pub room_type: RoomType,
    /// How it is called.
    pub name: Option<Text<255>>,
    /// What it is for.
    pub description: Option<String>,
    /// Who is in it.
    pub participants: Vec<Uuid>,
    /// How many may be.
    pub max_participants: i32,
    /// Whether its messages are encrypted.
    pub is_encrypted: bool,
    /// Always true.
    pub is_active: bool,
    /// After how many hours a message is deleted.
    pub auto_delete_after_hours: Option<NonZeroU16>,
    /// The reading it belongs to.
    pub reading_session_id: Option<Uuid>,
    /// What programs note about it.
    pub metadata: Object,
}

/// Somebody came. (samia.event.ParticipantAdded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParticipantAdded {
    /// Who.
    pub user_id: Uuid,
    /// Who is in the room now.
    pub participants: Vec<Uuid>,
}

/// Somebody went. (samia.event.ParticipantRemoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParticipantRemoved {
    /// Who.
    pub user_id: Uuid,
    /// Who is in the room now.
    pub participants: Vec<Uuid>,
}

/// Settings changed; what did not is left out. (samia.event.RoomSettingsChanged)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoomSettingsChanged {
    /// How it is called.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<Text<255>>>,
    /// What it is for.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// How many may be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_participants: Option<i32>,
    /// After how many hours a message is deleted.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub auto_delete_after_hours: Option<Option<NonZeroU16>>,
    /// What programs note about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
}

/// A room was closed. (samia.event.ChatRoomClosed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChatRoomClosed {
    /// Always false.
    pub is_active: bool,
}

/// Something was said. (samia.event.MessageSent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageSent {
    /// The message.
    pub message_id: Uuid,
    /// Who said it.
    pub sender_id: Uuid,
    /// What was said.
    pub content: String,
    /// What kind of message.
    pub message_type: MessageType,
    /// Whether the content is ciphertext.
    pub is_encrypted: bool,
    /// Where the file lies.
    pub file_url: Option<String>,
    /// How the file is called.
    pub file_name: Option<Text<255>>,
    /// How large it is, in bytes.
    pub file_size: Option<Count>,
    /// What kind of file it is.
    pub file_type: Option<Text<100>>,
    /// The message it answers.
    pub reply_to_id: Option<Uuid>,
}

/// A message reached somebody. (samia.event.MessageDelivered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDelivered {
    /// The message.
    pub message_id: Uuid,
    /// Whom.
    pub user_id: Uuid,
    /// When it had reached everyone else, if that was the last.
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Somebody read a message, and so it had reached them. (samia.event.MessageRead)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageRead {
    /// The message.
    pub message_id: Uuid,
    /// Who.
    pub user_id: Uuid,
    /// When it had reached everyone else, if that was the last.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When everyone else had read it, if that was the last.
    pub read_at: Option<DateTime<Utc>>,
}

/// It was said differently. (samia.event.MessageEdited)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageEdited {
    /// The message.
    pub message_id: Uuid,
    /// Who said it.
    pub sender_id: Uuid,
    /// What is said from now on.
    pub content: String,
}

/// A message is gone, with what it said. (samia.event.MessageDeleted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDeleted {
    /// The message.
    pub message_id: Uuid,
}

events! {
    /// What happens in a room.
    pub enum Event {
        // A room's name is its participants' together: it is sealed under the room's own key.
        ChatRoomOpened { name: null, description: null },
        ParticipantAdded,
        ParticipantRemoved,
        RoomSettingsChanged { name: null, description: null },
        ChatRoomClosed,
        MessageSent of sender_id { content: text, file_url: null, file_name: null },
        MessageDelivered,
        MessageRead,
        MessageEdited of sender_id { content: text },
        MessageDeleted,
    }
    Imported {
        ChatRoomImported from chat_rooms at [id] { name: null, description: null },
        ChatMessageImported from chat_messages at [room_id] of [sender_id] { content: text, file_url: null, file_name: null },
    }
}

refusals! {
    /// What a room refuses.
    pub enum Refusal {
        /// samia.rule.room.participants
        TooManyParticipants { most: i32 } => "participants are distinct known users, at most as many as the room's maximum, which is at most {most}: exactly 2 in a direct room, and a group says its maximum", at "participants";
        /// samia.policy.chat_rooms.manage.participant
        ParticipantsFixed => "participants come and go in group rooms alone";
        /// samia.rule.room.active
        RoomClosed => "the room is closed";
        /// samia.rule.message.encryption
        EncryptionMismatch { is_encrypted: bool } => "in this room, is_encrypted is {is_encrypted}", at "is_encrypted";
        /// samia.rule.message.reply
        ReplyInOtherRoom => "no message of this id is to be answered in this room", at "reply_to_id";
        /// samia.rule.message.edit
        MessageDeletedAlready => "the message is deleted", at "message_id";
        /// Not in this room, or too long ago.
        MessageNotFound => "no message of this id is remembered in this room", at "message_id";
        /// Whoever is spoken for is in the room.
        NotInRoom => "this is no participant of the room";
        /// A room for a reading is for those who take part in it.
        NotPartOfReading => "a reading's room is for its client and its reader", at "reading_session_id";
        /// It was opened.
        RoomAlreadyOpened => "there is a room of this id already";
        /// It was not opened.
        RoomNotFound => "there is no such room";
    }
}

/// A room, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChatRoom {
    /// Whether there is such a room.
    pub opened: bool,
    /// Whether anything new is said in it.
    pub active: bool,
    /// Who is in it.
    pub participants: Vec<Uuid>,
    room_type: RoomType,
    most: i32,
    encrypted: bool,
    messages: VecDeque<Message>,
}

/// A message, as far as decisions ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Message {
    id: Uuid,
    sender: Uuid,
    deleted: bool,
    /// Whom it has yet to reach, of those who were there.
    undelivered: Vec<Uuid>,
    /// Who has yet to read it.
    unread: Vec<Uuid>,
}

impl Decider for ChatRoom {
    const TYPE: &'static str = "samia.chat_room";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::OpenChatRoom(_) if self.opened => Err(Refusal::RoomAlreadyOpened),
            Command::OpenChatRoom(open) => opened(open),
            _ if !self.opened => Err(Refusal::RoomNotFound),
            Command::AddParticipant(add) => self.add(add.user_id),
            Command::RemoveParticipant(remove) => self.remove(remove.user_id),
            Command::ChangeRoomSettings(change) => self.change(change),
            Command::CloseChatRoom(_) if !self.active => Ok(vec![]),
            Command::CloseChatRoom(_) => Ok(vec![ChatRoomClosed { is_active: false }.into()]),
            Command::SendMessage(send) => self.send(send, moment),
            Command::ConfirmDelivery(confirm) => self.delivered(confirm.message_id, moment),
            Command::MarkMessageRead(mark) => self.read(mark.message_id, moment),
            Command::EditMessage(edit) => self.edit(edit),
            Command::DeleteMessage(delete) => self.delete(&delete),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ChatRoomOpened(it) => {
                self.opened = true;
                self.active = it.is_active;
                self.participants.clone_from(&it.participants);
                self.room_type = it.room_type;
                self.most = it.max_participants;
                self.encrypted = it.is_encrypted;
            }
            Event::ParticipantAdded(it) => self.participants.clone_from(&it.participants),
            Event::ParticipantRemoved(it) => self.participants.clone_from(&it.participants),
            Event::RoomSettingsChanged(it) => self.most = it.max_participants.unwrap_or(self.most),
            Event::ChatRoomClosed(it) => self.active = it.is_active,
            Event::MessageSent(it) => self.remember(it.message_id, it.sender_id),
            Event::MessageDelivered(it) => {
                if let Some(message) = self.message_mut(it.message_id) {
                    message.undelivered.retain(|person| *person != it.user_id);
                }
            }
            Event::MessageRead(it) => {
                if let Some(message) = self.message_mut(it.message_id) {
                    message.undelivered.retain(|person| *person != it.user_id);
                    message.unread.retain(|person| *person != it.user_id);
                }
            }
            Event::MessageEdited(_) => {}
            Event::MessageDeleted(it) => {
                if let Some(message) = self.message_mut(it.message_id) {
                    message.deleted = true;
                    message.undelivered = Vec::new();
                    message.unread = Vec::new();
                }
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
