//! Partitions of tables that are kept in them: made before rows need them, and ahead of time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use annals_projections::{Catalogue, Partitions, Row, Table};
use chrono::{DateTime, Months, NaiveDate, Utc};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::merge::{Step, Write};
use crate::engine::Clock;

/// How often it is asked whether partitions are missing that will be needed.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How soon it is asked again where Postgres did not answer.
const AGAIN: Duration = Duration::from_secs(30);

/// Makes the partitions that new rows of these steps will lie in. Called before anything is written: a
/// table whose rows wait for the commit to be checked cannot be altered.
///
/// # Errors
/// When Postgres refuses, or does not answer.
pub(super) async fn ensure(
    connection: &mut PgConnection,
    schema: Option<&str>,
    steps: &[Step],
) -> Result<(), sqlx::Error> {
    let mut needed: BTreeMap<&str, (&Table, Partitions, Vec<Value>)> = BTreeMap::new();
    for (table, merged) in steps.iter().flat_map(Step::rows) {
        let Some(partitions) = table.partitions else { continue };
        let Some((Write::Put | Write::Add, columns)) = &merged.written else { continue };
        let value = |row: &Row| row.get(partitions.column).cloned();
        let Some(value) = value(&merged.key).or_else(|| value(columns)) else { continue };
        let (.., days) = needed.entry(table.name).or_insert((table, partitions, Vec::new()));
        if !days.contains(&value) {
            days.push(value);
        }
    }
    for (table, partitions, days) in needed.into_values() {
        make(&mut *connection, schema.unwrap_or(table.schema), partitions, &days).await?;
    }
    Ok(())
}

/// Makes the partitions of these days, where they are missing.
async fn make(
    executor: impl sqlx::PgExecutor<'_>,
    schema: &str,
    partitions: Partitions,
    days: &[Value],
) -> Result<(), sqlx::Error> {
    let sql = format!(
        "SELECT \"{schema}\".\"{}\"(day::date) FROM jsonb_array_elements_text($1::text::jsonb) AS day",
        partitions.ensure
    );
    sqlx::query(&sql).bind(json!(days).to_string()).execute(executor).await?;
    Ok(())
}

/// Makes partitions ahead of time, now and once an hour, until it is told to stop.
pub(crate) async fn ahead(
    pool: PgPool,
    catalogue: Arc<Catalogue>,
    names: Vec<&'static str>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let contexts = names.iter().filter_map(|name| catalogue.context(name));
    let tables: Vec<(&Table, Partitions)> = contexts
        .flat_map(|context| context.tables)
        .filter_map(|table| Some((*table, table.partitions?)))
        .collect();
    while !tables.is_empty() && !stop.is_cancelled() {
        let mut pause = EVERY;
        for (table, partitions) in &tables {
            let days = coming(clock.now(), partitions.months_ahead);
            if let Err(error) = make(&pool, table.schema, *partitions, &days).await {
                tracing::warn!(table = table.name, %error, "no partition can be made ahead of time");
                pause = AGAIN;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }
}

/// A day of this month, and of each of the months to come.
fn coming(now: DateTime<Utc>, months: u32) -> Vec<Value> {
    let today = now.date_naive();
    let days = (0..=months).filter_map(|month| today.checked_add_months(Months::new(month)));
    days.map(|day: NaiveDate| json!(day)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_to_come_is_a_day_of_it_also_after_a_longer_one() {
        let last_of_january = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(coming(last_of_january, 1), [json!("2026-01-31"), json!("2026-02-28")]);
        assert_eq!(coming(last_of_january, 0), [json!("2026-01-31")]);
    }
}
