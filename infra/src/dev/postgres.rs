//! A private Postgres: one cluster in a folder, reachable from this machine only.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::{
    binaries::Found,
    error::DevError,
    leftovers,
    log::Log,
    place::{make_folder, remove},
    record::Login,
    run_as::{RunAs, as_whom, hand_over},
    supervise::{Hold, Launch, Supervised, TICK, plain_environment},
};

/// The superuser of a private cluster, and the database that everything lives in.
pub(super) const OWNER: &str = "annals";
/// How long a server may take to answer. Recovery after a crash is part of it.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it may take to write everything out at the end.
const GRACE: Duration = Duration::from_secs(60);

/// What `initdb` says when its user has a number but no name, as in some containers.
const NAMELESS: &str = "could not look up effective user ID";
const NEEDS_NAME: &str = "Postgres runs only as a user with a name: add a line for this one to \
                          /etc/passwd, or as root name another one in ANNALS_RUN_AS.";

/// What a cluster is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// Whether a commit survives a power cut. Off for tests only.
    pub fsync: bool,
    pub shared_buffers: &'static str,
    pub max_connections: u16,
}

impl Tuning {
    /// For a person's own machine.
    pub const DEV: Self = Self { fsync: true, shared_buffers: "256MB", max_connections: 100 };
    /// For many short tests at a time.
    pub const TEST: Self = Self { fsync: false, shared_buffers: "128MB", max_connections: 300 };
}

/// A cluster, running or not.
pub(super) struct Cluster<'a> {
    /// The folder that holds the data directory.
    pub home: &'a Path,
    pub found: &'a Found,
    pub run_as: Option<RunAs>,
    pub tuning: Tuning,
}

impl Cluster<'_> {
    /// Makes the data directory if there is none. A cluster is there whole or not at all, short of a
    /// power cut in the first half minute: a new one is left to the system to write out.
    pub async fn create(&self, owner: &Login) -> Result<(), DevError> {
        let data = data(self.home);
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let draft = self.home.join("postgres.new");
        remove(&draft)?;
        make_folder(&draft, 0o700)?;
        hand_over(self.run_as, &draft)?;
        let password = self.home.join("postgres.password");
        self.write_password(&password, owner)?;
        let output = tokio::process::Command::from(self.initdb(&draft, &password)).output().await;
        fs::remove_file(&password).map_err(DevError::at(&password))?;
        let program = self.found.path.join("initdb");
        let output = output.map_err(|source| DevError::Spawn { program, source })?;
        if !output.status.success() {
            remove(&draft)?;
            let mut output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if output.contains(NAMELESS) {
                output = format!("{output}\n{NEEDS_NAME}");
            }
            return Err(DevError::InitDb { path: data, output });
        }
        fs::rename(&draft, &data).map_err(DevError::at(&data))
    }

    fn initdb(&self, data: &Path, password: &Path) -> Command {
        let mut command = Command::new(self.found.path.join("initdb"));
        // macOS has no C.UTF-8; the encoding is the same, and so is the order of bytes.
        let locale = if cfg!(target_os = "macos") { "--locale=C" } else { "--locale=C.UTF-8" };
        command
            .args(["--no-sync", locale, "--encoding=UTF8", "--auth=scram-sha-256"])
            .args(["--data-checksums", "--no-instructions", "--username", OWNER])
            .arg("--pwfile")
            .arg(password)
            .arg("--pgdata")
            .arg(data)
            .current_dir("/")
            .stdin(Stdio::null());
        plain_environment(&mut command);
        as_whom(self.run_as, &mut command);
        command
    }

    fn write_password(&self, path: &Path, owner: &Login) -> Result<(), DevError> {
        let _ = fs::remove_file(path);
        let mut file = File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(DevError::at(path))?;
        writeln!(file, "{}", owner.password).map_err(DevError::at(path))?;
        hand_over(self.run_as, path)
    }

    /// Starts the server. Settings go by its command line: nothing is written into a folder that
    /// belongs to somebody else.
    pub fn launch(
        &self,
        port: u16,
        log: File,
        held_by: Option<Hold>,
        remove: Option<PathBuf>,
    ) -> Result<Supervised, DevError> {
        Supervised::start(Launch {
            program: &self.found.path.join("postgres"),
            arguments: self.arguments(port),
            run_as: self.run_as,
            log,
            // Clients are cut off, everything is written out. A test's cluster has nothing to write.
            signal: if self.tuning.fsync { "INT" } else { "QUIT" },
            grace: GRACE,
            held_by,
            remove,
        })
    }

    fn arguments(&self, port: u16) -> Vec<String> {
        let Tuning { fsync, shared_buffers, max_connections } = self.tuning;
        let settings = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port.to_string()),
            // A path to a socket may be too long for one, and other users could see it.
            ("unix_socket_directories", ""),
            ("password_encryption", "scram-sha-256"),
            ("max_connections", &max_connections.to_string()),
            ("shared_buffers", shared_buffers),
            ("max_wal_size", "4GB"),
            // Old write-ahead log files are deleted instead of being used again with what they hold: then
            // an erasure leaves nothing to be done here.
            ("wal_recycle", "off"),
            ("fsync", if fsync { "on" } else { "off" }),
            ("jit", "off"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
        ];
        let data = ["-D".to_owned(), data(self.home).display().to_string()];
        let settings = settings.map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        data.into_iter().chain(settings.into_iter().flatten()).collect()
    }
}

