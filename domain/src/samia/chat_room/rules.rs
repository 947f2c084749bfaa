//! How a room decides, and whom it holds.

use super::*;

impl ChatRoom {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
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

    pub(super) fn open(&self) -> Result<(), Refusal> {
        if self.active { Ok(()) } else { Err(Refusal::RoomClosed) }
    }

    pub(super) fn message(&self, id: Uuid) -> Result<&Message, Refusal> {
        // What is spoken of is mostly what was said last.
        let found = self.messages.iter().rev().find(|message| message.id == id);
        found.ok_or(Refusal::MessageNotFound)
    }

    pub(super) fn message_mut(&mut self, id: Uuid) -> Option<&mut Message> {
        self.messages.iter_mut().rev().find(|message| message.id == id)
    }

    pub(super) fn remember(&mut self, id: Uuid, sender: Uuid) {
        if self.messages.len() == MOST_REMEMBERED {
            self.messages.pop_front();
        }
        let others: Vec<_> =
            self.participants.iter().copied().filter(|person| *person != sender).collect();
        let undelivered = others.clone();
        let deleted = false;
        self.messages.push_back(Message { id, sender, deleted, undelivered, unread: others });
    }

    pub(super) fn add(&self, user_id: Uuid) -> Result<Vec<Event>, Refusal> {
        self.comes_and_goes()?;
        if self.has(user_id) {
            return Ok(vec![]);
        }
        let mut participants = self.participants.clone();
        participants.push(user_id);
        counted(&participants, self.most)?;
        Ok(vec![ParticipantAdded { user_id, participants }.into()])
    }

    pub(super) fn remove(&self, user_id: Uuid) -> Result<Vec<Event>, Refusal> {
        self.comes_and_goes()?;
        if !self.has(user_id) {
            return Ok(vec![]);
        }
        let others = self.participants.iter().copied().filter(|person| *person != user_id);
        Ok(vec![ParticipantRemoved { user_id, participants: others.collect() }.into()])
    }

    pub(super) fn comes_and_goes(&self) -> Result<(), Refusal> {
        self.open()?;
        if self.room_type == RoomType::Group { Ok(()) } else { Err(Refusal::ParticipantsFixed) }
    }

    pub(super) fn change(&self, change: ChangeRoomSettings) -> Result<Vec<Event>, Refusal> {
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

    pub(super) fn send(&self, send: SendMessage, moment: &Moment) -> Result<Vec<Event>, Refusal> {
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

    pub(super) fn delivered(
        &self,
        message_id: Uuid,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.open()?;
        let user_id = moment.actor;
        let message = self.message(message_id)?;
        if !message.undelivered.contains(&user_id) {
            return Ok(vec![]);
        }
        let delivered_at = self.last(&message.undelivered, user_id).then_some(moment.now);
        Ok(vec![MessageDelivered { message_id, user_id, delivered_at }.into()])
    }

    pub(super) fn read(&self, message_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
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
    pub(super) fn last(&self, waited_for: &[Uuid], person: Uuid) -> bool {
        waited_for.iter().all(|other| *other == person || !self.has(*other))
    }

    pub(super) fn edit(&self, edit: EditMessage) -> Result<Vec<Event>, Refusal> {
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

    pub(super) fn delete(&self, delete: &DeleteMessage) -> Result<Vec<Event>, Refusal> {
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

pub(super) fn opened(open: OpenChatRoom) -> Result<Vec<Event>, Refusal> {
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
pub(super) fn counted(participants: &[Uuid], most: i32) -> Result<(), Refusal> {
    let distinct =
        participants.iter().enumerate().all(|(nth, person)| !participants[..nth].contains(person));
    let count = i32::try_from(participants.len()).unwrap_or(i32::MAX);
    if distinct && (1..=most).contains(&count) && most <= MOST_PARTICIPANTS {
        Ok(())
    } else {
        Err(Refusal::TooManyParticipants { most: MOST_PARTICIPANTS })
    }
}
