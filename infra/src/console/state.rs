//! How the deployment is: what `annals status` shows, parked events, and charts.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{Shared, error::ConsoleError, session::Visitor};
use crate::ops::{parked, status};

/// Between two looks at how far rows and publishing are behind.
const EVERY: Duration = Duration::from_secs(5);
/// Looks that are kept: two hours.
const KEPT: usize = 1_440;
/// Positions that are looked back over when this begins.
const BACK: i64 = 20_000;
/// Events that are counted one by one; behind more, a context is behind by so many.
const MOST: usize = 100_000;
/// Pages of outcomes, the newest, that a chart of commands reads.
const PAGES: i64 = 6_000;
/// Columns of a chart.
const COLUMNS: i32 = 60;

/// Shows the whole deployment.
pub async fn status(
    State(console): State<Shared>,
    visitor: Visitor,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let pool = console.log.pool();
    let reading = status::served(pool, &console.client, &console.keys_url).await?;
    let parked = parked::all(pool).await?;
    Ok(Json(json!({ "reading": reading, "parked": parked })))
}

/// Over how long.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    seconds: i32,
}

#[derive(Serialize, sqlx::FromRow)]
struct Outcomes {
    at: DateTime<Utc>,
    code: Option<String>,
    commands: i64,
}

/// What charts are drawn from: events, commands, refusals by a rule, and how far behind what is.
pub async fn charts(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let pool = console.log.pool();
    let step = (asked.seconds.clamp(60, 60 * 86_400) / COLUMNS).max(1);
    // Times never go back, so that each edge is found by halving.
    let edges: Vec<(DateTime<Utc>, i64)> = sqlx::query_as(
        "SELECT at, annals.position_at(at)
         FROM generate_series(0, $2) AS nth
         CROSS JOIN LATERAL (
             SELECT date_bin(make_interval(secs => $1), clock_timestamp(), 'epoch')
                    + (nth + 1 - $2) * make_interval(secs => $1) AS at) AS edge ORDER BY 1",
    )
    .bind(f64::from(step))
    .bind(COLUMNS)
    .fetch_all(pool)
    .await?;
    let Some(first) = edges.first() else { return Err(ConsoleError::Nothing) };
    // Outcomes are only ever added, so that the newest lie in the last pages.
    let outcomes: Vec<Outcomes> = sqlx::query_as(
        "SELECT date_bin(make_interval(secs => $1), recorded_at, 'epoch') AS at,
                outcome ->> 'code' AS code, count(*) AS commands
         FROM annals.commands
         WHERE recorded_at >= $2 AND ctid >= format('(%s,0)', greatest(0,
             pg_relation_size('annals.commands') / current_setting('block_size')::bigint - $3))::tid
         GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind(f64::from(step))
    .bind(first.0)
    .bind(PAGES)
    .fetch_all(pool)
    .await?;
    let behind = console.samples.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let since = first.0;
    let behind: Vec<_> = behind.into_iter().filter(|it| it.at >= since).collect();
    let edges: Vec<_> = edges.iter().map(|(at, position)| json!([at, position])).collect();
    Ok(Json(json!({
        "step": step, "edges": edges, "outcomes": outcomes, "behind": behind,
    })))
}

/// How many events rows and publishing were behind, at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    at: DateTime<Utc>,
    rows: BTreeMap<String, usize>,
    published: BTreeMap<String, usize>,
}

/// Looks at how far behind rows and publishing are, again and again.
#[derive(Debug, Default, Clone)]
pub struct Samples(Arc<Mutex<VecDeque<Sample>>>);

impl Samples {
    /// Looks until it is told to stop.
    pub async fn keep(self, pool: PgPool, stop: CancellationToken) {
        let mut waiting = Waiting::default();
        while !stop.is_cancelled() {
            match waiting.look(&pool).await {
                Ok(sample) => {
                    let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.push_back(sample);
                    if kept.len() > KEPT {
                        kept.pop_front();
                    }
                }
                Err(error) => tracing::debug!(%error, "how far behind rows are is not known"),
            }
            stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
        }
    }
}

/// Positions of events, by context, that somebody may still have to come to.
#[derive(Debug, Default)]
struct Waiting {
    read: Option<i64>,
    positions: BTreeMap<String, VecDeque<i64>>,
}

impl Waiting {
    async fn look(&mut self, pool: &PgPool) -> Result<Sample, sqlx::Error> {
        let head: i64 =
            sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(pool).await?;
        let from = self.read.unwrap_or((head - BACK).max(0));
        let new: Vec<(String, i64)> = sqlx::query_as(
            "SELECT split_part(aggregate_type, '.', 1), position FROM annals.events
             WHERE position > $1 AND position <= $2 ORDER BY position",
        )
        .bind(from)
        .bind(head)
        .fetch_all(pool)
        .await?;
        for (context, position) in new {
            let positions = self.positions.entry(context).or_default();
            if positions.len() < MOST {
                positions.push_back(position);
            }
        }
        self.read = Some(head);
        let known: Vec<(String, bool, i64)> = sqlx::query_as(
            "SELECT name, true, position FROM annals.projections
             UNION ALL SELECT context, false, position FROM annals.relay",
        )
        .fetch_all(pool)
        .await?;
        let (mut rows, mut published) = (BTreeMap::new(), BTreeMap::new());
        let mut passed: BTreeMap<&str, i64> = BTreeMap::new();
        for (name, is_rows, position) in &known {
            let Some(positions) = self.positions.get(name) else { continue };
            let behind = positions.len() - positions.partition_point(|it| it <= position);
            let into = if *is_rows { &mut rows } else { &mut published };
            into.insert(name.clone(), behind);
            let passed = passed.entry(name).or_insert(i64::MAX);
            *passed = (*passed).min(*position);
        }
        for (name, position) in passed {
            if let Some(positions) = self.positions.get_mut(name) {
                let gone = positions.partition_point(|it| *it <= position);
                positions.drain(..gone);
            }
        }
        Ok(Sample { at: Utc::now(), rows, published })
    }
}
