//! Reading the log: by stream, and by position.

use std::sync::Arc;

use annals_commands::Stream;
use sqlx::Row;

use super::{Store, event::StoredEvent};

/// A stream as it stands in the log.
#[derive(Debug)]
pub struct LoadedStream {
    /// Which stream.
    pub stream: Stream,
    /// The state that was kept of it, if one was.
    pub snapshot: Option<Snapshot>,
    /// The events after that.
    pub events: Vec<StoredEvent>,
}

/// A kept state.
#[derive(Debug)]
pub struct Snapshot {
    /// The sequence of the last event in it.
    pub version: i64,
    /// Version of its form.
    pub form: i64,
    /// The state, JSON text.
    pub state: String,
}

/// What an event is read with; the table goes by the name `event`.
pub(crate) const COLUMNS: &str = "event.position, event.aggregate_type, event.aggregate_id, event.sequence, \
     event.event_type, event.event_version, event.payload::text AS payload, \
     event.metadata::text AS metadata, event.event_id, event.recorded_at, event.hash";

/// Positions that are looked through by one query, at most, for the events of one context.
const STRETCH: i64 = 50_000;

impl Store {
    /// The position of the last event; 0 for an empty log.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn head(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(&self.pool).await
    }

    /// Streams with their events after whatever snapshot of the wanted form is kept. `forms` are the
    /// forms that the caller can read, one a stream.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn load(
        &self,
        streams: &[Stream],
        forms: &[i64],
    ) -> Result<Vec<LoadedStream>, sqlx::Error> {
        let kinds: Vec<&str> = streams.iter().map(|stream| stream.kind).collect();
        let ids: Vec<&str> = streams.iter().map(|stream| &*stream.id).collect();
        let kept = sqlx::query(
            "SELECT asked.nth, kept.last_sequence, kept.current_snapshot, kept.payload::text
             FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
                  AS asked (kind, id, form, nth)
             JOIN annals.snapshots AS kept
               ON kept.aggregate_type = asked.kind AND kept.aggregate_id = asked.id
              AND kept.current_snapshot = asked.form",
        )
        .bind(&kinds)
        .bind(&ids)
        .bind(forms)
        .fetch_all(&self.pool)
        .await?;
        let mut loaded: Vec<LoadedStream> = streams
            .iter()
            .map(|stream| LoadedStream {
                stream: stream.clone(),
                snapshot: None,
                events: Vec::new(),
            })
            .collect();
        let mut after = vec![0_i64; streams.len()];
        for row in kept {
            let nth = usize::try_from(row.try_get::<i64, _>(0)? - 1).unwrap_or(usize::MAX);
            let version: i64 = row.try_get(1)?;
            if let (Some(entry), Some(after)) = (loaded.get_mut(nth), after.get_mut(nth)) {
                *after = version;
                entry.snapshot =
                    Some(Snapshot { version, form: row.try_get(2)?, state: row.try_get(3)? });
            }
        }
        let rows = sqlx::query(&format!(
            "SELECT asked.nth, {COLUMNS}
             FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY
                  AS asked (kind, id, after, nth)
             CROSS JOIN LATERAL (
                 SELECT * FROM annals.events AS event
                 WHERE event.aggregate_type = asked.kind AND event.aggregate_id = asked.id
                   AND event.sequence > asked.after
                 ORDER BY event.sequence
             ) AS event
             ORDER BY asked.nth, event.sequence"
        ))
        .bind(&kinds)
        .bind(&ids)
        .bind(&after)
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let nth = usize::try_from(row.try_get::<i64, _>(0)? - 1).unwrap_or(usize::MAX);
            if let Some(entry) = loaded.get_mut(nth) {
                entry.events.push(sqlx::FromRow::from_row(&row)?);
            }
        }
        Ok(loaded)
    }

    /// Events after a position, in order, at most `limit`; of one context, or of all.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn after(
        &self,
        position: i64,
        limit: i64,
        context: Option<&str>,
    ) -> Result<Vec<StoredEvent>, sqlx::Error> {
        if let Some(context) = context {
            return self.after_of(position, limit, context, &[]).await;
        }
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM annals.events AS event
             WHERE event.position > $1 ORDER BY event.position LIMIT $2"
        ))
        .bind(position)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
    }

    /// A context's events and those of some kinds of aggregate elsewhere, after a position, in order, at
    /// most `limit`.
    ///
    /// The log is gone through by positions, a stretch at a time. Asked for at once, a planner that expects few
    /// of them fetches and sorts all that the context has, for every page.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn after_of(
        &self,
        position: i64,
        limit: i64,
        context: &str,
        kinds: &[&str],
    ) -> Result<Vec<StoredEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM annals.events AS event
             WHERE event.position > $1 AND event.position <= $2
               AND (split_part(event.aggregate_type, '.', 1) = $4
                    OR event.aggregate_type = ANY($5))
             ORDER BY event.position LIMIT $3"
        );
        let head = self.head().await?;
        let (mut from, mut stretch, mut found) = (position, limit, Vec::new());
        loop {
            let left = limit.saturating_sub(i64::try_from(found.len()).unwrap_or(limit));
            if left == 0 || from >= head {
                return Ok(found);
            }
            let to = from.saturating_add(stretch).min(head);
            let more: Vec<StoredEvent> = sqlx::query_as(&sql)
                .bind(from)
                .bind(to)
                .bind(left)
                .bind(context)
                .bind(kinds)
                .fetch_all(&self.pool)
                .await?;
            found.extend(more);
            from = to;
            stretch = stretch.saturating_mul(2).min(STRETCH);
        }
    }

    /// Erasures of a context's people after a position, in order (shared.erasure.event).
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn erasures(
        &self,
        after: i64,
        context: &str,
    ) -> Result<Vec<StoredEvent>, sqlx::Error> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM annals.events AS event
             WHERE event.position > $1 AND event.event_type LIKE '%Erased'
               AND event.aggregate_type >= $2 AND event.aggregate_type < $3
             ORDER BY event.position"
        ))
        .bind(after)
        .bind(format!("{context}."))
        .bind(format!("{context}/"))
        .fetch_all(&self.pool)
        .await
    }

    /// One event.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn at(&self, position: i64) -> Result<Option<StoredEvent>, sqlx::Error> {
        Ok(self.after(position - 1, 1, None).await?.into_iter().find(|it| it.position == position))
    }

    /// One stream's events after a sequence, in order, at most `limit`.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn stream(
        &self,
        kind: &str,
        id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<StoredEvent>, sqlx::Error> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM annals.events AS event
             WHERE event.aggregate_type = $1 AND event.aggregate_id = $2 AND event.sequence > $3
             ORDER BY event.sequence LIMIT $4"
        ))
        .bind(kind)
        .bind(id)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await
    }

    /// The streams that events in `(after, until]` belong to.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn changed(
        &self,
        after: i64,
        until: i64,
    ) -> Result<Vec<(String, String)>, sqlx::Error> {
        sqlx::query_as(
            "SELECT DISTINCT event.aggregate_type, event.aggregate_id FROM annals.events AS event
             WHERE event.position > $1 AND event.position <= $2",
        )
        .bind(after)
        .bind(until)
        .fetch_all(&self.pool)
        .await
    }

    /// Who holds values, by field and hash; those that nobody holds are left out.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn holders(
        &self,
        claims: &[(&'static str, [u8; 32])],
    ) -> Result<Vec<(usize, Arc<str>)>, sqlx::Error> {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT asked.nth, claim.owner
             FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked (field, hash, nth)
             JOIN annals.claims AS claim ON claim.field = asked.field AND claim.hash = asked.hash",
        )
        .bind(claims.iter().map(|claim| claim.0).collect::<Vec<_>>())
        .bind(claims.iter().map(|claim| claim.1.as_slice()).collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .filter_map(|(nth, owner)| Some((usize::try_from(nth - 1).ok()?, Arc::from(owner))))
            .collect())
    }
}
