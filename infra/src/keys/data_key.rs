//! A person's data key.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey},
    error::Unspecified,
    hmac, rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The secret from which a data key is made. Forgotten as soon as the key is made and wrapped; cleared
/// when it is.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// A new secret from the system's randomness.
pub(super) fn new_secret() -> Result<Secret, Unspecified> {
    let mut secret = Secret::default();
    rand::fill(&mut *secret)?;
    Ok(secret)
}

/// Bytes that are made of a secret for one purpose, from which neither the secret nor those for another
/// purpose can be found.
pub(super) fn derived(secret: &[u8], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose);
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// A person's data key. There is no way to print it, write it or copy it; its memory is cleared when the
/// last who holds it lets go.
///
/// AES-GCM-SIV alone would let somebody who makes keys find two under which one ciphertext opens, to
/// different texts. So a key has a commitment, which stands in the event beside the ciphertext and which
/// no other key has.
pub struct DataKey {
    subject: Arc<str>,
    number: u32,
    cipher: LessSafeKey,
    commitment: [u8; 32],
}

/// What is known of a person's key.
#[derive(Clone)]
pub enum KeyState {
    /// It is there.
    Live(Arc<DataKey>),
    /// It was destroyed, and no new one is made.
    Destroyed,
}

impl KeyState {
    /// The key, if it is there.
    #[must_use]
    pub fn live(&self) -> Option<&DataKey> {
        match self {
            Self::Live(key) => Some(key),
            Self::Destroyed => None,
        }
    }
}

impl DataKey {
    /// The key that a secret makes.
    ///
    /// # Errors
    /// When the cipher refuses it, which it does for none.
    pub fn from_secret(subject: &str, number: u32, secret: &[u8; 32]) -> Result<Self, Unspecified> {
        let sealing = derived(secret, b"annals.seal.key.v1");
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &*sealing)?);
        let commitment = *derived(secret, b"annals.seal.commitment.v1");
        Ok(Self { subject: Arc::from(subject), number, cipher, commitment })
    }

    /// The person.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Which of the person's keys, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What events name it by: tells this key from any other, and nothing about it.
    #[must_use]
    pub const fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    /// The commitment as it stands in an event's metadata: base64url.
    #[must_use]
    pub fn commitment_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.commitment)
    }

    pub(crate) const fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }
}
