//! Servers as children that cannot outlive whoever started them.
//!
//! A parent-death signal would need `unsafe`, is Linux's alone, and fires when the starting
//! *thread* ends. So a few lines of shell stand between: they read a pipe that nobody writes to and
//! whose other end we hold. When we end, in whatever way, the pipe ends, and so does the server.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{
    error::DevError,
    run_as::{RunAs, as_whom},
};

const SCRIPT: &str = include_str!("supervise.sh");

/// How often a wait looks again.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// What to run, and how it is to end.
pub(super) struct Launch<'a> {
    pub program: &'a Path,
    pub arguments: Vec<String>,
    pub run_as: Option<RunAs>,
    /// Where the server's own words go.
    pub log: File,
    /// The name of the signal that asks it to end.
    pub signal: &'static str,
    /// How long it may take to end before it is killed.
    pub grace: Duration,
    /// What keeps it running: the end of a FIFO that others hold, or else our own pipe.
    pub held_by: Option<Hold>,
    /// A folder to delete when it has ended.
    pub remove: Option<PathBuf>,
}

/// A FIFO that keeps a shared server running, and the folder where it is.
pub(super) struct Hold {
    pub reader: File,
    pub folder: PathBuf,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Supervised {
    /// The supervisor; its standard input is what keeps the server alive.
    child: Child,
    grace: Duration,
}

impl Supervised {
    /// Starts a server under supervision. It sees nothing of our environment.
    pub fn start(launch: Launch<'_>) -> Result<Self, DevError> {
        let (stdin, hold) = match launch.held_by {
            Some(hold) => (Stdio::from(hold.reader), hold.folder),
            None => (Stdio::piped(), PathBuf::new()),
        };
        let log = launch.log;
        let also = log.try_clone().map_err(DevError::at("the server's log"))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "annals-supervise", launch.signal])
            .arg((launch.grace.as_millis() / 100).to_string())
            .arg(hold)
            .arg(launch.remove.unwrap_or_default())
            .arg(launch.program)
            .args(launch.arguments)
            .current_dir("/")
            .stdin(stdin)
            .stdout(log)
            .stderr(also)
            // Away from the terminal's Ctrl-C: whoever started the server decides when it ends.
            .process_group(0);
        plain_environment(&mut command);
        as_whom(launch.run_as, &mut command);
        let child = command
            .spawn()
            .map_err(|source| DevError::Spawn { program: PathBuf::from("sh"), source })?;
        Ok(Self { child, grace: launch.grace })
    }

    /// The process that stands between us and the server.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The status of a server that has ended.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks the server to end and waits until it has.
    pub async fn stop(mut self) {
        drop(self.child.stdin.take());
        let patience = Instant::now() + self.grace + Duration::from_secs(2);
        while Instant::now() < patience {
            if !matches!(self.ended(), Ok(None)) {
                return;
            }
            tokio::time::sleep(TICK).await;
        }
        self.kill();
    }

    /// Ends server and supervisor at once, as a power cut would.
    pub fn kill(&mut self) {
        if matches!(self.ended(), Ok(Some(_))) {
            return;
        }
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Nothing to kill is as good as killed.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// A server gets a search path, a language that its messages are in, and no secrets.
pub(super) fn plain_environment(command: &mut Command) {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    command.env_clear().env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(script: &str, remove: Option<PathBuf>) -> Supervised {
        Supervised::start(Launch {
            program: Path::new("sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            run_as: None,
            log: File::options().write(true).open("/dev/null").unwrap(),
            signal: "TERM",
            grace: Duration::from_secs(1),
            held_by: None,
            remove,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn a_server_that_ends_is_noticed_with_its_status() {
        let mut server = launch("exit 7", None);
        let status = loop {
            if let Some(status) = server.ended().unwrap() {
                break status;
            }
            tokio::time::sleep(TICK).await;
        };
        assert_eq!(status.code(), Some(7));
    }

    #[tokio::test]
    async fn a_server_that_does_not_listen_is_killed_after_its_grace() {
        let server = launch("trap '' TERM; while :; do sleep 0.05; done", None);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let asked = Instant::now();
        server.stop().await;
        let took = asked.elapsed();
        assert!(took >= Duration::from_millis(900), "{took:?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }

    #[tokio::test]
    async fn what_a_server_leaves_behind_is_removed_with_it() {
        let folder = tempfile::tempdir().unwrap().keep();
        std::fs::write(folder.join("left"), "over").unwrap();
        launch("sleep 60", Some(folder.clone())).stop().await;
        assert!(!folder.exists());
    }
}
