//! Servers for tests: one Postgres for a whole test run, a database and a nats-server for each test.
//!
//! ```no_run
//! # async fn a_test() -> Result<(), Box<dyn std::error::Error>> {
//! use annals_infra::dev::harness;
//!
//! let postgres = harness::postgres().await?;
//! // The closure runs once in a test run; every test gets a copy of what it made.
//! let database = postgres
//!     .database("migrated", async |url| {
//!         let _ = url; // migrate the database at `url`, and close every connection
//!         Ok::<_, std::convert::Infallible>(())
//!     })
//!     .await?;
//! let nats = harness::nats().await?;
//! println!("{} {}", database.url(), nats.url());
//! # Ok(())
//! # }
//! ```
//!
//! The cluster is shared by all processes that test at the same time (`cargo test` starts one a
//! binary, nextest one a test). The first starts it; each holds it; when the last has ended, in
//! whatever way, it is stopped and its folder deleted. `ANNALS_TEST_POSTGRES` chooses it: a major
//! version such as `15` or `18`, or a folder of programs.
//!
//! To add a server that tests share: start it like [`Postgres`] with a [`Hold`]; one that each test
//! has for itself: like [`Nats`], in [`scratch`].

use std::{
    fs::{self, File},
    io::Write,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use rustix::fs::{Mode, OFlags, fcntl_setfl};
use tokio::sync::OnceCell;

use super::{
    DevError, RunAs, TRIES, Version,
    binaries::{Finder, Found},
    chance, find_nats, find_postgres,
    log::Log,
    nats as broker,
    own::OwnPostgres,
    place::{self, make_folder},
    postgres::{self as cluster, Tuning},
    record::Login,
    supervise::{Hold, Supervised, TICK},
    taken, unusable,
};

/// The lock that lets one process at a time make a template.
const TEMPLATE_LOCK: i64 = 0x616e_6e61_6c73;

/// The Postgres of this test run. The first call in a run starts it, or fetches it first.
///
/// # Errors
/// Each says what to do.
pub async fn postgres() -> Result<&'static Postgres, DevError> {
    static POSTGRES: OnceCell<Postgres> = OnceCell::const_new();
    POSTGRES.get_or_try_init(Postgres::join_or_start).await
}

/// A nats-server of its own for one test.
///
/// # Errors
/// Each says what to do.
pub async fn nats() -> Result<Nats, DevError> {
    static PROGRAM: OnceCell<Found> = OnceCell::const_new();
    let found = PROGRAM
        .get_or_try_init(|| async {
            let bench = Bench::open().await?;
            find_nats(&bench.finder, &|_| ()).await
        })
        .await?;
    Nats::start(found, scratch()?).await
}

/// A nats-server of its own, with its store in a folder below this one.
///
/// # Errors
/// Each says what to do.
pub async fn nats_in(folder: &Path) -> Result<Nats, DevError> {
    let found = find_nats(&Bench::open().await?.finder, &|_| ()).await?;
    Nats::start(&found, folder).await
}

/// A Postgres of its own, with its data in this folder, which is made or has one already.
///
/// # Errors
/// Each says what to do.
pub async fn postgres_in(folder: &Path) -> Result<OwnPostgres, DevError> {
    let bench = Bench::open().await?;
    OwnPostgres::start(folder, bench.postgres().await?, bench.run_as).await
}

/// The folder of Postgres' programs (of this major version, if one is asked for) and the program
/// nats-server, for tests that start servers of their own. Fetched if need be.
///
/// # Errors
/// Each says what to do.
pub async fn programs(major: Option<u32>) -> Result<(PathBuf, PathBuf), DevError> {
    let bench = Bench::open().await?;
    let postgres = match major {
        None => bench.postgres().await?,
        Some(_) => {
            let found = find_postgres(&bench.finder, major, &|_| ()).await;
            found.map_err(|error| error.unwrap_or_else(|| unusable("Postgres")))?
        }
    };
    Ok((postgres.path, find_nats(&bench.finder, &|_| ()).await?.path))
}

/// A folder for what a test writes, deleted when this process has ended. Servers can reach it.
///
/// # Errors
/// When no folder for temporary files can be written to.
pub fn scratch() -> Result<&'static Path, DevError> {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    if let Some(scratch) = SCRATCH.get() {
        return Ok(&scratch.folder);
    }
    let made = Scratch::new()?;
    // Should two threads come here at once, one folder more is made, and deleted like the other.
    Ok(&SCRATCH.get_or_init(|| made).folder)
}

