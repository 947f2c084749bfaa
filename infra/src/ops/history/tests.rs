//! Stories out of a real log.

use serde_json::{Value, json};

use super::*;
use crate::ops::testing::{ACTOR, NOBODY, World};

const ALERT: &str = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a11";
const CHILD: &str = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a12";

/// An alert that was raised and acknowledged.
async fn alerted() -> World {
    let mut world = World::new().await;
    let raised = json!({
        "child_id": CHILD, "alert_type": "safeguarding", "severity": "high", "title": "Tears",
        "description": "Kit cried.", "trigger_data": null, "session_id": null,
        "response_id": null, "status": "unread",
    });
    world.happens("lift.alert", ALERT, "AlertRaised", raised).await;
    let acknowledged = json!({
        "child_id": CHILD, "status": "acknowledged", "acknowledged_by": ACTOR,
        "acknowledged_at": "2026-01-02T12:00:00Z",
    });
    world.happens("lift.alert", ALERT, "AlertAcknowledged", acknowledged).await;
    world
}

fn args(what: &str) -> HistoryArgs {
    HistoryArgs { what: what.to_owned(), ..HistoryArgs::default() }
}

/// What is told, and how it ended.
async fn told(world: &World, args: &HistoryArgs) -> (String, Exit) {
    let setup = world.setup(NOBODY);
    let reader = Reader {
        catalogue: Catalogue::new(),
        store: Store::new(setup.pool(Role::Auditor, 1).await.unwrap()),
        keys: open_keys(&setup, args.sealed || args.raw).await.unwrap(),
        output: Output::plain(),
    };
    let mut lines = Vec::new();
    let say = |text: &str| lines.push(text.to_owned());
    let exit = match address::read(&args.what, &reader.catalogue).unwrap() {
        Address::Stream(kind, id) => reader.tell(kind, &id, args, say).await,
        Address::Kind(kind) => reader.list(kind, args, say).await,
        Address::Context(_) => panic!("no stream is named"),
    };
    (lines.join("\n"), exit.unwrap())
}

#[tokio::test]
async fn the_story_of_an_alert_is_told_in_the_clear_to_those_who_have_the_keys() {
    let world = alerted().await;
    let story = args(&format!("lift/alert/{ALERT}"));
    let (text, exit) = told(&world, &story).await;
    for part in [
        &format!("lift/alert/{ALERT}  2 events, tenant t\n"),
        "   1  Alert raised, ",
        "        title        Tears\n",
        "   2  Alert acknowledged, ",
        &format!("by person {ACTOR} through alert_acknowledged"),
        "        status           unread → acknowledged\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(exit, Exit::Done);
}

#[tokio::test]
async fn without_keys_and_as_stored_nothing_personal_is_told() {
    let world = alerted().await;
    let story = args(&format!("lift/alert/{ALERT}"));
    let (text, _) = told(&world, &HistoryArgs { sealed: true, ..story.clone() }).await;
    assert!(
        text.contains("title        (sealed)") && text.contains("unread → acknowledged"),
        "{text}"
    );
    assert!(!text.contains("Tears"));
    let (text, _) = told(&world, &HistoryArgs { raw: true, ..story.clone() }).await;
    assert!(text.contains("$sealed") && !text.contains("Tears"), "{text}");
    let (text, _) = told(&world, &HistoryArgs { raw: true, json: true, ..story }).await;
    assert!(text.contains("$sealed") && !text.contains("Tears"), "{text}");
}

#[tokio::test]
async fn an_erased_person_stays_erased_in_every_story() {
    let world = alerted().await;
    world.keys.destroy(CHILD).await.unwrap();
    let story = args(&format!("lift/alert/{ALERT}"));
    let (text, exit) = told(&world, &story).await;
    assert!(text.contains("title        (erased)") && !text.contains("Tears"), "{text}");
    let (text, _) = told(&world, &HistoryArgs { json: true, ..story }).await;
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["personal_fields"], "erased");
    assert_eq!(first["payload"]["title"], "erased");
    assert_eq!(exit, Exit::Done);
}

#[tokio::test]
async fn a_page_knows_what_was_before_it() {
    let world = alerted().await;
    let story = HistoryArgs { after: 1, json: true, ..args(&format!("lift.alert/{ALERT}")) };
    let (text, _) = told(&world, &story).await;
    let [line] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let second: Value = serde_json::from_str(line).unwrap();
    let status = json!({"field": "status", "old": "unread", "new": "acknowledged"});
    assert!(second["changes"].as_array().unwrap().contains(&status), "{line}");
    let first = HistoryArgs { limit: Some(1), json: false, after: 0, ..story };
    let (text, _) = told(&world, &first).await;
    assert!(
        text.ends_with(&format!("1 more: annals history lift/alert/{ALERT} --after 1")),
        "{text}"
    );
}

#[tokio::test]
async fn an_altered_event_is_told_as_such() {
    let world = alerted().await;
    let owner = world.owner().await;
    for statement in [
        "ALTER TABLE annals.events DISABLE TRIGGER events_are_never_changed",
        "UPDATE annals.events SET payload = replace(payload::text, 'acknowledged\"', 'resolved\"')::json
         WHERE sequence = 2",
    ] {
        sqlx::query(statement).execute(&owner).await.unwrap();
    }
    let (text, exit) = told(&world, &args(&format!("lift/alert/{ALERT}"))).await;
    assert!(text.contains("! its hash does not fit its bytes"), "{text}");
    assert_eq!(exit, Exit::Fault);
}

#[tokio::test]
async fn an_event_of_another_version_is_told_as_it_is_stored() {
    let mut world = alerted().await;
    world.happens("lift.alert", ALERT, "AlertSnoozed", json!({"until": "noon"})).await;
    let (text, exit) = told(&world, &args(&format!("lift/alert/{ALERT}"))).await;
    assert!(
        text.contains("! event cannot be read: AlertSnoozed is no event of lift.alert"),
        "{text}"
    );
    assert_eq!(exit, Exit::Fault);
}

#[tokio::test]
async fn streams_are_listed_the_latest_first() {
    let mut world = alerted().await;
    world.happens("lift.alert", "another", "AlertSnoozed", json!({})).await;
    let (text, exit) = told(&world, &args("lift/alert")).await;
    let ids: Vec<_> = text.lines().skip(1).filter_map(|it| it.split_whitespace().next()).collect();
    assert_eq!(ids[..2], ["another", ALERT]);
    assert_eq!(exit, Exit::Done);
    let (text, exit) = told(&world, &args("lift/child")).await;
    assert_eq!((text.as_str(), exit), ("", Exit::Fault));
}

#[tokio::test]
async fn nothing_is_said_of_what_never_happened_but_what_was_meant() {
    let world = alerted().await;
    let (text, exit) = told(&world, &args("lift/alert/0192f7c0-nobody")).await;
    assert_eq!((text.as_str(), exit), ("", Exit::Fault));
    let pool = world.owner().await;
    assert_eq!(list::like(&pool, "lift.alert", "0192f7c0-nobody").await.unwrap(), [ALERT]);
}

#[tokio::test]
async fn a_key_that_is_not_ours_opens_nothing() {
    let mut world = alerted().await;
    world.kek_file = world.kek_file.with_extension("other");
    crate::keys::Kek::open_or_create(&world.kek_file).unwrap();
    let story = HistoryArgs { flags: world.flags(NOBODY), ..args(&format!("lift/alert/{ALERT}")) };
    let error = run(story).await.unwrap_err();
    assert!(error.to_string().contains("wrapped by key-encryption key"), "{error}");
    assert_eq!(error.exit(), Exit::Fault);
}
