//! Whether the clocks agree, and how much room everything takes.

use std::time::Instant;

use annals_projections::Catalogue;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::finding::Finding;
use crate::ops::text::{bytes, number};

/// Beyond so many seconds clocks are worth a look; tokens and events carry this machine's time.
const UNEASY: f64 = 0.5;
/// Beyond so many seconds tokens are refused before their time, and events dated wrongly.
const WRONG: f64 = 5.0;

/// Looks at clocks and sizes.
pub(super) async fn check(pool: &PgPool, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = vec![match skew(pool).await {
        Ok(seconds) => of_skew(seconds),
        Err(error) => Finding::unanswered("clocks", &error),
    }];
    findings.push(match sizes(pool, catalogue).await {
        Ok(sizes) => Finding::ok("room", sizes),
        Err(error) => Finding::unanswered("room", &error),
    });
    findings
}

/// By how many seconds Postgres' clock is ahead of this machine's: the best of three tries.
async fn skew(pool: &PgPool) -> Result<f64, sqlx::Error> {
    let mut best: Option<(f64, f64)> = None;
    for _ in 0..3 {
        let (sent, began) = (Utc::now(), Instant::now());
        let theirs: DateTime<Utc> =
            sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(pool).await?;
        let took = began.elapsed().as_secs_f64();
        let ahead = (theirs - sent).as_seconds_f64() - took / 2.0;
        if best.is_none_or(|(fastest, _)| took < fastest) {
            best = Some((took, ahead));
        }
    }
    Ok(best.map_or(0.0, |it| it.1))
}

fn of_skew(seconds: f64) -> Finding {
    let which = if seconds > 0.0 { "ahead of" } else { "behind" };
    let seen = format!("Postgres' clock is {:.3} s {which} this machine's", seconds.abs());
    let advice = "keep both by NTP (chrony, systemd-timesyncd)";
    match seconds.abs() {
        off if off > WRONG => Finding::failed("clocks", seen, advice),
        off if off > UNEASY => Finding::warning("clocks", seen, advice),
        _ => Finding::ok("clocks", seen),
    }
}

async fn sizes(pool: &PgPool, catalogue: &Catalogue) -> Result<String, sqlx::Error> {
    let schemas: Vec<_> = catalogue.contexts().map(|it| it.name).collect();
    let (all, events, commands, rows, most): (i64, i64, i64, i64, i64) = sqlx::query_as(
        "SELECT pg_database_size(current_database()),
                pg_total_relation_size('annals.events'),
                pg_total_relation_size('annals.commands'),
                (SELECT coalesce(sum(pg_total_relation_size(it.oid)), 0)::bigint
                 FROM pg_class AS it JOIN pg_namespace AS home ON home.oid = it.relnamespace
                 WHERE home.nspname = ANY ($1) AND it.relkind IN ('r', 'm')),
                (SELECT position FROM annals.head)",
    )
    .bind(&schemas)
    .fetch_one(pool)
    .await?;
    let each = match most {
        0 => String::new(),
        most => format!(" ({} each of {})", bytes(events / most), number(most)),
    };
    Ok(format!(
        "database {}: events {}{each}, commands {}, read models {}",
        bytes(all),
        bytes(events),
        bytes(commands),
        bytes(rows)
    ))
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};

    #[test]
    fn clocks_that_disagree_are_told() {
        for (seconds, verdict) in [
            (0.01, Verdict::Ok),
            (-0.4, Verdict::Ok),
            (0.9, Verdict::Warning),
            (-60.0, Verdict::Failed),
        ] {
            assert_eq!(of_skew(seconds).verdict, verdict, "{seconds}");
        }
        assert!(of_skew(-1.0).seen.contains("1.000 s behind"));
    }
}
