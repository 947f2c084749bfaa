//! Everything that runs: command services, relay, projectors, reactors, in one process or over several.

mod nats;

pub use nats::{NatsError, connect_nats};

use std::{path::PathBuf, sync::Arc, time::Duration};

use annals_commands::{Catalogue as Aggregates, reaction::Rules};
use annals_projections::Catalogue;
use aws_lc_rs::hmac;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{AuthError, Verifier},
    console,
    engine::{Clock, Engine, Limits, Parts, SystemClock},
    erasure::{self, EraseError, Eraser},
    exports::{Exporter, Shelf},
    keys::{Kek, KekError, Keys, KeysError, REFRESH, secrets_or_create},
    projector::{self, Projector, Waiter},
    proof::{
        Notary,
        note::{NoteError, SigningKey},
        witness::Witness,
    },
    reactor::{Reactor, Sender},
    relay::{MacKey, Relay},
    sensitive::Reads,
    service::{RateLimit, Receiver, Sentry, Service, ServiceError},
    settings::Kept,
    store::{ConnectError, Role, Store, connect},
};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Takes commands.
    pub commands: bool,
    /// Publishes events.
    pub relay: bool,
    /// Keeps read models.
    pub projector: bool,
    /// Sends commands when something happens or is due.
    pub reactor: bool,
}

impl Roles {
    /// Everything.
    pub const ALL: Self = Self { commands: true, relay: true, projector: true, reactor: true };
    /// Nothing.
    pub const NONE: Self = Self { commands: false, relay: false, projector: false, reactor: false };
}

/// What a process needs to know.
#[derive(Clone)]
pub struct Config {
    /// The log and the read models.
    pub database_url: String,
    /// The key store.
    pub keys_url: String,
    /// NATS.
    pub nats_url: String,
    /// A credentials file for NATS.
    pub nats_creds: Option<PathBuf>,
    /// The key-encryption key's file.
    pub kek_file: PathBuf,
    /// What this process does.
    pub roles: Roles,
    /// Contexts it does it for; all where it is empty.
    pub contexts: Vec<String>,
    /// Says who asks.
    pub verifier: Arc<Verifier>,
    /// Connections of its pools to the event store; each projection has one more of its own.
    pub connections: u32,
    /// How long commands that were taken may need for their answers once the process is to stop.
    pub drain: Duration,
    /// How checkpoints are signed, where they are; beside the relay.
    pub signing: Option<Signing>,
    /// Bounds of the engine.
    pub limits: Limits,
    /// Most bytes of a command's body.
    pub max_body: usize,
    /// Commands a second that one actor may send; 0 for no limit.
    pub rate_limit: u32,
    /// Where replies may go.
    pub reply_prefixes: Vec<String>,
    /// Contexts whose past is kept.
    pub history: Kept,
    /// Lets a Postgres pass that can lose commits: for tests on a throw-away cluster.
    pub allow_unsafe: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The region whose data this deployment may hold.
    pub region: String,
    /// Whether refused tokens and rights become security events of `samia`.
    pub watches_refusals: bool,
    /// Rules that reactions judge by.
    pub rules: Arc<Rules>,
    /// The console, where this process serves it.
    pub console: Option<console::Config>,
    /// For how many days backups are kept, as receipts of erasures say.
    pub backup_days: u64,
    /// Where archives of exports that somebody asked for are put, by a process that reacts. Without it
    /// they wait.
    pub exports: Option<Shelf>,
}

impl Config {
    /// A configuration with everything else as it is by default.
    #[must_use]
    pub fn new(
        database_url: &str,
        keys_url: &str,
        nats_url: &str,
        kek_file: PathBuf,
        verifier: Arc<Verifier>,
    ) -> Self {
        Self {
            database_url: database_url.to_owned(),
            keys_url: keys_url.to_owned(),
            nats_url: nats_url.to_owned(),
            nats_creds: None,
            kek_file,
            roles: Roles::ALL,
            contexts: Vec::new(),
            verifier,
            connections: 16,
            drain: Duration::from_secs(20),
            signing: None,
            limits: Limits::default(),
            max_body: annals_commands::envelope::MAX_BODY,
            rate_limit: 0,
            reply_prefixes: vec!["_INBOX.".to_owned()],
            history: Kept::ALL,
            allow_unsafe: false,
            clock: Arc::new(SystemClock),
            region: "ca-central-1".to_owned(),
            watches_refusals: true,
            rules: Arc::new(Rules::default()),
            console: None,
            backup_days: 30,
            exports: None,
        }
    }
}

