use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    samia::testing::{
        ADMIN, CLIENT, MONITOR, OTHER, READER, STRANGER, SUPER, deactivate, erase, world,
    },
    testing::{Sent, World},
};

const SPREAD: Uuid = Uuid::from_u128(0x59);
const READING: Uuid = Uuid::from_u128(0x4ea);
const CARDS: [Uuid; 2] = [Uuid::from_u128(0xc1), Uuid::from_u128(0xc2)];

fn send(world: &mut World, command: &str, data: Value) -> Sent {
    world.send(&format!("samia.cmd.{command}"), READING, data)
}

/// A world with a spread of two cards, and with two cards.
fn deck() -> World {
    let mut world = world();
    let layout = json!({"name": "Two", "card_count": 2, "layout_data": ["a", "b"]});
    world.as_person(ADMIN);
    world.send("samia.cmd.define_spread", SPREAD, layout).accepted(&["SpreadDefined"]);
    for card in CARDS {
        let card_data = json!({
            "card_key": card.to_string(), "name": "A Card", "arcana_type": "major",
            "image_url": "x", "upright_meaning": "yes", "reversed_meaning": "no",
        });
        world.send("samia.cmd.add_card_to_deck", card, card_data).accepted(&["CardAddedToDeck"]);
    }
    world
}

/// A reading that the client asked for, of this reader or of nobody.
fn requested(reader: Option<Uuid>) -> World {
    let mut world = deck();
    let data = json!({"spread_id": SPREAD, "reader_id": reader});
    send(world.as_person(CLIENT), "request_reading", data).accepted(&["ReadingRequested"]);
    world
}

fn conductor(world: &mut World, reader: Option<Uuid>) -> &mut World {
    match reader {
        Some(reader) => world.as_person(reader),
        None => world.as_system(),
    }
}

fn drawn() -> Value {
    json!({"cards_drawn": [
        {"card_id": CARDS[0], "position": 1, "orientation": "upright"},
        {"card_id": CARDS[1], "position": 2, "orientation": "reversed"},
    ]})
}

fn said() -> Value {
    json!({"ai_interpretation": {"text": "soon"}, "ai_model_version": "m-1"})
}

#[test]
fn any_active_user_asks_for_a_reading_with_a_spread_that_can_be_used() {
    let mut world = deck();
    let asked = json!({"spread_id": SPREAD, "question": "Will it?"});
    send(world.as_person(STRANGER), "request_reading", asked.clone()).denied();
    send(world.as_system(), "request_reading", asked.clone()).denied();
    let unknown = json!({"spread_id": Uuid::nil()});
    send(world.as_person(CLIENT), "request_reading", unknown).refused("spread_not_usable");
    let requested = send(&mut world, "request_reading", asked).accepted(&["ReadingRequested"]);
    let payload = requested[0].event.payload_value().unwrap();
    assert_eq!((&payload["client_id"], &payload["card_count"]), (&json!(CLIENT), &json!(2)));
}

#[test]
fn a_retired_spread_is_used_no_more() {
    let mut world = deck();
    world
        .as_person(ADMIN)
        .send("samia.cmd.retire_spread", SPREAD, json!({}))
        .accepted(&["SpreadRetired"]);
    send(world.as_person(CLIENT), "request_reading", json!({"spread_id": SPREAD}))
        .refused("spread_not_usable");
}

#[test]
fn a_reader_is_an_active_reader_other_than_the_client() {
    for nobody in [CLIENT, OTHER, MONITOR, ADMIN, STRANGER] {
        let mut world = deck();
        let data = json!({"spread_id": SPREAD, "reader_id": nobody});
        send(world.as_person(CLIENT), "request_reading", data).refused("not_a_reader");
        let mut world = requested(None);
        send(world.as_person(ADMIN), "assign_reader", json!({"reader_id": nobody}))
            .refused("not_a_reader");
    }
    let mut world = requested(None);
    deactivate(&mut world, READER);
    send(world.as_person(ADMIN), "assign_reader", json!({"reader_id": READER}))
        .refused("not_a_reader");
}

#[test]
fn admins_assign_readers() {
    let mut world = requested(None);
    let reader = json!({"reader_id": READER});
    for person in [CLIENT, READER, MONITOR] {
        send(world.as_person(person), "assign_reader", reader.clone()).denied();
    }
    send(world.as_system(), "assign_reader", reader.clone()).denied();
    send(world.as_person(SUPER), "assign_reader", reader).accepted(&["ReaderAssigned"]);
}

#[test]
fn the_reader_conducts_a_reading_and_without_one_the_system_does() {
    for reader in [Some(READER), None] {
        let mut world = requested(reader);
        for (command, data, event) in [
            ("start_reading", json!({}), "ReadingStarted"),
            ("draw_cards", drawn(), "CardsDrawn"),
            ("complete_reading", json!({}), "ReadingCompleted"),
        ] {
            if command == "complete_reading" {
                send(world.as_system(), "record_ai_interpretation", said())
                    .accepted(&["AiInterpretationRecorded"]);
            }
            for person in [CLIENT, OTHER, ADMIN] {
                send(world.as_person(person), command, data.clone()).denied();
            }
            let other = if reader.is_some() { None } else { Some(READER) };
            send(conductor(&mut world, other), command, data.clone()).denied();
            send(conductor(&mut world, reader), command, data).accepted(&[event]);
        }
    }
}

