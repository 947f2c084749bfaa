//! Verifying and replaying from the console, and what it tells of the deployment.

use std::time::Duration;

use annals_infra::{
    console,
    dev::harness,
    proof::{last_note, note::Note},
    serve::{Roles, Signing},
};
use annals_tests::{World, busy};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Visitor, world, world_with};

/// How a test's log is signed: at once, with a folder of its own.
pub fn signing() -> Signing {
    let folder = harness::scratch().unwrap().join(format!("evidence-{}", Uuid::now_v7()));
    Signing {
        key_file: folder.with_extension("key"),
        origin: "tests.example/console".to_owned(),
        witnesses: Vec::new(),
        every: Duration::from_millis(50),
        folder: Some(folder),
    }
}

/// Waits until all of the log is signed.
pub async fn all_signed(world: &World) {
    let head = world.number("SELECT position FROM annals.head").await;
    world.until(&format!("EXISTS (SELECT FROM annals.checkpoints WHERE size >= {head})")).await;
    assert!(Note::read(&last_note(world.pool()).await.unwrap().unwrap()).is_ok());
}

/// The events of a work until it ends: names and data.
async fn watched(operator: &Visitor, job: &Value) -> Vec<(String, Value)> {
    let path = format!("/api/jobs/{}/events", job["id"].as_str().unwrap());
    let answer = operator.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let mut told = Vec::new();
    for event in answer.body.split("\n\n") {
        let line = |name: &str| event.lines().find_map(|it| it.strip_prefix(name));
        if let (Some(name), Some(data)) = (line("event: "), line("data: ")) {
            told.push((name.to_owned(), serde_json::from_str(data).unwrap()));
        }
    }
    told
}

