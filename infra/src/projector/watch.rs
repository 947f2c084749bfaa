//! How far behind rows are, told to whoever watches.

use std::time::Duration;

use sqlx::{PgPool, Row};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);
/// Positions after a checkpoint that are looked at; a lag beyond reads as this many.
const LOOKED_AT: i64 = 50_000;

/// Keeps the gauges of lag and of parked events true until it is told to stop. It asks the log and not
/// the projectors, so that one that hangs shows.
pub async fn watch(pool: PgPool, names: Vec<&'static str>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = look(&pool, &names).await {
            tracing::debug!(%error, "the lag of projections is not known");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(EVERY) => {}
        }
    }
}

async fn look(pool: &PgPool, names: &[&'static str]) -> Result<(), sqlx::Error> {
    for name in names {
        let row = sqlx::query(
            "SELECT (SELECT count(*) FROM annals.events AS event
                     WHERE event.position > at.position AND event.position <= at.position + $2
                       AND split_part(event.aggregate_type, '.', 1) = $1),
                    (SELECT count(*) FROM annals.parked
                     WHERE parked.name = at.name AND skipped_at IS NULL)
             FROM annals.projections AS at WHERE at.name = $1",
        )
        .bind(name)
        .bind(LOOKED_AT)
        .fetch_optional(pool)
        .await?;
        let Some(row) = row else { continue };
        let (behind, parked): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        metrics::gauge!("annals_projection_lag_events", "context" => *name).set(behind as f64);
        metrics::gauge!("annals_dead_letters", "context" => *name).set(parked as f64);
        reactor(pool, name).await?;
    }
    Ok(())
}

/// The same of a context's reactor, and its timers.
async fn reactor(pool: &PgPool, name: &'static str) -> Result<(), sqlx::Error> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM annals.events AS event
                 WHERE event.position > at.position AND event.position <= at.position + $2
                   AND split_part(event.aggregate_type, '.', 1) = $1),
                (SELECT count(*) FROM annals.parked
                 WHERE parked.name = 'reactor.' || at.context AND skipped_at IS NULL
                   AND parked.position > at.position),
                (SELECT count(*) FROM annals.timers WHERE timers.context = at.context)
         FROM annals.reactors AS at WHERE at.context = $1",
    )
    .bind(name)
    .bind(LOOKED_AT)
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(()) };
    let (behind, parked, timers): (i64, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    metrics::gauge!("annals_reactor_lag_events", "context" => name).set(behind as f64);
    metrics::gauge!("annals_dead_letters", "context" => crate::reactor::parked_as(name))
        .set(parked as f64);
    metrics::gauge!("annals_timers", "context" => name).set(timers as f64);
    Ok(())
}
