//! A key that signs tokens, with its one algorithm.

use std::sync::Arc;

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RsaPublicKeyComponents,
    },
};
use serde_json::{Map, Value};

use super::{config::SharedSecret, json};

/// How many keys a set may have.
const MOST_KEYS: usize = 64;
/// Bytes of a coordinate on either curve.
const COORDINATE: usize = 32;

/// A key that signs tokens.
#[derive(Debug)]
pub struct TokenKey {
    /// Its name; only a shared secret may have none.
    pub kid: Option<String>,
    /// The issuer that it vouches for.
    pub issuer: Arc<str>,
    /// Tells two keys apart, whatever they are called.
    pub identity: [u8; 32],
    material: Material,
}

/// What a signature is checked with. The variant is the algorithm: there is no other way to use it.
enum Material {
    EdDsa(ParsedPublicKey),
    Es256(ParsedPublicKey),
    Rs256(ParsedPublicKey),
    Hs256(Box<hmac::Key>),
}

impl std::fmt::Debug for Material {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.algorithm())
    }
}

impl Material {
    const fn algorithm(&self) -> &'static str {
        match self {
            Self::EdDsa(_) => "EdDSA",
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
            Self::Hs256(_) => "HS256",
        }
    }
}

impl TokenKey {
    /// The key that a shared secret is.
    pub fn shared(secret: &SharedSecret, issuer: &Arc<str>) -> Self {
        let material = Material::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret.bytes)));
        Self::new(secret.kid.clone(), issuer, material, &secret.bytes)
    }

    fn new(kid: Option<String>, issuer: &Arc<str>, material: Material, bytes: &[u8]) -> Self {
        let mut identity = [0; 32];
        let described = [
            material.algorithm().as_bytes(),
            b"\n",
            kid.as_deref().unwrap_or_default().as_bytes(),
            b"\n",
            issuer.as_bytes(),
            b"\n",
            bytes,
        ];
        identity.copy_from_slice(digest(&SHA256, &described.concat()).as_ref());
        Self { kid, issuer: Arc::clone(issuer), identity, material }
    }

    /// The one algorithm, as a token's header would name it.
    pub const fn algorithm(&self) -> &'static str {
        self.material.algorithm()
    }

    /// Whether this is the key's signature of the message.
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::EdDsa(key) | Material::Es256(key) | Material::Rs256(key) => {
                key.verify_sig(message, signature).is_ok()
            }
            Material::Hs256(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// The keys of a JWKS that can be used here. Others (for encryption, of other algorithms) are left out;
/// a set with none, or with two keys of one name, is refused.
pub fn read_set(bytes: &[u8], issuer: &Arc<str>) -> Result<Vec<Arc<TokenKey>>, String> {
    let set = json::object(bytes).ok_or("it is no JSON object, or a name stands in it twice")?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
    if keys.len() > MOST_KEYS {
        return Err(format!("it has more than {MOST_KEYS} keys"));
    }
    let mut usable: Vec<Arc<TokenKey>> = Vec::new();
    let mut left_out = Vec::new();
    for (nth, key) in keys.iter().enumerate() {
        let fields = key.as_object().ok_or_else(|| format!("key {nth} is no object"))?;
        match read_key(fields, issuer) {
            Ok(key) if usable.iter().any(|known| known.kid == key.kid) => {
                return Err(format!("two of its keys have the same `kid` (number {nth})"));
            }
            Ok(key) => usable.push(Arc::new(key)),
            Err(why) => left_out.push(format!("key {nth} {why}")),
        }
    }
    if usable.is_empty() {
        let why = if left_out.is_empty() { "it is empty".to_owned() } else { left_out.join(", ") };
        return Err(format!("none of its keys can sign tokens: {why}"));
    }
    Ok(usable)
}

/// A key of a JWKS, or why it is none for us.
fn read_key(fields: &Map<String, Value>, issuer: &Arc<str>) -> Result<TokenKey, &'static str> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let bytes = |name: &str| text(name).and_then(json::base64url);
    let coordinate = |name: &str| bytes(name).filter(|bytes| bytes.len() == COORDINATE);
    let kid = text("kid").filter(|kid| !kid.is_empty()).ok_or("has no `kid`")?;
    let algorithm = text("alg").ok_or("has no `alg`: say which one it is for")?;
    if fields.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err("is not for signatures");
    }
    if let Some(operations) = fields.get("key_ops")
        && !operations.as_array().is_some_and(|them| them.iter().any(|it| it == "verify"))
    {
        return Err("is not for verifying");
    }
    if fields.contains_key("d") {
        return Err("is a private key, and was given away");
    }
    let (material, raw) = match (algorithm, text("kty"), text("crv")) {
        ("EdDSA", Some("OKP"), Some("Ed25519")) => {
            let raw = coordinate("x").ok_or("has no proper `x`")?;
            let key = ParsedPublicKey::new(&ED25519, &raw).map_err(|_| "is no point")?;
            (Material::EdDsa(key), raw)
        }
        ("ES256", Some("EC"), Some("P-256")) => {
            let mut raw = vec![4];
            raw.extend(coordinate("x").ok_or("has no proper `x`")?);
            raw.extend(coordinate("y").ok_or("has no proper `y`")?);
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &raw);
            (Material::Es256(key.map_err(|_| "is no point on its curve")?), raw)
        }
        ("RS256", Some("RSA"), _) => {
            let n = bytes("n").ok_or("has no proper `n`")?;
            let e = bytes("e").ok_or("has no proper `e`")?;
            let most_significant = n.first().copied().unwrap_or_default();
            if !(256..=1024).contains(&n.len()) || most_significant < 0x80 {
                return Err("is not of 2048 to 8192 bits");
            }
            let components = RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() };
            let key = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
            let raw = [n.as_slice(), b".", e.as_slice()].concat();
            (Material::Rs256(key.map_err(|_| "is no RSA key")?), raw)
        }
        ("HS256", _, _) => return Err("is a secret: configure it as one, not in a key set"),
        _ => return Err("is of an algorithm that is not taken (EdDSA, ES256 and RS256 are)"),
    };
    Ok(TokenKey::new(Some(kid.to_owned()), issuer, material, &raw))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ed(kid: &str) -> Value {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid, "x": x})
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn read(keys: Value) -> Result<usize, String> {
        let set = json!({ "keys": keys }).to_string();
        read_set(set.as_bytes(), &Arc::from("i")).map(|keys| keys.len())
    }

    #[test]
    fn keys_that_are_not_for_us_are_left_out() {
        let others = [
            json!({"kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "kid": "1", "n": "AQ", "e": "AQAB"}),
            json!({"kty": "EC", "crv": "P-384", "alg": "ES384", "kid": "2", "x": "AQ", "y": "AQ"}),
            json!({"kty": "oct", "alg": "HS256", "kid": "3", "k": "c2VjcmV0"}),
            with(ed("4"), "alg", json!("RS256")),
            with(ed("5"), "use", json!("enc")),
            with(ed("6"), "key_ops", json!(["sign"])),
            with(ed("7"), "d", json!("AQ")),
            with(ed("8"), "x", json!("AQ")),
            with(ed("9"), "crv", json!("P-256")),
            with(ed(""), "use", json!("sig")),
            json!({"kty": "OKP", "crv": "Ed25519", "kid": "10", "x": ed("")["x"]}),
            json!({"kty": "RSA", "alg": "RS256", "kid": "11", "n": "AQAB", "e": "AQAB"}),
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "12",
                   "x": ed("")["x"], "y": ed("")["x"]}),
        ];
        let mut all = others.to_vec();
        all.push(ed("mine"));
        assert_eq!(read(json!(all)), Ok(1));
        for other in others {
            assert!(read(json!([other])).is_err(), "{other}");
        }
    }

    #[test]
    fn an_empty_or_ambiguous_set_is_refused() {
        assert_eq!(read(json!([ed("a"), ed("b")])), Ok(2));
        for bad in [json!([]), json!({}), json!([ed("a"), ed("a")]), json!([1])] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        assert!(read(Value::from(vec![ed("a"); MOST_KEYS + 1])).is_err());
        assert!(read_set(br#"{"keys": [], "keys": []}"#, &Arc::from("i")).is_err());
    }

    #[test]
    fn a_key_is_known_again_by_what_it_is() {
        let issuer = Arc::from("i");
        let identity = |key: Value| {
            let set = json!({ "keys": [key] }).to_string();
            read_set(set.as_bytes(), &issuer).unwrap()[0].identity
        };
        assert_eq!(identity(ed("a")), identity(with(ed("a"), "use", json!("sig"))));
        assert_ne!(identity(ed("a")), identity(ed("b")));
    }
}