/// Where test runs of one build meet: fetched programs, the log, and which cluster is running.
struct Bench {
    folder: PathBuf,
    run_as: Option<RunAs>,
    finder: Finder,
    /// Held while something is looked for, fetched or started.
    _turn: File,
}

impl Bench {
    async fn open() -> Result<Self, DevError> {
        let folder = beside_the_tests();
        fs::create_dir_all(&folder).map_err(DevError::at(&folder))?;
        let path = folder.join("turn");
        let turn = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(DevError::at(&path))?;
        let turn = tokio::task::spawn_blocking(move || turn.lock().map(|()| turn))
            .await
            .map_err(std::io::Error::other)
            .and_then(|locked| locked)
            .map_err(DevError::at(&path))?;
        let run_as = RunAs::choose()?;
        let home = place::home(&folder, run_as)?;
        let finder = Finder::new(home.join("runtime"), run_as);
        Ok(Self { folder, run_as, finder, _turn: turn })
    }

    /// The Postgres that `ANNALS_TEST_POSTGRES` asks for, or any that is recent enough.
    async fn postgres(&self) -> Result<Found, DevError> {
        let wish = std::env::var("ANNALS_TEST_POSTGRES").unwrap_or_default();
        let mut finder = self.finder.clone();
        let major = match wish.parse::<u32>() {
            Ok(major) => Some(major),
            Err(_) if wish.is_empty() => None,
            Err(_) => {
                finder.named_postgres = Some(PathBuf::from(&wish));
                None
            }
        };
        if major.is_none() {
            // What is installed comes first, so that what another test had fetched changes nothing.
            let installed = Finder { fetched: PathBuf::new(), ..finder.clone() };
            if let Some(found) = installed.postgres(None)? {
                return Ok(found);
            }
        }
        find_postgres(&finder, major, &|_| ()).await.map_err(|error| match (error, major) {
            (Some(error), _) => error,
            (None, None) => unusable("Postgres"),
            (None, Some(major)) => DevError::Environment {
                name: "ANNALS_TEST_POSTGRES",
                value: wish,
                reason: format!("there is no Postgres {major} here, and none to be fetched"),
            },
        })
    }
}

/// `target/debug/annals-test` for a test in `target/debug/deps`.
fn beside_the_tests() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|test| test.parent().map(Path::to_owned))
        .map(|folder| if folder.ends_with("deps") { folder.join("..") } else { folder })
        .unwrap_or_else(std::env::temp_dir)
        .join("annals-test")
}

/// A Postgres that a whole test run shares.
#[derive(Debug)]
pub struct Postgres {
    owner: Login,
    version: Version,
    /// Open for as long as this process may need the server.
    _hold: File,
}

impl Postgres {
    async fn join_or_start() -> Result<Self, DevError> {
        let bench = Bench::open().await?;
        let found = bench.postgres().await?;
        let pointer = bench.folder.join(format!("postgres-{}", found.version));
        let known = fs::read_to_string(&pointer).map(PathBuf::from).ok();
        if let Some(postgres) = known.as_deref().and_then(|folder| Self::join(folder, &found)) {
            return Ok(postgres);
        }
        for _ in 1..TRIES {
            match Self::start(&bench, &found, &pointer).await {
                Err(DevError::Ended { tail, .. }) if taken(&tail) => {}
                result => return result,
            }
        }
        Self::start(&bench, &found, &pointer).await
    }

    /// Holds a cluster that another process started, if it still stands. First the hold, then the
    /// look: `supervise.sh` takes the state away before it lets go of a cluster.
    fn join(folder: &Path, found: &Found) -> Option<Self> {
        let hold = open_fifo(&folder.join("alive"), OFlags::WRONLY).ok()?;
        let owner = Login::read(fs::read_to_string(folder.join("state")).ok()?.trim())?;
        Some(Self { owner, version: found.version, _hold: hold })
    }

    async fn start(bench: &Bench, found: &Found, pointer: &Path) -> Result<Self, DevError> {
        let folder = place::temporary_folder(bench.run_as)?;
        let (hold, reader) = make_fifo(&folder.join("alive"))?;
        let owner = Login::new(cluster::OWNER, chance::port());
        let settings =
            cluster::Cluster { home: &folder, found, run_as: bench.run_as, tuning: Tuning::TEST };
        let log = bench.folder.join(format!("postgres-{}.log", found.version));
        let (log, file) = Log::open(log)?;
        settings.create(&owner).await.inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        let held_by = Some(Hold { reader, folder: folder.clone() });
        let mut server = settings.launch(owner.port, file, held_by, Some(folder.clone()))?;
        let state = folder.join("state");
        cluster::until_ready(&mut server, &owner, &log, &state).await?;
        write_privately(&state, &owner.url("postgres", "/postgres"))?;
        fs::write(pointer, folder.as_os_str().as_encoded_bytes()).map_err(DevError::at(pointer))?;
        Ok(Self { owner, version: found.version, _hold: hold })
    }

