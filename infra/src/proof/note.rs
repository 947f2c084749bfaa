//! Signed checkpoints: C2SP's `signed-note` and `tlog-checkpoint`, and the cosignatures of witnesses.
//!
//! A checkpoint is a few lines of text that anyone can read: whose log, how many events, the root over
//! them; below an empty line stand the signatures, one a line. Tools that know the format verify it
//! without us.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::tree::Hash;

/// The algorithm byte of a log's own Ed25519 signatures.
const LOG: u8 = 0x01;
/// The algorithm byte of a witness' cosignatures.
const WITNESS: u8 = 0x04;
/// What begins a signature's line.
const DASH: &str = "\u{2014} ";
/// How long a note may be.
pub const MOST_BYTES: usize = 64 * 1024;

/// Why a text is no key or no checkpoint, or is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A verifier key is none.
    #[error("a verifier key looks like name+8 hexadecimal digits+base64")]
    Key,
    /// A name could be mistaken for something else.
    #[error("a key's name has no space and no plus, and is not empty")]
    Name,
    /// The text is no signed checkpoint.
    #[error("this is no signed checkpoint: {0}")]
    Form(&'static str),
    /// It is another log's.
    #[error("this is a checkpoint of {0}, another log")]
    OtherLog(String),
    /// None of the keys signed it.
    #[error("no key that is trusted signed this checkpoint")]
    NotSigned,
    /// A signature by a trusted key does not fit the text.
    #[error("the signature by {0} does not fit the text: somebody changed one of them")]
    Forged(String),
    /// There is no randomness, or the key is none.
    #[error("no signing key can be made of this")]
    Secret,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is.
    pub origin: String,
    /// How many events it covers: all up to this position.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads the text that is signed. Lines after the third are extensions, which are signed and not
    /// understood.
    ///
    /// # Errors
    /// When it has another form.
    pub fn read(body: &str) -> Result<Self, NoteError> {
        let mut lines = body.lines();
        let origin =
            lines.next().filter(|it| !it.is_empty()).ok_or(NoteError::Form("no origin"))?;
        let size = lines.next().unwrap_or_default();
        let plain = size == "0" || !size.starts_with('0');
        let size = size
            .parse()
            .ok()
            .filter(|_| plain && size.bytes().all(|it| it.is_ascii_digit()))
            .ok_or(NoteError::Form("the second line is no size"))?;
        let root = STANDARD.decode(lines.next().unwrap_or_default()).unwrap_or_default();
        let root =
            root.try_into().map_err(|_| NoteError::Form("the third line is no root hash"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// Text and signatures of a note, before anything of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text, with its last newline.
    pub body: String,
    /// Name, key id and bytes of each signature.
    signatures: Vec<(String, [u8; 4], Vec<u8>)>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// When it has another form.
    pub fn read(text: &str) -> Result<Self, NoteError> {
        if text.len() > MOST_BYTES || text.chars().any(|it| it.is_control() && it != '\n') {
            return Err(NoteError::Form("too long, or with control characters"));
        }
        let split = text.rfind("\n\n").ok_or(NoteError::Form("no empty line before signatures"))?;
        let (body, below) = (&text[..=split], &text[split + 2..]);
        let wrong = NoteError::Form("a signature's line is not a name and a signature");
        if !below.ends_with('\n') {
            return Err(wrong);
        }
        let mut signatures = Vec::new();
        for line in below.lines() {
            let rest = line.strip_prefix(DASH).ok_or_else(|| wrong.clone())?;
            let (name, signature) = rest.split_once(' ').ok_or_else(|| wrong.clone())?;
            let bytes = STANDARD.decode(signature).map_err(|_| wrong.clone())?;
            let (id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(|| wrong.clone())?;
            signatures.push((name.to_owned(), *id, bytes.to_vec()));
        }
        Ok(Self { body: body.to_owned(), signatures })
    }

    /// Reads the checkpoint in it, if one of these keys of the log signed it and none that did was
    /// tampered with.
    ///
    /// # Errors
    /// See [`NoteError`].
    pub fn checkpoint(&self, keys: &[VerifierKey], origin: &str) -> Result<Checkpoint, NoteError> {
        let checkpoint = Checkpoint::read(&self.body)?;
        if checkpoint.origin != origin {
            return Err(NoteError::OtherLog(checkpoint.origin));
        }
        let mut signed = false;
        for key in keys.iter().filter(|key| !key.is_witness()) {
            signed |= self.is_signed(key)?.is_some();
        }
        if signed { Ok(checkpoint) } else { Err(NoteError::NotSigned) }
    }

    /// Whether a key signed it: `None` where it did not; else when, where the key is a witness'
    /// (seconds since 1970; 0 for a log's key).
    ///
    /// # Errors
    /// [`NoteError::Forged`] where a signature stands under the key's name and id, and does not fit.
    pub fn is_signed(&self, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let mut found = None;
        for (name, id, bytes) in &self.signatures {
            if *name != key.name || *id != key.id {
                continue;
            }
            let at =
                key.verify(&self.body, bytes).ok_or_else(|| NoteError::Forged(key.name.clone()))?;
            found = Some(at);
        }
        Ok(found)
    }

    /// Adds lines of signatures, as a witness sends them.
    ///
    /// # Errors
    /// When they are none.
    pub fn add(&mut self, lines: &str) -> Result<(), NoteError> {
        let added = Self::read(&format!("\n\n{lines}"))?;
        for signature in added.signatures {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
        Ok(())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.body)?;
        for (name, id, bytes) in &self.signatures {
            writeln!(out, "{DASH}{name} {}", STANDARD.encode([id.as_slice(), bytes].concat()))?;
        }
        Ok(())
    }
}

/// The public half of a key, as it is handed to those who verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    algorithm: u8,
    public: [u8; 32],
}

impl VerifierKey {
    fn new(name: &str, algorithm: u8, public: [u8; 32]) -> Self {
        let named = [name.as_bytes(), b"\n", &[algorithm], &public].concat();
        let mut id = [0; 4];
        id.copy_from_slice(&digest(&SHA256, &named).as_ref()[..4]);
        Self { name: name.to_owned(), id, algorithm, public }
    }

    /// Reads `name+id+base64`.
    ///
    /// # Errors
    /// When it has another form, or the id does not fit.
    pub fn read(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        check_name(name)?;
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let (algorithm, public) = bytes.split_first().ok_or(NoteError::Key)?;
        let public = public.try_into().map_err(|_| NoteError::Key)?;
        if ![LOG, WITNESS].contains(algorithm) {
            return Err(NoteError::Key);
        }
        let key = Self::new(name, *algorithm, public);
        if key.id_text() == id { Ok(key) } else { Err(NoteError::Key) }
    }

    /// Whose it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it cosigns as a witness.
    #[must_use]
    pub const fn is_witness(&self) -> bool {
        self.algorithm == WITNESS
    }

    fn id_text(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// When it signed the text, where it did (0 for a log's key, which does not say).
    fn verify(&self, body: &str, signature: &[u8]) -> Option<u64> {
        let public = UnparsedPublicKey::new(&ED25519, &self.public);
        if self.algorithm == LOG {
            return public.verify(body.as_bytes(), signature).ok().map(|()| 0);
        }
        let (at, signature) = signature.split_first_chunk::<8>()?;
        let at = u64::from_be_bytes(*at);
        public.verify(cosigned(body, at).as_bytes(), signature).ok().map(|()| at)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm], self.public.as_slice()].concat();
        write!(out, "{}+{}+{}", self.name, self.id_text(), STANDARD.encode(key))
    }
}

/// The secret half of a key.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.key.name)
    }
}

