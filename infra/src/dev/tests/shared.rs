//! Servers that tests share, and what is left of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::{Connection, PgConnection};

use super::{FOLDER, folder, folder_given, run, until, value};
use crate::dev::{chance, harness};

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
            .args(["--exact", "dev::tests::shared::use_shared_servers", "--ignored"])
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
