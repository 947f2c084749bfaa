//! The servers that everybody is measured on, and who may do what on them.

use std::{fs, path::PathBuf, sync::Arc};

use annals_infra::{
    auth::dev::{DevIssuer, ISSUER, Ticket},
    dev::{Options, Servers},
};
use chrono::Utc;
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use super::{
    fault::{Done, Fault},
    serve::Program,
};

/// The system's token's subject.
const SYSTEM: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0001);
/// The operator's.
const OPERATOR: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0002);
/// An admin's.
pub const ADMIN: Uuid = Uuid::from_u128(0x0c00_0000_0000_7000_8000_0000_0000_0001);

/// One Postgres and one nats-server, as durable as `annals dev` has them.
pub struct World {
    servers: Servers,
    folder: PathBuf,
}

impl World {
    /// Starts both in an empty folder.
    pub async fn start(folder: PathBuf) -> Done<Self> {
        clear(&folder)?;
        let mut options = Options::new(&folder);
        options.fresh = true;
        options.report = Arc::new(|step| eprintln!("bench: {step}"));
        let servers = Servers::start(options).await?;
        let folder = servers.dir().to_owned();
        Ok(Self { servers, folder })
    }

    /// Stops both and removes their data.
    pub async fn stop(self) -> Done {
        let Self { servers, folder } = self;
        let mut elsewhere = fs::read_to_string(folder.join("place")).ok();
        servers.stop().await;
        if let Some(place) = elsewhere.take() {
            // Only what this run made: the folder that the servers' own file names.
            let place = PathBuf::from(place.trim());
            if place.join("postgres").exists() {
                fs::remove_dir_all(place)?;
            }
        }
        clear(&folder)
    }

    /// NATS, with all rights.
    pub fn nats_url(&self) -> &str {
        self.servers.nats_url()
    }

    /// NATS, with the rights of an API service.
    pub fn client_nats_url(&self) -> String {
        self.servers.client_nats_url().unwrap_or_else(|| self.nats_url().to_owned())
    }

    /// Annals' database.
    pub fn database_url(&self) -> &str {
        self.servers.database_url()
    }

    /// A database of a peer's own, made the first time.
    pub async fn database(&self, name: &str) -> Done<String> {
        let (server, _) = self.database_url().rsplit_once('/').ok_or("no database")?;
        let url = format!("{server}/{name}");
        if PgConnection::connect(&url).await.is_err() {
            self.servers.create_database(name, None).await?;
        }
        Ok(url)
    }

    /// How `annals` is called here.
    pub fn program(&self, path: PathBuf) -> Done<Program> {
        let issuer = DevIssuer::open(&self.folder)?;
        let settings = vec![
            ("DATABASE_URL", self.database_url().to_owned()),
            ("NATS_URL", self.nats_url().to_owned()),
            ("ANNALS_KEK_FILE", self.folder.join("kek").display().to_string()),
            ("ANNALS_JWKS", issuer.jwks().display().to_string()),
            ("ANNALS_JWT_ISSUER", ISSUER.to_owned()),
            ("RUST_LOG", "warn".to_owned()),
        ];
        Ok(Program { path, settings, folder: self.folder.clone() })
    }

    /// Who signs tokens here.
    pub fn issuer(&self) -> Done<DevIssuer> {
        Ok(DevIssuer::open(&self.folder)?)
    }

    /// Everything of a commit that a setting decides, and the versions.
    pub async fn about(&self) -> Done<String> {
        let mut connection = PgConnection::connect(self.database_url()).await?;
        let mut settings = Vec::new();
        for name in
            ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"]
        {
            let value: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(name)
                .fetch_one(&mut connection)
                .await?;
            settings.push(format!("{name} {value}"));
        }
        let nats = self.servers.nats_version().map(|it| it.to_string()).unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        Ok(format!("{cores} cores; Postgres: {}; nats-server {nats}", settings.join(", ")))
    }
}

/// Tokens of those who are not wallets' owners.
pub struct Tokens {
    /// A service that acts as itself.
    pub system: String,
    /// Who runs the platform.
    pub operator: String,
    /// An admin of the wallets' context.
    pub admin: String,
}

impl Tokens {
    /// Good for a day.
    pub fn of(issuer: &DevIssuer) -> Self {
        let day = std::time::Duration::from_secs(86_400);
        let token = |ticket: Ticket| issuer.token(&ticket.lasting(day), Utc::now());
        Self {
            system: token(Ticket::system(SYSTEM)),
            operator: token(Ticket::operator(OPERATOR)),
            admin: token(Ticket::person(ADMIN).email("admin@bench.example")),
        }
    }
}

/// A pool of so many connections, all of them open. Connections are not tried before each use: a peer
/// that is well set up does not pay a round trip for that.
pub async fn pool(url: &str, size: u32) -> Done<PgPool> {
    let options: PgConnectOptions = url.parse()?;
    let pool = PgPoolOptions::new()
        .min_connections(size)
        .max_connections(size)
        .test_before_acquire(false)
        .acquire_timeout(std::time::Duration::from_secs(60))
        .connect_with(options)
        .await?;
    let mut all = Vec::new();
    for _ in 0..size {
        all.push(pool.acquire().await?);
    }
    drop(all);
    Ok(pool)
}

/// Runs a file of statements.
pub async fn script(url: &str, sql: &str) -> Done {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(sqlx::raw_sql(sql)).await?;
    connection.close().await?;
    Ok(())
}

/// Writes out what earlier measurements left to be written.
pub async fn checkpoint(url: &str) -> Done {
    script(url, "CHECKPOINT").await
}

/// Removes what an earlier run left; nothing that is not ours.
fn clear(folder: &std::path::Path) -> Done {
    if folder.join("postgres").exists() || folder.join("env").exists() {
        fs::remove_dir_all(folder)
            .map_err(|error| -> Fault { format!("{}: {error}", folder.display()).into() })?;
    }
    Ok(())
}
