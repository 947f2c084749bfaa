//! From nothing to answering, whoever starts and wherever.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    process::{Command, Stdio},
};

use rustix::process::geteuid;
use sqlx::{Connection, PgConnection};

use super::{
    NOBODY, another_process, folder, folder_given, make_stream, options, processes, run,
    stream_names, value,
};
use crate::dev::{
    DevError, OLDEST_POSTGRES, Options, RunAs, Running, Servers,
    binaries::Found,
    harness,
    postgres::{Cluster, Tuning},
    record::Login,
};

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
    let mut command = another_process("start::as_an_ordinary_user", folder.path());
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
async fn a_folder_that_only_has_the_name_of_ours_is_never_deleted() {
    let folder = folder();
    for name in ["postgres", "nats"] {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("somebodys"), "work").unwrap();
    }
    let options = Options { fresh: true, ..options(folder.path()).await };
    assert!(Servers::start(options).await.is_err());
    assert!(folder.path().join("postgres/somebodys").exists());
    assert!(folder.path().join("nats/somebodys").exists());
}

#[tokio::test]
async fn a_user_without_a_name_is_told_what_postgres_wants() {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder();
    let (postgres, _) = harness::programs(None).await.unwrap();
    let found = Found { path: postgres, version: OLDEST_POSTGRES };
    let home = folder.path();
    let nameless = Some(RunAs::named("4711:4711").unwrap());
    let cluster = Cluster { home, found: &found, run_as: nameless, tuning: Tuning::DEV };
    let refused = cluster.create(&Login::new("annals", 1)).await.unwrap_err().to_string();
    assert!(refused.contains("ANNALS_RUN_AS"), "{refused}");
    assert_eq!(fs::read_dir(home).unwrap().count(), 0, "nothing is left there");
}

#[tokio::test]
async fn databases_are_made_from_templates_and_dropped_while_in_use() {
    let folder = folder();
    let options = Options { nats: false, fsync: false, ..options(folder.path()).await };
    let servers = Servers::start(options).await.unwrap();
    assert_eq!(value(servers.database_url(), "SHOW fsync").await, "off");
    servers.create_database("model", None).await.unwrap();
    let admin = servers.admin_url().unwrap();
    let at = |name: &str| {
        let (start, _) = admin.rsplit_once('/').unwrap();
        format!("{start}/{name}")
    };
    run(&at("model"), "CREATE TABLE t AS SELECT 'copied' AS word").await;
    servers.create_database("copy", Some("model")).await.unwrap();
    assert_eq!(value(&at("copy"), "SELECT word FROM t").await, "copied");
    let in_use = PgConnection::connect(&at("copy")).await.unwrap();
    servers.drop_database("copy").await.unwrap();
    assert!(PgConnection::connect(&at("copy")).await.is_err());
    drop(in_use);
    servers.stop().await;
}
