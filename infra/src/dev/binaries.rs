//! Finding Postgres and nats-server on this machine, and taking only what is recent enough.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    error::DevError,
    run_as::{RunAs, as_whom},
    supervise::plain_environment,
    version::Version,
};

/// The oldest Postgres that will do: `security_invoker` views came with it.
pub const OLDEST_POSTGRES: Version = Version::new(15, 0, 0);
/// The oldest nats-server that will do: duplicates inside a batch are noticed from here on.
pub const OLDEST_NATS: Version = Version::new(2, 12, 1);

/// A server that starts on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// For Postgres the folder of its programs, for nats-server the program.
    pub path: PathBuf,
    pub version: Version,
}

/// Where to look, in this order: what was named, what was fetched, what is installed.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    /// `ANNALS_PG_BIN`: a folder, or the program `postgres` in one.
    pub named_postgres: Option<PathBuf>,
    /// `ANNALS_NATS_BIN`: the program, or its folder.
    pub named_nats: Option<PathBuf>,
    /// Where `deploy/fetch-runtime` put servers, if it did.
    pub fetched: PathBuf,
    /// Folders of programs.
    pub installed: Vec<PathBuf>,
    /// Who will run them, and so has to be able to.
    pub run_as: Option<RunAs>,
}

impl Finder {
    /// Looks where the environment says, in `fetched`, and where servers usually are.
    pub fn new(fetched: PathBuf, run_as: Option<RunAs>) -> Self {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            named_postgres: named("ANNALS_PG_BIN").map(PathBuf::from),
            named_nats: named("ANNALS_NATS_BIN").map(PathBuf::from),
            fetched,
            installed: on_path().chain(usual()).collect(),
            run_as,
        }
    }

    /// The first Postgres that is recent enough and, if one is asked for, of that major version.
    ///
    /// # Errors
    /// When one was named and will not do.
    pub fn postgres(&self, major: Option<u32>) -> Result<Option<Found>, DevError> {
        let fits = |version: Version| {
            version >= OLDEST_POSTGRES && major.is_none_or(|major| version.major == major)
        };
        if let Some(named) = &self.named_postgres {
            let folder = if named.is_dir() { named.as_path() } else { parent(named) };
            return match self.postgres_in(folder) {
                Some(found) if fits(found.version) => Ok(Some(found)),
                found => Err(unfit("ANNALS_PG_BIN", named, found, major)),
            };
        }
        Ok(std::iter::once(&self.fetched.join("postgres/bin"))
            .chain(&self.installed)
            .filter_map(|folder| self.postgres_in(folder))
            .find(|found| fits(found.version)))
    }

    /// The first nats-server that is recent enough.
    ///
    /// # Errors
    /// When one was named and will not do.
    pub fn nats(&self) -> Result<Option<Found>, DevError> {
        if let Some(named) = &self.named_nats {
            let folder_holds = named.join("nats-server");
            let program = if named.is_dir() { &folder_holds } else { named };
            return match self.version(program) {
                Some(version) if version >= OLDEST_NATS => {
                    Ok(Some(Found { path: program.clone(), version }))
                }
                found => {
                    let found = found.map(|version| Found { path: program.clone(), version });
                    Err(unfit("ANNALS_NATS_BIN", named, found, None))
                }
            };
        }
        Ok(std::iter::once(&self.fetched.join("nats"))
            .chain(&self.installed)
            .map(|folder| folder.join("nats-server"))
            .filter_map(|path| Some(Found { version: self.version(&path)?, path }))
            .find(|found| found.version >= OLDEST_NATS))
    }

    /// The Postgres in a folder. Followed through links, since `/usr/local/bin` may hold two of
    /// its programs only, and never the files they need.
    fn postgres_in(&self, folder: &Path) -> Option<Found> {
        let program = folder.join("postgres").canonicalize().ok()?;
        let real = parent(&program);
        let path = if real.join("initdb").is_file() { real } else { folder };
        if !path.join("initdb").is_file() {
            return None;
        }
        let version = self.version(&program)?;
        // `initdb` needs libraries that `postgres` does not.
        (self.version(&path.join("initdb"))? == version)
            .then(|| Found { path: path.to_owned(), version })
    }

    /// What a program says its version is, asked as the user who will run it.
    fn version(&self, program: &Path) -> Option<Version> {
        if !program.is_file() {
            return None;
        }
        let mut command = Command::new(program);
        command.arg("--version").current_dir("/").stdin(Stdio::null()).stderr(Stdio::null());
        plain_environment(&mut command);
        as_whom(self.run_as, &mut command);
        let output = command.output().ok().filter(|output| output.status.success())?;
        Version::find(&String::from_utf8_lossy(&output.stdout))
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn unfit(name: &'static str, value: &Path, found: Option<Found>, major: Option<u32>) -> DevError {
    let (what, oldest) = match name {
        "ANNALS_PG_BIN" => ("a folder with postgres and initdb", OLDEST_POSTGRES),
        _ => ("a nats-server", OLDEST_NATS),
    };
    let needed = match major {
        Some(major) => format!("version {major} is needed, which made the cluster at hand"),
        None => format!("{oldest} or newer is needed"),
    };
    let reason = match found {
        Some(found) => format!("it is {}, and {needed}", found.version),
        None => format!("it is not {what} that the servers' user can start; {needed}"),
    };
    DevError::Environment { name, value: value.display().to_string(), reason }
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .collect::<Vec<_>>()
        .into_iter()
}

fn usual() -> impl Iterator<Item = PathBuf> {
    let numbered = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
    ];
    let plain = ["/usr/local/bin", "/usr/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin"];
    numbered
        .into_iter()
        .flat_map(|(folder, prefix, below)| newest_first(Path::new(folder), prefix, below))
        .chain(plain.map(PathBuf::from))
}

