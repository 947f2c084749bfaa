//! A reactor's loop.

use std::{sync::Arc, time::Duration};

use annals_commands::{
    Catalogue,
    reaction::{Reactions, Rules},
};
use annals_domain::{
    Decider, EventData,
    shared::identity::{Identity, SubjectErased},
};
use async_nats::{Client, HeaderMap};
use futures::{TryStreamExt, stream};
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    checkpoint::{self, Checkpoint},
    fold::{Folding, Turn, lanes},
    memory::Memory,
    open::open,
    send::Sender,
    timers,
};
use crate::{
    engine::{Clock, failpoint},
    erasure::{self, EraseError},
    keys::{Keys, KeysError},
    store::{Store, StoredEvent, lead},
};

/// Events reacted to before the checkpoint moves.
const PAGE: i64 = 256;
/// From one look to the next, so that under load a look is not taken for every append.
const PACE: Duration = Duration::from_millis(4);
/// Streams whose commands are under way at once.
const LANES: usize = 32;
/// How long a reactor that hears nothing waits before it looks for itself, at the log and at timers.
const POLL: Duration = Duration::from_millis(250);
/// How long NATS may take to take a notice.
const NOTICE: Duration = Duration::from_secs(5);

/// The reactor of a context. One works, others stand by.
#[derive(Clone)]
pub struct Reactor {
    /// How events are read.
    pub catalogue: Arc<Catalogue>,
    /// The log and the reactor's own tables, with the reactor's rights.
    pub store: Store,
    /// Opens personal fields.
    pub keys: Arc<Keys>,
    /// Sends commands.
    pub sender: Sender,
    /// NATS, for notices.
    pub client: Client,
    /// The time, for timers.
    pub clock: Arc<dyn Clock>,
    /// Rules that judge.
    pub rules: Arc<Rules>,
    /// Says that something was appended.
    pub appended: watch::Receiver<i64>,
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Reactor")
    }
}

/// Why a reactor begins anew.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Somebody else moved the checkpoint.
    #[error("the checkpoint is not where it was: another reactor is at work")]
    Fenced,
    /// Nobody can react to this, now or later. Speaks of names and types, never of values.
    #[error("{0}")]
    Poison(String),
    /// Postgres does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// NATS does not take a notice.
    #[error("NATS does not take a notice")]
    Notice,
    /// Somebody has to look.
    #[error("{0}")]
    Standing(String),
    /// The process is told to stop.
    #[error("told to stop")]
    Stopped,
}

/// A reactor that works: everything that is its own.
struct Work<'a> {
    reactor: &'a Reactor,
    name: &'static str,
    reactions: &'a Reactions,
    /// Kinds of aggregate that are listened to, also in other contexts.
    kinds: Vec<&'static str>,
    connection: PgConnection,
    memory: Memory,
    at: i64,
    stop: &'a CancellationToken,
}

impl Reactor {
    /// Reacts to a context's events until it is told to stop. Whatever goes wrong, it begins again.
    pub async fn run(self, name: &'static str, stop: CancellationToken) {
        let reactions = self.catalogue.context(name).and_then(|it| it.reactions.as_ref());
        let Some(reactions) = reactions else { return };
        let mut pause = Duration::from_millis(50);
        while !stop.is_cancelled() {
            match self.work(name, reactions, &stop).await {
                Ok(()) | Err(RunError::Fenced | RunError::Stopped) => {
                    pause = Duration::from_millis(50);
                }
                Err(error) => {
                    metrics::counter!("annals_reactor_failures_total", "context" => name)
                        .increment(1);
                    tracing::error!(context = name, %error, "a reactor stands still");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = sleep(pause) => {}
                    }
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
            }
        }
    }

