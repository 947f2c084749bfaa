//! A reactor in a process of its own, that dies where a test says.

use std::{env, path::PathBuf, process::Command, sync::Arc};

use annals_infra::{
    exports::Shelf,
    sabotage,
    serve::{self, Config, Roles},
};
use annals_tests::{Ahead, World, token};
use chrono::Duration;

const PLACES: [&str; 5] = [
    "ANNALS_TEST_DATABASE",
    "ANNALS_TEST_KEYS",
    "ANNALS_TEST_NATS",
    "ANNALS_TEST_KEK",
    "ANNALS_TEST_AHEAD",
];

/// Where that process puts archives, if it makes any.
const SHELF: &str = "ANNALS_TEST_EXPORTS";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part that other tests run as a process of its own"]
async fn react_until_killed() {
    sabotage::arm();
    let [database, keys, nats, kek, ahead] = PLACES.map(|name| env::var(name).unwrap());
    let verifier = token::verifier().await;
    let mut config = Config::new(&database, &keys, &nats, PathBuf::from(kek), verifier);
    config.allow_unsafe = true;
    config.roles = Roles { reactor: true, ..Roles::NONE };
    config.clock = Arc::new(Ahead(Duration::seconds(ahead.parse().unwrap())));
    config.exports = env::var(SHELF).ok().map(|folder| Shelf { folder: folder.into(), days: 7 });
    let _running = serve::start(config).await.unwrap();
    std::future::pending::<()>().await;
}

/// Has a reactor work in a process of its own until it dies at a failpoint.
pub async fn dies_at(world: &World, failpoint: &str, ahead: Duration) {
    dies_delivering(world, failpoint, ahead, None).await;
}

/// The same, where it also makes archives.
pub async fn dies_delivering(
    world: &World,
    failpoint: &str,
    ahead: Duration,
    shelf: Option<&Shelf>,
) {
    let config = world.config();
    let kek = config.kek_file.to_string_lossy().into_owned();
    let ahead = ahead.num_seconds().to_string();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "reactions::process::react_until_killed", "--ignored", "--nocapture"])
        .env("ANNALS_TEST_FAILPOINT", failpoint);
    for (name, value) in
        PLACES.iter().zip([config.database_url, config.keys_url, config.nats_url, kek, ahead])
    {
        command.env(name, value);
    }
    if let Some(shelf) = shelf {
        command.env(SHELF, &shelf.folder);
    }
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        for _ in 0..600 {
            if let Some(status) = child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        None
    });
    let status = ended.await.unwrap();
    let status = status.unwrap_or_else(|| panic!("{failpoint} was never passed"));
    assert!(!status.success(), "{failpoint}: {status}");
}
