//! The embedded default: a private Postgres and a private nats-server, as children of this process.
//!
//! [`Servers::start`] finds both on this machine or fetches them ([`binaries`](self), by pinned
//! hash), makes a cluster and a store in one folder, starts them on ports that stay the same, and
//! waits until they answer. They end with this process, however it ends. As root they run as
//! somebody without rights. Tests use the same through [`harness`].
//!
//! To add a server: a module beside `nats.rs` that says how it is configured, started, asked for
//! its health and cleared away; its pin in `deploy/runtime.txt`; its login in `record.rs`; and its
//! turn in [`Servers::start`] and [`Servers::stop`].

mod binaries;
mod chance;
mod error;
mod fetch;
pub mod harness;
mod http;
mod leftovers;
mod log;
mod nats;
mod own;
mod place;
mod postgres;
mod record;
mod run_as;
mod running;
mod supervise;
#[cfg(test)]
mod tests;
mod version;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use self::{
    binaries::{Finder, Found},
    fetch::Server,
    log::Log,
    place::Place,
    postgres::Tuning,
    record::{Login, Record},
    supervise::Supervised,
};
pub use self::{
    binaries::{OLDEST_NATS, OLDEST_POSTGRES},
    error::DevError,
    own::OwnPostgres,
    run_as::RunAs,
    running::{Running, down},
    version::Version,
};

/// How often a start is tried again when somebody else was quicker to take a port.
const TRIES: u32 = 5;

/// What is being done, for whoever watches. Prints as a line for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Servers are being fetched: their names and versions.
    Fetching(String),
    /// A new cluster is being made by this Postgres.
    CreatingCluster(Version),
    /// Postgres is being started.
    StartingPostgres(Version),
    /// nats-server is being started.
    StartingNats(Version),
    /// All that was asked for answers.
    Ready,
}

impl std::fmt::Display for Step {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fetching(servers) => write!(out, "fetching {servers}"),
            Self::CreatingCluster(version) => write!(out, "making a Postgres {version} cluster"),
            Self::StartingPostgres(version) => write!(out, "starting Postgres {version}"),
            Self::StartingNats(version) => write!(out, "starting nats-server {version}"),
            Self::Ready => out.write_str("the servers are ready"),
        }
    }
}

/// Where to run which servers, and how.
#[derive(Clone)]
pub struct Options {
    /// The folder for everything: data, addresses, passwords, fetched programs, logs.
    pub dir: PathBuf,
    /// Delete the data of earlier runs first. Addresses and passwords stay.
    pub fresh: bool,
    /// Whether a commit survives a power cut. Turn off for tests only: `annals serve` refuses such
    /// a Postgres, and rightly.
    pub fsync: bool,
    /// Whether to start Postgres.
    pub postgres: bool,
    /// Whether to start nats-server.
    pub nats: bool,
    /// Postgres' port, instead of the remembered one or a free one.
    pub postgres_port: Option<u16>,
    /// nats-server's port, instead of the remembered one or a free one.
    pub nats_port: Option<u16>,
    /// The folder of Postgres' programs, before `ANNALS_PG_BIN` and any search.
    pub postgres_bin: Option<PathBuf>,
    /// The program nats-server, before `ANNALS_NATS_BIN` and any search.
    pub nats_bin: Option<PathBuf>,
    /// A database that is there already: no Postgres is started.
    pub database_url: Option<String>,
    /// A NATS that is there already: no nats-server is started.
    pub nats_url: Option<String>,
    /// Told about each step as it begins.
    pub report: Arc<dyn Fn(Step) + Send + Sync>,
}

impl Options {
    /// Both servers in a folder, kept and safe, whatever the environment says.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            fresh: false,
            fsync: true,
            postgres: true,
            nats: true,
            postgres_port: None,
            nats_port: None,
            postgres_bin: None,
            nats_bin: None,
            database_url: None,
            nats_url: None,
            report: Arc::new(|step| tracing::debug!(%step, "private servers")),
        }
    }

    /// Like [`Options::new`], but what `DATABASE_URL` and `NATS_URL` name is used and not started.
    /// Servers of `annals dev` that a shell still knows from its `dev env` do not count: they are what
    /// is to be started.
    #[must_use]
    pub fn from_environment(dir: impl Into<PathBuf>) -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let given = |name, own| set(name).filter(|value| set(own).as_ref() != Some(value));
        Self {
            database_url: given("DATABASE_URL", record::OWN_DATABASE),
            nats_url: given("NATS_URL", record::OWN_NATS),
            ..Self::new(dir)
        }
    }
}

