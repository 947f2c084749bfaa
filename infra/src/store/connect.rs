//! Pools with the rights that a role of ours has, on a Postgres that keeps what it says it kept.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Executor, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 500;

/// What is acknowledged stays on disk even where somebody switches that off later, for the database or for all.
const PIN: &str = "SELECT set_config('synchronous_commit', coalesce(
    nullif(current_setting('synchronous_commit'), 'off'), 'on'), false)";

/// What a pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever the URL names; for migrations and for looking around.
    Login,
    /// Command services.
    Appender,
    /// The relay.
    Relay,
    /// Projectors.
    Projector,
    /// Reactors.
    Reactor,
    /// The notary, which signs checkpoints.
    Notary,
    /// Auditors.
    Auditor,
    /// Queries of signed-in subjects, under row level security.
    Reader,
}

impl Role {
    /// The database role that it stands for; none for the login itself.
    #[must_use]
    pub const fn database_role(self) -> Option<&'static str> {
        match self {
            Self::Login => None,
            Self::Appender => Some("annals_appender"),
            Self::Relay => Some("annals_relay"),
            Self::Projector => Some("projector"),
            Self::Reactor => Some("annals_reactor"),
            Self::Notary => Some("annals_notary"),
            Self::Auditor => Some("annals_auditor"),
            Self::Reader => Some("authenticated"),
        }
    }
}

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none.
    #[error(
        "DATABASE_URL cannot be read: it should look like postgres://user:password@host:5432/database"
    )]
    Url,
    /// Postgres does not answer, or refuses.
    #[error("Postgres cannot be reached: {0}")]
    Unreachable(#[source] sqlx::Error),
    /// Postgres is too old.
    #[error("this Postgres is version {0}, and Annals needs 15 or newer")]
    TooOld(i32),
    /// Postgres may lose what it acknowledged.
    #[error(
        "this Postgres can lose acknowledged commits: {setting} is {value}. Set it to {wanted} \
         (ALTER SYSTEM SET {setting} = {wanted}; SELECT pg_reload_conf();)"
    )]
    Unsafe {
        /// The setting.
        setting: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
}

/// Connects with the rights of a role.
///
/// # Errors
/// When Postgres cannot be reached, is older than 15, or can lose commits. The last is let pass where
/// `allow_unsafe` is set, which tests do on a throw-away cluster.
pub async fn connect(
    url: &str,
    role: Role,
    connections: u32,
    allow_unsafe: bool,
) -> Result<PgPool, ConnectError> {
    let mut options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::Url)?;
    options = options.application_name("annals").options([
        ("idle_in_transaction_session_timeout", "60000"),
        ("search_path", "pg_catalog"),
        ("timezone", "UTC"),
    ]);
    // A projector has some statements for each table and set of columns.
    options = options.statement_cache_capacity(STATEMENTS);
    if let Some(name) = role.database_role() {
        options = options.options([("role", name)]);
    }
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if role == Role::Appender && !allow_unsafe {
                    connection.execute(PIN).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await
        .map_err(ConnectError::Unreachable)?;
    check(&pool, allow_unsafe).await?;
    Ok(pool)
}

async fn check(pool: &PgPool, allow_unsafe: bool) -> Result<(), ConnectError> {
    let row = sqlx::query(
        "SELECT current_setting('server_version_num')::int, current_setting('fsync'),
                current_setting('full_page_writes'),
                (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit')",
    )
    .fetch_one(pool)
    .await
    .map_err(ConnectError::Unreachable)?;
    let version: i32 = row.get(0);
    if version < 150_000 {
        return Err(ConnectError::TooOld(version / 10_000));
    }
    if allow_unsafe {
        return Ok(());
    }
    for (at, setting) in ["fsync", "full_page_writes", "synchronous_commit"].into_iter().enumerate()
    {
        let value: String = row.get(at + 1);
        if value == "off" {
            return Err(ConnectError::Unsafe { setting, value, wanted: "on" });
        }
    }
    Ok(())
}
