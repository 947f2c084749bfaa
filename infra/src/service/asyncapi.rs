//! The commands of a context as an AsyncAPI 3 document, with JSON Schemas (draft-07).

use annals_commands::{CommandType, catalogue::Context};
use serde_json::{Map, Value, json};

/// What is known of one command: subject, who may, and the schema of a request's body.
#[must_use]
pub fn schema(command: &CommandType) -> Value {
    json!({
        "command": command.documented,
        "subject": command.subject(),
        "aggregate": command.aggregate.name,
        "summary": command.summary(),
        "policies": command.policies,
        "refusals": refusals(command),
        "events": command.aggregate.events.iter().map(|it| it.name).collect::<Vec<_>>(),
        "body": body(command),
    })
}

fn refusals(command: &CommandType) -> Vec<String> {
    command.aggregate.refusals.iter().map(|it| annals_domain::refusal::snake_case(it)).collect()
}

/// The schema of a request's whole body.
fn body(command: &CommandType) -> Value {
    let mut data = serde_json::to_value(&command.schema).unwrap_or(Value::Null);
    let definitions = data.as_object_mut().and_then(|data| {
        data.remove("$schema");
        data.remove("definitions")
    });
    let mut body = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "id": {
                "type": "string",
                "description": format!("The id of the {}.", command.aggregate.short_name()),
            },
            "expected_version": {
                "type": "integer", "minimum": 0,
                "description": "The version it must have; refused with version_conflict otherwise.",
            },
            "occurred_at": {
                "type": "string", "format": "date-time",
                "description": "When it happened, if not now.",
            },
            "reason": { "type": "string", "description": "Why, for overrides that have to say so." },
            "data": data,
        },
    });
    if let (Some(body), Some(definitions)) = (body.as_object_mut(), definitions) {
        body.insert("definitions".to_owned(), definitions);
    }
    body
}

/// A context's commands as AsyncAPI 3.0.
#[must_use]
pub fn document(context: &Context, version: &str) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for command in &context.commands {
        let name = command.documented.clone();
        channels.insert(
            name.clone(),
            json!({
                "address": command.subject(),
                "description": command.summary(),
                "messages": { "request": {
                    "name": name,
                    "contentType": "application/json",
                    "headers": { "$ref": "#/components/schemas/RequestHeaders" },
                    "payload": {
                        "schemaFormat": "application/schema+json;version=draft-07",
                        "schema": body(command),
                    },
                }},
            }),
        );
        channels.insert(
            format!("{name}.reply"),
            json!({
                "address": null,
                "messages": {
                    "accepted": { "$ref": "#/components/messages/Accepted" },
                    "problem": { "$ref": "#/components/messages/Problem" },
                },
            }),
        );
        operations.insert(
            name.clone(),
            json!({
                "action": "receive",
                "summary": command.summary(),
                "channel": { "$ref": format!("#/channels/{name}") },
                "bindings": { "nats": { "queue": "q" } },
                "reply": {
                    "address": { "location": "$message.header#/reply-to" },
                    "channel": { "$ref": format!("#/channels/{name}.reply") },
                },
                "x-policies": command.policies,
                "x-refusals": refusals(command),
            }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": { "title": context.name, "version": version, "description": context.about },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages(), "schemas": { "RequestHeaders": headers() } },
    })
}

fn headers() -> Value {
    json!({
        "type": "object",
        "required": ["Nats-Msg-Id", "Authorization"],
        "properties": {
            "Nats-Msg-Id": { "type": "string", "description": "The command's id: the same id again gets the same answer." },
            "Authorization": { "type": "string", "description": "Bearer and the person's JWT." },
            "traceparent": { "type": "string" },
            "Annals-Correlation-Id": { "type": "string" },
            "Annals-Dry-Run": { "type": "string", "description": "Decide, store nothing." },
            "Annals-Await": { "type": "string", "enum": ["projected"], "description": "Answer once the tables hold it." },
        },
    })
}

fn messages() -> Value {
    json!({
        "Accepted": {
            "contentType": "application/json",
            "payload": {
                "type": "object",
                "required": ["ok", "command_id", "aggregate", "id", "version", "position", "events", "duplicate"],
                "properties": {
                    "ok": { "const": true },
                    "command_id": { "type": "string" },
                    "aggregate": { "type": "string" },
                    "id": { "type": "string" },
                    "version": { "type": "integer" },
                    "position": { "type": "integer", "description": "Wait for it to read your own write." },
                    "events": { "type": "array", "items": {
                        "type": "object",
                        "properties": {
                            "id": { "type": "string", "format": "uuid" },
                            "type": { "type": "string" },
                            "version": { "type": "integer" },
                        },
                    }},
                    "duplicate": { "type": "boolean" },
                },
            },
        },
        "Problem": {
            "contentType": "application/problem+json",
            "headers": {
                "type": "object",
                "properties": {
                    "Nats-Service-Error": { "type": "string" },
                    "Nats-Service-Error-Code": { "type": "string" },
                },
            },
            "payload": {
                "type": "object",
                "required": ["ok", "code", "status", "title", "detail", "retryable"],
                "properties": {
                    "ok": { "const": false },
                    "code": { "type": "string" },
                    "status": { "type": "integer" },
                    "title": { "type": "string" },
                    "detail": { "type": "string" },
                    "retryable": { "type": "boolean" },
                    "errors": { "type": "array", "items": {
                        "type": "object",
                        "properties": {
                            "pointer": { "type": "string" },
                            "code": { "type": "string" },
                            "detail": { "type": "string" },
                        },
                    }},
                    "hint": { "type": "string" },
                    "command_id": { "type": "string" },
                },
            },
        },
    })
}
