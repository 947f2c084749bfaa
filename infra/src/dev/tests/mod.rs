//! The private servers as a whole, for real: started, restarted, killed, as root and as nobody.
//!
//! Some tests need a process of their own to kill, or one of another user: they start this very test
//! program again for one test that is otherwise ignored.

mod brokers;
mod killed;
mod shared;
mod start;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};

use super::{Options, harness, leftovers, nats, postgres, record::Login};

/// The folder that a process started by a test is to work in.
const FOLDER: &str = "ANNALS_TEST_FOLDER";

/// An ordinary user: Postgres wants one that has a name.
const NOBODY: u32 = 65534;

/// A folder that servers can reach.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Both servers in a folder, with whatever programs tests use, so that they are fetched once.
async fn options(folder: &Path) -> Options {
    let (postgres, nats) = harness::programs(None).await.unwrap();
    Options { postgres_bin: Some(postgres), nats_bin: Some(nats), ..Options::new(folder) }
}

async fn value(url: &str, query: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

async fn run(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

/// async-nats does not read user and password from an address.
async fn connect(nats_url: &str) -> Result<async_nats::Client, async_nats::ConnectError> {
    let login = Login::read(nats_url).unwrap();
    async_nats::ConnectOptions::with_user_and_password(login.user, login.password)
        .connect(format!("127.0.0.1:{}", login.port))
        .await
}

async fn stream_names(nats_url: &str) -> Vec<String> {
    use futures::TryStreamExt;
    let jetstream = async_nats::jetstream::new(connect(nats_url).await.unwrap());
    jetstream.stream_names().try_collect().await.unwrap()
}

async fn make_stream(nats_url: &str, name: &str) {
    let jetstream = async_nats::jetstream::new(connect(nats_url).await.unwrap());
    let config = async_nats::jetstream::stream::Config { name: name.into(), ..Default::default() };
    jetstream.create_stream(config).await.unwrap();
}

/// The processes of the servers in a folder: Postgres, nats-server.
fn processes(home: &Path) -> Vec<i32> {
    [postgres::data(home).join("postmaster.pid"), nats::store(home).join("nats.pid")]
        .iter()
        .filter_map(|file| leftovers::named(file))
        .collect()
}

async fn until(within: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < within, "waited {within:?} until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn runs(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// This test program as another process, doing one part of a test.
fn another_process(part: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("dev::tests::{part}"), "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::null());
    command
}

fn folder_given() -> PathBuf {
    std::env::var_os(FOLDER).expect("the folder to work in").into()
}
