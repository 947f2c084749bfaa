//! Making tokens, right and wrong ones, with an implementation that is not ours.

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
        RsaPublicKeyComponents,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::auth::{AuthConfig, KeySource, SharedSecret};

/// Whose tokens are believed in these tests.
pub const ISSUER: &str = "https://example.supabase.co/auth/v1";
/// Whom they are for.
pub const AUDIENCE: &str = "authenticated";
/// The secret of the issuer's older tokens.
pub const SECRET: &[u8] = b"a secret of more than thirty-two bytes";
/// Who asks.
pub const ADA: Uuid = Uuid::from_u128(0x0191_0000_0000_7000_8000_0000_0000_00ad);

/// Now.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 500_000_000).unwrap()
}

/// A pair of keys and its algorithm.
pub struct Pair {
    pub algorithm: Algorithm,
    pub private: EncodingKey,
    pub kid: &'static str,
    /// The public key, as it stands in a set.
    pub public: Value,
}

impl Pair {
    pub fn ed(kid: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = part(pair.public_key().as_ref());
        let public = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid, "x": x});
        let private = EncodingKey::from_ed_der(pair.to_pkcs8().unwrap().as_ref());
        Self { algorithm: Algorithm::EdDSA, private, kid, public }
    }

    pub fn ec(kid: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (part(&point[1..33]), part(&point[33..]));
        let public =
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": x, "y": y});
        let private = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self { algorithm: Algorithm::ES256, private, kid, public }
    }

    pub fn rsa(kid: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let components = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let (n, e) = (part(&components.n), part(&components.e));
        let public = json!({"kty": "RSA", "alg": "RS256", "kid": kid, "n": n, "e": e});
        // PKCS #8 around a key of 2048 bits: 26 bytes, then the key as PKCS #1 has it.
        let private = EncodingKey::from_rsa_der(&pair.as_der().unwrap().as_ref()[26..]);
        Self { algorithm: Algorithm::RS256, private, kid, public }
    }

    /// The pair that a shared secret is.
    pub fn secret(secret: &[u8]) -> Self {
        let private = EncodingKey::from_secret(secret);
        Self { algorithm: Algorithm::HS256, private, kid: "", public: Value::Null }
    }

    /// The header of its tokens.
    pub fn header(&self) -> Value {
        let mut header = json!({"alg": format!("{:?}", self.algorithm), "typ": "JWT"});
        if !self.kid.is_empty() {
            header["kid"] = Value::from(self.kid);
        }
        header
    }

    /// A token with this header and these claims, as JSON text.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", part(header.as_bytes()), part(claims.as_bytes()));
        let signature = sign(message.as_bytes(), &self.private, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }

    /// A token with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims)
    }
}

/// Base64url of a part.
pub fn part(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Claims as Supabase writes them.
pub fn claims() -> Value {
    let now = now().timestamp();
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": ADA,
        "role": "authenticated",
        "iat": now - 60,
        "exp": now + 3540,
        "email": "Ada@Example.org",
        "phone": "",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now - 60}],
        "session_id": "6f0ba4b5-9c02-4b4f-a5a5-6f0ba4b59c02",
        "is_anonymous": false,
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"name": "Ada"},
    })
}

/// The claims with one of them changed.
pub fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

/// The claims without one of them.
pub fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// A JWKS of these keys.
pub fn set(pairs: &[&Pair]) -> String {
    json!({"keys": pairs.iter().map(|pair| &pair.public).collect::<Vec<_>>()}).to_string()
}

/// Believes the keys of a file, and the secret.
pub fn config(file: &std::path::Path) -> AuthConfig {
    let secret = SharedSecret::new(None, SECRET).unwrap();
    AuthConfig::new(ISSUER, AUDIENCE, KeySource::File(file.to_owned()))
        .and(ISSUER, KeySource::Secret(secret))
}
