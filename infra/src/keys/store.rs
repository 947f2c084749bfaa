//! Where wrapped keys are kept, and those in memory.

use std::{
    collections::HashSet,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use aws_lc_rs::error::Unspecified;
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};
use zeroize::Zeroizing;

use super::{
    DataKey, Kek, KeyState,
    cache::Cache,
    data_key::{Secret, derived, new_secret},
};
use crate::store::{ConnectError, Role, connect};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/keys");

/// Keys in memory.
const CACHED: usize = 100_000;
/// Connections to the key store.
const CONNECTIONS: u32 = 4;
/// How often keys are read again because others were destroyed meanwhile.
const TRIES: usize = 10;
/// Under this name the key store keeps a key of the deployment's own. It is no person's.
const DEPLOYMENT: &str = "annals.deployment";

/// The key store.
pub struct Keys {
    pub(super) pool: PgPool,
    pub(super) kek: Kek,
    cache: Mutex<Cache>,
    /// Everybody whose keys are destroyed, as far as it is known here.
    erased: RwLock<HashSet<Box<str>>>,
    /// From which other secrets are derived.
    deployment: Option<Secret>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Keys")
    }
}

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The URL is none.
    #[error(
        "ANNALS_KEYS_URL cannot be read: it should look like postgres://user:password@host:5432/database"
    )]
    Url,
    /// The key store's Postgres cannot be used. Keys that it loses are lost with all they sealed.
    #[error("the key store: {0}")]
    Connect(#[from] ConnectError),
    /// The key store does not answer.
    #[error("the key store: {0}")]
    Store(#[from] sqlx::Error),
    /// Its schema cannot be made.
    #[error("the key store's schema: {0}")]
    Migration(#[from] MigrateError),
    /// A key is wrapped by a key-encryption key that is not at hand.
    #[error(
        "data keys are wrapped by key-encryption key {0}, which is not in the key file: put it back, \
         above the present one"
    )]
    OtherKek(String),
    /// A wrapped key was altered, or is another's.
    #[error("a data key is not what was stored: the key store was altered or is damaged")]
    Damaged,
    /// There is no randomness, or no cipher.
    #[error("no data key can be made")]
    Cipher,
    /// Keys were destroyed faster than others could be read.
    #[error("keys are being destroyed faster than others can be read; try again")]
    Changing,
    /// There is no secret of the deployment to derive others from.
    #[error("this key store was never used: start the service first")]
    Unused,
    /// Somebody wants to destroy the deployment's own key.
    #[error("this is no person's key")]
    NoPerson,
}

impl From<Unspecified> for KeysError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}

/// A person's newest key as it is stored.
#[derive(sqlx::FromRow)]
struct Row {
    subject: String,
    number: i32,
    wrapped: Option<Vec<u8>>,
    kek_id: Option<String>,
    commitment: Option<Vec<u8>>,
    /// The last destruction when it was read.
    seen: i64,
}

impl Keys {
    /// Connects, and brings the key store to its present schema if it is not there yet.
    ///
    /// # Errors
    /// When it does not answer, or holds keys that no key of the file unwraps; when it can lose commits,
    /// unless `allow_unsafe` is set, which tests do on a throw-away cluster.
    pub async fn connect(url: &str, kek: Kek, allow_unsafe: bool) -> Result<Self, KeysError> {
        let pool = pool(url, allow_unsafe).await?;
        migrate(&pool).await?;
        let mut keys = Self::over(pool, kek).await?;
        if keys.deployment.is_none() {
            keys.insert(&[DEPLOYMENT]).await?;
            keys.deployment = keys.find_deployment().await?;
        }
        Ok(keys)
    }

    /// Connects to a key store as it is, for those who only read.
    ///
    /// # Errors
    /// When it does not answer, or holds keys that no key of the file unwraps.
    pub async fn open(url: &str, kek: Kek) -> Result<Self, KeysError> {
        Self::over(pool(url, true).await?, kek).await
    }

