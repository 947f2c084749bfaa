//! Sealing personal fields, and opening them again.
//!
//! AES-256-GCM-SIV under the person's data key. What is bound into each ciphertext besides the text:
//! tenant, stream, place in the stream, kind of event, field, person, key number. So a ciphertext
//! cannot be moved to another field, event or person.

use std::sync::Arc;

use annals_commands::Catalogue;
use annals_domain::{EventType, Subject};
use aws_lc_rs::{
    aead::{Aad, Nonce},
    error::Unspecified,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    keys::{DataKey, KeyState, Keys, KeysError},
    store::{Metadata, StoredEvent},
};

/// The one member of a sealed field's object.
const SEALED: &str = "$sealed";
/// Bytes of a nonce.
const NONCE: usize = 12;

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

/// Why a field could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It cannot be written as JSON.
    #[error("a personal field cannot be written as JSON")]
    Json,
    /// No key is at hand to open it.
    #[error("no key {0} is known for the subject")]
    NoKey(u32),
    /// It is not what was sealed here under this key: it was changed, or moved.
    #[error("personal field {0} cannot be opened: it was altered, or sealed elsewhere")]
    Altered(&'static str),
    /// It should be sealed, and is not.
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
/// field is empty.
#[must_use]
pub fn subject<'a>(
    event_type: &EventType,
    stream_id: &'a str,
    fields: &'a Map<String, Value>,
) -> Arc<str> {
    let named = match event_type.subject {
        Subject::Stream => None,
        Subject::Field(name) => fields.get(name).and_then(Value::as_str),
    };
    Arc::from(named.unwrap_or(stream_id))
}

/// Replaces each personal field that holds something by its ciphertext.
///
/// # Errors
/// When a value has no JSON, or the cipher fails.
pub fn seal_fields(
    fields: &mut Map<String, Value>,
    event_type: &EventType,
    context: &SealContext<'_>,
    key: &DataKey,
) -> Result<(), SealError> {
    for field in event_type.personal {
        let Some(value) = fields.get_mut(field.name) else { continue };
        if value.is_null() {
            continue;
        }
        let mut bytes = serde_json::to_vec(value).map_err(|_| SealError::Json)?;
        let nonce = key.nonce()?;
        let bound = bound(event_type.name, field.name, context, key);
        key.cipher().seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound),
            &mut bytes,
        )?;
        let mut sealed = Vec::with_capacity(NONCE + bytes.len());
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut bytes);
        let mut text = key.number().to_string();
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(&sealed, &mut text);
        let mut object = Map::new();
        object.insert(SEALED.to_owned(), Value::String(text));
        *value = Value::Object(object);
    }
    Ok(())
}

