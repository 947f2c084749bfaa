//! Looking for events and rows: by whatever somebody has in hand.
//!
//! Events are gone through from the newest back, as far as one request may; whoever wants more goes on from
//! there. What the person may not see is left out before anything is told of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use annals_projections::Table;
use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    Console, Shared, error::ConsoleError, event::Met, eyes::Look, session::Visitor, story::people,
};
use crate::store::{COLUMNS, StoredEvent};

/// Events told at once.
const TOLD: usize = 40;
/// Events read at once.
const PAGE: i64 = 200;
/// Positions that one statement goes through.
const STRIDE: i64 = 50_000;
/// For how long one request goes through the log.
const PATIENCE: Duration = Duration::from_secs(3);
/// Rows told of each table, by what they are called.
const ROWS: i64 = 5;

/// Columns that something is called by.
const NAMES: [&str; 7] =
    ["first_name", "last_name", "full_name", "display_name", "name", "title", "email"];

/// What is looked for; what is left out does not matter.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    text: String,
    context: String,
    kind: String,
    r#type: String,
    person: Option<Uuid>,
    tenant: String,
    correlation: String,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// Only events before this position.
    before: Option<i64>,
}

/// What a text stands for.
#[derive(Debug, Default)]
struct Meaning {
    /// An id of anything.
    id: Option<Uuid>,
    /// A position of the log.
    position: Option<i64>,
    /// Kinds of event.
    types: Vec<&'static str>,
    /// What something is called.
    name: Option<String>,
}

