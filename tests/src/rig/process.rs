//! Real `annals` processes, each behind wires of its own that can be cut.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::{
    Done,
    proxy::{Protocol, Proxy},
};

/// What all processes of a run are started with.
#[derive(Debug, Clone)]
pub struct Program {
    /// The rig's own program, which is `annals` when told so.
    pub path: PathBuf,
    /// Settings, as environment, but for the addresses of the servers.
    pub settings: Vec<(String, String)>,
    /// The database, without a wire between.
    pub database_url: String,
    /// The key store, without a wire between.
    pub keys_url: String,
    /// NATS, without a wire between.
    pub nats_url: String,
    /// Where Postgres listens.
    pub postgres_port: u16,
    /// Where nats-server listens.
    pub nats_port: u16,
    /// Where logs go.
    pub logs: PathBuf,
}

/// A place for a process of one role: it is started again whenever it has ended.
#[derive(Debug)]
pub struct Slot {
    /// Its name, for logs.
    pub name: String,
    /// What it does, as `--roles` has it.
    pub roles: &'static str,
    /// The wire to Postgres.
    pub postgres: Proxy,
    /// The wire to NATS.
    pub nats: Proxy,
    program: Program,
    child: Option<Child>,
    started: Instant,
    /// How often it was started.
    pub starts: u64,
}

impl Slot {
    /// A slot whose process is not started yet.
    ///
    /// # Errors
    /// When there are no ports for its wires.
    pub async fn new(program: &Program, name: &str, roles: &'static str) -> Done<Self> {
        Ok(Self {
            name: name.to_owned(),
            roles,
            postgres: Proxy::start(Protocol::Postgres, program.postgres_port).await?,
            nats: Proxy::start(Protocol::Nats, program.nats_port).await?,
            program: program.clone(),
            child: None,
            started: Instant::now(),
            starts: 0,
        })
    }

    /// Starts the process; with a failpoint, it dies there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, failpoint: Option<&str>) -> Done {
        self.kill();
        let Program { path, settings, database_url, keys_url, nats_url, .. } = &self.program;
        let log = File::options().create(true).append(true).open(self.log())?;
        let (postgres, nats) = (self.program.postgres_port, self.program.nats_port);
        let mut command = Command::new(path);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("ANNALS_") || name.starts_with("OTEL_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
            .args(["annals", "serve", "--roles", self.roles])
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .env("DATABASE_URL", self.postgres.through(database_url, postgres))
            .env("ANNALS_KEYS_URL", self.postgres.through(keys_url, postgres))
            .env("NATS_URL", self.nats.through(nats_url, nats))
            .env("ANNALS_HTTP", "127.0.0.1:0")
            .current_dir(&self.program.logs)
            // Its end is the rig's end: see `annals-rig`.
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(failpoint) = failpoint {
            command.env("ANNALS_TEST_FAILPOINT", failpoint);
        }
        self.child = Some(command.spawn()?);
        self.started = Instant::now();
        self.starts += 1;
        Ok(())
    }

    /// One more setting, from the next start on.
    pub fn sets(&mut self, setting: &(String, String)) {
        self.program.settings.push(setting.clone());
    }

    /// Its log, of all its starts.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.program.logs.join(format!("{}.log", self.name))
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    /// Starts it again if it has ended, as a supervisor would; says whether it had.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn keep(&mut self) -> Done<bool> {
        let ended = self.child.is_none() || self.ended().is_some();
        // One that cannot start, since a server is away, is not to be tried without a pause.
        if ended && self.started.elapsed() > Duration::from_millis(200) {
            self.start(None)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Kills it at once, if it runs; says whether it did.
    pub fn kill(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return false };
        let ran = matches!(child.try_wait(), Ok(None));
        let _ = child.kill();
        let _ = child.wait();
        ran
    }

    /// Stops it in the middle of whatever it does, or lets it go on.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn stall(&self, stalled: bool) -> Done {
        let pid = self.child.as_ref().ok_or("it does not run")?.id();
        let signal = if stalled { "-STOP" } else { "-CONT" };
        let done = Command::new("kill").args([signal, &pid.to_string()]).status()?;
        if done.success() { Ok(()) } else { Err(format!("kill {signal} {pid}: {done}").into()) }
    }

    /// The most memory it ever had, in megabytes.
    #[must_use]
    pub fn peak(&self) -> u64 {
        let Some(child) = &self.child else { return 0 };
        let text = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let text = text.unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() / 1024
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Lines of a log in which somebody panicked.
///
/// # Errors
/// When the log cannot be read.
pub fn panics(log: &Path) -> Done<(u64, Vec<String>)> {
    let text = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    let found = text.lines().filter(|line| line.contains("panicked at")).map(str::to_owned);
    Ok((text.lines().count() as u64, found.collect()))
}
