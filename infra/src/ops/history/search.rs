//! Events across aggregates: by actor, time, kind, tenant, or what they belong to.
//!
//! Read in the order of the log and paged by position, so that the millionth page costs what the first
//! does. Times become positions first, which narrows what is read.

use std::collections::HashMap;

use annals_commands::Catalogue;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    HistoryArgs, PAGE, Reader, SHOWN,
    address::{self, Address, typed},
    rows::Rows,
    told::{Cause, Teller, Told},
    write,
};
use crate::{
    cli::{Exit, Tone, complain},
    ops::{OpsError, setup::tables_missing, text::visible},
    store::{COLUMNS, StoredEvent},
};

/// Earlier events of a stream that are read to know what its rows were.
const BEFORE: i64 = 1_000;
/// Streams whose rows are remembered at once.
const STREAMS: usize = 10_000;
/// How far from its own time an event may have been recorded.
const LATE: TimeDelta = TimeDelta::minutes(10);

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    /// Stored names of kinds from this one on, and before that one.
    kinds: Option<(String, String)>,
    /// One stream's id.
    id: Option<String>,
    /// After this position.
    after: i64,
    /// Up to this one.
    until: i64,
}

impl Search {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// There is no such context or kind, or Postgres does not answer.
    pub async fn new(
        args: &HistoryArgs,
        catalogue: &Catalogue,
        pool: &PgPool,
    ) -> Result<Self, OpsError> {
        let mut search = Self { after: args.after, until: i64::MAX, ..Self::default() };
        if !args.what.is_empty() {
            let one = |kind: &str| Some((kind.to_owned(), format!("{kind}\u{1}")));
            match address::read(&args.what, catalogue)? {
                Address::Context(context) => {
                    search.kinds = Some((format!("{context}."), format!("{context}/")));
                }
                Address::Kind(kind) => search.kinds = one(kind),
                Address::Stream(kind, id) => {
                    search.kinds = one(kind);
                    search.id = Some(id);
                }
            }
        }
        if let Some(since) = args.since {
            // An event at exactly this time is one since then.
            let since = match since {
                crate::ops::Moment::Time(at) => {
                    crate::ops::Moment::Time(at - TimeDelta::microseconds(1))
                }
                position => position,
            };
            let since = since.position(pool).await.map_err(tables_missing)?;
            search.after = search.after.max(since);
        }
        if let Some(until) = args.until {
            search.until = until.position(pool).await.map_err(tables_missing)?;
        }
        Ok(search)
    }

    /// The next events, in order.
    async fn page(
        &self,
        pool: &PgPool,
        args: &HistoryArgs,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, OpsError> {
        let mut sql: QueryBuilder<'_, Postgres> = QueryBuilder::new(format!(
            "SELECT {COLUMNS} FROM annals.events AS event WHERE event.position > "
        ));
        sql.push_bind(self.after).push(" AND event.position <= ").push_bind(self.until);
        if let Some((first, end)) = &self.kinds {
            sql.push(" AND event.aggregate_type >= ").push_bind(first);
            sql.push(" AND event.aggregate_type < ").push_bind(end);
        }
        if let Some(id) = &self.id {
            sql.push(" AND event.aggregate_id = ").push_bind(id);
        }
        if !args.kind.is_empty() {
            sql.push(" AND event.event_type = ANY (").push_bind(&args.kind).push(")");
        }
        let actor = args.actor.map(|actor| actor.to_string());
        for (field, wanted) in
            [("actor", &actor), ("tenant", &args.tenant), ("correlation_id", &args.correlation)]
        {
            if let Some(wanted) = wanted {
                sql.push(format!(" AND event.metadata ->> '{field}' = ")).push_bind(wanted);
            }
        }
        sql.push(" ORDER BY event.position LIMIT ").push_bind(limit);
        sql.build_query_as().fetch_all(pool).await.map_err(tables_missing)
    }
}

