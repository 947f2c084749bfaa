//! Destroying a person's keys, and learning which ones others destroyed.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Keys, KeysError, store::is_deployment};

/// How many destructions are learnt of at once.
const PAGE: i64 = 1000;

/// A key that is gone: what an erasure's receipt says of it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DestroyedKey {
    /// Whose it was.
    pub subject: String,
    /// Which of the person's keys.
    pub number: i32,
    /// What events named it by; none for a person who never had a key.
    pub commitment: Option<Vec<u8>>,
    /// When it was destroyed; the first time, if it was asked for again.
    pub destroyed_at: DateTime<Utc>,
}

/// An erasure, as it must be known whatever backup is restored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::FromRow)]
pub struct Order {
    /// The person: an id.
    pub subject: String,
    /// The event that ordered it, when it was ordered first.
    pub ordered_by: Uuid,
    /// Where that event stood then.
    pub position: i64,
    /// On which ground, as events name it.
    pub ground: String,
    /// When.
    pub ordered_at: DateTime<Utc>,
    /// Ids of what else was sealed about the person under a key of its own, such as invitations.
    #[serde(default)]
    pub related: Vec<String>,
}

impl Keys {
    /// Destroys the keys of an order's person and of what is related to them, and keeps the order, all in
    /// one transaction. Asked again, it adds what is newly known to be related.
    ///
    /// # Errors
    /// As [`destroy`](Self::destroy).
    pub async fn erase(&self, order: &Order) -> Result<Vec<DestroyedKey>, KeysError> {
        if is_deployment(&order.subject) {
            return Err(KeysError::NoPerson);
        }
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO annals_keys.erasures AS known
                 (subject, ordered_by, position, ground, ordered_at, related)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT ON CONSTRAINT erasures_pkey DO UPDATE SET related =
                 ARRAY(SELECT unnest(known.related) UNION SELECT unnest(excluded.related) ORDER BY 1)",
        )
        .bind(&order.subject)
        .bind(order.ordered_by)
        .bind(order.position)
        .bind(&order.ground)
        .bind(order.ordered_at)
        .bind(&order.related)
        .execute(&mut *transaction)
        .await?;
        let mut destroyed = Vec::new();
        for subject in std::iter::once(&order.subject).chain(&order.related) {
            destroyed.extend(destroy(&mut transaction, subject).await?);
        }
        transaction.commit().await?;
        for subject in std::iter::once(&order.subject).chain(&order.related) {
            self.forget(subject);
        }
        Ok(destroyed)
    }

    /// Every erasure that the key store knows of.
    ///
    /// # Errors
    /// When the key store does not answer.
    pub async fn erasures(&self) -> Result<Vec<Order>, KeysError> {
        Ok(sqlx::query_as(
            "SELECT subject, ordered_by, position, ground, ordered_at, related
             FROM annals_keys.erasures ORDER BY ordered_at, subject",
        )
        .fetch_all(&self.pool)
        .await?)
    }

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
        let destroyed = destroy(&mut transaction, subject).await?;
        transaction.commit().await?;
        self.forget(subject);
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
            for (subject, _) in &destroyed {
                self.forget(subject);
            }
            self.cache().saw(*last);
        }
    }
}

/// Destroys one person's keys within a transaction.
async fn destroy(
    transaction: &mut Transaction<'_, Postgres>,
    subject: &str,
) -> Result<Vec<DestroyedKey>, KeysError> {
    // One at a time, so that destructions are numbered in the order of their commits.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('annals.keys.destroy'))")
        .execute(&mut **transaction)
        .await?;
    sqlx::query(
        "INSERT INTO annals_keys.subject_keys (subject, number, destroyed_at, destruction)
             SELECT $1, 1, clock_timestamp(), coalesce(max(destruction), 0) + 1
             FROM annals_keys.subject_keys
             ON CONFLICT DO NOTHING",
    )
    .bind(subject)
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "UPDATE annals_keys.subject_keys
             SET wrapped = NULL, kek_id = NULL, destroyed_at = clock_timestamp(),
                 destruction = (SELECT coalesce(max(destruction), 0) + 1
                                FROM annals_keys.subject_keys)
             WHERE subject = $1 AND destroyed_at IS NULL",
    )
    .bind(subject)
    .execute(&mut **transaction)
    .await?;
    Ok(sqlx::query_as(
        "SELECT subject, number, commitment, destroyed_at FROM annals_keys.subject_keys
             WHERE subject = $1 ORDER BY number",
    )
    .bind(subject)
    .fetch_all(&mut **transaction)
    .await?)
}
