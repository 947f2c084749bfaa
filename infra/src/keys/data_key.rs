//! A person's data key.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey},
    error::Unspecified,
    hmac, rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A person's data key. Has no form that could be printed or written.
pub struct DataKey {
    subject: Arc<str>,
    number: u32,
    secret: [u8; 32],
    cipher: LessSafeKey,
    commitment: [u8; 16],
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
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// When there is none.
    pub fn generate(subject: &str, number: u32) -> Result<Self, Unspecified> {
        let mut secret = [0; 32];
        rand::fill(&mut secret)?;
        Self::from_secret(subject, number, secret)
    }

    /// A key from its bytes.
    ///
    /// # Errors
    /// When the cipher refuses them.
    pub fn from_secret(subject: &str, number: u32, secret: [u8; 32]) -> Result<Self, Unspecified> {
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &secret)?);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), b"annals.commitment.v1");
        let mut commitment = [0; 16];
        commitment.copy_from_slice(tag.as_ref().get(..16).ok_or(Unspecified)?);
        Ok(Self { subject: Arc::from(subject), number, secret, cipher, commitment })
    }

    /// The person.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Which of the person's keys.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What events name it by: tells this key from any other, and nothing about it.
    #[must_use]
    pub const fn commitment(&self) -> &[u8; 16] {
        &self.commitment
    }

    /// The commitment as it stands in an event's metadata.
    #[must_use]
    pub fn commitment_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.commitment)
    }

    pub(crate) const fn cipher(&self) -> &LessSafeKey {
        &self.cipher
    }

    pub(crate) const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    pub(crate) fn nonce(&self) -> Result<[u8; 12], Unspecified> {
        let mut nonce = [0; 12];
        rand::fill(&mut nonce)?;
        Ok(nonce)
    }

    #[cfg(test)]
    pub(crate) fn copy(&self) -> Result<Self, Unspecified> {
        Self::from_secret(&self.subject, self.number, self.secret)
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.secret.fill(0);
        // Keeps the write from being left out as dead.
        std::hint::black_box(&self.secret);
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DataKey")
    }
}

impl fmt::Debug for KeyState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Live(_) => "Live",
            Self::Destroyed => "Destroyed",
        })
    }
}
