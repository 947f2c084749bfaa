//! The tree as it is kept in Postgres: leaves are the events' hashes, and every 256th subtree's root is
//! kept beside them, so that a proof reads some hundred hashes of however many there are.

use std::collections::HashMap;

use sqlx::{PgPool, Row};

use super::tree::{Frontier, Hash, Subtree, consistency_path, inclusion_path, join, node};

/// Levels between kept roots: tiles are 256 wide.
pub const TILE: u8 = 8;

/// Why a proof cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Postgres does not answer, or refuses.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// A hash that should be there is not, or is none.
    #[error(
        "the hash of the events {from} to {to} is not there: the log or its evidence is damaged"
    )]
    Missing {
        /// The first position.
        from: u64,
        /// The last position.
        to: u64,
    },
}

/// Reads hashes of the tree.
#[derive(Debug, Clone)]
pub struct Ledger {
    pool: PgPool,
}

impl Ledger {
    /// The tree of this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool it reads with.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The hashes of events after a position, in order, at most `limit`; it stops before a hole.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn leaves(&self, after: u64, limit: u32) -> Result<Vec<Hash>, LedgerError> {
        let rows = sqlx::query(
            "SELECT position, hash FROM annals.events
             WHERE position > $1 AND position <= $1 + $2 ORDER BY position",
        )
        .bind(signed(after))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let mut leaves = Vec::with_capacity(rows.len());
        for row in rows {
            let position: i64 = row.try_get(0)?;
            let hash: &[u8] = row.try_get(1)?;
            let next = after + leaves.len() as u64 + 1;
            let Some(hash) = hash.try_into().ok().filter(|_| position == signed(next)) else {
                break;
            };
            leaves.push(hash);
        }
        Ok(leaves)
    }

    /// The tree over the first events.
    ///
    /// # Errors
    /// When a hash is not there.
    pub async fn frontier(&self, size: u64) -> Result<Frontier, LedgerError> {
        let parts = Subtree::cover(0, size);
        let roots = self.roots(&parts).await?;
        Frontier::from_peaks(size, roots).ok_or(LedgerError::Missing { from: 1, to: size })
    }

    /// The proof that the event at a position is in the tree over the first `size` events.
    ///
    /// # Errors
    /// When a hash is not there.
    pub async fn inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>, LedgerError> {
        self.path(&inclusion_path(position.saturating_sub(1), size)).await
    }

    /// The proof that the tree over the first `old` events is the beginning of that over `new`.
    ///
    /// # Errors
    /// When a hash is not there.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, LedgerError> {
        self.path(&consistency_path(old, new)).await
    }

    async fn path(&self, ranges: &[(u64, u64)]) -> Result<Vec<Hash>, LedgerError> {
        let covers: Vec<Vec<Subtree>> =
            ranges.iter().map(|(low, high)| Subtree::cover(*low, *high)).collect();
        let all: Vec<Subtree> = covers.iter().flatten().copied().collect();
        let mut roots = self.roots(&all).await?.into_iter();
        Ok(covers
            .iter()
            .map(|cover| join(&roots.by_ref().take(cover.len()).collect::<Vec<_>>()))
            .collect())
    }

    /// The roots of complete subtrees: each from the kept roots below it, in two queries for all.
    async fn roots(&self, wanted: &[Subtree]) -> Result<Vec<Hash>, LedgerError> {
        let (mut levels, mut indices) = (Vec::new(), Vec::new());
        for part in wanted {
            let base = part.level / TILE * TILE;
            let width = 1_u64 << (part.level - base);
            for index in part.index * width..(part.index + 1) * width {
                levels.push(i16::from(base / TILE));
                indices.push(signed(index));
            }
        }
        let rows = sqlx::query(
            "SELECT asked.level, asked.index, coalesce(tile.hash, event.hash)
             FROM unnest($1::smallint[], $2::bigint[]) AS asked (level, index)
             LEFT JOIN annals.tiles AS tile
               ON asked.level > 0 AND tile.level = asked.level AND tile.index = asked.index
             LEFT JOIN annals.events AS event
               ON asked.level = 0 AND event.position = asked.index + 1",
        )
        .bind(&levels)
        .bind(&indices)
        .fetch_all(&self.pool)
        .await?;
        let mut kept = HashMap::with_capacity(rows.len());
        for row in rows {
            let (level, index): (i16, i64) = (row.try_get(0)?, row.try_get(1)?);
            let hash: Option<&[u8]> = row.try_get(2)?;
            if let Some(hash) = hash.and_then(|it| Hash::try_from(it).ok()) {
                kept.insert((level, index), hash);
            }
        }
        wanted.iter().map(|part| root_of(*part, &kept)).collect()
    }
}

fn root_of(part: Subtree, kept: &HashMap<(i16, i64), Hash>) -> Result<Hash, LedgerError> {
    let base = part.level / TILE * TILE;
    let width = 1_u64 << (part.level - base);
    let mut row = Vec::new();
    for index in part.index * width..(part.index + 1) * width {
        let hash = kept.get(&(i16::from(base / TILE), signed(index)));
        let from = (part.index << part.level) + 1;
        let missing = LedgerError::Missing { from, to: ((part.index + 1) << part.level) };
        row.push(*hash.ok_or(missing)?);
    }
    while row.len() > 1 {
        row = row.chunks(2).map(|two| node(&two[0], &two[two.len() - 1])).collect();
    }
    Ok(row.first().copied().unwrap_or_default())
}

/// A position as Postgres has it.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
