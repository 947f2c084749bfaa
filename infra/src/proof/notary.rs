//! The notary: signs, every few seconds, how long the log is and the root over it.
//!
//! It reads hashes alone, adds them to its tree, has witnesses cosign, and keeps the signed text in the
//! database and in a file of its own. Before it signs anything it checks that what it signed last is
//! still the beginning of the log: it never signs a fork, and says so loudly when it is shown one.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Row};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    leaves::Leaves,
    ledger::{Ledger, LedgerError, TILE},
    note::{Checkpoint, Note, NoteError, SigningKey, VerifierKey, sign},
    tree::{Frontier, Hash},
    witness::{Witness, WitnessError},
};
use crate::store::lead;

/// Hashes read at once.
const PAGE: u32 = 20_000;

/// What a notary needs.
pub struct Notary {
    /// The log, with the notary's rights.
    pub pool: PgPool,
    /// Whose log it is.
    pub origin: String,
    /// Every key signs; several while one takes another's place.
    pub keys: Vec<SigningKey>,
    /// Who cosigns.
    pub witnesses: Vec<Witness>,
    /// How long it waits between checkpoints.
    pub every: Duration,
    /// Where it keeps hashes and the last checkpoint outside of the database.
    pub folder: Option<PathBuf>,
}

impl std::fmt::Debug for Notary {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Notary({})", self.origin)
    }
}

/// Why nothing is signed.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// Reading the tree.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Postgres.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The last checkpoint is not to be believed.
    #[error("the last checkpoint in the database: {0}")]
    Note(#[from] NoteError),
    /// The log is not what was signed.
    #[error(
        "the first {size} events are not those that were signed: the log was altered. Nothing is signed \
         any more; `annals verify --whole` says where"
    )]
    Forked {
        /// How many events the last checkpoint covers.
        size: u64,
    },
    /// The log is shorter than what was signed.
    #[error("the log ends at {head}, and {size} events were signed: its end was cut off")]
    Truncated {
        /// The log's end.
        head: u64,
        /// How many events the last checkpoint covers.
        size: u64,
    },
    /// The folder.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A signed state of the log.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The text with its signatures.
    pub note: String,
}

