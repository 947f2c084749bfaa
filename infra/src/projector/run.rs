//! A projector's loop.

use std::{sync::Arc, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_projections::{Catalogue, Context};
use async_nats::Client;
use futures::future::join;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    apply::{ApplyError, Checkpoint, Target, apply, apply_all, checkpoint, pass_over},
    hear::{Ear, Heard},
    met::Met,
    page::Page,
    wait::PROJECTED,
    write,
};
use crate::{
    engine::failpoint,
    keys::Keys,
    migrate::tables_hash,
    relay::MacKey,
    sabotage::broken,
    store::{Store, StoredEvent, lead},
};

/// Events applied in one transaction.
const BATCH: usize = 1_000;
/// So few events leave nothing to be gained from working out the next ones meanwhile.
const FEW: usize = 250;
/// From one small batch to the next, so that statements are shared by whatever comes within a moment.
const PACE: Duration = Duration::from_millis(6);
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
    /// In which tables rows were met that were to be made.
    pub met: Arc<Met>,
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

/// Where a projector is.
struct Place {
    /// What its rows hold.
    at: Checkpoint,
    /// Up to here the log was looked through, and has nothing of its context after the checkpoint.
    looked: i64,
}

/// What the stream brings next.
enum Next {
    Over,
    Silence,
    Gap(i64),
    Page(Page),
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
        let mut place = Place { at: self.start(context).await?, looked: 0 };
        let place = &mut place;
        self.catch_up(&mut connection, context, place, i64::MAX, stop).await?;
        while !stop.is_cancelled() {
            match &self.client {
                Some(client) => {
                    match self.listen(client, &mut connection, context, place, stop).await {
                        Err(RunError::Nats(error)) => {
                            tracing::warn!(context = name, %error, "projecting from Postgres alone");
                            self.catch_up(&mut connection, context, place, i64::MAX, stop).await?;
                            sleep(Duration::from_millis(500)).await;
                        }
                        other => other?,
                    }
                }
                None => {
                    self.catch_up(&mut connection, context, place, i64::MAX, stop).await?;
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

    /// Applies what the stream brings, until something is amiss with it. While Postgres writes the rows of many
    /// events, the next are heard and worked out; after few, what came meanwhile is heard together.
    async fn listen(
        &self,
        client: &Client,
        connection: &mut PgConnection,
        context: &Context,
        place: &mut Place,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        let keeps = place.at.keeps(self.history);
        let opened = Ear::open(client, context.name, &place.at, &self.key, BATCH).await;
        let mut ear = opened.map_err(RunError::Nats)?;
        let mut next = self.hear(&mut ear, context, keeps, stop).await?;
        loop {
            next = match next {
                Next::Over => return Ok(()),
                Next::Silence => {
                    let before = place.at.position;
                    self.catch_up(connection, context, place, i64::MAX, stop).await?;
                    // The log had more, and the stream said nothing: ask for a fresh consumer.
                    if place.at.position > before {
                        return Ok(());
                    }
                    self.hear(&mut ear, context, keeps, stop).await?
                }
                Next::Gap(until) => {
                    self.catch_up(connection, context, place, until, stop).await?;
                    ear.goes_on_after(place.at.position);
                    self.hear(&mut ear, context, keeps, stop).await?
                }
                Next::Page(page) if page.events.len() < FEW => {
                    let next = Instant::now() + PACE;
                    self.write(connection, context, &mut place.at, page, stop).await?;
                    sleep_until(next).await;
                    self.hear(&mut ear, context, keeps, stop).await?
                }
                Next::Page(page) => {
                    let written = self.write(connection, context, &mut place.at, page, stop);
                    let heard = self.hear(&mut ear, context, keeps, stop);
                    let (written, heard) = join(written, heard).await;
                    written?;
                    heard?
                }
            };
        }
    }

    /// What the stream brings next, and what it comes to.
    async fn hear(
        &self,
        ear: &mut Ear<'_>,
        context: &Context,
        keeps: bool,
        stop: &CancellationToken,
    ) -> Result<Next, RunError> {
        Ok(match ear.hear(stop).await.map_err(RunError::Nats)? {
            Heard::Over => Next::Over,
            Heard::Silence => Next::Silence,
            Heard::Gap(until) => Next::Gap(until),
            Heard::Events(events) => {
                Next::Page(Page::of(context, &self.aggregates, &self.keys, keeps, events).await?)
            }
        })
    }

    /// Applies what Postgres holds after the checkpoint, up to a position.
    async fn catch_up(
        &self,
        connection: &mut PgConnection,
        context: &Context,
        place: &mut Place,
        until: i64,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        if broken("stream_sequence_as_checkpoint") {
            return Ok(());
        }
        failpoint("catching_up");
        let head = self.store.head().await?;
        if head < place.looked {
            // The log was put back to an older state.
            place.looked = 0;
        }
        let keeps = place.at.keeps(self.history);
        let from = place.at.position.max(place.looked);
        let mut page = self.read(context, from, until, keeps).await?;
        while let Some(last) = page.last() {
            let written = self.write(connection, context, &mut place.at, page, stop);
            let (written, next) = join(written, self.read(context, last, until, keeps)).await;
            written?;
            page = next?;
            if stop.is_cancelled() {
                return Ok(());
            }
        }
        place.looked = place.looked.max(head.min(until));
        Ok(())
    }

    /// What Postgres holds after a position, and what it comes to.
    async fn read(
        &self,
        context: &Context,
        after: i64,
        until: i64,
        keeps: bool,
    ) -> Result<Page, RunError> {
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let mut events = if after < until {
            self.store.after(after, limit, Some(context.name)).await?
        } else {
            Vec::new()
        };
        events.retain(|event| event.position <= until);
        Ok(Page::of(context, &self.aggregates, &self.keys, keeps, events).await?)
    }

    /// Writes what events come to; where that cannot be, as [`Self::apply_all`] does.
    async fn write(
        &self,
        connection: &mut PgConnection,
        context: &Context,
        at: &mut Checkpoint,
        mut page: Page,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        if !page.events.is_empty() && page.write(connection, self.target(context), at).await? {
            self.told(context, at).await;
            metrics::counter!("annals_events_projected_total", "context" => context.name)
                .increment(page.events.len() as u64);
            return Ok(());
        }
        self.apply_all(connection, context, at, page.events, stop).await
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
        let began = Instant::now();
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

    fn target<'a>(&'a self, context: &'a Context) -> Target<'a> {
        Target { context, name: context.name, schema: None, history: self.history, met: &self.met }
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
