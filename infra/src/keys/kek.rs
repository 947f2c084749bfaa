//! The key-encryption key: in a file of its own, in no database.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
    rand,
};
use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::data_key::{Secret, derived, new_secret};

/// Bytes of a nonce.
const NONCE: usize = 12;
/// How many bytes the file may have.
const MOST_BYTES: u64 = 64 * 1024;
/// Neither hexadecimal nor base64 of 32 bytes is longer.
const MOST_DIGITS: usize = 64;

/// The key-encryption key, and those that it replaced as long as they are still needed.
pub struct Kek {
    current: One,
    older: Vec<One>,
}

/// One of them.
struct One {
    id: String,
    cipher: LessSafeKey,
}

/// Why there is no key-encryption key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than its owner and its group may read the file, or others than its owner write it.
    #[error("key file {0} can be read or changed by others: chmod 600 it (640 for a group's)")]
    Exposed(PathBuf),
    /// A line of the file holds no key.
    #[error(
        "key file {path}, line {line}: there should be 32 bytes, as 64 hexadecimal digits or in \
         base64; `openssl rand -hex 32` makes some"
    )]
    Form {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// The file holds no key at all.
    #[error("key file {0} is empty; `openssl rand -hex 32` makes a key")]
    Empty(PathBuf),
    /// The cipher refuses it, or there is no randomness.
    #[error("no key can be made")]
    Cipher,
}

impl Kek {
    /// Reads the keys of a file, or makes file and key if it is not there.
    ///
    /// # Errors
    /// See [`KekError`].
    pub fn open_or_create(path: &Path) -> Result<Self, KekError> {
        Self::from_secrets(&secrets_or_create(path)?).map_err(|_| KekError::Cipher)
    }

    /// Reads the keys of a file: one a line, 64 hexadecimal digits or base64 of 32 bytes. The last line
    /// is the one that wraps; those before it only unwrap. Lines that begin with `#` are for people.
    ///
    /// To replace a key: put the new one above it and restart every process, so that all can unwrap what
    /// any of them will wrap; move it to the end and restart them again; [`rewrap`](super::Keys::rewrap);
    /// take the old one out.
    ///
    /// # Errors
    /// See [`KekError`].
    pub fn open(path: &Path) -> Result<Self, KekError> {
        Self::from_secrets(&secrets(path)?).map_err(|_| KekError::Cipher)
    }

    /// A key from its bytes.
    ///
    /// # Errors
    /// When the cipher refuses them, which it does for none.
    pub fn from_secret(secret: [u8; 32]) -> Result<Self, Unspecified> {
        Self::from_secrets(&[Zeroizing::new(secret)])
    }

    /// Keys from their bytes, the one that wraps last.
    fn from_secrets(secrets: &[Secret]) -> Result<Self, Unspecified> {
        let (last, before) = secrets.split_last().ok_or(Unspecified)?;
        let current = One::new(last)?;
        let older = before.iter().map(One::new).collect::<Result<_, _>>()?;
        Ok(Self { current, older })
    }

    /// What tells the key that wraps from others; says nothing about it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.current.id
    }

    /// The ids of all keys, the one that wraps included.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(|one| one.id.as_str())
    }

    fn all(&self) -> impl Iterator<Item = &One> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// Encrypts a secret. `name` is bound to it: under another it does not unwrap.
    pub(super) fn wrap(&self, name: &[u8], secret: &Secret) -> Result<Vec<u8>, Unspecified> {
        self.current.wrap(name, secret)
    }

    /// Decrypts a secret that the key of this id wrapped; nothing if there is no such key.
    pub(super) fn unwrap(
        &self,
        id: &str,
        name: &[u8],
        wrapped: &[u8],
    ) -> Option<Result<Secret, Unspecified>> {
        self.all().find(|one| one.id == id).map(|one| one.unwrap(name, wrapped))
    }
}

impl One {
    fn new(secret: &Secret) -> Result<Self, Unspecified> {
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, &**secret)?);
        let tag = derived(&**secret, b"annals.kek.id.v1");
        let id = tag.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, cipher })
    }

    fn wrap(&self, name: &[u8], secret: &Secret) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce)?;
        let mut wrapped = Vec::with_capacity(NONCE + secret.len() + AES_256_GCM_SIV.tag_len());
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&**secret);
        let text = wrapped.get_mut(NONCE..).ok_or(Unspecified)?;
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self.cipher.seal_in_place_separate_tag(unique, Aad::from(name), text)?;
        wrapped.extend_from_slice(tag.as_ref());
        Ok(wrapped)
    }

    fn unwrap(&self, name: &[u8], wrapped: &[u8]) -> Result<Secret, Unspecified> {
        let mut bytes = Zeroizing::new(wrapped.to_vec());
        let (nonce, text) = bytes.split_at_mut_checked(NONCE).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let opened = self.cipher.open_in_place(nonce, Aad::from(name), text)?;
        let mut secret = Secret::default();
        if opened.len() != secret.len() {
            return Err(Unspecified);
        }
        secret.copy_from_slice(opened);
        Ok(secret)
    }
}

