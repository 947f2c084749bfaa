//! What happens to servers, and to data, when processes are killed.

use std::{fs, path::Path, process::Child, time::Duration};

use rustix::process::{Pid, Signal, kill_process};

use super::{another_process, folder, folder_given, options, processes, run, runs, until, value};
use crate::dev::{DevError, Options, Running, Servers, down};

/// Starts servers in another process and waits until they answer.
async fn started_elsewhere(folder: &Path) -> (Child, Running, Vec<i32>) {
    let child = another_process("killed::serve_until_killed", folder)
        .stdout(fs::File::create(folder.join("said")).unwrap())
        .stderr(fs::File::create(folder.join("said")).unwrap())
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
    let mut terminated =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    fs::write(folder.join("ready"), "").unwrap();
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
    assert!(wanted.is_some());
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
    let status = ending.await.unwrap();
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    assert!(status.success(), "it was asked, not killed: {status}\n{said}");
    assert!(found.iter().all(|pid| !runs(*pid)));
    assert!(!down(folder.path()).await.unwrap(), "then there is nothing left to end");
}
