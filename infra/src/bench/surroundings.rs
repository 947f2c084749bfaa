//! What figures depend on: versions, machine, and the settings that decide what a commit costs.

use std::{collections::BTreeMap, fs, time::Duration};

use async_nats::Client;
use serde::Serialize;
use sqlx::{Connection, PgConnection, Row};
use tokio::time::timeout;

use crate::settings::{Settings, mask_url};

/// What figures depend on.
#[derive(Debug, Clone, Serialize)]
pub struct Surroundings {
    /// Version of this program.
    pub annals: &'static str,
    /// Cores that this process may use.
    pub cores: usize,
    /// The processor's name.
    pub processor: Option<String>,
    /// Where NATS is.
    pub nats: String,
    /// Its version.
    pub nats_version: String,
    /// Name and value; nothing where DATABASE_URL does not lead to it from here.
    pub postgres: BTreeMap<String, String>,
}

/// Settings of Postgres that are shown.
const SHOWN: [&str; 8] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_compression",
    "shared_buffers",
    "max_wal_size",
    "wal_sync_method",
];

/// Looks around.
pub async fn look(settings: &Settings, client: &Client) -> Surroundings {
    let postgres = match &settings.database_url {
        Some(url) => timeout(Duration::from_secs(3), postgres(url.expose())).await,
        None => Ok(Ok(BTreeMap::new())),
    };
    Surroundings {
        annals: env!("CARGO_PKG_VERSION"),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        processor: processor(),
        nats: mask_url(settings.nats_url.expose()),
        nats_version: client.server_info().version,
        postgres: postgres.ok().and_then(Result::ok).unwrap_or_default(),
    }
}

async fn postgres(url: &str) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let rows = sqlx::query(
        "SELECT name, current_setting(name)
         FROM unnest($1::text[]) AS asked (name)",
    )
    .bind(SHOWN.as_slice())
    .fetch_all(&mut connection)
    .await?;
    let head: i64 =
        sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(&mut connection).await?;
    let mut values = BTreeMap::new();
    for row in rows {
        values.insert(row.try_get(0)?, row.try_get(1)?);
    }
    values.insert("events in the log".to_owned(), head.to_string());
    Ok(values)
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
