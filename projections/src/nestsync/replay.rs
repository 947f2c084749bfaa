//! Rows of a whole story, as they came to be and as a replay makes them after people were erased.

use std::collections::BTreeMap;

use annals_domain::{
    Decider, DomainEvent, Moment, Refusal, Subject,
    nestsync::{
        activity::{Activity, TrackActivity},
        billing::{
            AddPaymentMethod, Billing, BillingInterval, ChooseDefaultPaymentMethod, MethodType,
            StartTrial,
        },
        child::{AddChild, Child, Contact, CreateEmergencyProfile, EraseChild},
        family::{
            AcceptFamilyInvitation, CreateFamily, Event as FamilyEvent, Family, Giver, Invitation,
            InviteFamilyMember,
        },
        inventory_item::{
            AddInventoryItem, Category, InventoryItem, LogUsage, SetReorderThreshold,
            SuggestReorder, Usage, VoidUsageLog,
        },
        notification::{Notification, QueueNotification, RecordNotificationFailed},
        notification_preference::{
            Channel, NotificationPreference, SetNotificationPreference, Topic, Wish,
        },
        permission::Role,
        user::{EraseUser, RegisterUser, User},
    },
    testing::{ADA, BOB, day},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    context,
    scene::{envelope, fits},
};
use crate::{
    change::{Change, Operation},
    row::Row,
};

const FAMILY: Uuid = Uuid::from_u128(0xfa);
const KIM: Uuid = Uuid::from_u128(0x41);
const ITEM: Uuid = Uuid::from_u128(0x17e);

/// An event as it is stored, before anything in it is sealed.
struct Stored {
    aggregate: &'static str,
    id: String,
    event: &'static annals_domain::EventType,
    payload: Value,
}

/// What happened, in order, one command after another.
#[derive(Default)]
struct Story {
    told: Vec<Stored>,
    turn: u128,
}

impl Story {
    /// A command goes to an aggregate that was left like this; its new state and events.
    fn goes_on<D: Decider>(
        &mut self,
        mut state: D,
        id: impl ToString,
        actor: Uuid,
        command: impl Into<D::Command>,
    ) -> (D, Vec<D::Event>) {
        self.turn += 1;
        let moment = Moment::new(day(1), actor, Uuid::from_u128(self.turn));
        let events = state.decide(command.into(), &moment);
        let events = events.unwrap_or_else(|refusal| panic!("{}", refusal.detail()));
        for event in &events {
            state.evolve(event);
            self.told.push(Stored {
                aggregate: D::TYPE,
                id: id.to_string(),
                event: event.event_type(),
                payload: event.payload_value().unwrap(),
            });
        }
        (state, events)
    }

    /// The rows, where everything that was sealed for these people reads as its tombstone.
    fn rows(&self, erased: &[Uuid]) -> Rows {
        let mut rows = Rows::default();
        for stored in &self.told {
            let payload = stored.opened(erased);
            let envelope = envelope(stored.aggregate, &stored.id, stored.event.name);
            let changes = context().project(&envelope, payload, || Value::Null).unwrap();
            for change in changes {
                fits(&change);
                rows.apply(change);
            }
        }
        rows
    }
}

impl Stored {
    fn opened(&self, erased: &[Uuid]) -> Value {
        let mut payload = self.payload.clone();
        let subject = match self.event.subject {
            Subject::Stream => self.id.clone(),
            Subject::Field(name) => payload[name].as_str().unwrap().to_owned(),
        };
        if erased.iter().any(|person| person.to_string() == subject) {
            for field in self.event.personal {
                match payload.get_mut(field.name) {
                    Some(value) if !value.is_null() => *value = field.tombstone.value(&subject),
                    Some(_) | None => {}
                }
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
                let mut row = change.key;
                row.extend(change.columns);
                self.0.insert(key, row);
            }
            Operation::Patch => {
                let row = self.0.get_mut(&key).unwrap_or_else(|| panic!("no row {key:?}"));
                row.extend(change.columns);
            }
            Operation::PatchWhere => {
                for row in self.matching(table, &change.key) {
                    row.extend(change.columns.clone());
                }
            }
            Operation::DropWhere => {
                self.0.retain(|(name, _), row| *name != table || !holds(row, &change.key));
            }
            Operation::Drop | Operation::Add => panic!("not used here: {change:?}"),
        }
    }

    fn matching<'a>(
        &'a mut self,
        table: &'a str,
        key: &'a Row,
    ) -> impl Iterator<Item = &'a mut Row> {
        let rows = self.0.iter_mut();
        rows.filter(move |((name, _), row)| *name == table && holds(row, key)).map(|(_, row)| row)
    }

    fn of(&self, table: &str) -> Vec<&Row> {
        self.0.iter().filter(|((name, _), _)| *name == table).map(|(_, row)| row).collect()
    }
}

