//! The private servers as a whole, for real: started, restarted, killed, as root and as nobody.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use sqlx::{Connection, PgConnection};

use super::{harness, leftovers, *};

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

/// This test program as another process, doing one of the parts below.
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

/// From nothing to answering, then again with the same data, then again without.
async fn from_nothing_and_again(options: Options) {
    let first = Servers::start(options.clone()).await.unwrap();
    let (database_url, nats_url) = (first.database_url().to_owned(), first.nats_url().to_owned());
    assert_eq!(value(&database_url, "SELECT current_user::text").await, "annals");
    assert_eq!(value(&database_url, "SHOW fsync").await, "on");
    assert_eq!(value(&database_url, "SHOW data_checksums").await, "on");
    assert_eq!(value(&database_url, "SHOW server_encoding").await, "UTF8");
    assert_eq!(value(&database_url, "SHOW listen_addresses").await, "127.0.0.1");
    run(&database_url, "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('still here')")
        .await;
    make_stream(&nats_url, "EVT_KEPT").await;
    let running = Running::find(first.dir()).unwrap();
    assert_eq!(running.pid, std::process::id());
    assert_eq!(running.database_url.as_ref(), Some(&database_url));
    assert!(matches!(
        Servers::start(options.clone()).await,
        Err(DevError::AlreadyRunning { pid, .. }) if pid == std::process::id()
    ));
    let dir = first.dir().to_owned();
    first.stop().await;
    assert!(Running::find(&dir).is_none());

    let second = Servers::start(options.clone()).await.unwrap();
    assert_eq!(second.database_url(), database_url, "addresses stay");
    assert_eq!(second.nats_url(), nats_url, "addresses stay");
    assert_eq!(value(&database_url, "SELECT word FROM kept").await, "still here");
    assert_eq!(stream_names(&nats_url).await, ["EVT_KEPT"]);
    second.stop().await;

    let fresh = Servers::start(Options { fresh: true, ..options }).await.unwrap();
    assert_eq!(fresh.database_url(), database_url, "addresses stay");
    let there = value(&database_url, "SELECT (to_regclass('kept') IS NOT NULL)::text").await;
    assert_eq!(there, "false", "data of earlier runs is gone");
    assert!(stream_names(&nats_url).await.is_empty());
    fresh.stop().await;
}

#[tokio::test]
async fn servers_start_from_nothing_and_keep_data_and_addresses() {
    let folder = folder();
    from_nothing_and_again(options(folder.path()).await).await;
}

#[tokio::test]
async fn the_fetched_postgres_serves_as_well() {
    let folder = folder();
    let (postgres, nats) = harness::programs(Some(18)).await.unwrap();
    let options = Options {
        postgres_bin: Some(postgres),
        nats_bin: Some(nats),
        ..Options::new(folder.path())
    };
    from_nothing_and_again(options.clone()).await;
    let servers = Servers::start(options).await.unwrap();
    assert_eq!(servers.pg_version().unwrap().major, 18);
    servers.stop().await;
}

#[tokio::test]
async fn an_ordinary_user_needs_nothing_but_a_folder() {
    if !geteuid().is_root() {
        // Then all other tests are this one.
        return;
    }
    let folder = folder();
    let copy = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = another_process("as_an_ordinary_user", folder.path());
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let output = Command::new(&copy)
        .args(arguments)
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("HOME", folder.path())
        .env_remove("ANNALS_RUN_AS")
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    command.stdin(Stdio::null());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}

#[tokio::test]
#[ignore = "a part that another test runs as a process of another user"]
async fn as_an_ordinary_user() {
    assert_eq!(geteuid().as_raw(), NOBODY);
    let folder = folder_given().join("dev");
    // Nothing is named, nothing fetched yet: what the machine does not have is fetched here.
    from_nothing_and_again(Options::new(&folder)).await;
}

#[tokio::test]
async fn the_servers_of_root_have_no_rights_of_root() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let servers = Servers::start(options(folder.path()).await).await.unwrap();
    let found = processes(&servers.place.home);
    assert_eq!(found.len(), 2);
    for pid in found {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        assert_ne!(line("Uid:").split_whitespace().next(), Some("0"));
        assert_ne!(line("Gid:").split_whitespace().next(), Some("0"));
        assert_eq!(line("Groups:"), "", "no groups besides");
        assert_eq!(line("CapEff:").trim_start_matches('0'), "");
    }
    servers.stop().await;
}

#[tokio::test]
async fn root_can_start_them_in_a_folder_that_nobody_else_may_enter() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let servers = Servers::start(options(folder.path()).await).await.unwrap();
    let home = servers.place.home.clone();
    assert!(!home.starts_with(folder.path()));
    assert_eq!(value(servers.database_url(), "SELECT 'here'").await, "here");
    servers.stop().await;
    fs::remove_dir_all(home).unwrap();
}

