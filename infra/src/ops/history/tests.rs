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
        projections: Projections::new(),
        store: Store::new(setup.pool(Role::Auditor, 1).await.unwrap()),
        keys: open_keys(&setup, args.sealed || args.raw).await.unwrap(),
        output: Output::plain(),
    };
    let mut lines = Vec::new();
    let say = |text: &str| lines.push(text.to_owned());
    if args.is_search() {
        let search = Search::new(args, &reader.catalogue, reader.store.pool()).await.unwrap();
        let exit = reader.search(search, args, say).await.unwrap();
        return (lines.join("\n"), exit);
    }
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

#[tokio::test]
async fn events_are_found_by_who_when_what_and_what_they_belong_to() {
    let mut world = alerted().await;
    world.organisation().await;
    let found = async |args: HistoryArgs| {
        let (text, exit) = told(&world, &HistoryArgs { json: true, ..args }).await;
        let lines = text.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
        (lines.map(|it| it["position"].as_i64().unwrap()).collect::<Vec<_>>(), exit)
    };
    let all = HistoryArgs { actor: Some(ACTOR), ..HistoryArgs::default() };
    assert_eq!(found(all.clone()).await, (vec![1, 2, 3], Exit::Done));
    let kind = vec!["AlertAcknowledged".to_owned(), "OrganisationRegistered".to_owned()];
    assert_eq!(found(HistoryArgs { kind: kind.clone(), ..all.clone() }).await.0, [2, 3]);
    assert_eq!(found(HistoryArgs { kind, ..args("lift/alert") }).await.0, [2]);
    let tenant = HistoryArgs { tenant: Some("t".into()), after: 1, ..args("lift/organisation") };
    assert_eq!(found(tenant.clone()).await.0, [3]);
    let other = HistoryArgs { tenant: Some("another".into()), ..tenant };
    assert_eq!(found(other).await, (vec![], Exit::Fault));
    let since = HistoryArgs { since: Some("1".parse().unwrap()), ..HistoryArgs::default() };
    let until = HistoryArgs { until: Some("2".parse().unwrap()), ..since.clone() };
    assert_eq!(found(since).await.0, [2, 3]);
    assert_eq!(found(until).await.0, [2]);
    let past = HistoryArgs { until: Some("2020-01-01".parse().unwrap()), ..all.clone() };
    assert_eq!(found(past).await, (vec![], Exit::Fault));
    let recent = HistoryArgs { since: Some("2020-01-01".parse().unwrap()), ..args("lift") };
    assert_eq!(found(recent).await.0, [1, 2, 3]);

    // What was there before is known of each stream, though only some of its events are told.
    let one = HistoryArgs { after: 1, limit: Some(1), ..all };
    let (text, _) = told(&world, &one).await;
    assert!(text.contains(&format!("\nlift/alert/{ALERT}\n")), "{text}");
    assert!(text.contains("status           unread → acknowledged"), "{text}");
    assert!(text.ends_with("More: the same with --after 2"), "{text}");
}

#[tokio::test]
async fn a_correlation_is_followed_across_aggregates_with_each_events_cause() {
    let mut world = alerted().await;
    let (cause, correlation): (Uuid, String) = sqlx::query_as(
        "SELECT event_id, metadata ->> 'correlation_id' FROM annals.events WHERE position = 1",
    )
    .fetch_one(&world.owner().await)
    .await
    .unwrap();
    world.because(cause, &correlation).await;
    let follow = HistoryArgs { correlation: Some(correlation), ..HistoryArgs::default() };
    let (text, exit) = told(&world, &follow).await;
    assert_eq!(exit, Exit::Done);
    let since = format!("      since: Alert raised, lift/alert/{ALERT}, position 1\n");
    assert!(text.contains(&since) && text.contains("Organisation registered"), "{text}");
    assert!(!text.contains("Alert acknowledged"), "of another request: {text}");
    let (text, _) = told(&world, &HistoryArgs { json: true, ..follow }).await;
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["cause"]["position"], 1);
}