async fn ended(operator: &Visitor, path: &str, body: Value) -> Value {
    let job = operator.finds(path, body).await;
    let told = watched(operator, &job).await;
    let (name, last) = told.last().unwrap();
    assert_eq!(name, "end", "{told:?}");
    last.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_altered_is_found_from_the_console_too() {
    let world = world_with(Some(signing())).await;
    busy::fill(&world).await;
    all_signed(&world).await;
    let operator = Visitor::operator(&world);
    let done = ended(&operator, "/api/verify", json!({"whole": false})).await;
    assert_eq!((&done["state"], &done["result"]["altered"]), (&json!("done"), &json!(false)));
    let read = done["result"]["events"].as_i64().unwrap();
    // It remembers what it read, and reads it again when that is wanted.
    let again = ended(&operator, "/api/verify", json!({"whole": false})).await;
    assert!(again["result"]["events"].as_i64().unwrap() < read, "{again}");
    let replayed = json!({"context": "lift", "until": null});
    let done = ended(&operator, "/api/replay", replayed.clone()).await;
    assert_eq!(done["result"]["different"], json!([]), "{done}");

    for tampering in [
        "ALTER TABLE annals.events DISABLE TRIGGER USER",
        "UPDATE annals.events SET event_type = 'AlertEscalated' WHERE position = 7",
        "UPDATE lift.alerts SET severity = 'low'",
    ] {
        world.execute(tampering).await.unwrap();
    }
    let done = ended(&operator, "/api/verify", json!({"whole": true})).await;
    let finding = &done["result"]["findings"][0];
    assert_eq!((&finding["from"], &finding["to"]), (&json!(7), &json!(7)), "{done}");
    assert!(finding["words"].as_str().unwrap().contains("altered"), "{finding}");
    let done = ended(&operator, "/api/replay", replayed).await;
    let different = &done["result"]["different"][0];
    assert_eq!(
        (&different["table"], &different["first"][0]["columns"]),
        (&json!("alerts"), &json!(["severity"])),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_work_runs_once_at_a_time_and_can_be_stopped() {
    let world = world_with(Some(signing())).await;
    busy::fill(&world).await;
    all_signed(&world).await;
    let operator = Visitor::operator(&world);
    let mut holding = world.pool().begin().await.unwrap();
    sqlx::query("LOCK annals.checkpoints").execute(&mut *holding).await.unwrap();
    let job = operator.finds("/api/verify", json!({"whole": true})).await;
    assert_eq!(job["now"]["state"], "running");
    let second = operator.ask("/api/verify", json!({"whole": true})).await;
    assert_eq!((second.status, &second.json()["code"]), (409, &json!("busy")));
    let stop = format!("/api/jobs/{}/stop", job["id"].as_str().unwrap());
    operator.finds(&stop, json!({})).await;
    assert_eq!(watched(&operator, &job).await.last().unwrap().1["state"], "stopped");
    holding.rollback().await.unwrap();
    let done = ended(&operator, "/api/verify", json!({"whole": true})).await;
    assert_eq!(done["state"], "done");
    // A replay that is stopped leaves no rows behind that nobody would erase.
    let mut holding = world.pool().begin().await.unwrap();
    sqlx::query("LOCK lift.alerts").execute(&mut *holding).await.unwrap();
    let job = operator.finds("/api/replay", json!({"context": "lift", "until": null})).await;
    world.until("to_regclass('console_replay_lift.alerts') IS NOT NULL").await;
    let stop = format!("/api/jobs/{}/stop", job["id"].as_str().unwrap());
    operator.finds(&stop, json!({})).await;
    holding.rollback().await.unwrap();
    assert_eq!(watched(&operator, &job).await.last().unwrap().1["state"], "stopped");
    world.until("to_regnamespace('console_replay_lift') IS NULL").await;
    let unsigned = super::world().await;
    let refused = Visitor::operator(&unsigned).ask("/api/verify", json!({"whole": true})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("ANNALS_SIGNING_KEY_FILE"), "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_sees_what_stands_still_and_what_was_refused() {
    // From a process of its own that does nothing else.
    let mut world = world().await;
    busy::fill(&world).await;
    let mut config = world.config();
    config.roles = Roles::NONE;
    config.console = Some(console::Config { address: ([127, 0, 0, 1], 0).into(), people: None });
    world.serve(config).await;
    let at = world.services()[1].console.unwrap();
    let operator = Visitor { at, ..Visitor::operator(&world) };
    let told = operator.get("/api/status").await.json();
    let contexts = told["reading"]["contexts"].as_array().unwrap();
    let samia = contexts.iter().find(|it| it["name"] == "samia").unwrap();
    assert_eq!(samia["projection"]["active"], true, "{samia}");
    assert_eq!(told["reading"]["nats"]["reachable"], true);
    assert_eq!(told["parked"], json!([]));

    let charts = operator.finds("/api/charts", json!({"seconds": 3600})).await;
    let edges = charts["edges"].as_array().unwrap();
    assert_eq!(edges.last().unwrap()[1], world.events().await, "{edges:?}");
    let outcomes = charts["outcomes"].as_array().unwrap();
    let of = |code: Value| -> i64 {
        let these = outcomes.iter().filter(|it| it["code"] == code);
        these.map(|it| it["commands"].as_i64().unwrap()).sum()
    };
    assert_eq!(of(json!("insufficient_funds")), 1, "{outcomes:?}");
    let kept =
        world.number("SELECT count(*) FROM annals.commands WHERE outcome ->> 'code' IS NULL").await;
    assert_eq!(of(Value::Null), kept, "{outcomes:?}");

    // An event that no projection understands.
    let poison = "INSERT INTO annals.parked (name, position, event_type, error, parked_at)
                  VALUES ('samia', 7, 'Nonsense', 'unknown event', now())";
    world.execute(poison).await.unwrap();
    let told = operator.get("/api/status").await.json();
    assert_eq!(
        (&told["parked"][0]["context"], &told["parked"][0]["error"]),
        (&json!("samia"), &json!("unknown event"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_far_rows_and_publishing_are_behind_is_kept_for_a_chart() {
    let world = World::start_with(|config| {
        config.roles = Roles { commands: true, ..Roles::NONE };
        config.console =
            Some(console::Config { address: ([127, 0, 0, 1], 0).into(), people: None });
    })
    .await;
    for nth in 1..=3 {
        let person = Uuid::from_u128(0x0d00_0000_0000_7000_8000_0000_0000_0100 + nth);
        let data = json!({"email": annals_tests::token::address(person)});
        let asked = world.as_system().ask("shared.cmd.register_identity", person, data);
        asked.send().await.ok();
    }
    let operator = Visitor::operator(&world);
    for _ in 0..120 {
        let charts = operator.finds("/api/charts", json!({"seconds": 3600})).await;
        let last = charts["behind"].as_array().unwrap().last().cloned().unwrap_or_default();
        if last["rows"]["shared"] == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("nobody noticed that rows are behind");
}
