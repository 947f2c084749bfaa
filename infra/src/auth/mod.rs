//! Who sends a command, as a token says (provisional).

use std::{path::Path, sync::Arc};

use annals_commands::{Actor, ActorKind};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Refused token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// Not to be believed.
    Invalid,
    /// Its time is over.
    Expired,
}

/// Verified token.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Who.
    pub actor: Actor,
    /// Whose command ids these are.
    pub scope: String,
}

/// Verifies tokens.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    role: String,
    exp: i64,
    iss: String,
    aud: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    app_metadata: serde_json::Value,
}

impl Verifier {
    /// From a secret.
    pub fn secret(secret: &[u8]) -> Arc<Self> {
        Arc::new(Self { key: DecodingKey::from_secret(secret) })
    }

    /// Verify.
    pub fn verify(&self, token: &str, _now: DateTime<Utc>) -> Result<Verified, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&["authenticated"]);
        let data =
            decode::<Claims>(token, &self.key, &validation).map_err(|_| TokenError::Invalid)?;
        let claims = data.claims;
        let kind = match (
            claims.role.as_str(),
            claims.app_metadata.get("annals").and_then(|v| v.as_str()),
        ) {
            (_, Some("operator")) => ActorKind::Operator,
            ("service_role", _) => ActorKind::System,
            _ => ActorKind::Person,
        };
        let scope = format!("{}|{}|{}", claims.iss, claims.sub, kind.as_str());
        Ok(Verified { actor: Actor { id: claims.sub, kind, email: claims.email }, scope })
    }
}

/// Mint.
pub fn mint(secret: &[u8], sub: Uuid, role: &str, operator: bool, email: Option<&str>) -> String {
    let claims = Claims {
        sub,
        role: role.into(),
        exp: Utc::now().timestamp() + 86400,
        iss: "annals-dev".into(),
        aud: "authenticated".into(),
        email: email.map(Into::into),
        app_metadata: if operator {
            serde_json::json!({"annals":"operator"})
        } else {
            serde_json::json!({})
        },
    };
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))
        .unwrap_or_default()
}
#[allow(unused)]
fn unused(_: &Path) {}
