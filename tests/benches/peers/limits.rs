//! What one connection to Postgres can do: the yardsticks that Annals is held against.

use std::time::{Duration, Instant};

use annals_infra::bench::{ids::Chance, measure::Waits};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    args::Scale,
    fault::Done,
    world::{World, checkpoint, script},
};

/// Streams that events are spread over.
const STREAMS: usize = 10_000;
/// Events of a set-based append.
const APPENDED: usize = 500;
/// Rows of a set-based upsert.
const UPSERTED: usize = 1_000;
/// A payload of some 250 bytes, as a wallet's events have.
pub const PAYLOAD: &str = r#"{"transaction_id":"019aa0c4-7d2b-7a31-9d0f-3c6f2d1f8a55","transaction_type":"withdrawal","amount":"7.00","currency":"USD","balance":"100003.00","spent_on":"2026-11-21","metadata":{},"description":"a movement of money that has a few words to say for itself"}"#;
/// Metadata of some 150 bytes.
pub const METADATA: &str = r#"{"command_id":"019aa0c4-7d2b-7a31-9d0f-3c6f2d1f8a54","actor":"0a000000-0000-7000-8000-000000000001","actor_kind":"system","tenant":"default"}"#;

/// The tables and the connection that is measured.
pub struct Limits {
    url: String,
    connection: PgConnection,
    chance: Chance,
    sequences: Vec<i64>,
    position: i64,
}

impl Limits {
    /// Makes the tables.
    pub async fn new(world: &World) -> Done<Self> {
        let url = world.database("peer_limits").await?;
        let connection = PgConnection::connect(&url).await?;
        let chance = Chance::new();
        Ok(Self { url, connection, chance, sequences: Vec::new(), position: 0 })
    }

    async fn fresh(&mut self, kind: &str) -> Done {
        let sql = include_str!("limits.sql").replace("stored_as", kind);
        script(&self.url, &sql).await?;
        checkpoint(&self.url).await?;
        // Statements that were prepared know tables that are gone.
        self.connection = PgConnection::connect(&self.url).await?;
        self.sequences = vec![0; STREAMS];
        self.position = 0;
        Ok(())
    }

    /// Events a second in appends of 500, payload and metadata of this type.
    pub async fn append(&mut self, kind: &str, scale: &Scale) -> Done<f64> {
        self.fresh(kind).await?;
        self.appends(kind, APPENDED, scale.warmup).await?;
        let (events, took, _) = self.appends(kind, APPENDED, scale.measured).await?;
        Ok(events as f64 / took.as_secs_f64())
    }

    /// How long a commit of one event takes.
    pub async fn commit(&mut self, scale: &Scale) -> Done<Waits> {
        self.fresh("json").await?;
        self.appends("json", 1, scale.warmup).await?;
        Ok(self.appends("json", 1, scale.measured).await?.2)
    }