    /// Brings a key store to its present schema; no key is needed for that.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn migrate(url: &str) -> Result<(), KeysError> {
        let pool = pool(url, true).await?;
        migrate(&pool).await?;
        pool.close().await;
        Ok(())
    }

    async fn over(pool: PgPool, kek: Kek) -> Result<Self, KeysError> {
        check_keks(&pool, &kek).await?;
        let seen: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(destruction), 0) FROM annals_keys.subject_keys",
        )
        .fetch_one(&pool)
        .await?;
        let cache = Mutex::new(Cache::new(CACHED, seen));
        let erased: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT subject FROM annals_keys.subject_keys WHERE destruction <= $1",
        )
        .bind(seen)
        .fetch_all(&pool)
        .await?;
        let erased = RwLock::new(erased.into_iter().map(String::into_boxed_str).collect());
        let mut keys = Self { pool, kek, cache, erased, deployment: None };
        keys.deployment = keys.find_deployment().await?;
        Ok(keys)
    }

    async fn find_deployment(&self) -> Result<Option<Secret>, KeysError> {
        let rows = self.select(&[DEPLOYMENT]).await?;
        Ok(rows.first().map(|row| self.unwrap(row)).transpose()?.flatten())
    }

    /// Secret bytes of the deployment for another purpose. They stay the same when the key-encryption
    /// key is replaced, and are the same in every process.
    ///
    /// # Errors
    /// When nobody who may write has connected to this key store yet.
    pub fn derived(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>, KeysError> {
        let secret = self.deployment.as_ref().ok_or(KeysError::Unused)?;
        Ok(derived(&**secret, purpose.as_bytes()))
    }

    /// What is in memory of a person's key.
    #[must_use]
    pub fn cached(&self, subject: &str) -> Option<KeyState> {
        self.cache().get(subject)
    }

    /// Brings persons' keys into memory, and makes those that are not there; what is made is durable
    /// when this returns. Any number of processes may do so at once: each person gets one key. A
    /// destroyed key stays destroyed, and nothing more is sealed for that person.
    ///
    /// # Errors
    /// When the key store does not answer, or holds a key that cannot be unwrapped.
    pub async fn ensure(&self, subjects: &[String]) -> Result<(), KeysError> {
        let mut wanted: Vec<&str> = subjects.iter().map(String::as_str).collect();
        {
            let mut cache = self.cache();
            wanted.retain(|subject| cache.get(subject).is_none());
        }
        // In one order everywhere, so that no two wait for each other.
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(());
        }
        let rows = self.insert(&wanted).await?;
        let found: Vec<String> = rows.iter().map(|row| row.subject.clone()).collect();
        if self.learn(rows)? {
            // Somebody else made these in the very moment between looking and making.
            wanted.retain(|subject| !found.iter().any(|it| it == subject));
        }
        self.read(&wanted).await
    }

    /// Brings persons' keys into memory. Of persons who have none, none is in memory afterwards either:
    /// what is said to be sealed under it cannot be opened, and is a fault, not an erasure.
    ///
    /// # Errors
    /// When the key store does not answer, or holds a key that cannot be unwrapped.
    pub async fn load(&self, subjects: &[String]) -> Result<(), KeysError> {
        let wanted: Vec<&str> = subjects.iter().map(String::as_str).collect();
        self.read(&wanted).await
    }

    /// Whether a person was erased, as far as it is known here: all that was destroyed before the last
    /// [`refresh_destroyed`](Self::refresh_destroyed), and all that was destroyed by this process.
    #[must_use]
    pub fn is_erased(&self, subject: &str) -> bool {
        self.erased.read().unwrap_or_else(PoisonError::into_inner).contains(subject)
    }

    /// Forgets a person's key.
    pub(super) fn forget(&self, subject: &str) {
        self.cache().destroy(subject);
        self.erased.write().unwrap_or_else(PoisonError::into_inner).insert(subject.into());
    }

    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(&self, wanted: &[&str]) -> Result<(), KeysError> {
        if wanted.is_empty() {
            return Ok(());
        }
        for _ in 0..TRIES {
            let rows = self.select(wanted).await?;
            if self.learn(rows)? {
                return Ok(());
            }
        }
        Err(KeysError::Changing)
    }

    /// Makes the keys that are not there, and reads those that are: one statement, one round trip. It
    /// sees the store as it was when it began, so what others made meanwhile is in neither part.
    async fn insert(&self, subjects: &[&str]) -> Result<Vec<Row>, KeysError> {
        let mut wrapped = Vec::with_capacity(subjects.len());
        let mut commitments = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let secret = new_secret()?;
            let key = DataKey::from_secret(subject, 1, &secret)?;
            wrapped.push(self.kek.wrap(&name(subject, 1, key.commitment()), &secret)?);
            commitments.push(key.commitment().to_vec());
        }
        Ok(sqlx::query_as(
            r#"WITH made AS (
                 INSERT INTO annals_keys.subject_keys (subject, number, wrapped, kek_id, commitment)
                 SELECT subject, 1, wrapped, $4, commitment
                 FROM unnest($1::text[], $2::bytea[], $3::bytea[])
                      AS given (subject, wrapped, commitment)
                 ORDER BY subject COLLATE "C"
                 ON CONFLICT DO NOTHING
                 RETURNING subject, number, wrapped, kek_id, commitment
               ), found AS (
                 SELECT DISTINCT ON (subject) subject, number, wrapped, kek_id, commitment
                 FROM annals_keys.subject_keys WHERE subject = ANY ($1)
                 ORDER BY subject, number DESC
               )
               SELECT kept.*, (SELECT coalesce(max(destruction), 0)
                               FROM annals_keys.subject_keys) AS seen
               FROM (SELECT * FROM made UNION ALL SELECT * FROM found) AS kept"#,
        )
        .bind(subjects)
        .bind(wrapped)
        .bind(commitments)
        .bind(self.kek.id())
        .fetch_all(&self.pool)
        .await?)
    }

    async fn select(&self, subjects: &[&str]) -> Result<Vec<Row>, KeysError> {
        Ok(sqlx::query_as(
            "SELECT DISTINCT ON (subject) subject, number, wrapped, kek_id, commitment,
                    (SELECT coalesce(max(destruction), 0) FROM annals_keys.subject_keys) AS seen
             FROM annals_keys.subject_keys WHERE subject = ANY ($1)
             ORDER BY subject, number DESC",
        )
        .bind(subjects)
        .fetch_all(&self.pool)
        .await?)
    }

    /// Takes rows into memory, unless keys were destroyed since they were read.
    fn learn(&self, rows: Vec<Row>) -> Result<bool, KeysError> {
        let Some(as_of) = rows.first().map(|row| row.seen) else { return Ok(true) };
        let mut states = Vec::with_capacity(rows.len());
        for row in rows {
            let state = match self.unwrap(&row)? {
                None => KeyState::Destroyed,
                Some(secret) => {
                    let key = DataKey::from_secret(&row.subject, number(row.number)?, &secret)?;
                    KeyState::Live(Arc::new(key))
                }
            };
            states.push((Arc::from(row.subject), state));
        }
        Ok(self.cache().learn(states, as_of))
    }

    /// The secret of a row, if it is not destroyed.
    fn unwrap(&self, row: &Row) -> Result<Option<Secret>, KeysError> {
        let (Some(wrapped), Some(kek), Some(commitment)) =
            (&row.wrapped, &row.kek_id, &row.commitment)
        else {
            return Ok(None);
        };
        let number = number(row.number)?;
        let secret = self
            .kek
            .unwrap(kek, &name(&row.subject, number, commitment), wrapped)
            .ok_or_else(|| KeysError::OtherKek(kek.clone()))?
            .map_err(|_| KeysError::Damaged)?;
        let key = DataKey::from_secret(&row.subject, number, &secret)?;
        if key.commitment() == commitment.as_slice() {
            Ok(Some(secret))
        } else {
            Err(KeysError::Damaged)
        }
    }
}

