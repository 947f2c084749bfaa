//! The manifest of a copy: what it is, and every file with its length and SHA-256, as a C2SP signed note.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256, digest};
use chrono::SecondsFormat;
use serde::Serialize;

use super::{Dossier, MANIFEST};
use crate::proof::note::{Note, NoteError, SigningKey, VerifierKey};

/// Bytes that are hashed at once.
const PIECE: usize = 64 * 1024;

/// Why a copy is not what was signed.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is not believed.
    #[error("the manifest: {0}")]
    Note(#[from] NoteError),
    /// A file is not the one that was signed.
    #[error("{0} is not the file that was signed")]
    Changed(String),
    /// A file that was signed is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A file is there that nobody signed.
    #[error("{0} does not belong to what was signed")]
    Stranger(String),
}

/// A copy that is what was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whose log it is from.
    pub origin: String,
    /// Facts, in their order: name and value.
    pub facts: Vec<(String, String)>,
    /// The files.
    pub files: Vec<String>,
}

/// The text that is signed.
pub(super) fn body(origin: &str, dossier: &Dossier, folder: &Path) -> io::Result<String> {
    let mut body = format!("{origin}/subject-access\n");
    let mut line = |name: &str, value: &str| {
        body.push_str(&format!("{name} {value}\n"));
    };
    line("context", &dossier.context);
    line("subject", &format!("{}/{}", dossier.kind, dossier.id));
    line("position", &dossier.position.to_string());
    line("made-at", &dossier.at.to_rfc3339_opts(SecondsFormat::Secs, true));
    line("events", &dossier.events.len().to_string());
    line("rows", &dossier.rows.len().to_string());
    line("versions", &dossier.versions.len().to_string());
    line("withheld", &dossier.withheld.len().to_string());
    for name in names(folder)? {
        let (length, hash) = hashed(&folder.join(&name))?;
        line("file", &format!("{length} {hash} {name}"));
    }
    Ok(body)
}

/// Signs the text.
pub(super) fn signed(body: &str, keys: &[SigningKey]) -> String {
    let lines: String = keys.iter().map(|key| key.line(body, 0)).collect();
    format!("{body}\n{lines}")
}

/// SHA-256 of a text, in hexadecimal digits.
pub(super) fn digest_of(text: &str) -> String {
    hex(digest(&SHA256, text.as_bytes()).as_ref())
}

/// Checks a copy: the manifest is signed by one of these keys, and the files are those it names and no
/// others.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(folder: &Path, keys: &[VerifierKey]) -> Result<Checked, ManifestError> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(file(&path))?;
    let note = Note::read(&text)?;
    let mut signed = false;
    for key in keys.iter().filter(|key| !key.is_witness()) {
        signed |= note.is_signed(key)?.is_some();
    }
    if !signed {
        return Err(NoteError::NotSigned.into());
    }
    let mut lines = note.body.lines();
    let origin = lines.next().and_then(|line| line.strip_suffix("/subject-access"));
    let origin = origin.ok_or(NoteError::Form("it is no manifest of a copy"))?.to_owned();
    let mut checked = Checked { origin, facts: Vec::new(), files: Vec::new() };
    for (name, value) in lines.filter_map(|line| line.split_once(' ')) {
        if name == "file" {
            checked.files.push(check_file(folder, value)?);
        } else {
            checked.facts.push((name.to_owned(), value.to_owned()));
        }
    }
    let known: BTreeSet<&String> = checked.files.iter().collect();
    let there = names(folder).map_err(file(folder))?;
    match there.iter().find(|name| !known.contains(name)) {
        Some(stranger) => Err(ManifestError::Stranger(stranger.clone())),
        None => Ok(checked),
    }
}

fn check_file(folder: &Path, said: &str) -> Result<String, ManifestError> {
    let mut parts = said.splitn(3, ' ');
    let (Some(length), Some(hash), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::Form("a file has a length, a hash and a name").into());
    };
    if name.contains(['/', '\\']) || name == ".." {
        return Err(NoteError::Form("a file's name leads elsewhere").into());
    }
    let path = folder.join(name);
    if !path.is_file() {
        return Err(ManifestError::Missing(name.to_owned()));
    }
    let (real_length, real_hash) = hashed(&path).map_err(file(&path))?;
    if length == real_length.to_string() && hash == real_hash {
        Ok(name.to_owned())
    } else {
        Err(ManifestError::Changed(name.to_owned()))
    }
}

/// The files of a copy besides its manifest.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != MANIFEST {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn hashed(path: &Path) -> io::Result<(u64, String)> {
    use io::Read;
    let mut file = File::open(path)?;
    let (mut context, mut length, mut piece) = (Context::new(&SHA256), 0, vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((length, hex(context.finish().as_ref())));
        }
        length += read as u64;
        context.update(piece.get(..read).unwrap_or_default());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> ManifestError {
    let path = path.to_owned();
    move |source| ManifestError::File { path, source }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn a_copy_is_what_was_signed_until_a_file_is_changed_added_or_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["a.jsonl", "b.html"] {
            fs::write(path.join(name), name).unwrap();
        }
        let key = SigningKey::of_log("log.example", &Zeroizing::new([7; 32])).unwrap();
        let keys = [key.verifier().clone()];
        let dossier =
            Dossier { context: "lift".into(), kind: "child".into(), ..Dossier::default() };
        let body = body("log.example", &dossier, path).unwrap();
        fs::write(path.join(MANIFEST), signed(&body, &[key])).unwrap();
        let checked = check(path, &keys).unwrap();
        assert_eq!(checked.files, ["a.jsonl", "b.html"]);
        assert_eq!(checked.facts[0], ("context".to_owned(), "lift".to_owned()));
        fs::write(path.join("c.txt"), "c").unwrap();
        assert!(matches!(check(path, &keys), Err(ManifestError::Stranger(_))));
        fs::remove_file(path.join("c.txt")).unwrap();
        fs::write(path.join("a.jsonl"), "a.jsonx").unwrap();
        assert!(matches!(check(path, &keys), Err(ManifestError::Changed(_))));
        fs::remove_file(path.join("a.jsonl")).unwrap();
        assert!(matches!(check(path, &keys), Err(ManifestError::Missing(_))));
        let other = SigningKey::of_log("log.example", &Zeroizing::new([8; 32])).unwrap();
        let refused = check(path, &[other.verifier().clone()]);
        assert!(matches!(refused, Err(ManifestError::Note(NoteError::NotSigned))));
    }
}
