//! What is remembered from one start to the next: ports and passwords, so that addresses stay.
//!
//! The file is also one for people: `. .dev/env` in a shell gives it the addresses.

use std::{
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use super::{chance, error::DevError};

/// What `annals dev env` names its own database by, beside `DATABASE_URL`.
pub const OWN_DATABASE: &str = "ANNALS_DEV_DATABASE_URL";
/// What `annals dev env` names its own NATS by, beside `NATS_URL`.
pub const OWN_NATS: &str = "ANNALS_DEV_NATS_URL";
const HEADER: &str = "\
# Written by `annals dev`; it holds passwords. In a shell: . this-file
# Kept between starts, so that these addresses stay as they are.
";

/// A user's way to a server on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub user: String,
    pub password: String,
    pub port: u16,
}

impl Login {
    /// A login with a new password.
    pub fn new(user: &str, port: u16) -> Self {
        Self { user: user.to_owned(), password: chance::hex::<24>(), port }
    }

    /// The address, password included.
    pub fn url(&self, scheme: &str, path: &str) -> String {
        let Self { user, password, port } = self;
        format!("{scheme}://{user}:{password}@127.0.0.1:{port}{path}")
    }

    /// The login that an address names.
    pub fn read(url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (login, address) = rest.rsplit_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (_, port) = address.split('/').next()?.rsplit_once(':')?;
        let port = port.parse().ok()?;
        Some(Self { user: user.to_owned(), password: password.to_owned(), port })
    }
}

/// How the private servers are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The owner of everything in Postgres.
    pub postgres: Option<Login>,
    /// The one who may do everything in NATS: our own processes.
    pub nats: Option<Login>,
    /// One who may send commands and read, as an API service does.
    pub nats_client: Option<Login>,
    /// The port of nats-server's own HTTP pages.
    pub nats_monitor: Option<u16>,
}

impl Record {
    /// Reads a record; a file that is not there is an empty one.
    pub fn load(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let value = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.strip_prefix("export ")?.split_once('=')?;
                (key == name).then(|| value.trim_matches('\'').to_owned())
            })
        };
        let login = |name| value(name).as_deref().and_then(Login::read);
        Self {
            postgres: login("DATABASE_URL"),
            nats: login("NATS_URL"),
            nats_client: login("ANNALS_DEV_CLIENT_NATS_URL"),
            nats_monitor: value("ANNALS_DEV_NATS_MONITOR_URL")
                .and_then(|url| url.rsplit_once(':')?.1.parse().ok()),
        }
    }

    /// Writes the record for its owner's eyes only, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<(), DevError> {
        let draft = path.with_extension("new");
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&draft)
            .map_err(DevError::at(&draft))?;
        file.set_permissions(Permissions::from_mode(0o600)).map_err(DevError::at(&draft))?;
        file.write_all(self.to_text().as_bytes()).map_err(DevError::at(&draft))?;
        fs::rename(&draft, path).map_err(DevError::at(path))
    }

    /// The database that everything lives in.
    pub fn database_url(&self) -> Option<String> {
        self.postgres.as_ref().map(|login| login.url("postgres", "/annals"))
    }

    /// NATS for our own processes.
    pub fn nats_url(&self) -> Option<String> {
        self.nats.as_ref().map(|login| login.url("nats", ""))
    }

    /// NATS for those who send commands.
    pub fn nats_client_url(&self) -> Option<String> {
        self.nats_client.as_ref().map(|login| login.url("nats", ""))
    }

    /// nats-server's own pages.
    pub fn nats_monitor_url(&self) -> Option<String> {
        self.nats_monitor.map(|port| format!("http://127.0.0.1:{port}"))
    }

    fn to_text(&self) -> String {
        let lines = [
            ("DATABASE_URL", self.database_url()),
            ("NATS_URL", self.nats_url()),
            (OWN_DATABASE, self.database_url()),
            (OWN_NATS, self.nats_url()),
            ("ANNALS_DEV_CLIENT_NATS_URL", self.nats_client_url()),
            ("ANNALS_DEV_NATS_MONITOR_URL", self.nats_monitor_url()),
        ];
        lines.into_iter().fold(HEADER.to_owned(), |text, (name, value)| match value {
            Some(value) => text + &format!("export {name}='{value}'\n"),
            None => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env");
        let record = Record {
            postgres: Some(Login::new("annals", 20_001)),
            nats: Some(Login::new("annals", 20_002)),
            nats_client: Some(Login::new("client", 20_002)),
            nats_monitor: Some(20_003),
        };
        record.save(&path).unwrap();
        assert_eq!(Record::load(&path), record);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "passwords are for one pair of eyes");
    }

    #[test]
    fn a_shell_can_read_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env");
        let login = Login::new("annals", 20_001);
        Record { postgres: Some(login.clone()), ..Record::default() }.save(&path).unwrap();
        let output = std::process::Command::new("sh")
            .args(["-c", ". \"$1\" && printenv DATABASE_URL", "sh"])
            .arg(&path)
            .output()
            .unwrap();
        let url = format!("postgres://annals:{}@127.0.0.1:20001/annals\n", login.password);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), url);
    }

    #[test]
    fn no_file_and_nonsense_are_an_empty_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("env");
        assert_eq!(Record::load(&path), Record::default());
        fs::write(&path, "export DATABASE_URL='nonsense'\nexport\n=\n").unwrap();
        assert_eq!(Record::load(&path), Record::default());
    }
}
