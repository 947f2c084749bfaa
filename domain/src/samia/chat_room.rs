//! A chat room: its participants, its settings and the messages between them.
//!
//! What an encrypted room's messages say, the clients alone can read (F096).

use std::{collections::VecDeque, num::NonZeroU16};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{Count, Object, Text};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

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

impl ChatRoom {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        if row.table() == "chat_messages" {
            let id = row.or_default("id");
            self.remember(id, row.or_default("sender_id"));
            if let Some(message) = self.message_mut(id) {
                message.deleted = row.has("deleted_at");
                if message.deleted || row.has("delivered_at") {
                    message.undelivered = Vec::new();
                }
                if message.deleted || row.has("read_at") {
                    message.unread = Vec::new();
                }
            }
            return;
        }
        self.opened = true;
        self.active = row.or_default("is_active");
        self.participants = row.or_default("participants");
        self.room_type = row.or_default("room_type");
        self.most = row.or_default("max_participants");
        self.encrypted = row.or_default("is_encrypted");
    }
}

impl ChatRoom {
    /// Whether this person is in the room.
    #[must_use]
    pub fn has(&self, person: Uuid) -> bool {
        self.participants.contains(&person)
    }

    /// Who sent a message that is remembered.
    #[must_use]
    pub fn sender(&self, message: Uuid) -> Option<Uuid> {
        self.message(message).ok().map(|message| message.sender)
    }

    fn open(&self) -> Result<(), Refusal> {
        if self.active { Ok(()) } else { Err(Refusal::RoomClosed) }
    }

    fn message(&self, id: Uuid) -> Result<&Message, Refusal> {
        // What is spoken of is mostly what was said last.
        let found = self.messages.iter().rev().find(|message| message.id == id);
        found.ok_or(Refusal::MessageNotFound)
    }

    fn message_mut(&mut self, id: Uuid) -> Option<&mut Message> {
        self.messages.iter_mut().rev().find(|message| message.id == id)
    }

    fn remember(&mut self, id: Uuid, sender: Uuid) {
        if self.messages.len() == MOST_REMEMBERED {
            self.messages.pop_front();
        }
        let others: Vec<_> =
            self.participants.iter().copied().filter(|person| *person != sender).collect();
        let undelivered = others.clone();
        let deleted = false;
        self.messages.push_back(Message { id, sender, deleted, undelivered, unread: others });
    }

    fn add(&self, user_id: Uuid) -> Result<Vec<Event>, Refusal> {
        self.comes_and_goes()?;
        if self.has(user_id) {
            return Ok(vec![]);
        }
        let mut participants = self.participants.clone();
        participants.push(user_id);
        counted(&participants, self.most)?;
        Ok(vec![ParticipantAdded { user_id, participants }.into()])
    }

    fn remove(&self, user_id: Uuid) -> Result<Vec<Event>, Refusal> {
        self.comes_and_goes()?;
        if !self.has(user_id) {
            return Ok(vec![]);
        }
        let others = self.participants.iter().copied().filter(|person| *person != user_id);
        Ok(vec![ParticipantRemoved { user_id, participants: others.collect() }.into()])
    }

    fn comes_and_goes(&self) -> Result<(), Refusal> {
        self.open()?;
        if self.room_type == RoomType::Group { Ok(()) } else { Err(Refusal::ParticipantsFixed) }
    }

    fn change(&self, change: ChangeRoomSettings) -> Result<Vec<Event>, Refusal> {
        if let Some(most) = change.max_participants {
            counted(&self.participants, most)?;
        }
        let changed = RoomSettingsChanged {
            name: change.name,
            description: change.description,
            max_participants: change.max_participants,
            auto_delete_after_hours: change.auto_delete_after_hours,
            metadata: change.metadata,
        };
        let nothing = changed == RoomSettingsChanged::default();
        Ok(if nothing { vec![] } else { vec![changed.into()] })
    }

