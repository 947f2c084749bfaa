//! The export worker: carries out what was asked for, in the background.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use annals_commands::{
    ActorKind, Catalogue as Aggregates,
    export::{self, Archive, Exports, Wanted},
    reaction::{Cause, Sending},
};
use annals_projections::{Catalogue, Context};
use sqlx::{PgConnection, PgPool};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    ExportError, Shelf,
    archive::{make, prepare, tidy},
    file,
    open::open,
};
use crate::{
    engine::{Clock, failpoint},
    reactor::{self, Sender},
    store::{Metadata, StoredEvent, lead},
    transfer::Tables,
};

/// How often it looks for what was asked, and asks whether the tables are far enough.
const POLL: Duration = Duration::from_millis(500);
/// How many positions it looks through at once.
const STRIDE: i64 = 100_000;
/// How often it remembers where it is while nobody asks for anything.
const REMEMBER: Duration = Duration::from_secs(30);
/// How often it looks for archives that lay there long enough.
const TIDY: Duration = Duration::from_secs(3_600);
/// Contract id under which it sends commands.
const NAME: &str = "shared.export";

/// Carries out a context's exports. One works, others stand by.
#[derive(Clone)]
pub struct Exporter {
    /// The event store and the checkpoint, with the reactor's rights.
    pub pool: PgPool,
    /// The tables, with the projector's rights.
    pub rows: PgPool,
    /// What events are.
    pub aggregates: Arc<Aggregates>,
    /// The tables.
    pub catalogue: Arc<Catalogue>,
    /// Sends commands.
    pub sender: Sender,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where archives are put.
    pub shelf: Shelf,
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Exporter")
    }
}

/// What works on one context's exports.
struct Work<'a> {
    exporter: &'a Exporter,
    exports: &'static Exports,
    context: &'a Context,
    stop: &'a CancellationToken,
}

impl Exporter {
    /// Makes the folder, and says whether it can be written to.
    ///
    /// # Errors
    /// When it cannot.
    pub fn prepare(shelf: &Shelf) -> std::io::Result<()> {
        prepare(shelf)
    }

    /// Carries out a context's exports until it is told to stop. Whatever goes wrong, it begins again.
    /// Ends at once where the context has none.
    pub async fn run(self, context: &'static str, stop: CancellationToken) {
        let (Some(exports), Some(tables)) = (export::of(context), self.catalogue.context(context))
        else {
            return;
        };
        let work = Work { exporter: &self, exports, context: tables, stop: &stop };
        while !stop.is_cancelled() {
            if let Err(error) = work.lead().await
                && !stop.is_cancelled()
            {
                metrics::counter!("annals_export_failures_total", "context" => context)
                    .increment(1);
                tracing::error!(context, %error, "an export is not delivered");
                work.pause(Duration::from_secs(2)).await;
            }
        }
    }
}

impl Work<'_> {
    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = sleep(time) => {}
        }
    }

    fn key(&self) -> String {
        format!("exports.{}", self.context.name)
    }

    async fn lead(&self) -> Result<(), ExportError> {
        let pool = &self.exporter.pool;
        let name = format!("annals.{}", self.key());
        let Some(mut lock) = lead(pool, &name, self.stop).await? else { return Ok(()) };
        let mut at = self.checkpoint().await?;
        let (mut remembered, mut tidied) = (None::<Instant>, None::<Instant>);
        let since = |it: Option<Instant>, time| it.is_none_or(|it| it.elapsed() > time);
        while !self.stop.is_cancelled() {
            // The lock is gone with its connection.
            let head: i64 =
                sqlx::query_scalar("SELECT position FROM annals.head").fetch_one(&mut lock).await?;
            if since(tidied, TIDY) {
                let shelf = &self.exporter.shelf;
                tidy(shelf, SystemTime::now()).map_err(file(&shelf.folder))?;
                tidied = Some(Instant::now());
            }
            if head <= at {
                self.pause(POLL).await;
                continue;
            }
            let until = head.min(at.saturating_add(STRIDE));
            let events = open(pool, self.exports, at, until).await?;
            let delivered = !events.is_empty();
            for event in events {
                if !self.carry_out(&event, &mut lock).await? {
                    return Ok(());
                }
            }
            at = until;
            if delivered || until < head || since(remembered, REMEMBER) {
                self.remember(at).await?;
                remembered = Some(Instant::now());
            }
            if until == head {
                self.pause(POLL).await;
            }
        }
        Ok(())
    }

    /// Everything up to here is carried out.
    async fn checkpoint(&self) -> Result<i64, sqlx::Error> {
        let position =
            sqlx::query_scalar("SELECT position FROM annals.reactors WHERE context = $1")
                .bind(self.key())
                .fetch_optional(&self.exporter.pool)
                .await?;
        Ok(position.unwrap_or_default())
    }

    async fn remember(&self, position: i64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO annals.reactors (context, version, position) VALUES ($1, 0, $2)
             ON CONFLICT ON CONSTRAINT reactors_pkey DO UPDATE SET position = excluded.position",
        )
        .bind(self.key())
        .bind(position)
        .execute(&self.exporter.pool)
        .await?;
        Ok(())
    }

    /// Delivers what an event asks for; false once it is time to stop.
    async fn carry_out(
        &self,
        event: &StoredEvent,
        lock: &mut PgConnection,
    ) -> Result<bool, ExportError> {
        let payload = serde_json::from_str(&event.payload).unwrap_or_default();
        let Some(wanted) = (self.exports.wanted)(&event.aggregate_id, &payload) else {
            tracing::error!(position = event.position, "nobody knows which export was asked for");
            return Ok(true);
        };
        let Exporter { rows, aggregates, clock, shelf, .. } = self.exporter;
        let tables = Tables::new(self.context, aggregates);
        let archive = loop {
            let made = make(rows, &tables, &wanted, event.position, shelf, clock.now()).await?;
            match made {
                Some(archive) => break archive,
                None if self.stop.is_cancelled() => return Ok(false),
                None => {
                    sqlx::query("SELECT").execute(&mut *lock).await?;
                    self.pause(POLL).await;
                }
            }
        };
        self.report(event, &wanted, &archive).await?;
        failpoint("archive_reported");
        Ok(true)
    }

    async fn report(
        &self,
        event: &StoredEvent,
        wanted: &Wanted,
        archive: &Archive,
    ) -> Result<(), ExportError> {
        let data = (self.exports.report)(wanted, archive);
        let sending = Sending {
            reaction: NAME,
            // Somewhere else, another worker may have made another archive of the same rows.
            id: Uuid::new_v5(&event.event_id, data.to_string().as_bytes()),
            subject: self.exports.complete.to_owned(),
            target: event.aggregate_id.clone(),
            data,
            reason: None,
        };
        let outcome = self.exporter.sender.send(&cause(event), &sending, self.stop).await?;
        let context = self.context.name;
        metrics::counter!("annals_exports_total", "context" => context).increment(1);
        tracing::info!(context, %wanted.export_id, archive.bytes, outcome, "an export is delivered");
        Ok(())
    }
}

/// What leads to the report: the event that asks.
fn cause(event: &StoredEvent) -> Cause {
    let metadata: Option<Metadata> = serde_json::from_str(&event.metadata).ok();
    let (tenant, correlation_id) = metadata
        .map(|it| (it.tenant, it.correlation_id))
        .unwrap_or_else(|| (event.aggregate_id.clone(), event.event_id.to_string()));
    reactor::cause(event, tenant, correlation_id, reactor::identity(), ActorKind::System)
}