    async fn appends(
        &mut self,
        kind: &str,
        rows: usize,
        time: Duration,
    ) -> Done<(u64, Duration, Waits)> {
        let sql = format!(
            "INSERT INTO events SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[],
             $5::text[], $6::text[], $7::{kind}[], $8::{kind}[])"
        );
        // As JSON the server parses what comes as text.
        let sql = match kind {
            "text" => sql,
            _ => format!(
                "INSERT INTO events SELECT position, kind, id, sequence, type, version, payload::{kind},
                 metadata::{kind} FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[],
                 $5::text[], $6::text[], $7::text[], $8::text[])
                 AS given (position, kind, id, sequence, type, version, payload, metadata)"
            ),
        };
        let began = Instant::now();
        let (mut events, mut waits) = (0, Waits::new());
        while began.elapsed() < time {
            let streams: Vec<usize> = (0..rows).map(|_| self.chance.below(STREAMS)).collect();
            let mut positions = Vec::with_capacity(rows);
            let mut sequences = Vec::with_capacity(rows);
            for stream in &streams {
                self.position += 1;
                positions.push(self.position);
                if let Some(sequence) = self.sequences.get_mut(*stream) {
                    *sequence += 1;
                    sequences.push(*sequence);
                }
            }
            let ids: Vec<String> = streams
                .iter()
                .map(|stream| Uuid::from_u128(*stream as u128 * 0x9e37_79b9_7f4a_7c15).to_string())
                .collect();
            let sent = Instant::now();
            sqlx::query(&sql)
                .bind(positions)
                .bind(vec!["samia.wallet"; rows])
                .bind(ids)
                .bind(sequences)
                .bind(vec!["WalletDebited"; rows])
                .bind(vec!["1"; rows])
                .bind(vec![PAYLOAD; rows])
                .bind(vec![METADATA; rows])
                .execute(&mut self.connection)
                .await?;
            waits.add(sent.elapsed());
            events += rows as u64;
        }
        Ok((events, began.elapsed(), waits))
    }

    /// Events a second that are read by position in pages of 1,000, JSON left as text.
    pub async fn read(&mut self, scale: &Scale) -> Done<f64> {
        if self.position < 20_000 {
            self.append("json", scale).await?;
        }
        let began = Instant::now();
        let (mut at, mut events) = (0_i64, 0_u64);
        while began.elapsed() < scale.measured {
            let rows: Vec<(i64, String, String, i64, String, String, String)> = sqlx::query_as(
                "SELECT position, aggregate_type, aggregate_id, sequence, event_type, payload::text,
                        metadata::text
                 FROM events WHERE position > $1 ORDER BY position LIMIT 1000",
            )
            .bind(at)
            .fetch_all(&mut self.connection)
            .await?;
            events += rows.len() as u64;
            at = rows.last().map_or(0, |row| row.0);
        }
        Ok(events as f64 / began.elapsed().as_secs_f64())
    }

    /// Rows a second that one connection upserts by UNNEST, 1,000 a transaction, half of them new.
    pub async fn upsert(&mut self, scale: &Scale) -> Done<f64> {
        self.fresh("json").await?;
        let mut known: Vec<Uuid> = Vec::new();
        self.upserts(&mut known, scale.warmup).await?;
        let (rows, took) = self.upserts(&mut known, scale.measured).await?;
        Ok(rows as f64 / took.as_secs_f64())
    }

    async fn upserts(&mut self, known: &mut Vec<Uuid>, time: Duration) -> Done<(u64, Duration)> {
        let began = Instant::now();
        let mut rows = 0;
        while began.elapsed() < time {
            let ids = self.half_new(known);
            let users: Vec<Uuid> =
                ids.iter().map(|_| Uuid::from_u128(self.chance.below(STREAMS) as u128)).collect();
            let now: DateTime<Utc> = Utc::now();
            let count = ids.len();
            sqlx::query(include_str!("upsert.sql"))
                .bind(&ids)
                .bind(users)
                .bind(vec!["withdrawal"; count])
                .bind(vec!["7.00"; count])
                .bind(vec!["USD"; count])
                .bind(vec!["completed"; count])
                .bind(vec!["0.00"; count])
                .bind(vec!["a movement of money"; count])
                .bind(vec!["{}"; count])
                .bind(vec![now; count])
                .bind(vec![now; count])
                .bind(vec![false; count])
                .execute(&mut self.connection)
                .await?;
            rows += count as u64;
        }
        Ok((rows, began.elapsed()))
    }

    /// Ids of a batch, no id twice: half of them new, the others drawn from those that are there.
    fn half_new(&mut self, known: &mut Vec<Uuid>) -> Vec<Uuid> {
        let mut ids = std::collections::BTreeSet::new();
        if known.len() >= UPSERTED {
            while ids.len() < UPSERTED / 2 {
                ids.extend(known.get(self.chance.below(known.len())));
            }
        }
        while ids.len() < UPSERTED {
            let id = self.chance.command_id();
            known.push(id);
            ids.insert(id);
        }
        ids.into_iter().collect()
    }
}
