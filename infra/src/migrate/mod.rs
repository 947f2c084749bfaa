//! Bringing a database to the present schema: the log, then the read models.

mod deferred;
mod history;
mod read_model;
mod versions;

pub use deferred::{defer, make as make_deferred};
pub(crate) use history::is_history;
pub use history::{as_of_schema, history_schema, schemas};
pub use read_model::{
    build, build_rows, drop_schema, rename, replace_schema, retire_schema, tables_hash,
};
pub use versions::carry_over;

use std::str::FromStr;

use annals_projections::Catalogue;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, Row,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

/// Migrations of the event store.
pub static STORE: Migrator = sqlx::migrate!("migrations/store");

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Version of the event store's schema now.
    pub version: i64,
    /// How many migrations ran.
    pub ran: usize,
    /// Read models that were made.
    pub made: Vec<String>,
    /// Read models whose table files have changed since: they want a rebuild.
    pub stale: Vec<String>,
}

/// Why a migration failed. The log is as it was, or at its present version; of the read models, those
/// that were made stay. It can be run again.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The URL is none.
    #[error(
        "DATABASE_URL cannot be read: it should look like postgres://user:password@host:5432/database"
    )]
    Url,
    /// Postgres refuses.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// A numbered migration failed, or was edited after it ran.
    #[error("migration: {0}")]
    Migration(#[from] MigrateError),
    /// A table file failed.
    #[error("{file}: {source}")]
    Table {
        /// Which file.
        file: String,
        /// What Postgres says.
        source: sqlx::Error,
    },
    /// Others depend on a schema that would go.
    #[error("{0}")]
    Dependents(String),
}

/// A connection for migrations: the login's own rights, and nothing found by chance.
///
/// # Errors
/// When the URL cannot be read or Postgres refuses.
pub async fn connect(url: &str) -> Result<PgConnection, MigrationError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| MigrationError::Url)?;
    let options = options.application_name("annals migrate").options([
        ("search_path", "annals,pg_catalog"),
        ("client_min_messages", "warning"),
        ("timezone", "UTC"),
    ]);
    Ok(options.connect().await?)
}

/// Brings an empty or older database to the present schema.
///
/// # Errors
/// See [`MigrationError`].
pub async fn migrate(url: &str, catalogue: &Catalogue) -> Result<Migrated, MigrationError> {
    let mut connection = connect(url).await?;
    // One at a time over all databases of the server: roles are shared by them.
    connection.execute("SELECT pg_advisory_lock(hashtext('annals.migrate'))").await?;
    connection.execute("CREATE SCHEMA IF NOT EXISTS annals").await?;
    let before = applied(&mut connection).await?;
    // One transaction: a migration is noted wherever migrations are noted, or did not happen.
    let mut transaction = connection.begin().await?;
    STORE.run(&mut *transaction).await?;
    for context in catalogue.contexts() {
        versions::note(&mut transaction, context, context.name).await?;
    }
    transaction.commit().await?;
    let after = applied(&mut connection).await?;
    let mut migrated = Migrated {
        version: after.iter().copied().max().unwrap_or_default(),
        ran: after.len() - before.len(),
        ..Migrated::default()
    };
    for context in catalogue.contexts() {
        let hash = tables_hash(context);
        let known: Option<(String, i64)> =
            sqlx::query_as("SELECT tables_hash, position FROM annals.projections WHERE name = $1")
                .bind(context.name)
                .fetch_optional(&mut connection)
                .await?;
        match known {
            Some((known, _)) if known == hash => {
                let mut transaction = connection.begin().await?;
                history::ensure(&mut transaction, context).await?;
                transaction.commit().await?;
            }
            // Nothing is in it yet: no rebuild is needed to make it anew.
            Some((_, 0)) => {
                let mut transaction = connection.begin().await?;
                drop_schema(&mut transaction, context.name).await?;
                build(&mut transaction, context, context.name).await?;
                sqlx::query("UPDATE annals.projections SET tables_hash = $2 WHERE name = $1")
                    .bind(context.name)
                    .bind(&hash)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                migrated.made.push(context.name.to_owned());
            }
            Some(_) => migrated.stale.push(context.name.to_owned()),
            None => {
                let mut transaction = connection.begin().await?;
                build(&mut transaction, context, context.name).await?;
                sqlx::query("INSERT INTO annals.projections (name, tables_hash) VALUES ($1, $2)")
                    .bind(context.name)
                    .bind(&hash)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                migrated.made.push(context.name.to_owned());
            }
        }
    }
    connection.close().await?;
    Ok(migrated)
}

/// Makes the database of a URL, if it is not there and the login may.
///
/// # Errors
/// When Postgres refuses.
pub async fn ensure_database(url: &str) -> Result<bool, MigrationError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| MigrationError::Url)?;
    let name = options.get_database().ok_or(MigrationError::Url)?.to_owned();
    let mut server = options.database("postgres").connect().await?;
    let known: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut server)
            .await?;
    if !known {
        let name = name.replace('"', "\"\"");
        server.execute(format!("CREATE DATABASE \"{name}\"").as_str()).await?;
    }
    server.close().await?;
    Ok(!known)
}

async fn applied(connection: &mut PgConnection) -> Result<Vec<i64>, sqlx::Error> {
    let known: bool = connection
        .fetch_one("SELECT to_regclass('annals._sqlx_migrations') IS NOT NULL")
        .await?
        .get(0);
    if !known {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("SELECT version FROM annals._sqlx_migrations WHERE success")
        .fetch_all(connection)
        .await
}
