//! The relay's loop.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::{Client, jetstream};
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    message::{MacKey, to_stored},
    publish::{BATCH, PublishError, publish},
    stream,
};
use crate::{
    engine::failpoint,
    sabotage::broken,
    store::{Store, StoredEvent, lead},
};

/// How long a silent relay waits before it looks for itself.
const POLL: Duration = Duration::from_millis(200);
/// How often the streams are compared with what the relay knows of them.
const CHECK: Duration = Duration::from_secs(5);
/// Events read at once.
const PAGE: i64 = 2_000;
/// How long it may take until it is noted how far a stream is.
const NOTED: Duration = Duration::from_millis(20);
/// From one page to the next, so that under load what comes within a moment is published together.
const PACE: Duration = Duration::from_millis(3);

/// The relay of a deployment. One works, others stand by.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The log, with the relay's rights.
    pub store: Store,
    /// NATS.
    pub client: Client,
    /// Signs what is published.
    pub key: MacKey,
    /// Contexts whose events are published.
    pub contexts: Vec<&'static str>,
    /// Rung when something was appended.
    pub bell: Arc<Notify>,
}

/// Why the relay begins anew.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Postgres does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// NATS does not answer.
    #[error("NATS: {0}")]
    Nats(String),
    /// Publishing failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The stream holds what the log does not: the log was put back to an older state, or somebody else
    /// writes to the stream. Nothing is published until a person has looked.
    #[error(
        "stream {stream} holds position {position}, which the log does not hold in this form: the log \
             may have been restored to an older state. Nothing is published"
    )]
    Ahead {
        /// The stream.
        stream: String,
        /// The position.
        position: i64,
    },
}

/// What the relay knows of a context's stream.
struct Progress {
    stream: jetstream::stream::Stream,
    created: String,
    epoch: i64,
    /// The stream's last sequence.
    last: u64,
    /// Position of the context's last published event.
    position: i64,
    /// Whether it may be empty: nothing was published since it was found so.
    may_be_empty: bool,
    /// The last event's hash, where it is still to be noted.
    unsaid: Option<Vec<u8>>,
    /// When it was noted last.
    said: Instant,
}

