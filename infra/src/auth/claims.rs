//! What a token that is believed says.

use std::sync::Arc;

use annals_commands::{Actor, ActorKind};
use annals_domain::text;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Verified, error::Flaw};

/// How many bytes an address may have (RFC 5321).
const MAX_EMAIL: usize = 320;

/// When a token is valid, in seconds since 1970. What `leeway` allows is counted in already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    from: i64,
    until: i64,
}

impl Validity {
    /// Whether it is valid now.
    pub fn at(self, now: DateTime<Utc>) -> Result<(), Flaw> {
        let now = now.timestamp();
        if now < self.from {
            Err(Flaw::TooEarly)
        } else if now >= self.until {
            Err(Flaw::Expired)
        } else {
            Ok(())
        }
    }
}

/// Reads claims. Whether their time has come or gone is the caller's to ask, so that this is the last
/// thing that is found wrong.
pub fn read(
    claims: &Map<String, Value>,
    issuer: &str,
    audience: &str,
    leeway: i64,
) -> Result<(Verified, Validity), Flaw> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(Flaw::Issuer);
    }
    if claims.get("aud").and_then(Value::as_str) != Some(audience) {
        return Err(Flaw::Audience);
    }
    let id = claims.get("sub").and_then(Value::as_str).and_then(subject).ok_or(Flaw::Subject)?;
    let kind = kind(claims)?;
    let email = email(claims)?;
    let (validity, expires_at) = times(claims, leeway)?;
    let scope = Arc::from(format!("{}|{id}|{issuer}", kind.as_str()));
    Ok((Verified { actor: Actor { id, kind, email }, expires_at, scope }, validity))
}

/// An id in the one form that ids of subjects have.
fn subject(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| !id.is_nil())?;
    (text.len() == 36).then_some(id)
}

fn kind(claims: &Map<String, Value>) -> Result<ActorKind, Flaw> {
    let annals = match claims.get("app_metadata") {
        None | Some(Value::Null) => None,
        Some(Value::Object(metadata)) => metadata.get("annals"),
        Some(_) => return Err(Flaw::Claims),
    };
    let operator = match annals {
        None | Some(Value::Null) => false,
        Some(Value::String(what)) => what == "operator",
        Some(_) => return Err(Flaw::Claims),
    };
    match (claims.get("role").and_then(Value::as_str), operator) {
        (Some("authenticated"), false) => Ok(ActorKind::Person),
        (Some("authenticated"), true) => Ok(ActorKind::Operator),
        (Some("service_role"), false) => Ok(ActorKind::System),
        // A service that is an operator as well would be two things at once.
        _ => Err(Flaw::Role),
    }
}

fn email(claims: &Map<String, Value>) -> Result<Option<String>, Flaw> {
    match claims.get("email") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(address)) => {
            if address.len() > MAX_EMAIL || address.chars().any(char::is_control) {
                return Err(Flaw::Claims);
            }
            // Supabase writes an empty text for who signed in by telephone.
            Ok(Some(text::normal_email(address)).filter(|address| !address.is_empty()))
        }
        Some(_) => Err(Flaw::Claims),
    }
}

fn times(claims: &Map<String, Value>, leeway: i64) -> Result<(Validity, DateTime<Utc>), Flaw> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_i64().filter(|time| *time >= 0).map(Some).ok_or(Flaw::Times),
    };
    let (issued, not_before) = (time("iat")?, time("nbf")?);
    let from = issued.max(not_before).ok_or(Flaw::Times)?;
    let expires = time("exp")?.ok_or(Flaw::Times)?;
    let expires_at = DateTime::from_timestamp(expires, 0).ok_or(Flaw::Times)?;
    if expires <= from {
        return Err(Flaw::Times);
    }
    let validity =
        Validity { from: from.saturating_sub(leeway), until: expires.saturating_add(leeway) };
    Ok((validity, expires_at))
}
