//! What every operator's command begins with: settings, and connections with just the rights needed.

use std::{io, path::PathBuf, str::FromStr, time::Duration};

use async_nats::Client;
use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};

use super::error::OpsError;
use crate::{
    cli::complain,
    keys::{Kek, Keys, secrets},
    proof::note::{SigningKey, VerifierKey},
    serve::{NatsError, connect_nats},
    settings::{Flags, Settings, Sources},
    store::{ConnectError, Role, connect},
};

/// The folder of `annals dev`, where it runs in this one.
const DEV: &str = ".dev";
/// How long Postgres may take to answer before it counts as out of reach.
const POSTGRES: Duration = Duration::from_secs(5);
/// How long NATS may take to answer before it counts as out of reach.
const NATS: Duration = Duration::from_secs(3);

/// Settings, as an operator's command finds them.
pub(super) struct Setup {
    /// The settings.
    pub settings: Settings,
    /// Whether they lead to the `annals dev` of this folder.
    pub is_dev: bool,
}

impl Setup {
    /// Reads the settings; warnings go to the standard error output.
    pub fn new(flags: &Flags) -> Result<Self, OpsError> {
        let resolved = Sources::of_process(flags.clone()).with_dev().resolve();
        for warning in resolved.warnings() {
            complain(&format!("annals: {warning}"));
        }
        Ok(Self::of(resolved.settings()?, &dev_database()))
    }

    fn of(settings: Settings, dev_database: &Option<String>) -> Self {
        let url = settings.database_url.as_ref().map(|url| url.expose().to_owned());
        let is_dev = url.is_some() && url == *dev_database;
        Self { settings, is_dev }
    }

    /// The event store's URL.
    pub fn database_url(&self) -> Result<&str, OpsError> {
        let url = self.settings.database_url.as_ref().ok_or(OpsError::Missing("DATABASE_URL"))?;
        Ok(url.expose())
    }

    /// The key store's URL.
    pub fn keys_url(&self) -> Result<&str, OpsError> {
        let url = self.settings.keys_url.as_ref().ok_or(OpsError::Missing("ANNALS_KEYS_URL"))?;
        Ok(url.expose())
    }

    /// The key-encryption key's file: the configured one, or that of this folder's `annals dev`.
    pub fn kek_file(&self) -> Option<PathBuf> {
        let beside =
            || Some(PathBuf::from(DEV).join("kek")).filter(|it| self.is_dev && it.is_file());
        self.settings.kek_file.clone().or_else(beside)
    }

    /// A file of this folder's `annals dev`, where that is what the settings lead to.
    pub fn dev_file(&self, name: &str) -> Option<PathBuf> {
        Some(PathBuf::from(DEV).join(name)).filter(|it| self.is_dev && it.exists())
    }

    /// Keys that are trusted to sign for the log: those given, else the public halves of the
    /// configured signing keys.
    pub fn verifiers(&self, given: &[String]) -> Result<Vec<VerifierKey>, OpsError> {
        if !given.is_empty() {
            return Ok(given.iter().map(|it| VerifierKey::read(it)).collect::<Result<_, _>>()?);
        }
        let file = self.settings.signing_key_file.clone();
        let file = file.or_else(|| self.dev_file("signing-key")).ok_or_else(|| {
            OpsError::Usage("no key is trusted: give the log's verifier key with --key".to_owned())
        })?;
        let origin = &self.settings.log_origin;
        let seeds = secrets(&file)?;
        seeds.iter().map(|it| Ok(SigningKey::of_log(origin, it)?.verifier().clone())).collect()
    }

    /// The key-encryption key. It is never made here.
    pub fn kek(&self) -> Result<Kek, OpsError> {
        let file = self.kek_file().ok_or(OpsError::Missing("ANNALS_KEK_FILE"))?;
        Ok(Kek::open(&file)?)
    }

    /// The keys, without a change to the key store.
    pub async fn keys(&self) -> Result<Keys, OpsError> {
        let kek = self.kek()?;
        Ok(Keys::open(self.keys_url()?, kek).await?)
    }

    /// A pool with the rights of a role. What is done here loses no commits, so that a Postgres that
    /// can lose them is let pass; `annals doctor` and `annals serve` do not.
    pub async fn pool(&self, role: Role, connections: u32) -> Result<PgPool, OpsError> {
        let url = self.database_url()?;
        // A pool tries for long, and then says nothing of why; one connection says it at once.
        answers(url).await.map_err(|error| explained(error, role))?;
        connect(url, role, connections, true).await.map_err(|error| explained(error, role))
    }

    /// NATS, if it answers soon.
    pub async fn nats(&self) -> Result<Client, NatsError> {
        nats(&self.settings).await
    }
}

async fn answers(url: &str) -> Result<(), ConnectError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::Url)?;
    let answer = tokio::time::timeout(POSTGRES, PgConnection::connect_with(&options)).await;
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer in time").into();
    let connection = answer.unwrap_or_else(|_| Err(late())).map_err(ConnectError::Unreachable)?;
    let _ = connection.close().await;
    Ok(())
}

async fn nats(settings: &Settings) -> Result<Client, NatsError> {
    let kind = async_nats::ConnectErrorKind::TimedOut;
    let late = NatsError::Unreachable(async_nats::ConnectError::new(kind));
    let connected = connect_nats(settings.nats_url.expose(), settings.nats_creds.as_deref());
    tokio::time::timeout(NATS, connected).await.unwrap_or(Err(late))
}

/// The database of the `annals dev` that runs in this folder.
fn dev_database() -> Option<String> {
    let alone = Sources::of(Flags::default(), [], "").with_dev().resolve().settings().ok()?;
    alone.database_url.map(|url| url.expose().to_owned())
}

/// A refused role means that the database is not migrated, or that the login was not given it.
fn explained(error: ConnectError, role: Role) -> OpsError {
    let ConnectError::Unreachable(source) = error else { return error.into() };
    let code = source.as_database_error().and_then(|it| it.code()).map(|it| it.into_owned());
    match (code.as_deref(), role.database_role()) {
        (Some("22023"), Some(_)) | (Some("3D000"), _) => OpsError::NotMigrated,
        (Some("42501"), Some(role)) => OpsError::NotAllowed { role, source },
        _ => ConnectError::Unreachable(source).into(),
    }
}

/// Tells a database without our tables from one that is out of order.
pub(super) fn tables_missing(error: sqlx::Error) -> OpsError {
    let code = error.as_database_error().and_then(|it| it.code()).map(|it| it.into_owned());
    match code.as_deref() {
        Some("42P01" | "3F000") => OpsError::NotMigrated,
        _ => error.into(),
    }
}
