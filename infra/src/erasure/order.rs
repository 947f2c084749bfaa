//! Orders to erase, as the event store keeps them while they are carried out.

use std::collections::BTreeSet;

use annals_commands::Catalogue;
use annals_domain::{Subject, text::normal_email};
use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::EraseError;
use crate::{
    keys::{Keys, KeysError, Order},
    seal,
    store::{COLUMNS, Metadata, StoredEvent},
};

/// Tables with invitations to an address, whose key is the invitation's own: schema and table, id, address.
const INVITATIONS: &[(&str, &str, &str)] =
    &[("lift.invitations", "id", "email"), ("nestsync.family_members", "id", "invited_email")];
/// The personal field that holds a person's own address.
const ADDRESS: &str = "email";

/// An order that is not finished.
#[derive(Debug, Clone, FromRow)]
pub struct Open {
    /// The person.
    pub subject: String,
    /// The event that ordered it first.
    pub ordered_by: Uuid,
    /// Where it stands; none while a restored log does not have it.
    pub position: Option<i64>,
    /// On which ground.
    pub ground: String,
    /// When.
    pub ordered_at: DateTime<Utc>,
    /// Who ordered it.
    pub actor: String,
    /// Keyed hashes of the person's addresses.
    pub addresses: Vec<Vec<u8>>,
    /// What else was sealed about the person under a key of its own.
    pub related: Vec<String>,
}

impl Open {
    /// The order as it outlives the database.
    #[must_use]
    pub fn order(&self) -> Order {
        Order {
            subject: self.subject.clone(),
            ordered_by: self.ordered_by,
            position: self.position.unwrap_or_default(),
            ground: self.ground.clone(),
            ordered_at: self.ordered_at,
            related: self.related.clone(),
        }
    }

    /// The person, and what is related to them.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        std::iter::once(&self.subject).chain(&self.related).cloned().collect()
    }
}

/// Notes an order as soon as a reactor reads it, and destroys the person's keys. Doing it again changes
/// nothing.
///
/// # Errors
/// When the event store or the key store does not answer.
pub async fn note(
    pool: &PgPool,
    keys: &Keys,
    catalogue: &Catalogue,
    event: &StoredEvent,
) -> Result<(), EraseError> {
    let subject = &event.aggregate_id;
    let metadata: Option<Metadata> = serde_json::from_str(&event.metadata).ok();
    let payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let ground = payload.get("ground").and_then(Value::as_str).unwrap_or_default();
    let addresses = match keys.is_erased(subject) {
        true => Vec::new(),
        false => addresses(pool, keys, catalogue, subject).await?,
    };
    sqlx::query(
        "INSERT INTO annals.erasures
             (subject, ordered_by, position, ground, ordered_at, actor, addresses)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT ON CONSTRAINT erasures_pkey DO NOTHING",
    )
    .bind(subject)
    .bind(event.event_id)
    .bind(event.position)
    .bind(ground)
    .bind(event.recorded_at)
    .bind(metadata.map(|it| format!("{} {}", it.actor_kind, it.actor)).unwrap_or_default())
    .bind(addresses)
    .execute(pool)
    .await?;
    let order = Order {
        subject: subject.clone(),
        ordered_by: event.event_id,
        position: event.position,
        ground: ground.to_owned(),
        ordered_at: event.recorded_at,
        related: Vec::new(),
    };
    match keys.erase(&order).await {
        // An id that stands for nobody has no key of its own.
        Ok(_) | Err(KeysError::NoPerson) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Orders that are not finished, the oldest first.
///
/// # Errors
/// When Postgres does not answer.
pub async fn open(pool: &PgPool, most: i64) -> Result<Vec<Open>, sqlx::Error> {
    sqlx::query_as(
        "SELECT subject, ordered_by, position, ground, ordered_at, actor, addresses, related
         FROM annals.erasures WHERE finished_at IS NULL ORDER BY ordered_at, subject LIMIT $1",
    )
    .bind(most)
    .fetch_all(pool)
    .await
}

/// Keyed hashes of the addresses that a person ever had, which only a live key opens.
async fn addresses(
    pool: &PgPool,
    keys: &Keys,
    catalogue: &Catalogue,
    subject: &str,
) -> Result<Vec<Vec<u8>>, EraseError> {
    let key = address_key(keys)?;
    let holds = |event: &annals_domain::EventType| {
        event.subject == Subject::Stream && event.personal.iter().any(|it| it.name == ADDRESS)
    };
    let kinds: Vec<&str> = catalogue
        .aggregates()
        .filter(|kind| kind.events.iter().any(holds))
        .map(|kind| kind.name)
        .collect();
    let events: Vec<StoredEvent> = sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM annals.events AS event
         WHERE event.aggregate_type = ANY ($1) AND event.aggregate_id = $2"
    ))
    .bind(kinds)
    .bind(subject)
    .fetch_all(pool)
    .await?;
    let mut found = BTreeSet::new();
    for event in events {
        // What cannot be opened has its own alarm; it keeps nobody from being erased.
        let Ok(opened) = seal::open_stored(keys, catalogue, &event).await else { continue };
        if opened.event_type.subject == Subject::Stream
            && !opened.erased
            && let Some(address) = opened.payload.get(ADDRESS).and_then(Value::as_str)
        {
            found.insert(hashed(&key, address));
        }
    }
    Ok(found.into_iter().collect())
}

fn address_key(keys: &Keys) -> Result<hmac::Key, KeysError> {
    let secret = keys.derived("annals.erasure.address.v1")?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &*secret))
}

fn hashed(key: &hmac::Key, address: &str) -> Vec<u8> {
    hmac::sign(key, normal_email(address).as_bytes()).as_ref().to_vec()
}

/// Finds invitations to the addresses of people who are to be erased, and adds them to their orders. Says
/// whether any was new.
///
/// # Errors
/// When Postgres does not answer.
pub async fn relate(pool: &PgPool, keys: &Keys, open: &mut [Open]) -> Result<bool, EraseError> {
    if open.iter().all(|it| it.addresses.is_empty()) {
        return Ok(false);
    }
    let key = address_key(keys)?;
    let mut new = false;
    for (table, id, address) in INVITATIONS {
        let rows: Vec<(String, String)> = sqlx::query_as(&format!(
            "SELECT {id}::text, {address} FROM {table}
             WHERE {address} IS NOT NULL AND {address} NOT LIKE '%@erased.invalid'"
        ))
        .fetch_all(pool)
        .await?;
        for (id, address) in rows {
            let hash = hashed(&key, &address);
            for order in open.iter_mut().filter(|it| it.addresses.contains(&hash)) {
                if !order.related.contains(&id) {
                    order.related.push(id.clone());
                    new = true;
                }
            }
        }
    }
    Ok(new)
}
