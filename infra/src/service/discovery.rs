//! Discovery as `nats service` knows it: `$SRV.PING`, `$SRV.INFO`, `$SRV.STATS` (ADR-32).

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use annals_commands::catalogue::Context;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::asyncapi::schema;

/// A context's service, as it describes itself.
#[derive(Debug)]
pub struct Description {
    name: &'static str,
    id: String,
    version: &'static str,
    about: &'static str,
    started: DateTime<Utc>,
    endpoints: Vec<Value>,
    stats: HashMap<String, Stats>,
    order: Vec<String>,
}

/// What an endpoint has done.
#[derive(Debug, Default)]
pub struct Stats {
    requests: AtomicU64,
    errors: AtomicU64,
    nanos: AtomicU64,
}

impl Stats {
    /// Counts an answered request.
    pub fn count(&self, took: Duration, failed: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Description {
    /// Describes a context's service.
    pub fn new(
        context: &Context,
        id: String,
        version: &'static str,
        now: DateTime<Utc>,
    ) -> Arc<Self> {
        let mut endpoints = Vec::new();
        let mut stats = HashMap::new();
        let mut order = Vec::new();
        for command in &context.commands {
            let text = schema(command).to_string();
            let digest: String = digest(&SHA256, text.as_bytes())
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            endpoints.push(json!({
                "name": command.name,
                "subject": command.subject(),
                "queue_group": "q",
                "metadata": {
                    "doc": command.summary(),
                    "aggregate": command.aggregate.name,
                    "command": command.documented,
                    "schema": digest,
                    "schema_subject": format!("{}.schema", context.name),
                },
            }));
            stats.insert(command.name.clone(), Stats::default());
            order.push(command.name.clone());
        }
        let (name, about) = (context.name, context.about);
        Arc::new(Self { name, id, version, about, started: now, endpoints, stats, order })
    }

    /// The context's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// An endpoint's counters.
    pub fn stats(&self, command: &str) -> Option<&Stats> {
        self.stats.get(command)
    }

    /// Answers a discovery request, if it is for this service: the tokens after `$SRV.`.
    pub fn answer(&self, subject: &str) -> Option<Value> {
        let mut tokens = subject.split('.').skip(1);
        let verb = tokens.next()?;
        if tokens.next().is_some_and(|name| name != self.name)
            || tokens.next().is_some_and(|id| id != self.id)
        {
            return None;
        }
        match verb {
            "PING" => Some(self.ping()),
            "INFO" => Some(self.info()),
            "STATS" => Some(self.statistics()),
            _ => None,
        }
    }

    fn ping(&self) -> Value {
        json!({
            "type": "io.nats.micro.v1.ping_response",
            "name": self.name, "id": self.id, "version": self.version, "metadata": {},
        })
    }

    fn info(&self) -> Value {
        json!({
            "type": "io.nats.micro.v1.info_response",
            "name": self.name, "id": self.id, "version": self.version, "metadata": {},
            "description": self.about,
            "endpoints": self.endpoints,
        })
    }

    fn statistics(&self) -> Value {
        let endpoints: Vec<Value> = self
            .order
            .iter()
            .filter_map(|name| self.stats.get(name).map(|stats| (name, stats)))
            .map(|(name, stats)| {
                let requests = stats.requests.load(Ordering::Relaxed);
                let nanos = stats.nanos.load(Ordering::Relaxed);
                json!({
                    "name": name,
                    "subject": format!("{}.cmd.{name}", self.name),
                    "queue_group": "q",
                    "num_requests": requests,
                    "num_errors": stats.errors.load(Ordering::Relaxed),
                    "last_error": "",
                    "processing_time": nanos,
                    "average_processing_time": nanos / requests.max(1),
                })
            })
            .collect();
        json!({
            "type": "io.nats.micro.v1.stats_response",
            "name": self.name, "id": self.id, "version": self.version, "metadata": {},
            "started": self.started.to_rfc3339_opts(SecondsFormat::Nanos, true),
            "endpoints": endpoints,
        })
    }
}
