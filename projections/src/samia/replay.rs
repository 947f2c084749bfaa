//! Rows of a whole story, as they came to be and as a replay makes them after somebody was erased.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
};

use annals_domain::{
    Decider, DomainEvent, EventType, Moment, Refusal, Subject,
    samia::{
        chat_room::{
            ChatRoom, ConfirmDelivery, DeleteMessage, EditMessage, OpenChatRoom, SendMessage,
        },
        command_log::{CommandLog, CommandRefused},
        configuration::{Configuration, SetConfiguration},
        metric::{Metric, RecordMetric},
        payment_method::{AddPaymentMethod, PaymentMethod, VerifyPaymentMethod},
        reading::{
            CompleteReading, DrawCards, RateReading, Reading, RecordAiInterpretation,
            RecordReaderInterpretation, RequestReading, StartReading,
        },
        security_event::{ReportSecurityEvent, SecurityEvent},
        tarot_card::{AddCardToDeck, TarotCard},
        tarot_spread::{DesignCustomSpread, ReviseSpread, TarotSpread},
        user::{
            ChangeUserPreferences, EraseUser, RecordSignInFailure, RegisterUser, SetUserMetadata,
            UpdateUserDetails, User,
        },
        user_profile::{
            ChangeProfileSettings, CreateUserProfile, UpdateClientProfile, UserProfile,
        },
        video_call::{AnswerCall, EndCall, InitiateCall, MarkCallRinging, VideoCall},
        visit::{RecordVisit, Visit},
        wallet::{CreditWallet, DebitWallet, InitiateDeposit, OpenWallet, PayForReading, Wallet},
    },
    testing::{ADA, BOB, day},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    context,
    testing::{envelope, fits},
};
use crate::{
    change::{Change, Operation},
    recorded::Envelope,
    row::Row,
};

const CARD: Uuid = Uuid::from_u128(0xca);
const SPREAD: Uuid = Uuid::from_u128(0x59);
const READING: Uuid = Uuid::from_u128(0x4e);
const ROOM: Uuid = Uuid::from_u128(0x40);
const CALL: Uuid = Uuid::from_u128(0xcc);
const INCIDENT: Uuid = Uuid::from_u128(0x5e);
const VISIT: Uuid = Uuid::from_u128(0x71);

/// An event as it is stored, before anything in it is sealed.
struct Told {
    aggregate: &'static str,
    id: String,
    actor: Uuid,
    kind: &'static EventType,
    payload: Value,
}

/// What happened, in order, one command after another.
#[derive(Default)]
struct Story {
    states: HashMap<(&'static str, String), Box<dyn Any>>,
    told: Vec<Told>,
    turn: u128,
}

impl Story {
    /// Somebody asks something of an aggregate, as the outside says it.
    fn asks<D: Decider, C: DeserializeOwned + Into<D::Command>>(
        &mut self,
        actor: Uuid,
        id: impl ToString,
        command: Value,
    ) -> Value {
        let command: C = serde_json::from_value(command).unwrap();
        self.commands::<D>(actor, id, command)
    }

    /// Somebody asks something of an aggregate, as its handler says it. Says the last event's payload.
    fn commands<D: Decider>(
        &mut self,
        actor: Uuid,
        id: impl ToString,
        command: impl Into<D::Command>,
    ) -> Value {
        self.turn += 1;
        let id = id.to_string();
        let moment = Moment::new(day(1), actor, Uuid::from_u128(self.turn));
        let state = self.states.entry((D::TYPE, id.clone())).or_insert_with(|| Box::<D>::default());
        let state = state.downcast_mut::<D>().unwrap();
        let events = state.decide(command.into(), &moment);
        let events = events.unwrap_or_else(|refusal| panic!("{}", refusal.detail()));
        for event in events {
            state.evolve(&event);
            self.told.push(told::<D>(&id, actor, &event));
        }
        self.told.last().unwrap().payload.clone()
    }