/// How checkpoints of the log are signed.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The file with the keys that sign; made if it is not there.
    pub key_file: PathBuf,
    /// Whose log it is.
    pub origin: String,
    /// Addresses of witnesses.
    pub witnesses: Vec<String>,
    /// Time between checkpoints.
    pub every: Duration,
    /// Where the notary keeps hashes outside of the database.
    pub folder: Option<PathBuf>,
}

impl Signing {
    /// The keys that sign.
    ///
    /// # Errors
    /// When the file cannot be read, or the origin is no name.
    pub fn keys(&self) -> Result<Vec<SigningKey>, ServeError> {
        let seeds = secrets_or_create(&self.key_file)?;
        seeds.iter().map(|seed| Ok(SigningKey::of_log(&self.origin, seed)?)).collect()
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Config").field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// Why a process could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Postgres.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database has another schema than this version works with.
    #[error("the database is not of this version's schema: run `annals migrate`")]
    NotMigrated,
    /// Postgres does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// NATS refuses a subscription.
    #[error("NATS: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// The name of the log.
    #[error("ANNALS_LOG_ORIGIN: {0}")]
    Origin(#[from] NoteError),
    /// A witness' address.
    #[error("ANNALS_WITNESSES: {0}")]
    Witness(#[from] AuthError),
    /// The key store.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The folder of the notary.
    #[error("{}: {source} (ANNALS_EVIDENCE_DIR)", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of archives.
    #[error("{}: {source} (ANNALS_EXPORTS_FOLDER)", path.display())]
    Exports {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// NestSync's data lies in Canada (nestsync.ops.residency).
    #[error(
        "ANNALS_REGION is {0}, and the context nestsync is served from Canadian regions (ca-…) only: \
         leave it out of ANNALS_CONTEXTS here"
    )]
    Region(String),
    /// The console.
    #[error(transparent)]
    Console(#[from] console::StartError),
    /// Whoever was erased cannot be erased again.
    #[error("erased people may be back, and nothing is served until they are gone: {0}")]
    Erasure(#[from] EraseError),
    /// The services.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// A running process.
#[derive(Debug)]
pub struct Running {
    /// The engine, where this process takes commands.
    pub engine: Option<Engine>,
    /// The keys.
    pub keys: Arc<Keys>,
    /// Where the console is, where this process serves it.
    pub console: Option<std::net::SocketAddr>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops: no new commands are taken, those that were get their answer, then everything ends.
    pub async fn stop(self) {
        let Self { engine, stop, tasks, .. } = self;
        stop.cancel();
        drop(engine);
        for task in tasks {
            let _ = task.await;
        }
    }

    /// Ends when the process was told to stop elsewhere.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }
}

/// Starts a process.
///
/// # Errors
/// When something it needs is not there, not safe, or of another version; the sentence says what to do.
pub async fn start(config: Config) -> Result<Running, ServeError> {
    let stop = CancellationToken::new();
    let mut tasks = Vec::new();
    let aggregates = Arc::new(Aggregates::new());
    let catalogue = Arc::new(Catalogue::new());
    let client = connect_nats(&config.nats_url, config.nats_creds.as_deref()).await?;
    let kek = Kek::open_or_create(&config.kek_file)?;
    let keys = Arc::new(Keys::connect(&config.keys_url, kek, config.allow_unsafe).await?);
    let mac = MacKey::new(&*keys.derived("annals.relay.mac.v1")?);
    #[cfg(feature = "sabotage")]
    crate::sabotage::equip(&client, &mac);
    let fingerprint = keys.derived("annals.fingerprint.v1")?;
    let fingerprint = hmac::Key::new(hmac::HMAC_SHA256, &*fingerprint);
    let names: Vec<&'static str> = aggregates
        .contexts()
        .iter()
        .map(|context| context.name)
        .filter(|name| config.contexts.is_empty() || config.contexts.iter().any(|it| it == name))
        .collect();
    if names.contains(&"nestsync") && !config.region.starts_with("ca-") {
        return Err(ServeError::Region(config.region));
    }
    erase_again(&config, &keys, &aggregates, &catalogue).await?;
    let bell = Arc::new(Notify::new());
    let share = |eighths: u32| (config.connections * eighths / 8).max(2);
    let (rings, appended) = watch::channel(0);
    let rings = Arc::new(rings);
    tasks.push(tokio::spawn(forget_destroyed(Arc::clone(&keys), stop.clone())));
    let mut engine = None;
    let mut engines = Vec::new();
    if config.roles.commands || config.roles.reactor {
        let pool =
            connect(&config.database_url, Role::Appender, share(3), config.allow_unsafe).await?;
        check_schema(&pool).await?;
        let ring = ringer(client.clone(), Arc::clone(&bell), Arc::clone(&rings));
        let (started, task) = Engine::start(Parts {
            catalogue: Arc::clone(&aggregates),
            store: Store::new(pool.clone()),
            keys: Arc::clone(&keys),
            clock: Arc::clone(&config.clock),
            limits: config.limits,
            region: Arc::from(config.region.as_str()),
            on_commit: ring,
        });
        let sender = Sender {
            engine: started.clone(),
            catalogue: Arc::clone(&aggregates),
            fingerprint: fingerprint.clone(),
        };
        if config.roles.commands {
            let waiter = Waiter::start(&client, pool, &names, stop.clone()).await?;
            let receiver = Arc::new(Receiver {
                catalogue: Arc::clone(&aggregates),
                verifier: Arc::clone(&config.verifier),
                clock: Arc::clone(&config.clock),
                fingerprint,
                max_body: config.max_body,
                limit: RateLimit::new(config.rate_limit),
                reply_prefixes: config.reply_prefixes.clone(),
            });
            let watches = config.watches_refusals && names.contains(&"samia");
            let sentry = watches.then(|| {
                let (rules, clock) = (Arc::clone(&config.rules), Arc::clone(&config.clock));
                let (sentry, task) = Sentry::start(sender.clone(), rules, clock, stop.clone());
                tasks.push(task);
                sentry
            });
            let service = Service {
                client: client.clone(),
                receiver,
                engine: started.clone(),
                waiter,
                drain: config.drain,
                contexts: names.clone(),
                sentry,
            };
            tasks.push(service.start(stop.clone()).await?);
        }
        engines.push(task);
        engine = Some((started, sender));
    }
    if config.roles.relay || config.roles.reactor {
        let rung = doorbell(client.clone(), Arc::clone(&bell), rings, stop.clone());
        tasks.push(tokio::spawn(rung));
    }
    if let Some((_, sender)) = engine.as_ref().filter(|_| config.roles.reactor) {
        let pool =
            connect(&config.database_url, Role::Reactor, share(2), config.allow_unsafe).await?;
        check_schema(&pool).await?;
        let reads =
            Reads { pool: pool.clone(), sender: sender.clone(), clock: Arc::clone(&config.clock) };
        tasks.push(tokio::spawn(reads.run(stop.clone())));
        let reactor = Reactor {
            catalogue: Arc::clone(&aggregates),
            store: Store::new(pool),
            keys: Arc::clone(&keys),
            sender: sender.clone(),
            client: client.clone(),
            clock: Arc::clone(&config.clock),
            rules: Arc::clone(&config.rules),
            appended,
        };
        for name in &names {
            tasks.push(tokio::spawn(reactor.clone().run(name, stop.clone())));
        }
        let eraser = eraser(&config, &keys, &aggregates, &catalogue, sender.clone()).await?;
        tasks.push(tokio::spawn(eraser.run(stop.clone())));
        if let Some(shelf) = &config.exports {
            let exporter =
                exporter(&config, shelf, (&aggregates, &catalogue), sender.clone()).await?;
            for name in &names {
                tasks.push(tokio::spawn(exporter.clone().run(name, stop.clone())));
            }
        }
    }
    if config.roles.relay {
        let pool =
            connect(&config.database_url, Role::Relay, share(2), config.allow_unsafe).await?;
        check_schema(&pool).await?;
        let relay = Relay {
            store: Store::new(pool),
            client: client.clone(),
            key: mac.clone(),
            contexts: names.clone(),
            bell: Arc::clone(&bell),
        };
        tasks.push(tokio::spawn(relay.run(stop.clone())));
    }
    if config.roles.relay
        && let Some(signing) = &config.signing
    {
        let pool = connect(&config.database_url, Role::Notary, 2, config.allow_unsafe).await?;
        let witnesses = signing.witnesses.iter().map(|url| Witness::new(url));
        if let Some(folder) = &signing.folder {
            std::fs::create_dir_all(folder)
                .map_err(|source| ServeError::Folder { path: folder.clone(), source })?;
        }
        let notary = Notary {
            pool,
            origin: signing.origin.clone(),
            keys: signing.keys()?,
            witnesses: witnesses.collect::<Result<_, _>>()?,
            every: signing.every,
            folder: signing.folder.clone(),
        };
        tasks.push(tokio::spawn(Arc::new(notary).run(stop.clone())));
    }
    if config.roles.projector {
        let pool =
            connect(&config.database_url, Role::Projector, share(3), config.allow_unsafe).await?;
        check_schema(&pool).await?;
        tasks.push(tokio::spawn(projector::watch(pool.clone(), names.clone(), stop.clone())));
        tasks.push(tokio::spawn(projector::ahead(
            pool.clone(),
            Arc::clone(&catalogue),
            names.clone(),
            Arc::clone(&config.clock),
            stop.clone(),
        )));
        for name in names {
            let projector = Projector {
                catalogue: Arc::clone(&catalogue),
                aggregates: Arc::clone(&aggregates),
                store: Store::new(pool.clone()),
                keys: Arc::clone(&keys),
                client: Some(client.clone()),
                key: mac.clone(),
                history: config.history.has(name),
                met: Arc::default(),
            };
            tasks.push(tokio::spawn(projector.run(name, stop.clone())));
        }
    }
    let mut console_at = None;
    if let Some(wanted) = &config.console {
        let parts = console::Parts {
            database_url: config.database_url.clone(),
            keys_url: config.keys_url.clone(),
            keys: Arc::clone(&keys),
            client: client.clone(),
            verifier: Arc::clone(&config.verifier),
            clock: Arc::clone(&config.clock),
            signing: config.signing.clone(),
            people: wanted.people.clone(),
            allow_unsafe: config.allow_unsafe,
        };
        let served = console::start(wanted.address, parts, stop.clone()).await?;
        console_at = Some(served.address);
        tasks.extend(served.tasks);
    }
    // An engine ends once nobody holds it any more: last.
    tasks.extend(engines);
    let engine = engine.map(|(engine, _)| engine);
    Ok(Running { engine, keys, console: console_at, stop, tasks })
}

/// Erases again, before anything is served, whom a restored backup brought back.
async fn erase_again(
    config: &Config,
    keys: &Keys,
    aggregates: &Aggregates,
    catalogue: &Catalogue,
) -> Result<(), ServeError> {
    let folder = config.signing.as_ref().and_then(|signing| signing.folder.as_deref());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)
            .map_err(|source| ServeError::Folder { path: folder.to_owned(), source })?;
    }
    // A login that only takes commands or relays need not be let near tables.
    if !config.roles.projector && !config.roles.reactor {
        return Ok(erasure::keys_again(keys, folder).await?);
    }
    let pool = connect(&config.database_url, Role::Projector, 2, config.allow_unsafe).await?;
    check_schema(&pool).await?;
    let urls = (config.database_url.as_str(), config.keys_url.as_str());
    erasure::again(&pool, urls, keys, (aggregates, catalogue), folder).await?;
    pool.close().await;
    Ok(())
}

/// Carries out erasures.
async fn eraser(
    config: &Config,
    keys: &Arc<Keys>,
    aggregates: &Arc<Aggregates>,
    catalogue: &Arc<Catalogue>,
    sender: Sender,
) -> Result<Eraser, ServeError> {
    let signing = config.signing.as_ref();
    Ok(Eraser {
        pool: connect(&config.database_url, Role::Projector, 2, config.allow_unsafe).await?,
        database_url: config.database_url.clone(),
        keys_url: config.keys_url.clone(),
        keys: Arc::clone(keys),
        aggregates: Arc::clone(aggregates),
        catalogue: Arc::clone(catalogue),
        sender,
        clock: Arc::clone(&config.clock),
        origin: signing.map_or_else(|| "unsigned".to_owned(), |it| it.origin.clone()),
        signing: signing.map(Signing::keys).transpose()?.unwrap_or_default().into(),
        folder: signing.and_then(|it| it.folder.clone()),
        backup_days: config.backup_days,
    })
}

/// Carries out exports that somebody asked for.
async fn exporter(
    config: &Config,
    shelf: &Shelf,
    (aggregates, catalogue): (&Arc<Aggregates>, &Arc<Catalogue>),
    sender: Sender,
) -> Result<Exporter, ServeError> {
    Exporter::prepare(shelf)
        .map_err(|source| ServeError::Exports { path: shelf.folder.clone(), source })?;
    Ok(Exporter {
        pool: connect(&config.database_url, Role::Reactor, 2, config.allow_unsafe).await?,
        rows: connect(&config.database_url, Role::Projector, 2, config.allow_unsafe).await?,
        aggregates: Arc::clone(aggregates),
        catalogue: Arc::clone(catalogue),
        sender,
        clock: Arc::clone(&config.clock),
        shelf: shelf.clone(),
    })
}

/// Where a command service says that it has appended.
const APPENDED: &str = "annals.appended";

fn ringer(
    client: async_nats::Client,
    bell: Arc<Notify>,
    rings: Arc<watch::Sender<i64>>,
) -> Arc<dyn Fn(i64) + Send + Sync> {
    let (sender, mut positions) = watch::channel(0);
    tokio::spawn(async move {
        while positions.changed().await.is_ok() {
            let position = *positions.borrow_and_update();
            let _ = client.publish(APPENDED, position.to_string().into()).await;
        }
    });
    Arc::new(move |position| {
        bell.notify_one();
        rings.send_replace(position);
        sender.send_replace(position);
    })
}

/// Rings the bells of relay and reactors when another process has appended.
async fn doorbell(
    client: async_nats::Client,
    bell: Arc<Notify>,
    rings: Arc<watch::Sender<i64>>,
    stop: CancellationToken,
) {
    use futures::StreamExt;
    let Ok(mut rung) = client.subscribe(APPENDED).await else { return };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            message = rung.next() => if message.is_none() { return },
        }
        rings.send_modify(|ring| *ring += 1);
        bell.notify_one();
    }
}

async fn forget_destroyed(keys: Arc<Keys>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = keys.refresh_destroyed().await {
            tracing::warn!(%error, "destroyed keys cannot be asked for");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(REFRESH) => {}
        }
    }
}

/// Whether the database has this version's schema.
async fn check_schema(pool: &sqlx::PgPool) -> Result<(), ServeError> {
    let known: bool = sqlx::query_scalar(
        "SELECT to_regprocedure('annals.subject()') IS NOT NULL
            AND to_regclass('annals.reactors') IS NOT NULL
            AND to_regclass('annals.erasures') IS NOT NULL",
    )
    .fetch_one(pool)
    .await?;
    if known { Ok(()) } else { Err(ServeError::NotMigrated) }
}
