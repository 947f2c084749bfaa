//! A token's form: three parts, a header that says which key, and what is signed.

use serde_json::{Map, Value};

use super::{error::Flaw, json};

/// A token that was taken apart. Nothing in it is to be believed yet.
pub struct Token<'a> {
    /// The algorithm that the header names.
    pub algorithm: String,
    /// The key that the header names.
    pub kid: Option<String>,
    /// What is signed: header and claims, as they were sent.
    pub message: &'a str,
    /// The signature.
    pub signature: Vec<u8>,
    claims: &'a str,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub fn read(token: &'a str) -> Result<Self, Flaw> {
        let (message, signature) = token.rsplit_once('.').ok_or(Flaw::Form)?;
        let (header, claims) = message.split_once('.').ok_or(Flaw::Form)?;
        if header.is_empty() || claims.is_empty() || signature.is_empty() || claims.contains('.') {
            return Err(Flaw::Form);
        }
        let signature = json::base64url(signature).ok_or(Flaw::Form)?;
        let header = json::base64url(header).ok_or(Flaw::Form)?;
        let (algorithm, kid) = read_header(&json::object(&header).ok_or(Flaw::Header)?)?;
        Ok(Self { algorithm, kid, message, signature, claims })
    }

    /// The claims, to be read once the signature is known to be right.
    pub fn claims(&self) -> Result<Map<String, Value>, Flaw> {
        let bytes = json::base64url(self.claims).ok_or(Flaw::Form)?;
        json::object(&bytes).ok_or(Flaw::Claims)
    }
}

fn read_header(header: &Map<String, Value>) -> Result<(String, Option<String>), Flaw> {
    if ["jku", "jwk", "x5u", "x5c"].iter().any(|name| header.contains_key(*name)) {
        return Err(Flaw::OwnKey);
    }
    // What these ask for is not done here, so a token with them means something else than it seems to.
    if ["crit", "b64", "enc", "zip", "cty"].iter().any(|name| header.contains_key(*name)) {
        return Err(Flaw::Header);
    }
    if let Some(kind) = header.get("typ")
        && !kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("JWT"))
    {
        return Err(Flaw::Header);
    }
    let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Flaw::Header)?;
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Err(Flaw::Header),
    };
    Ok((algorithm.to_owned(), kid))
}
