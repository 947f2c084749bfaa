//! Rooms and what is said in them.

use annals_domain::samia::chat_room::{Event, MessageSent, MessageType};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    analytics,
    tables::{CHAT_MESSAGES, CHAT_ROOMS},
};
use crate::{change::Change, recorded::Recorded, table::imported};

/// What happens in a room does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::ChatRoomOpened(opened) => vec![
            CHAT_ROOMS
                .put(recorded.id, opened)
                .with("created_at", at)
                .with("updated_at", at)
                .with("last_activity", at),
        ],
        Event::ParticipantAdded(added) => {
            vec![changed(recorded, added).without("user_id").with("last_activity", at)]
        }
        Event::ParticipantRemoved(removed) => {
            vec![changed(recorded, removed).without("user_id").with("last_activity", at)]
        }
        Event::RoomSettingsChanged(settings) => vec![changed(recorded, settings)],
        Event::ChatRoomClosed(closed) => vec![changed(recorded, closed)],
        Event::MessageSent(sent) => said(recorded, sent),
        Event::MessageDelivered(delivered) => {
            let row = CHAT_MESSAGES.patch(delivered.message_id, ());
            delivered.delivered_at.map(|at| row.with("delivered_at", at)).into_iter().collect()
        }
        Event::MessageRead(read) => {
            let mut row = CHAT_MESSAGES.patch(read.message_id, ());
            if let Some(at) = read.delivered_at {
                row = row.with("delivered_at", at);
            }
            if let Some(at) = read.read_at {
                row = row.with("read_at", at);
            }
            if row.columns.is_empty() { vec![] } else { vec![row] }
        }
        Event::MessageEdited(edited) => vec![
            CHAT_MESSAGES
                .patch(edited.message_id, json!({ "content": edited.content }))
                .with("is_edited", true)
                .with("edited_at", at),
        ],
        // One whose time has come may be gone from the room's memory; there is at most one such row.
        Event::MessageDeleted(deleted) => vec![
            CHAT_MESSAGES
                .patch_where("id", deleted.message_id)
                .with("content", "erased")
                .with("file_url", Value::Null)
                .with("file_name", Value::Null)
                .with("deleted_at", at),
        ],
        Event::Imported(row) => imported([&CHAT_ROOMS, &CHAT_MESSAGES], row),
    }
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    CHAT_ROOMS.patch(recorded.id, payload).with("updated_at", recorded.at)
}

fn said(recorded: &Recorded<'_, Event>, sent: &MessageSent) -> Vec<Change> {
    let at = recorded.at;
    let message = CHAT_MESSAGES
        .put(sent.message_id, sent)
        .without("message_id")
        .with("room_id", recorded.id)
        .with("is_edited", false)
        .with("edited_at", Value::Null)
        .with("delivered_at", Value::Null)
        .with("read_at", Value::Null)
        .with("created_at", at)
        .with("deleted_at", Value::Null);
    let mut changes = vec![message, changed(recorded, ()).with("last_activity", at)];
    // What the system says in somebody's name is not the somebody's doing.
    if sent.message_type != MessageType::System {
        changes.push(analytics::one_more(sent.sender_id, at.date_naive(), "messages_sent"));
    }
    changes
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::chat_room::{
            ChatRoomOpened, MessageDeleted, MessageDelivered, MessageEdited, MessageRead,
            ParticipantAdded,
        },
        testing::{ADA, BOB, day},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        Operation,
        samia::testing::{NULL, changes, fits, of},
    };

    const MESSAGE: Uuid = Uuid::from_u128(0x3e);

    fn sent(kind: &str) -> MessageSent {
        serde_json::from_value(json!({
            "message_id": MESSAGE, "sender_id": BOB, "content": "hello", "message_type": kind,
            "is_encrypted": false, "file_url": null, "file_name": null, "file_size": null,
            "file_type": null, "reply_to_id": null,
        }))
        .unwrap()
    }

    #[test]
    fn a_room_is_a_whole_row_and_its_participants_a_list() {
        let opened: ChatRoomOpened = serde_json::from_value(json!({
            "room_type": "direct", "name": null, "description": null, "participants": [ADA, BOB],
            "max_participants": 2, "is_encrypted": true, "is_active": true,
            "auto_delete_after_hours": 24, "reading_session_id": null, "metadata": {},
        }))
        .unwrap();
        fits(of(&changes(project, opened), "chat_rooms"));
        let added = ParticipantAdded { user_id: BOB, participants: vec![ADA, BOB] };
        let added = changes(project, added);
        let room = of(&added, "chat_rooms");
        fits(room);
        assert_eq!(room.columns["participants"], json!([ADA, BOB]));
    }

    #[test]
    fn a_message_is_a_whole_row_and_counts_for_whoever_said_it() {
        let said = changes(project, sent("text"));
        let message = of(&said, "chat_messages");
        fits(message);
        assert_eq!(message.columns["room_id"], ADA.to_string());
        assert_eq!(of(&said, "chat_rooms").columns["last_activity"], json!(day(1)));
        let counted = of(&said, "user_analytics");
        assert_eq!(
            (&counted.columns["user_id"], &counted.columns["messages_sent"]),
            (&json!(BOB), &json!(1))
        );
        assert_eq!(changes(project, sent("system")).len(), 2);
    }

    #[test]
    fn a_receipt_changes_a_message_when_it_was_the_last() {
        let at = Some(day(2));
        let delivered =
            |delivered_at| MessageDelivered { message_id: MESSAGE, user_id: BOB, delivered_at };
        let read = |delivered_at, read_at| MessageRead {
            message_id: MESSAGE,
            user_id: BOB,
            delivered_at,
            read_at,
        };
        assert_eq!(changes(project, delivered(None)), []);
        assert_eq!(changes(project, read(None, None)), []);
        let columns = |changes: Vec<Change>| {
            of(&changes, "chat_messages").columns.keys().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(columns(changes(project, delivered(at))), ["delivered_at"]);
        assert_eq!(columns(changes(project, read(at, None))), ["delivered_at"]);
        assert_eq!(columns(changes(project, read(at, at))), ["delivered_at", "read_at"]);
    }

    #[test]
    fn what_was_said_is_edited_and_goes_with_its_message() {
        let edited = MessageEdited { message_id: MESSAGE, sender_id: BOB, content: "bye".into() };
        let edited = changes(project, edited);
        let message = of(&edited, "chat_messages");
        fits(message);
        assert_eq!(
            (&message.columns["content"], &message.columns["is_edited"]),
            (&json!("bye"), &json!(true))
        );
        let deleted = changes(project, MessageDeleted { message_id: MESSAGE });
        let message = of(&deleted, "chat_messages");
        fits(message);
        assert_eq!(message.operation, Operation::PatchWhere);
        assert_eq!(
            (&message.columns["content"], &message.columns["file_url"]),
            (&json!("erased"), &NULL)
        );
    }
}
