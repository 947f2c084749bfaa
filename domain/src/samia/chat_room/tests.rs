use super::*;
use crate::testing::{ADA, BOB, Given, day, given};

const EVE: Uuid = Uuid::from_u128(0xe7e);

fn open(room_type: RoomType, participants: &[Uuid]) -> OpenChatRoom {
    OpenChatRoom {
        room_type,
        participants: participants.to_vec(),
        is_encrypted: Some(false),
        ..OpenChatRoom::default()
    }
}

fn direct() -> Given<ChatRoom> {
    given::<ChatRoom>([]).when(open(RoomType::Direct, &[ADA, BOB])).events().0
}

fn group() -> Given<ChatRoom> {
    let open =
        OpenChatRoom { max_participants: Some(3), ..open(RoomType::Group, &[ADA, BOB, EVE]) };
    given::<ChatRoom>([]).when(open).events().0
}

fn say(content: &str) -> SendMessage {
    SendMessage {
        content: content.into(),
        message_type: None,
        is_encrypted: false,
        file_url: None,
        file_name: None,
        file_size: None,
        file_type: None,
        reply_to_id: None,
        sender_id: None,
    }
}

fn said(given: Given<ChatRoom>) -> (Given<ChatRoom>, Uuid) {
    let (given, events) = given.when(say("hello")).events();
    let [Event::MessageSent(sent)] = &events[..] else { panic!("{events:?}") };
    (given, sent.message_id)
}

#[test]
fn a_room_is_for_two_and_encrypted_unless_said_otherwise() {
    let open = OpenChatRoom { is_encrypted: None, ..open(RoomType::Support, &[ADA]) };
    let (given, events) = given::<ChatRoom>([]).when(open.clone()).events();
    let [Event::ChatRoomOpened(opened)] = &events[..] else { panic!("{events:?}") };
    assert!(opened.is_encrypted && opened.is_active);
    assert_eq!(opened.max_participants, 2);
    given.when(open).refused("RoomAlreadyOpened");
}

#[test]
fn participants_are_distinct_and_no_more_than_there_may_be() {
    let limited = |most, people: &[Uuid]| OpenChatRoom {
        max_participants: most,
        ..open(RoomType::Group, people)
    };
    for wrong in [
        open(RoomType::Direct, &[ADA]),
        open(RoomType::Direct, &[ADA, BOB, EVE]),
        open(RoomType::Direct, &[ADA, ADA]),
        open(RoomType::Support, &[]),
        open(RoomType::Reading, &[ADA, BOB, EVE]),
        OpenChatRoom { max_participants: Some(3), ..open(RoomType::Direct, &[ADA, BOB, EVE]) },
        limited(None, &[ADA]),
        limited(Some(1), &[ADA, BOB]),
        limited(Some(MOST_PARTICIPANTS + 1), &[ADA, BOB]),
    ] {
        given::<ChatRoom>([]).when(wrong).refused("TooManyParticipants");
    }
    given::<ChatRoom>([]).when(limited(Some(2), &[ADA, BOB])).events();
}

#[test]
fn people_come_and_go_in_groups_alone() {
    direct()
        .when(AddParticipant { user_id: EVE })
        .refused("ParticipantsFixed")
        .when(RemoveParticipant { user_id: BOB })
        .refused("ParticipantsFixed");
    group()
        .when(AddParticipant { user_id: BOB })
        .then_nothing()
        .when(AddParticipant { user_id: Uuid::nil() })
        .refused("TooManyParticipants")
        .when(RemoveParticipant { user_id: BOB })
        .then([ParticipantRemoved { user_id: BOB, participants: vec![ADA, EVE] }])
        .when(RemoveParticipant { user_id: BOB })
        .then_nothing()
        .when(AddParticipant { user_id: BOB })
        .then([ParticipantAdded { user_id: BOB, participants: vec![ADA, EVE, BOB] }]);
}

#[test]
fn a_room_never_says_it_is_for_fewer_than_are_in_it() {
    let most =
        |most| ChangeRoomSettings { max_participants: Some(most), ..ChangeRoomSettings::default() };
    let changed =
        RoomSettingsChanged { max_participants: Some(4), ..RoomSettingsChanged::default() };
    group()
        .when(most(2))
        .refused("TooManyParticipants")
        .when(ChangeRoomSettings::default())
        .then_nothing()
        .when(most(4))
        .then([changed])
        .when(AddParticipant { user_id: Uuid::nil() })
        .events();
}

