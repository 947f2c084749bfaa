//! Servers that another process runs: where they are, and how to have them ended.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    binaries::Finder,
    error::DevError,
    nats,
    place::{self, Place},
    postgres,
    record::Record,
    run_as::RunAs,
    supervise::TICK,
};

/// How long a process may take to end its servers and itself.
const PATIENCE: Duration = Duration::from_secs(90);

/// The private servers of a folder, as another process runs them.
#[derive(Clone, Debug)]
pub struct Running {
    /// The process that runs them.
    pub pid: u32,
    /// The database; it holds a password. None if that is not a private one.
    pub database_url: Option<String>,
    /// NATS with all rights; it holds a password. None if that is not a private one.
    pub nats_url: Option<String>,
    /// NATS as an API service should have it; it holds a password.
    pub client_nats_url: Option<String>,
    /// nats-server's own HTTP pages.
    pub nats_monitor_url: Option<String>,
    /// The file of addresses, for `. file` in a shell.
    pub env_file: PathBuf,
    home: PathBuf,
}

impl Running {
    /// The servers of a folder, if a process runs them.
    #[must_use]
    pub fn find(dir: &Path) -> Option<Self> {
        let pid = place::owner(dir)?;
        let dir = dir.canonicalize().ok()?;
        let env_file = place::env_file(&dir);
        let record = Record::load(&env_file);
        Some(Self {
            pid,
            database_url: record.database_url(),
            nats_url: record.nats_url(),
            client_nats_url: record.nats_client_url(),
            nats_monitor_url: record.nats_monitor_url(),
            env_file,
            home: place::known_home(&dir),
        })
    }

    /// The program `psql` that fits the cluster, or else any that is on `PATH`.
    #[must_use]
    pub fn psql(&self) -> Option<PathBuf> {
        let finder = Finder::new(self.home.join("runtime"), None);
        let found = finder.postgres(postgres::made_by(&self.home)).ok().flatten();
        let beside = found.map(|found| found.path.join("psql"));
        let on_path = finder.installed.iter().map(|folder| folder.join("psql"));
        beside.into_iter().chain(on_path).find(|psql| psql.is_file())
    }
}

/// Has the servers of a folder ended: asks the process that runs them, ends it if it does not
/// listen, and clears away whatever is left. Says whether there was such a process.
///
/// # Errors
/// When it belongs to somebody else, or something does not end.
pub async fn down(dir: &Path) -> Result<bool, DevError> {
    let found = place::owner(dir);
    if let Some(pid) = found {
        end(dir, pid).await?;
    }
    if dir.is_dir() {
        let place = Place::claim(dir, RunAs::choose()?).await?;
        nats::clear(&place.home).await?;
        postgres::clear(&place.home).await?;
    }
    Ok(found.is_some())
}

async fn end(dir: &Path, owner: u32) -> Result<(), DevError> {
    let pid = i32::try_from(owner).ok().and_then(Pid::from_raw);
    for signal in [Signal::TERM, Signal::KILL] {
        if let Some(pid) = pid
            && let Err(refused) = kill_process(pid, signal)
            && refused != rustix::io::Errno::SRCH
        {
            return Err(DevError::at(dir)(refused.into()));
        }
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            // It lets go of the folder when its servers have ended.
            if place::owner(dir).is_none() {
                return Ok(());
            }
            tokio::time::sleep(TICK).await;
        }
    }
    Err(DevError::AlreadyRunning { dir: dir.to_owned(), pid: owner })
}