/// Starts servers in another process and waits until they answer.
async fn started_elsewhere(folder: &Path) -> (Child, Running, Vec<i32>) {
    let child = another_process("serve_until_killed", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(Duration::from_secs(30), "the other process is ready", || folder.join("ready").exists())
        .await;
    let running = Running::find(folder).unwrap();
    assert_eq!(running.pid, child.id());
    let found = processes(folder);
    assert_eq!(found.len(), 2);
    (child, running, found)
}

#[tokio::test]
#[ignore = "a part that other tests run as a process of its own"]
async fn serve_until_killed() {
    let folder = folder_given();
    let servers = Servers::start(options(&folder).await).await.unwrap();
    run(servers.database_url(), "CREATE TABLE IF NOT EXISTS kept (word text)").await;
    run(servers.database_url(), "INSERT INTO kept VALUES ('committed')").await;
    fs::write(folder.join("ready"), "").unwrap();
    let mut terminated =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    terminated.recv().await;
    servers.stop().await;
}

#[tokio::test]
async fn a_killed_parent_takes_its_servers_along_and_the_next_start_works() {
    let folder = folder();
    let (mut parent, running, found) = started_elsewhere(folder.path()).await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    until(Duration::from_secs(5), "both servers have ended", || {
        found.iter().all(|pid| !runs(*pid))
    })
    .await;
    let servers = Servers::start(options(folder.path()).await).await.unwrap();
    assert_eq!(Some(servers.database_url()), running.database_url.as_deref());
    assert_eq!(value(servers.database_url(), "SELECT word FROM kept").await, "committed");
    servers.stop().await;
}

#[tokio::test]
async fn servers_that_outlived_everybody_are_ended_by_the_next_start() {
    let folder = folder();
    let (mut parent, running, found) = started_elsewhere(folder.path()).await;
    // Parent and supervisors at one blow, as an out-of-memory killer might have it.
    let supervisors: Vec<i32> = found.iter().flat_map(|pid| same_group_but(*pid)).collect();
    assert_eq!(supervisors.len(), 4, "one that waits and one that watches for each server");
    for pid in &supervisors {
        kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL).unwrap();
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(found.iter().all(|pid| runs(*pid)), "the servers are left over");
    let servers = Servers::start(options(folder.path()).await).await.unwrap();
    assert!(found.iter().all(|pid| !runs(*pid)), "the left-overs are gone");
    assert_eq!(Some(servers.database_url()), running.database_url.as_deref());
    assert_eq!(value(servers.database_url(), "SELECT word FROM kept").await, "committed");
    servers.stop().await;
}

/// The other processes of a process' group.
fn same_group_but(pid: i32) -> Vec<i32> {
    let group = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split_whitespace().nth(2)?.parse::<i32>().ok()
    };
    let wanted = group(pid);
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|other| *other != pid && group(*other) == wanted)
        .collect()
}

#[tokio::test]
async fn a_killed_postgres_is_noticed_and_comes_back_with_what_was_committed() {
    let folder = folder();
    let options = Options { nats: false, ..options(folder.path()).await };
    let mut servers = Servers::start(options.clone()).await.unwrap();
    run(servers.database_url(), "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('a')")
        .await;
    let postmaster = processes(folder.path())[0];
    kill_process(Pid::from_raw(postmaster).unwrap(), Signal::KILL).unwrap();
    let failed = tokio::time::timeout(Duration::from_secs(5), servers.failed()).await.unwrap();
    assert!(matches!(failed, DevError::Ended { program: "Postgres", .. }));
    servers.stop().await;
    let servers = Servers::start(options).await.unwrap();
    assert_eq!(value(servers.database_url(), "SELECT word FROM kept").await, "a");
    servers.stop().await;
}

#[tokio::test]
async fn servers_of_another_process_can_be_had_ended() {
    let folder = folder();
    let (mut parent, _, found) = started_elsewhere(folder.path()).await;
    let ending = tokio::task::spawn_blocking(move || parent.wait().unwrap());
    assert!(down(folder.path()).await.unwrap());
    assert!(ending.await.unwrap().success(), "it was asked, not killed");
    assert!(found.iter().all(|pid| !runs(*pid)));
    assert!(!down(folder.path()).await.unwrap(), "then there is nothing left to end");
}

