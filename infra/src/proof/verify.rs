//! Reading the log again, and finding what was altered in it, where.
//!
//! Each event's stored bytes are hashed anew and compared with the hash beside them; those hashes make
//! the tree, whose root is compared with every signed checkpoint. Where the notary's own copy of the
//! hashes is at hand, each event is compared with that too, which locates an alteration to the event
//! even if hashes, kept roots and checkpoints in the database were all rewritten to fit.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use sqlx::{PgPool, Row};

use super::{
    leaves::Leaves,
    ledger::{Ledger, LedgerError, TILE},
    note::{Checkpoint, Note, VerifierKey},
    pages::{Hashed, page},
    tree::{Frontier, Hash},
};
use crate::store::Store;

/// Events read and hashed at once.
const PAGE: u64 = 8_192;
/// Pages on their way at once.
const AHEAD: usize = 3;
/// No more findings than this are listed.
const MOST: usize = 1_000;

/// What is compared with what.
#[derive(Debug)]
pub struct Verification {
    /// The log, with an auditor's rights.
    pub pool: PgPool,
    /// Whose log it should be.
    pub origin: String,
    /// Keys that are trusted to sign for it.
    pub keys: Vec<VerifierKey>,
    /// The tree that was verified before; an empty one to read everything.
    pub known: Frontier,
    /// Checkpoints from elsewhere: a witness', an auditor's own.
    pub elsewhere: Vec<String>,
    /// The notary's copy of the hashes.
    pub copy: Option<Leaves>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Events that were read.
    pub events: u64,
    /// Signed checkpoints that the log was compared with.
    pub checkpoints: u64,
    /// Position of the last event that a checkpoint which fits covers.
    pub signed: u64,
    /// The tree over the whole log, to go on from next time. Only meant where nothing was found.
    pub tree: Frontier,
    /// What is wrong; empty for a log that is as it was.
    pub findings: Vec<Finding>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// First position that it is about.
    pub from: u64,
    /// Last position that it is about.
    pub to: u64,
    /// What it is.
    pub what: What,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The event's bytes do not have the hash that stands beside them.
    Altered,
    /// The event is another than the one that was signed at this position.
    Replaced,
    /// Something in this range is not what was signed; nothing at hand says which event.
    Differs,
    /// There is no event at this position.
    Missing,
    /// The end of the log was cut off: these events were signed.
    CutOff,
    /// The event's time is before that of the event before it.
    Earlier,
    /// The event is not the next of its aggregate.
    OutOfSequence,
    /// A checkpoint in the database is not what was signed.
    Checkpoint,
    /// The notary's copy of the hashes is not what was signed.
    Copy,
}

impl What {
    /// The finding in words.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Altered => "altered after it was stored: its bytes do not have its hash",
            Self::Replaced => "not the event that was signed at this position",
            Self::Differs => "something here is not what was signed",
            Self::Missing => "missing",
            Self::CutOff => "cut off from the end: it was signed, and is not there any more",
            Self::Earlier => "recorded before the event that precedes it",
            Self::OutOfSequence => "not the next event of its aggregate",
            Self::Checkpoint => "the checkpoint kept for this size is not what was signed",
            Self::Copy => "the notary's copy of the hashes is damaged here; it is not used",
        }
    }
}

/// Why the log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Postgres.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The tree.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The notary's copy.
    #[error("the copy of the hashes cannot be read: {0}")]
    Copy(#[from] std::io::Error),
    /// A part of the work ended early.
    #[error("hashing ended early")]
    Ended,
    /// Rows that are cut short, or are none.
    #[error("what Postgres sent of the log cannot be read")]
    Rows,
}

