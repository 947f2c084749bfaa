//! The key-encryption key: in a file of its own, in no database.

use std::{fmt, fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
    hmac, rand,
};

const NONCE: usize = 12;

/// Wraps data keys.
pub struct Kek {
    id: String,
    secret: [u8; 32],
    cipher: LessSafeKey,
}

impl fmt::Debug for Kek {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Kek({})", self.id)
    }
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file does not hold 64 hexadecimal digits.
    #[error(
        "key file {0} should hold 64 hexadecimal digits, such as `openssl rand -hex 32` prints"
    )]
    Form(String),
    /// The cipher refuses it, or there is no randomness.
    #[error("no key can be made")]
    Cipher,
}

impl Kek {
    /// Reads the key of a file, or makes both if the file is not there.
    ///
    /// # Errors
    /// See [`KekError`].
    pub fn open_or_create(path: &Path) -> Result<Self, KekError> {
        if !path.exists() {
            let mut secret = [0; 32];
            rand::fill(&mut secret).map_err(|_| KekError::Cipher)?;
            let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let file = |source| KekError::File { path: path.display().to_string(), source };
            let mut options = fs::OpenOptions::new();
            let mut created =
                options.write(true).create_new(true).mode(0o600).open(path).map_err(file)?;
            created.write_all(text.as_bytes()).and_then(|()| created.sync_all()).map_err(file)?;
        }
        Self::open(path)
    }

    /// Reads the key of a file.
    ///
    /// # Errors
    /// See [`KekError`].
    pub fn open(path: &Path) -> Result<Self, KekError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|source| KekError::File { path: name.clone(), source })?;
        let secret = unhex(text.trim()).ok_or(KekError::Form(name))?;
        Self::from_secret(secret).map_err(|_| KekError::Cipher)
    }

    /// A key from its bytes.
    ///
    /// # Errors
    /// When the cipher refuses them.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, Unspecified> {
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &secret)?);
        let tag = derive(&secret, b"annals.kek.id.v1");
        let id = tag.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, secret, cipher })
    }

    /// What tells it from others; says nothing about it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Secret bytes for another purpose, from which this key cannot be found.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> [u8; 32] {
        derive(&self.secret, purpose.as_bytes())
    }

    pub(super) fn wrap(&self, name: &[u8], secret: &[u8; 32]) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce)?;
        let mut bytes = secret.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.cipher.seal_in_place_append_tag(unique, Aad::from(name), &mut bytes)?;
        let mut wrapped = nonce.to_vec();
        wrapped.append(&mut bytes);
        Ok(wrapped)
    }

    pub(super) fn unwrap(&self, name: &[u8], wrapped: &[u8]) -> Result<[u8; 32], Unspecified> {
        let mut bytes = wrapped.to_vec();
        let (nonce, text) = bytes.split_at_mut_checked(NONCE).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let opened = self.cipher.open_in_place(nonce, Aad::from(name), text)?;
        <[u8; 32]>::try_from(&*opened).map_err(|_| Unspecified)
    }
}

fn derive(secret: &[u8], purpose: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose);
    let mut derived = [0; 32];
    derived.copy_from_slice(tag.as_ref());
    derived
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (nth, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * nth..2 * nth + 2)?, 16).ok()?;
    }
    Some(bytes)
}