    /// The version of the server.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The maintenance database as superuser.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.owner.url("postgres", "/postgres")
    }

    /// A database of its own for one test: a copy of a template, which the closure fills the first
    /// time in a test run that a process asks for it by this name. Put a digest of what the closure
    /// does into the name if two builds that differ may run at once.
    ///
    /// # Errors
    /// When the closure fails or Postgres refuses.
    pub async fn database<E: std::fmt::Display>(
        &self,
        template: &str,
        fill: impl AsyncFnOnce(String) -> Result<(), E>,
    ) -> Result<Database, DevError> {
        let template = format!("template_{template}");
        let mut connection = self.connect().await?;
        if !is_template(&mut connection, &template).await? {
            self.make_template(&template, fill).await?;
        }
        let name = format!("test_{}", chance::hex::<8>());
        cluster::create_database(&mut connection, &name, Some(&template)).await?;
        Ok(Database { owner: self.owner.clone(), name })
    }

    /// An empty database of its own for one test.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn empty_database(&self) -> Result<Database, DevError> {
        let name = format!("test_{}", chance::hex::<8>());
        cluster::create_database(&mut self.connect().await?, &name, None).await?;
        Ok(Database { owner: self.owner.clone(), name })
    }

    /// Makes a template, one process at a time: migrations of two would meet at roles, which all
    /// databases of a cluster share.
    async fn make_template<E: std::fmt::Display>(
        &self,
        name: &str,
        fill: impl AsyncFnOnce(String) -> Result<(), E>,
    ) -> Result<(), DevError> {
        let mut connection = self.connect().await?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(TEMPLATE_LOCK)
            .execute(&mut connection)
            .await
            .map_err(DevError::sql("waiting for the turn to make a template"))?;
        if is_template(&mut connection, name).await? {
            return Ok(());
        }
        let draft = format!("{name}_draft");
        cluster::drop_database(&mut connection, &draft).await?;
        cluster::create_database(&mut connection, &draft, None).await?;
        fill(self.owner.url("postgres", &format!("/{draft}"))).await.map_err(|error| {
            DevError::Template { name: name.to_owned(), reason: error.to_string() }
        })?;
        seal_template(&mut connection, &draft, name).await
    }

    async fn connect(&self) -> Result<sqlx::PgConnection, DevError> {
        cluster::connect(&self.owner, "postgres")
            .await
            .map_err(DevError::sql("connecting to the Postgres of this test run"))
    }
}

async fn is_template(connection: &mut sqlx::PgConnection, name: &str) -> Result<bool, DevError> {
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND datistemplate)",
    )
    .bind(name)
    .fetch_one(connection)
    .await
    .map_err(DevError::sql("looking for a template"))
}

/// Turns a filled database into a template that nobody can change or be connected to.
async fn seal_template(
    connection: &mut sqlx::PgConnection,
    draft: &str,
    name: &str,
) -> Result<(), DevError> {
    let (from, to) = (cluster::identifier(draft)?, cluster::identifier(name)?);
    for statement in [
        format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false"),
        format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{draft}'"
        ),
        format!("ALTER DATABASE {from} RENAME TO {to}"),
        format!("ALTER DATABASE {to} IS_TEMPLATE true"),
    ] {
        cluster::execute(connection, &statement, format!("making the template {name}")).await?;
    }
    Ok(())
}

/// A test's own database, dropped with this value, also when the test fails.
#[derive(Debug)]
pub struct Database {
    owner: Login,
    name: String,
}

impl Database {
    /// Its address, as superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.owner.url("postgres", &format!("/{}", self.name))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (owner, name) = (self.owner.clone(), std::mem::take(&mut self.name));
        // On a thread of its own: this one may be in the middle of a runtime, or of a panic. If it
        // fails, the database goes with the cluster.
        let dropper = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut connection = cluster::connect(&owner, "postgres").await.ok()?;
                cluster::drop_database(&mut connection, &name).await.ok()
            })
        });
        let _ = dropper.join();
    }
}

/// A test's own nats-server, ended and deleted with this value, also when the test fails.
pub struct Nats {
    found: Found,
    home: PathBuf,
    owner: Login,
    client: Login,
    monitor: u16,
    run_as: Option<RunAs>,
    server: Option<Supervised>,
}