impl SigningKey {
    /// A log's key, from its seed.
    ///
    /// # Errors
    /// When the name could be mistaken.
    pub fn of_log(name: &str, seed: &Zeroizing<[u8; 32]>) -> Result<Self, NoteError> {
        Self::new(name, LOG, seed)
    }

    /// A witness' key, from its seed.
    ///
    /// # Errors
    /// When the name could be mistaken.
    pub fn of_witness(name: &str, seed: &Zeroizing<[u8; 32]>) -> Result<Self, NoteError> {
        Self::new(name, WITNESS, seed)
    }

    fn new(name: &str, algorithm: u8, seed: &Zeroizing<[u8; 32]>) -> Result<Self, NoteError> {
        check_name(name)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&**seed).map_err(|_| NoteError::Secret)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Secret)?;
        Ok(Self { pair, key: VerifierKey::new(name, algorithm, public) })
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a text: the line that is put below it. `at` is when, in seconds since 1970, which only a
    /// witness says.
    #[must_use]
    pub fn line(&self, body: &str, at: u64) -> String {
        let mut bytes = self.key.id.to_vec();
        if self.key.is_witness() {
            bytes.extend_from_slice(&at.to_be_bytes());
            bytes.extend_from_slice(self.pair.sign(cosigned(body, at).as_bytes()).as_ref());
        } else {
            bytes.extend_from_slice(self.pair.sign(body.as_bytes()).as_ref());
        }
        format!("{DASH}{} {}\n", self.key.name, STANDARD.encode(bytes))
    }
}