impl Reader {
    /// Tells the events that are looked for.
    pub(super) async fn search(
        &self,
        mut search: Search,
        args: &HistoryArgs,
        mut say: impl FnMut(&str),
    ) -> Result<Exit, OpsError> {
        let everything = if args.json { u32::MAX } else { SHOWN };
        let mut left = i64::from(args.limit.unwrap_or(everything));
        let mut streams = Streams::default();
        let (mut exit, mut told_any) = (Exit::Done, false);
        while left > 0 {
            let page = search.page(self.store.pool(), args, PAGE.min(left)).await?;
            let Some(last) = page.last() else { break };
            search.after = last.position;
            for stored in &page {
                let mut told = streams.tell(self, stored).await?;
                told.cause = cause(self.store.pool(), &told).await?;
                if !told.trouble.is_empty() {
                    exit = Exit::Fault;
                }
                let (kind, id) = (&stored.aggregate_type, &stored.aggregate_id);
                if args.json {
                    let line = write::line(kind, id, &told, args.raw);
                    say(&line.map_err(|error| OpsError::Refused(error.to_string()))?);
                } else {
                    let address = visible(&format!("{}/{id}", typed(kind)));
                    let address = self.output.paint(Tone::Strong, &address);
                    say(&format!("\n{address}\n{}", write::event(&told, args.raw, self.output)));
                }
            }
            told_any = true;
            left -= i64::try_from(page.len()).unwrap_or(i64::MAX);
        }
        if !told_any {
            complain("annals: no event is like that");
            return Ok(Exit::Fault);
        }
        if left <= 0 && !search.page(self.store.pool(), args, 1).await?.is_empty() && !args.json {
            say(&format!("\nMore: the same with --after {}", search.after));
        }
        Ok(exit)
    }
}

/// The event that led to another, where it was one: a reaction's cause.
///
/// Ids of events say when they were made, so it is looked for around that time alone.
///
/// # Errors
/// When Postgres does not answer.
pub(crate) async fn cause(pool: &PgPool, told: &Told) -> Result<Option<Cause>, OpsError> {
    let Some(metadata) = &told.metadata else { return Ok(None) };
    if metadata.causation_id == metadata.command_id {
        return Ok(None);
    }
    let Ok(id) = Uuid::parse_str(&metadata.causation_id) else { return Ok(None) };
    let Some(made) = time_of(id) else { return Ok(None) };
    let found = sqlx::query_as(
        "SELECT position, event_type, aggregate_type, aggregate_id FROM annals.events
         WHERE event_id = $1 AND position > annals.position_at($2)
           AND position <= least(annals.position_at($3), $4)",
    )
    .bind(id)
    .bind(made - LATE)
    .bind(made + LATE)
    .bind(told.position)
    .fetch_optional(pool)
    .await
    .map_err(tables_missing)?;
    Ok(found)
}

/// When an id was made, where it says so.
fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// How far the streams that were met are told, and what their rows are there.
#[derive(Default)]
struct Streams(HashMap<(String, String), (i64, Rows)>);

impl Streams {
    /// Tells an event with what was there before it.
    async fn tell(&mut self, reader: &Reader, stored: &StoredEvent) -> Result<Told, OpsError> {
        if self.0.len() >= STREAMS {
            self.0.clear();
        }
        let name = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        let before = stored.sequence - 1;
        let known = self.0.remove(&name);
        let (mut at, rows) = known.unwrap_or(((before - BEFORE).max(0), Rows::default()));
        let mut teller = Teller {
            catalogue: &reader.catalogue,
            projections: &reader.projections,
            keys: reader.keys.as_ref(),
            rows,
        };
        while at < before {
            let limit = PAGE.min(before - at);
            let page = reader.store.stream(&name.0, &name.1, at, limit).await?;
            let Some(end) = page.last().map(|event| event.sequence) else { break };
            for earlier in &page {
                teller.tell(earlier).await?;
            }
            at = end;
        }
        let told = teller.tell(stored).await?;
        self.0.insert(name, (stored.sequence, teller.rows));
        Ok(told)
    }
}
