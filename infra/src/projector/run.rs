//! A projector's loop.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_projections::{Catalogue, Context};
use async_nats::{
    Client,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
    },
};
use futures::StreamExt;
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    apply::{ApplyError, Checkpoint, Target, apply, apply_all, checkpoint, pass_over},
    wait::PROJECTED,
    write,
};
use crate::{
    engine::failpoint,
    keys::Keys,
    migrate::tables_hash,
    relay::{MacKey, stream_name, to_stored},
    sabotage::broken,
    store::{Store, StoredEvent, lead},
};

/// Events applied in one transaction.
const BATCH: usize = 1_000;
/// How long a silent stream is believed to be a quiet system.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a missing row of another context is waited for.
const PARENT: Duration = Duration::from_secs(30);

/// The projector of a context. One works, others stand by.
#[derive(Clone)]
pub struct Projector {
    /// What events do to rows.
    pub catalogue: Arc<Catalogue>,
    /// How events are read.
    pub aggregates: Arc<Aggregates>,
    /// The log and the rows, with the projector's rights.
    pub store: Store,
    /// Opens personal fields.
    pub keys: Arc<Keys>,
    /// NATS; without it everything is read from Postgres.
    pub client: Option<Client>,
    /// Checks that messages are the relay's.
    pub key: MacKey,
    /// Whether versions of rows are kept.
    pub history: bool,
}

impl std::fmt::Debug for Projector {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Projector")
    }
}

/// Why a projector begins anew.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    #[error("NATS: {0}")]
    Nats(String),
    #[error("{0}")]
    Standing(String),
}

impl Projector {
    /// Projects a context until it is told to stop. Whatever goes wrong, it begins again.
    pub async fn run(self, context: &'static str, stop: CancellationToken) {
        let mut pause = Duration::from_millis(50);
        while !stop.is_cancelled() {
            match self.work(context, &stop).await {
                Ok(()) | Err(RunError::Apply(ApplyError::Fenced)) => {}
                Err(error) => {
                    metrics::counter!("annals_projection_failures_total", "context" => context)
                        .increment(1);
                    tracing::error!(context, %error, "a projection stands still");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
                    continue;
                }
            }
            pause = Duration::from_millis(50);
        }
    }

