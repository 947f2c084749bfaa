//! Was anything lost, doubled, or wrong? Asked of the tables by plain SQL, never of Annals.

use std::time::Duration;

use futures::TryStreamExt;
use sqlx::Row;

use super::{fault::Done, rig::Rig, usage::Who};

/// Counts what should not be, beside how much was looked at.
pub async fn run(rig: &mut Rig) -> Done {
    let total = rig.annals.total.clone();
    let accepted = total.accepted as f64;
    let conflicts = total.refused.get("version_conflict").copied().unwrap_or_default();
    let refused: u64 = total.refused.values().sum();
    let errors: u64 = total.errors.values().sum();
    let of = accepted + refused as f64 + errors as f64;
    zero(rig, "conflicts", conflicts as f64, of);
    zero(rig, "errors", (refused - conflicts + errors) as f64, of);
    for (name, count) in total.refused.iter().chain(&total.errors) {
        rig.notes.push(format!("{count} commands came back as {name}"));
    }
    events(rig).await?;
    holes(rig).await?;
    if rig.annals.processes.roles.contains_key(&Who::Projector) {
        rows(rig).await?;
    }
    Ok(())
}

fn zero(rig: &mut Rig, name: &str, count: f64, of: f64) {
    rig.figures.add(format!("zero.{name}"), count);
    rig.figures.add(format!("zero.{name}.of"), of);
}

/// Each reply named an event of its own, and each event was named by a reply.
async fn events(rig: &mut Rig) -> Done {
    let mut connection = rig.annals.connect().await?;
    let mut found = sqlx::query(
        "SELECT position FROM annals.events
         WHERE position > $1 AND aggregate_type = 'samia.wallet' ORDER BY position",
    )
    .bind(rig.annals.from)
    .fetch(&mut connection);
    let (mut named, mut unnamed) = (0_u64, 0_u64);
    while let Some(row) = found.try_next().await? {
        if rig.annals.heard.has(row.try_get(0)?) {
            named += 1;
        } else {
            unnamed += 1;
        }
    }
    drop(found);
    let heard = rig.annals.heard.clone();
    let lost = heard.again + (heard.count - named);
    zero(rig, "lost", lost as f64, (heard.count + heard.again) as f64);
    // An event that no reply named may belong to a command that was never answered.
    let unanswered: u64 = rig.annals.total.errors.values().sum();
    let ids: (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT metadata::jsonb ->> 'command_id') FROM annals.events
         WHERE position > $1 AND aggregate_type = 'samia.wallet'",
    )
    .bind(rig.annals.from)
    .fetch_one(&mut connection)
    .await?;
    let doubled = unnamed.saturating_sub(unanswered) + u64::try_from(ids.0 - ids.1)?;
    zero(rig, "doubled", doubled as f64, (named + unnamed) as f64);
    Ok(())
}

async fn holes(rig: &mut Rig) -> Done {
    let mut connection = rig.annals.connect().await?;
    let (events, head): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM annals.events), (SELECT position FROM annals.head)",
    )
    .fetch_one(&mut connection)
    .await?;
    let streams: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (
             SELECT FROM annals.events GROUP BY aggregate_type, aggregate_id
             HAVING max(sequence) <> count(*) OR min(sequence) <> 1) AS holed",
    )
    .fetch_one(&mut connection)
    .await?;
    zero(rig, "holes", (head - events).abs() as f64 + streams as f64, events as f64);
    Ok(())
}

/// Every movement has its row, every wallet the balance of its last event, none is below zero.
async fn rows(rig: &mut Rig) -> Done {
    let head = rig.annals.head().await?;
    rig.annals.wait_for("projections", head, Duration::from_secs(300)).await?;
    let mut connection = rig.annals.connect().await?;
    let (wrong, all): (i64, i64) =
        sqlx::query_as(include_str!("check.sql")).fetch_one(&mut connection).await?;
    zero(rig, "rows", wrong as f64, all as f64);
    Ok(())
}
