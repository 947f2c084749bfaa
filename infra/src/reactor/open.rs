//! From stored events to causes with typed events.

use annals_commands::{
    ActorKind, Catalogue, Happened,
    reaction::{Cause, Reactions},
};
use uuid::Uuid;

use super::run::RunError;
use crate::{
    keys::Keys,
    seal,
    store::{Metadata, StoredEvent},
};

/// An event that something waits for.
pub struct Heard {
    /// What led to it, and where it stands.
    pub cause: Cause,
    /// What happened.
    pub event: Box<dyn Happened>,
}

/// Opens events that some reaction waits for; of others only their place matters.
pub async fn open(
    reactions: &Reactions,
    catalogue: &Catalogue,
    keys: &Keys,
    events: &[StoredEvent],
) -> Result<Vec<Heard>, RunError> {
    let waited: Vec<&StoredEvent> =
        events.iter().filter(|it| reactions.listens_to(&it.aggregate_type)).collect();
    let mut missing: Vec<String> = Vec::new();
    for event in &waited {
        let subject = seal::sealed_for(catalogue, event).map_err(poison(event))?;
        if let Some(subject) = subject
            && keys.cached(&subject).is_none()
            && !missing.iter().any(|known| **known == *subject)
        {
            missing.push(subject.to_string());
        }
    }
    if !missing.is_empty() {
        keys.load(&missing).await?;
    }
    waited.into_iter().map(|event| heard(catalogue, keys, event)).collect()
}

fn heard(catalogue: &Catalogue, keys: &Keys, event: &StoredEvent) -> Result<Heard, RunError> {
    let fault = |why: String| RunError::Poison(why);
    let opened = seal::open_cached(keys, catalogue, event).map_err(poison(event))?;
    let metadata: Metadata =
        serde_json::from_str(&event.metadata).map_err(|error| fault(error.to_string()))?;
    let kind = catalogue
        .aggregate(&event.aggregate_type)
        .ok_or_else(|| fault(format!("no aggregate {}", event.aggregate_type)))?;
    let typed = (kind.read)(&event.event_type, opened.payload)
        .map_err(|error| fault(format!("{}: {error}", event.event_type)))?
        .ok_or_else(|| fault(format!("unknown event {}", event.event_type)))?;
    let actor_kind = match metadata.actor_kind.as_str() {
        "person" => ActorKind::Person,
        "operator" => ActorKind::Operator,
        _ => ActorKind::System,
    };
    Ok(Heard {
        cause: cause(event, metadata.tenant, metadata.correlation_id, metadata.actor, actor_kind),
        event: typed,
    })
}

fn poison(event: &StoredEvent) -> impl Fn(seal::SealError) -> RunError {
    let name = event.event_type.clone();
    move |error| RunError::Poison(format!("{name}: {error}"))
}

/// What commands come of: an event, on somebody's behalf.
pub(crate) fn cause(
    event: &StoredEvent,
    tenant: String,
    correlation_id: String,
    actor: Uuid,
    actor_kind: ActorKind,
) -> Cause {
    Cause {
        id: event.event_id,
        event_id: event.event_id,
        position: u64::try_from(event.position).unwrap_or_default(),
        aggregate_type: event.aggregate_type.clone(),
        stream: event.aggregate_id.clone(),
        at: event.recorded_at,
        tenant,
        actor,
        actor_kind,
        correlation_id,
    }
}