/// Waits until a server answers as a database does.
pub(super) async fn until_ready(
    server: &mut Supervised,
    owner: &Login,
    log: &Log,
    env_file: &Path,
) -> Result<(), DevError> {
    const PROGRAM: &str = "Postgres";
    let started = Instant::now();
    loop {
        if !matches!(server.ended(), Ok(None)) {
            return Err(DevError::Ended {
                program: PROGRAM,
                log: log.path.clone(),
                tail: log.tail(),
            });
        }
        match tokio::time::timeout(Duration::from_secs(5), connect(owner, "postgres")).await {
            Ok(Ok(connection)) => {
                let _ = connection.close().await;
                return Ok(());
            }
            Ok(Err(sqlx::Error::Database(refusal)))
                if refusal.code().as_deref() == Some("28P01") =>
            {
                return Err(DevError::Password { env: env_file.to_owned() });
            }
            _ if started.elapsed() > PATIENCE => {
                return Err(DevError::Silent {
                    program: PROGRAM,
                    seconds: PATIENCE.as_secs(),
                    log: log.path.clone(),
                    tail: log.tail(),
                });
            }
            _ => tokio::time::sleep(TICK).await,
        }
    }
}

/// Ends what an earlier run left of a cluster.
pub(super) async fn clear(home: &Path) -> Result<(), DevError> {
    let data = data(home);
    leftovers::clear(&data.join("postmaster.pid"), &data, Signal::INT).await
}

/// The major version that made the cluster in a folder, if there is one.
pub(super) fn made_by(home: &Path) -> Option<u32> {
    fs::read_to_string(data(home).join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// The data directory in a folder.
pub(super) fn data(home: &Path) -> PathBuf {
    home.join("postgres")
}

/// Deletes the cluster in a folder, and no folder that only has its name.
pub(super) fn forget(home: &Path) -> Result<(), DevError> {
    if made_by(home).is_some() { remove(&data(home)) } else { Ok(()) }
}

/// Connects as the owner.
pub(super) async fn connect(owner: &Login, database: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(owner.port)
        .username(&owner.user)
        .password(&owner.password)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .connect()
        .await
}

/// Makes a database, as a copy of another if one is named.
pub(super) async fn create_database(
    connection: &mut PgConnection,
    name: &str,
    template: Option<&str>,
) -> Result<(), DevError> {
    let statement = match template {
        Some(template) => {
            format!("CREATE DATABASE {} TEMPLATE {}", identifier(name)?, identifier(template)?)
        }
        None => format!("CREATE DATABASE {}", identifier(name)?),
    };
    execute(connection, &statement, format!("making the database {name}")).await
}

/// Drops a database and cuts off whoever uses it; one that is not there is dropped already.
pub(super) async fn drop_database(
    connection: &mut PgConnection,
    name: &str,
) -> Result<(), DevError> {
    let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name)?);
    execute(connection, &statement, format!("dropping the database {name}")).await
}

/// Runs one statement that returns nothing.
pub(super) async fn execute(
    connection: &mut PgConnection,
    statement: &str,
    doing: String,
) -> Result<(), DevError> {
    connection.execute(statement).await.map(drop).map_err(DevError::sql(doing))
}

/// A name of a database, quoted; only names that would not need it are taken.
pub(super) fn identifier(name: &str) -> Result<String, DevError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let good = (1..=63).contains(&name.len())
        && name.chars().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if good { Ok(format!("\"{name}\"")) } else { Err(DevError::DatabaseName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_databases() {
        assert_eq!(identifier("t_0af3").unwrap(), "\"t_0af3\"");
        let long = "x".repeat(64);
        for bad in ["", "0x", "a\"; DROP DATABASE annals; --", "Upper", "ä", &long] {
            assert!(matches!(identifier(bad), Err(DevError::DatabaseName(_))), "{bad}");
        }
    }

    #[test]
    fn commits_survive_unless_a_test_says_they_need_not() {
        let found = Found { path: "/bin".into(), version: super::super::OLDEST_POSTGRES };
        let arguments = |tuning| {
            let home = Path::new("/x");
            Cluster { home, found: &found, run_as: None, tuning }.arguments(1).join(" ")
        };
        assert!(arguments(Tuning::DEV).contains("-c fsync=on"));
        assert!(arguments(Tuning::TEST).contains("-c fsync=off"));
        for tuning in [Tuning::DEV, Tuning::TEST] {
            assert!(arguments(tuning).contains("-c listen_addresses=127.0.0.1 "));
            assert!(!arguments(tuning).contains("synchronous_commit"));
            assert!(!arguments(tuning).contains("full_page_writes"));
        }
    }
}