impl Relay {
    /// Publishes until it is told to stop. Whatever goes wrong, it begins again.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = Duration::from_millis(100);
        while !stop.is_cancelled() {
            let attempt = async {
                // The lock ends with its connection.
                let leader = match broken("two_leaders") {
                    true => Some(
                        PgConnection::connect_with(&self.store.pool().connect_options()).await?,
                    ),
                    false => lead(self.store.pool(), "annals.relay", &stop).await?,
                };
                let Some(mut leader) = leader else { return Ok(()) };
                tracing::info!("the relay works");
                self.work(&mut leader, &stop).await
            };
            match attempt.await {
                Ok(()) => pause = Duration::from_millis(100),
                Err(error) => {
                    metrics::counter!("annals_relay_restarts_total").increment(1);
                    tracing::warn!(%error, "the relay begins again");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    async fn work(
        &self,
        leader: &mut PgConnection,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        let jetstream = jetstream::new(self.client.clone());
        let mut progress = BTreeMap::new();
        for context in &self.contexts {
            progress.insert(*context, self.open(leader, &jetstream, context).await?);
        }
        // From here on a note that is lost with the server's last moments does no harm: the stream's last message
        // says how far it is, and under which epoch.
        sqlx::query("SET synchronous_commit = off").execute(&mut *leader).await?;
        let relayed = self.relay(leader, &mut progress, stop).await;
        let said = Self::say(leader, &mut progress, Duration::ZERO).await;
        relayed.and(said.map_err(RelayError::from))
    }

    async fn relay(
        &self,
        leader: &mut PgConnection,
        progress: &mut BTreeMap<&'static str, Progress>,
        stop: &CancellationToken,
    ) -> Result<(), RelayError> {
        let mut checked = Instant::now();
        // Every context's events up to here are published.
        let mut through = self.published(progress).await?;
        while !stop.is_cancelled() {
            let next = Instant::now() + PACE;
            let page = self.store.after(through, PAGE, None).await?;
            failpoint("relay_read");
            match page.last().map(|event| event.position) {
                Some(end) => {
                    self.publish_page(&page, progress).await?;
                    Self::say(leader, progress, NOTED).await?;
                    through = end;
                    metrics::gauge!("annals_relay_position").set(end as f64);
                    if page.len() as i64 == PAGE {
                        continue;
                    }
                }
                None => Self::say(leader, progress, Duration::ZERO).await?,
            }
            if checked.elapsed() >= CHECK {
                checked = Instant::now();
                sqlx::query("SELECT 1").execute(&mut *leader).await?;
                for known in progress.values() {
                    self.check(known).await?;
                }
                let head = self.store.head().await?;
                metrics::gauge!("annals_relay_lag_events").set((head - through) as f64);
            }
            let all_said = progress.values().all(|it| it.unsaid.is_none());
            let patience = if all_said { POLL } else { NOTED };
            tokio::select! {
                () = stop.cancelled() => {}
                _ = timeout(patience, self.bell.notified()) => {}
            }
            sleep_until(next).await;
        }
        Ok(())
    }

    /// Notes how far streams are where that was not noted for so long.
    async fn say(
        leader: &mut PgConnection,
        progress: &mut BTreeMap<&'static str, Progress>,
        unsaid_for: Duration,
    ) -> Result<(), sqlx::Error> {
        for (context, known) in progress {
            if known.said.elapsed() >= unsaid_for
                && let Some(hash) = known.unsaid.take()
            {
                Self::remember(leader, context, known, &hash).await?;
                known.said = Instant::now();
                failpoint("relay_remembered");
            }
        }
        Ok(())
    }

    /// Up to where nothing is left to publish. A context that has been quiet for long does not have the log read
    /// anew from its last event on.
    async fn published(
        &self,
        progress: &BTreeMap<&'static str, Progress>,
    ) -> Result<i64, sqlx::Error> {
        let mut through = self.store.head().await?;
        for (context, known) in progress {
            let next = self.store.after(known.position, 1, Some(context)).await?;
            through = next.first().map_or(through, |event| through.min(event.position - 1));
        }
        Ok(through)
    }

    async fn publish_page(
        &self,
        page: &[StoredEvent],
        progress: &mut BTreeMap<&'static str, Progress>,
    ) -> Result<(), RelayError> {
        for (context, known) in progress {
            let due: Vec<&StoredEvent> = page
                .iter()
                .filter(|event| event.position > known.position && event.context() == *context)
                .filter(|event| !broken("lost_event_in_batch") || event.position % 50 != 0)
                .collect();
            for batch in due.chunks(if broken("duplicate_acknowledgement") { 1 } else { BATCH }) {
                let last = publish(
                    &self.client,
                    batch,
                    known.epoch,
                    known.position,
                    known.last,
                    &self.key,
                )
                .await?;
                known.last = last;
                known.may_be_empty = false;
                if let Some(event) = batch.last() {
                    known.position = event.position;
                    known.unsaid = Some(event.hash.clone());
                }
                metrics::counter!("annals_events_published_total", "context" => *context)
                    .increment(batch.len() as u64);
            }
        }
        Ok(())
    }

    /// Finds out where a context's stream is: goes on behind its last message, or fills it again.
    async fn open(
        &self,
        leader: &mut PgConnection,
        jetstream: &jetstream::Context,
        context: &'static str,
    ) -> Result<Progress, RelayError> {
        let nats = |error: &dyn std::fmt::Display| RelayError::Nats(error.to_string());
        let opened = stream::open(jetstream, context).await.map_err(|it| nats(&it))?;
        let info = opened.get_info().await.map_err(|it| nats(&it))?;
        let created = info.created.to_string();
        let known: Option<(i64, String, i64)> = sqlx::query_as(
            "SELECT epoch, stream_created, position FROM annals.relay WHERE context = $1",
        )
        .bind(context)
        .fetch_optional(self.store.pool())
        .await?;
        let mut progress = Progress {
            stream: opened,
            created,
            epoch: known.as_ref().map_or(1, |it| it.0),
            last: info.state.last_sequence,
            position: 0,
            may_be_empty: info.state.messages == 0,
            unsaid: None,
            said: Instant::now(),
        };
        let same = known.as_ref().is_none_or(|it| it.1 == progress.created);
        let was = known.as_ref().map_or(0, |it| it.2);
        if info.state.messages > 0 && same {
            let raw = progress
                .stream
                .get_raw_message(info.state.last_sequence)
                .await
                .map_err(|it| nats(&it))?;
            let message = async_nats::Message {
                subject: raw.subject.clone(),
                reply: None,
                payload: raw.payload.clone(),
                headers: Some(raw.headers.clone()),
                status: None,
                description: None,
                length: raw.payload.len(),
            };
            let name = stream::stream_name(context);
            if let Ok(last) = to_stored(&message, &self.key) {
                let position = last.event.position;
                let stored = self.store.at(position).await?;
                if stored.is_none_or(|it| it.hash != last.event.hash) {
                    return Err(RelayError::Ahead { stream: name, position });
                }
                if position >= was {
                    progress.position = position;
                    progress.epoch = progress.epoch.max(last.epoch);
                    Self::remember(leader, context, &progress, &last.event.hash).await?;
                    return Ok(progress);
                }
            } else {
                tracing::error!(stream = name, "the stream's last message is not the relay's");
            }
        } else if known.is_none() {
            // Nothing was ever published.
            Self::remember(leader, context, &progress, &[]).await?;
            return Ok(progress);
        } else if same && was == 0 {
            return Ok(progress);
        }
        // Lost, made anew, purged, or rewound: what is in it stays, what projections may still need
        // follows under a new epoch, so that no duplicate window can swallow it.
        progress.epoch += i64::from(!broken("duplicate_acknowledgement"));
        failpoint("refilling");
        progress.position = self.oldest_needed(context).await?;
        tracing::warn!(
            context,
            epoch = progress.epoch,
            from = progress.position,
            "a stream is filled again"
        );
        metrics::counter!("annals_relay_refills_total", "context" => context).increment(1);
        Self::remember(leader, context, &progress, &[]).await?;
        Ok(progress)
    }

    /// The position behind which projections of a context may still need events.
    async fn oldest_needed(&self, context: &str) -> Result<i64, sqlx::Error> {
        let oldest: Option<i64> =
            sqlx::query_scalar("SELECT min(position) FROM annals.projections WHERE name = $1")
                .bind(context)
                .fetch_one(self.store.pool())
                .await?;
        Ok(oldest.unwrap_or_default())
    }

    /// Compares a stream with what is known of it.
    async fn check(&self, known: &Progress) -> Result<(), RelayError> {
        let info =
            known.stream.get_info().await.map_err(|error| RelayError::Nats(error.to_string()))?;
        let purged = info.state.messages == 0 && !known.may_be_empty;
        if info.created.to_string() != known.created
            || info.state.last_sequence != known.last
            || purged
        {
            return Err(PublishError::Moved("lost, purged, rewound or made anew".to_owned()).into());
        }
        Ok(())
    }

    /// Notes how far a stream is.
    async fn remember(
        leader: &mut PgConnection,
        context: &str,
        known: &Progress,
        hash: &[u8],
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO annals.relay AS known
                 (context, epoch, stream_created, position, hash, updated_at)
             VALUES ($1, $2, $3, $4, $5, clock_timestamp())
             ON CONFLICT (context) DO UPDATE
             SET epoch = excluded.epoch, stream_created = excluded.stream_created,
                 position = excluded.position, hash = excluded.hash,
                 updated_at = excluded.updated_at",
        )
        .bind(context)
        .bind(known.epoch)
        .bind(&known.created)
        .bind(known.position)
        .bind(hash)
        .execute(leader)
        .await?;
        Ok(())
    }
}
