//! Notes that were encrypted before they came here: the application holds the key, SQL never does
//! (F081).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only version of the envelope.
const VERSION: u8 = 1;
/// A nonce has at least so many bytes, whatever the cipher.
const NONCE: usize = 12;
/// Ciphertext ends in a tag of so many bytes.
const TAG: usize = 16;

/// The platform's envelope around a ciphertext. (carenotes.rule.notes.ciphertext)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Version of the envelope: 1.
    pub version: u8,
    /// Name of the key that opens it.
    pub key_id: String,
    /// The nonce, in Base64: at least 12 bytes.
    pub nonce: String,
    /// What the cipher made of the notes, tag included, in Base64.
    pub data: String,
}

impl Envelope {
    /// The envelope that a value is, if it is one.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let envelope: Self = Deserialize::deserialize(value).ok()?;
        let sound = envelope.version == VERSION
            && !envelope.key_id.trim().is_empty()
            && bytes_in(&envelope.nonce)? >= NONCE
            && bytes_in(&envelope.data)? > TAG;
        sound.then_some(envelope)
    }

    /// The envelope's JSON as a `bytea` column reads it: `\x` and hexadecimal digits.
    ///
    /// # Errors
    /// None: an envelope has JSON.
    pub fn column(&self) -> serde_json::Result<String> {
        let bytes = serde_json::to_vec(self)?;
        Ok(bytes.iter().fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}")))
    }
}

/// How many bytes a text in Base64 stands for, of the common or the URL-safe alphabet, padded or not;
/// nothing where it is none.
fn bytes_in(base64: &str) -> Option<usize> {
    let digits = base64.trim_end_matches('=');
    let padding = base64.len() - digits.len();
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte);
    let whole =
        digits.len() % 4 != 1 && (padding == 0 || (base64.len().is_multiple_of(4) && padding <= 2));
    (whole && digits.bytes().all(is_digit)).then_some(digits.len() * 3 / 4)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sealed() -> Value {
        json!({
            "version": 1, "key_id": "resident-1", "nonce": "AAECAwQFBgcICQoL",
            "data": "c2VhbGVkIGJ5IHRoZSBhcHBsaWNhdGlvbg==",
        })
    }

    #[test]
    fn an_envelope_has_a_version_a_key_a_nonce_and_more_than_a_tag() {
        assert!(Envelope::of(&sealed()).is_some());
        for (field, value) in [
            ("version", json!(2)),
            ("key_id", json!(" ")),
            ("nonce", json!("AAEC")),
            ("nonce", json!("not base64!!!!!!")),
            ("data", json!("c2hvcnQ=")),
            ("data", json!("a cup of tea at four, please")),
        ] {
            let mut other = sealed();
            other[field] = value.clone();
            assert_eq!(Envelope::of(&other), None, "{field}: {value}");
        }
    }

    #[test]
    fn clear_text_is_no_envelope() {
        for value in [json!("He sleeps badly"), json!({"notes": "…"}), json!(null), json!([])] {
            assert_eq!(Envelope::of(&value), None, "{value}");
        }
    }

    #[test]
    fn the_column_holds_the_envelopes_bytes() {
        let envelope = Envelope::of(&sealed()).unwrap();
        let column = envelope.column().unwrap();
        assert!(column.starts_with("\\x7b2276657273696f6e223a31"), "{column}");
        assert_eq!(column.len(), 2 + 2 * serde_json::to_vec(&envelope).unwrap().len());
    }
}
