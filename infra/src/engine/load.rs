//! Bringing what handlers miss into memory.

use std::sync::Arc;

use annals_commands::{Catalogue, Claim, Need, State, Stream};

use super::batch::claim_hash;
use crate::{
    keys::Keys,
    seal,
    store::{LoadedStream, Store},
};

/// What was brought.
pub struct Loaded {
    /// The log's last position before the streams were read.
    pub head: i64,
    /// States and versions.
    pub streams: Vec<(Stream, Box<dyn State>, u64)>,
    /// Who holds the claims.
    pub claims: Vec<(Claim, Option<Arc<str>>)>,
    /// What was asked for.
    pub needs: Vec<Need>,
    /// What could not be read, and why.
    pub failed: Option<String>,
}

/// Brings streams and claims. Tries once; whoever asked asks again.
pub async fn load(store: &Store, keys: &Keys, catalogue: &Catalogue, needs: Vec<Need>) -> Loaded {
    let mut loaded =
        Loaded { head: 0, streams: Vec::new(), claims: Vec::new(), needs, failed: None };
    if let Err(error) = fill(store, keys, catalogue, &mut loaded).await {
        loaded.failed = Some(error.to_string());
    }
    loaded
}

async fn fill(
    store: &Store,
    keys: &Keys,
    catalogue: &Catalogue,
    loaded: &mut Loaded,
) -> Result<(), LoadError> {
    loaded.head = store.head().await?;
    let mut streams = Vec::new();
    let mut claims = Vec::new();
    for need in &loaded.needs {
        match need {
            Need::Stream(stream) => streams.push(stream.clone()),
            Need::Claim(claim) => claims.push(claim.clone()),
        }
    }
    if !streams.is_empty() {
        let form = |stream: &Stream| {
            catalogue.aggregate(stream.kind).map_or(0, |kind| i64::from(kind.state_version))
        };
        let forms: Vec<i64> = streams.iter().map(form).collect();
        for stream in store.load(&streams, &forms).await? {
            let (state, version) = replay(keys, catalogue, &stream).await?;
            loaded.streams.push((stream.stream, state, version));
        }
    }
    if !claims.is_empty() {
        let hashed: Vec<_> = claims.iter().map(|it| (it.field, claim_hash(&it.value))).collect();
        let mut holders: Vec<Option<Arc<str>>> = vec![None; claims.len()];
        for (nth, owner) in store.holders(&hashed).await? {
            if let Some(holder) = holders.get_mut(nth) {
                *holder = Some(owner);
            }
        }
        loaded.claims = claims.into_iter().zip(holders).collect();
    }
    Ok(())
}

/// A stream's state: from its snapshot, where one is kept, and the events after it.
pub async fn replay(
    keys: &Keys,
    catalogue: &Catalogue,
    stream: &LoadedStream,
) -> Result<(Box<dyn State>, u64), LoadError> {
    let kind = catalogue
        .aggregate(stream.stream.kind)
        .ok_or_else(|| LoadError::Unreadable(format!("no aggregate {}", stream.stream.kind)))?;
    let unreadable = |what: String| LoadError::Unreadable(format!("{:?}: {what}", stream.stream));
    let (mut state, mut version) = match &stream.snapshot {
        Some(kept) => {
            let json =
                serde_json::from_str(&kept.state).map_err(|it| unreadable(it.to_string()))?;
            let state = (kind.from_snapshot)(json).map_err(|it| unreadable(it.to_string()))?;
            (state, kept.version)
        }
        None => ((kind.empty)(), 0),
    };
    for stored in &stream.events {
        if stored.sequence != version + 1 {
            return Err(unreadable(format!("event {} follows {version}", stored.sequence)));
        }
        version = stored.sequence;
        let opened = seal::open_stored(keys, catalogue, stored)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        let event = (kind.read)(&stored.event_type, opened.payload)
            .map_err(|error| unreadable(format!("{} {version}: {error}", stored.event_type)))?
            .ok_or_else(|| unreadable(format!("unknown event {}", stored.event_type)))?;
        if state.evolve(event.as_ref()).is_err() {
            return Err(unreadable(format!("{} is another aggregate's", stored.event_type)));
        }
    }
    Ok((state, u64::try_from(version).unwrap_or_default()))
}

/// Why something could not be brought into memory.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Postgres does not answer.
    #[error("the store does not answer: {0}")]
    Store(#[from] sqlx::Error),
    /// What is stored cannot be read.
    #[error("{0}")]
    Unreadable(String),
}
