//! Every projection and every table.

use std::collections::BTreeMap;

use annals_domain::{Decider, DomainEvent, RowType};
use serde_json::Value;

use crate::{
    carenotes,
    change::Change,
    lift, nestsync,
    recorded::{Envelope, Recorded},
    restorative, samia, shared,
    table::Table,
};

/// What the events of one kind of aggregate do to rows.
pub struct Projection {
    /// Stored name of the aggregate's kind.
    pub aggregate: &'static str,
    /// The documented tables whose rows it can be taken over from.
    pub rows: &'static [RowType],
    run: Run,
}

type Run = Box<dyn Fn(&Envelope, Value) -> Result<Vec<Change>, Unprojectable> + Send + Sync>;

/// An event that no projection understands. It stops its projection and is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unprojectable(pub String);

impl std::fmt::Display for Unprojectable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Unprojectable {}

impl std::fmt::Debug for Projection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Projection").field("aggregate", &self.aggregate).finish_non_exhaustive()
    }
}

/// Makes a pure function the projection of an aggregate.
#[must_use]
pub fn projection<D: Decider>(project: fn(&Recorded<'_, D::Event>) -> Vec<Change>) -> Projection {
    Projection {
        aggregate: D::TYPE,
        rows: D::Event::ROWS,
        run: Box::new(move |envelope, payload| {
            let event = D::Event::read(&envelope.event_type, payload)
                .map_err(|error| {
                    Unprojectable(format!("payload of {}: {error}", envelope.event_type))
                })?
                .ok_or_else(|| Unprojectable(format!("unknown event {}", envelope.event_type)))?;
            let recorded =
                Recorded { id: &envelope.aggregate_id, at: envelope.at, event, envelope };
            Ok(project(&recorded))
        }),
    }
}

/// A bounded context's read model.
pub struct Context {
    /// Its name, which is its schema's.
    pub name: &'static str,
    /// Its tables, parents before children.
    pub tables: &'static [&'static Table],
    /// Helper functions that policies ask, made after the tables and before the policies.
    pub functions: &'static str,
    /// Views, made last: name and file.
    pub views: &'static [(&'static str, &'static str)],
    /// What its events do to rows.
    pub projections: Vec<Projection>,
    /// What every event of the context does to rows besides, such as a line of an audit log. The
    /// payload comes with personal fields replaced by `[redacted]`.
    pub every: Option<fn(&Envelope, &Value) -> Vec<Change>>,
    /// Where such a line tells what the rows held before the event: its table, and the column.
    pub before: Option<(&'static Table, &'static str)>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Context").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Context {
    /// What an event does to rows. `payload` holds clear text, or tombstones where the subject was
    /// erased; `redacted` the same with personal fields replaced.
    ///
    /// # Errors
    /// When nothing here understands the event.
    pub fn project(
        &self,
        envelope: &Envelope,
        payload: Value,
        redacted: impl FnOnce() -> Value,
    ) -> Result<Vec<Change>, Unprojectable> {
        let projection = self
            .projections
            .iter()
            .find(|projection| projection.aggregate == envelope.aggregate_type)
            .ok_or_else(|| {
                Unprojectable(format!("unknown aggregate {}", envelope.aggregate_type))
            })?;
        let mut changes = (projection.run)(envelope, payload)?;
        // A row that is taken over tells of what happened elsewhere: the tables are as they were there.
        let imported = projection.rows.iter().any(|row| row.event.name == envelope.event_type);
        if let Some(every) = self.every.filter(|_| !imported) {
            changes.extend(every(envelope, &redacted()));
        }
        Ok(changes)
    }
}

/// Every context's read model.
#[derive(Debug)]
pub struct Catalogue {
    contexts: BTreeMap<&'static str, Context>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// Every read model there is.
    #[must_use]
    pub fn new() -> Self {
        let contexts = [
            shared::context(),
            restorative::context(),
            lift::context(),
            carenotes::context(),
            samia::context(),
            nestsync::context(),
        ];
        Self { contexts: contexts.into_iter().map(|context| (context.name, context)).collect() }
    }

    /// The contexts, by name.
    pub fn contexts(&self) -> impl Iterator<Item = &Context> {
        self.contexts.values()
    }

    /// A context's read model.
    #[must_use]
    pub fn context(&self, name: &str) -> Option<&Context> {
        self.contexts.get(name)
    }
}
