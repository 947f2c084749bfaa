//! The story of one aggregate: what happened to it, in order.

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Console, Shared, error::ConsoleError, event::Met, eyes::Look, session::Visitor};
use crate::ops::history::cause;

/// Events told at once.
const PAGE: i64 = 50;

/// Which story.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    kind: String,
    id: String,
    /// Only events before this one of the stream.
    before: Option<i64>,
}

/// Tells the story of an aggregate, its last events first to be had.
pub async fn story(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, ConsoleError> {
    let kind = console.aggregates.aggregate(&asked.kind).ok_or(ConsoleError::Nothing)?.name;
    let pool = console.log.pool();
    let last: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(sequence), 0) FROM annals.events
         WHERE aggregate_type = $1 AND aggregate_id = $2",
    )
    .bind(kind)
    .bind(&asked.id)
    .fetch_one(pool)
    .await?;
    let end = asked.before.unwrap_or(i64::MAX).min(last + 1);
    let first = (end - 1 - PAGE).max(0);
    let stored = console.log.stream(kind, &asked.id, first, end - 1 - first).await?;
    let mut look = console.eyes.of(&visitor).await?;
    if !visitor.operator {
        console.keeps(kind).await?;
    }
    let (mut events, mut met) = (Vec::new(), Vec::new());
    for stored in &stored {
        let event = Met::of(stored, &console.aggregates, &console.projections).await?;
        if let Some(told) = console.told(event, &visitor, &mut look, &mut met).await? {
            events.push(told);
        }
    }
    if events.is_empty() && asked.before.is_none() {
        return Err(ConsoleError::Nothing);
    }
    let tenant = met.iter().find_map(|it| it.told.metadata.as_ref().map(|it| it.tenant.clone()));
    Ok(Json(json!({
        "kind": kind, "id": asked.id, "events": events, "last": last, "tenant": tenant,
        "earlier": (first > 0).then_some(first + 1), "people": people(&met, &mut look).await?,
    })))
}

impl Console {
    /// Tells an event, if this person may see it, and notes that it was met.
    async fn told(
        &self,
        mut event: Met,
        visitor: &Visitor,
        look: &mut Look<'_>,
        met: &mut Vec<Met>,
    ) -> Result<Option<Value>, ConsoleError> {
        let mut rows =
            if self.is_kept(event.context()).await? { event.seen(look).await? } else { Vec::new() };
        if rows.is_empty() {
            if !visitor.operator {
                return Ok(None);
            }
            rows = event.named();
        }
        event.told.cause = cause(self.log.pool(), &event.told).await?;
        let mut told = event.summary();
        told.insert("rows".to_owned(), rows.into());
        if let Some(cause) = &event.told.cause {
            let known = visitor.operator || self.is_seen(cause.position, look).await?;
            let cause = match known {
                true => json!({
                    "position": cause.position, "type": cause.event_type,
                    "kind": cause.aggregate_type, "id": cause.aggregate_id,
                }),
                false => json!({ "withheld": true }),
            };
            told.insert("cause".to_owned(), cause);
        }
        met.push(event);
        Ok(Some(told.into()))
    }

    /// Whether somebody may see the event at a position.
    async fn is_seen(&self, position: i64, look: &mut Look<'_>) -> Result<bool, ConsoleError> {
        let Some(stored) = self.log.at(position).await? else { return Ok(false) };
        let event = Met::of(&stored, &self.aggregates, &self.projections).await?;
        Ok(self.is_kept(event.context()).await? && event.is_seen(look).await?)
    }
}

/// What those are called who did what is told, as far as whoever looks may know.
pub async fn people(met: &[Met], look: &mut Look<'_>) -> Result<Value, ConsoleError> {
    let people: BTreeSet<Uuid> = met.iter().filter_map(Met::actor).collect();
    let contexts = met.iter().map(|it| it.context().to_owned()).collect();
    Ok(look.names(&people, &contexts).await?.into())
}
