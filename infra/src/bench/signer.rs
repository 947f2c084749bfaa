//! Tokens of the wallets' owners, who register themselves.

use std::{path::Path, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use serde_json::json;
use uuid::Uuid;

use crate::{
    auth::dev::{DevIssuer, Ticket},
    settings::Settings,
};

/// How long these tokens are good for.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// Signs tokens that the deployment believes.
pub enum Signer {
    /// With the key of `annals dev`.
    Dev(DevIssuer),
    /// With the shared secret of the settings.
    Secret {
        /// The secret.
        key: Box<hmac::Key>,
        /// `iss`.
        issuer: String,
        /// `aud`.
        audience: String,
    },
}

impl Signer {
    /// With the shared secret where there is one, or else with what `annals dev` keeps in its folder.
    ///
    /// # Errors
    /// There is neither.
    pub fn find(settings: &Settings, folder: Option<&Path>) -> Result<Self, String> {
        if let Some(secret) = &settings.jwt_secret {
            let issuer = settings.jwt_issuer.clone().ok_or("ANNALS_JWT_ISSUER is not set")?;
            let key = Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()));
            return Ok(Self::Secret { key, issuer, audience: settings.jwt_audience.clone() });
        }
        let folder = folder.filter(|folder| folder.join("jwks.json").exists()).ok_or(
            "--prepare signs tokens for the wallets' owners: set ANNALS_JWT_SECRET, or run it where \
             `annals dev` runs",
        )?;
        DevIssuer::open(folder).map(Self::Dev).map_err(|error| error.to_string())
    }

    /// A token for a person.
    pub fn token(&self, person: Uuid) -> String {
        let now = Utc::now();
        match self {
            Self::Dev(issuer) => issuer.token(&Ticket::person(person).lasting(LIFETIME), now),
            Self::Secret { key, issuer, audience } => {
                let claims = json!({
                    "iss": issuer, "aud": audience, "sub": person, "role": "authenticated",
                    "iat": now.timestamp(), "exp": now.timestamp() + LIFETIME.as_secs() as i64,
                });
                let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
                let header = json!({"alg": "HS256", "typ": "JWT"});
                let message = format!("{}.{}", part(&header), part(&claims));
                let tag = hmac::sign(key, message.as_bytes());
                format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{AuthConfig, KeySource, SharedSecret, Verifier};

    #[tokio::test]
    async fn a_shared_secrets_tokens_are_believed() {
        let secret = b"0123456789abcdef0123456789abcdef";
        let signer = Signer::Secret {
            key: Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)),
            issuer: "here".to_owned(),
            audience: "authenticated".to_owned(),
        };
        let source = KeySource::Secret(SharedSecret::new(None, secret).unwrap());
        let config = AuthConfig::new("here", "authenticated", source);
        let verifier = Verifier::new(config).await.unwrap();
        let person = Uuid::new_v4();
        let verified = verifier.verify(&signer.token(person), Utc::now()).unwrap();
        assert_eq!(verified.actor.id, person);
    }
}
