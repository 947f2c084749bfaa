//! Verifying a token.

use std::sync::{Arc, PoisonError, RwLock};

use annals_commands::Actor;
use chrono::{DateTime, Utc};
use tokio::{sync::Notify, time::Instant};
use tokio_util::task::AbortOnDropHandle;

use super::{
    AuthConfig, AuthError, KeySource, MAX_TOKEN, TokenError,
    cache::{self, Cache, Remembered},
    claims,
    error::Flaw,
    fetch::Fetcher,
    key::TokenKey,
    refresh::{self, File, Place, Schedule, Watch},
    ring::Ring,
    token::Token,
};

/// What a token says that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who asks.
    pub actor: Actor,
    /// When the token's time is over.
    pub expires_at: DateTime<Utc>,
    /// Whose command ids these are: kind, subject and issuer. The same command id from anybody else is
    /// another command.
    pub scope: Arc<str>,
}

/// Verifies tokens. Keeps its keys up to date for as long as it lives.
pub struct Verifier {
    shared: Arc<Shared>,
    cache: Cache,
    audience: String,
    /// Seconds.
    leeway: i64,
    _refresh: Option<AbortOnDropHandle<()>>,
}

/// What the verifier and the task in the background have in common.
pub(super) struct Shared {
    ring: RwLock<Ring>,
    /// Rung when a token names an unknown key.
    pub unknown: Notify,
}

impl Shared {
    /// Notes that a place still has the keys it had.
    pub fn seen(&self, source: usize) {
        self.ring.write().unwrap_or_else(PoisonError::into_inner).seen(source, Instant::now());
    }

    /// Takes the keys of a place instead of those it had.
    pub fn replace(
        &self,
        source: usize,
        keys: Vec<Arc<TokenKey>>,
        seen: Option<Instant>,
    ) -> Result<bool, &'static str> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner).replace(source, keys, seen)
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Verifier")
    }
}

impl Verifier {
    /// Reads all keys once, and goes on reading them in the background.
    ///
    /// # Errors
    /// When the configuration contradicts itself, or a place has no keys that can be used.
    pub async fn new(config: AuthConfig) -> Result<Arc<Self>, AuthError> {
        config.check()?;
        let shared = Arc::new(Shared {
            ring: RwLock::new(Ring::new(config.issuers.len(), config.stale_after)),
            unknown: Notify::new(),
        });
        let mut watches = Vec::new();
        for (source, issuer) in config.issuers.iter().enumerate() {
            let name: Arc<str> = Arc::from(issuer.name.as_str());
            let (place, every) = match &issuer.keys {
                KeySource::Secret(secret) => {
                    let key = Arc::new(TokenKey::shared(secret, &name));
                    shared.replace(source, vec![key], None).map_err(AuthError::Config)?;
                    continue;
                }
                KeySource::File(path) => (Place::File(File::new(path.clone())), config.look_every),
                KeySource::Url(url) => {
                    let fetcher = Fetcher::new(url, config.fetch_timeout)?;
                    (Place::Address(fetcher), config.refresh_every)
                }
            };
            let schedule = Schedule::new(every, config.unknown_key_pause, Instant::now());
            let mut watch = Watch { source, issuer: name, place, schedule };
            watch.read(&shared).await?;
            watches.push(watch);
        }
        let refresh = (!watches.is_empty()).then(|| {
            AbortOnDropHandle::new(tokio::spawn(refresh::run(Arc::clone(&shared), watches)))
        });
        Ok(Arc::new(Self {
            shared,
            cache: Cache::new(config.remembered),
            audience: config.audience,
            leeway: i64::try_from(config.leeway.as_secs()).unwrap_or_default(),
            _refresh: refresh,
        }))
    }

    /// What a token says, if it is to be believed. It is the text after `Bearer `.
    ///
    /// # Errors
    /// [`TokenError::Expired`] where nothing else is wrong with it, else [`TokenError::Invalid`]. What is
    /// wrong is logged at level debug, without the token.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, TokenError> {
        self.check(token, now).map_err(|flaw| {
            tracing::debug!(?flaw, "a token is refused");
            flaw.answer()
        })
    }

    /// Whether keys that were configured are still believed: false when some could not be read for too
    /// long, so that their tokens are refused.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.ring.read().unwrap_or_else(PoisonError::into_inner).all_fresh(Instant::now())
    }

    pub(super) fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Verified, Flaw> {
        if token.len() > MAX_TOKEN {
            return Err(Flaw::TooLarge);
        }
        let hash = cache::hash(token);
        if let Some(known) = self.cache.get(&hash) {
            let ring = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner);
            if ring.generation() == known.generation {
                ring.is_fresh(known.source, Instant::now())?;
                drop(ring);
                return known.validity.at(now).map(|()| known.verified);
            }
        }
        let proved = self.prove(token)?;
        proved.validity.at(now)?;
        let verified = proved.verified.clone();
        self.cache.put(hash, proved);
        Ok(verified)
    }

    /// All that is asked of a token but for its time.
    fn prove(&self, token: &str) -> Result<Remembered, Flaw> {
        let token = Token::read(token)?;
        let (source, key, generation) = self.find(token.kid.as_deref())?;
        if token.algorithm != key.algorithm() {
            return Err(Flaw::Algorithm);
        }
        if !key.signed(token.message.as_bytes(), &token.signature) {
            return Err(Flaw::Signature);
        }
        let (verified, validity) =
            claims::read(&token.claims()?, &key.issuer, &self.audience, self.leeway)?;
        Ok(Remembered { verified, validity, source, generation })
    }

    fn find(&self, kid: Option<&str>) -> Result<(usize, Arc<TokenKey>, u64), Flaw> {
        let ring = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner);
        match ring.find(kid) {
            Ok((source, key)) => {
                ring.is_fresh(source, Instant::now())?;
                Ok((source, key, ring.generation()))
            }
            Err(flaw) => {
                self.shared.unknown.notify_one();
                Err(flaw)
            }
        }
    }
}