    /// The rows, where everything that was sealed for these people reads as its tombstone.
    fn rows(&self, erased: &[Uuid]) -> Rows {
        let mut rows = Rows::default();
        for (nth, told) in (1_u128..).zip(&self.told) {
            let envelope = Envelope {
                aggregate_id: told.id.clone(),
                event_id: Uuid::from_u128(nth),
                actor: told.actor,
                ..envelope(told.aggregate, told.kind.name)
            };
            let changes = context().project(&envelope, told.opened(erased), || told.redacted());
            for change in changes.unwrap() {
                fits(&change);
                rows.apply(change);
            }
        }
        rows
    }
}

fn told<D: Decider>(id: &str, actor: Uuid, event: &D::Event) -> Told {
    Told {
        aggregate: D::TYPE,
        id: id.to_owned(),
        actor,
        kind: event.event_type(),
        payload: event.payload_value().unwrap(),
    }
}

impl Told {
    fn opened(&self, erased: &[Uuid]) -> Value {
        let named = match self.kind.subject {
            Subject::Stream => None,
            Subject::Field(name) => self.payload[name].as_str(),
        };
        let subject = named.unwrap_or(&self.id).to_owned();
        let gone = erased.iter().any(|person| person.to_string() == subject);
        self.personal(|field| gone.then(|| field.tombstone.value(&subject)))
    }

    fn redacted(&self) -> Value {
        self.personal(|_| Some(json!("[redacted]")))
    }