/// Looks for events and rows.
pub async fn search(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, ConsoleError> {
    let meaning = console.meaning(asked.text.trim());
    // Before there is a look of this request's own: nobody holds a connection and waits for a second.
    let mut rows = Vec::new();
    if let Some(name) = meaning.name.as_deref().filter(|_| asked.before.is_none()) {
        rows = console.called(name, &asked.context, &visitor).await?;
    }
    let contexts = match visitor.operator {
        true => None,
        false => Some(console.eyes.contexts(&visitor, &console.projections).await?),
    };
    let mut look = console.eyes.of(&visitor).await?;
    let streams = match meaning.id.filter(|_| asked.before.is_none()) {
        Some(id) => console.streams(id, &visitor, &mut look).await?,
        None => Vec::new(),
    };
    // A name is no word of an event.
    let only_rows = meaning.name.is_some() && meaning.types.is_empty();
    let (met, next) = match only_rows {
        true => (Vec::new(), None),
        false => console.events(&asked, &meaning, contexts.as_deref(), &mut look).await?,
    };
    let events: Vec<_> = met
        .iter()
        .map(|it| {
            let mut told = it.summary();
            let tables: BTreeSet<_> = it.rows.iter().map(|row| row.name()).collect();
            told.insert("tables".to_owned(), json!(tables));
            told
        })
        .collect();
    Ok(Json(json!({
        "events": events, "streams": streams, "rows": rows, "next": next,
        "people": people(&met, &mut look).await?,
    })))
}

impl Console {
    fn meaning(&self, text: &str) -> Meaning {
        if text.is_empty() {
            return Meaning::default();
        }
        if let Ok(id) = Uuid::parse_str(text) {
            return Meaning { id: Some(id), ..Meaning::default() };
        }
        let digits: String = text.chars().filter(|it| !matches!(it, ' ' | '\u{a0}')).collect();
        if let Ok(position) = digits.parse::<i64>() {
            return Meaning { position: Some(position), ..Meaning::default() };
        }
        let plain = |it: &str| -> String {
            it.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let wanted = plain(text);
        let kinds = self.aggregates.contexts().iter().flat_map(|it| &it.aggregates);
        let types = kinds.flat_map(|it| it.events).map(|it| it.name);
        let types: BTreeSet<_> =
            types.filter(|it| wanted.len() > 3 && plain(it).contains(&wanted)).collect();
        Meaning {
            types: types.into_iter().collect(),
            name: Some(text.to_owned()),
            ..Meaning::default()
        }
    }

    /// Rows that are called like this.
    async fn called(
        &self,
        name: &str,
        context: &str,
        visitor: &Visitor,
    ) -> Result<Vec<Value>, ConsoleError> {
        let mut rows = Vec::new();
        let wanted = |it: &str| context.is_empty() || it == context;
        let contexts = self.projections.contexts().filter(|it| wanted(it.name));
        let tables: Vec<&'static Table> = contexts.flat_map(|it| it.tables).copied().collect();
        for table in tables {
            // Each on its own: one that is too large takes no other with it.
            let mut look = self.eyes.of(visitor).await?;
            let found = match look.called(table, &NAMES, name, ROWS).await {
                Err(ConsoleError::Slow) => continue,
                found => found?,
            };
            rows.extend(found.into_iter().map(|it| {
                let name = format!("{}.{}", table.schema, table.name);
                json!({ "table": name, "key": it.key, "label": it.label })
            }));
        }
        Ok(rows)
    }

    /// Aggregates with this id.
    async fn streams(
        &self,
        id: Uuid,
        visitor: &Visitor,
        look: &mut Look<'_>,
    ) -> Result<Vec<Value>, ConsoleError> {
        let kinds: Vec<&str> = self.aggregates.aggregates().map(|it| it.name).collect();
        let found: Vec<StoredEvent> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM unnest($1::text[]) AS asked (kind) CROSS JOIN LATERAL (
                 SELECT * FROM annals.events AS event
                 WHERE event.aggregate_type = asked.kind AND event.aggregate_id = $2
                 ORDER BY event.sequence DESC LIMIT 1) AS event"
        ))
        .bind(&kinds)
        .bind(id.to_string())
        .fetch_all(self.log.pool())
        .await?;
        let mut streams = Vec::new();
        for stored in found {
            let met = Met::of(&stored, &self.aggregates, &self.projections).await?;
            if visitor.operator || self.shows(&met, look).await? {
                streams.push(json!({
                    "kind": met.kind, "id": met.id, "events": met.told.number,
                    "type": met.told.event_type, "recorded_at": met.told.recorded_at,
                }));
            }
        }
        Ok(streams)
    }

    async fn shows(&self, met: &Met, look: &mut Look<'_>) -> Result<bool, ConsoleError> {
        Ok(self.is_kept(met.context()).await? && met.is_seen(look).await?)
    }

    /// Events that are looked for, from the newest back, and from where to go on: all of them, or those that
    /// may be seen, which are of these contexts.
    async fn events(
        &self,
        asked: &Asked,
        meaning: &Meaning,
        contexts: Option<&[&str]>,
        look: &mut Look<'_>,
    ) -> Result<(Vec<Met>, Option<i64>), ConsoleError> {
        let began = Instant::now();
        let pool = self.log.pool();
        let head = self.log.head().await?;
        let at = async |moment: DateTime<Utc>| -> Result<i64, sqlx::Error> {
            sqlx::query_scalar("SELECT annals.position_at($1)").bind(moment).fetch_one(pool).await
        };
        let mut floor = match asked.since {
            Some(since) => at(since - chrono::TimeDelta::microseconds(1)).await?,
            None => 0,
        };
        let mut before = asked.before.unwrap_or(i64::MAX).min(head + 1);
        if let Some(until) = asked.until {
            before = before.min(at(until).await? + 1);
        }
        if let Some(position) = meaning.position {
            (floor, before) = (floor.max(position - 1), before.min(position + 1));
        }
        let mut met: Vec<Met> = Vec::new();
        while before > floor + 1 {
            if met.len() >= TOLD || began.elapsed() > PATIENCE {
                return Ok((met, Some(before)));
            }
            let low = (before - STRIDE).max(floor + 1);
            let page = self.page(asked, meaning, contexts, low, before).await?;
            let full = i64::try_from(page.len()).is_ok_and(|it| it == PAGE);
            let mut events = Vec::new();
            for stored in &page {
                events.push(Met::of(stored, &self.aggregates, &self.projections).await?);
            }
            let hopeful = match contexts {
                None => None,
                Some(_) => Some(self.hopeful(&events, look).await?),
            };
            before = if full { page.last().map_or(low, |it| it.position) } else { low };
            for (nth, event) in events.into_iter().enumerate() {
                if met.len() >= TOLD {
                    before = event.told.position + 1;
                    break;
                }
                let seen = match &hopeful {
                    None => true,
                    Some(hopeful) => hopeful.contains(&nth) && self.shows(&event, look).await?,
                };
                if seen {
                    met.push(event);
                }
            }
        }
        Ok((met, None))
    }

    /// Which of these events may be seen, as far as the rows of today say: a past row shows to nobody who
    /// does not see the present one.
    async fn hopeful(
        &self,
        events: &[Met],
        look: &mut Look<'_>,
    ) -> Result<BTreeSet<usize>, ConsoleError> {
        let mut tables: BTreeMap<String, (&'static Table, BTreeSet<String>)> = BTreeMap::new();
        for row in events.iter().flat_map(|it| &it.rows) {
            let group = tables.entry(row.name()).or_insert_with(|| (row.table, BTreeSet::new()));
            group.1.insert(row.parts().join("\u{1f}"));
        }
        let mut seen = BTreeSet::new();
        for (name, (table, keys)) in tables {
            let keys: Vec<String> = keys.into_iter().collect();
            let present = look.present(table, &keys).await?;
            seen.extend(present.into_iter().map(|key| (name.clone(), key)));
        }
        let is_one = |met: &Met| {
            let mut rows = met.rows.iter();
            rows.any(|it| seen.contains(&(it.name(), it.parts().join("\u{1f}"))))
        };
        Ok(events.iter().enumerate().filter(|(_, it)| is_one(it)).map(|(nth, _)| nth).collect())
    }

    /// Events between two positions that are as asked for, the newest first.
    async fn page(
        &self,
        asked: &Asked,
        meaning: &Meaning,
        contexts: Option<&[&str]>,
        low: i64,
        before: i64,
    ) -> Result<Vec<StoredEvent>, ConsoleError> {
        let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new(format!(
            "SELECT {COLUMNS} FROM annals.events AS event WHERE event.position >= "
        ));
        sql.push_bind(low).push(" AND event.position < ").push_bind(before);
        if !asked.kind.is_empty() {
            sql.push(" AND event.aggregate_type = ").push_bind(&asked.kind);
        } else if !asked.context.is_empty() {
            sql.push(" AND event.aggregate_type >= ").push_bind(format!("{}.", asked.context));
            sql.push(" AND event.aggregate_type < ").push_bind(format!("{}/", asked.context));
        }
        if let Some(contexts) = contexts {
            sql.push(" AND split_part(event.aggregate_type, '.', 1) = ANY (");
            sql.push_bind(contexts.to_vec()).push(")");
        }
        if !asked.r#type.is_empty() {
            sql.push(" AND event.event_type = ").push_bind(&asked.r#type);
        }
        if !meaning.types.is_empty() {
            sql.push(" AND event.event_type = ANY (").push_bind(&meaning.types).push(")");
        }
        if let Some(person) = asked.person {
            sql.push(" AND event.metadata ->> 'actor' = ").push_bind(person.to_string());
        }
        for (field, wanted) in [("tenant", &asked.tenant), ("correlation_id", &asked.correlation)] {
            if !wanted.is_empty() {
                sql.push(format!(" AND event.metadata ->> '{field}' = ")).push_bind(wanted);
            }
        }
        if let Some(id) = meaning.id {
            let text = id.to_string();
            sql.push(" AND (event.aggregate_id = ").push_bind(text.clone());
            sql.push(" OR event.event_id = ").push_bind(id);
            for field in ["actor", "tenant", "correlation_id", "command_id", "causation_id"] {
                sql.push(format!(" OR event.metadata ->> '{field}' = ")).push_bind(text.clone());
            }
            sql.push(")");
        }
        sql.push(" ORDER BY event.position DESC LIMIT ").push_bind(PAGE);
        Ok(sql.build_query_as().fetch_all(self.log.pool()).await?)
    }
}
