//! Filling tables from the log: while Postgres writes the rows of some events, the next are read and
//! worked out.

use annals_commands::Catalogue as Aggregates;
use futures::future::join;
use sqlx::PgConnection;

use super::{
    apply::{ApplyError, Checkpoint, Target, apply_all, pass_over},
    page::Page,
    rebuild::{Progress, RebuildError},
};
use crate::{
    keys::Keys,
    store::{Store, StoredEvent},
};

/// Events applied at once.
const PAGE: i64 = 4_000;

/// Fills a schema.
#[derive(Clone, Copy)]
pub(super) struct Filler<'a> {
    pub store: &'a Store,
    pub target: Target<'a>,
    pub aggregates: &'a Aggregates,
    pub keys: &'a Keys,
}

impl Filler<'_> {
    /// Applies what lies between the checkpoint and a position, and says how many events that were.
    ///
    /// # Errors
    /// When an event cannot be applied, or Postgres does not answer. `at` says how far it came.
    pub async fn fill(
        &self,
        connection: &mut PgConnection,
        at: &mut Checkpoint,
        end: i64,
        told: &mut impl FnMut(Progress),
    ) -> Result<u64, RebuildError> {
        let keeps = at.keeps(self.target.history);
        let mut events = 0;
        let mut page = self.read(at.position, end, keeps).await?;
        while let Some(last) = page.last() {
            told(Progress { position: at.position, head: end, events });
            events += page.events.len() as u64;
            let next = self.read(last, end, keeps);
            let (written, next) = join(self.write(connection, at, page), next).await;
            written?;
            page = next?;
        }
        told(Progress { position: at.position, head: end, events });
        Ok(events)
    }

    async fn read(&self, after: i64, end: i64, keeps: bool) -> Result<Page, RebuildError> {
        let context = self.target.context;
        let mut events = self.store.after(after, PAGE, Some(context.name)).await?;
        events.retain(|event| event.position <= end);
        Ok(Page::of(context, self.aggregates, self.keys, keeps, events).await?)
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        at: &mut Checkpoint,
        mut page: Page,
    ) -> Result<(), RebuildError> {
        if page.write(connection, self.target, at).await? {
            return Ok(());
        }
        self.bit_by_bit(connection, at, &page.events).await
    }

    /// Applies events, but for those that cannot be and that an operator lets be skipped.
    async fn bit_by_bit(
        &self,
        connection: &mut PgConnection,
        at: &mut Checkpoint,
        page: &[StoredEvent],
    ) -> Result<(), RebuildError> {
        let Self { store, target, aggregates, keys } = *self;
        let mut rest = page;
        loop {
            let applied = apply_all(connection, target, aggregates, keys, at, rest).await;
            let Err(ApplyError::Poison { .. }) = &applied else { return Ok(applied?) };
            let left = rest.iter().position(|event| event.position > at.position);
            let Some((event, others)) = left.and_then(|first| rest[first..].split_first()) else {
                return Ok(applied?);
            };
            let skipped: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM annals.parked
                                WHERE name = $1 AND position = $2 AND skipped_at IS NOT NULL)",
            )
            .bind(target.context.name)
            .bind(event.position)
            .fetch_one(store.pool())
            .await?;
            if !skipped {
                return Ok(applied?);
            }
            *at = pass_over(connection, target, at, event).await?;
            rest = others;
        }
    }
}
