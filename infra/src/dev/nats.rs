//! A private nats-server with JetStream, reachable from this machine only.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    binaries::Found,
    error::DevError,
    http, leftovers,
    log::Log,
    place::{make_folder, remove},
    record::Login,
    run_as::{RunAs, hand_over},
    supervise::{Launch, Supervised, TICK},
};

/// The user who may do everything.
pub(super) const OWNER: &str = "annals";
/// The user who may send commands and read events, as an API service does.
pub(super) const CLIENT: &str = "client";
/// The largest message, in bytes. An event that is larger could not be published.
pub(super) const MAX_PAYLOAD: u32 = 1024 * 1024;

const PROGRAM: &str = "nats-server";
/// What the health page says of a stream whose files cannot be read any more.
const BEYOND_RECOVERY: &str = "could not be recovered";
const PATIENCE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(20);

/// A nats-server, running or not.
pub(super) struct Broker<'a> {
    /// The folder that holds its store and its configuration.
    pub home: &'a Path,
    pub found: &'a Found,
    pub run_as: Option<RunAs>,
    pub owner: &'a Login,
    pub client: &'a Login,
    pub monitor: u16,
}

impl Broker<'_> {
    /// Starts the server; its store is made if there is none.
    pub fn launch(&self, log: File) -> Result<Supervised, DevError> {
        let store = store(self.home);
        if !store.exists() {
            make_folder(&store, 0o700)?;
            hand_over(self.run_as, &store)?;
        }
        let configuration = configuration(self.home);
        self.write(&configuration)?;
        Supervised::start(Launch {
            program: &self.found.path,
            arguments: vec!["-c".to_owned(), configuration.display().to_string()],
            run_as: self.run_as,
            log,
            signal: "TERM",
            grace: GRACE,
            held_by: None,
            remove: None,
        })
    }

    fn write(&self, path: &Path) -> Result<(), DevError> {
        let _ = fs::remove_file(path);
        let mut file = File::options()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(DevError::at(path))?;
        file.write_all(self.to_text().as_bytes()).map_err(DevError::at(path))?;
        hand_over(self.run_as, path)
    }

    fn to_text(&self) -> String {
        let store = store(self.home);
        format!(
            r#"# Written by `annals dev` at every start; it holds passwords.
server_name: "annals-dev"
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
pid_file: {pid_file}
max_payload: {MAX_PAYLOAD}
jetstream {{ store_dir: {store} }}
authorization {{
  users: [
    {{ user: "{owner}", password: "{owner_password}" }}
    # Sends commands, reads events; makes no events, takes no commands, answers for nobody,
    # changes no stream.
    {{
      user: "{client}", password: "{client_password}"
      permissions: {{
        publish: {{
          deny: ["*.evt.>", "$JS.>", "$SYS.>", "_INBOX.>", "annals.appended", "annals.projected.>"]
        }}
        subscribe: {{ deny: ["*.cmd.>", "*.schema", "annals.await"] }}
      }}
    }}
  ]
}}
"#,
            port = self.owner.port,
            monitor = self.monitor,
            pid_file = quoted(&pid_file(self.home)),
            store = quoted(&store),
            owner = self.owner.user,
            owner_password = self.owner.password,
            client = self.client.user,
            client_password = self.client.password,
        )
    }
}

/// Waits until a server says that it is healthy, JetStream included.
pub(super) async fn until_ready(
    server: &mut Supervised,
    monitor: u16,
    log: &Log,
) -> Result<(), DevError> {
    let started = Instant::now();
    loop {
        let healthy = http::get(monitor, "/healthz", Duration::from_secs(2)).await;
        if !matches!(server.ended(), Ok(None)) {
            return Err(DevError::Ended {
                program: PROGRAM,
                log: log.path.clone(),
                tail: log.tail(),
            });
        }
        // A stream that a power cut left beyond recovery is the relay's to make anew; all else answers.
        let as_can_be = |body: &str| body.contains(BEYOND_RECOVERY);
        if healthy.is_ok_and(|(status, body)| status == 200 || as_can_be(&body)) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(DevError::Silent {
                program: PROGRAM,
                seconds: PATIENCE.as_secs(),
                log: log.path.clone(),
                tail: log.tail(),
            });
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Ends what an earlier run left of a server.
pub(super) async fn clear(home: &Path) -> Result<(), DevError> {
    leftovers::clear(&pid_file(home), &configuration(home), Signal::TERM).await
}

/// Deletes the store of a server that ran here, and no folder that only has its name.
pub(super) fn forget(home: &Path) -> Result<(), DevError> {
    if configuration(home).exists() { remove(&store(home)) } else { Ok(()) }
}

/// The folder of the streams.
pub(super) fn store(home: &Path) -> PathBuf {
    home.join("nats")
}

fn configuration(home: &Path) -> PathBuf {
    home.join("nats.conf")
}

fn pid_file(home: &Path) -> PathBuf {
    store(home).join("nats.pid")
}

/// A path as a string of nats-server's configuration.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}
