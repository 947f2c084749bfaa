//! A database, a key store, a nats-server, and whatever serves them: one of each a test.

use std::{convert::Infallible, sync::Arc, time::Duration};

use annals_infra::{
    dev::{
        OwnPostgres,
        harness::{self, Database, Nats},
    },
    migrate::{self, tables_hash},
    serve::{self, Config, Roles, Running, connect_nats},
};
use annals_projections::Catalogue;
use async_nats::Client;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use crate::{
    caller::Caller,
    clock::Ahead,
    token::{self, Who},
};

/// A world of one test. Nobody reacts in it unless the test is about that ([`World::lively`]): others
/// count on nothing happening but what they ask for.
/// What is in it goes with this value, also when the test fails.
pub struct World {
    services: Vec<Running>,
    config: Config,
    client: Client,
    pool: PgPool,
    /// The nats-server, to stop it, kill it, and let it lose what it stored.
    pub nats: Nats,
    /// Both databases, where they are of the Postgres that all tests share.
    _databases: Option<[Database; 2]>,
}

impl World {
    /// An empty, migrated database and everything that serves it.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with reactors at work.
    pub async fn lively() -> Self {
        Self::start_with(|config| {
            config.roles = Roles::ALL;
            config.watches_refusals = true;
        })
        .await
    }

    /// The same, served otherwise than by default.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut world = Self::asleep().await;
        let mut config = world.config();
        change(&mut config);
        world.serve(config).await;
        world
    }

    /// An empty, migrated database, and nobody who serves it yet.
    pub async fn asleep() -> Self {
        let postgres = harness::postgres().await.unwrap();
        let database = postgres.database(&template(), migrated).await.unwrap();
        let (keys, nats) =
            (postgres.empty_database().await.unwrap(), harness::nats().await.unwrap());
        let mut world = Self::over(&database.url(), &keys.url(), nats).await;
        world._databases = Some([database, keys]);
        world
    }

    /// Nobody who serves yet, over an empty, migrated database of a Postgres that the test has for itself.
    pub async fn on(postgres: &OwnPostgres) -> Self {
        for name in ["annals", "annals_keys"] {
            postgres.create_database(name, None).await.unwrap();
        }
        let urls = [postgres.url("annals"), postgres.url("annals_keys")];
        let Ok(()) = migrated(urls[0].clone()).await;
        Self::over(&urls[0], &urls[1], harness::nats().await.unwrap()).await
    }

    async fn over(database: &str, keys: &str, nats: Nats) -> Self {
        let file = format!("kek-{}", Uuid::now_v7());
        let mut config = Config::new(
            database,
            keys,
            &nats.url(),
            harness::scratch().unwrap().join(file),
            token::verifier().await,
        );
        config.allow_unsafe = true;
        let client = connect_nats(&nats.client_url(), None).await.unwrap();
        config.roles = Roles { reactor: false, ..Roles::ALL };
        config.watches_refusals = false;
        let options: PgConnectOptions = database.parse().unwrap();
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(20))
            .connect_lazy_with(options.application_name("a test"));
        Self { services: Vec::new(), config, client, pool, nats, _databases: None }
    }

    /// How this world is served.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// Starts one more process' worth of services.
    pub async fn serve(&mut self, config: Config) {
        self.services.push(serve::start(config).await.unwrap());
    }

    /// Starts a reactor and what it needs besides, so far ahead of the machine's clock.
    pub async fn react(&mut self, ahead: chrono::Duration) {
        let mut config = self.config();
        config.roles = Roles { reactor: true, ..Roles::NONE };
        config.clock = Arc::new(Ahead(ahead));
        self.serve(config).await;
    }

    /// Starts services as they are by default.
    pub async fn wake(&mut self) {
        self.serve(self.config()).await;
    }

    /// Stops everything that serves, as an operator would.
    pub async fn rest(&mut self) {
        for running in self.services.drain(..) {
            running.stop().await;
        }
    }

    /// Stops what was started first.
    pub async fn rest_first(&mut self) {
        if !self.services.is_empty() {
            self.services.remove(0).stop().await;
        }
    }

    /// What serves, in the order in which it was started.
    #[must_use]
    pub fn services(&self) -> &[Running] {
        &self.services
    }

    /// The database, as its owner's superuser: under no row security.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The database's address, as superuser.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.config.database_url
    }

    /// NATS, with the rights of an API service.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// NATS, with all rights.
    pub async fn master(&self) -> Client {
        connect_nats(&self.nats.url(), None).await.unwrap()
    }

    /// Asks as a signed-in person.
    #[must_use]
    pub fn as_person(&self, person: Uuid) -> Caller {
        self.as_who(Who::Person(person))
    }

    /// Asks as a service.
    #[must_use]
    pub fn as_system(&self) -> Caller {
        self.as_who(Who::System)
    }

    /// Asks as the operator.
    #[must_use]
    pub fn as_operator(&self) -> Caller {
        self.as_who(Who::Operator)
    }

    /// Asks with a token of one's own making.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Caller {
        Caller::new(self.client(), Some(token.to_owned()))
    }

    /// Asks without a token.
    #[must_use]
    pub fn without_token(&self) -> Caller {
        Caller::new(self.client(), None)
    }

    /// Has the identity provider know a person.
    pub async fn knows(&self, person: Uuid) {
        let data = serde_json::json!({"email": token::address(person)});
        self.as_system().send("shared.cmd.register_identity", person, data).await.ok();
    }

    fn as_who(&self, who: Who) -> Caller {
        self.with_token(&token::token(who))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Nobody is to complain that the servers go away.
        for running in &self.services {
            running.stopping().cancel();
        }
    }
}

/// A template's name says what is in it: other builds may test at the same time.
fn template() -> String {
    let catalogue = Catalogue::new();
    let mut text: Vec<u8> = Vec::new();
    for context in catalogue.contexts() {
        text.extend_from_slice(tables_hash(context).as_bytes());
    }
    for migration in migrate::STORE.iter() {
        text.extend_from_slice(&migration.checksum);
    }
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &text).simple().to_string()
}

async fn migrated(url: String) -> Result<(), Infallible> {
    let catalogue = Arc::new(Catalogue::new());
    migrate::migrate(&url, &catalogue).await.unwrap();
    Ok(())
}
