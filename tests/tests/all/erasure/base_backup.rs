//! A base backup of the whole server, from before an erasure, brings nobody back either.

use std::{fs, path::Path, process::Command};

use annals_infra::dev::harness;
use annals_tests::World;
use uuid::Uuid;

use super::{
    restored::{crowd, erase_all, in_the_clear, nobody_is_back},
    served, signing,
};

/// Runs a program to its end.
fn run(program: &Path, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}: {said}", program.display());
}

/// Everything that the server holds, both databases and their logs, as `pg_basebackup` takes it.
async fn backed_up(url: &str, data: &Path, copy: &Path) {
    let programs = harness::programs(None).await.unwrap().0;
    let to = copy.display().to_string();
    let arguments = ["-d", url, "-D", &to, "--wal-method=stream", "--checkpoint=fast", "--no-sync"];
    run(&programs.join("pg_basebackup"), &arguments);
    // Whoever takes a backup here is not always whom the server runs as.
    let like = format!("--reference={}", data.display());
    run(Path::new("chown"), &["-R", &like, &to]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_people_stay_erased_when_the_whole_server_is_restored_from_a_base_backup() {
    let folder = harness::scratch().unwrap().join(format!("server-{}", Uuid::now_v7()));
    let mut postgres = harness::postgres_in(&folder).await.unwrap();
    let mut world = World::on(&postgres).await;
    let signing = signing();
    world.serve(served(&world, &signing)).await;
    let people = crowd(&world).await;
    let (data, copy) = (folder.join("postgres"), folder.join("backup"));
    backed_up(&postgres.url("postgres"), &data, &copy).await;
    let clear = in_the_clear(&world).await;

    erase_all(&world, &people).await;
    let left = world.row("SELECT bool_and(scrubbed) AS nothing FROM annals.erasures").await;
    assert_eq!(left["nothing"], true, "this server deletes old write-ahead logs by itself");
    world.rest().await;
    postgres.stop().await;
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&copy, &data).unwrap();
    postgres.resume().await.unwrap();
    world.until("SELECT NOT pg_is_in_recovery()").await;
    assert_eq!(in_the_clear(&world).await, clear, "everybody is back, until somebody serves");
    assert_eq!(world.number("SELECT count(*) FROM annals.erasures").await, 0);

    world.serve(served(&world, &signing)).await;
    assert_eq!(in_the_clear(&world).await, 0, "something is served before everybody is gone");
    nobody_is_back(&world, &people).await;
    world.rest().await;
}