    async fn work(&self, name: &'static str, stop: &CancellationToken) -> Result<(), RunError> {
        let context = self
            .catalogue
            .context(name)
            .ok_or_else(|| RunError::Standing(format!("no context {name}")))?;
        // The lock lives on the connection that writes: whoever has lost the one has lost the other.
        let lock = format!("annals.projector.{name}");
        let Some(mut connection) = lead(self.store.pool(), &lock, stop).await? else {
            return Ok(());
        };
        write::prepare(&mut connection).await?;
        let mut at = self.start(context).await?;
        self.catch_up(&mut connection, context, &mut at, i64::MAX, stop).await?;
        while !stop.is_cancelled() {
            match &self.client {
                Some(client) => {
                    match self.listen(client, &mut connection, context, &mut at, stop).await {
                        Err(RunError::Nats(error)) => {
                            tracing::warn!(context = name, %error, "projecting from Postgres alone");
                            self.catch_up(&mut connection, context, &mut at, i64::MAX, stop)
                                .await?;
                            sleep(Duration::from_millis(500)).await;
                        }
                        other => other?,
                    }
                }
                None => {
                    self.catch_up(&mut connection, context, &mut at, i64::MAX, stop).await?;
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
        Ok(())
    }

    /// The checkpoint to go on from, if the tables are the present ones.
    async fn start(&self, context: &Context) -> Result<Checkpoint, RunError> {
        let at = checkpoint(self.store.pool(), context.name).await?.ok_or_else(|| {
            RunError::Standing(format!("no read model {}: run `annals migrate`", context.name))
        })?;
        if at.tables_hash != tables_hash(context) {
            return Err(RunError::Standing(format!(
                "the tables of {0} are of another version: run `annals rebuild {0}`",
                context.name
            )));
        }
        if self.history && !at.history && at.position > 0 {
            tracing::warn!(
                context = context.name,
                "the past of these tables is not kept: `annals rebuild` fills it from the log"
            );
        }
        Ok(at)
    }

    /// Applies what the stream brings, until something is amiss with it.
    async fn listen(
        &self,
        client: &Client,
        connection: &mut PgConnection,
        context: &Context,
        at: &mut Checkpoint,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        let nats = |error: &dyn std::fmt::Display| RunError::Nats(error.to_string());
        let jetstream = jetstream::new(client.clone());
        let stream =
            jetstream.get_stream(stream_name(context.name)).await.map_err(|it| nats(&it))?;
        // Where exactly to begin does not matter: what was applied is passed over, what is missing is
        // read from Postgres.
        let deliver_policy = match at.recorded_at {
            Some(time) => {
                DeliverPolicy::ByStartTime { start_time: time - chrono::Duration::seconds(2) }
            }
            None => DeliverPolicy::All,
        };
        let consumer = stream
            .create_consumer(pull::Config {
                deliver_policy,
                ack_policy: AckPolicy::None,
                memory_storage: true,
                inactive_threshold: Duration::from_secs(30),
                description: Some(format!("projector of {}", context.name)),
                ..pull::Config::default()
            })
            .await
            .map_err(|it| nats(&it))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(BATCH)
            .expires(Duration::from_secs(10))
            .heartbeat(Duration::from_secs(2))
            .messages()
            .await
            .map_err(|it| nats(&it))?;
        let mut chunks = messages.ready_chunks(BATCH);
        while !stop.is_cancelled() {
            let chunk = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                chunk = timeout(SILENCE, chunks.next()) => chunk,
            };
            let Ok(chunk) = chunk else {
                let before = at.position;
                self.catch_up(connection, context, at, i64::MAX, stop).await?;
                // The log had more, and the stream said nothing: ask for a fresh consumer.
                if at.position > before {
                    return Ok(());
                }
                continue;
            };
            let Some(chunk) = chunk else { return Ok(()) };
            failpoint("heard");
            let mut batch: VecDeque<StoredEvent> = VecDeque::with_capacity(chunk.len());
            let mut end = at.position;
            for message in chunk {
                let message = message.map_err(|it| nats(&it))?;
                #[cfg(feature = "sabotage")]
                if crate::sabotage::seen(context.name, &message) {
                    continue;
                }
                let envelope = match to_stored(&message.message, &self.key) {
                    Ok(envelope) => envelope,
                    Err(forged) => {
                        metrics::counter!("annals_forged_messages_total", "context" => context.name)
                            .increment(1);
                        tracing::error!(
                            context = context.name,
                            why = forged.0,
                            "a message is not the relay's"
                        );
                        continue;
                    }
                };
                if envelope.event.position <= end {
                    continue;
                }
                if envelope.previous != end && !broken("stream_sequence_as_checkpoint") {
                    self.apply_all(connection, context, at, batch.drain(..).collect(), stop)
                        .await?;
                    self.catch_up(connection, context, at, envelope.event.position, stop).await?;
                    end = at.position;
                    continue;
                }
                end = envelope.event.position;
                batch.push_back(envelope.event);
            }
            self.apply_all(connection, context, at, batch.into(), stop).await?;
        }
        Ok(())
    }

    /// Applies what Postgres holds after the checkpoint, up to a position.
    async fn catch_up(
        &self,
        connection: &mut PgConnection,
        context: &Context,
        at: &mut Checkpoint,
        until: i64,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        if broken("stream_sequence_as_checkpoint") {
            return Ok(());
        }
        failpoint("catching_up");
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        while !stop.is_cancelled() && at.position < until {
            let mut page = self.store.after(at.position, limit, Some(context.name)).await?;
            page.retain(|event| event.position <= until);
            if page.is_empty() {
                break;
            }
            self.apply_all(connection, context, at, page, stop).await?;
        }
        Ok(())
    }

    /// Applies events; where one cannot be, everything before it, and it is parked.
    async fn apply_all(
        &self,
        connection: &mut PgConnection,
        context: &Context,
        at: &mut Checkpoint,
        events: Vec<StoredEvent>,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        if events.is_empty() {
            return Ok(());
        }
        let target = self.target(context);
        let mut rest = events.as_slice();
        while !rest.is_empty() {
            let before = at.position;
            let applied =
                apply_all(connection, target, &self.aggregates, &self.keys, at, rest).await;
            if at.position > before {
                self.told(context, at).await;
            }
            let left = rest.iter().position(|event| event.position > at.position);
            rest = left.map_or(&[][..], |first| &rest[first..]);
            match applied {
                Ok(()) => {}
                Err(ApplyError::Poison { .. }) => {
                    if let Some((event, others)) = rest.split_first() {
                        self.apply_one(connection, target, at, event, stop).await?;
                        rest = others;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        metrics::counter!("annals_events_projected_total", "context" => context.name)
            .increment(events.len() as u64);
        Ok(())
    }

    async fn apply_one(
        &self,
        connection: &mut PgConnection,
        target: Target<'_>,
        at: &mut Checkpoint,
        event: &StoredEvent,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        let context = target.context;
        let began = tokio::time::Instant::now();
        loop {
            let one = std::slice::from_ref(event);
            match apply(connection, target, &self.aggregates, &self.keys, at, one).await {
                Ok((next, _)) => {
                    *at = next;
                    self.told(context, at).await;
                    return Ok(());
                }
                Err(ApplyError::Poison { why, .. }) => {
                    // The identity's projector may not be there yet.
                    if why.contains(" 23503 ") && began.elapsed() < PARENT && !stop.is_cancelled() {
                        sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                    if self.park(connection, context, event, &why).await? {
                        *at = pass_over(connection, target, at, event).await?;
                        return Ok(());
                    }
                    return Err(RunError::Standing(format!(
                        "{} stands still at position {}: {why}. Mend it and it goes on, or let it be \
                         skipped with `annals skip {} {} --reason …`",
                        context.name, event.position, context.name, event.position
                    )));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn target<'a>(&self, context: &'a Context) -> Target<'a> {
        Target { context, name: context.name, schema: None, history: self.history }
    }

    /// Says how far the rows are, to whoever waits or watches.
    async fn told(&self, context: &Context, at: &Checkpoint) {
        let labels = [("context", context.name)];
        metrics::gauge!("annals_projection_position", &labels).set(at.position as f64);
        if let Some(time) = at.recorded_at {
            let lag = chrono::Utc::now() - time;
            metrics::gauge!("annals_projection_lag_seconds", &labels)
                .set(lag.num_milliseconds() as f64 / 1_000.0);
        }
        if let Some(client) = &self.client {
            let subject = format!("{PROJECTED}.{}", context.name);
            // A hint: whoever waits looks into the table as well.
            let _ = client.publish(subject, at.position.to_string().into()).await;
        }
    }

    /// Parks an event, and says whether an operator wants it skipped.
    async fn park(
        &self,
        connection: &mut PgConnection,
        context: &Context,
        event: &StoredEvent,
        why: &str,
    ) -> Result<bool, RunError> {
        let mut transaction = connection.begin().await?;
        let skipped: bool = sqlx::query_scalar(
            "INSERT INTO annals.parked AS known (name, position, event_type, error, parked_at)
             VALUES ($1, $2, $3, $4, clock_timestamp())
             ON CONFLICT ON CONSTRAINT parked_pkey DO UPDATE
             SET error = excluded.error, attempts = known.attempts + 1
             RETURNING known.skipped_at IS NOT NULL",
        )
        .bind(context.name)
        .bind(event.position)
        .bind(&event.event_type)
        .bind(why)
        .fetch_one(&mut *transaction)
        .await?;
        sqlx::query("UPDATE annals.projections SET stopped_at = $2, error = $3 WHERE name = $1")
            .bind(context.name)
            .bind((!skipped).then_some(event.position))
            .bind((!skipped).then_some(why))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(skipped)
    }
}