impl Notary {
    /// Signs until it is told to stop. One notary works, others stand by.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.lead(&stop).await {
                metrics::counter!("annals_notary_failures_total").increment(1);
                tracing::error!(%error, "no checkpoint is signed");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = sleep(self.every.max(Duration::from_secs(1))) => {}
                }
            }
        }
    }

    async fn lead(&self, stop: &CancellationToken) -> Result<(), NotaryError> {
        let Some(mut connection) = lead(&self.pool, "annals.notary", stop).await? else {
            return Ok(());
        };
        let mut tree = self.last().await?;
        while !stop.is_cancelled() {
            self.sign_to_the_end(&mut connection, &mut tree).await?;
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(self.every) => {}
            }
        }
        // What was stored while it was told to stop is signed too, if it can be.
        self.sign_to_the_end(&mut connection, &mut tree).await
    }

    /// The public halves of its keys.
    #[must_use]
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.keys.iter().map(|key| key.verifier().clone()).collect()
    }

    /// The tree that was signed last, made again from the log and compared with what was signed.
    async fn last(&self) -> Result<Frontier, NotaryError> {
        let ledger = Ledger::new(self.pool.clone());
        let known = match &self.folder {
            Some(folder) => read_note(&folder.join(LAST))?,
            None => None,
        };
        let kept = last_note(&self.pool).await?;
        let mut last: Option<Checkpoint> = None;
        for text in [known, kept].into_iter().flatten() {
            let checkpoint = Note::read(&text)?.checkpoint(&self.verifiers(), &self.origin)?;
            if last.as_ref().is_none_or(|it| it.size < checkpoint.size) {
                last = Some(checkpoint);
            }
        }
        let Some(last) = last else { return Ok(Frontier::default()) };
        let head = head(&self.pool).await?;
        if head < last.size {
            return Err(NotaryError::Truncated { head, size: last.size });
        }
        let tree = match ledger.frontier(last.size).await {
            Ok(tree) => tree,
            // The kept roots are derived: without them every hash is read once.
            Err(LedgerError::Missing { .. }) => self.read_whole(&ledger, last.size).await?,
            Err(error) => return Err(error.into()),
        };
        if tree.root() == last.root {
            Ok(tree)
        } else {
            Err(NotaryError::Forked { size: last.size })
        }
    }

    async fn read_whole(&self, ledger: &Ledger, size: u64) -> Result<Frontier, NotaryError> {
        let (mut tree, mut tiles) = (Frontier::default(), Tiles::default());
        while tree.size() < size {
            let most = u32::try_from(size - tree.size()).unwrap_or(u32::MAX).min(PAGE);
            let leaves = ledger.leaves(tree.size(), most).await?;
            if leaves.is_empty() {
                return Err(LedgerError::Missing { from: tree.size() + 1, to: size }.into());
            }
            tiles.grow(&mut tree, &leaves);
            tiles.keep(&self.pool).await?;
        }
        Ok(tree)
    }

    /// Signs the log as it is now, if it grew.
    async fn sign_to_the_end(
        &self,
        connection: &mut PgConnection,
        tree: &mut Frontier,
    ) -> Result<(), NotaryError> {
        let ledger = Ledger::new(self.pool.clone());
        let mut copy = match &self.folder {
            Some(folder) => Some(Leaves::open(&folder.join(LEAVES)).map_err(file(folder))?),
            None => None,
        };
        let before = tree.size();
        let mut grown = tree.clone();
        let mut tiles = Tiles::default();
        loop {
            let leaves = ledger.leaves(grown.size(), PAGE).await?;
            if leaves.is_empty() {
                break;
            }
            if let (Some(copy), Some(folder)) = (&mut copy, &self.folder) {
                copy.keep(grown.size(), &leaves).map_err(file(folder))?;
            }
            tiles.grow(&mut grown, &leaves);
            tiles.keep(&self.pool).await?;
        }
        if grown.size() == before {
            return Ok(());
        }
        let checkpoint =
            Checkpoint { origin: self.origin.clone(), size: grown.size(), root: grown.root() };
        let mut note = Note::read(&sign(&checkpoint, &self.keys))?;
        for witness in &self.witnesses {
            match witness.cosign(&ledger, &note).await {
                Ok(lines) => note.add(&lines)?,
                // A witness that is away keeps nobody from working; one that disagrees is evidence.
                Err(error @ WitnessError::Refused { .. }) => {
                    metrics::counter!("annals_witness_refusals_total").increment(1);
                    tracing::error!(%error, "a witness does not cosign");
                }
                Err(error) => tracing::warn!(%error, "a witness does not cosign"),
            }
        }
        let text = note.to_string();
        sqlx::query(
            "INSERT INTO annals.checkpoints (size, root, note, signed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING",
        )
        .bind(i64::try_from(checkpoint.size).unwrap_or(i64::MAX))
        .bind(checkpoint.root.as_slice())
        .bind(&text)
        .bind(now())
        .execute(connection)
        .await?;
        if let Some(folder) = &self.folder {
            write_note(&folder.join(LAST), &text)?;
        }
        metrics::gauge!("annals_signed_position").set(checkpoint.size as f64);
        *tree = grown;
        Ok(())
    }
}

/// The file with the last checkpoint, in the notary's folder.
pub const LAST: &str = "checkpoint";
/// The file with all hashes.
pub const LEAVES: &str = "leaves";

/// Roots of complete tiles that are to be kept.
#[derive(Default)]
struct Tiles {
    levels: Vec<i16>,
    indices: Vec<i64>,
    hashes: Vec<Hash>,
}

impl Tiles {
    fn grow(&mut self, tree: &mut Frontier, leaves: &[Hash]) {
        for leaf in leaves {
            tree.append(*leaf, |level, index, hash| {
                if level > 0 && level % TILE == 0 {
                    self.levels.push(i16::from(level / TILE));
                    self.indices.push(i64::try_from(index).unwrap_or(i64::MAX));
                    self.hashes.push(*hash);
                }
            });
        }
    }

    async fn keep(&mut self, pool: &PgPool) -> Result<(), sqlx::Error> {
        if self.levels.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO annals.tiles (level, index, hash)
             SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
             ON CONFLICT ON CONSTRAINT tiles_pkey DO NOTHING",
        )
        .bind(&self.levels)
        .bind(&self.indices)
        .bind(self.hashes.iter().map(Hash::as_slice).collect::<Vec<_>>())
        .execute(pool)
        .await?;
        *self = Self::default();
        Ok(())
    }
}

/// The newest checkpoint that the database holds.
///
/// # Errors
/// When Postgres does not answer.
pub async fn last_note(pool: &PgPool) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT note FROM annals.checkpoints ORDER BY size DESC LIMIT 1")
        .fetch_optional(pool)
        .await
}

async fn head(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT position FROM annals.head").fetch_one(pool).await?;
    Ok(u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default())
}

fn read_note(path: &Path) -> Result<Option<String>, NotaryError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file(path)(error)),
    }
}

fn write_note(path: &Path, text: &str) -> Result<(), NotaryError> {
    super::witness::write_whole(path, text).map_err(file(path))
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> NotaryError {
    let path = path.to_owned();
    move |source| NotaryError::File { path, source }
}

/// The time of a checkpoint.
fn now() -> DateTime<Utc> {
    Utc::now()
}
