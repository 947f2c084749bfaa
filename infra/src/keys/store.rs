//! Where wrapped keys are kept, and those in memory.

use std::{
    num::NonZeroUsize,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::error::Unspecified;
use lru::LruCache;
use sqlx::{
    PgPool, Row,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{DataKey, Kek, KeyState};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/keys");

/// Keys in memory.
const CACHED: usize = 100_000;
/// How long a key is believed to be there without asking again: so long may something still be sealed
/// for a person whose key another process destroyed.
const BELIEVED: Duration = Duration::from_secs(5);

/// The key store.
pub struct Keys {
    pool: PgPool,
    kek: Kek,
    cache: Mutex<LruCache<Arc<str>, KeyState>>,
    checked: Mutex<(Instant, chrono::DateTime<chrono::Utc>)>,
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
    /// The key store does not answer.
    #[error("the key store: {0}")]
    Store(#[from] sqlx::Error),
    /// Its schema cannot be made.
    #[error("the key store's schema: {0}")]
    Migration(#[from] MigrateError),
    /// A key is wrapped by another key-encryption key.
    #[error(
        "a data key is wrapped by key-encryption key {0}, which is not the one that is configured"
    )]
    OtherKek(String),
    /// A wrapped key was altered, or there is no randomness.
    #[error("a data key cannot be unwrapped or made")]
    Cipher,
}

impl From<Unspecified> for KeysError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}

impl Keys {
    /// Connects, and brings the key store to its present schema.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connect(url: &str, kek: Kek) -> Result<Self, KeysError> {
        let keys = Self::open(url, kek).await?;
        MIGRATIONS.run(&keys.pool).await?;
        Ok(keys)
    }

    /// Connects to a key store as it is, for those who only read.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn open(url: &str, kek: Kek) -> Result<Self, KeysError> {
        let most = NonZeroUsize::new(CACHED).unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            pool: pool(url).await?,
            kek,
            cache: Mutex::new(LruCache::new(most)),
            checked: Mutex::new((Instant::now(), chrono::DateTime::UNIX_EPOCH)),
        })
    }

    /// Brings a key store to its present schema; no key is needed for that.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn migrate(url: &str) -> Result<(), KeysError> {
        let pool = pool(url).await?;
        MIGRATIONS.run(&pool).await?;
        pool.close().await;
        Ok(())
    }

    /// The key-encryption key.
    #[must_use]
    pub const fn kek(&self) -> &Kek {
        &self.kek
    }

    /// What is in memory of a person's key.
    #[must_use]
    pub fn cached(&self, subject: &str) -> Option<KeyState> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(subject).cloned()
    }

    /// Brings persons' keys into memory, and makes those that are not there. A destroyed key stays
    /// destroyed: nothing more is sealed for that person.
    ///
    /// # Errors
    /// When the key store does not answer.
    pub async fn ensure(&self, subjects: &[String]) -> Result<(), KeysError> {
        let mut fresh = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let key = DataKey::generate(subject, 1)?;
            fresh.push((self.kek.wrap(&name(subject, 1), key.secret())?, *key.commitment()));
        }
        sqlx::query(
            "INSERT INTO subject_keys (subject, number, wrapped, kek_id, commitment)
             SELECT subject, 1, wrapped, $4, commitment
             FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS given (subject, wrapped, commitment)
             ON CONFLICT DO NOTHING",
        )
        .bind(subjects)
        .bind(fresh.iter().map(|it| it.0.as_slice()).collect::<Vec<_>>())
        .bind(fresh.iter().map(|it| it.1.as_slice()).collect::<Vec<_>>())
        .bind(self.kek.id())
        .execute(&self.pool)
        .await?;
        self.load(subjects).await
    }

    /// Brings persons' keys into memory. One that was never made counts as destroyed here: whatever was
    /// sealed under it cannot be opened.
    ///
    /// # Errors
    /// When the key store does not answer, or holds a key that another key-encryption key wraps.
    pub async fn load(&self, subjects: &[String]) -> Result<(), KeysError> {
        let rows = sqlx::query(
            "SELECT asked.subject, kept.number, kept.wrapped, kept.kek_id
             FROM unnest($1::text[]) AS asked (subject)
             LEFT JOIN LATERAL (
                 SELECT * FROM subject_keys AS kept WHERE kept.subject = asked.subject
                 ORDER BY kept.number DESC LIMIT 1
             ) AS kept ON true",
        )
        .bind(subjects)
        .fetch_all(&self.pool)
        .await?;
        let mut states = Vec::with_capacity(rows.len());
        for row in rows {
            let subject: String = row.try_get(0)?;
            let state = match row.try_get::<Option<Vec<u8>>, _>(2)? {
                None => KeyState::Destroyed,
                Some(wrapped) => {
                    let number: i32 = row.try_get(1)?;
                    let kek: String = row.try_get(3)?;
                    if kek != self.kek.id() {
                        return Err(KeysError::OtherKek(kek));
                    }
                    let number = u32::try_from(number).unwrap_or_default();
                    let secret = self.kek.unwrap(&name(&subject, number), &wrapped)?;
                    KeyState::Live(Arc::new(DataKey::from_secret(&subject, number, secret)?))
                }
            };
            states.push((Arc::from(subject), state));
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, state) in states {
            cache.put(subject, state);
        }
        Ok(())
    }

    /// Destroys a person's keys for good.
    ///
    /// # Errors
    /// When the key store does not answer.
    pub async fn destroy(&self, subject: &str) -> Result<Vec<Vec<u8>>, KeysError> {
        // A person without a key gets the fence all the same.
        let nothing = [0_u8; 16];
        sqlx::query(
            "INSERT INTO subject_keys (subject, number, wrapped, kek_id, commitment, destroyed_at)
             VALUES ($1, 1, NULL, NULL, $2, clock_timestamp()) ON CONFLICT DO NOTHING",
        )
        .bind(subject)
        .bind(nothing.as_slice())
        .execute(&self.pool)
        .await?;
        let commitments = sqlx::query_scalar(
            "UPDATE subject_keys SET wrapped = NULL, kek_id = NULL,
                    destroyed_at = coalesce(destroyed_at, clock_timestamp())
             WHERE subject = $1 RETURNING commitment",
        )
        .bind(subject)
        .fetch_all(&self.pool)
        .await?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(Arc::from(subject), KeyState::Destroyed);
        Ok(commitments)
    }

    /// Forgets keys that other processes destroyed since it was last asked. Called every now and then.
    ///
    /// # Errors
    /// When the key store does not answer.
    pub async fn refresh_destroyed(&self) -> Result<(), KeysError> {
        let since = {
            let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
            if checked.0.elapsed() < BELIEVED {
                return Ok(());
            }
            checked.0 = Instant::now();
            checked.1
        };
        let rows: Vec<(String, chrono::DateTime<chrono::Utc>)> = sqlx::query_as(
            "SELECT subject, destroyed_at FROM subject_keys WHERE destroyed_at > $1",
        )
        .bind(since - chrono::Duration::seconds(60))
        .fetch_all(&self.pool)
        .await?;
        let mut latest = since;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, at) in rows {
            latest = latest.max(at);
            cache.put(Arc::from(subject), KeyState::Destroyed);
        }
        drop(cache);
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).1 = latest;
        Ok(())
    }
}

async fn pool(url: &str) -> Result<PgPool, KeysError> {
    let options = PgConnectOptions::from_str(url).map_err(|_| KeysError::Url)?;
    let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(10));
    Ok(pool.connect_with(options.application_name("annals keys")).await?)
}

/// What a wrapped key is bound to.
fn name(subject: &str, number: u32) -> Vec<u8> {
    format!("annals.subject.v1\n{number}\n{subject}").into_bytes()
}
