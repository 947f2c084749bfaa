//! Events and what they come to, worked out ahead of their turn.

use annals_commands::Catalogue as Aggregates;
use annals_projections::Context;
use sqlx::PgConnection;

use super::apply::{ApplyError, Checkpoint, Prepared, Target, commit, prepare};
use crate::{keys::Keys, store::StoredEvent};

/// Events that follow each other, and what they come to; nothing where one of them cannot be applied.
pub(super) struct Page {
    pub events: Vec<StoredEvent>,
    prepared: Option<Prepared>,
}

impl Page {
    /// Works out what events come to. `keeps` says whether versions are kept.
    ///
    /// # Errors
    /// When keys cannot be had.
    pub async fn of(
        context: &Context,
        aggregates: &Aggregates,
        keys: &Keys,
        keeps: bool,
        events: Vec<StoredEvent>,
    ) -> Result<Self, ApplyError> {
        match prepare(context, aggregates, keys, keeps, &events).await {
            Ok(prepared) => Ok(Self { events, prepared: Some(prepared) }),
            Err(ApplyError::Poison { .. }) => Ok(Self { events, prepared: None }),
            Err(error) => Err(error),
        }
    }

    /// Writes what its events come to and moves the checkpoint. Whether that could be: where not, nothing was
    /// applied, and the events have to be taken in smaller parts.
    ///
    /// # Errors
    /// When somebody else moved the checkpoint, or Postgres does not answer.
    pub async fn write(
        &mut self,
        connection: &mut PgConnection,
        target: Target<'_>,
        at: &mut Checkpoint,
    ) -> Result<bool, ApplyError> {
        let Some(prepared) = self.prepared.take() else { return Ok(false) };
        match commit(connection, target, at, &self.events, prepared).await {
            Ok((next, _)) => {
                *at = next;
                Ok(true)
            }
            Err(ApplyError::Poison { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Position of its last event.
    pub fn last(&self) -> Option<i64> {
        self.events.last().map(|event| event.position)
    }
}