#[tokio::test]
async fn a_port_that_somebody_took_is_exchanged_for_another() {
    let folder = folder();
    let options = options(folder.path()).await;
    let first = Servers::start(options.clone()).await.unwrap();
    let (database_url, nats_url) = (first.database_url().to_owned(), first.nats_url().to_owned());
    let ports = [first.record.postgres.clone(), first.record.nats.clone()];
    first.stop().await;
    let taken =
        ports.map(|login| std::net::TcpListener::bind(("127.0.0.1", login.unwrap().port)).unwrap());
    let second = Servers::start(options.clone()).await.unwrap();
    assert_ne!(second.database_url(), database_url);
    assert_ne!(second.nats_url(), nats_url);
    assert_eq!(value(second.database_url(), "SELECT 'here'").await, "here");
    second.stop().await;
    drop(taken);
}

#[tokio::test]
async fn servers_that_are_given_are_not_started() {
    let folder = folder();
    let options = Options {
        database_url: Some("postgres://elsewhere/db".to_owned()),
        nats_url: Some("nats://elsewhere".to_owned()),
        ..Options::new(folder.path())
    };
    let servers = Servers::start(options).await.unwrap();
    assert_eq!(servers.database_url(), "postgres://elsewhere/db");
    assert_eq!(servers.nats_url(), "nats://elsewhere");
    assert_eq!((servers.pg_version(), servers.nats_version()), (None, None));
    assert_eq!((servers.admin_url(), servers.client_nats_url()), (None, None));
    assert!(!folder.path().join("postgres").exists());
    assert!(!folder.path().join("runtime").exists());
    servers.stop().await;
}

#[tokio::test]
async fn a_cluster_of_another_postgres_is_not_touched() {
    let folder = folder();
    let options = options(folder.path()).await;
    fs::create_dir(folder.path().join("postgres")).unwrap();
    fs::write(folder.path().join("postgres/PG_VERSION"), "11\n").unwrap();
    let refused = Servers::start(options).await.err().unwrap().to_string();
    assert!(refused.contains("version 11 is needed"), "{refused}");
}

#[tokio::test]
async fn databases_are_made_from_templates_and_dropped_while_in_use() {
    let folder = folder();
    let options = Options { nats: false, fsync: false, ..options(folder.path()).await };
    let servers = Servers::start(options).await.unwrap();
    assert_eq!(value(servers.database_url(), "SHOW fsync").await, "off");
    servers.create_database("model", None).await.unwrap();
    let url = |name: &str| servers.database_url().replace("/annals", &format!("/{name}"));
    let admin = servers.admin_url().unwrap();
    let at = |name: &str| {
        let (start, _) = admin.rsplit_once('/').unwrap();
        format!("{start}/{name}")
    };
    assert_ne!(url("model"), at("model").replace("annals:", "other:"));
    run(&at("model"), "CREATE TABLE t AS SELECT 'copied' AS word").await;
    servers.create_database("copy", Some("model")).await.unwrap();
    assert_eq!(value(&at("copy"), "SELECT word FROM t").await, "copied");
    let in_use = PgConnection::connect(&at("copy")).await.unwrap();
    servers.drop_database("copy").await.unwrap();
    assert!(PgConnection::connect(&at("copy")).await.is_err());
    drop(in_use);
    servers.stop().await;
}

#[tokio::test]
async fn a_client_can_send_commands_but_make_neither_events_nor_replies() {
    let nats = harness::nats().await.unwrap();
    let service = connect(&nats.url()).await.unwrap();
    let mut seen = service.subscribe(">").await.unwrap();
    service.flush().await.unwrap();
    let client = connect(&nats.client_url()).await.unwrap();
    for subject in ["lift.evt.alert.1.raised", "_INBOX.x.y", "$JS.API.STREAM.DELETE.EVT_LIFT"] {
        client.publish(subject, "forged".into()).await.unwrap();
    }
    client.publish("lift.cmd.acknowledge_alert", "asked".into()).await.unwrap();
    client.flush().await.unwrap();
    use futures::StreamExt;
    let first = seen.next().await.unwrap();
    assert_eq!(first.subject.as_str(), "lift.cmd.acknowledge_alert");
    assert_eq!(&first.payload[..], b"asked");
}

#[tokio::test]
async fn a_nats_server_can_be_lost_and_come_back() {
    let mut nats = harness::nats().await.unwrap();
    make_stream(&nats.url(), "EVT_LIFT").await;
    nats.kill();
    assert!(connect(&nats.url()).await.is_err());
    nats.resume().await.unwrap();
    assert_eq!(stream_names(&nats.url()).await, ["EVT_LIFT"]);
    nats.stop().await;
    nats.lose_everything().unwrap();
    nats.resume().await.unwrap();
    assert!(stream_names(&nats.url()).await.is_empty());
}

