//! Any decider as a cqrs-es aggregate.
//!
//! With it, code written for cqrs-es runs on the event store: a `CqrsFramework` over this workspace's
//! event repository, cqrs-es' own test framework, or a stock postgres-es repository that reads.

use std::fmt;

use annals_domain::{Decider, DomainEvent, Moment, Refusal, Refused};
use chrono::Utc;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::Value;
use uuid::Uuid;

/// A decider in the clothes of a cqrs-es aggregate.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
pub struct Adapted<D: Decider>(pub D);

/// An event in the clothes of a cqrs-es event; in JSON `{"AlertRaised": {…}}`, as serde writes an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptedEvent<E>(pub E);

impl<E: DomainEvent> cqrs_es::DomainEvent for AdaptedEvent<E> {
    fn event_type(&self) -> String {
        self.0.event_type().name.to_owned()
    }

    fn event_version(&self) -> String {
        self.0.event_type().version.to_string()
    }
}

impl<E: DomainEvent> Serialize for AdaptedEvent<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let payload = self.0.payload_value().map_err(serde::ser::Error::custom)?;
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0.event_type().name, &payload)?;
        map.end()
    }
}

impl<'de, E: DomainEvent> Deserialize<'de> for AdaptedEvent<E> {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> Result<Self, T::Error> {
        let tagged = serde_json::Map::<String, Value>::deserialize(deserializer)?;
        let (name, payload) = tagged
            .into_iter()
            .next()
            .ok_or_else(|| de::Error::custom("an event without a kind"))?;
        let event = E::read(&name, payload).map_err(de::Error::custom)?;
        event.map(Self).ok_or_else(|| de::Error::custom(format!("no such event: {name}")))
    }
}

/// A refusal as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptedRefusal(pub Refused);

impl fmt::Display for AdaptedRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.0.code, self.0.detail)
    }
}

impl std::error::Error for AdaptedRefusal {}

/// Who asks, for deciders that run under cqrs-es.
#[derive(Debug, Clone, Copy)]
pub struct AdaptedServices {
    /// The person behind the commands.
    pub actor: Uuid,
}

impl<D: Decider> cqrs_es::Aggregate for Adapted<D> {
    const TYPE: &'static str = D::TYPE;
    type Command = D::Command;
    type Event = AdaptedEvent<D::Event>;
    type Error = AdaptedRefusal;
    type Services = AdaptedServices;

    async fn handle(
        &mut self,
        command: D::Command,
        services: &AdaptedServices,
        sink: &EventSink<Self>,
    ) -> Result<(), AdaptedRefusal> {
        let moment = Moment::new(Utc::now(), services.actor, Uuid::now_v7());
        let events = self.0.decide(command, &moment).map_err(|no| AdaptedRefusal(no.refused()))?;
        for event in events {
            sink.write(AdaptedEvent(event), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        self.0.evolve(&event.0);
    }
}
