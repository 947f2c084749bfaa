//! Tokens that were verified a moment ago.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};
use lru::LruCache;

use super::{Verified, claims::Validity};

/// What tells a token from all others; the token itself is not kept.
pub type TokenHash = [u8; 32];

/// The hash of a token.
pub fn hash(token: &str) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    hash
}

/// A token that was verified.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// What it says.
    pub verified: Verified,
    /// When it may be used.
    pub validity: Validity,
    /// Where its key is from.
    pub source: usize,
    /// As of which keys it was verified; under others it has to be verified anew.
    pub generation: u64,
}

/// A bounded number of verified tokens, those least used forgotten first.
pub struct Cache(Mutex<LruCache<TokenHash, Remembered>>);

impl Cache {
    /// Remembers this many.
    pub fn new(most: usize) -> Self {
        let most = NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN);
        Self(Mutex::new(LruCache::new(most)))
    }

    /// What is remembered of a token.
    pub fn get(&self, hash: &TokenHash) -> Option<Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    /// Remembers a token.
    pub fn put(&self, hash: TokenHash, what: Remembered) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(hash, what);
    }
}
