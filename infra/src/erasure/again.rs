//! Erasing again, before anything is served, whom a restored backup brought back.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use annals_commands::Catalogue as Aggregates;
use annals_projections::Catalogue;
use sqlx::{Connection, PgConnection, PgPool};

use super::{
    EraseError, about, file,
    redact::{Redaction, Relations},
    scrub,
};
use crate::keys::{Keys, Order};

/// Compares who was erased in the event store, in the key store and in the notary's folder; whoever is
/// missing in one is erased there too. Returns how many people a restored event store had brought back,
/// or brought back in part; their rows are redacted when this returns, and the [`Eraser`](super::Eraser)
/// writes into the log what is missing there.
///
/// # Errors
/// Then nothing may be served.
pub async fn again(
    pool: &PgPool,
    (database_url, keys_url): (&str, &str),
    keys: &Keys,
    (aggregates, catalogue): (&Aggregates, &Catalogue),
    folder: Option<&Path>,
) -> Result<usize, EraseError> {
    let mut lock = PgConnection::connect_with(&pool.connect_options()).await?;
    sqlx::query(
        "SELECT pg_advisory_lock(hashtext('annals.erase.again'), hashtext(current_database()))",
    )
    .execute(&mut lock)
    .await?;
    let here = of_event_store(pool).await?;
    let mut known: BTreeMap<String, Order> = BTreeMap::new();
    for order in keys.erasures().await? {
        known.insert(order.subject.clone(), order);
    }
    let filed = folder.map(file::read).transpose()?.unwrap_or_default();
    // A key store that is older than an erasure has keys that must go once more.
    for order in here.iter().map(|(order, _)| order).chain(&filed) {
        let is_known = known
            .get(&order.subject)
            .is_some_and(|it| order.related.iter().all(|related| it.related.contains(related)));
        if !is_known {
            keys.erase(order).await?;
            let entry = known.entry(order.subject.clone()).or_insert_with(|| order.clone());
            entry.related.extend(order.related.iter().cloned());
        }
    }
    if let Some(folder) = folder {
        let all: Vec<Order> = known.values().cloned().collect();
        file::add(folder, &all)?;
    }
    let done: BTreeSet<&str> =
        here.iter().filter(|(_, done)| *done).map(|(order, _)| order.subject.as_str()).collect();
    let back: Vec<&Order> =
        known.values().filter(|order| !done.contains(order.subject.as_str())).collect();
    if !back.is_empty() {
        tracing::warn!(people = back.len(), "erased people are back, or not quite gone: again");
        about::catch_up(pool, aggregates).await?;
        let redaction = Redaction { aggregates, catalogue, keys, pool };
        let mut relations = Relations::new();
        for order in &back {
            let subjects: Vec<String> =
                std::iter::once(&order.subject).chain(&order.related).cloned().collect();
            relations.extend(redaction.redact(&subjects).await?.relations);
            remember(pool, order).await?;
        }
        scrub::scrub(database_url, keys_url, &relations).await?;
    }
    lock.close().await?;
    Ok(back.len())
}

/// What a process does that never writes tables, and may not: keys that the notary's folder remembers to be
/// gone are gone, so that nothing more is taken about those people.
///
/// # Errors
/// Then nothing may be served.
pub async fn keys_again(keys: &Keys, folder: Option<&Path>) -> Result<(), EraseError> {
    for order in folder.map(file::read).transpose()?.unwrap_or_default() {
        let mut all = std::iter::once(&order.subject).chain(&order.related);
        if !all.all(|it| keys.is_erased(it)) {
            keys.erase(&order).await?;
        }
    }
    Ok(())
}

/// Orders in the event store, and whether their rows were redacted there.
async fn of_event_store(pool: &PgPool) -> Result<Vec<(Order, bool)>, sqlx::Error> {
    #[derive(sqlx::FromRow)]
    struct Row {
        #[sqlx(flatten)]
        order: Order,
        done: bool,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT subject, ordered_by, coalesce(position, 0) AS position, ground, ordered_at, related,
                redacted_at IS NOT NULL AS done
         FROM annals.erasures",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.order, row.done)).collect())
}

/// Has the eraser finish it: without a position, where the log does not hold the order any more.
async fn remember(pool: &PgPool, order: &Order) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO annals.erasures (subject, ordered_by, ground, ordered_at, actor, related)
         VALUES ($1, $2, $3, $4, 'again, after a restore', $5)
         ON CONFLICT ON CONSTRAINT erasures_pkey DO NOTHING",
    )
    .bind(&order.subject)
    .bind(order.ordered_by)
    .bind(&order.ground)
    .bind(order.ordered_at)
    .bind(&order.related)
    .execute(pool)
    .await?;
    Ok(())
}
