//! Sealing personal fields, and opening them again.
//!
//! A personal field that holds something is stored as `{"$sealed": "<key number>.<base64url>"}`: a random
//! nonce, then what AES-256-GCM-SIV makes of the value's JSON under the person's data key, then the tag.
//! The JSON is filled up with spaces to the next multiple of 32 bytes, since a length is all that is left
//! to read once the key is gone, and "male" must not be told from "female" by it.
//!
//! Bound into each ciphertext, besides its text, are tenant, stream, place in the stream, kind of event,
//! field, person and key number, so that it opens nowhere else. The event's metadata names the person,
//! the key's number and its commitment; a key with another commitment opens nothing.
//!
//! Whose key it is says the kind of event ([`subject`]): the stream's id, or the payload's field that it
//! names. Where that field is absent or null the event is about nobody known, and the stream's own id
//! takes the person's place: its key can be destroyed like any other.
//!
//! A field that cannot be opened with a live key is an error, and so is a personal field in the clear.
//! Under a destroyed key fields read as their tombstones. A key that is neither is missing, which is a
//! fault of the key store and an error too, never an erasure.

use std::{cell::RefCell, sync::Arc};

use annals_commands::Catalogue;
use annals_domain::{EventType, Subject};
use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, Nonce},
    error::Unspecified,
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    keys::{DataKey, KeyState, Keys, KeysError},
    store::{Metadata, SealedSubject, StoredEvent},
};

/// The one member of a sealed field's object.
const SEALED: &str = "$sealed";
/// Bytes of a nonce.
const NONCE: usize = 12;
/// How many nonces a thread draws at once.
const NONCES: usize = 64;
/// A sealed text's length is a multiple of this many bytes.
const BLOCK: usize = 32;

/// Where a field stands.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    /// Whose data it is.
    pub tenant: &'a str,
    /// The aggregate's kind.
    pub aggregate_type: &'a str,
    /// The aggregate's id.
    pub aggregate_id: &'a str,
    /// The event's place in the stream.
    pub sequence: u64,
}

/// Why a field could not be sealed or opened. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It cannot be written as JSON.
    #[error("a personal field cannot be written as JSON")]
    Json,
    /// The key is another person's than the one whom the event is about.
    #[error("this is not the key of the person whom the event is about")]
    OtherPerson,
    /// No key is at hand to open it.
    #[error("no key {0} is known for the subject: the key store has lost it, or is another one's")]
    NoKey(u32),
    /// The key is not the one that the event names.
    #[error("the subject's key is not the one that the event was sealed with")]
    OtherKey,
    /// It is not what was sealed here under this key: it was changed, or moved.
    #[error("personal field {0} cannot be opened: it was altered, or sealed elsewhere")]
    Altered(&'static str),
    /// It should be sealed, and is not, or the event does not say for whom.
    #[error("personal field {0} is not sealed")]
    NotSealed(&'static str),
    /// The cipher failed.
    #[error("the cipher failed")]
    Cipher,
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The event is none that is known here, or its JSON is broken.
    #[error("event cannot be read: {0}")]
    Unreadable(String),
}

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self::Cipher
    }
}

/// Whose personal data an event holds: the person its kind names, or the stream's own where the named
/// field is absent or null.
#[must_use]
pub fn subject(event_type: &EventType, stream_id: &str, fields: &Map<String, Value>) -> Arc<str> {
    Arc::from(person(event_type, stream_id, fields))
}

fn person<'a>(
    event_type: &EventType,
    stream_id: &'a str,
    fields: &'a Map<String, Value>,
) -> &'a str {
    let named = match event_type.subject {
        Subject::Stream => None,
        Subject::Field(name) => fields.get(name).and_then(Value::as_str),
    };
    named.unwrap_or(stream_id)
}

