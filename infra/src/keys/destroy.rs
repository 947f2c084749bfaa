//! Destroying a person's keys, and learning which ones others destroyed.

use chrono::{DateTime, Utc};

use super::{Keys, KeysError, store::is_deployment};

/// How many destructions are learnt of at once.
const PAGE: i64 = 1000;

/// A key that is gone: what an erasure's receipt says of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DestroyedKey {
    /// Which of the person's keys.
    pub number: i32,
    /// What events named it by; none for a person who never had a key.
    pub commitment: Option<Vec<u8>>,
    /// When it was destroyed; the first time, if it was asked for again.
    pub destroyed_at: DateTime<Utc>,
}

impl Keys {
    /// Destroys a person's keys for good, and fences off new ones, also for somebody who never had one.
    /// It is durable when this returns; asking again changes nothing and gives the same answer.
    ///
    /// Other processes learn of it when they next [`refresh_destroyed`](Self::refresh_destroyed); what
    /// they seal until then is sealed under a key that is gone, and so is unreadable from the start.
    ///
    /// # Errors
    /// When the key store does not answer; it is not known then whether the keys are destroyed.
    pub async fn destroy(&self, subject: &str) -> Result<Vec<DestroyedKey>, KeysError> {
        if is_deployment(subject) {
            return Err(KeysError::NoPerson);
        }
        let mut transaction = self.pool.begin().await?;
        // One at a time, so that destructions are numbered in the order of their commits.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtext('annals.keys.destroy'))")
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "INSERT INTO annals_keys.subject_keys (subject, number, destroyed_at, destruction)
             SELECT $1, 1, clock_timestamp(), coalesce(max(destruction), 0) + 1
             FROM annals_keys.subject_keys
             ON CONFLICT DO NOTHING",
        )
        .bind(subject)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "UPDATE annals_keys.subject_keys
             SET wrapped = NULL, kek_id = NULL, destroyed_at = clock_timestamp(),
                 destruction = (SELECT coalesce(max(destruction), 0) + 1
                                FROM annals_keys.subject_keys)
             WHERE subject = $1 AND destroyed_at IS NULL",
        )
        .bind(subject)
        .execute(&mut *transaction)
        .await?;
        let destroyed = sqlx::query_as(
            "SELECT number, commitment, destroyed_at FROM annals_keys.subject_keys
             WHERE subject = $1 ORDER BY number",
        )
        .bind(subject)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.cache().destroy(subject);
        Ok(destroyed)
    }

    /// Forgets keys that other processes destroyed since this was last asked. To be called every few
    /// seconds: so long may a key that is gone still be used here.
    ///
    /// # Errors
    /// When the key store does not answer. Nothing is missed then: the next call asks for the same.
    pub async fn refresh_destroyed(&self) -> Result<(), KeysError> {
        loop {
            let seen = self.cache().seen();
            let destroyed: Vec<(String, i64)> = sqlx::query_as(
                "SELECT subject, destruction FROM annals_keys.subject_keys
                 WHERE destruction > $1 ORDER BY destruction LIMIT $2",
            )
            .bind(seen)
            .bind(PAGE)
            .fetch_all(&self.pool)
            .await?;
            let Some((_, last)) = destroyed.last() else { return Ok(()) };
            let mut cache = self.cache();
            for (subject, _) in &destroyed {
                cache.destroy(subject);
            }
            cache.saw(*last);
        }
    }
}
