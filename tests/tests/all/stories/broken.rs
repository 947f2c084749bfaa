//! Every field of every command broken on purpose, over NATS: what stands against it is said with its place, and
//! nothing is stored. The faults are made from the commands' own schemas.

use annals_commands::{Catalogue, CommandType};
use annals_tests::{
    World,
    sample::{Fill, sample},
};
use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};

/// A fault: what is sent, the code that it is refused with, and where it lies.
struct Fault {
    data: Value,
    codes: &'static [&'static str],
    at: String,
}

const FORM: &[&str] = &["invalid_field", "malformed_json"];

/// Fields whose form is a rule of their aggregate, with a code of its own: the stories break them.
const RULED: [&str; 12] = [
    "nestsync.cmd.add_inventory_item/data/quantity",
    "nestsync.cmd.add_inventory_item/data/reorder_quantity",
    "nestsync.cmd.add_inventory_item/data/reorder_threshold",
    "nestsync.cmd.set_reorder_threshold/data/reorder_quantity",
    "nestsync.cmd.set_reorder_threshold/data/reorder_threshold",
    "nestsync.cmd.restock_item/data/quantity",
    "nestsync.cmd.adjust_stock/data/quantity",
    "nestsync.cmd.log_usage/data/quantity",
    "carenotes.cmd.record_medical_notes/data/encrypted_medical_notes",
    "lift.cmd.resolve_alert/data",
    "lift.cmd.record_response/data/response_value",
    "samia.cmd.record_metric/data/metric_value",
];

/// The alternatives of a schema that are not null.
fn kinds(schema: &Value) -> Vec<&Value> {
    match ["anyOf", "oneOf"].iter().find_map(|name| schema[*name].as_array()) {
        Some(options) => options.iter().flat_map(kinds).filter(|it| it["type"] != "null").collect(),
        None => vec![schema],
    }
}

fn is(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(any) => any.iter().any(|it| it == kind),
        _ => false,
    }
}

fn faults(command: &CommandType) -> Vec<Fault> {
    let schema = serde_json::to_value(&command.schema).unwrap();
    let good = sample(&schema, Fill::Everything).as_object().cloned().unwrap();
    let fault = |name: &str, value: Value, codes| {
        let mut data = good.clone();
        data.insert(name.to_owned(), value);
        Fault { data: Value::Object(data), codes, at: format!("/data/{name}") }
    };
    let mut faults = vec![fault("no_such_field", json!(1), &["unknown_field"])];
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        let mut data: Map<String, Value> = good.clone();
        data.remove(name);
        faults.push(Fault { data: Value::Object(data), codes: FORM, at: "/data".to_owned() });
    }
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        faults.extend(of_a_field(of).into_iter().map(|value| fault(name, value, FORM)));
    }
    faults
}

/// Values that do not fit a field.
fn of_a_field(schema: &Value) -> Vec<Value> {
    let kinds = kinds(schema);
    let any = |kind: &str| kinds.iter().any(|schema| is(schema, kind));
    if kinds.iter().any(|schema| {
        schema["type"].is_null() && schema["enum"].is_null() && schema["const"].is_null()
    }) {
        // Any JSON fits; NUL in it does not.
        return vec![json!({"deep": ["nul\u{0}"]})];
    }
    let mut bad = Vec::new();
    let text = any("string") || kinds.iter().any(|it| it["const"].is_string());
    if !text && !any("number") && !any("integer") {
        bad.push(json!(7));
    }
    if !text {
        bad.push(json!("a text"));
    } else {
        bad.extend([json!("nul\u{0}"), json!(["a list"])]);
    }
    if any("integer") {
        bad.extend([json!(1.5), json!(1e30), json!("1")]);
    }
    for schema in &kinds {
        if schema["enum"].is_array() || schema["const"].is_string() {
            bad.push(json!("no such value"));
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            bad.push(json!("x".repeat(usize::try_from(most).unwrap() + 1)));
        }
        match schema["format"].as_str() {
            Some("date") => bad.extend([
                json!("2026-02-30"),
                json!("+10000-01-01"),
                json!("-0001-01-01"),
                json!("0000-01-01"),
                json!("9999-12-31"),
            ]),
            Some("date-time") => bad.extend([
                json!("2026-01-01"),
                json!("+10000-01-01T00:00:00Z"),
                json!("0000-01-01T00:00:00Z"),
            ]),
            Some("uuid") => bad.push(json!("not a uuid")),
            Some("int32") => bad.push(json!(2_147_483_648_i64)),
            _ => {}
        }
        if schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("0-9")) {
            bad.extend([json!("NaN"), json!("Infinity"), json!("0x10"), json!("")]);
        }
    }
    bad
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_every_command_says_where_it_is_broken_and_nothing_is_stored() {
    let world = World::start().await;
    let catalogue = Catalogue::new();
    let commands = catalogue.contexts().iter().flat_map(|context| &context.commands);
    let tries = commands.flat_map(|command| {
        let subject = command.subject();
        let tried = faults(command).into_iter().map(move |fault| (subject.clone(), fault));
        tried.filter(|(subject, fault)| !RULED.contains(&format!("{subject}{}", fault.at).as_str()))
    });
    let caller = world.as_system();
    let answers: Vec<(String, Fault, Value)> = stream::iter(tries)
        .map(|(subject, fault)| {
            let question =
                caller.ask(&subject, "0f000000-0000-7000-8000-000000000001", fault.data.clone());
            async move { (subject, fault, question.send().await.body) }
        })
        .buffer_unordered(16)
        .collect()
        .await;
    let wrong = |(subject, fault, answer): &(String, Fault, Value)| {
        let code = answer["code"].as_str().unwrap_or("ok");
        let found = answer["errors"].as_array().cloned().unwrap_or_default();
        let there = found.iter().any(|error| {
            error["pointer"].as_str().is_some_and(|pointer| pointer.starts_with(&fault.at))
        });
        let right = fault.codes.contains(&code) && there;
        (!right).then(|| {
            format!(
                "{subject} {} {}: {answer}",
                fault.at,
                fault.data[fault.at.trim_start_matches("/data/")]
            )
        })
    };
    let wrong: Vec<String> = answers.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), answers.len(), wrong.join("\n"));
    println!(
        "{} faults in {} commands",
        answers.len(),
        catalogue.contexts().iter().map(|it| it.commands.len()).sum::<usize>()
    );
    assert!(answers.len() > 2_000, "{}", answers.len());
    for table in ["events", "commands", "claims"] {
        assert_eq!(
            world.number(&format!("SELECT count(*) FROM annals.{table}")).await,
            0,
            "{table}"
        );
    }
}