/// Puts the values of sealed fields back, or what stands for them where the key is destroyed. Returns
/// whether it was.
///
/// # Errors
/// When a field is not sealed, was altered, or its key is not at hand.
pub fn open_fields(
    fields: &mut Map<String, Value>,
    event_type: &EventType,
    context: &SealContext<'_>,
    subject: &str,
    key: &KeyState,
) -> Result<bool, SealError> {
    let mut erased = false;
    for field in event_type.personal {
        let Some(value) = fields.get_mut(field.name) else { continue };
        if value.is_null() {
            continue;
        }
        let text = value.get(SEALED).and_then(Value::as_str);
        let (number, sealed) =
            text.and_then(|text| text.split_once('.')).ok_or(SealError::NotSealed(field.name))?;
        let Some(live) = key.live() else {
            *value = field.tombstone.value(subject);
            erased = true;
            continue;
        };
        if number != live.number().to_string() {
            return Err(SealError::NoKey(number.parse().unwrap_or_default()));
        }
        let altered = || SealError::Altered(field.name);
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| altered())?;
        let (nonce, text) = bytes.split_at_mut_checked(NONCE).ok_or_else(altered)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| altered())?;
        let bound = bound(event_type.name, field.name, context, live);
        let opened =
            live.cipher().open_in_place(nonce, Aad::from(bound), text).map_err(|_| altered())?;
        *value = serde_json::from_slice(opened).map_err(|_| altered())?;
    }
    Ok(erased)
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
#[derive(Debug)]
pub struct Opened {
    /// The payload.
    pub payload: Value,
    /// What is known of its kind.
    pub event_type: &'static EventType,
    /// Whether its subject was erased.
    pub erased: bool,
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
    if !event_type.personal.is_empty() && stored.payload.contains(SEALED) {
        let metadata: Metadata = read(&stored.metadata)?;
        let sealed = metadata.subjects.first();
        let subject = sealed.map_or(stored.aggregate_id.as_str(), |it| it.subject.as_str());
        let number = sealed.map_or(0, |it| it.key);
        let key = keys.cached(subject).ok_or(SealError::NoKey(number))?;
        let context = SealContext {
            tenant: &metadata.tenant,
            aggregate_type: &stored.aggregate_type,
            aggregate_id: &stored.aggregate_id,
            sequence: u64::try_from(stored.sequence).unwrap_or_default(),
        };
        erased = open_fields(fields, event_type, &context, subject, &key)?;
    }
    Ok(Opened { payload, event_type, erased })
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

/// What is bound into a ciphertext besides its text.
fn bound(event_name: &str, field: &str, context: &SealContext<'_>, key: &DataKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    for text in [
        "annals.seal.v1",
        context.tenant,
        context.aggregate_type,
        context.aggregate_id,
        event_name,
        field,
        key.subject(),
    ] {
        bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes.extend_from_slice(&context.sequence.to_be_bytes());
    bytes.extend_from_slice(&key.number().to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use annals_domain::{EventData, PersonalField, Tombstone};
    use serde_json::json;

    use super::*;

    const NOTED: EventType = EventType {
        name: "Noted",
        version: 1,
        subject: Subject::Field("child_id"),
        personal: &[
            PersonalField { name: "note", tombstone: Tombstone::Text },
            PersonalField { name: "tags", tombstone: Tombstone::List },
        ],
        schema: <annals_domain::shared::identity::IdentityRegistered as EventData>::TYPE.schema,
    };

    fn context() -> SealContext<'static> {
        SealContext { tenant: "t", aggregate_type: "x.y", aggregate_id: "1", sequence: 7 }
    }

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn what_is_sealed_is_opened_again_and_nothing_else_is_touched() {
        let key = DataKey::generate("c", 1).unwrap();
        for note in [json!("x"), json!(1.5), json!({"a": [null, true]}), json!(""), json!([])] {
            let clear = fields(json!({"child_id": "c", "note": note, "tags": null, "open": 1}));
            let mut sealed = clear.clone();
            seal_fields(&mut sealed, &NOTED, &context(), &key).unwrap();
            assert!(sealed["note"].get(SEALED).is_some());
            assert_eq!((&sealed["tags"], &sealed["open"]), (&Value::Null, &json!(1)));
            let state = KeyState::Live(Arc::new(key.copy().unwrap()));
            assert!(!open_fields(&mut sealed, &NOTED, &context(), "c", &state).unwrap());
            assert_eq!(sealed, clear);
        }
    }

    #[test]
    fn a_ciphertext_that_was_moved_or_altered_does_not_open() {
        let key = DataKey::generate("c", 1).unwrap();
        let state = KeyState::Live(Arc::new(key.copy().unwrap()));
        let mut sealed = fields(json!({"note": "x", "tags": ["y"]}));
        seal_fields(&mut sealed, &NOTED, &context(), &key).unwrap();
        let moved = [
            SealContext { tenant: "u", ..context() },
            SealContext { aggregate_type: "x.z", ..context() },
            SealContext { aggregate_id: "2", ..context() },
            SealContext { sequence: 8, ..context() },
        ];
        for elsewhere in moved {
            assert!(open_fields(&mut sealed.clone(), &NOTED, &elsewhere, "c", &state).is_err());
        }
        let mut swapped = sealed.clone();
        swapped["note"] = sealed["tags"].clone();
        assert!(open_fields(&mut swapped, &NOTED, &context(), "c", &state).is_err());
        let other = KeyState::Live(Arc::new(DataKey::generate("c", 1).unwrap()));
        assert!(open_fields(&mut sealed.clone(), &NOTED, &context(), "c", &other).is_err());
        let mut clear = fields(json!({"note": "x"}));
        assert!(open_fields(&mut clear, &NOTED, &context(), "c", &state).is_err());
    }

    #[test]
    fn an_erased_subject_reads_as_tombstones() {
        let key = DataKey::generate("c", 1).unwrap();
        let mut sealed = fields(json!({"note": "x", "tags": ["y"]}));
        seal_fields(&mut sealed, &NOTED, &context(), &key).unwrap();
        assert!(open_fields(&mut sealed, &NOTED, &context(), "c", &KeyState::Destroyed).unwrap());
        assert_eq!(Value::Object(sealed), json!({"note": "erased", "tags": []}));
    }
}