impl Nats {
    async fn start(found: &Found, folder: &Path) -> Result<Self, DevError> {
        let home = folder.join(format!("nats-{}", chance::hex::<4>()));
        make_folder(&home, 0o755)?;
        let mut nats = Self {
            found: found.clone(),
            home,
            owner: Login::new(broker::OWNER, 0),
            client: Login::new(broker::CLIENT, 0),
            monitor: 0,
            run_as: RunAs::choose()?,
            server: None,
        };
        for _ in 1..TRIES {
            nats.choose_ports();
            match nats.resume().await {
                Err(DevError::Ended { tail, .. }) if taken(&tail) => {}
                result => return result.map(|()| nats),
            }
        }
        nats.choose_ports();
        nats.resume().await.map(|()| nats)
    }

    fn choose_ports(&mut self) {
        self.owner.port = chance::port();
        self.client.port = self.owner.port;
        self.monitor = chance::port();
    }

    /// Its address, with all rights.
    #[must_use]
    pub fn url(&self) -> String {
        self.owner.url("nats", "")
    }

    /// Its address as an API service should have it: commands may be sent, events read, and neither
    /// events nor replies made.
    #[must_use]
    pub fn client_url(&self) -> String {
        self.client.url("nats", "")
    }

    /// Its own HTTP pages.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor)
    }

    /// The version of the server.
    #[must_use]
    pub fn version(&self) -> Version {
        self.found.version
    }

    /// Ends the server in an orderly way. What it has stored stays.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Ends the server as a power cut would. What it has stored stays, as far as it had got.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Where the server keeps what it stores.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        broker::store(&self.home)
    }

    /// Deletes what the server has stored, as if its disk had been lost. Stop or kill it first.
    ///
    /// # Errors
    /// When the folder cannot be deleted.
    pub fn lose_everything(&mut self) -> Result<(), DevError> {
        place::remove(&broker::store(&self.home))
    }

    /// Starts the server again, at the same address.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn resume(&mut self) -> Result<(), DevError> {
        self.stop().await;
        // One that was killed may keep its ports for another moment.
        for _ in 0..500 {
            if chance::is_free(self.owner.port) && chance::is_free(self.monitor) {
                break;
            }
            tokio::time::sleep(TICK).await;
        }
        let (log, file) = Log::open(self.home.join("nats.log"))?;
        let settings = broker::Broker {
            home: &self.home,
            found: &self.found,
            run_as: self.run_as,
            owner: &self.owner,
            client: &self.client,
            monitor: self.monitor,
        };
        let mut server = settings.launch(file)?;
        broker::until_ready(&mut server, self.monitor, &log).await?;
        self.server = Some(server);
        Ok(())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
        // If it fails, the scratch folder takes it along.
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// A folder, and a process that deletes it when this one has ended.
struct Scratch {
    folder: PathBuf,
    _guard: Child,
}

impl Scratch {
    fn new() -> Result<Self, DevError> {
        /// Servers end a moment after us and may still be writing.
        const GUARD: &str = r#"
            while read -r _; do :; done
            tries=0
            until rm -rf -- "$1" 2>/dev/null && sleep 0.3 && [ ! -e "$1" ]; do
                tries=$((tries + 1))
                [ "$tries" -lt 100 ] || exit 1
                sleep 0.1
            done"#;
        let folder = place::scratch_folder(RunAs::choose()?)?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "annals-scratch"])
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| DevError::Spawn { program: "sh".into(), source })?;
        Ok(Self { folder, _guard: guard })
    }
}

/// Makes a FIFO: the end that holds it, and the end that sees when nobody does any more.
fn make_fifo(path: &Path) -> Result<(File, File), DevError> {
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(path).status();
    if !made.is_ok_and(|status| status.success()) {
        let failed = std::io::Error::other("mkfifo failed");
        return Err(DevError::at(path)(failed));
    }
    // The reader first, and without waiting: a writer needs one, and we are both.
    let reader = open_fifo(path, OFlags::RDONLY).map_err(DevError::at(path))?;
    let hold = open_fifo(path, OFlags::WRONLY).map_err(DevError::at(path))?;
    fcntl_setfl(&reader, OFlags::empty()).map_err(|error| DevError::at(path)(error.into()))?;
    Ok((hold, reader))
}

/// Opens one end of a FIFO without waiting for the other.
fn open_fifo(path: &Path, end: OFlags) -> std::io::Result<File> {
    let opened = rustix::fs::open(path, end | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    Ok(File::from(opened))
}

fn write_privately(path: &Path, text: &str) -> Result<(), DevError> {
    File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{text}"))
        .map_err(DevError::at(path))
}