    /// With something else, perhaps, in place of each personal value.
    fn personal(&self, other: impl Fn(&annals_domain::PersonalField) -> Option<Value>) -> Value {
        let mut payload = self.payload.clone();
        for field in self.kind.personal {
            let Some(value) = payload.get_mut(field.name).filter(|value| !value.is_null()) else {
                continue;
            };
            if let Some(other) = other(field) {
                *value = other;
            }
        }
        payload
    }
}

/// Tables in memory: rows by table and key.
#[derive(Debug, Default, PartialEq)]
struct Rows(BTreeMap<(&'static str, String), Row>);

impl Rows {
    fn apply(&mut self, change: Change) {
        let table = change.table.name;
        let key = (table, format!("{:?}", change.key));
        match change.operation {
            Operation::Put => {
                let row = self.0.entry(key).or_default();
                row.extend(change.key);
                row.extend(change.columns);
            }
            Operation::Patch => {
                let row = self.0.get_mut(&key).unwrap_or_else(|| panic!("no row {key:?}"));
                row.extend(change.columns);
            }
            Operation::Add => {
                let row = self.0.entry(key).or_insert(change.key);
                for (name, value) in change.columns {
                    let sum = match (row.get(&name).and_then(Value::as_i64), value.as_i64()) {
                        (Some(there), Some(more)) => json!(there + more),
                        _ => value,
                    };
                    row.insert(name, sum);
                }
            }
            Operation::PatchWhere => {
                let rows = self.0.iter_mut().filter(|((name, _), _)| *name == table);
                for (_, row) in rows.filter(|(_, row)| holds(row, &change.key)) {
                    row.extend(change.columns.clone());
                }
            }
            Operation::DropWhere => {
                self.0.retain(|(name, _), row| *name != table || !holds(row, &change.key));
            }
            Operation::Drop => panic!("not used here: {change:?}"),
        }
    }

    fn of(&self, table: &str) -> Vec<&Row> {
        self.0.iter().filter(|((name, _), _)| *name == table).map(|(_, row)| row).collect()
    }

    fn one(&self, table: &str) -> &Row {
        let rows = self.of(table);
        assert_eq!(rows.len(), 1, "{table}: {rows:?}");
        rows[0]
    }
}

fn holds(row: &Row, key: &Row) -> bool {
    key.iter().all(|(name, value)| row.get(name) == Some(value))
}

/// Ada becomes a user with a profile, Bob one with neither.
fn register(story: &mut Story) {
    for (person, name) in [(ADA, "secret"), (BOB, "Bob")] {
        let new = json!({
            "email": format!("{name}@example.org"), "full_name": name, "phone_number": name,
            "date_of_birth": "1990-05-04", "profile_image_url": name, "bio": name,
        });
        story.asks::<User, RegisterUser>(person, person, new);
    }
    let secret = json!({"secret": 1});
    story.asks::<User, UpdateUserDetails>(ADA, ADA, json!({"full_name": "Secret", "bio": null}));
    story.asks::<User, ChangeUserPreferences>(ADA, ADA, json!({"preferences": secret}));
    story.asks::<User, SetUserMetadata>(BOB, ADA, json!({"metadata": secret}));
    let failed = RecordSignInFailure {
        email: Some("secret@example.org".parse().unwrap()),
        ip_address: Some("192.0.2.1".parse().unwrap()),
        user_agent: Some("secret".into()),
        user_id: Some(ADA),
    };
    story.commands::<User>(BOB, ADA, failed);
    story.asks::<UserProfile, CreateUserProfile>(ADA, ADA, json!({}));
    story.asks::<UserProfile, UpdateClientProfile>(ADA, ADA, json!({"birth_chart_data": secret}));
    story.asks::<UserProfile, ChangeProfileSettings>(ADA, ADA, json!({"social_links": secret}));
}

/// Ada has a reading with a spread of her own, which Bob conducts.
fn read(story: &mut Story) {
    let card = json!({
        "card_key": "the-fool", "name": "The Fool", "arcana_type": "major", "image_url": "x",
        "upright_meaning": "begin", "reversed_meaning": "wait",
    });
    story.asks::<TarotCard, AddCardToDeck>(BOB, CARD, card);
    let spread = json!({
        "name": "secret", "description": "secret", "card_count": 1, "layout_data": ["secret"],
    });
    story.asks::<TarotSpread, DesignCustomSpread>(ADA, SPREAD, spread);
    let layout = json!({"name": "secret one", "layout_data": ["one"]});
    story.asks::<TarotSpread, ReviseSpread>(ADA, SPREAD, layout);
    let asked = json!({"spread_id": SPREAD, "reader_id": BOB, "question": "secret"});
    let asked: RequestReading = serde_json::from_value(asked).unwrap();
    story.commands::<Reading>(ADA, READING, RequestReading { card_count: 1, ..asked });
    story.asks::<Reading, StartReading>(BOB, READING, json!({}));
    let card = json!({"card_id": CARD, "position": 1, "orientation": "upright"});
    story.asks::<Reading, DrawCards>(BOB, READING, json!({"cards_drawn": [card]}));
    let said = json!({"ai_interpretation": {"secret": 1}, "ai_model_version": "m"});
    story.asks::<Reading, RecordAiInterpretation>(BOB, READING, said);
    let written = json!({"reader_notes": "secret", "reader_interpretation": "secret"});
    story.asks::<Reading, RecordReaderInterpretation>(BOB, READING, written);
    let complete = CompleteReading { client_counts: true, client_has_profile: true };
    story.commands::<Reading>(BOB, READING, complete);
    let rating = json!({"satisfaction_rating": 5, "client_feedback": "secret"});
    story.asks::<Reading, RateReading>(ADA, READING, rating);
}

/// Ada and Bob talk, by writing and by calling.
fn talk(story: &mut Story) {
    let room = json!({"room_type": "direct", "participants": [ADA, BOB], "is_encrypted": false});
    story.asks::<ChatRoom, OpenChatRoom>(ADA, ROOM, room);
    for person in [ADA, ADA, BOB] {
        let said =
            json!({"content": if person == ADA { "secret" } else { "hello" }, "file_url": "x"});
        let said = story.asks::<ChatRoom, SendMessage>(person, ROOM, said);
        let message = json!({"message_id": said["message_id"]});
        let other = if person == ADA { BOB } else { ADA };
        story.asks::<ChatRoom, ConfirmDelivery>(other, ROOM, message.clone());
        let edit = json!({"message_id": said["message_id"], "content": "secretly"});
        if person == ADA {
            story.asks::<ChatRoom, EditMessage>(ADA, ROOM, edit);
        }
    }
    let spoken =
        json!({"content": "x", "message_type": "system", "sender_id": ADA, "file_url": "secret"});
    let spoken = story.asks::<ChatRoom, SendMessage>(BOB, ROOM, spoken);
    let gone = json!({"message_id": spoken["message_id"]});
    story.asks::<ChatRoom, DeleteMessage>(ADA, ROOM, gone);
    let call = InitiateCall {
        room_id: ROOM,
        in_room: vec![ADA, BOB],
        room_active: true,
        ..InitiateCall::default()
    };
    story.commands::<VideoCall>(ADA, CALL, call);
    story.asks::<VideoCall, MarkCallRinging>(BOB, CALL, json!({}));
    story.asks::<VideoCall, AnswerCall>(BOB, CALL, json!({}));
    story.commands::<VideoCall>(BOB, CALL, EndCall { initiator_counts: true });
}

/// Ada pays.
fn pay(story: &mut Story) {
    let method = json!({
        "method_type": "card", "provider": "stripe", "provider_method_id": "secret",
        "display_name": "secret", "last_four": "4242", "brand": "secret", "expiry_month": 12,
        "expiry_year": 2030,
    });
    let added = story.asks::<PaymentMethod, AddPaymentMethod>(ADA, ADA, method);
    let method = added["payment_method_id"].clone();
    let verified = json!({"payment_method_id": method});
    story.asks::<PaymentMethod, VerifyPaymentMethod>(BOB, ADA, verified);
    story.asks::<Wallet, OpenWallet>(BOB, ADA, json!({}));
    let note = json!({"amount": "50", "description": "secret", "processor_notes": "secret"});
    story.asks::<Wallet, CreditWallet>(BOB, ADA, note);
    let taken = json!({"amount": "5", "description": "secret"});
    story.asks::<Wallet, DebitWallet>(BOB, ADA, taken);
    let paid = json!({"amount": "20", "reading_session_id": READING, "description": "secret"});
    story.asks::<Wallet, PayForReading>(ADA, ADA, paid);
    let announced = json!({
        "amount": "7", "gateway_provider": "stripe", "payment_method_id": method,
        "description": "secret",
    });
    story.asks::<Wallet, InitiateDeposit>(ADA, ADA, announced);
}

/// Ada is watched over, and the service looked after.
fn watch(story: &mut Story) {
    let visit = json!({"session_id": "secret", "page_views": 3, "city": "secret"});
    story.asks::<Visit, RecordVisit>(ADA, VISIT, visit);
    for about in [Some(ADA), None] {
        let seen = if about.is_some() { "secret" } else { "nothing" };
        let incident = json!({
            "user_id": about, "event_type": "login_failure", "description": seen,
            "ip_address": "192.0.2.1", "user_agent": seen, "geolocation": {"at": seen},
        });
        let id = about.unwrap_or(INCIDENT);
        story.asks::<SecurityEvent, ReportSecurityEvent>(BOB, id, incident);
    }
    story.asks::<Metric, RecordMetric>(BOB, "latency", json!({"metric_value": "1"}));
    story.asks::<Configuration, SetConfiguration>(BOB, "max", json!({"config_value": "1"}));
    let refused = CommandRefused {
        command: "debit_wallet".into(),
        command_id: "c".into(),
        code: "insufficient_funds".into(),
        detail: "the balance is 0.00".into(),
        resource_type: "wallet".into(),
        resource_id: Some(ADA),
        user_id: Some(ADA),
    };
    story.told.push(told::<CommandLog>("2026-01-01", ADA, &refused.into()));
}

fn story() -> Story {
    let mut story = Story::default();
    register(&mut story);
    read(&mut story);
    talk(&mut story);
    pay(&mut story);
    watch(&mut story);
    story
}

fn erased() -> Story {
    let mut story = story();
    story.commands::<User>(BOB, ADA, EraseUser { user_id: ADA });
    story
}

#[test]
fn a_replay_after_erasure_gives_the_rows_that_are_there() {
    let story = erased();
    let (lived, replayed) = (story.rows(&[]), story.rows(&[ADA]));
    for (key, row) in &lived.0 {
        assert_eq!(Some(row), replayed.0.get(key), "{key:?}");
    }
    assert_eq!(lived, replayed);
}

#[test]
fn nothing_that_was_known_of_the_erased_is_left() {
    let rows = erased().rows(&[]);
    for ((table, _), row) in &rows.0 {
        let told = serde_json::to_string(row).unwrap().to_lowercase();
        // A layout is not personal, and what it was before is not told any more.
        assert!(!told.contains("secret"), "{table}: {told}");
        assert!(!told.contains("4242"), "{table}: {told}");
    }
    let user = rows.of("users").into_iter().find(|row| row["id"] == json!(ADA)).unwrap();
    assert_eq!(user["email"], json!(format!("{ADA}@erased.invalid")));
    assert_eq!((&user["full_name"], &user["bio"]), (&json!("erased"), &Value::Null));
    assert!(rows.of("user_profiles").is_empty());
    let days = rows.of("user_analytics");
    assert!(days.iter().all(|day| day["user_id"] == json!(BOB)), "{days:?}");
}

#[test]
fn money_audit_and_authorship_stay_without_the_person() {
    let rows = erased().rows(&[]);
    assert_eq!(rows.one("user_wallets")["balance"], "25.00");
    let moved = rows.of("transactions");
    assert_eq!(moved.len(), 4);
    assert!(moved.iter().all(|it| it["user_id"] == json!(ADA) && it["description"] == Value::Null));
    assert_eq!(rows.one("reading_sessions")["client_id"], json!(ADA));
    assert_eq!(rows.one("tarot_spreads")["created_by"], json!(ADA));
    let said = rows.of("chat_messages");
    assert_eq!(said.iter().filter(|it| it["content"] == "erased").count(), 3);
    assert_eq!(rows.of("audit_logs").len(), erased().told.len());
}

#[test]
fn what_is_done_is_counted() {
    let rows = story().rows(&[]);
    assert_eq!(rows.one("tarot_spreads")["usage_count"], 1);
    assert_eq!(rows.one("user_profiles")["reading_history_count"], 1);
    let days = rows.of("user_analytics");
    let outside = |person| {
        days.iter().find(|it| it["session_id"] == "server" && it["user_id"] == json!(person))
    };
    let (ada, bob) = (outside(ADA).unwrap(), outside(BOB).unwrap());
    assert_eq!((&ada["messages_sent"], &bob["messages_sent"]), (&json!(2), &json!(1)));
    assert_eq!((&ada["calls_made"], &ada["readings_completed"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&ada["total_spent"], &ada["average_session_value"]),
        (&json!("20.00"), &json!("20.00"))
    );
    let visit = days.iter().find(|it| it["session_id"] == "secret").unwrap();
    assert_eq!(visit["page_views"], 3);
}

#[test]
fn no_personal_value_comes_into_the_audit_log() {
    for line in story().rows(&[]).of("audit_logs") {
        // A failed sign-in says where it came from.
        let told = serde_json::to_string(&line["new_values"]).unwrap();
        let layout = line["action"] == "CustomSpreadDesigned";
        assert!(layout || !told.to_lowercase().contains("secret"), "{told}");
    }
}

#[test]
fn every_table_of_the_context_is_written_by_the_story() {
    let rows = story().rows(&[]);
    for table in context().tables {
        assert!(!rows.of(table.name).is_empty(), "{} is never written", table.name);
    }
}
