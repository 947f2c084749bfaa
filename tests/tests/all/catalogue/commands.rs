//! Every command.

use std::collections::BTreeSet;

use annals_commands::Catalogue;
use annals_domain::refusal::snake_case;
use annals_infra::service::{document, schema};
use annals_tests::sample::{Fill, sample};
use serde_json::Value;

#[test]
fn every_command_has_a_subject_of_its_own() {
    let catalogue = Catalogue::new();
    let mut subjects = BTreeSet::new();
    for context in catalogue.contexts() {
        for command in &context.commands {
            let subject = command.subject();
            assert!(subjects.insert(subject.clone()), "{subject} twice");
            let fits = |token: &str| {
                let mut letters = token.bytes();
                letters
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            };
            let tokens: Vec<&str> = subject.split('.').collect();
            assert!(tokens.len() == 3 && tokens.iter().all(|token| fits(token)), "{subject}");
            assert_eq!((tokens[0], tokens[1]), (context.name, "cmd"), "{subject}");
            assert_eq!(command.name, snake_case(&command.documented));
            let found = catalogue.command(&subject).unwrap();
            assert_eq!(
                (&found.documented, found.aggregate.name),
                (&command.documented, command.aggregate.name)
            );
        }
    }
}

#[test]
fn every_command_says_what_it_does_and_who_may_send_it() {
    for context in Catalogue::new().contexts() {
        assert!(!context.about.is_empty());
        for command in &context.commands {
            let subject = command.subject();
            assert!(!command.summary().is_empty(), "{subject}");
            assert!(!command.policies.is_empty(), "{subject}");
            let policy = format!("{}.policy.", context.name);
            assert!(command.policies.iter().all(|id| id.starts_with(&policy)), "{subject}");
            let fields = schema(command)["body"]["properties"]["data"].clone();
            for (name, field) in fields["properties"].as_object().into_iter().flatten() {
                assert!(field["description"].is_string(), "{subject}: {name} is not described");
            }
        }
    }
}

#[test]
fn what_fits_a_commands_schema_can_be_read() {
    for context in Catalogue::new().contexts() {
        for command in &context.commands {
            let schema = serde_json::to_value(&command.schema).unwrap();
            for fill in [Fill::Everything, Fill::Little] {
                let data = sample(&schema, fill);
                let read = command.parse(&data.to_string());
                assert!(read.is_ok(), "{}: {data}: {:?}", command.subject(), read.err());
            }
        }
    }
}

#[test]
fn every_reference_of_a_schema_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.push(reference.clone());
                }
                fields.values().for_each(|field| references(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for context in Catalogue::new().contexts() {
        let document = document(context, "0");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{}: {reference}", context.name);
        }
    }
}