impl Verification {
    /// Verifies the log. `tell` hears how far it is: positions passed, and the last one.
    ///
    /// # Errors
    /// When Postgres or a file cannot be read; what is wrong with the log is in the report.
    pub async fn run(mut self, mut tell: impl FnMut(u64, u64)) -> Result<Report, VerifyError> {
        // What was signed is asked for first: the log may grow, and be signed, while it is read.
        let mut walk = Walk::new(self.known.clone());
        let checkpoints = self.checkpoints(&mut walk).await?;
        let copied = self.copy.as_ref().map_or(Ok(0), Leaves::len)?;
        let head = Store::new(self.pool.clone()).head().await?;
        let head = u64::try_from(head).unwrap_or_default();
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM annals.events")
            .fetch_one(&self.pool)
            .await?;
        let last = u64::try_from(last).unwrap_or_default().max(head);
        let mut due = checkpoints.iter().peekable();
        let began = walk.tree.size();
        let streams = std::hash::RandomState::new();
        let pool = self.pool.clone();
        let pages = (0..).map(|page| began + page * PAGE).take_while(|after| *after < last);
        let mut pages = stream::iter(pages)
            .map(|after| {
                let until = (after + PAGE).min(last);
                let work = page(pool.clone(), (after, until), streams.clone());
                async move {
                    let work = tokio::spawn(work);
                    work.await.map_err(|_| VerifyError::Ended)?
                }
            })
            .buffered(AHEAD);
        while let Some(hashed) = pages.try_next().await? {
            let first = walk.at + 1;
            let end = (first - 1 + PAGE).min(last);
            let copied = self.copied(first - 1, end)?;
            let mut events = hashed.into_iter().peekable();
            for position in first..=end {
                let copied = copied.get((position - first) as usize);
                let event = events.next_if(|event| event.position == position);
                walk.event(position, event.as_ref(), copied);
                while let Some(checkpoint) = due.next_if(|it| it.size == position) {
                    self.compare(&mut walk, checkpoint).await?;
                }
            }
            tell(walk.at, last);
        }
        let signed = due.map(|checkpoint| checkpoint.size).max().unwrap_or_default();
        let end = signed.max(copied);
        if end > last {
            walk.find(last + 1, end, What::CutOff);
        }
        Ok(walk.report(began))
    }

    /// The hashes of the notary's copy for these positions, as far as it has them.
    fn copied(&mut self, after: u64, end: u64) -> Result<Vec<Hash>, VerifyError> {
        let count = usize::try_from(end - after).unwrap_or_default();
        match &mut self.copy {
            Some(copy) => Ok(copy.after(after, count)?),
            None => Ok(Vec::new()),
        }
    }

    /// The checkpoints that the log is compared with, by size. Of those that are no checkpoints of this
    /// log, one finding each.
    async fn checkpoints(&self, walk: &mut Walk) -> Result<Vec<Checkpoint>, VerifyError> {
        let rows = sqlx::query("SELECT size, root, note FROM annals.checkpoints ORDER BY size")
            .fetch_all(&self.pool)
            .await?;
        let mut known = Vec::new();
        for row in rows {
            let size = u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
            let (root, note): (&[u8], &str) = (row.try_get(1)?, row.try_get(2)?);
            let read = Note::read(note).and_then(|it| it.checkpoint(&self.keys, &self.origin));
            match read {
                Ok(it) if it.size == size && it.root == *root => known.push(it),
                _ => walk.find(size, size, What::Checkpoint),
            }
        }
        for text in &self.elsewhere {
            match Note::read(text).and_then(|it| it.checkpoint(&self.keys, &self.origin)) {
                Ok(it) => known.push(it),
                Err(_) => walk.find(0, 0, What::Checkpoint),
            }
        }
        known.retain(|it| it.size > walk.tree.size());
        known.sort_by_key(|it| it.size);
        Ok(known)
    }