    fn send(&self, send: SendMessage, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.open()?;
        let sender_id = send.sender_id.unwrap_or(moment.actor);
        let message_type = send.message_type.unwrap_or_default();
        if !self.has(sender_id) {
            return Err(Refusal::NotInRoom);
        }
        if message_type != MessageType::System && send.is_encrypted != self.encrypted {
            return Err(Refusal::EncryptionMismatch { is_encrypted: self.encrypted });
        }
        if send.reply_to_id.is_some_and(|id| self.message(id).is_err()) {
            return Err(Refusal::ReplyInOtherRoom);
        }
        let sent = MessageSent {
            message_id: moment.new_id(),
            sender_id,
            content: send.content,
            message_type,
            is_encrypted: send.is_encrypted,
            file_url: send.file_url,
            file_name: send.file_name,
            file_size: send.file_size,
            file_type: send.file_type,
            reply_to_id: send.reply_to_id,
        };
        Ok(vec![sent.into()])
    }

    fn delivered(&self, message_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.open()?;
        let user_id = moment.actor;
        let message = self.message(message_id)?;
        if !message.undelivered.contains(&user_id) {
            return Ok(vec![]);
        }
        let delivered_at = self.last(&message.undelivered, user_id).then_some(moment.now);
        Ok(vec![MessageDelivered { message_id, user_id, delivered_at }.into()])
    }

    fn read(&self, message_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.open()?;
        let user_id = moment.actor;
        let message = self.message(message_id)?;
        if !message.unread.contains(&user_id) {
            return Ok(vec![]);
        }
        let waited = message.undelivered.contains(&user_id);
        let reached = waited && self.last(&message.undelivered, user_id);
        let read = self.last(&message.unread, user_id);
        let event = MessageRead {
            message_id,
            user_id,
            delivered_at: reached.then_some(moment.now),
            read_at: read.then_some(moment.now),
        };
        Ok(vec![event.into()])
    }

    /// Whether nobody else who is still in the room is waited for (samia.rule.message.receipts).
    fn last(&self, waited_for: &[Uuid], person: Uuid) -> bool {
        waited_for.iter().all(|other| *other == person || !self.has(*other))
    }

    fn edit(&self, edit: EditMessage) -> Result<Vec<Event>, Refusal> {
        let message = self.message(edit.message_id)?;
        if message.deleted {
            return Err(Refusal::MessageDeletedAlready);
        }
        let edited = MessageEdited {
            message_id: message.id,
            sender_id: message.sender,
            content: edit.content,
        };
        Ok(vec![edited.into()])
    }

    fn delete(&self, delete: &DeleteMessage) -> Result<Vec<Event>, Refusal> {
        let deleted = MessageDeleted { message_id: delete.message_id };
        match self.message(delete.message_id) {
            Ok(message) if message.deleted => Ok(vec![]),
            Ok(_) => Ok(vec![deleted.into()]),
            // Its time has come even if it is forgotten here.
            Err(_) if delete.expired => Ok(vec![deleted.into()]),
            Err(refusal) => Err(refusal),
        }
    }
}

fn opened(open: OpenChatRoom) -> Result<Vec<Event>, Refusal> {
    let most = match (open.room_type, open.max_participants) {
        (RoomType::Group, None) => {
            return Err(Refusal::TooManyParticipants { most: MOST_PARTICIPANTS });
        }
        (_, most) => most.unwrap_or(2),
    };
    counted(&open.participants, most)?;
    if open.room_type == RoomType::Direct && open.participants.len() != 2 {
        return Err(Refusal::TooManyParticipants { most: MOST_PARTICIPANTS });
    }
    let opened = ChatRoomOpened {
        room_type: open.room_type,
        name: open.name,
        description: open.description,
        participants: open.participants,
        max_participants: most,
        is_encrypted: open.is_encrypted.unwrap_or(true),
        is_active: true,
        auto_delete_after_hours: open.auto_delete_after_hours,
        reading_session_id: open.reading_session_id,
        metadata: open.metadata.unwrap_or_default(),
    };
    Ok(vec![opened.into()])
}

/// Somebody, nobody twice, and no more than there may be.
fn counted(participants: &[Uuid], most: i32) -> Result<(), Refusal> {
    let distinct =
        participants.iter().enumerate().all(|(nth, person)| !participants[..nth].contains(person));
    let count = i32::try_from(participants.len()).unwrap_or(i32::MAX);
    if distinct && (1..=most).contains(&count) && most <= MOST_PARTICIPANTS {
        Ok(())
    } else {
        Err(Refusal::TooManyParticipants { most: MOST_PARTICIPANTS })
    }
}

#[cfg(test)]
mod tests;