fn holds(row: &Row, key: &Row) -> bool {
    key.iter().all(|(name, value)| row.get(name) == Some(value))
}

fn register(story: &mut Story, person: Uuid, email: &str) -> User {
    let new = RegisterUser {
        email: email.into(),
        display_name: "Secret".into(),
        phone: Some("secret".into()),
        locale: None,
        timezone: None,
    };
    story.goes_on(User::default(), person, person, new).0
}

/// Ada founds a family with a child and an item; Bob joins.
fn found(story: &mut Story) -> (Family, Child, InventoryItem) {
    let new = CreateFamily {
        name: "Us".into(),
        display_name: "Ada".into(),
        country: None,
        data_region: None,
        timezone: None,
    };
    let (family, _) = story.goes_on(Family::default(), FAMILY, ADA, new);
    let asked = InviteFamilyMember {
        display_name: "Secret".into(),
        invited_email: "secret@example.org".into(),
        role: Role::Caregiver,
        permissions: None,
    };
    let invitation = Invitation { asked, user_id: Some(BOB), giver: Giver::Member(ADA) };
    let (family, events) = story.goes_on(family, FAMILY, ADA, invitation);
    let [FamilyEvent::FamilyMemberInvited(invited)] = events.as_slice() else {
        panic!("expected an invitation, got {events:?}");
    };
    let accept = AcceptFamilyInvitation {
        member_id: invited.member_id,
        display_name: Some("Secret".into()),
    };
    let (family, _) = story.goes_on(family, FAMILY, BOB, accept);
    let new = AddChild {
        family_id: FAMILY,
        first_name: "Secret".into(),
        last_name: Some("secret".into()),
        date_of_birth: "2022-05-04".parse().ok(),
        clothing_size: Some("secret".into()),
        shoe_size: None,
        notes: None,
    };
    let (child, _) = story.goes_on(Child::default(), KIM, ADA, new);
    let profile = CreateEmergencyProfile {
        contacts: vec![Contact {
            name: "secret".into(),
            phone: "secret".into(),
            relationship: None,
        }],
        allergies: vec!["secret".into()],
        medical_conditions: vec![],
        medications: vec![],
        physician_name: None,
        physician_phone: None,
        instructions: None,
    };
    let (child, _) = story.goes_on(child, KIM, ADA, profile);
    let new = AddInventoryItem {
        family_id: FAMILY,
        child_id: Some(KIM),
        category: Category::Supply,
        name: "Nappies".into(),
        brand: None,
        size: None,
        unit: None,
        quantity: Some("10".into()),
        reorder_threshold: None,
        reorder_quantity: None,
        expires_on: None,
    };
    let (item, _) = story.goes_on(InventoryItem::default(), ITEM, ADA, new);
    (family, child, item)
}

/// Bob uses, voids, and lets the item run low; for the child, and for nobody.
fn used(story: &mut Story, mut item: InventoryItem) {
    for child_id in [Some(KIM), None, None] {
        let asked = LogUsage {
            quantity: "1.5".into(),
            used_at: None,
            child_id,
            notes: Some("secret".into()),
        };
        let usage = Usage { asked, timezone: "America/Toronto".into() };
        (item, _) = story.goes_on(item, ITEM, BOB, usage);
    }
    let last = story.told.last().map(|stored| stored.payload["usage_id"].clone()).unwrap();
    let void = VoidUsageLog { usage_id: serde_json::from_value(last).unwrap() };
    (item, _) = story.goes_on(item, ITEM, BOB, void);
    let low =
        SetReorderThreshold { reorder_threshold: Some(Some("8".into())), reorder_quantity: None };
    (item, _) = story.goes_on(item, ITEM, BOB, low);
    story.goes_on(item, ITEM, BOB, SuggestReorder {});
}