    async fn work(
        &self,
        name: &'static str,
        reactions: &Reactions,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        // The lock lives on the connection that writes: whoever has lost the one has lost the other.
        let lock = format!("annals.reactor.{name}");
        let Some(connection) = lead(self.store.pool(), &lock, stop).await? else { return Ok(()) };
        let version = reactions.memory_version();
        let known = checkpoint::read(self.store.pool(), name, version).await?;
        let mut work = Work {
            reactor: self,
            name,
            reactions,
            kinds: reactions.kinds(),
            connection,
            memory: Memory::new(name),
            at: known.position,
            stop,
        };
        if known.version != version || known.folded.is_some() {
            work.fold_anew(&known, version).await?;
        }
        work.go().await
    }
}

impl Work<'_> {
    fn folding(&self) -> Folding<'_> {
        Folding {
            reactions: self.reactions,
            rules: &self.reactor.rules,
            pool: self.reactor.store.pool(),
            keys: &self.reactor.keys,
        }
    }

    /// Events first, then what is due, then waiting.
    async fn go(&mut self) -> Result<(), RunError> {
        let store = self.reactor.store.clone();
        let mut appended = self.reactor.appended.clone();
        // Up to here nothing is left to react to; further than the checkpoint where others write.
        let mut through = self.at;
        while !self.stop.is_cancelled() {
            let next = Instant::now() + PACE;
            let head = store.head().await?;
            if head > through {
                let page = store.after_of(through, PAGE, self.name, &self.kinds).await?;
                let full = i64::try_from(page.len()).unwrap_or_default() >= PAGE;
                if let Some(last) = page.last().map(|event| event.position) {
                    self.events(&page).await?;
                    through = last;
                }
                if !full {
                    through = through.max(head);
                }
                continue;
            }
            if self.timers().await? {
                continue;
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = timeout(POLL, appended.changed()) => {}
            }
            sleep_until(next).await;
        }
        Ok(())
    }

    /// Reacts to events; to one that cannot be reacted to after everything before it, and parks it.
    async fn events(&mut self, events: &[StoredEvent]) -> Result<(), RunError> {
        let mut rest = vec![events];
        while let Some(part) = rest.pop() {
            match self.take(part, true).await {
                Ok(()) => {}
                Err(RunError::Poison(_)) if part.len() > 1 => {
                    self.memory.let_go();
                    let (first, second) = part.split_at(part.len() / 2);
                    rest.push(second);
                    rest.push(first);
                }
                Err(RunError::Poison(why)) => {
                    self.memory.let_go();
                    if let Some(event) = part.first() {
                        self.park(event, &why).await?;
                    }
                }
                Err(error) => {
                    self.memory.let_go();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Reacts to events, sends what follows, waits for its outcomes, and moves past them.
    async fn take(&mut self, events: &[StoredEvent], sends: bool) -> Result<(), RunError> {
        let Some(last) = events.last() else { return Ok(()) };
        let reactor = self.reactor;
        let heard = open(self.reactions, &reactor.catalogue, &reactor.keys, events).await?;
        let mut memory = std::mem::replace(&mut self.memory, Memory::new(self.name));
        let turns = self.folding().events(&mut memory, heard).await;
        self.memory = memory;
        let turns = turns?;
        failpoint("reacting");
        if sends {
            self.send(&turns).await?;
        }
        failpoint("reacted");
        self.forget(events).await?;
        let mut transaction =
            checkpoint::past(&mut self.connection, self.name, self.at, last).await?;
        self.memory.keep(&mut transaction, &reactor.keys).await?;
        timers::change(&mut transaction, self.name, &turns).await?;
        failpoint("remembering");
        transaction.commit().await?;
        failpoint("remembered");
        self.memory.kept();
        self.at = last.position;
        self.told(last);
        Ok(())
    }

    /// Notes orders to erase and destroys the keys of whoever was erased, once the context has been told to
    /// forget them. Every context's reactor does it, and so does one that reads the log again: keys that a
    /// restored key store brought back are gone again.
    async fn forget(&self, events: &[StoredEvent]) -> Result<(), RunError> {
        let Reactor { store, keys, catalogue, .. } = self.reactor;
        let erased = events.iter().filter(|event| {
            event.aggregate_type == Identity::TYPE && event.event_type == SubjectErased::TYPE.name
        });
        for event in erased {
            match erasure::note(store.pool(), keys, catalogue, event).await {
                Ok(()) => {}
                Err(EraseError::Postgres(error)) => return Err(error.into()),
                Err(EraseError::Keys(error)) => return Err(error.into()),
                Err(error) => return Err(RunError::Standing(error.to_string())),
            }
        }
        Ok(())
    }

    /// Sends commands and notices: those of one stream in order, those of several side by side.
    async fn send(&self, turns: &[Turn]) -> Result<(), RunError> {
        stream::iter(lanes(turns).into_iter().map(Ok))
            .try_for_each_concurrent(LANES, |lane| async move {
                for turn in lane {
                    for sending in &turn.sendings {
                        let _ = self.reactor.sender.send(&turn.cause, sending, self.stop).await?;
                        failpoint("reaction_sent");
                    }
                    self.notify(turn).await?;
                }
                Ok(())
            })
            .await
    }

    async fn notify(&self, turn: &Turn) -> Result<(), RunError> {
        if turn.notices.is_empty() {
            return Ok(());
        }
        let client = &self.reactor.client;
        for notice in &turn.notices {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", notice.id.to_string());
            headers.insert("Annals-Causation-Id", turn.cause.event_id.to_string());
            headers.insert("Annals-Correlation-Id", turn.cause.correlation_id.as_str());
            let subject = format!("{}.note.{}", self.name, notice.name);
            let payload = notice.data.to_string().into();
            client
                .publish_with_headers(subject, headers, payload)
                .await
                .map_err(|_| RunError::Notice)?;
            metrics::counter!("annals_reactions_total", "reaction" => notice.reaction,
                "outcome" => "told")
            .increment(1);
        }
        match timeout(NOTICE, client.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(RunError::Notice),
        }
    }

    /// Parks an event, and passes it where an operator wants it skipped: what can be remembered of it
    /// is, and none of its commands is sent.
    async fn park(&mut self, event: &StoredEvent, why: &str) -> Result<(), RunError> {
        if !checkpoint::park(&mut self.connection, self.name, event, why).await? {
            return Err(RunError::Standing(format!(
                "the reactor of {0} stands still at position {1}: {why}. Mend it and it goes on, or let \
                 the event be skipped with `annals skip reactor.{0} {1} --reason …`",
                self.name, event.position
            )));
        }
        tracing::warn!(context = self.name, position = event.position, "an event is skipped");
        match self.take(std::slice::from_ref(event), false).await {
            Err(RunError::Poison(_)) => {
                self.memory.let_go();
                let past = checkpoint::past(&mut self.connection, self.name, self.at, event);
                past.await?.commit().await?;
                self.at = event.position;
                Ok(())
            }
            other => other,
        }
    }

    /// Handles timers that are due, and says whether there were any.
    async fn timers(&mut self) -> Result<bool, RunError> {
        let reactor = self.reactor;
        let now = reactor.clock.now();
        let due = timers::due(reactor.store.pool(), self.name, now).await?;
        let any = !due.is_empty();
        for timer in due {
            match self.timer(&timer).await {
                Ok(()) => {}
                Err(RunError::Poison(why)) => {
                    self.memory.let_go();
                    metrics::counter!("annals_timer_failures_total", "context" => self.name)
                        .increment(1);
                    tracing::error!(
                        reaction = timer.reaction,
                        key = timer.key,
                        why,
                        "a timer cannot be handled"
                    );
                    let pool = reactor.store.pool();
                    timers::failed(pool, self.name, &timer, now + timers::RETRY, &why).await?;
                }
                Err(error) => {
                    self.memory.let_go();
                    return Err(error);
                }
            }
        }
        Ok(any)
    }

    async fn timer(&mut self, timer: &timers::Timer) -> Result<(), RunError> {
        let mut memory = std::mem::replace(&mut self.memory, Memory::new(self.name));
        let turn = self.folding().timer(&mut memory, timer.cause(), &timer.due()).await;
        self.memory = memory;
        let turns = [turn?];
        failpoint("timer_due");
        self.send(&turns).await?;
        failpoint("timer_sent");
        let mut transaction = checkpoint::here(&mut self.connection, self.name, self.at).await?;
        timers::handled(&mut transaction, self.name, timer).await?;
        self.memory.keep(&mut transaction, &self.reactor.keys).await?;
        timers::change(&mut transaction, self.name, &turns).await?;
        transaction.commit().await?;
        failpoint("timer_handled");
        self.memory.kept();
        metrics::counter!("annals_timers_fired_total", "context" => self.name).increment(1);
        Ok(())
    }

    /// Folds the memory and the timers anew from the log, up to the checkpoint, and sends nothing.
    /// What is due by then is sent under the ids that it had, which changes nothing where it was.
    async fn fold_anew(&mut self, known: &Checkpoint, version: i64) -> Result<(), RunError> {
        let mut folded = known.folded.filter(|_| known.version == version).unwrap_or_default();
        tracing::info!(
            context = self.name,
            version,
            from = folded,
            "a reactor's memory is folded anew"
        );
        if folded == 0 {
            let mut transaction = self.connection.begin().await?;
            for sql in [
                "DELETE FROM annals.reactor_states WHERE context = $1",
                "DELETE FROM annals.reactor_sets WHERE context = $1",
                "DELETE FROM annals.timers WHERE context = $1",
            ] {
                sqlx::query(sql).bind(self.name).execute(&mut *transaction).await?;
            }
            sqlx::query("UPDATE annals.reactors SET version = $2, folded = 0 WHERE context = $1")
                .bind(self.name)
                .bind(version)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
        }
        loop {
            if self.stop.is_cancelled() {
                return Err(RunError::Stopped);
            }
            let store = &self.reactor.store;
            let mut page = store.after_of(folded, PAGE, self.name, &self.kinds).await?;
            page.retain(|event| event.position <= self.at);
            let Some(last) = page.last().map(|event| event.position) else { break };
            let reactor = self.reactor;
            // Events that an operator let be skipped cannot be opened: one by one, then.
            let mut turns = Vec::new();
            for event in &page {
                let one = std::slice::from_ref(event);
                let heard = open(self.reactions, &reactor.catalogue, &reactor.keys, one).await;
                let mut memory = std::mem::replace(&mut self.memory, Memory::new(self.name));
                let folded = match heard {
                    Ok(heard) => self.folding().events(&mut memory, heard).await,
                    Err(error) => Err(error),
                };
                self.memory = memory;
                match folded {
                    Ok(more) => turns.extend(more),
                    Err(RunError::Poison(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            let mut transaction =
                checkpoint::here(&mut self.connection, self.name, self.at).await?;
            self.memory.keep(&mut transaction, &reactor.keys).await?;
            timers::change(&mut transaction, self.name, &turns).await?;
            sqlx::query("UPDATE annals.reactors SET folded = $2 WHERE context = $1")
                .bind(self.name)
                .bind(last)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            self.memory.kept();
            folded = last;
        }
        sqlx::query("UPDATE annals.reactors SET folded = NULL WHERE context = $1")
            .bind(self.name)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    fn told(&self, last: &StoredEvent) {
        let labels = [("context", self.name)];
        metrics::gauge!("annals_reactor_position", &labels).set(last.position as f64);
        let lag = self.reactor.clock.now() - last.recorded_at;
        metrics::gauge!("annals_reactor_lag_seconds", &labels)
            .set(lag.num_milliseconds() as f64 / 1_000.0);
    }
}
