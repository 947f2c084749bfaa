//! Whom to believe.

use std::{path::PathBuf, time::Duration};

use zeroize::Zeroizing;

use super::AuthError;

/// How many bytes a token may have.
pub const MAX_TOKEN: usize = 8 * 1024;
/// How far clocks may differ at most.
pub const MAX_LEEWAY: Duration = Duration::from_secs(30);

/// How few bytes a shared secret may have (RFC 7518, 3.2: as many as the hash).
const MIN_SECRET: usize = 32;

/// Whom to believe, and for how long.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// Whom a token must be for (`aud`). Supabase says `authenticated`.
    pub audience: String,
    /// Who may issue tokens, with the keys that vouch for each. The same issuer may stand here several
    /// times: a JWKS beside the old shared secret, while tokens move from one to the other.
    pub issuers: Vec<Issuer>,
    /// How far the issuer's clock may differ from ours; at most [`MAX_LEEWAY`].
    pub leeway: Duration,
    /// How often keys are fetched from an address.
    pub refresh_every: Duration,
    /// How often it is looked whether a file has changed.
    pub look_every: Duration,
    /// After a token named an unknown key, keys are read once more at once, and then not again for that
    /// reason for this long, however many such tokens come.
    pub unknown_key_pause: Duration,
    /// How long keys are believed that could not be read again.
    pub stale_after: Duration,
    /// How long one fetch may take.
    pub fetch_timeout: Duration,
    /// How many verified tokens are remembered.
    pub remembered: usize,
}

/// Who may issue tokens, and the keys that vouch for it.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// What stands in `iss`, to the letter.
    pub name: String,
    /// Its keys.
    pub keys: KeySource,
}

/// Where keys are.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A JWKS file (RFC 7517); read again when it changes. Every key needs `kid` and `alg`.
    File(PathBuf),
    /// The address of a JWKS, `https://…`, or `http://…` on this machine. It is asked directly: no
    /// redirects, no proxies. `SSL_CERT_FILE` names other roots than the system's.
    Url(String),
    /// A shared secret (HS256), as Supabase had before it had signing keys.
    Secret(SharedSecret),
}

/// A secret that both sides know. Cannot be printed.
#[derive(Clone)]
pub struct SharedSecret {
    pub(super) kid: Option<String>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

impl SharedSecret {
    /// A secret for tokens that name this key, or for those that name none.
    ///
    /// # Errors
    /// When it is shorter than 32 bytes.
    pub fn new(kid: Option<&str>, secret: &[u8]) -> Result<Self, AuthError> {
        if secret.len() < MIN_SECRET {
            return Err(AuthError::Config(
                "the shared secret is shorter than 32 bytes; `openssl rand -hex 32` makes one",
            ));
        }
        Ok(Self { kid: kid.map(str::to_owned), bytes: Zeroizing::new(secret.to_vec()) })
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SharedSecret")
    }
}

impl AuthConfig {
    /// Believes one issuer, with everything else as it is by default.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, keys: KeySource) -> Self {
        Self {
            audience: audience.to_owned(),
            issuers: vec![Issuer { name: issuer.to_owned(), keys }],
            leeway: MAX_LEEWAY,
            refresh_every: Duration::from_secs(10 * 60),
            look_every: Duration::from_secs(2),
            unknown_key_pause: Duration::from_secs(30),
            stale_after: Duration::from_secs(24 * 60 * 60),
            fetch_timeout: Duration::from_secs(5),
            remembered: 10_000,
        }
    }

    /// Believes another issuer as well, or the same one's other keys.
    #[must_use]
    pub fn and(mut self, issuer: &str, keys: KeySource) -> Self {
        self.issuers.push(Issuer { name: issuer.to_owned(), keys });
        self
    }

    /// Whether the configuration makes sense.
    pub(super) fn check(&self) -> Result<(), AuthError> {
        let wrong = if self.issuers.is_empty() {
            "no issuer is configured"
        } else if self.audience.is_empty() || self.issuers.iter().any(|it| it.name.is_empty()) {
            "an empty issuer or audience would match what is missing"
        } else if self.leeway > MAX_LEEWAY {
            "clocks may differ by 30 s at most"
        } else if self.refresh_every.is_zero() || self.look_every.is_zero() {
            "keys cannot be read again without a pause"
        } else {
            return Ok(());
        };
        Err(AuthError::Config(wrong))
    }
}
