//! Tokens, as identity providers would issue them, and as nobody should.

use std::{
    fs,
    sync::{Arc, OnceLock},
};

use annals_infra::{
    auth::{
        KeySource, SharedSecret, Verifier,
        dev::{AUDIENCE, DevIssuer, Ticket},
    },
    dev::harness,
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Who somebody is, as a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A signed-in person.
    Person(Uuid),
    /// A service acting as itself.
    System,
    /// Whoever runs the platform.
    Operator,
}

/// The subject of the service's token.
pub const SYSTEM: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0001);
/// The subject of the operator's token.
pub const OPERATOR: Uuid = Uuid::from_u128(0x0a00_0000_0000_7000_8000_0000_0000_0002);

/// An issuer of the old kind, with a secret that it shares with whoever verifies its tokens.
pub const OLD_ISSUER: &str = "https://old.example/auth/v1";
/// That secret.
pub const SECRET: &[u8] = b"a secret of tests, which nothing else is signed with";

/// The address that the identity provider vouches for.
#[must_use]
pub fn address(person: Uuid) -> String {
    format!("{}@example.org", person.simple())
}

/// A token that the tests' services believe, by the issuer whose public key they know.
#[must_use]
pub fn token(who: Who) -> String {
    token_at(who, Utc::now())
}

/// The same, as it is made out at some time.
#[must_use]
pub fn token_at(who: Who, at: DateTime<Utc>) -> String {
    let ticket = match who {
        Who::Person(id) => Ticket::person(id).email(&address(id)),
        Who::System => Ticket::system(SYSTEM),
        Who::Operator => Ticket::operator(OPERATOR),
    };
    issuer().token(&ticket, at)
}

/// A person's token, with an address of their own, as it is made out at some time.
#[must_use]
pub fn token_of(person: Uuid, email: &str, at: DateTime<Utc>) -> String {
    issuer().token(&Ticket::person(person).email(email), at)
}

/// What a good token of the old issuer says of the system.
#[must_use]
pub fn claims() -> Value {
    let now = Utc::now().timestamp();
    json!({
        "iss": OLD_ISSUER, "aud": AUDIENCE, "sub": SYSTEM, "role": "service_role",
        "iat": now, "exp": now + 3_600, "app_metadata": {},
    })
}

/// A token that says this, signed with this secret.
#[must_use]
pub fn signed(secret: &[u8], claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// What the tests' services verify tokens with.
pub async fn verifier() -> Arc<Verifier> {
    let old = KeySource::Secret(SharedSecret::new(None, SECRET).unwrap());
    Verifier::new(issuer().config().and(OLD_ISSUER, old)).await.unwrap()
}

fn issuer() -> &'static DevIssuer {
    static ISSUER: OnceLock<DevIssuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let folder = harness::scratch().unwrap().join("issuer");
        fs::create_dir_all(&folder).unwrap();
        DevIssuer::open(&folder).unwrap()
    })
}
