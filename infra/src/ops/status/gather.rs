//! Looking at Postgres, NATS and the key store.

use std::time::Duration;

use annals_commands::export;
use annals_projections::{Catalogue, Context as ReadModel};
use async_nats::{Client, jetstream};
use chrono::{DateTime, Utc};
use sqlx::{Connection, FromRow, PgConnection, PgPool};
use tokio::time::timeout;

use super::{
    reactors::{self, Reactor},
    reading::{Context, Keys, Log, Nats, Progress, Projection, Reading, Stream, Versions},
    services,
};
use crate::{
    exports,
    migrate::tables_hash,
    ops::{
        OpsError,
        setup::{Setup, tables_missing},
    },
    relay::stream_name,
};

/// Events after a checkpoint that are looked at to count those of the context.
const COUNTED: i64 = 50_000;
/// Up to so many rows are counted; beyond, Postgres' estimate is taken.
const EXACT: f32 = 2_000_000.0;
/// How long the key store may take to answer before it counts as out of reach.
const KEYS: Duration = Duration::from_secs(3);

/// Where NATS and the key store are.
pub(super) enum Reach {
    /// As the settings say.
    Setup(Box<Setup>),
    /// NATS is connected already, and the key store is here.
    Served(String),
}

/// What is asked, and stays open from one look to the next.
pub(super) struct Observer {
    /// Where NATS and the key store are.
    pub reach: Reach,
    pub pool: PgPool,
    pub catalogue: Catalogue,
    pub nats: Option<Client>,
}

#[derive(FromRow)]
struct Row {
    epoch: i64,
    position: i64,
    tables_hash: String,
    stopped_at: Option<i64>,
    error: Option<String>,
}

impl Observer {
    /// Looks at everything.
    pub async fn look(&mut self) -> Result<Reading, OpsError> {
        let nats = self.nats().await;
        let mut log = self.log().await.map_err(tables_missing)?;
        log.notary_active = self.is_held("annals.notary").await?;
        for of in export::all() {
            log.exporter_active |=
                self.is_held(&format!("annals.exports.{}", of.context())).await?;
        }
        let names: Vec<&str> = self.catalogue.contexts().map(|it| it.name).collect();
        let services = match &self.nats {
            Some(client) => services::count(client, &names).await,
            None => None,
        };
        let mut contexts = Vec::new();
        for (nth, context) in self.catalogue.contexts().enumerate() {
            let services = services.as_ref().and_then(|counts| counts.get(nth)).copied();
            let known = Context { services, ..self.context(context, log.position).await? };
            contexts.push(known);
        }
        let mut reading = Reading {
            at: Utc::now(),
            ok: true,
            faults: Vec::new(),
            notes: Vec::new(),
            versions: self.versions().await?,
            log,
            relay_active: self.is_held("annals.relay").await?,
            contexts,
            keys: self.keys().await,
            nats,
        };
        reading.judge();
        Ok(reading)
    }

    async fn nats(&mut self) -> Nats {
        if self.nats.is_none() {
            let connected = match &self.reach {
                Reach::Setup(setup) => setup.nats().await.map_err(|error| error.to_string()),
                Reach::Served(_) => Err("nobody is connected".to_owned()),
            };
            match connected {
                Ok(client) => self.nats = Some(client),
                Err(error) => return Nats { reachable: false, error: Some(error) },
            }
        }
        Nats { reachable: true, error: None }
    }

    async fn versions(&self) -> Result<Versions, OpsError> {
        let postgres = sqlx::query_scalar("SELECT current_setting('server_version')");
        Ok(Versions {
            annals: env!("CARGO_PKG_VERSION"),
            postgres: postgres.fetch_one(&self.pool).await?,
            nats: self.nats.as_ref().map(|client| client.server_info().version),
        })
    }

    async fn log(&self) -> Result<Log, sqlx::Error> {
        let (position, recorded_at, estimate): (i64, Option<DateTime<Utc>>, f32) = sqlx::query_as(
            "SELECT position, nullif(recorded_at, '-infinity'),
                    (SELECT reltuples FROM pg_class WHERE oid = 'annals.commands'::regclass)
             FROM annals.head",
        )
        .fetch_one(&self.pool)
        .await?;
        let commands_estimated = estimate > EXACT;
        let commands = if commands_estimated {
            estimate as i64
        } else {
            sqlx::query_scalar("SELECT count(*) FROM annals.commands").fetch_one(&self.pool).await?
        };
        let newest: Option<(i64, DateTime<Utc>)> = sqlx::query_as(
            "SELECT size, signed_at FROM annals.checkpoints ORDER BY size DESC LIMIT 1",
        )
        .fetch_optional(&self.pool)
        .await?;
        let erasures_open =
            sqlx::query_scalar("SELECT count(*) FROM annals.erasures WHERE finished_at IS NULL")
                .fetch_one(&self.pool)
                .await?;
        let exports_waiting = exports::waiting(&self.pool).await?.count;
        Ok(Log {
            position,
            recorded_at,
            commands,
            commands_estimated,
            signed: newest.map(|it| it.0),
            signed_at: newest.map(|it| it.1),
            notary_active: false,
            erasures_open,
            exports_waiting,
            exporter_active: false,
        })
    }