#[test]
fn nothing_new_happens_in_a_closed_room() {
    let (given, message_id) = said(group());
    given
        .when(CloseChatRoom {})
        .then([ChatRoomClosed { is_active: false }])
        .when(CloseChatRoom {})
        .then_nothing()
        .when(say("too late"))
        .refused("RoomClosed")
        .when(AddParticipant { user_id: Uuid::nil() })
        .refused("RoomClosed")
        .when(RemoveParticipant { user_id: BOB })
        .refused("RoomClosed")
        .by(BOB)
        .when(ConfirmDelivery { message_id })
        .refused("RoomClosed")
        .when(MarkMessageRead { message_id })
        .refused("RoomClosed");
}

#[test]
fn nothing_happens_in_a_room_that_is_not_there() {
    given::<ChatRoom>([]).when(say("anyone?")).refused("RoomNotFound");
}

#[test]
fn a_message_is_encrypted_as_its_room_is_but_for_the_systems() {
    let secret = OpenChatRoom { is_encrypted: None, ..open(RoomType::Direct, &[ADA, BOB]) };
    let given = given::<ChatRoom>([]).when(secret).events().0;
    let from_system = SendMessage {
        message_type: Some(MessageType::System),
        sender_id: Some(BOB),
        ..say("in clear")
    };
    given
        .when(say("in clear"))
        .refused("EncryptionMismatch")
        .when(SendMessage { is_encrypted: true, ..say("c2VjcmV0") })
        .events()
        .0
        .when(from_system)
        .events();
    direct().when(SendMessage { is_encrypted: true, ..say("x") }).refused("EncryptionMismatch");
}

#[test]
fn only_participants_speak_and_answer_what_was_said_in_the_room() {
    let (given, message) = said(direct());
    let answer = |id| SendMessage { reply_to_id: Some(id), ..say("yes") };
    given
        .when(answer(Uuid::nil()))
        .refused("ReplyInOtherRoom")
        .when(answer(message))
        .events()
        .0
        .by(EVE)
        .when(say("hello"))
        .refused("NotInRoom");
}

#[test]
fn a_receipt_counts_when_the_last_of_the_others_has_given_it() {
    let (given, message_id) = said(group());
    let at = day(2);
    let delivered = |user_id, delivered_at| MessageDelivered { message_id, user_id, delivered_at };
    given
        .at(at)
        .when(ConfirmDelivery { message_id })
        .then_nothing()
        .by(BOB)
        .when(ConfirmDelivery { message_id })
        .then([delivered(BOB, None)])
        .when(ConfirmDelivery { message_id })
        .then_nothing()
        .by(EVE)
        .when(MarkMessageRead { message_id })
        .then([MessageRead { message_id, user_id: EVE, delivered_at: Some(at), read_at: None }])
        .when(MarkMessageRead { message_id })
        .then_nothing()
        .by(BOB)
        .when(MarkMessageRead { message_id })
        .then([MessageRead { message_id, user_id: BOB, delivered_at: None, read_at: Some(at) }]);
}

#[test]
fn nobody_waits_for_the_receipt_of_somebody_who_left() {
    let (given, message_id) = said(group());
    let delivered_at = Some(day(1));
    given
        .when(RemoveParticipant { user_id: EVE })
        .events()
        .0
        .by(BOB)
        .when(ConfirmDelivery { message_id })
        .then([MessageDelivered { message_id, user_id: BOB, delivered_at }]);
}

#[test]
fn a_deleted_message_is_gone_for_good() {
    let (given, message_id) = said(direct());
    let delete = |message_id, expired| DeleteMessage { message_id, expired };
    let edit = |message_id| EditMessage { message_id, content: "bye".into() };
    let given = given
        .when(edit(Uuid::nil()))
        .refused("MessageNotFound")
        .when(edit(message_id))
        .then([MessageEdited { message_id, sender_id: ADA, content: "bye".into() }])
        .when(delete(message_id, false))
        .then([MessageDeleted { message_id }])
        .when(delete(message_id, false))
        .then_nothing()
        .when(edit(message_id))
        .refused("MessageDeletedAlready");
    let forgotten = Uuid::from_u128(1);
    given
        .when(delete(forgotten, false))
        .refused("MessageNotFound")
        .when(delete(forgotten, true))
        .then([MessageDeleted { message_id: forgotten }]);
}

#[test]
fn what_a_room_remembers_is_bounded() {
    let (mut given, first) = said(direct());
    for _ in 0..MOST_REMEMBERED {
        given = said(given).0;
    }
    assert_eq!(given.state.messages.len(), MOST_REMEMBERED);
    given.when(EditMessage { message_id: first, content: "x".into() }).refused("MessageNotFound");
}