#[tokio::test]
async fn every_test_has_a_database_of_its_own_from_a_template_made_once() {
    use std::sync::atomic::{AtomicU32, Ordering};
    let postgres = harness::postgres().await.unwrap();
    let template = format!("of_{}", chance::hex::<4>());
    let filled = AtomicU32::new(0);
    let database = || {
        postgres.database(&template, async |url: String| {
            filled.fetch_add(1, Ordering::Relaxed);
            let mut connection = PgConnection::connect(&url).await?;
            sqlx::raw_sql("CREATE TABLE t (n int)").execute(&mut connection).await.map(drop)
        })
    };
    let (one, other) = tokio::join!(database(), database());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(filled.load(Ordering::Relaxed), 1);
    run(&one.url(), "INSERT INTO t VALUES (1)").await;
    let count = "SELECT count(*)::text FROM t";
    assert_eq!(value(&one.url(), count).await, "1");
    assert_eq!(value(&other.url(), count).await, "0");
    let url = one.url();
    drop(one);
    assert!(PgConnection::connect(&url).await.is_err(), "it is dropped with its value");
}

#[tokio::test]
async fn a_template_that_cannot_be_filled_says_why() {
    let postgres = harness::postgres().await.unwrap();
    let template = format!("of_{}", chance::hex::<4>());
    let failed = postgres.database(&template, async |_| Err("no such file")).await;
    let sentence = failed.unwrap_err().to_string();
    assert!(sentence.contains("no such file"), "{sentence}");
    let mended = postgres.database(&template, async |_| Ok::<_, String>(())).await;
    assert!(mended.is_ok(), "and can be filled later");
}

#[tokio::test]
#[ignore = "a part that other tests run as a process of its own"]
async fn use_shared_servers() {
    let folder = folder_given();
    let postgres = harness::postgres().await.unwrap();
    let database = postgres.empty_database().await.unwrap();
    let nats = harness::nats().await.unwrap();
    let said = [
        postgres.admin_url(),
        value(&database.url(), "SHOW data_directory").await,
        harness::scratch().unwrap().display().to_string(),
        nats.monitor_url(),
    ];
    fs::write(folder.join("said.new"), said.join("\n")).unwrap();
    fs::rename(folder.join("said.new"), folder.join("said")).unwrap();
    if folder.join("abort").exists() {
        std::process::abort();
    }
    while !folder.join("enough").exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn processes_share_a_cluster_and_the_last_to_end_leaves_nothing_behind() {
    let (postgres, nats) = harness::programs(None).await.unwrap();
    // Where a test program lies decides which cluster it shares: this one is apart from ours.
    let apart = folder();
    let copy = apart.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let using = |name: &str| {
        let folder = apart.path().join(name);
        let _ = fs::create_dir(&folder);
        let child = Command::new(&copy)
            .args(["--exact", "dev::tests::use_shared_servers", "--ignored"])
            .env(FOLDER, &folder)
            .env("ANNALS_TEST_POSTGRES", &postgres)
            .env("ANNALS_NATS_BIN", &nats)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        (child, folder)
    };
    let said = async |folder: &Path| -> Vec<String> {
        let path = folder.join("said");
        until(Duration::from_secs(30), "it has its servers", || path.exists()).await;
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    };
    let (mut one, one_folder) = using("one");
    let of_one = said(&one_folder).await;
    let (mut two, two_folder) = using("two");
    let of_two = said(&two_folder).await;
    assert_eq!(of_one[0], of_two[0], "one cluster for both");
    assert_ne!(of_one[3], of_two[3], "a nats-server for each");

    fs::write(one_folder.join("enough"), "").unwrap();
    assert!(one.wait().unwrap().success());
    assert_eq!(value(&of_two[0], "SELECT 'still here'").await, "still here");
    two.kill().unwrap();
    two.wait().unwrap();

    let left = [&of_one[1], &of_one[2], &of_two[2]].map(PathBuf::from);
    until(Duration::from_secs(10), "everything is gone", || left.iter().all(|path| !path.exists()))
        .await;
    assert!(PgConnection::connect(&of_two[0]).await.is_err());

    // And a run that crashes, of which the next knows nothing.
    fs::create_dir(apart.path().join("three")).unwrap();
    fs::write(apart.path().join("three/abort"), "").unwrap();
    let (mut three, three_folder) = using("three");
    let of_three = said(&three_folder).await;
    assert!(!three.wait().unwrap().success());
    assert_ne!(of_three[0], of_one[0], "what had ended was not used again");
    let left = [&of_three[1], &of_three[2]].map(PathBuf::from);
    until(Duration::from_secs(10), "everything is gone", || left.iter().all(|path| !path.exists()))
        .await;
}
