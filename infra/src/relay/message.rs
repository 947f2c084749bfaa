//! An event as a NATS message: CloudEvents in binary mode, and what projectors check.

use std::fmt::Write as _;

use annals_domain::refusal::snake_case;
use async_nats::{HeaderMap, Message};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat};

use crate::store::{Metadata, StoredEvent};

/// What relay and projectors share, so that nobody else can put an event onto a stream.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

impl std::fmt::Debug for MacKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("MacKey")
    }
}

impl MacKey {
    /// A key from secret bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn sign(&self, event: &StoredEvent, epoch: i64, previous: i64) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &signed(event, epoch, previous)).as_ref())
    }

    fn verify(&self, event: &StoredEvent, epoch: i64, previous: i64, tag: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(tag)
            .is_ok_and(|tag| hmac::verify(&self.0, &signed(event, epoch, previous), &tag).is_ok())
    }
}

fn signed(event: &StoredEvent, epoch: i64, previous: i64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(24 + event.hash.len());
    bytes.extend_from_slice(&event.position.to_be_bytes());
    bytes.extend_from_slice(&epoch.to_be_bytes());
    bytes.extend_from_slice(&previous.to_be_bytes());
    bytes.extend_from_slice(&event.hash);
    bytes
}

/// `<context>.evt.<aggregate>.<id>.<event>`.
#[must_use]
pub fn subject(event: &StoredEvent) -> String {
    let (context, aggregate) =
        event.aggregate_type.split_once('.').unwrap_or((event.aggregate_type.as_str(), "_"));
    let name = snake_case(&event.event_type);
    format!("{context}.evt.{aggregate}.{}.{name}", token(&event.aggregate_id))
}

/// An id as one subject token: whatever is not a letter, digit, `-`, `_` or `:` is written as `=XX`.
fn token(id: &str) -> String {
    let mut token = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':') {
            token.push(char::from(byte));
        } else {
            let _ = write!(token, "={byte:02X}");
        }
    }
    token
}

/// The headers of an event's message. `previous` is the position of the context's event before it.
#[must_use]
pub fn headers(event: &StoredEvent, epoch: i64, previous: i64, key: &MacKey) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let (context, aggregate) =
        event.aggregate_type.split_once('.').unwrap_or((event.aggregate_type.as_str(), "_"));
    let recorded = event.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    headers.insert("Nats-Msg-Id", format!("{epoch}.{}", event.position));
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", event.event_id.to_string());
    headers.insert("ce-source", format!("/{context}/{aggregate}"));
    headers.insert("ce-subject", percent(&event.aggregate_id));
    headers.insert(
        "ce-type",
        format!(
            "{}.{}.v{}",
            event.aggregate_type,
            snake_case(&event.event_type),
            event.event_version
        ),
    );
    headers.insert("ce-recordedtime", recorded.clone());
    headers.insert("ce-sequence", format!("{:020}", event.position));
    match serde_json::from_str::<Metadata>(&event.metadata) {
        Ok(metadata) => {
            let occurred = metadata
                .occurred_at
                .map_or(recorded, |at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
            headers.insert("ce-time", occurred);
            headers.insert("ce-correlationid", percent(&metadata.correlation_id));
            headers.insert("ce-causationid", percent(&metadata.causation_id));
            if let Some(parent) = metadata.traceparent {
                headers.insert("traceparent", parent);
            }
        }
        Err(_) => headers.insert("ce-time", recorded),
    }
    headers.insert("Content-Type", "application/json");
    headers.insert("Annals-Event", event.event_type.as_str());
    headers.insert("Annals-Sequence", event.sequence.to_string());
    headers.insert("Annals-Epoch", epoch.to_string());
    headers.insert("Annals-Previous", previous.to_string());
    headers.insert("Annals-Metadata", percent(&event.metadata));
    headers.insert("Annals-Hash", URL_SAFE_NO_PAD.encode(&event.hash));
    headers.insert("Annals-Mac", key.sign(event, epoch, previous));
    headers
}

/// An event that came by message, and its place among the context's messages.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The event.
    pub event: StoredEvent,
    /// The incarnation of the stream.
    pub epoch: i64,
    /// Position of the context's event before it; 0 for none.
    pub previous: i64,
}

/// A message that does not come from the relay, or was changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forged(pub &'static str);

/// Reads a message back, and checks that the relay wrote it.
///
/// # Errors
/// When a header is missing, the content does not have its hash, or the relay did not sign it.
pub fn to_stored(message: &Message, key: &MacKey) -> Result<Envelope, Forged> {
    let headers = message.headers.as_ref().ok_or(Forged("no headers"))?;
    let text =
        |name: &'static str| headers.get(name).map(|value| value.as_str()).ok_or(Forged(name));
    let number = |name: &'static str| text(name)?.parse::<i64>().map_err(|_| Forged(name));
    let source = text("ce-source")?;
    let aggregate_type = source.trim_start_matches('/').replacen('/', ".", 1);
    let event_version =
        text("ce-type")?.rsplit_once(".v").map(|(_, version)| version).ok_or(Forged("ce-type"))?;
    let event = StoredEvent {
        position: number("ce-sequence")?,
        aggregate_type,
        aggregate_id: unpercent(text("ce-subject")?).ok_or(Forged("ce-subject"))?,
        sequence: number("Annals-Sequence")?,
        event_type: text("Annals-Event")?.to_owned(),
        event_version: event_version.to_owned(),
        payload: String::from_utf8(message.payload.to_vec()).map_err(|_| Forged("body"))?,
        metadata: unpercent(text("Annals-Metadata")?).ok_or(Forged("Annals-Metadata"))?,
        event_id: text("ce-id")?.parse().map_err(|_| Forged("ce-id"))?,
        recorded_at: DateTime::parse_from_rfc3339(text("ce-recordedtime")?)
            .map_err(|_| Forged("ce-recordedtime"))?
            .to_utc(),
        hash: URL_SAFE_NO_PAD.decode(text("Annals-Hash")?).map_err(|_| Forged("Annals-Hash"))?,
    };
    let (epoch, previous) = (number("Annals-Epoch")?, number("Annals-Previous")?);
    if event.computed_hash().as_slice() != event.hash {
        return Err(Forged("the content does not have its hash"));
    }
    if !key.verify(&event, epoch, previous, text("Annals-Mac")?) {
        return Err(Forged("Annals-Mac"));
    }
    Ok(Envelope { event, epoch, previous })
}

/// CloudEvents' escaping: space, quote, percent, and whatever is not printable ASCII.
fn percent(text: &str) -> String {
    let plain = |byte: u8| (0x21..=0x7e).contains(&byte) && byte != b'%' && byte != b'"';
    if text.bytes().all(plain) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn unpercent(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
