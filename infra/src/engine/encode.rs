//! From what was decided to what is stored: payloads sealed, metadata written, ids given.

use std::{collections::HashSet, sync::Arc};

use annals_commands::Appended;
use annals_domain::{EventType, Moment};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::submission::Submission;
use crate::{
    keys::Keys,
    seal::{self, SealContext},
    store::{Metadata, NewEvent, SealedSubject},
};

/// Why events are not ready to be stored.
pub enum NotReady {
    /// These people's keys are not in memory.
    Keys(Vec<String>),
    /// This person was erased: nothing more can be sealed for them.
    Erased,
    /// An event is larger than what can be published.
    TooLarge,
    /// A fault of ours.
    Fault(String),
}

/// Writes a command's events as they are stored.
pub fn encode(
    keys: &Keys,
    submission: &Submission,
    tenant: &str,
    moment: &Moment,
    appended: &[Appended],
    most_bytes: usize,
) -> Result<Vec<NewEvent>, NotReady> {
    let plain = metadata(submission, tenant, submission.occurred_at, Vec::new())?;
    let mut missing = HashSet::new();
    let mut events = Vec::with_capacity(appended.len());
    for Appended { stream, sequence, event, origin } in appended {
        let occurred_at = match origin {
            Some(origin) => origin.occurred_at,
            None => submission.occurred_at,
        };
        let tenant = origin.as_ref().map_or(tenant, |origin| &origin.tenant);
        let event_type = event.event_type();
        let fault = |error: serde_json::Error| NotReady::Fault(error.to_string());
        let mut metadata_text = match origin {
            Some(_) => metadata(submission, tenant, occurred_at, Vec::new())?,
            None => Arc::clone(&plain),
        };
        let payload = if event_type.personal.is_empty() {
            event.payload().map_err(fault)?
        } else {
            let Value::Object(mut fields) = event.payload_value().map_err(fault)? else {
                return Err(NotReady::Fault(format!("{} is no object", event_type.name)));
            };
            if holds_personal(event_type, &fields) {
                let subject = seal::subject(event_type, &stream.id, &fields);
                match keys.cached(&subject) {
                    None => {
                        missing.insert(subject.to_string());
                        continue;
                    }
                    Some(state) => {
                        let Some(key) = state.live() else { return Err(NotReady::Erased) };
                        let context = SealContext {
                            tenant,
                            aggregate_type: stream.kind,
                            aggregate_id: &stream.id,
                            sequence: *sequence,
                        };
                        seal::seal_fields(&mut fields, event_type, &context, key)
                            .map_err(|error| NotReady::Fault(error.to_string()))?;
                        metadata_text = metadata(
                            submission,
                            tenant,
                            occurred_at,
                            vec![SealedSubject {
                                subject: subject.to_string(),
                                key: key.number(),
                                commitment: key.commitment_text(),
                            }],
                        )?;
                    }
                }
            }
            serde_json::to_string(&fields).map_err(fault)?
        };
        if payload.len() + metadata_text.len() > most_bytes {
            return Err(NotReady::TooLarge);
        }
        events.push(NewEvent {
            aggregate_type: stream.kind,
            aggregate_id: Arc::clone(&stream.id),
            sequence: i64::try_from(*sequence).unwrap_or(i64::MAX),
            event_type: event_type.name,
            event_version: event_type.version,
            payload,
            metadata: metadata_text,
            event_id: moment.new_id(),
        });
    }
    if missing.is_empty() { Ok(events) } else { Err(NotReady::Keys(missing.into_iter().collect())) }
}

fn holds_personal(event_type: &EventType, fields: &Map<String, Value>) -> bool {
    event_type
        .personal
        .iter()
        .any(|field| fields.get(field.name).is_some_and(|value| !value.is_null()))
}

fn metadata(
    submission: &Submission,
    tenant: &str,
    occurred_at: Option<DateTime<Utc>>,
    subjects: Vec<SealedSubject>,
) -> Result<Arc<str>, NotReady> {
    let metadata = Metadata {
        command_id: submission.command_id.to_string(),
        command: submission.command.to_string(),
        actor: submission.actor.id,
        actor_kind: submission.actor.kind.as_str().to_owned(),
        tenant: tenant.to_owned(),
        correlation_id: submission.correlation_id.clone(),
        causation_id: submission
            .causation_id
            .clone()
            .unwrap_or_else(|| submission.command_id.to_string()),
        traceparent: submission.traceparent.clone(),
        occurred_at,
        reason: submission.reason.clone(),
        subjects,
    };
    serde_json::to_string(&metadata)
        .map(Arc::from)
        .map_err(|error| NotReady::Fault(error.to_string()))
}
