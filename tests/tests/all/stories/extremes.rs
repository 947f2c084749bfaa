//! What is accepted can be shown: the longest texts, the largest numbers, the first and last days that a command
//! takes are in the tables, and no event is parked.

use annals_commands::{Catalogue, Target};
use annals_tests::stories::{self, Asked, Step, Teller};
use serde_json::{Value, json};

/// The ends of what fits a field.
fn ends(schema: &Value) -> Vec<Value> {
    if let Some(options) = ["anyOf", "oneOf"].iter().find_map(|name| schema[*name].as_array()) {
        return options.iter().flat_map(ends).collect();
    }
    let is = |kind: &str| match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(any) => any.iter().any(|it| it == kind),
        _ => false,
    };
    if schema["type"].is_null() {
        let deep = (0..40).fold(json!("deep"), |inner, _| json!([inner]));
        return vec![
            json!("\u{10ffff}"),
            json!(1e300),
            json!(-0.0),
            deep,
            json!({"": {"\u{1}": null}}),
        ];
    }
    if schema["pattern"].is_string() {
        return [
            "9999999999999.99",
            "-9999999999999.99",
            "9999999999.99",
            "0.01",
            "0",
            "1e5",
            "9".repeat(400).as_str(),
        ]
        .map(|text| json!(text))
        .to_vec();
    }
    match schema["format"].as_str() {
        Some("date") => return vec![json!("1000-01-01"), json!("9900-12-31")],
        Some("date-time") => {
            return vec![
                json!("1000-01-01T00:00:00Z"),
                json!("9900-12-31T23:59:60Z"),
                json!("2026-01-01T00:00:00.123456789+14:00"),
            ];
        }
        Some("partial-time") => return vec![json!("23:59:60"), json!("00:00:00.000000001")],
        Some("ip") => return vec![json!("::ffff:192.0.2.1"), json!("fe80::1")],
        _ => {}
    }
    if is("string") {
        let most =
            schema["maxLength"].as_u64().map_or(20_000, |most| usize::try_from(most).unwrap());
        return vec![
            json!("\u{1f0cf}".repeat(most)),
            json!("x".repeat(most)),
            json!("\u{200d}\u{301}\r\n\t"),
        ];
    }
    if is("integer") || is("number") {
        return vec![
            json!(i32::MAX),
            json!(i32::MIN),
            json!(u32::MAX),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(-1),
            json!(0),
        ];
    }
    if is("array") {
        return vec![json!([]), json!(vec!["x".repeat(300); 200])];
    }
    if is("object") && schema["properties"].is_null() {
        return vec![json!({"a": 1e300, "b": "\u{10ffff}", "": [[[[]]]]})];
    }
    Vec::new()
}

/// Tries every command of a story with every field at its ends, and gives how many of them were accepted.
async fn stretched(teller: &Teller, told: &[Asked]) -> usize {
    let catalogue = Catalogue::new();
    let mut accepted = 0;
    for asked in told {
        let Some(command) = catalogue.command(&asked.subject) else { continue };
        let schema = serde_json::to_value(&command.schema).unwrap();
        for (name, of) in schema["properties"].as_object().into_iter().flatten() {
            for end in ends(of) {
                let mut data = asked.data.clone();
                data[name.as_str()] = end;
                let id = if command.target == Target::New { None } else { asked.id.clone() };
                let extreme = Asked { data, id, ..asked.clone() };
                let answer = teller.question(&extreme, &asked.ask.who).send().await;
                let fault = answer.body["status"].as_u64().is_some_and(|status| status >= 500);
                assert!(!fault, "{} {name}: {}", asked.subject, answer.body);
                accepted += usize::from(answer.body["ok"] == true);
            }
        }
    }
    accepted
}

async fn shown(context: &'static str, at_least: usize) {
    let mut teller = Teller::begin(context).await;
    let mut told: Vec<Asked> = Vec::new();
    for step in stories::demo(context) {
        let Some(asked) = teller.next(step).await else { continue };
        teller.tell(&asked).await.unwrap();
        if !told.iter().any(|it| it.subject == asked.subject) {
            told.push(asked);
        }
    }
    // What the demo does not do is tried on what it has made.
    for step in stories::more(context) {
        if let Step::Ask(ask) = step
            && let Some(asked) = teller.next(Step::Ask(ask)).await
            && asked.ask.refused.is_none()
            && !told.iter().any(|it| it.subject == asked.subject)
        {
            told.push(asked);
        }
    }
    let accepted = stretched(&teller, &told).await;
    println!("{context}: {accepted} commands with a field at its end");
    assert!(accepted >= at_least, "{accepted} were accepted");
    let world = &teller.world;
    let all = format!(
        "EXISTS (SELECT FROM annals.parked) OR
         (SELECT position >= (SELECT max(position) FROM annals.events WHERE aggregate_type LIKE '{context}.%')
          FROM annals.projections WHERE name = '{context}')"
    );
    world.until(&all).await;
    let parked = world.rows("SELECT * FROM annals.parked").await;
    assert!(parked.is_empty(), "{parked:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_restorative_records_accept_their_table_holds() {
    shown("restorative", 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_lift_accepts_its_tables_hold() {
    shown("lift", 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_write_care_notes_accept_their_tables_hold() {
    shown("carenotes", 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_samia_tarot_accepts_its_tables_hold() {
    shown("samia", 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_nestsync_accepts_its_tables_hold() {
    shown("nestsync", 60).await;
}
