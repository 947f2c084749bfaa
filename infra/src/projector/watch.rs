//! How far behind rows are, told to whoever watches.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use sqlx::PgPool;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(5);
/// Positions after a checkpoint that are looked at; a lag beyond reads as this many.
const LOOKED_AT: i64 = 50_000;

/// Up to where the log was looked through for somebody, and had nothing for them: so that a quiet context does not have
/// a long log of the others read for it again and again.
#[derive(Debug, Default)]
struct Looked {
    checkpoint: i64,
    until: i64,
}

impl Looked {
    /// Goes on after a checkpoint; from there where it was put back.
    fn after(&mut self, checkpoint: i64) -> i64 {
        if checkpoint < self.checkpoint {
            self.until = 0;
        }
        self.checkpoint = checkpoint;
        self.until.max(checkpoint)
    }
}

/// What was looked at, by what it is called in the log.
type Known = HashMap<String, Looked>;

/// Keeps the gauges of lag and of parked events true until it is told to stop. It asks the log and not
/// the projectors, so that one that hangs shows.
pub async fn watch(pool: PgPool, names: Vec<&'static str>, stop: CancellationToken) {
    let mut known = Known::new();
    while !stop.is_cancelled() {
        if let Err(error) = look(&pool, &names, &mut known).await {
            tracing::debug!(%error, "the lag of projections is not known");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(EVERY) => {}
        }
    }
}

async fn look(pool: &PgPool, names: &[&'static str], known: &mut Known) -> Result<(), sqlx::Error> {
    for name in names {
        let checkpoint: Option<i64> =
            sqlx::query_scalar("SELECT position FROM annals.projections WHERE name = $1")
                .bind(name)
                .fetch_optional(pool)
                .await?;
        if let Some(checkpoint) = checkpoint {
            let lag = behind(pool, name, checkpoint, known.entry((*name).to_owned())).await?;
            metrics::gauge!("annals_projection_lag_events", "context" => *name).set(lag as f64);
            let parked: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM annals.parked WHERE name = $1 AND skipped_at IS NULL",
            )
            .bind(name)
            .fetch_one(pool)
            .await?;
            metrics::gauge!("annals_dead_letters", "context" => *name).set(parked as f64);
        }
        reactor(pool, name, known).await?;
    }
    Ok(())
}

/// How many of a context's events lie after a checkpoint.
async fn behind(
    pool: &PgPool,
    name: &str,
    checkpoint: i64,
    known: Entry<'_, String, Looked>,
) -> Result<i64, sqlx::Error> {
    let looked = known.or_default();
    let after = looked.after(checkpoint);
    let (until, found): (i64, i64) = sqlx::query_as(
        "SELECT least(head.position, $2 + $3),
                (SELECT count(*) FROM annals.events AS event
                 WHERE event.position > $2 AND event.position <= least(head.position, $2 + $3)
                   AND split_part(event.aggregate_type, '.', 1) = $1)
         FROM annals.head AS head",
    )
    .bind(name)
    .bind(after)
    .bind(LOOKED_AT)
    .fetch_one(pool)
    .await?;
    if found == 0 {
        looked.until = until;
    }
    Ok(found)
}

/// The same of a context's reactor, and its timers.
async fn reactor(pool: &PgPool, name: &'static str, known: &mut Known) -> Result<(), sqlx::Error> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as(
        "SELECT at.position,
                (SELECT count(*) FROM annals.parked
                 WHERE parked.name = 'reactor.' || at.context AND skipped_at IS NULL
                   AND parked.position > at.position),
                (SELECT count(*) FROM annals.timers WHERE timers.context = at.context)
         FROM annals.reactors AS at WHERE at.context = $1",
    )
    .bind(name)
    .fetch_optional(pool)
    .await?;
    let Some((checkpoint, parked, timers)) = row else { return Ok(()) };
    let parked_as = crate::reactor::parked_as(name);
    let lag = behind(pool, name, checkpoint, known.entry(parked_as.clone())).await?;
    metrics::gauge!("annals_reactor_lag_events", "context" => name).set(lag as f64);
    metrics::gauge!("annals_dead_letters", "context" => parked_as).set(parked as f64);
    metrics::gauge!("annals_timers", "context" => name).set(timers as f64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_through_is_not_looked_through_again_unless_a_checkpoint_goes_back() {
        let mut looked = Looked::default();
        assert_eq!(looked.after(5), 5);
        looked.until = 90;
        assert_eq!(looked.after(5), 90);
        assert_eq!(looked.after(95), 95);
        assert_eq!(looked.after(3), 3);
    }
}