/// Bob pays, is notified, says what he wants to hear and is seen in the application.
fn known(story: &mut Story) {
    let card = AddPaymentMethod {
        method_type: MethodType::Card,
        provider: "stripe".into(),
        provider_method_id: "secret".into(),
        brand: Some("secret".into()),
        last_four: Some("4242".into()),
        expiry_month: Some(12),
        expiry_year: Some(2030),
    };
    let (billing, _) = story.goes_on(Billing::default(), FAMILY, BOB, card.clone());
    let (billing, _) = story.goes_on(billing, FAMILY, BOB, card);
    let other = billing.payment_methods.iter().find(|id| billing.default != Some(**id)).copied();
    let choose = ChooseDefaultPaymentMethod { payment_method_id: other.unwrap() };
    let (billing, _) = story.goes_on(billing, FAMILY, BOB, choose);
    let trial = StartTrial {
        billing_interval: BillingInterval::Month,
        price_cents: 999,
        currency: None,
        payment_method_id: other,
    };
    story.goes_on(billing, FAMILY, BOB, trial);

    let id = Uuid::from_u128(0x40);
    let queue = QueueNotification {
        family_id: FAMILY,
        user_id: BOB,
        channel: Channel::Email,
        topic: Topic::ReorderSuggestion,
        resource_type: None,
        resource_id: None,
    };
    let (queued, _) = story.goes_on(Notification::default(), id, BOB, queue);
    let failed = RecordNotificationFailed { failure_reason: Some("secret".into()) };
    story.goes_on(queued, id, BOB, failed);

    let asked = SetNotificationPreference {
        channel: Channel::Sms,
        topic: Topic::Subscription,
        enabled: true,
        quiet_from: "22:00:00".parse().ok().map(Some),
        quiet_until: "07:00:00".parse().ok().map(Some),
    };
    let wish = Wish { asked, user_id: BOB, family_id: FAMILY };
    let stream = format!("{BOB}:{FAMILY}");
    story.goes_on(NotificationPreference::default(), stream, BOB, wish);

    for user_id in [Some(BOB), None] {
        let done = TrackActivity {
            family_id: FAMILY,
            user_id,
            event_name: "opened".into(),
            properties: Map::from_iter([("screen".to_owned(), json!("stock"))]),
            session_id: Some("session".into()),
            occurred_at: None,
        };
        story.goes_on(Activity::default(), BOB, BOB, done);
    }
}

fn story() -> Story {
    let mut story = Story::default();
    register(&mut story, ADA, "ada@example.org");
    let bob = register(&mut story, BOB, "secret@example.org");
    let (_, child, item) = found(&mut story);
    used(&mut story, item);
    known(&mut story);
    story.goes_on(bob, BOB, BOB, EraseUser {});
    story.goes_on(child, KIM, ADA, EraseChild {});
    story
}

#[test]
fn a_replay_after_erasure_gives_the_rows_that_are_there() {
    let story = story();
    assert_eq!(story.rows(&[]), story.rows(&[BOB, KIM]));
}

#[test]
fn nothing_that_was_known_of_the_erased_is_left() {
    let rows = story().rows(&[]);
    let told = |table: &str| serde_json::to_string(&rows.of(table)).unwrap().to_lowercase();
    for table in [
        "family_members",
        "children",
        "emergency_profiles",
        "usage_logs",
        "payment_methods",
        "notification_logs",
        "notification_preferences",
    ] {
        assert!(!told(table).contains("secret"), "{table}: {}", told(table));
    }
    assert!(rows.of("emergency_profiles").is_empty());
    assert!(rows.of("notification_preferences").is_empty());
    assert_eq!(rows.of("analytics_events").len(), 1);
    let bob = rows.of("users").into_iter().find(|row| row["id"] == json!(BOB)).unwrap();
    assert_eq!(bob["email"], json!(format!("{BOB}@erased.invalid")));
    assert_eq!((&bob["display_name"], &bob["phone"]), (&json!("erased"), &Value::Null));
}

#[test]
fn money_counts_and_authorship_stay() {
    let rows = story().rows(&[]);
    assert_eq!(rows.of("usage_logs").len(), 3);
    assert_eq!(rows.of("inventory_items")[0]["quantity"], json!("7.00"));
    let sums = rows.of("usage_analytics");
    assert_eq!(sums.len(), 3);
    for sum in sums {
        assert_eq!((&sum["usage_count"], &sum["total_quantity"]), (&json!(2), &json!("3.00")));
    }
    assert_eq!(rows.of("reorder_suggestions")[0]["suggested_quantity"], json!("9.00"));
    assert_eq!(rows.of("subscriptions")[0]["payer_id"], json!(BOB));
    let defaults =
        rows.of("payment_methods").iter().filter(|row| row["is_default"] == json!(true)).count();
    assert_eq!(defaults, 1);
}

#[test]
fn every_table_of_the_context_is_written_by_the_story() {
    let story = story();
    let mut written: Vec<&str> = vec![];
    for stored in &story.told {
        let envelope = envelope(stored.aggregate, &stored.id, stored.event.name);
        let changes = context().project(&envelope, stored.payload.clone(), || Value::Null).unwrap();
        written.extend(changes.iter().map(|change| change.table.name));
    }
    for table in context().tables {
        assert!(written.contains(&table.name), "{} is never written", table.name);
    }
}