/// A server of ours that runs.
struct Private {
    server: Supervised,
    found: Found,
    log: Log,
}

/// The servers, for as long as this value lives. Dropping it ends them within moments; [`stop`]
/// waits until they have ended.
///
/// [`stop`]: Servers::stop
pub struct Servers {
    place: Place,
    record: Record,
    postgres: Option<Private>,
    nats: Option<Private>,
    database_url: String,
    nats_url: String,
}

impl Servers {
    /// Starts what the options ask for, and returns when it answers.
    ///
    /// # Errors
    /// Each says what to do: the folder is in use or out of reach, a server is missing and cannot
    /// be fetched, or it does not start.
    pub async fn start(options: Options) -> Result<Self, DevError> {
        let place = Place::claim(&options.dir, RunAs::choose()?).await?;
        postgres::clear(&place.home).await?;
        nats::clear(&place.home).await?;
        if options.fresh {
            postgres::forget(&place.home)?;
            nats::forget(&place.home)?;
        }
        let found = Programs::find(&place, &options).await?;

        let mut starting =
            Starting { record: Record::load(&place.env_file()), place: &place, options: &options };
        let postgres = match found.postgres {
            Some(found) => Some(starting.postgres(found).await?),
            None => None,
        };
        let nats = match found.nats {
            Some(found) => Some(starting.nats(found).await?),
            None => None,
        };
        let record = starting.record;
        (options.report)(Step::Ready);

        let private = |started: bool, url: Option<String>| url.filter(|_| started);
        let database_url = options
            .database_url
            .or_else(|| private(postgres.is_some(), record.database_url()))
            .unwrap_or_default();
        let nats_url = options
            .nats_url
            .or_else(|| private(nats.is_some(), record.nats_url()))
            .unwrap_or_default();
        Ok(Self { place, record, postgres, nats, database_url, nats_url })
    }

    /// The database `annals` as its superuser of the same name, or the database that was given.
    /// Empty if neither was asked for. It holds a password: not for logs.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The maintenance database `postgres` as superuser; none if Postgres is not ours.
    #[must_use]
    pub fn admin_url(&self) -> Option<String> {
        self.private_login().map(|login| login.url("postgres", "/postgres"))
    }

    /// NATS with all rights, or the one that was given. Empty if neither was asked for. It holds a
    /// password: not for logs.
    #[must_use]
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// NATS as an API service should have it: it sends commands and reads events, and can make
    /// neither events nor replies. None if the nats-server is not ours.
    #[must_use]
    pub fn client_nats_url(&self) -> Option<String> {
        self.nats.as_ref().and_then(|_| self.record.nats_client_url())
    }

    /// nats-server's own HTTP pages (`/healthz`, `/jsz`); none if it is not ours.
    #[must_use]
    pub fn nats_monitor_url(&self) -> Option<String> {
        self.nats.as_ref().and_then(|_| self.record.nats_monitor_url())
    }

    /// The version of our Postgres; none if it is not ours.
    #[must_use]
    pub fn pg_version(&self) -> Option<Version> {
        self.postgres.as_ref().map(|postgres| postgres.found.version)
    }

    /// The version of our nats-server; none if it is not ours.
    #[must_use]
    pub fn nats_version(&self) -> Option<Version> {
        self.nats.as_ref().map(|nats| nats.found.version)
    }

    /// The program `psql` beside our Postgres, if it came with one.
    #[must_use]
    pub fn psql(&self) -> Option<PathBuf> {
        let psql = self.postgres.as_ref()?.found.path.join("psql");
        psql.is_file().then_some(psql)
    }