/// Reads the secrets of a key file, in order; see [`Kek::open`] for its form.
///
/// # Errors
/// See [`KekError`].
pub fn secrets(path: &Path) -> Result<Vec<Secret>, KekError> {
    let file = |source| KekError::File { path: path.to_owned(), source };
    let found = fs::metadata(path).map_err(file)?;
    // A group may read: that is how Kubernetes hands a secret to a process that is not root.
    if found.permissions().mode() & 0o037 != 0 {
        return Err(KekError::Exposed(path.to_owned()));
    }
    if found.len() > MOST_BYTES {
        return Err(file(io::Error::new(io::ErrorKind::FileTooLarge, "too large for keys")));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(file)?);
    let mut secrets = Vec::new();
    for (nth, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let form = || KekError::Form { path: path.to_owned(), line: nth + 1 };
        secrets.push(read_secret(line).ok_or_else(form)?);
    }
    if secrets.is_empty() {
        return Err(KekError::Empty(path.to_owned()));
    }
    Ok(secrets)
}

/// Reads the secrets of a key file, or makes file and key if it is not there.
///
/// # Errors
/// See [`KekError`].
pub fn secrets_or_create(path: &Path) -> Result<Vec<Secret>, KekError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
        _ => {}
    }
    secrets(path)
}

/// Makes a file with a new key, unless somebody else was quicker.
fn create(path: &Path) -> Result<(), KekError> {
    let file = |source| KekError::File { path: path.to_owned(), source };
    let secret = new_secret().map_err(|_| KekError::Cipher)?;
    let mut text = Zeroizing::new(String::with_capacity(MOST_DIGITS + 1));
    for byte in secret.iter() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
    text.push('\n');
    // Written beside and linked, so that nobody ever reads half a key.
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut created =
        options.write(true).create_new(true).mode(0o600).open(&beside).map_err(file)?;
    let written = created.write_all(text.as_bytes()).and_then(|()| created.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&beside).and(linked).and_then(|()| sync_folder(path)).map_err(file)
}

/// Makes a file's name as durable as its content.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => fs::File::open(".")?.sync_all(),
    }
}

/// The bytes of 64 hexadecimal digits, or of base64 in either alphabet.
fn read_secret(text: &str) -> Option<Secret> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = if text.len() == MOST_DIGITS {
        unhex(text)?
    } else {
        let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        Zeroizing::new(GeneralPurpose::new(alphabet, config).decode(text).ok()?)
    };
    let mut secret = Secret::default();
    if decoded.len() != secret.len() {
        return None;
    }
    secret.copy_from_slice(&decoded);
    Some(secret)
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    for pair in text.as_bytes().chunks_exact(2) {
        let digit = |nth: usize| char::from(*pair.get(nth)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn id(text: &str) -> Result<String, KekError> {
        let (_folder, path) = file(text, 0o600);
        Kek::open(&path).map(|kek| kek.id().to_owned())
    }

    #[test]
    fn a_key_may_be_hexadecimal_or_base64() {
        let digits = "ff".repeat(32);
        let known = id(&digits).unwrap();
        for same in [
            format!("{}\n", digits.to_uppercase()),
            format!("# the key\n\n  {digits}  \n"),
            "//////////////////////////////////////////8=".to_owned(),
            "__________________________________________8".to_owned(),
        ] {
            assert_eq!(id(&same).unwrap(), known, "{same}");
        }
        assert!(!digits.contains(&known));
        for bad in ["", "\n#\n", "secret", &digits[1..], &format!("{digits}0"), &"g".repeat(64)] {
            assert!(id(bad).is_err(), "{bad}");
        }
        for bad in [&"é".repeat(32), "////", &"/".repeat(43)] {
            let error = id(bad).unwrap_err().to_string();
            assert!(error.contains("line 1") && !error.contains(bad), "{error}");
        }
    }

    #[test]
    fn the_last_key_wraps_and_all_unwrap() {
        let (old, new) = ("01".repeat(32), "02".repeat(32));
        let (_folder, before) = file(&old, 0o600);
        let (_folder_of_both, after) = file(&format!("{old}\n{new}\n"), 0o640);
        let (before, after) = (Kek::open(&before).unwrap(), Kek::open(&after).unwrap());
        assert_ne!(before.id(), after.id());
        assert_eq!(after.ids().collect::<Vec<_>>(), [after.id(), before.id()]);

        let secret = new_secret().unwrap();
        let wrapped = before.wrap(b"name", &secret).unwrap();
        let unwrap = |kek: &Kek, name: &[u8], wrapped: &[u8]| {
            kek.unwrap(before.id(), name, wrapped).map(|secret| secret.map(|it| *it).ok())
        };
        assert_eq!(unwrap(&after, b"name", &wrapped), Some(Some(*secret)));
        assert_eq!(unwrap(&after, b"other", &wrapped), Some(None));
        assert_eq!(unwrap(&after, b"name", &wrapped[1..]), Some(None));
        assert_eq!(unwrap(&after, b"name", b""), Some(None));
        let newer = after.wrap(b"name", &secret).unwrap();
        assert!(before.unwrap(after.id(), b"name", &newer).is_none());
        assert_eq!(unwrap(&after, b"name", &newer), Some(None), "wrapped by the other");
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        for (mode, good) in
            [(0o600, true), (0o400, true), (0o440, true), (0o644, false), (0o660, false)]
        {
            let (_folder, path) = file(&"01".repeat(32), mode);
            assert_eq!(Kek::open(&path).is_ok(), good, "{mode:o}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        assert!(matches!(Kek::open(&path), Err(KekError::File { .. })));
        let first = Kek::open_or_create(&path).unwrap();
        let again = Kek::open_or_create(&path).unwrap();
        assert_eq!(first.id(), again.id());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
