//! What SAMIA TAROT does by itself, from the event to the row.

use annals_tests::{
    World,
    samia::{CLARA, DORA, SAM, super_admin, user},
};
use chrono::Duration;
use serde_json::{Value, json};
use uuid::Uuid;

const REPORTS: &str = "SELECT event_type, severity, user_id FROM samia.security_events
                       ORDER BY event_type";

async fn deck(world: &World, cards: u32) {
    for nth in 0..cards {
        let card = json!({
            "card_key": format!("card_{nth}"), "name": format!("Card {nth}"),
            "arcana_type": "major", "number": nth, "image_url": "/cards/x.png",
            "upright_meaning": "up", "reversed_meaning": "down",
            "upright_keywords": ["a"], "reversed_keywords": ["b"],
        });
        world.as_person(SAM).send("samia.cmd.add_card_to_deck", (), card).await.ok();
    }
}

async fn spread(world: &World) -> Uuid {
    let spread = json!({
        "name": "Three cards", "card_count": 3, "is_public": true,
        "layout_data": {"positions": [{"x": 0}, {"x": 1}, {"x": 2}]},
    });
    world.as_person(SAM).send("samia.cmd.define_spread", (), spread).await.ok().id()
}

async fn reader(world: &World) {
    user(world, DORA).await;
    let role = json!({"role": "reader"});
    world.as_person(SAM).send("samia.cmd.change_user_role", DORA, role).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_user_has_a_wallet_and_a_profile() {
    let world = World::lively().await;
    user(&world, CLARA).await;
    world.reacted("samia").await;
    let wallet = world.row("SELECT user_id, balance::text FROM samia.user_wallets").await;
    assert_eq!(wallet, json!({"user_id": CLARA, "balance": "0.00"}));
    let profile = world.row("SELECT user_id, profile_type FROM samia.user_profiles").await;
    assert_eq!(profile, json!({"user_id": CLARA, "profile_type": "client"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_is_read_from_the_deck_and_counted() {
    let world = World::lively().await;
    super_admin(&world).await;
    user(&world, CLARA).await;
    deck(&world, 5).await;
    let spread = spread(&world).await;
    let ask = json!({"spread_id": spread, "question": "Will it rain?"});
    world.as_person(CLARA).send("samia.cmd.request_reading", (), ask).await.ok();
    world.reacted("samia").await;
    let reading = "SELECT status, ai_model_version, jsonb_array_length(cards_drawn) AS cards,
                          ai_interpretation -> 'summary' IS NOT NULL AS told
                   FROM samia.reading_sessions";
    let expected = json!({"status": "completed", "ai_model_version": "annals-deck-1", "cards": 3,
                          "told": true});
    assert_eq!(world.row(reading).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_user_views_and_has_read_counts_in_the_session_and_the_day() {
    let world = World::lively().await;
    super_admin(&world).await;
    user(&world, CLARA).await;
    deck(&world, 5).await;
    let spread = spread(&world).await;
    let clara = world.as_person(CLARA);
    let visit = json!({"session_id": "web-1", "page_views": 3, "country": "NO"});
    clara.send("samia.cmd.record_visit", (), visit).await.ok();
    for question in ["Will it rain?", "And tomorrow?"] {
        let ask = json!({"spread_id": spread, "question": question});
        clara.send("samia.cmd.request_reading", (), ask).await.ok();
    }
    world.reacted("samia").await;
    let counted = format!(
        "SELECT session_id, page_views, readings_completed, country FROM samia.user_analytics
         WHERE user_id = '{CLARA}' ORDER BY session_id"
    );
    let expected = [
        json!({"session_id": "server", "page_views": 0, "readings_completed": 2, "country": null}),
        json!({"session_id": "web-1", "page_views": 3, "readings_completed": 0, "country": "NO"}),
    ];
    assert_eq!(world.rows(&counted).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_readers_reading_has_a_room_that_closes_and_a_cancelled_one_is_paid_back() {
    let mut world = World::lively().await;
    super_admin(&world).await;
    user(&world, CLARA).await;
    reader(&world).await;
    let spread = spread(&world).await;
    world.reacted("samia").await;
    let clara = world.as_person(CLARA);
    let gift = json!({"amount": "50.00"});
    world.as_system().send("samia.cmd.credit_wallet", CLARA, gift).await.ok();
    let ask = json!({"spread_id": spread, "reader_id": DORA});
    let reading = clara.send("samia.cmd.request_reading", (), ask).await.ok().id();
    let pay = json!({"reading_session_id": reading, "amount": "20.00"});
    clara.send("samia.cmd.pay_for_reading", CLARA, pay).await.ok();
    world.reacted("samia").await;
    let room = "SELECT room_type, reading_session_id, is_active FROM samia.chat_rooms";
    let open = json!({"room_type": "reading", "reading_session_id": reading, "is_active": true});
    assert_eq!(world.row(room).await, open);
    clara.send("samia.cmd.cancel_reading", reading, json!({})).await.ok();
    world.reacted("samia").await;
    let balance = format!("SELECT balance::text FROM samia.user_wallets WHERE user_id = '{CLARA}'");
    assert_eq!(world.row(&balance).await, json!({"balance": "50.00"}));
    world.rest().await;
    world.wake().await;
    world.react(Duration::hours(25)).await;
    world.until("SELECT NOT is_active FROM samia.chat_rooms").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_when_their_room_says_so() {
    let mut world = World::lively().await;
    user(&world, CLARA).await;
    user(&world, DORA).await;
    let clara = world.as_person(CLARA);
    let room = json!({
        "room_type": "direct", "participants": [CLARA, DORA], "auto_delete_after_hours": 2,
    });
    let room = clara.send("samia.cmd.open_chat_room", (), room).await.ok().id();
    let hello = json!({"content": "hello", "is_encrypted": false});
    let sent = clara.send("samia.cmd.send_message", room, hello.clone()).await;
    if sent.body["ok"] != true {
        let hello = json!({"content": "aGVsbG8=", "is_encrypted": true});
        clara.send("samia.cmd.send_message", room, hello).await.ok();
    }
    world.reacted("samia").await;
    world.rest().await;
    world.wake().await;
    world.react(Duration::hours(3)).await;
    let gone = "SELECT count(*) = 1 FROM annals.events WHERE event_type = 'MessageDeleted'";
    world.until(gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_like_an_attack_is_reported_and_a_critical_incident_freezes_the_wallet() {
    let world = World::lively().await;
    super_admin(&world).await;
    user(&world, CLARA).await;
    world.reacted("samia").await;
    let failure = json!({"email": "clara@example.org", "ip_address": "192.0.2.7"});
    for _ in 0..5 {
        let system = world.as_system();
        system.send("samia.cmd.record_sign_in_failure", CLARA, failure.clone()).await.ok();
    }
    let critical = json!({
        "user_id": CLARA, "event_type": "account_takeover", "severity": "critical",
        "description": "signed in from two continents",
    });
    let sam = world.as_person(SAM);
    sam.send("samia.cmd.report_security_event", (), critical).await.ok();
    world.reacted("samia").await;
    let frozen = format!("SELECT is_frozen FROM samia.user_wallets WHERE user_id = '{CLARA}'");
    assert_eq!(world.row(&frozen).await, json!({"is_frozen": true}));
    for _ in 0..3 {
        let debit = json!({"amount": "1.00"});
        let debit = world.as_system().send("samia.cmd.debit_wallet", CLARA, debit).await;
        debit.refused("wallet_frozen");
    }
    world.reacted("samia").await;
    let expected: Vec<Value> = [
        ("account_takeover", "critical", CLARA),
        ("login_failure", "medium", CLARA),
        ("privilege_change", "high", SAM),
        ("suspicious_activity", "medium", CLARA),
    ]
    .map(|(event_type, severity, user)| {
        json!({"event_type": event_type, "severity": severity, "user_id": user})
    })
    .to_vec();
    assert_eq!(world.rows(REPORTS).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_tokens_and_rights_are_reported_once_however_often_they_come() {
    let world = World::lively().await;
    user(&world, CLARA).await;
    world.reacted("samia").await;
    for _ in 0..8 {
        let freeze = world.as_person(CLARA);
        let answer = freeze.send("samia.cmd.freeze_wallet", CLARA, json!({})).await;
        answer.refused("not_allowed");
        let forged = world.with_token("no.such.token");
        let answer = forged.send("samia.cmd.freeze_wallet", CLARA, json!({})).await;
        answer.refused("token_invalid");
    }
    world.until("SELECT count(*) = 2 FROM samia.security_events").await;
    let expected = [
        json!({"event_type": "invalid_token", "severity": "low", "user_id": null}),
        json!({"event_type": "unauthorized_access", "severity": "medium", "user_id": CLARA}),
    ];
    assert_eq!(world.rows(REPORTS).await, expected);
}
