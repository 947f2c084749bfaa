use annals_domain::{
    Amount,
    samia::{
        chat_room::{
            ChatRoomClosed, ChatRoomOpened, MessageDeleted, MessageSent, MessageType, RoomType,
        },
        command_log::CommandRefused,
        reading::{
            ReaderAssigned, ReadingCancelled, ReadingCompleted, ReadingRequested, SessionType,
            Status as ReadingStatus,
        },
        security_event::{DetectionMethod, SecurityEventReported, Severity, Status},
        tarot_card::{Arcana, Card, CardAddedToDeck},
        user::{Role, SignInFailed, UserRegistered, UserRoleChanged},
        user_profile::AdminPermissionsAssigned,
        wallet::{PaymentRefunded, ReadingPaid},
        words::Text,
    },
    shared::identity::{ErasureGround, SubjectErased},
    testing::{ADA, BOB, day},
};
use chrono::{Duration, NaiveDate};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::reaction::testing::{Reacted, Told};

const READING: Uuid = Uuid::from_u128(0x4ead);
const ROOM_ID: Uuid = Uuid::from_u128(0x400);
const REPORT: &str = "samia.cmd.report_security_event";

fn told() -> Told {
    Told::new("samia")
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

#[test]
fn a_new_user_gets_a_wallet_and_a_clients_profile() {
    let registered = UserRegistered {
        email: text("ada@example.org"),
        full_name: text("Ada"),
        role: Role::Client,
        is_active: true,
        email_verified: false,
        phone_number: None,
        date_of_birth: None,
        timezone: None,
        profile_image_url: None,
        bio: None,
        login_count: 0,
        metadata: None,
        preferences: None,
    };
    told().hears::<User>(ADA, registered).sends(&[
        ("samia.cmd.open_wallet", json!({})),
        ("samia.cmd.create_user_profile", json!({"profile_type": "client"})),
    ]);
}

fn requested(told: &mut Told, reader_id: Option<Uuid>, card_count: i32) -> Reacted {
    let requested = ReadingRequested {
        client_id: ADA,
        reader_id,
        spread_id: Uuid::from_u128(0x59),
        card_count,
        question: None,
        session_type: SessionType::Standard,
        status: ReadingStatus::Pending,
    };
    told.hears::<Reading>(READING, requested)
}

fn room(reader: Uuid) -> [(&'static str, serde_json::Value); 1] {
    let room = json!({
        "room_type": "reading", "participants": [ADA, reader], "reading_session_id": READING,
    });
    [("samia.cmd.open_chat_room", room)]
}

#[test]
fn client_and_reader_get_one_room() {
    let mut told = told();
    let asked = requested(&mut told, Some(BOB), 3);
    asked.sends(&room(BOB));
    let assigned = ReaderAssigned { client_id: ADA, reader_id: BOB };
    let again = told.hears::<Reading>(READING, assigned);
    again.sends(&room(BOB));
    assert_eq!(asked.targets(), again.targets(), "the same room");
}

fn opened(told: &mut Told, hours: Option<u16>) {
    let opened = ChatRoomOpened {
        room_type: RoomType::Reading,
        name: None,
        description: None,
        participants: vec![ADA, BOB],
        max_participants: 2,
        is_encrypted: false,
        is_active: true,
        auto_delete_after_hours: hours.and_then(|hours| hours.try_into().ok()),
        reading_session_id: Some(READING),
        metadata: Default::default(),
    };
    told.hears::<ChatRoom>(ROOM_ID, opened).sends_nothing();
}

fn completed(told: &mut Told) -> Reacted {
    let completed = ReadingCompleted {
        counts_for: None,
        in_profile: false,
        status: ReadingStatus::Completed,
        duration_minutes: 5,
    };
    told.hears::<Reading>(READING, completed)
}

#[test]
fn a_readings_room_closes_a_day_after_it() {
    let mut told = told();
    opened(&mut told, None);
    completed(&mut told).sends_nothing();
    assert_eq!(told.timer(ROOM_CLOSED, READING), Some(day(1) + Duration::hours(24)));
    let closed = told.due(ROOM_CLOSED, READING);
    closed.sends(&[("samia.cmd.close_chat_room", json!({}))]);
    assert_eq!(closed.targets(), [ROOM_ID.to_string()]);
    told.hears::<ChatRoom>(ROOM_ID, ChatRoomClosed { is_active: false }).sends_nothing();
    completed(&mut told);
    told.due(ROOM_CLOSED, READING).sends_nothing();
}

#[test]
fn a_message_goes_after_the_hours_that_its_room_says() {
    let sent = |nth: u128| MessageSent {
        message_id: Uuid::from_u128(nth),
        sender_id: ADA,
        content: "hello".into(),
        message_type: MessageType::Text,
        is_encrypted: false,
        file_url: None,
        file_name: None,
        file_size: None,
        file_type: None,
        reply_to_id: None,
    };
    let mut told = told();
    opened(&mut told, Some(2));
    told.hears::<ChatRoom>(ROOM_ID, sent(1)).sends_nothing();
    told.hears::<ChatRoom>(ROOM_ID, sent(2)).sends_nothing();
    let key = |nth: u128| format!("{ROOM_ID}:{}", Uuid::from_u128(nth));
    assert_eq!(told.timer(MESSAGE, key(1)), Some(day(1) + Duration::hours(2)));
    let deleted = MessageDeleted { message_id: Uuid::from_u128(2) };
    told.hears::<ChatRoom>(ROOM_ID, deleted).sends_nothing();
    assert_eq!(told.timer(MESSAGE, key(2)), None);
    let gone = told.due(MESSAGE, key(1));
    gone.sends(&[("samia.cmd.delete_message", json!({"message_id": Uuid::from_u128(1)}))]);
    let mut stays = self::told();
    opened(&mut stays, None);
    stays.hears::<ChatRoom>(ROOM_ID, sent(1)).sends_nothing();
    assert_eq!(stays.timer(MESSAGE, key(1)), None);
}

fn deck(told: &mut Told, cards: u128) {
    for nth in 0..cards {
        let card: Card = serde_json::from_value(json!({
            "card_key": format!("card_{nth}"), "name": format!("Card {nth}"),
            "arcana_type": Arcana::Major, "image_url": "/cards/x.png",
            "upright_meaning": format!("up {nth}"), "reversed_meaning": format!("down {nth}"),
            "upright_keywords": ["a"], "reversed_keywords": ["b"],
        }))
        .unwrap();
        told.hears::<TarotCard>(Uuid::from_u128(0xca00 + nth), CardAddedToDeck(card));
    }
}

#[test]
fn a_reading_for_which_nobody_is_asked_is_read_from_the_deck() {
    let mut told = told();
    deck(&mut told, 10);
    let read = requested(&mut told, None, 3);
    read.sends(&[
        ("samia.cmd.start_reading", json!({})),
        ("samia.cmd.draw_cards", json!({})),
        ("samia.cmd.record_ai_interpretation", json!({"ai_model_version": "annals-deck-1"})),
        ("samia.cmd.complete_reading", json!({})),
    ]);
    let drawn = read.sendings[1].data["cards_drawn"].as_array().unwrap();
    let mut ids: Vec<&str> = drawn.iter().filter_map(|card| card["card_id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "distinct cards");
    let positions: Vec<i64> = drawn.iter().filter_map(|card| card["position"].as_i64()).collect();
    assert_eq!(positions, [1, 2, 3]);
    let cards = read.sendings[2].data["ai_interpretation"]["cards"].as_array().unwrap();
    for card in cards {
        let side = if card["orientation"] == "upright" { "up" } else { "down" };
        assert!(card["meaning"].as_str().unwrap().starts_with(side), "{card}");
    }
}

#[test]
fn a_deck_with_too_few_cards_waits_for_a_reader_and_so_does_one_that_another_service_reads() {
    let mut told = told();
    deck(&mut told, 2);
    requested(&mut told, None, 3).sends_nothing();
    deck(&mut told, 3);
    told.rules.samia.reads_from_the_deck = false;
    requested(&mut told, None, 3).sends_nothing();
}

fn paid(told: &mut Told) -> Reacted {
    let paid = ReadingPaid {
        transaction_id: Uuid::from_u128(0x7a),
        reading_session_id: READING,
        amount: Amount::from_hundredths(500),
        currency: serde_json::from_value(json!("EUR")).unwrap(),
        balance: Amount::ZERO,
        spent_on: NaiveDate::default(),
        total_spent: Amount::ZERO,
        average_session_value: Amount::ZERO,
        description: None,
        metadata: Default::default(),
    };
    told.hears::<Wallet>(ADA, paid)
}

fn cancelled(told: &mut Told) -> Reacted {
    let status = ReadingStatus::Cancelled;
    told.hears::<Reading>(READING, ReadingCancelled { client_id: ADA, status })
}

#[test]
fn what_was_paid_for_a_cancelled_reading_goes_back_once() {
    let refund = [("samia.cmd.refund_payment", json!({"refund_of": Uuid::from_u128(0x7a)}))];
    let mut told = told();
    requested(&mut told, Some(BOB), 3);
    paid(&mut told).sends_nothing();
    let back = cancelled(&mut told);
    back.sends(&refund);
    assert_eq!(back.targets(), [ADA.to_string()]);
    let refunded = PaymentRefunded {
        transaction_id: Uuid::from_u128(0x7b),
        refund_of: Uuid::from_u128(0x7a),
        reading_session_id: Some(READING),
        amount: Amount::from_hundredths(500),
        currency: serde_json::from_value(json!("EUR")).unwrap(),
        balance: Amount::ZERO,
        description: None,
        metadata: Default::default(),
        processed_by: None,
        processor_notes: None,
    };
    told.hears::<Wallet>(ADA, refunded).sends_nothing();
    cancelled(&mut told).sends_nothing();
    let mut late = self::told();
    requested(&mut late, Some(BOB), 3);
    cancelled(&mut late).sends_nothing();
    paid(&mut late).sends(&refund);
}

fn fails(told: &mut Told, user: Option<Uuid>, email: &str, minute: i64) -> Reacted {
    let failed = SignInFailed {
        user_id: user,
        email: Some(text(email)),
        ip_address: None,
        user_agent: None,
    };
    told.at(day(1) + Duration::minutes(minute));
    told.hears::<User>(user.unwrap_or(BOB), failed)
}

#[test]
fn the_fifth_failure_within_a_quarter_of_an_hour_is_reported_once() {
    let mut told = told();
    for minute in 0..4 {
        fails(&mut told, Some(ADA), "ada@example.org", minute).sends_nothing();
    }
    let report = json!({
        "event_type": "login_failure", "severity": "medium", "detection_method": "automated",
        "user_id": ADA,
    });
    fails(&mut told, Some(ADA), "Ada@example.org", 14).sends(&[(REPORT, report)]);
    fails(&mut told, Some(ADA), "ada@example.org", 14).sends_nothing();
}

#[test]
fn failures_for_an_address_that_is_nobodys_count_and_old_ones_do_not() {
    let mut told = told();
    for minute in 0..4 {
        fails(&mut told, None, "nobody@example.org", minute).sends_nothing();
    }
    fails(&mut told, None, "nobody@example.org", 15).sends_nothing();
    fails(&mut told, None, "other@example.org", 16).sends_nothing();
    fails(&mut told, None, "nobody@example.org", 16).sends_nothing();
    fails(&mut told, None, "nobody@example.org", 17).sends_nothing();
    let reported = fails(&mut told, None, "nobody@example.org", 17);
    reported.sends(&[(REPORT, json!({"event_type": "login_failure"}))]);
    assert!(!reported.sendings[0].data.to_string().contains("nobody@"));
}

#[test]
fn changed_roles_and_permissions_are_reported() {
    let changed = UserRoleChanged { role: Role::Admin, profile_type: Role::Admin.profile_type() };
    let report = json!({"event_type": "privilege_change", "severity": "high", "user_id": ADA});
    told().hears::<User>(ADA, changed).sends(&[(REPORT, report.clone())]);
    let assigned = AdminPermissionsAssigned { admin_permissions: None, department: None };
    told().hears::<UserProfile>(ADA, assigned).sends(&[(REPORT, report)]);
}

fn refused(told: &mut Told, code: &str, minute: i64) -> Reacted {
    let refused = CommandRefused {
        command: "debit_wallet".into(),
        command_id: "c".into(),
        code: code.into(),
        detail: "no".into(),
        resource_type: "wallet".into(),
        resource_id: Some(ADA),
        user_id: Some(ADA),
    };
    told.at(day(1) + Duration::minutes(minute));
    told.hears::<CommandLog>("2026-01-01", refused)
}

#[test]
fn a_wallet_that_is_tried_three_times_within_an_hour_is_suspicious() {
    let mut told = told();
    refused(&mut told, "wallet_frozen", 0).sends_nothing();
    refused(&mut told, "insufficient_funds", 1).sends_nothing();
    refused(&mut told, "daily_limit_exceeded", 2).sends_nothing();
    let report = json!({"event_type": "suspicious_activity", "severity": "medium", "user_id": ADA});
    refused(&mut told, "monthly_limit_exceeded", 59).sends(&[(REPORT, report)]);
}

fn reported(severity: Severity, user_id: Option<Uuid>) -> Reacted {
    let reported: SecurityEventReported = serde_json::from_value(json!({
        "user_id": user_id, "event_type": "card_fraud", "severity": severity,
        "description": "seen", "ip_address": null, "user_agent": null, "geolocation": null,
        "detection_method": DetectionMethod::Ai, "confidence_score": null,
        "status": Status::Open,
    }))
    .unwrap();
    told().hears::<SecurityEvent>(READING, reported)
}

#[test]
fn a_critical_incident_freezes_the_wallet_of_whom_it_is_about() {
    let frozen = reported(Severity::Critical, Some(ADA));
    frozen.sends(&[("samia.cmd.freeze_wallet", json!({}))]);
    assert_eq!(frozen.targets(), [ADA.to_string()]);
    reported(Severity::Critical, None).sends_nothing();
    reported(Severity::High, Some(ADA)).sends_nothing();
}

#[test]
fn whoever_is_erased_as_a_person_is_erased_as_a_user() {
    let erased = || SubjectErased { ground: ErasureGround::ConsentWithdrawn };
    let mut told = told();
    told.hears::<Identity>(ADA, erased()).sends_nothing();
    let changed = UserRoleChanged { role: Role::Admin, profile_type: Role::Admin.profile_type() };
    told.hears::<User>(BOB, changed);
    told.hears::<Identity>(BOB, erased()).sends_nothing();
    let registered = UserRegistered {
        email: text("ada@example.org"),
        full_name: text("Ada"),
        role: Role::Client,
        is_active: true,
        email_verified: false,
        phone_number: None,
        date_of_birth: None,
        timezone: None,
        profile_image_url: None,
        bio: None,
        login_count: 0,
        metadata: None,
        preferences: None,
    };
    told.hears::<User>(ADA, registered);
    told.hears::<Identity>(ADA, erased()).sends(&[("samia.cmd.erase_user", json!({}))]);
}
