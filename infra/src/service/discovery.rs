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
use metrics::{Counter, Histogram};
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
    unknown: Stats,
}

/// What an endpoint has done.
pub struct Stats {
    context: &'static str,
    command: String,
    requests: AtomicU64,
    errors: AtomicU64,
    nanos: AtomicU64,
    accepted: Counter,
    duration: Histogram,
}

impl std::fmt::Debug for Stats {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Stats").field("command", &self.command).finish_non_exhaustive()
    }
}

impl Stats {
    fn new(context: &'static str, command: &str) -> Self {
        let command = command.to_owned();
        Self {
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            accepted: metrics::counter!(
                "annals_commands_total",
                "context" => context, "command" => command.clone(), "outcome" => "accepted"
            ),
            duration: metrics::histogram!(
                "annals_command_duration_seconds", "context" => context, "command" => command.clone()
            ),
            context,
            command,
        }
    }

    /// Counts an answered request; `code` says why it was not accepted.
    pub fn count(&self, took: Duration, code: Option<&str>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.duration.record(took.as_secs_f64());
        match code {
            None => self.accepted.increment(1),
            Some(code) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                metrics::counter!(
                    "annals_commands_total",
                    "context" => self.context, "command" => self.command.clone(),
                    "outcome" => code.to_owned()
                )
                .increment(1);
            }
        }
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
            stats.insert(command.name.clone(), Stats::new(context.name, &command.name));
            order.push(command.name.clone());
        }
        let (name, about) = (context.name, context.about);
        // Only commands that exist become labels: their names are ours.
        let unknown = Stats::new(name, "unknown");
        Arc::new(Self { name, id, version, about, started: now, endpoints, stats, order, unknown })
    }

    /// The context's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// An endpoint's counters, or those of all that is none.
    pub fn stats(&self, command: &str) -> &Stats {
        self.stats.get(command).unwrap_or(&self.unknown)
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