#[test]
fn only_known_cards_are_drawn() {
    let mut world = requested(Some(READER));
    send(world.as_person(READER), "start_reading", json!({})).accepted(&["ReadingStarted"]);
    let mut cards = drawn();
    cards["cards_drawn"][1]["card_id"] = json!(Uuid::nil());
    send(&mut world, "draw_cards", cards).refused("cards_mismatch");
    send(&mut world, "draw_cards", drawn()).accepted(&["CardsDrawn"]);
}

#[test]
fn the_ai_may_interpret_any_reading_and_a_reader_the_own() {
    let mut world = requested(Some(READER));
    send(world.as_person(READER), "start_reading", json!({})).accepted(&["ReadingStarted"]);
    let words = json!({"reader_interpretation": "yes"});
    for person in [CLIENT, ADMIN] {
        send(world.as_person(person), "record_reader_interpretation", words.clone()).denied();
        send(world.as_person(person), "record_ai_interpretation", said()).denied();
    }
    send(world.as_system(), "record_reader_interpretation", words.clone()).denied();
    send(world.as_system(), "record_ai_interpretation", said())
        .accepted(&["AiInterpretationRecorded"]);
    send(world.as_person(READER), "record_reader_interpretation", words.clone())
        .accepted(&["ReaderInterpretationRecorded"]);
    let mut world = requested(None);
    send(world.as_person(READER), "record_reader_interpretation", words).denied();
}

#[test]
fn client_reader_and_admins_cancel() {
    for (person, may) in
        [(CLIENT, true), (READER, true), (ADMIN, true), (OTHER, false), (MONITOR, false)]
    {
        let mut world = requested(Some(READER));
        let sent = send(world.as_person(person), "cancel_reading", json!({}));
        if may { drop(sent.accepted(&["ReadingCancelled"])) } else { sent.denied() }
    }
    send(requested(None).as_system(), "cancel_reading", json!({})).denied();
    send(deck().as_person(CLIENT), "cancel_reading", json!({})).unknown();
}

/// A reading that is completed, and the payload of its completion.
fn completed(mut world: World) -> (World, Value) {
    send(world.as_system(), "start_reading", json!({})).accepted(&["ReadingStarted"]);
    send(&mut world, "draw_cards", drawn()).accepted(&["CardsDrawn"]);
    send(&mut world, "record_ai_interpretation", said()).accepted(&["AiInterpretationRecorded"]);
    let done = send(&mut world, "complete_reading", json!({})).accepted(&["ReadingCompleted"]);
    let payload = done[0].event.payload_value().unwrap();
    (world, payload)
}

#[test]
fn the_client_rates_the_own_reading() {
    let (mut world, _) = completed(requested(None));
    let rating = json!({"satisfaction_rating": 5, "client_feedback": "thanks"});
    for person in [OTHER, READER, ADMIN] {
        send(world.as_person(person), "rate_reading", rating.clone()).denied();
    }
    send(world.as_person(CLIENT), "rate_reading", rating.clone()).accepted(&["ReadingRated"]);
    send(&mut world, "rate_reading", rating).refused("rating_refused");
}

#[test]
fn a_completed_reading_counts_for_a_client_who_is_still_there() {
    let counts = |payload: &Value| (payload["counts_for"].clone(), payload["in_profile"].clone());
    let (_, payload) = completed(requested(None));
    assert_eq!(counts(&payload), (json!(CLIENT), json!(false)));
    let mut world = requested(None);
    world
        .as_system()
        .send("samia.cmd.create_user_profile", CLIENT, json!({}))
        .accepted(&["UserProfileCreated"]);
    let (_, payload) = completed(world);
    assert_eq!(counts(&payload), (json!(CLIENT), json!(true)));
    let mut world = requested(None);
    erase(&mut world, CLIENT);
    let (_, payload) = completed(world);
    assert_eq!(counts(&payload), (Value::Null, json!(false)));
}

#[test]
fn a_client_pays_for_the_own_reading_unless_it_is_called_off() {
    let mut world = requested(None);
    for user in [CLIENT, OTHER] {
        world
            .as_system()
            .send("samia.cmd.open_wallet", user, json!({}))
            .accepted(&["WalletOpened"]);
        let credit = json!({"amount": "50"});
        world.send("samia.cmd.credit_wallet", user, credit).accepted(&["WalletCredited"]);
    }
    let pay = "samia.cmd.pay_for_reading";
    let data = json!({"reading_session_id": READING, "amount": "20.00"});
    world.as_person(OTHER).send(pay, CLIENT, data.clone()).denied();
    world.as_person(OTHER).send(pay, OTHER, data.clone()).refused("reading_not_payable");
    world.as_person(CLIENT).send(pay, CLIENT, data.clone()).accepted(&["ReadingPaid"]);
    send(world.as_person(CLIENT), "cancel_reading", json!({})).accepted(&["ReadingCancelled"]);
    world.send(pay, CLIENT, data).refused("reading_not_payable");
}
