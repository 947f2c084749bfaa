//! The receipt of an erasure: a C2SP signed note, which anyone verifies with the log's verifier key.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    keys::DestroyedKey,
    proof::note::{Note, NoteError, SigningKey, VerifierKey},
};

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Whose log it is.
    pub origin: &'a str,
    /// The person: an id.
    pub subject: &'a str,
    /// On which ground.
    pub ground: &'a str,
    /// The event that ordered it, its position, when, and who.
    pub ordered: (uuid::Uuid, i64, DateTime<Utc>, &'a str),
    /// The keys that are gone.
    pub keys: &'a [DestroyedKey],
    /// Rows and older versions of rows that were redacted.
    pub redacted: (u64, u64),
    /// Whether the tables' files were rewritten; what is left of that, otherwise.
    pub left: &'a [String],
    /// When it was finished.
    pub finished: DateTime<Utc>,
    /// Until when backups may still hold it.
    pub backups_until: DateTime<Utc>,
}

impl Facts<'_> {
    /// The text that is signed. The first line says what it is and whose; each further one a fact, its name
    /// first.
    #[must_use]
    pub fn body(&self) -> String {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (event, position, at, by) = &self.ordered;
        let mut body = format!("{}/erasure-receipt\n", self.origin);
        let mut line = |name: &str, value: String| {
            body.push_str(name);
            body.push(' ');
            body.push_str(&value.replace(|it: char| it.is_control(), " "));
            body.push('\n');
        };
        line("subject", self.subject.to_owned());
        line("ground", self.ground.to_owned());
        line("ordered-by", (*by).to_owned());
        line("ordered-at", time(*at));
        line("ordered-event", event.to_string());
        line("ordered-position", position.to_string());
        for key in self.keys {
            // Whoever never had a key has nothing in the log that could be read.
            let commitment = key.commitment.as_ref().map(|it| STANDARD.encode(it));
            let (subject, number) = (&key.subject, key.number);
            let commitment = commitment.unwrap_or_else(|| "none".to_owned());
            line("destroyed-key", format!("{subject} {number} {commitment}"));
        }
        line("redacted-rows", self.redacted.0.to_string());
        line("redacted-versions", self.redacted.1.to_string());
        line("files-rewritten", if self.left.is_empty() { "yes" } else { "not all" }.to_owned());
        for left in self.left {
            line("left-to-do", left.clone());
        }
        line("finished-at", time(self.finished));
        line("backups-until", time(self.backups_until));
        body
    }
}

/// A receipt that was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Receipt {
    /// Whose log it is.
    pub origin: String,
    /// The facts, in their order: name and value.
    pub facts: Vec<(String, String)>,
}

/// Signs a receipt by every key.
#[must_use]
pub fn sign(facts: &Facts<'_>, keys: &[SigningKey]) -> String {
    let body = facts.body();
    let lines: String = keys.iter().map(|key| key.line(&body, 0)).collect();
    format!("{body}\n{lines}")
}

/// Reads a receipt, if one of these keys signed it.
///
/// # Errors
/// See [`NoteError`].
pub fn read(text: &str, keys: &[VerifierKey]) -> Result<Receipt, NoteError> {
    let note = Note::read(text)?;
    let mut signed = false;
    for key in keys.iter().filter(|key| !key.is_witness()) {
        signed |= note.is_signed(key)?.is_some();
    }
    if !signed {
        return Err(NoteError::NotSigned);
    }
    let mut lines = note.body.lines();
    let origin = lines.next().and_then(|line| line.strip_suffix("/erasure-receipt"));
    let origin = origin.ok_or(NoteError::Form("it is no receipt"))?.to_owned();
    let facts = lines.filter_map(|line| line.split_once(' '));
    Ok(Receipt { origin, facts: facts.map(|(a, b)| (a.to_owned(), b.to_owned())).collect() })
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_receipt_is_read_by_whoever_has_the_key_and_not_once_it_was_changed() {
        let key = SigningKey::of_log("log.example", &Zeroizing::new([7; 32])).unwrap();
        let other = SigningKey::of_log("log.example", &Zeroizing::new([8; 32])).unwrap();
        let keys = [DestroyedKey {
            subject: "a".into(),
            number: 1,
            commitment: Some(vec![1; 32]),
            destroyed_at: at(20),
        }];
        let facts = Facts {
            origin: "log.example",
            subject: "a",
            ground: "subject_request",
            ordered: (uuid::Uuid::nil(), 9, at(10), "person a"),
            keys: &keys,
            redacted: (2, 5),
            left: &[],
            finished: at(30),
            backups_until: at(60),
        };
        let verifiers = [key.verifier().clone()];
        let text = sign(&facts, &[key]);
        let receipt = read(&text, &verifiers).unwrap();
        let fact = |name: &str| {
            receipt.facts.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(receipt.origin, "log.example");
        assert_eq!(fact("redacted-versions"), Some("5"));
        assert_eq!(fact("backups-until"), Some("1970-01-01T00:01:00Z"));
        assert!(fact("destroyed-key").is_some_and(|it| it.starts_with("a 1 AQEB")));
        let forged = text.replace("redacted-rows 2", "redacted-rows 3");
        assert!(matches!(read(&forged, &verifiers), Err(NoteError::Forged(_))));
        assert_eq!(read(&text, &[other.verifier().clone()]), Err(NoteError::NotSigned));
    }
}
