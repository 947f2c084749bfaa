//! The batch that is being built, and the one that is on its way.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use annals_commands::{ClaimChange, Stream};
use aws_lc_rs::digest::{SHA256, digest};

use super::{reply::Outcome, submission::Submission};
use crate::store::{Batch, CommandRow, Guard, NewEvent, Taken};

/// A decided command that waits for its commit.
pub struct Decided {
    /// The command, to decide it again if the batch fails.
    pub submission: Submission,
    /// The answer, but for its position.
    pub outcome: Outcome,
    /// Which event of the batch, from 1, is its last; 0 for none.
    pub last: i64,
}

/// Commands that are committed together.
#[derive(Default)]
pub struct Building {
    /// What is sent.
    pub batch: Batch,
    /// Whom to answer.
    pub decided: Vec<Decided>,
    /// Streams that the batch changes.
    pub changed: HashSet<Stream>,
    /// Streams that were looked at, with the version before the batch.
    guards: HashMap<Stream, u64>,
    /// Claims that the batch touches, by field and holder or value.
    claims: HashSet<(&'static str, Arc<str>)>,
    bytes: usize,
}

impl Building {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.decided.is_empty()
    }

    /// How many commands are in it.
    pub fn len(&self) -> usize {
        self.decided.len()
    }

    /// Whether it has reached a bound.
    pub fn is_full(&self, events: usize, bytes: usize) -> bool {
        self.batch.events.len() >= events || self.bytes >= bytes || self.decided.len() >= 2 * events
    }

    /// Remembers the version of a stream that was looked at, the first time it is.
    pub fn guard(&mut self, stream: &Stream, version: u64) {
        if !self.guards.contains_key(stream) {
            self.guards.insert(stream.clone(), version);
        }
    }

    /// The version a stream had before this batch.
    pub fn version_before(&self, stream: &Stream) -> u64 {
        self.guards.get(stream).copied().unwrap_or_default()
    }

    /// Whether the batch depends on a stream.
    pub fn depends_on(&self, stream: &Stream) -> bool {
        self.guards.contains_key(stream)
    }

    /// Whether a claim change would meet one that is in here already.
    pub fn meets(&self, changes: &[ClaimChange]) -> bool {
        changes.iter().any(|change| touched(change).any(|key| self.claims.contains(&key)))
    }

    /// Adds a decided command.
    pub fn push(
        &mut self,
        submission: Submission,
        outcome: Outcome,
        events: Vec<NewEvent>,
        target: Option<i32>,
        claims: Vec<ClaimChange>,
        kept: Option<String>,
    ) {
        let before = self.batch.events.len();
        let count = i32::try_from(events.len()).unwrap_or(i32::MAX);
        self.bytes += events.iter().map(|it| it.payload.len() + it.metadata.len()).sum::<usize>();
        self.batch.commands.push(CommandRow {
            key: submission.key,
            fingerprint: submission.fingerprint,
            first: (count > 0).then(|| i32::try_from(before + 1).unwrap_or(i32::MAX)),
            events: count,
            target,
            outcome: kept,
        });
        self.batch.events.extend(events);
        for change in claims {
            self.claims.extend(touched(&change));
            match change {
                ClaimChange::Release { field, owner } => self.batch.releases.push((field, owner)),
                ClaimChange::Take { claim, owner } => self.batch.takes.push(Taken {
                    field: claim.field,
                    hash: claim_hash(&claim.value),
                    owner,
                }),
            }
        }
        let last = if count > 0 { self.batch.events.len() } else { 0 };
        self.decided.push(Decided {
            submission,
            outcome,
            last: i64::try_from(last).unwrap_or(i64::MAX),
        });
    }

    /// Writes the guards out, when the batch is about to go.
    pub fn close(&mut self) {
        self.batch.guards = self
            .guards
            .iter()
            .map(|(stream, version)| Guard {
                kind: stream.kind,
                id: Arc::clone(&stream.id),
                version: i64::try_from(*version).unwrap_or(i64::MAX),
            })
            .collect();
    }
}

fn touched(change: &ClaimChange) -> impl Iterator<Item = (&'static str, Arc<str>)> {
    let (field, owner, value) = match change {
        ClaimChange::Take { claim, owner } => {
            (claim.field, Arc::clone(owner), Some(Arc::from(claim.value.as_str())))
        }
        ClaimChange::Release { field, owner } => (*field, Arc::clone(owner), None),
    };
    std::iter::once((field, owner)).chain(value.map(|value| (field, value)))
}

/// What is stored of a claimed value.
pub fn claim_hash(value: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, value.as_bytes()).as_ref());
    hash
}