    /// The folder that was claimed, absolute.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.place.dir
    }

    /// The logs of the servers that are ours.
    #[must_use]
    pub fn logs(&self) -> Vec<PathBuf> {
        [&self.postgres, &self.nats].into_iter().flatten().map(|own| own.log.path.clone()).collect()
    }

    /// Makes a database in our cluster, as a copy of another if one is named.
    ///
    /// # Errors
    /// When the name is none, or Postgres refuses.
    pub async fn create_database(
        &self,
        name: &str,
        template: Option<&str>,
    ) -> Result<(), DevError> {
        postgres::create_database(&mut self.connect().await?, name, template).await
    }

    /// Drops a database of our cluster and cuts off whoever uses it.
    ///
    /// # Errors
    /// When the name is none, or Postgres refuses.
    pub async fn drop_database(&self, name: &str) -> Result<(), DevError> {
        postgres::drop_database(&mut self.connect().await?, name).await
    }

    /// Returns when one of our servers has ended by itself, with the end of its log.
    pub async fn failed(&mut self) -> DevError {
        loop {
            for (program, own) in
                [("Postgres", &mut self.postgres), ("nats-server", &mut self.nats)]
            {
                if let Some(own) = own
                    && !matches!(own.server.ended(), Ok(None))
                {
                    let (log, tail) = (own.log.path.clone(), own.log.tail());
                    return DevError::Ended { program, log, tail };
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Ends our servers, NATS first, and returns when they have ended.
    pub async fn stop(self) {
        for own in [self.nats, self.postgres].into_iter().flatten() {
            own.server.stop().await;
        }
    }

    fn private_login(&self) -> Option<&Login> {
        self.postgres.as_ref().and(self.record.postgres.as_ref())
    }

    async fn connect(&self) -> Result<sqlx::PgConnection, DevError> {
        match self.private_login() {
            Some(login) => postgres::connect(login, "postgres").await,
            None => Err(sqlx::Error::Configuration("there is no Postgres of our own".into())),
        }
        .map_err(DevError::sql("connecting to the private cluster"))
    }
}

/// The programs to start.
struct Programs {
    postgres: Option<Found>,
    nats: Option<Found>,
}

impl Programs {
    async fn find(place: &Place, options: &Options) -> Result<Self, DevError> {
        let report = &*options.report;
        let mut finder = Finder::new(place.home.join("runtime"), place.run_as);
        finder.named_postgres = options.postgres_bin.clone().or(finder.named_postgres);
        finder.named_nats = options.nats_bin.clone().or(finder.named_nats);
        let major = postgres::made_by(&place.home);
        let mut found = Self { postgres: None, nats: None };
        if options.postgres && options.database_url.is_none() {
            found.postgres =
                Some(find_postgres(&finder, major, report).await.map_err(|error| {
                    match (error, major) {
                        (None, Some(major)) => {
                            DevError::OtherPostgres { path: postgres::data(&place.home), major }
                        }
                        (None, None) => unusable("Postgres"),
                        (Some(error), _) => error,
                    }
                })?);
        }
        if options.nats && options.nats_url.is_none() {
            found.nats = Some(find_nats(&finder, report).await?);
        }
        Ok(found)
    }
}

/// A Postgres of this major version if one is asked for; no error is "there is none to be had".
async fn find_postgres(
    finder: &Finder,
    major: Option<u32>,
    report: &(dyn Fn(Step) + Send + Sync),
) -> Result<Found, Option<DevError>> {
    if let Some(found) = finder.postgres(major)? {
        return Ok(found);
    }
    fetch(finder, Server::Postgres, report).await?;
    finder.postgres(major)?.ok_or(None)
}

async fn find_nats(
    finder: &Finder,
    report: &(dyn Fn(Step) + Send + Sync),
) -> Result<Found, DevError> {
    if let Some(found) = finder.nats()? {
        return Ok(found);
    }
    fetch(finder, Server::Nats, report).await?;
    finder.nats()?.ok_or_else(|| unusable("nats-server"))
}

async fn fetch(
    finder: &Finder,
    server: Server,
    report: &(dyn Fn(Step) + Send + Sync),
) -> Result<(), DevError> {
    report(Step::Fetching(fetch::pinned(&[server])));
    fetch::fetch(&finder.fetched, &[server]).await
}

fn unusable(program: &'static str) -> DevError {
    match program {
        "Postgres" => DevError::FetchedUnusable {
            program,
            minimum: OLDEST_POSTGRES,
            variable: "ANNALS_PG_BIN",
        },
        _ => {
            DevError::FetchedUnusable { program, minimum: OLDEST_NATS, variable: "ANNALS_NATS_BIN" }
        }
    }
}

/// A start in progress: ports are settled as servers come up, and remembered.
struct Starting<'a> {
    place: &'a Place,
    options: &'a Options,
    record: Record,
}

impl Starting<'_> {
    async fn postgres(&mut self, found: Found) -> Result<Private, DevError> {
        let Place { home, run_as, .. } = self.place;
        let tuning = Tuning { fsync: self.options.fsync, ..Tuning::DEV };
        let mut login = self
            .record
            .postgres
            .clone()
            .unwrap_or_else(|| Login::new(postgres::OWNER, chance::port()));
        login.port = settle(self.options.postgres_port, login.port);
        self.record.postgres = Some(login.clone());
        self.save()?;

        let cluster = postgres::Cluster { home, found: &found, run_as: *run_as, tuning };
        if postgres::made_by(home).is_none() {
            (self.options.report)(Step::CreatingCluster(found.version));
            cluster.create(&login).await?;
        }
        (self.options.report)(Step::StartingPostgres(found.version));
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (log, file) = Log::open(home.join("postgres.log"))?;
            let mut server = cluster.launch(login.port, file, None, None)?;
            let ready =
                postgres::until_ready(&mut server, &login, &log, &self.place.env_file()).await;
            match ready {
                Err(DevError::Ended { tail, .. }) if attempt < TRIES && taken(&tail) => {
                    login.port = chance::port();
                }
                // What an earlier, killed server left running is gone in a moment.
                Err(DevError::Ended { tail, .. }) if attempt < 4 * TRIES && unfinished(&tail) => {
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
                Err(error) => return Err(error),
                Ok(()) => {
                    self.record.postgres = Some(login.clone());
                    self.save()?;
                    ensure_database(&login).await?;
                    return Ok(Private { server, found, log });
                }
            }
        }
    }

    async fn nats(&mut self, found: Found) -> Result<Private, DevError> {
        let Place { home, run_as, .. } = self.place;
        let kept = self.record.clone();
        let mut owner = kept.nats.unwrap_or_else(|| Login::new(nats::OWNER, chance::port()));
        let mut client = kept.nats_client.unwrap_or_else(|| Login::new(nats::CLIENT, 0));
        let mut monitor = settle(None, kept.nats_monitor.unwrap_or_else(chance::port));
        owner.port = settle(self.options.nats_port, owner.port);
        (self.options.report)(Step::StartingNats(found.version));
        let mut attempt = 0;
        loop {
            attempt += 1;
            client.port = owner.port;
            self.record.nats = Some(owner.clone());
            self.record.nats_client = Some(client.clone());
            self.record.nats_monitor = Some(monitor);
            self.save()?;
            let (log, file) = Log::open(home.join("nats.log"))?;
            let broker = nats::Broker {
                home,
                found: &found,
                run_as: *run_as,
                owner: &owner,
                client: &client,
                monitor,
            };
            let mut server = broker.launch(file)?;
            match nats::until_ready(&mut server, monitor, &log).await {
                Err(DevError::Ended { tail, .. }) if attempt < TRIES && taken(&tail) => {
                    owner.port = chance::port();
                    monitor = chance::port();
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(Private { server, found, log }),
            }
        }
    }

    fn save(&self) -> Result<(), DevError> {
        self.record.save(&self.place.env_file())
    }
}

/// The port that was asked for, or the remembered one if it can be had, or another.
fn settle(asked: Option<u16>, remembered: u16) -> u16 {
    match asked {
        Some(port) => port,
        None if chance::is_free(remembered) => remembered,
        None => chance::port(),
    }
}

/// Whether a server's last words are that somebody else has its port.
fn taken(tail: &str) -> bool {
    tail.to_lowercase().contains("address already in use")
}

/// Whether a server's last words are that an earlier one has not quite ended.
fn unfinished(tail: &str) -> bool {
    tail.contains("is still in use") || tail.contains("lock file \"postmaster.pid\" already exists")
}

/// Makes the database that everything lives in, once.
async fn ensure_database(owner: &Login) -> Result<(), DevError> {
    let mut connection = postgres::connect(owner, "postgres")
        .await
        .map_err(DevError::sql("connecting to the new cluster"))?;
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)")
            .bind(postgres::OWNER)
            .fetch_one(&mut connection)
            .await
            .map_err(DevError::sql("looking for the database"))?;
    if !there {
        postgres::create_database(&mut connection, postgres::OWNER, None).await?;
    }
    Ok(())
}
