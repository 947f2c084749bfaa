//! The log as a cqrs-es repository: stock cqrs-es code loads our aggregates from it.
//!
//! Reading is postgres-es' own; what is added is cqrs-es' form of an event's JSON. Writing is refused:
//! events come into the log through commands, where their sender is known.

use annals_commands::adapter::Adapted;
use annals_domain::Decider;
use cqrs_es::{
    Aggregate,
    persist::{
        PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent,
        SerializedSnapshot,
    },
};
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use sqlx::PgPool;

/// A cqrs-es repository that reads the log.
pub struct LogRepository {
    stock: PostgresEventRepository,
}

impl std::fmt::Debug for LogRepository {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("LogRepository")
    }
}

impl LogRepository {
    /// Reads with the rights of the pool's role.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        let stock = PostgresEventRepository::new(pool);
        Self { stock: stock.with_tables("annals.events", "annals.snapshots") }
    }

    /// An aggregate's state from the log, by way of cqrs-es.
    ///
    /// # Errors
    /// When the log cannot be read, or holds an event that the aggregate does not know.
    pub async fn load<D: Decider>(&self, id: &str) -> Result<D, PersistenceError> {
        let mut adapted = Adapted::<D>::default();
        for event in self.get_events::<Adapted<D>>(id).await? {
            adapted.apply(serde_json::from_value(event.payload)?);
        }
        Ok(adapted.0)
    }
}

fn tagged(mut event: SerializedEvent) -> SerializedEvent {
    let mut tagged = serde_json::Map::new();
    tagged.insert(event.event_type.clone(), event.payload);
    event.payload = Value::Object(tagged);
    event
}

fn read_only() -> PersistenceError {
    PersistenceError::UnknownError("the log takes events from commands alone".into())
}

impl PersistedEventRepository for LogRepository {
    async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        Ok(self.stock.get_events::<A>(id).await?.into_iter().map(tagged).collect())
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        Ok(self.stock.get_last_events::<A>(id, last).await?.into_iter().map(tagged).collect())
    }

    async fn get_snapshot<A: Aggregate>(
        &self,
        _: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    async fn persist<A: Aggregate>(
        &self,
        _: &[SerializedEvent],
        _: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        Err(read_only())
    }

    async fn stream_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        let events = self.get_events::<A>(id).await?;
        let (mut feed, stream) = ReplayStream::new(events.len().max(1));
        for event in events {
            feed.push(Ok(event)).await?;
        }
        Ok(stream)
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        Err(read_only())
    }
}
