//! Waiting until rows hold an event.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::Client;
use futures::StreamExt;
use sqlx::PgPool;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

/// Where projectors say how far they are: `annals.projected.<context>`, the position as text.
pub const PROJECTED: &str = "annals.projected";

/// Knows how far the contexts' rows are.
#[derive(Debug, Clone)]
pub struct Waiter {
    positions: Arc<HashMap<String, watch::Sender<i64>>>,
    pool: PgPool,
}

impl Waiter {
    /// Listens to what projectors say, until it is told to stop.
    ///
    /// # Errors
    /// When NATS does not answer.
    pub async fn start(
        client: &Client,
        pool: PgPool,
        contexts: &[&str],
        stop: CancellationToken,
    ) -> Result<Self, async_nats::SubscribeError> {
        let positions: HashMap<_, _> =
            contexts.iter().map(|it| ((*it).to_owned(), watch::Sender::new(0))).collect();
        let waiter = Self { positions: Arc::new(positions), pool };
        let mut told = client.subscribe(format!("{PROJECTED}.*")).await?;
        let positions = Arc::clone(&waiter.positions);
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    () = stop.cancelled() => return,
                    message = told.next() => message,
                };
                let Some(message) = message else { return };
                let context = message.subject.rsplit('.').next().unwrap_or_default();
                let text = std::str::from_utf8(&message.payload).ok();
                let position: Option<i64> = text.and_then(|it| it.parse().ok());
                if let (Some(sender), Some(position)) = (positions.get(context), position) {
                    sender.send_if_modified(|known| {
                        let further = position > *known;
                        *known = position.max(*known);
                        further
                    });
                }
            }
        });
        Ok(waiter)
    }

    /// Waits until a context's rows hold the event at a position; false when patience ends first.
    pub async fn wait(&self, context: &str, position: i64, patience: Duration) -> bool {
        let Some(sender) = self.positions.get(context) else { return false };
        let mut receiver = sender.subscribe();
        let reached = timeout(patience, async {
            loop {
                // What was said before this process listened stands in the table.
                if *receiver.borrow_and_update() >= position || self.stored(context, position).await
                {
                    return true;
                }
                if timeout(Duration::from_millis(250), receiver.changed())
                    .await
                    .is_ok_and(|it| it.is_err())
                {
                    return false;
                }
            }
        });
        reached.await.unwrap_or(false)
    }

    async fn stored(&self, context: &str, position: i64) -> bool {
        sqlx::query_scalar::<_, i64>("SELECT position FROM annals.projections WHERE name = $1")
            .bind(context)
            .fetch_optional(&self.pool)
            .await
            .is_ok_and(|known| known.is_some_and(|known| known >= position))
    }
}