    /// Compares the tree with a checkpoint; where they differ, finds where.
    async fn compare(&self, walk: &mut Walk, checkpoint: &Checkpoint) -> Result<(), VerifyError> {
        walk.checkpoints += 1;
        let good = walk.signed;
        if walk.copied_root() == Some(checkpoint.root) {
            // The copy is what was signed: where the log differs from it was told event by event.
            walk.signed = checkpoint.size;
            return Ok(());
        }
        if walk.copy.take().is_some() {
            walk.find(good + 1, checkpoint.size, What::Copy);
        }
        if walk.whole && walk.tree.root() == checkpoint.root {
            walk.signed = checkpoint.size;
            return Ok(());
        }
        // The kept roots may still be those that were signed: then they say in which tile it is.
        let ledger = Ledger::new(self.pool.clone());
        let kept = match ledger.frontier(checkpoint.size).await {
            Ok(tree) if tree.root() == checkpoint.root => Some(tree),
            Ok(_) | Err(LedgerError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(kept) = kept else {
            if walk.whole {
                walk.find(good + 1, checkpoint.size, What::Differs);
            }
            walk.whole = false;
            return Ok(());
        };
        for (index, root) in walk.tiles.drain(..).collect::<Vec<_>>() {
            let stored: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT hash FROM annals.tiles WHERE level = 1 AND index = $1")
                    .bind(i64::try_from(index).unwrap_or(i64::MAX))
                    .fetch_optional(&self.pool)
                    .await?;
            if stored.is_some_and(|stored| stored != root) {
                let from = (index << TILE) + 1;
                walk.find(from, from + 255, What::Differs);
            }
        }
        walk.tree = kept;
        walk.whole = true;
        walk.signed = checkpoint.size;
        Ok(())
    }
}

/// What is remembered on the way.
struct Walk {
    /// The position that was passed last.
    at: u64,
    /// The tree over the hashes that stand in the database.
    tree: Frontier,
    /// The tree over the notary's copy, while there is one that was right so far.
    copy: Option<Frontier>,
    /// Whether `tree` can still have the signed roots.
    whole: bool,
    /// Tiles that were completed since the last checkpoint that fits.
    tiles: Vec<(u64, Hash)>,
    signed: u64,
    checkpoints: u64,
    sequences: HashMap<u64, i64>,
    from_start: bool,
    time: Option<DateTime<Utc>>,
    findings: Vec<Finding>,
}

impl Walk {
    fn new(known: Frontier) -> Self {
        Self {
            at: known.size(),
            copy: Some(known.clone()),
            whole: true,
            tiles: Vec::new(),
            signed: known.size(),
            checkpoints: 0,
            sequences: HashMap::new(),
            from_start: known.size() == 0,
            time: None,
            findings: Vec::new(),
            tree: known,
        }
    }

    fn copied_root(&self) -> Option<Hash> {
        self.copy.as_ref().filter(|copy| copy.size() == self.at).map(Frontier::root)
    }

    fn event(&mut self, position: u64, event: Option<&Hashed>, copied: Option<&Hash>) {
        self.at = position;
        match (&mut self.copy, copied) {
            (Some(copy), Some(hash)) => copy.append(*hash, |_, _, _| {}),
            (copy, _) => *copy = None,
        }
        let Some(event) = event else {
            self.find(position, position, What::Missing);
            self.grow(copied.copied().unwrap_or_default());
            self.whole &= copied.is_some();
            return;
        };
        if event.stored != Some(event.computed) {
            self.find(position, position, What::Altered);
        } else if copied.is_some_and(|copied| *copied != event.computed) {
            self.find(position, position, What::Replaced);
        }
        if self.time.is_some_and(|before| event.recorded_at < before) {
            self.find(position, position, What::Earlier);
        }
        self.time = Some(event.recorded_at);
        let before = self.sequences.insert(event.stream, event.sequence);
        // Of an aggregate that began before what is read, the first one seen is believed.
        let follows = match before {
            Some(before) => event.sequence == before + 1,
            None => event.sequence == 1 || !self.from_start,
        };
        if !follows {
            self.find(position, position, What::OutOfSequence);
        }
        self.grow(event.stored.unwrap_or(event.computed));
    }

    fn grow(&mut self, leaf: Hash) {
        let tiles = &mut self.tiles;
        self.tree.append(leaf, |level, index, hash| {
            if level == TILE {
                tiles.push((index, *hash));
            }
        });
    }

    /// Adds a finding; one that goes on from the last becomes part of it.
    fn find(&mut self, from: u64, to: u64, what: What) {
        if let Some(last) = self.findings.last_mut()
            && last.what == what
            && last.to + 1 == from
        {
            last.to = to;
        } else if self.findings.len() < MOST {
            self.findings.push(Finding { from, to, what });
        }
    }

    fn report(self, began: u64) -> Report {
        Report {
            events: self.at - began,
            checkpoints: self.checkpoints,
            signed: self.signed,
            tree: self.tree,
            findings: self.findings,
        }
    }
}
