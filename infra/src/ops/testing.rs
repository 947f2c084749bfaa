//! A migrated database with keys, in which tests let things happen.

use std::{collections::HashMap, convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_projections::Catalogue;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::setup::Setup;
use crate::{
    auth::{AuthConfig, KeySource, SharedSecret, Verifier},
    dev::harness::{self, Database},
    keys::{Kek, Keys},
    migrate::{self, tables_hash},
    projector::Projector,
    relay::MacKey,
    seal::{self, SealContext},
    serve::{self, Config, Running},
    settings::Flags,
    store::{Batch, Metadata, NewEvent, Role, SealedSubject, Store, Writer, connect},
};

/// An address where nobody listens.
pub const NOBODY: &str = "nats://127.0.0.1:1";
/// Whoever acts in tests.
pub const ACTOR: Uuid = Uuid::from_u128(0xada);

/// A database of one test, and its keys.
pub struct World {
    pub database: Database,
    pub keys_database: Database,
    pub kek_file: PathBuf,
    pub keys: Arc<Keys>,
    store: Store,
    versions: HashMap<(&'static str, String), i64>,
    position: i64,
    cause: Option<(Uuid, String)>,
}

impl World {
    pub async fn new() -> Self {
        let postgres = harness::postgres().await.unwrap();
        let database = postgres.database(&template(), migrated).await.unwrap();
        let keys_database = postgres.empty_database().await.unwrap();
        let kek_file = harness::scratch().unwrap().join(format!("kek-{}", Uuid::now_v7()));
        let kek = Kek::open_or_create(&kek_file).unwrap();
        let keys = Arc::new(Keys::connect(&keys_database.url(), kek, true).await.unwrap());
        let pool = connect(&database.url(), Role::Appender, 2, true).await.unwrap();
        let store = Store::new(pool);
        let versions = HashMap::new();
        Self { database, keys_database, kek_file, keys, store, versions, position: 0, cause: None }
    }

    /// Flags that lead here, and to this NATS.
    pub fn flags(&self, nats_url: &str) -> Flags {
        Flags::default()
            .with("database_url", self.database.url())
            .and_then(|flags| flags.with("keys_url", self.keys_database.url()))
            .and_then(|flags| flags.with("kek_file", self.kek_file.display().to_string()))
            .and_then(|flags| flags.with("nats_url", nats_url))
            .unwrap()
    }

    /// Settings that lead here.
    pub fn setup(&self, nats_url: &str) -> Setup {
        Setup::new(&self.flags(nats_url)).unwrap()
    }

    /// The database, as whoever owns it.
    pub async fn owner(&self) -> PgPool {
        connect(&self.database.url(), Role::Login, 2, true).await.unwrap()
    }

    /// Something happens: it is sealed and appended as a command service would. Gives its position.
    pub async fn happens(
        &mut self,
        kind: &'static str,
        id: &str,
        name: &'static str,
        payload: Value,
    ) -> i64 {
        let key = (kind, id.to_owned());
        let sequence = self.versions.get(&key).copied().unwrap_or_default() + 1;
        let (payload, subjects) = self.sealed(kind, id, sequence, name, payload).await;
        let command_id = Uuid::now_v7().to_string();
        let alone = || (command_id.clone(), command_id.clone());
        let cause = self.cause.take().map(|(event, whole)| (event.to_string(), whole));
        let (causation_id, correlation_id) = cause.unwrap_or_else(alone);
        let metadata = Metadata {
            command_id: command_id.clone(),
            command: annals_domain::refusal::snake_case(name),
            actor: ACTOR,
            actor_kind: "person".to_owned(),
            tenant: "t".to_owned(),
            correlation_id,
            causation_id,
            traceparent: None,
            occurred_at: None,
            reason: None,
            subjects,
        };
        let event = NewEvent {
            aggregate_type: kind,
            aggregate_id: Arc::from(id),
            sequence,
            event_type: name,
            event_version: 1,
            payload,
            metadata: Arc::from(json!(metadata).to_string()),
            event_id: Uuid::now_v7(),
        };
        let batch = Batch { events: vec![event], ..Batch::default() };
        let now = DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap();
        let mut writer = Writer::new(self.store.clone());
        let before = writer.append(&batch, self.position, now).await.unwrap();
        self.position = before + 1;
        self.versions.insert(key, sequence);
        self.position
    }

    /// An organisation is registered because of an event, as a part of what that is a part of.
    pub async fn because(&mut self, event: Uuid, correlation: &str) -> i64 {
        self.cause = Some((event, correlation.to_owned()));
        self.organisation().await
    }

    /// An organisation is registered: an event that becomes a row and needs no other.
    pub async fn organisation(&mut self) -> i64 {
        let registered = json!({
            "name": "Oakfield School", "type": "school-primary", "country": "UK", "city": "Leeds",
            "address_line_1": null, "address_line_2": null, "postcode": null, "email": null,
            "phone": null, "website": null, "settings": {}, "status": "active",
            "subscription_plan": "essential", "max_children": 50, "max_practitioners": 5,
        });
        let id = Uuid::now_v7().to_string();
        self.happens("lift.organisation", &id, "OrganisationRegistered", registered).await
    }

    /// Something happens that nobody here understands.
    pub async fn poison(&mut self) -> i64 {
        self.happens("lift.organisation", "x", "Nonsense", json!({})).await
    }

    async fn sealed(
        &self,
        kind: &'static str,
        id: &str,
        sequence: i64,
        name: &str,
        payload: Value,
    ) -> (String, Vec<SealedSubject>) {
        let catalogue = Aggregates::new();
        let Some(event_type) = catalogue.aggregate(kind).unwrap().event(name) else {
            return (payload.to_string(), Vec::new());
        };
        let mut fields = payload.as_object().cloned().unwrap();
        let subject = seal::subject(event_type, id, &fields).to_string();
        self.keys.ensure(std::slice::from_ref(&subject)).await.unwrap();
        let state = self.keys.cached(&subject).unwrap();
        let key = state.live().unwrap();
        let context = SealContext {
            tenant: "t",
            aggregate_type: kind,
            aggregate_id: id,
            sequence: u64::try_from(sequence).unwrap(),
        };
        seal::seal_fields(&mut fields, event_type, &context, key).unwrap();
        let commitment = key.commitment_text();
        let subjects = vec![SealedSubject { subject, key: key.number(), commitment }];
        (Value::Object(fields).to_string(), subjects)
    }

    /// Everything that serves this database, with this NATS.
    pub async fn serve(&self, nats_url: &str) -> Running {
        let secret = SharedSecret::new(None, &[7; 64]).unwrap();
        let auth = AuthConfig::new("a test", "a test", KeySource::Secret(secret));
        let mut config = Config::new(
            &self.database.url(),
            &self.keys_database.url(),
            nats_url,
            self.kek_file.clone(),
            Verifier::new(auth).await.unwrap(),
        );
        config.allow_unsafe = true;
        serve::start(config).await.unwrap()
    }

    /// Projects a context from Postgres until the value is dropped or stopped.
    pub async fn project(&self, context: &'static str) -> Projecting {
        let pool = connect(&self.database.url(), Role::Projector, 3, true).await.unwrap();
        let projector = Projector {
            catalogue: Arc::new(Catalogue::new()),
            aggregates: Arc::new(Aggregates::new()),
            store: Store::new(pool),
            keys: Arc::clone(&self.keys),
            client: None,
            key: MacKey::new(b"a test"),
            history: true,
            met: Arc::default(),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(projector.run(context, stop.clone()));
        Projecting { stop, task }
    }

    /// Waits until a condition over the database holds.
    pub async fn until(&self, condition: &str) {
        let owner = self.owner().await;
        for _ in 0..600 {
            if sqlx::query_scalar(&format!("SELECT {condition}")).fetch_one(&owner).await.unwrap() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it never came to be that {condition}");
    }

    /// Waits until a context's rows hold the event at a position.
    pub async fn projected(&self, context: &str, position: i64) {
        self.until(&format!(
            "EXISTS (SELECT FROM annals.projections
                     WHERE name = '{context}' AND position >= {position})"
        ))
        .await;
    }
}

/// A projector at work.
pub struct Projecting {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Projecting {
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// A template's name says what is in it: other builds may test at the same time.
fn template() -> String {
    let mut text = Vec::new();
    for context in Catalogue::new().contexts() {
        text.extend_from_slice(tables_hash(context).as_bytes());
    }
    for migration in migrate::STORE.iter() {
        text.extend_from_slice(&migration.checksum);
    }
    format!("ops_{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, &text).simple())
}

async fn migrated(url: String) -> Result<(), Infallible> {
    migrate::migrate(&url, &Catalogue::new()).await.unwrap();
    Ok(())
}