/// What a witness signs: the text, and when it saw it.
fn cosigned(body: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{body}")
}

fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = name.is_empty() || name.contains(|it: char| it.is_whitespace() || it == '+');
    if bad { Err(NoteError::Name) } else { Ok(()) }
}

/// A signed checkpoint, by every key.
#[must_use]
pub fn sign(checkpoint: &Checkpoint, keys: &[SigningKey]) -> String {
    let body = checkpoint.body();
    let lines: String = keys.iter().map(|key| key.line(&body, 0)).collect();
    format!("{body}\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "example.org/annals";

    fn key(seed: u8) -> SigningKey {
        SigningKey::of_log(ORIGIN, &Zeroizing::new([seed; 32])).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: ORIGIN.to_owned(), size: 42, root: [7; 32] }
    }

    #[test]
    fn what_is_signed_is_read_and_believed() {
        let (one, other) = (key(1), key(2));
        let text = sign(&checkpoint(), &[one, other]);
        let note = Note::read(&text).unwrap();
        assert_eq!(note.to_string(), text);
        for seed in [1, 2] {
            let keys = [key(seed).verifier().clone()];
            assert_eq!(note.checkpoint(&keys, ORIGIN).unwrap(), checkpoint());
        }
        let stranger = [key(3).verifier().clone()];
        assert_eq!(note.checkpoint(&stranger, ORIGIN), Err(NoteError::NotSigned));
        let keys = [key(1).verifier().clone()];
        assert!(matches!(note.checkpoint(&keys, "other"), Err(NoteError::OtherLog(_))));
    }

    #[test]
    fn a_changed_text_is_a_forgery() {
        let text = sign(&checkpoint(), &[key(1)]);
        let keys = [key(1).verifier().clone()];
        for changed in [text.replacen("42", "43", 1), text.replacen("BwcH", "AwcH", 1)] {
            assert_ne!(changed, text);
            let note = Note::read(&changed).unwrap();
            assert_eq!(note.checkpoint(&keys, ORIGIN), Err(NoteError::Forged(ORIGIN.to_owned())));
        }
        for bad in [
            "",
            "a\n1\n",
            "a\n1\nAA==\n\nno dash\n",
            &text.replace('\n', "\r\n"),
            &text[..text.len() - 1],
        ] {
            assert!(matches!(Note::read(bad), Err(NoteError::Form(_))), "{bad:?}");
        }
        for bad in ["\n1\nAA==\n", "a\n01\nAA==\n", "a\n-1\nAA==\n", "a\n1\nAA==\n"] {
            assert!(Checkpoint::read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn verifier_keys_are_read_as_they_are_written_and_no_other_way() {
        let text = key(1).verifier().to_string();
        assert_eq!(VerifierKey::read(&text).unwrap(), *key(1).verifier());
        let other_id = text.replacen('+', "+0", 1);
        for bad in ["", "a+b", "a b+12345678+AA==", &other_id, &text[1..]] {
            assert!(VerifierKey::read(bad).is_err(), "{bad}");
        }
        // The example of C2SP's signed-note specification.
        let known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(VerifierKey::read(known).unwrap().to_string(), known);
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let note = Note::read(note).unwrap();
        assert_eq!(note.is_signed(&VerifierKey::read(known).unwrap()), Ok(Some(0)));
    }

    #[test]
    fn a_witness_says_when_it_saw_it() {
        let witness = SigningKey::of_witness("w.example", &Zeroizing::new([9; 32])).unwrap();
        let mut note = Note::read(&sign(&checkpoint(), &[key(1)])).unwrap();
        assert_eq!(note.is_signed(witness.verifier()), Ok(None));
        note.add(&witness.line(&note.body, 1_700_000_000)).unwrap();
        assert_eq!(note.is_signed(witness.verifier()), Ok(Some(1_700_000_000)));
        // A witness' signature alone makes no checkpoint.
        let alone = [witness.verifier().clone()];
        assert_eq!(note.checkpoint(&alone, ORIGIN), Err(NoteError::NotSigned));
        assert!(note.add("nonsense\n").is_err());
    }
}
