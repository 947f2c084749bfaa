//! The console: a web page for auditors and operators.
//!
//! What happened, to whom, by whom and why; each record as it was at any moment; which events are behind a
//! row; whether the log is what was signed, and the rows what the log says; how the deployment is. It signs
//! people in with the tokens that commands are sent with and asks Postgres as those people ([`eyes`]), so
//! that it shows what they may see and nothing else. It changes nothing.
//!
//! The page is plain files beside this one (`assets/`), served as they are: nothing builds them.
//!
//! To add a page: its route in [`router`], a module here that answers it, and in `assets/` a module that
//! draws it with a line in `console.js`.

mod error;
mod event;
mod eyes;
mod guard;
mod jobs;
mod page;
mod reads;
mod row;
mod search;
mod session;
mod state;
mod story;

pub use error::ConsoleError;
pub use guard::POLICY;

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use annals_commands::Catalogue;
use annals_projections::Catalogue as Projections;
use async_nats::Client;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Verifier,
    engine::Clock,
    keys::Keys,
    serve::Signing,
    store::{ConnectError, Role, Store, connect},
    telemetry,
};

/// Bytes of a request.
const MAX_BODY: usize = 64 * 1024;
/// How long it is believed which contexts' past is kept.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Where the console is, and who may sign in without a token of their own.
#[derive(Clone)]
pub struct Config {
    /// Where it is served.
    pub address: SocketAddr,
    /// People whose tokens it has: for a machine of one's own.
    pub people: Option<People>,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Config").field("address", &self.address).finish_non_exhaustive()
    }
}

/// People whose tokens the console has.
#[derive(Clone)]
pub struct People {
    /// What they are called, and who they are.
    pub list: Vec<(String, String)>,
    /// The token of one of them.
    pub token: TokenOf,
}

/// Finds somebody's token by what they are called.
pub type TokenOf = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the console works with.
pub struct Parts {
    /// The log and the rows: the login sets claims, and a replay needs the rights of `annals migrate`.
    pub database_url: String,
    /// The key store, to see whether it answers.
    pub keys_url: String,
    /// Opens personal fields of rows that are replayed, and for the operator the purposes of sensitive reads.
    /// Nothing else that is shown is opened.
    pub keys: Arc<Keys>,
    /// NATS, to see who answers.
    pub client: Client,
    /// Says who asks.
    pub verifier: Arc<Verifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How checkpoints are signed, where they are.
    pub signing: Option<Signing>,
    /// People whose tokens it has.
    pub people: Option<People>,
    /// Lets a Postgres pass that can lose commits.
    pub allow_unsafe: bool,
}

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Postgres.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Postgres does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The login may not say for whom it asks.
    #[error(
        "the console asks Postgres as the person who looks, and the login of DATABASE_URL is not \
         believed when it says who that is: INSERT INTO annals.claim_setters (login) VALUES \
         ('<login>'), or take `console` out of ANNALS_ROLES"
    )]
    NotBelieved,
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address} (set ANNALS_CONSOLE_ADDRESS): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

struct Console {
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    people: Option<People>,
    eyes: eyes::Eyes,
    log: Store,
    aggregates: Arc<Catalogue>,
    projections: Projections,
    keys: Arc<Keys>,
    client: Client,
    database_url: String,
    keys_url: String,
    signing: Option<Signing>,
    jobs: jobs::Jobs,
    samples: state::Samples,
    kept: Mutex<Option<(Instant, BTreeSet<String>)>>,
    over: CancellationToken,
}

type Shared = Arc<Console>;

impl Console {
    /// Whether the past of a context is kept.
    async fn is_kept(&self, context: &str) -> Result<bool, ConsoleError> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, kept)) = known.filter(|(at, _)| at.elapsed() < KEPT_FOR) {
            return Ok(kept.contains(context));
        }
        let kept: Vec<String> =
            sqlx::query_scalar("SELECT name FROM annals.projections WHERE history OR position = 0")
                .fetch_all(self.log.pool())
                .await?;
        let kept: BTreeSet<String> = kept.into_iter().collect();
        let is_kept = kept.contains(context);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), kept));
        Ok(is_kept)
    }

    /// Refuses where the past of a context, or of a kind's context, is not kept.
    async fn keeps(&self, name: &str) -> Result<(), ConsoleError> {
        let context = name.split_once('.').map_or(name, |(context, _)| context);
        if self.is_kept(context).await? {
            return Ok(());
        }
        Err(ConsoleError::Refused(format!(
            "the past of {context} is not kept: name it in ANNALS_HISTORY and run `annals rebuild \
             {context}`"
        )))
    }
}

fn router(console: Shared) -> Router {
    Router::new()
        .route("/api/people", get(session::people))
        .route("/api/session", post(session::begin))
        .route("/api/session/end", post(session::end))
        .route("/api/me", get(session::me))
        .route("/api/search", post(search::search))
        .route("/api/story", post(story::story))
        .route("/api/row", post(row::lineage))
        .route("/api/row/as-of", post(row::as_of))
        .route("/api/reads", post(reads::reads))
        .route("/api/status", get(state::status))
        .route("/api/charts", post(state::charts))
        .route("/api/jobs", get(jobs::list))
        .route("/api/verify", post(jobs::verify))
        .route("/api/replay", post(jobs::replay))
        .route("/api/jobs/{id}/stop", post(jobs::stop))
        .route("/api/jobs/{id}/events", get(jobs::watch))
        .with_state(console)
        .merge(page::router())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(guard::guard))
}

/// A console that was started.
pub(crate) struct Served {
    /// Where it is.
    pub address: SocketAddr,
    /// Its work.
    pub tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Serves the console until it is told to stop.
///
/// # Errors
/// See [`StartError`].
pub(crate) async fn start(
    address: SocketAddr,
    parts: Parts,
    stop: CancellationToken,
) -> Result<Served, StartError> {
    let (url, lossy) = (&parts.database_url, parts.allow_unsafe);
    let projections = Projections::new();
    let readers = connect(url, Role::Reader, 6, lossy).await?;
    let auditor = connect(url, Role::Auditor, 4, lossy).await?;
    let eyes = eyes::Eyes::open(readers, &projections).await?;
    if !eyes.are_believed().await? {
        return Err(StartError::NotBelieved);
    }
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|source| StartError::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
    let samples = state::Samples::default();
    let sampling = samples.clone().keep(auditor.clone(), stop.clone());
    let console = Arc::new(Console {
        verifier: parts.verifier,
        clock: parts.clock,
        people: parts.people,
        eyes,
        log: Store::new(auditor),
        aggregates: Arc::new(Catalogue::new()),
        projections,
        keys: parts.keys,
        client: parts.client,
        database_url: parts.database_url,
        keys_url: parts.keys_url,
        signing: parts.signing,
        jobs: jobs::Jobs::default(),
        samples,
        kept: Mutex::new(None),
        over: stop.clone(),
    });
    let serving = tokio::spawn(async move {
        if let Err(error) = telemetry::serve(listener, router(console), stop).await {
            tracing::error!(%error, "the console is no longer served");
        }
    });
    tracing::info!(%address, "the console is served");
    Ok(Served { address, tasks: vec![tokio::spawn(sampling), serving] })
}
