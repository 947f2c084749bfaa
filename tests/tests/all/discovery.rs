//! What a stranger finds out by asking.

use std::{collections::BTreeSet, time::Duration};

use annals_commands::Catalogue;
use annals_tests::{World, samia::wallet};
use aws_lc_rs::digest::{SHA256, digest};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;

/// All answers to a question to everybody.
async fn asked(world: &World, subject: &str) -> Vec<Value> {
    let client = world.client();
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.unwrap();
    client.publish_with_reply(subject.to_owned(), inbox, "".into()).await.unwrap();
    client.flush().await.unwrap();
    let mut found = Vec::new();
    while let Ok(Some(answer)) = timeout(Duration::from_millis(700), answers.next()).await {
        found.push(serde_json::from_slice(&answer.payload).unwrap());
    }
    found
}

async fn request(world: &World, subject: &str, body: &str) -> Vec<u8> {
    let answer = world.client().request(subject.to_owned(), body.to_owned().into()).await.unwrap();
    answer.payload.to_vec()
}

fn names(answers: &[Value]) -> BTreeSet<&str> {
    answers.iter().map(|answer| answer["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_context_answers_a_ping() {
    let world = World::start().await;
    let answers = asked(&world, "$SRV.PING").await;
    let catalogue = Catalogue::new();
    let contexts: BTreeSet<&str> = catalogue.contexts().iter().map(|it| it.name).collect();
    assert_eq!(names(&answers), contexts);
    for answer in &answers {
        assert_eq!(answer["type"], "io.nats.micro.v1.ping_response");
        assert!(answer["version"].as_str().unwrap().split('.').count() == 3);
    }
    let answers = asked(&world, "$SRV.PING.samia").await;
    assert_eq!(names(&answers), BTreeSet::from(["samia"]));
    let id = answers[0]["id"].as_str().unwrap();
    assert_eq!(asked(&world, &format!("$SRV.PING.samia.{id}")).await.len(), 1);
    assert!(asked(&world, "$SRV.PING.samia.somebody").await.is_empty());
    assert!(asked(&world, "$SRV.PING.nobody").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_is_an_endpoint_with_the_digest_of_its_schema() {
    let world = World::start().await;
    for context in Catalogue::new().contexts() {
        let info = asked(&world, &format!("$SRV.INFO.{}", context.name)).await.remove(0);
        assert_eq!(info["type"], "io.nats.micro.v1.info_response");
        assert_eq!(info["description"], context.about);
        let endpoints = info["endpoints"].as_array().unwrap();
        assert_eq!(endpoints.len(), context.commands.len());
        for (endpoint, command) in endpoints.iter().zip(&context.commands) {
            assert_eq!(endpoint["name"], json!(command.name));
            assert_eq!(endpoint["subject"], json!(command.subject()));
            let subject = endpoint["metadata"]["schema_subject"].as_str().unwrap();
            let schema = request(&world, subject, &command.name).await;
            let digest = digest(&SHA256, &schema);
            let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(endpoint["metadata"]["schema"], json!(digest), "{}", command.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_counts_what_it_was_asked() {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let debit = |amount: &str| {
        world.as_system().ask("samia.cmd.debit_wallet", clara, json!({"amount": amount}))
    };
    debit("1.00").send().await.ok();
    debit("1.00").send().await.ok();
    debit("99.00").send().await.refused("insufficient_funds");
    let stats = asked(&world, "$SRV.STATS.samia").await.remove(0);
    assert_eq!(stats["type"], "io.nats.micro.v1.stats_response");
    let endpoints = stats["endpoints"].as_array().unwrap();
    let endpoint = endpoints.iter().find(|it| it["name"] == "debit_wallet").unwrap();
    assert_eq!((&endpoint["num_requests"], &endpoint["num_errors"]), (&json!(3), &json!(1)));
    assert!(endpoint["processing_time"].as_u64().unwrap() > 0);
    assert_eq!(stats["started"].as_str().map(|at| at.ends_with('Z')), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contexts_schema_is_asyncapi_with_all_its_commands() {
    let world = World::start().await;
    for context in Catalogue::new().contexts() {
        let subject = format!("{}.schema", context.name);
        let document: Value = serde_json::from_slice(&request(&world, &subject, "").await).unwrap();
        assert_eq!(document["asyncapi"], "3.0.0");
        assert_eq!(document["info"]["title"], context.name);
        for command in &context.commands {
            let channel = &document["channels"][&command.documented];
            assert_eq!(channel["address"], json!(command.subject()));
            let payload = &channel["messages"]["request"]["payload"];
            assert_eq!(payload["schemaFormat"], "application/schema+json;version=draft-07");
            assert_eq!(payload["schema"]["$schema"], "http://json-schema.org/draft-07/schema#");
            assert!(document["operations"][&command.documented].is_object());
        }
        let operations = document["operations"].as_object().unwrap();
        assert_eq!(operations.len(), context.commands.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commands_schema_can_be_asked_for_by_name() {
    let world = World::start().await;
    let answer = request(&world, "lift.schema", "acknowledge_alert").await;
    let schema: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(schema["subject"], "lift.cmd.acknowledge_alert");
    assert_eq!(schema["body"]["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["body"]["additionalProperties"], false);
    let answer = request(&world, "lift.schema", "debit_wallet").await;
    let problem: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(problem["code"], "unknown_command");
}