/// Replaces each personal field that holds something by its ciphertext.
///
/// # Errors
/// When the key is another person's, a value has no JSON, or the cipher fails. Fields before the one
/// that failed are sealed then.
pub fn seal_fields(
    fields: &mut Map<String, Value>,
    event_type: &EventType,
    context: &SealContext<'_>,
    key: &DataKey,
) -> Result<(), SealError> {
    if person(event_type, context.aggregate_id, fields) != key.subject() {
        return Err(SealError::OtherPerson);
    }
    let mut bound = Bound::new(event_type.name, context, key);
    let mut bytes = Vec::new();
    for field in event_type.personal {
        let Some(value) = fields.get_mut(field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        seal_value(value, &mut bytes, bound.to(field.name), key)?;
        let mut text = String::with_capacity(12 + bytes.len() * 4 / 3);
        text.push_str(&key.number().to_string());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
        let mut sealed = Map::new();
        sealed.insert(SEALED.to_owned(), Value::String(text));
        *value = Value::Object(sealed);
    }
    Ok(())
}

/// Writes nonce, ciphertext and tag of a value into `bytes`.
fn seal_value(
    value: &Value,
    bytes: &mut Vec<u8>,
    bound: &[u8],
    key: &DataKey,
) -> Result<(), SealError> {
    let nonce = new_nonce()?;
    bytes.clear();
    bytes.extend_from_slice(&nonce);
    serde_json::to_writer(&mut *bytes, value).map_err(|_| SealError::Json)?;
    let length = (bytes.len() - NONCE).next_multiple_of(BLOCK);
    bytes.resize(NONCE + length, b' ');
    let text = bytes.get_mut(NONCE..).ok_or(SealError::Cipher)?;
    let unique = Nonce::assume_unique_for_key(nonce);
    let tag = key.cipher().seal_in_place_separate_tag(unique, Aad::from(bound), text)?;
    bytes.extend_from_slice(tag.as_ref());
    Ok(())
}

/// A random nonce. Randomness costs more by the call than by the byte, so each thread draws some ahead.
fn new_nonce() -> Result<[u8; NONCE], Unspecified> {
    thread_local! {
        static AHEAD: RefCell<Vec<[u8; NONCE]>> = const { RefCell::new(Vec::new()) };
    }
    AHEAD.with_borrow_mut(|ahead| {
        if ahead.is_empty() {
            let mut drawn = [[0; NONCE]; NONCES];
            rand::fill(drawn.as_flattened_mut())?;
            ahead.extend(drawn);
        }
        ahead.pop().ok_or(Unspecified)
    })
}

/// Puts the values of sealed fields back, or what stands for them where the key is destroyed. Returns
/// whether it was. `sealed_for` is whom the event's metadata says that it was sealed for.
///
/// # Errors
/// When a field is not sealed or was altered, or the key is not the one that it was sealed with.
pub fn open_fields(
    fields: &mut Map<String, Value>,
    event_type: &EventType,
    context: &SealContext<'_>,
    sealed_for: &SealedSubject,
    key: &KeyState,
) -> Result<bool, SealError> {
    let Some(key) = key.live() else {
        return bury_fields(fields, event_type, &sealed_for.subject);
    };
    expected(key, sealed_for)?;
    let mut bound = Bound::new(event_type.name, context, key);
    for field in event_type.personal {
        let Some(value) = fields.get_mut(field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        let (number, sealed) = sealed_text(value).ok_or(SealError::NotSealed(field.name))?;
        let opened = match number == key.number() {
            true => open_value(sealed, bound.to(field.name), key),
            false => None,
        };
        *value = opened.ok_or(SealError::Altered(field.name))?;
    }
    Ok(false)
}

/// Replaces sealed fields by what stands for them once their key is destroyed. Returns whether there
/// were any.
///
/// # Errors
/// When a field is not sealed.
pub fn bury_fields(
    fields: &mut Map<String, Value>,
    event_type: &EventType,
    subject: &str,
) -> Result<bool, SealError> {
    let mut buried = false;
    for field in event_type.personal {
        let Some(value) = fields.get_mut(field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        sealed_text(value).ok_or(SealError::NotSealed(field.name))?;
        *value = field.tombstone.value(subject);
        buried = true;
    }
    Ok(buried)
}

/// Whether a key is the one that an event names.
fn expected(key: &DataKey, sealed_for: &SealedSubject) -> Result<(), SealError> {
    if key.subject() != sealed_for.subject {
        return Err(SealError::OtherPerson);
    }
    if key.number() != sealed_for.key {
        return Err(SealError::NoKey(sealed_for.key));
    }
    let mut commitment = [0; 33];
    match URL_SAFE_NO_PAD.decode_slice(&sealed_for.commitment, &mut commitment) {
        Ok(32) if commitment.starts_with(key.commitment()) => Ok(()),
        _ => Err(SealError::OtherKey),
    }
}

/// Key number and ciphertext of a sealed field.
fn sealed_text(value: &Value) -> Option<(u32, &str)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (number, sealed) = object.get(SEALED)?.as_str()?.split_once('.')?;
    let has_one_spelling = number.starts_with(|digit: char| ('1'..='9').contains(&digit));
    Some((number.parse().ok().filter(|_| has_one_spelling)?, sealed))
}

/// The value of a ciphertext.
fn open_value(sealed: &str, bound: &[u8], key: &DataKey) -> Option<Value> {
    let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    if bytes.len() < NONCE + AES_256_GCM_SIV.tag_len() {
        return None;
    }
    let (nonce, text) = bytes.split_at_mut_checked(NONCE)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opened = key.cipher().open_in_place(nonce, Aad::from(bound), text).ok()?;
    serde_json::from_slice(opened).ok()
}

/// What is bound into an event's ciphertexts besides their texts.
struct Bound {
    bytes: Vec<u8>,
    /// Where what all fields share ends.
    shared: usize,
}

impl Bound {
    fn new(event_name: &str, context: &SealContext<'_>, key: &DataKey) -> Self {
        let mut bound = Self { bytes: Vec::with_capacity(256), shared: 0 };
        for text in [
            "annals.seal.v1",
            context.tenant,
            context.aggregate_type,
            context.aggregate_id,
            event_name,
            key.subject(),
        ] {
            bound.push(text);
        }
        bound.bytes.extend_from_slice(&context.sequence.to_be_bytes());
        bound.bytes.extend_from_slice(&key.number().to_be_bytes());
        bound.shared = bound.bytes.len();
        bound
    }

    /// What is bound into the ciphertext of this field.
    fn to(&mut self, field: &str) -> &[u8] {
        self.bytes.truncate(self.shared);
        self.push(field);
        &self.bytes
    }

    /// A text with its length, so that no two rows of texts give the same bytes.
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// Replaces personal fields by a mark, for audit logs.
pub fn redact_fields(fields: &mut Map<String, Value>, event_type: &EventType) {
    for field in event_type.personal {
        if let Some(value) = fields.get_mut(field.name)
            && !value.is_null()
        {
            *value = Value::from("[redacted]");
        }
    }
}

/// A stored event's payload in the clear, or with tombstones.
pub struct Opened {
    /// The payload.
    pub payload: Value,
    /// What is known of its kind.
    pub event_type: &'static EventType,
    /// Whether its subject was erased.
    pub erased: bool,
}

impl std::fmt::Debug for Opened {
    /// Without the payload, which is in the clear.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Opened")
            .field("event_type", &self.event_type.name)
            .field("erased", &self.erased)
            .finish_non_exhaustive()
    }
}

/// Opens a stored event.
///
/// # Errors
/// When keys cannot be had, or the event is not what was stored.
pub async fn open_stored(
    keys: &Keys,
    catalogue: &Catalogue,
    stored: &StoredEvent,
) -> Result<Opened, SealError> {
    if let Some(missing) = sealed_for(catalogue, stored)?
        && keys.cached(&missing).is_none()
    {
        keys.load(&[missing.to_string()]).await?;
    }
    open_cached(keys, catalogue, stored)
}

/// Whose key a stored event needs, if it needs one.
///
/// # Errors
/// When the event cannot be read.
pub fn sealed_for(
    catalogue: &Catalogue,
    stored: &StoredEvent,
) -> Result<Option<Arc<str>>, SealError> {
    let event_type = event_type(catalogue, stored)?;
    if event_type.personal.is_empty() || !stored.payload.contains(SEALED) {
        return Ok(None);
    }
    let metadata: Metadata = read(&stored.metadata)?;
    Ok(metadata.subjects.first().map(|it| Arc::from(it.subject.as_str())))
}

/// Opens a stored event with the keys that are in memory.
///
/// # Errors
/// When a key is not in memory, or the event is not what was stored.
pub fn open_cached(
    keys: &Keys,
    catalogue: &Catalogue,
    stored: &StoredEvent,
) -> Result<Opened, SealError> {
    let event_type = event_type(catalogue, stored)?;
    let mut payload: Value = read(&stored.payload)?;
    let Value::Object(fields) = &mut payload else {
        return Err(SealError::Unreadable("the payload is no object".to_owned()));
    };
    let mut erased = false;
    if let Some(field) = first_personal(event_type, fields) {
        let metadata: Metadata = read(&stored.metadata)?;
        let sealed = metadata.subjects.first().ok_or(SealError::NotSealed(field))?;
        let key = keys.cached(&sealed.subject).ok_or(SealError::NoKey(sealed.key))?;
        let context = SealContext {
            tenant: &metadata.tenant,
            aggregate_type: &stored.aggregate_type,
            aggregate_id: &stored.aggregate_id,
            sequence: u64::try_from(stored.sequence).unwrap_or_default(),
        };
        erased = open_fields(fields, event_type, &context, sealed, &key)?;
    }
    Ok(Opened { payload, event_type, erased })
}

/// The first personal field that holds something, sealed or not.
fn first_personal(event_type: &EventType, fields: &Map<String, Value>) -> Option<&'static str> {
    let holds = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    event_type.personal.iter().map(|field| field.name).find(|name| holds(name))
}

fn event_type(
    catalogue: &Catalogue,
    stored: &StoredEvent,
) -> Result<&'static EventType, SealError> {
    let unknown = || {
        SealError::Unreadable(format!(
            "{} is no event of {} that this version knows",
            stored.event_type, stored.aggregate_type
        ))
    };
    let kind = catalogue.aggregate(&stored.aggregate_type).ok_or_else(unknown)?;
    kind.event(&stored.event_type).ok_or_else(unknown)
}

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, SealError> {
    serde_json::from_str(text).map_err(|error| SealError::Unreadable(error.to_string()))
}

#[cfg(test)]
mod tests;
