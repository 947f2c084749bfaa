//! An issuer of tokens for `annals dev` and for tests: what Supabase's does, without accounts.
//!
//! Whoever can read its private key can be anybody, so it is for a machine of one's own.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AuthConfig, AuthError, KeySource};

/// Who the issuer says it is.
pub const ISSUER: &str = "annals-dev";
/// Whom its tokens are for.
pub const AUDIENCE: &str = "authenticated";

/// The private key's file.
const KEY_FILE: &str = "token-key.pkcs8";
/// The public key's file.
const SET_FILE: &str = "jwks.json";

/// Issues tokens.
pub struct DevIssuer {
    pair: Ed25519KeyPair,
    kid: String,
    jwks: PathBuf,
}

/// What a token shall say.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// `sub`.
    pub subject: Uuid,
    /// `role`.
    pub role: String,
    /// `app_metadata`.
    pub app_metadata: Map<String, Value>,
    /// `email`.
    pub email: Option<String>,
    /// How long it is valid.
    pub lifetime: Duration,
}

impl Ticket {
    /// For a signed-in person, for an hour.
    #[must_use]
    pub fn person(subject: Uuid) -> Self {
        Self {
            subject,
            role: "authenticated".to_owned(),
            app_metadata: Map::new(),
            email: None,
            lifetime: Duration::from_secs(60 * 60),
        }
    }

    /// For a service acting as itself.
    #[must_use]
    pub fn system(subject: Uuid) -> Self {
        Self { role: "service_role".to_owned(), ..Self::person(subject) }
    }

    /// For the operator.
    #[must_use]
    pub fn operator(subject: Uuid) -> Self {
        let mut ticket = Self::person(subject);
        ticket.app_metadata.insert("annals".to_owned(), Value::from("operator"));
        ticket
    }

    /// With an address.
    #[must_use]
    pub fn email(mut self, address: &str) -> Self {
        self.email = Some(address.to_owned());
        self
    }

    /// With another lifetime than an hour.
    #[must_use]
    pub const fn lasting(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }
}

impl std::fmt::Debug for DevIssuer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("DevIssuer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl DevIssuer {
    /// The issuer whose key is in this folder. The first time, the key is made.
    ///
    /// # Errors
    /// When the files cannot be read or written, or others may read the private key.
    pub fn open(folder: &Path) -> Result<Self, AuthError> {
        let path = folder.join(KEY_FILE);
        let private = match read_private(&path) {
            Err(AuthError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create_private(&path)?;
                read_private(&path)?
            }
            read => read?,
        };
        let pair = Ed25519KeyPair::from_pkcs8(&private)
            .map_err(|_| AuthError::KeyPair("the private key's file holds none; delete it"))?;
        let hash = digest(&SHA256, pair.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(hash.as_ref().get(..12).unwrap_or_default());
        let issuer = Self { pair, kid, jwks: folder.join(SET_FILE) };
        issuer.publish()?;
        Ok(issuer)
    }

    /// The file with its public key.
    #[must_use]
    pub fn jwks(&self) -> &Path {
        &self.jwks
    }

    /// A configuration that believes it.
    #[must_use]
    pub fn config(&self) -> AuthConfig {
        AuthConfig::new(ISSUER, AUDIENCE, KeySource::File(self.jwks.clone()))
    }

    /// A token.
    #[must_use]
    pub fn token(&self, ticket: &Ticket, now: DateTime<Utc>) -> String {
        let seconds = i64::try_from(ticket.lifetime.as_secs()).unwrap_or(i64::MAX);
        let mut claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": ticket.subject,
            "role": ticket.role,
            "iat": now.timestamp(),
            "exp": now.timestamp().saturating_add(seconds),
            "app_metadata": ticket.app_metadata,
        });
        if let Some(email) = &ticket.email {
            claims["email"] = Value::from(email.as_str());
        }
        self.sign(&json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid}), &claims)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()).as_ref());
        format!("{message}.{signature}")
    }

    /// Writes the public key, whole or not at all.
    fn publish(&self) -> Result<(), AuthError> {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        let set = json!({"keys": [{
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x,
        }]});
        let text = format!("{set:#}\n");
        if fs::read(&self.jwks).is_ok_and(|known| known == text.as_bytes()) {
            return Ok(());
        }
        let beside = self.jwks.with_extension("json.new");
        let file = |source| AuthError::File { path: self.jwks.clone(), source };
        fs::write(&beside, text).and_then(|()| fs::rename(&beside, &self.jwks)).map_err(file)
    }
}

/// Reads the private key, if nobody else may.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, AuthError> {
    let file = |source| AuthError::File { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(AuthError::KeyPair("others may read the private key's file; chmod 600 it"));
    }
    fs::read(path).map(Zeroizing::new).map_err(file)
}

/// Makes a key pair and keeps it, unless somebody else was quicker.
fn create_private(path: &Path) -> Result<(), AuthError> {
    let file = |source| AuthError::File { path: path.to_owned(), source };
    let none = |_| AuthError::KeyPair("no randomness");
    let pair = Ed25519KeyPair::generate().map_err(none)?.to_pkcs8().map_err(none)?;
    // Written beside and linked, so that nobody ever reads half a key.
    let beside = path.with_extension(format!("{}.new", Uuid::now_v7()));
    let mut options = fs::OpenOptions::new();
    let mut created =
        options.write(true).create_new(true).mode(0o600).open(&beside).map_err(file)?;
    let written = created.write_all(pair.as_ref()).and_then(|()| created.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&beside).and(linked).map_err(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = DevIssuer::open(folder.path()).unwrap();
        let again = DevIssuer::open(folder.path()).unwrap();
        assert_eq!(first.kid, again.kid);
        let key = folder.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(!fs::read_to_string(first.jwks()).unwrap().contains("\"d\""));

        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(DevIssuer::open(folder.path()).is_err());
    }

    #[tokio::test]
    async fn its_tokens_are_believed_until_their_time_is_over() {
        use crate::auth::{TokenError, Verifier};

        let folder = tempfile::tempdir().unwrap();
        let issuer = DevIssuer::open(folder.path()).unwrap();
        let verifier = Verifier::new(issuer.config()).await.unwrap();
        let (now, id) = (Utc::now(), Uuid::now_v7());
        let minute = Duration::from_secs(60);
        let token = issuer.token(&Ticket::operator(id).email("Ada@X.org").lasting(minute), now);
        let verified = verifier.verify(&token, now).unwrap();
        assert!(verified.actor.is_operator());
        assert_eq!(verified.actor.email.as_deref(), Some("ada@x.org"));
        assert_eq!(verified.expires_at.timestamp(), now.timestamp() + 60);
        assert_eq!(verifier.verify(&token, now + 2 * minute), Err(TokenError::Expired));
        assert!(verifier.verify(&issuer.token(&Ticket::system(id), now), now).is_ok());
    }
}
