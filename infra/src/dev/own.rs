//! A Postgres that one test has for itself: as durable as `annals dev` has it, killed and started again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    DevError, RunAs, TRIES,
    binaries::Found,
    chance,
    log::Log,
    place::make_folder,
    postgres::{self as cluster, Tuning},
    record::Login,
    run_as::hand_over,
    supervise::{Supervised, TICK},
    taken,
};

/// How long what is left of a killed server may keep the next one from starting.
const PATIENCE: Duration = Duration::from_secs(30);
/// What Postgres says while processes of a killed server are still there.
const STILL_THERE: [&str; 3] = ["still in use", "pre-existing shared memory", "already exists"];

/// A cluster of one's own. Its server ends with this value; its data stay where they are.
#[derive(Debug)]
pub struct OwnPostgres {
    home: PathBuf,
    found: Found,
    run_as: Option<RunAs>,
    owner: Login,
    server: Option<Supervised>,
}

impl OwnPostgres {
    pub(super) async fn start(
        home: &Path,
        found: Found,
        run_as: Option<RunAs>,
    ) -> Result<Self, DevError> {
        if !home.exists() {
            make_folder(home, 0o700)?;
            hand_over(run_as, home)?;
        }
        let owner = Login::new(cluster::OWNER, chance::port());
        let mut own = Self { home: home.to_owned(), found, run_as, owner, server: None };
        own.cluster().create(&own.owner).await?;
        for _ in 1..TRIES {
            match own.resume().await {
                Err(DevError::Ended { tail, .. }) if taken(&tail) => {
                    own.owner.port = chance::port();
                }
                result => return result.map(|()| own),
            }
        }
        own.resume().await.map(|()| own)
    }

    fn cluster(&self) -> cluster::Cluster<'_> {
        let Self { home, found, run_as, .. } = self;
        cluster::Cluster { home, found, run_as: *run_as, tuning: Tuning::DEV }
    }

    /// A database's address, as superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.owner.url("postgres", &format!("/{database}"))
    }

    /// Where it listens, on this machine only.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.owner.port
    }

    /// Starts the server, at the same address.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn resume(&mut self) -> Result<(), DevError> {
        self.stop().await;
        let began = Instant::now();
        loop {
            match self.try_start().await {
                Err(DevError::Ended { tail, .. })
                    if STILL_THERE.iter().any(|it| tail.contains(it))
                        && began.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(TICK).await;
                }
                result => return result,
            }
        }
    }

    async fn try_start(&mut self) -> Result<(), DevError> {
        // Beside the data: a power cut of theirs is none of the log's.
        let path = self.home.with_extension("log");
        let (log, file) = Log::open(path)?;
        let mut server = self.cluster().launch(self.owner.port, file, None, None)?;
        cluster::until_ready(&mut server, &self.owner, &log, &self.home).await?;
        self.server = Some(server);
        Ok(())
    }

    /// Ends the server in an orderly way.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Kills the server at once; with `all`, its backends too, which otherwise find out by themselves.
    pub fn kill(&mut self, all: bool) {
        let shell = self.server.as_ref().filter(|_| all).map(Supervised::id);
        let postmaster = children(shell);
        for pid in &postmaster {
            // Stopped, it starts no further ones while they are counted.
            let _ = kill_process(*pid, Signal::STOP);
        }
        let backends: Vec<Pid> = postmaster
            .iter()
            .flat_map(|pid| children(u32::try_from(pid.as_raw_nonzero().get()).ok()))
            .collect();
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
        for pid in backends {
            // Gone already is as good.
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    /// Makes a database, as a copy of another if one is named.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn create_database(
        &self,
        name: &str,
        template: Option<&str>,
    ) -> Result<(), DevError> {
        let connected = cluster::connect(&self.owner, "postgres").await;
        let mut connection = connected.map_err(DevError::sql("connecting to make a database"))?;
        cluster::create_database(&mut connection, name, template).await
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.kill(true);
    }
}

/// Processes that this one started.
fn children(parent: Option<u32>) -> Vec<Pid> {
    let (Some(parent), Ok(all)) = (parent, fs::read_dir("/proc")) else { return Vec::new() };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .filter_map(Pid::from_raw)
        .collect()
}

fn parent_of(pid: i32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
