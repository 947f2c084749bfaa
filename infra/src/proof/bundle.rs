//! Bundles: events with all that proves them, in a file that is verified with a public key and nothing
//! else: no database, no network, no trust in whoever wrote it.
//!
//! JSON Lines. The first line names the format and holds a signed checkpoint; each further line an
//! event, byte for byte as it is stored, with its inclusion proof; a last line may prove that an older
//! checkpoint, which the verifier holds, is the beginning of this log.

use std::io::BufRead;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    ledger::{Ledger, LedgerError},
    note::{Checkpoint, Note, NoteError, VerifierKey},
    tree::{Hash, is_consistent, is_included},
};
use crate::store::{StoredEvent, leaf_hash};

/// Names the format and its version.
const FORMAT: &str = "annals-proof-1";
/// No line is longer: an event is at most a megabyte.
const MOST_LINE: usize = 4 * 1024 * 1024;

/// A line of a bundle.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Head { format: String, checkpoint: String },
    Event(Box<Proven>),
    Older { older: String, consistency: Vec<String> },
}

/// An event and its proof. What is hashed is here as it stands in the log; `metadata` and `payload` are
/// JSON texts inside of JSON, since their very bytes count.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// Place among all events, from 1.
    pub position: u64,
    /// Context and aggregate.
    pub aggregate_type: String,
    /// The aggregate's id.
    pub aggregate_id: String,
    /// Place in its stream, from 1.
    pub sequence: i64,
    /// What happened.
    pub event_type: String,
    /// Version of its form.
    pub event_version: String,
    /// Its own id.
    pub event_id: Uuid,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// Who, by which command, why.
    pub metadata: String,
    /// The content; personal fields are sealed.
    pub payload: String,
    /// RFC 6962 inclusion proof, from the leaf upwards, each hash in base64.
    pub proof: Vec<String>,
}

impl Proven {
    fn leaf(&self) -> Hash {
        leaf_hash(
            &self.aggregate_type,
            &self.aggregate_id,
            self.sequence,
            &self.event_type,
            &self.event_version,
            self.event_id,
            self.recorded_at,
            &self.metadata,
            &self.payload,
        )
    }
}

/// Why a bundle proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("the bundle cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// A line is none of a bundle's.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Its checkpoint.
    #[error("line 1: {0}")]
    Checkpoint(NoteError),
    /// An event is not what was signed.
    #[error("line {line}: the event at position {position} is not what was signed there")]
    NotIncluded {
        /// Which line, from 1.
        line: u64,
        /// The position that it says it has.
        position: u64,
    },
    /// The log is no continuation of the older checkpoint.
    #[error("line {line}: this log is not a continuation of the older checkpoint")]
    Forked {
        /// Which line, from 1.
        line: u64,
    },
    /// The older checkpoint that is held is not the one that the bundle speaks of.
    #[error(
        "the bundle does not prove that it continues the checkpoint you hold; ask for one that does"
    )]
    OtherOlder,
    /// There is nothing to make it of.
    #[error("the log has no signed checkpoint that covers position {0} yet; wait a moment")]
    NotSignedYet(u64),
    /// Making it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What a bundle proved.
#[derive(Debug, Clone, Serialize)]
pub struct Proved {
    /// Whose log it is.
    pub origin: String,
    /// How many events the log had when it was signed.
    pub size: u64,
    /// How many events the bundle proves.
    pub events: u64,
    /// Size of the older checkpoint that this log continues, where that was proved.
    pub continues: Option<u64>,
    /// Witnesses that cosigned, with the time in seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
}

/// Makes the lines of a bundle over a checkpoint.
///
/// # Errors
/// When an event is not covered by the checkpoint yet, or a hash is not there.
pub async fn make(
    ledger: &Ledger,
    note: &str,
    events: &[StoredEvent],
    older: Option<&str>,
) -> Result<Vec<String>, BundleError> {
    let checkpoint = Note::read(note)
        .and_then(|note| Checkpoint::read(&note.body))
        .map_err(BundleError::Checkpoint)?;
    let head = Line::Head { format: FORMAT.to_owned(), checkpoint: note.to_owned() };
    let mut lines = vec![text(&head)];
    for event in events {
        let position = u64::try_from(event.position).unwrap_or_default();
        if position > checkpoint.size {
            return Err(BundleError::NotSignedYet(position));
        }
        let proof = ledger.inclusion(position, checkpoint.size).await?;
        lines.push(text(&Line::Event(Box::new(Proven {
            position,
            aggregate_type: event.aggregate_type.clone(),
            aggregate_id: event.aggregate_id.clone(),
            sequence: event.sequence,
            event_type: event.event_type.clone(),
            event_version: event.event_version.clone(),
            event_id: event.event_id,
            recorded_at: event.recorded_at,
            metadata: event.metadata.clone(),
            payload: event.payload.clone(),
            proof: proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        }))));
    }
    if let Some(older) = older {
        let known = Note::read(older)
            .and_then(|note| Checkpoint::read(&note.body))
            .map_err(BundleError::Checkpoint)?;
        let proof = ledger.consistency(known.size, checkpoint.size).await?;
        lines.push(text(&Line::Older {
            older: older.to_owned(),
            consistency: proof.iter().map(|hash| STANDARD.encode(hash)).collect(),
        }));
    }
    Ok(lines)
}