    async fn context(&self, model: &ReadModel, head: i64) -> Result<Context, OpsError> {
        let name = model.name;
        let row: Option<Row> = sqlx::query_as(
            "SELECT epoch, position, tables_hash, stopped_at, error
             FROM annals.projections WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        let projection = match row {
            Some(row) => Some(Projection {
                progress: self.progress(name, row.position, row.epoch, head).await?,
                active: self.is_held(&format!("annals.projector.{name}")).await?,
                stale: row.tables_hash != tables_hash(model),
                stopped_at: row.stopped_at,
                error: row.error,
            }),
            None => None,
        };
        let relayed: Option<(i64, i64)> =
            sqlx::query_as("SELECT position, epoch FROM annals.relay WHERE context = $1")
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        let published = match relayed {
            Some((position, epoch)) => Some(self.progress(name, position, epoch, head).await?),
            None => None,
        };
        let (parked, skipped): (i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE skipped_at IS NULL),
                    count(*) FILTER (WHERE skipped_at IS NOT NULL)
             FROM annals.parked WHERE name = $1",
        )
        .bind(name)
        .fetch_one(&self.pool)
        .await?;
        let rebuilding = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM annals.projections WHERE name = $1 || '_next')",
        )
        .bind(name)
        .fetch_one(&self.pool)
        .await?;
        Ok(Context {
            name: name.to_owned(),
            projection,
            published,
            reactor: self.reactor(name, head).await?,
            stream: self.stream(name).await,
            parked,
            skipped,
            rebuilding,
            services: None,
        })
    }

    async fn reactor(&self, name: &str, head: i64) -> Result<Option<Reactor>, sqlx::Error> {
        let Some((row, timers)) = reactors::read(&self.pool, name).await? else { return Ok(None) };
        Ok(Some(Reactor {
            progress: self.progress(name, row.position, 0, head).await?,
            active: self.is_held(&format!("annals.reactor.{name}")).await?,
            stopped_at: row.stopped_at,
            error: row.error,
            timers,
        }))
    }

    async fn progress(
        &self,
        context: &str,
        position: i64,
        epoch: i64,
        head: i64,
    ) -> Result<Progress, sqlx::Error> {
        let (lag_events, seconds): (i64, Option<f64>) = sqlx::query_as(
            "SELECT count(*),
                    extract(epoch FROM clock_timestamp() - min(recorded_at))::double precision
             FROM (SELECT aggregate_type, recorded_at FROM annals.events
                   WHERE position > $1 ORDER BY position LIMIT $2) AS next
             WHERE aggregate_type >= $3 AND aggregate_type < $4",
        )
        .bind(position)
        .bind(COUNTED)
        .bind(format!("{context}."))
        .bind(format!("{context}/"))
        .fetch_one(&self.pool)
        .await?;
        Ok(Progress {
            position,
            epoch,
            lag_events,
            lag_exact: head - position <= COUNTED,
            lag_seconds: seconds.unwrap_or_default().max(0.0),
            stalled: false,
        })
    }

    async fn stream(&self, context: &str) -> Option<Stream> {
        let name = stream_name(context);
        let jetstream = jetstream::new(self.nats.clone()?);
        let found = timeout(KEYS, jetstream.get_stream(&name)).await.ok()?.ok()?;
        let state = &found.cached_info().state;
        let (messages, bytes) = (state.messages, state.bytes);
        Some(Stream { name, messages, bytes, last_sequence: state.last_sequence })
    }

    /// Whether somebody holds one of our advisory locks: then that role is at work.
    async fn is_held(&self, lock: &str) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT FROM pg_locks
                 WHERE locktype = 'advisory' AND granted AND objsubid = 2
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND classid::bigint = hashtext($1)::bigint & 4294967295
                   AND objid::bigint = hashtext(current_database())::bigint & 4294967295)",
        )
        .bind(lock)
        .fetch_one(&self.pool)
        .await
    }

    async fn keys(&self) -> Keys {
        let url = match &self.reach {
            Reach::Setup(setup) => setup.keys_url(),
            Reach::Served(url) => Ok(url.as_str()),
        };
        let url = match url {
            Ok(url) => url,
            Err(error) => return Keys { error: Some(error.to_string()), ..Keys::default() },
        };
        match timeout(KEYS, census(url)).await {
            Ok(Ok((live, destroyed))) => Keys { reachable: true, live, destroyed, error: None },
            Ok(Err(error)) => Keys { error: Some(error.to_string()), ..Keys::default() },
            Err(_) => Keys { error: Some("no answer in time".to_owned()), ..Keys::default() },
        }
    }
}

async fn census(url: &str) -> Result<(i64, i64), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let counts = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE destroyed_at IS NULL),
                count(*) FILTER (WHERE destroyed_at IS NOT NULL)
         FROM annals_keys.subject_keys",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(counts)
}