/// A key's number as it is counted here.
fn number(stored: i32) -> Result<u32, KeysError> {
    u32::try_from(stored).map_err(|_| KeysError::Damaged)
}

/// What a wrapped key is bound to.
pub(super) fn name(subject: &str, number: u32, commitment: &[u8]) -> Vec<u8> {
    let mut name = format!("annals.subject.v1\n{number}\n{}\n{subject}", commitment.len());
    name.push('\n');
    let mut name = name.into_bytes();
    name.extend_from_slice(commitment);
    name
}

/// The ids of all key-encryption keys that wrap something.
async fn keks_in_use(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    // From one id to the next by the index, however many keys each wraps.
    sqlx::query_scalar(
        "WITH RECURSIVE ids AS (
           (SELECT kek_id FROM annals_keys.subject_keys WHERE kek_id IS NOT NULL
            ORDER BY kek_id LIMIT 1)
           UNION ALL
           SELECT (SELECT next.kek_id FROM annals_keys.subject_keys AS next
                   WHERE next.kek_id > ids.kek_id ORDER BY next.kek_id LIMIT 1)
           FROM ids WHERE ids.kek_id IS NOT NULL
         )
         SELECT kek_id FROM ids WHERE kek_id IS NOT NULL",
    )
    .fetch_all(pool)
    .await
}

async fn check_keks(pool: &PgPool, kek: &Kek) -> Result<(), KeysError> {
    match keks_in_use(pool).await?.into_iter().find(|used| !kek.ids().any(|id| id == used)) {
        Some(unknown) => Err(KeysError::OtherKek(unknown)),
        None => Ok(()),
    }
}

async fn pool(url: &str, allow_unsafe: bool) -> Result<PgPool, KeysError> {
    PgConnectOptions::from_str(url).map_err(|_| KeysError::Url)?;
    Ok(connect(url, Role::Login, CONNECTIONS, allow_unsafe).await?)
}

/// Brings the key store to its present schema. Whoever may not change schemas can still connect to one
/// that is up to date.
async fn migrate(pool: &PgPool) -> Result<(), KeysError> {
    let mut connection = pool.acquire().await?.detach();
    let newest = MIGRATIONS.iter().map(|it| it.version).max();
    if applied(&mut connection).await? != newest {
        // Let go of when the connection is closed.
        connection.execute("SELECT pg_advisory_lock(hashtext('annals.keys.migrate'))").await?;
        connection.execute("CREATE SCHEMA IF NOT EXISTS annals_keys").await?;
        connection.execute("SET search_path TO annals_keys, pg_catalog").await?;
        MIGRATIONS.run(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

async fn applied(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    let known: bool =
        sqlx::query_scalar("SELECT to_regclass('annals_keys._sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await?;
    if !known {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT max(version) FROM annals_keys._sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
}

/// The name that no person has.
pub(super) fn is_deployment(subject: &str) -> bool {
    subject == DEPLOYMENT
}