/// Folders named after a version, such as `15` and `18`, the highest first.
fn newest_first(folder: &Path, prefix: &str, below: &str) -> Vec<PathBuf> {
    let number = |name: &OsStr| name.to_str()?.strip_prefix(prefix)?.parse::<u32>().ok();
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((number(&entry.file_name())?, entry.path().join(below)))
        })
        .collect();
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn folder(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn with(self, folder: &str, program: &str, says: &str) -> Self {
            let folder = self.folder(folder);
            fs::create_dir_all(&folder).unwrap();
            // Written by another process: a file that this one has open for writing cannot be started.
            let made = Command::new("sh")
                .args([
                    "-c",
                    r#"printf '#!/bin/sh\necho "%s"\n' "$2" >"$1" && chmod 755 "$1""#,
                    "sh",
                ])
                .arg(folder.join(program))
                .arg(says)
                .status();
            assert!(made.unwrap().success());
            self
        }

        fn with_postgres(self, folder: &str, version: &str) -> Self {
            let says = format!("postgres (PostgreSQL) {version}");
            let initdb = format!("initdb (PostgreSQL) {version}");
            self.with(folder, "postgres", &says).with(folder, "initdb", &initdb)
        }

        fn with_nats(self, folder: &str, version: &str) -> Self {
            self.with(folder, "nats-server", &format!("nats-server: v{version}"))
        }

        fn finder(&self, installed: &[&str]) -> Finder {
            Finder {
                named_postgres: None,
                named_nats: None,
                fetched: self.folder("fetched"),
                installed: installed.iter().map(|name| self.folder(name)).collect(),
                run_as: None,
            }
        }
    }

    #[test]
    fn a_server_that_is_too_old_is_passed_over() {
        let machine = Machine::new()
            .with_postgres("old", "14.19")
            .with_postgres("good", "16.2")
            .with_nats("old", "2.9.10")
            .with_nats("good", "2.12.1");
        let finder = machine.finder(&["old", "good"]);
        let postgres = finder.postgres(None).unwrap().unwrap();
        assert_eq!(postgres.version, Version::new(16, 2, 0));
        assert_eq!(finder.nats().unwrap().unwrap().path, machine.folder("good/nats-server"));
        let only_old = machine.finder(&["old"]);
        assert_eq!(only_old.postgres(None).unwrap(), None);
        assert_eq!(only_old.nats().unwrap(), None);
    }

    #[test]
    fn what_was_fetched_comes_before_what_is_installed() {
        let machine = Machine::new()
            .with_postgres("installed", "17.1")
            .with_postgres("fetched/postgres/bin", "18.6")
            .with_nats("installed", "2.14.0")
            .with_nats("fetched/nats", "2.15.1");
        let finder = machine.finder(&["installed"]);
        assert_eq!(finder.postgres(None).unwrap().unwrap().version.major, 18);
        assert_eq!(finder.nats().unwrap().unwrap().version, Version::new(2, 15, 1));
    }

    #[test]
    fn a_cluster_is_given_the_postgres_that_made_it() {
        let machine = Machine::new().with_postgres("a", "18.6").with_postgres("b", "15.20");
        let finder = machine.finder(&["a", "b"]);
        assert_eq!(finder.postgres(Some(15)).unwrap().unwrap().path, machine.folder("b"));
        assert_eq!(finder.postgres(Some(16)).unwrap(), None);
    }

    #[test]
    fn a_link_to_postgres_leads_to_the_folder_it_is_from() {
        let machine = Machine::new().with_postgres("real", "15.20");
        fs::create_dir(machine.folder("bin")).unwrap();
        std::os::unix::fs::symlink(machine.folder("real/postgres"), machine.folder("bin/postgres"))
            .unwrap();
        let found = machine.finder(&["bin"]).postgres(None).unwrap().unwrap();
        assert_eq!(found.path, machine.folder("real").canonicalize().unwrap());
    }

    #[test]
    fn postgres_without_initdb_is_not_one() {
        let machine = Machine::new().with("bin", "postgres", "postgres (PostgreSQL) 18.6");
        assert_eq!(machine.finder(&["bin"]).postgres(None).unwrap(), None);
    }

    #[test]
    fn postgres_with_an_initdb_that_does_not_start_is_not_one() {
        let machine = Machine::new()
            .with("broken", "postgres", "postgres (PostgreSQL) 18.6")
            .with("broken", "initdb", "error while loading shared libraries")
            .with_postgres("good", "16.2");
        let found = machine.finder(&["broken", "good"]).postgres(None).unwrap().unwrap();
        assert_eq!(found.version.major, 16);
    }

    #[test]
    fn a_server_that_was_named_is_taken_or_refused_but_never_replaced() {
        let machine = Machine::new()
            .with_postgres("named", "14.1")
            .with_postgres("installed", "18.6")
            .with_nats("named", "2.11.0")
            .with_nats("installed", "2.15.1");
        let mut finder = machine.finder(&["installed"]);
        finder.named_postgres = Some(machine.folder("named"));
        finder.named_nats = Some(machine.folder("named"));
        let postgres = finder.postgres(None).unwrap_err().to_string();
        assert!(postgres.contains("it is 14.1, and 15.0 or newer is needed"), "{postgres}");
        let nats = finder.nats().unwrap_err().to_string();
        assert!(nats.contains("it is 2.11, and 2.12.1 or newer is needed"), "{nats}");
        finder.named_postgres = Some(machine.folder("installed/postgres"));
        finder.named_nats = Some(machine.folder("installed/nats-server"));
        assert_eq!(finder.postgres(None).unwrap().unwrap().version.major, 18);
        assert_eq!(finder.nats().unwrap().unwrap().version, Version::new(2, 15, 1));
    }

    #[test]
    fn the_highest_of_several_installed_versions_comes_first() {
        let machine = Machine::new();
        for name in ["9", "15", "17", "common"] {
            fs::create_dir_all(machine.folder(name).join("bin")).unwrap();
        }
        let found = newest_first(machine.0.path(), "", "bin");
        let expected: Vec<_> =
            ["17", "15", "9"].iter().map(|name| machine.folder(name).join("bin")).collect();
        assert_eq!(found, expected);
    }
}
