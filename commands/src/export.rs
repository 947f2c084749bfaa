//! Exports that somebody asked for: which events ask for one, whose rows it holds, and which command
//! says that it is there.
//!
//! What a context adds stands beside the aggregate that keeps its exports (`lift/data_export.rs`,
//! `nestsync/family.rs`). To let another context's people ask for exports: an [`Exports`] there, and a
//! line in [`all`].

use serde_json::Value;
use uuid::Uuid;

use crate::{lift, nestsync};

/// How a context's exports are asked for and delivered.
#[derive(Debug)]
pub struct Exports {
    /// Stored name of the aggregate that keeps them.
    pub aggregate: &'static str,
    /// The event that asks for one.
    pub requested: &'static str,
    /// The event that one is delivered with.
    pub completed: &'static str,
    /// The subject of the command that says so.
    pub complete: &'static str,
    /// What was asked for: from the stream's id and the payload of the event that asks.
    pub wanted: fn(&str, &Value) -> Option<Wanted>,
    /// The fields of the command.
    pub report: fn(&Wanted, &Archive) -> Value,
}

impl Exports {
    /// The context.
    #[must_use]
    pub fn context(&self) -> &'static str {
        self.aggregate.split_once('.').map_or(self.aggregate, |(context, _)| context)
    }
}

/// An export that somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The export's own id.
    pub export_id: Uuid,
    /// Whose rows it holds.
    pub of: Uuid,
    /// What that is, where it is not the tenant: a child.
    pub part: Option<&'static str>,
}

/// An archive that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// The exports that a context's people may ask for; none where it has none.
#[must_use]
pub fn of(context: &str) -> Option<&'static Exports> {
    all().find(|exports| exports.context() == context)
}

/// The exports of all contexts.
pub fn all() -> impl Iterator<Item = &'static Exports> {
    [&lift::EXPORTS, &nestsync::EXPORTS].into_iter()
}

/// A payload's field, where it is an id.
pub(crate) fn id(payload: &Value, field: &str) -> Option<Uuid> {
    payload.get(field)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    #[test]
    fn what_asks_and_what_delivers_is_in_the_catalogue() {
        let catalogue = Catalogue::new();
        let found: Vec<&Exports> =
            catalogue.contexts().iter().filter_map(|context| of(context.name)).collect();
        assert_eq!(found.len(), 2);
        for exports in found {
            let kind = catalogue.aggregate(exports.aggregate).unwrap();
            assert!(catalogue.command(exports.complete).is_some(), "{}", exports.complete);
            for event in [exports.requested, exports.completed] {
                assert!(kind.events.iter().any(|it| it.name == event), "{event}");
            }
        }
    }
}
