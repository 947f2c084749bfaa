//! What was asked for and is not delivered yet, as the log says.

use annals_commands::export::{self, Exports};
use sqlx::PgPool;

use crate::store::{COLUMNS, StoredEvent};

/// Events that an export was asked for with, and that no delivery follows: in `(after, until]`, in order.
pub(super) async fn open(
    pool: &PgPool,
    exports: &Exports,
    after: i64,
    until: i64,
) -> Result<Vec<StoredEvent>, sqlx::Error> {
    sqlx::query_as(&format!(
        "SELECT {COLUMNS} FROM annals.events AS event
         WHERE event.position > $1 AND event.position <= $2
           AND event.aggregate_type = $3 AND event.event_type = $4 AND {UNDELIVERED}
         ORDER BY event.position"
    ))
    .bind(after)
    .bind(until)
    .bind(exports.aggregate)
    .bind(exports.requested)
    .bind(exports.completed)
    .fetch_all(pool)
    .await
}

/// No later event of the stream delivers it: of a stream that has many, the one of that id.
const UNDELIVERED: &str = "NOT EXISTS (
    SELECT FROM annals.events AS done
    WHERE done.aggregate_type = event.aggregate_type AND done.aggregate_id = event.aggregate_id
      AND done.sequence > event.sequence AND done.event_type = $5
      AND (done.payload ->> 'export_id') IS NOT DISTINCT FROM (event.payload ->> 'export_id'))";

/// Exports that wait for their archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, sqlx::FromRow)]
pub struct Waiting {
    /// How many.
    pub count: i64,
    /// For how many seconds the first of them waits.
    pub seconds: f64,
}

/// How many exports wait, of all contexts.
///
/// # Errors
/// When Postgres does not answer.
pub async fn waiting(pool: &PgPool) -> Result<Waiting, sqlx::Error> {
    let mut all = Waiting::default();
    for exports in export::all() {
        let of: Waiting = sqlx::query_as(&format!(
            "SELECT count(*) AS count,
                    coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0)
                        ::double precision AS seconds
             FROM annals.events AS event
             WHERE event.position > $1 AND event.position <= $2
               AND event.aggregate_type = $3 AND event.event_type = $4 AND {UNDELIVERED}"
        ))
        .bind(0_i64)
        .bind(i64::MAX)
        .bind(exports.aggregate)
        .bind(exports.requested)
        .bind(exports.completed)
        .fetch_one(pool)
        .await?;
        all = Waiting { count: all.count + of.count, seconds: all.seconds.max(of.seconds) };
    }
    Ok(all)
}