fn text(line: &Line) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// Verifies a bundle. Of it nothing is believed but what the keys sign; `origin` is whose log it must
/// be, `held` an older checkpoint that whoever verifies kept. `each` gets every event that is proved.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check(
    bundle: &mut dyn BufRead,
    keys: &[VerifierKey],
    origin: &str,
    held: Option<&str>,
    mut each: impl FnMut(&Proven),
) -> Result<Proved, BundleError> {
    let mut lines = Lines { bundle, number: 0 };
    let Some(Line::Head { format, checkpoint }) = lines.next()? else {
        return Err(lines.wrong("a bundle begins with a format and a checkpoint"));
    };
    if format != FORMAT {
        return Err(lines.wrong(&format!("this program reads {FORMAT}")));
    }
    let note = Note::read(&checkpoint).map_err(BundleError::Checkpoint)?;
    let checkpoint = note.checkpoint(keys, origin).map_err(BundleError::Checkpoint)?;
    let mut witnesses = Vec::new();
    for key in keys.iter().filter(|key| key.is_witness()) {
        if let Some(at) = note.is_signed(key).map_err(BundleError::Checkpoint)? {
            witnesses.push((key.name().to_owned(), at));
        }
    }
    let held = match held {
        Some(text) => Some(
            Note::read(text)
                .and_then(|note| note.checkpoint(keys, origin))
                .map_err(BundleError::Checkpoint)?,
        ),
        None => None,
    };
    let mut proved = Proved {
        origin: checkpoint.origin.clone(),
        size: checkpoint.size,
        events: 0,
        continues: None,
        witnesses,
    };
    while let Some(line) = lines.next()? {
        match line {
            Line::Head { .. } => return Err(lines.wrong("a second beginning")),
            Line::Event(event) => {
                let proof = lines.hashes(&event.proof)?;
                let index = event.position.wrapping_sub(1);
                if !is_included(&event.leaf(), index, checkpoint.size, &proof, &checkpoint.root) {
                    let (line, position) = (lines.number, event.position);
                    return Err(BundleError::NotIncluded { line, position });
                }
                proved.events += 1;
                each(&event);
            }
            Line::Older { older, consistency } => {
                let older = Note::read(&older)
                    .and_then(|note| note.checkpoint(keys, origin))
                    .map_err(|error| lines.wrong(&error.to_string()))?;
                let proof = lines.hashes(&consistency)?;
                let (old, new) = ((older.size, &older.root), (checkpoint.size, &checkpoint.root));
                if !is_consistent(old, new, &proof) {
                    return Err(BundleError::Forked { line: lines.number });
                }
                if held.as_ref() == Some(&older) {
                    proved.continues = Some(older.size);
                }
            }
        }
    }
    if held.as_ref() == Some(&checkpoint) {
        proved.continues = Some(checkpoint.size);
    }
    if held.is_some() && proved.continues.is_none() {
        return Err(BundleError::OtherOlder);
    }
    Ok(proved)
}

struct Lines<'a> {
    bundle: &'a mut dyn BufRead,
    number: u64,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<Line>, BundleError> {
        let mut text = String::new();
        self.number += 1;
        let mut limited = std::io::Read::take(&mut *self.bundle, MOST_LINE as u64);
        if limited.read_line(&mut text)? == 0 {
            return Ok(None);
        }
        if !text.ends_with('\n') && text.len() >= MOST_LINE {
            return Err(self.wrong("the line is too long"));
        }
        // What was read is not repeated: it may be about a person.
        let line = serde_json::from_str(&text).map_err(|_| self.wrong("no line of a bundle"))?;
        Ok(Some(line))
    }

    fn hashes(&self, texts: &[String]) -> Result<Vec<Hash>, BundleError> {
        let hashes = texts.iter().map(|text| STANDARD.decode(text).ok()?.try_into().ok());
        hashes.collect::<Option<_>>().ok_or_else(|| self.wrong("a hash of the proof is none"))
    }

    fn wrong(&self, why: &str) -> BundleError {
        BundleError::Line { line: self.number, why: why.to_owned() }
    }
}
