//! Witnesses (C2SP `tlog-witness`): somebody else who remembers the last checkpoint of a log, and
//! cosigns the next one only if it continues that one. Whoever rewrites the log would have to rewrite
//! every witness' memory too.
//!
//! A witness is a process, a key and a file of its own, best on a machine that nobody who runs the
//! database can log in to. It needs no database and sees no event.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::sync::Mutex;

use super::{
    ledger::{Ledger, LedgerError},
    note::{Checkpoint, MOST_BYTES, Note, NoteError, SigningKey, VerifierKey},
    tree::{Hash, is_consistent},
};
use crate::auth::{AuthError, Fetcher};

/// How long a witness may take.
const WITHIN: Duration = Duration::from_secs(5);
/// A proof has no more hashes than this.
const MOST_HASHES: usize = 63;

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It cannot be reached.
    #[error(transparent)]
    Away(#[from] AuthError),
    /// The proof could not be made.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It says no.
    #[error("the witness at {url} answers {status}: {why}")]
    Refused {
        /// Its address.
        url: String,
        /// Its answer's status.
        status: u16,
        /// What it says.
        why: String,
    },
}

/// A witness, as the notary knows it.
pub struct Witness {
    fetcher: Fetcher,
    /// The size that it cosigned last, as far as is known.
    seen: AtomicU64,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Witness({})", self.fetcher.url)
    }
}

impl Witness {
    /// The witness at an address.
    ///
    /// # Errors
    /// When the address is none, or neither https nor on this machine.
    pub fn new(url: &str) -> Result<Self, AuthError> {
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        Ok(Self { fetcher: Fetcher::new(&url, WITHIN)?, seen: AtomicU64::new(0) })
    }

    /// Has a checkpoint cosigned: returns the lines to put below it.
    ///
    /// # Errors
    /// When the witness is away or says no.
    pub async fn cosign(&self, ledger: &Ledger, note: &Note) -> Result<String, WitnessError> {
        let checkpoint = Checkpoint::read(&note.body)?;
        let mut old = self.seen.load(Ordering::Relaxed).min(checkpoint.size);
        for second_try in [false, true] {
            let proof = ledger.consistency(old, checkpoint.size).await?;
            let (status, body) = self.fetcher.post(request(old, &proof, note)).await?;
            let text = String::from_utf8_lossy(&body).into_owned();
            if status == StatusCode::OK {
                self.seen.store(checkpoint.size, Ordering::Relaxed);
                return Ok(text);
            }
            // It remembers another size than we do, and says which.
            if status == StatusCode::CONFLICT
                && !second_try
                && let Ok(size) = text.trim().parse()
                && size <= checkpoint.size
            {
                old = size;
                continue;
            }
            let why = text.chars().filter(|it| !it.is_control()).take(200).collect();
            let url = self.fetcher.url.clone();
            return Err(WitnessError::Refused { url, status: status.as_u16(), why });
        }
        Ok(String::new())
    }
}

/// The body of a request to a witness.
fn request(old: u64, proof: &[Hash], note: &Note) -> String {
    let hashes: String = proof.iter().map(|hash| STANDARD.encode(hash) + "\n").collect();
    format!("old {old}\n{hashes}\n{note}")
}

/// What a witness keeps and knows.
#[derive(Debug)]
pub struct Memory {
    /// Its key.
    pub key: SigningKey,
    /// Keys of the logs it watches; a key's name is its log's origin.
    pub logs: Vec<VerifierKey>,
    /// Where it remembers the last checkpoint of each log.
    pub folder: PathBuf,
    /// One at a time: what is remembered moves before an answer is given.
    turn: Mutex<()>,
}

/// Why a witness does not cosign: the answer's status and text.
type No = (StatusCode, String);

impl Memory {
    /// A witness that remembers in a folder.
    #[must_use]
    pub fn new(key: SigningKey, logs: Vec<VerifierKey>, folder: PathBuf) -> Self {
        Self { key, logs, folder, turn: Mutex::new(()) }
    }

    /// Cosigns a checkpoint if it continues the one that is remembered. `at` is now, in seconds since
    /// 1970.
    async fn consider(&self, body: &str, at: u64) -> Result<String, No> {
        let (old, proof, note) = read_request(body)
            .ok_or_else(|| (StatusCode::BAD_REQUEST, "this is no request to a witness".into()))?;
        let checkpoint =
            Checkpoint::read(&note.body).map_err(|it| (StatusCode::BAD_REQUEST, it.to_string()))?;
        let keys: Vec<_> =
            self.logs.iter().filter(|key| key.name() == checkpoint.origin).cloned().collect();
        if keys.is_empty() {
            return Err((StatusCode::NOT_FOUND, "this log is not watched here".into()));
        }
        let checkpoint = note
            .checkpoint(&keys, &checkpoint.origin)
            .map_err(|error| (StatusCode::FORBIDDEN, error.to_string()))?;
        if old > checkpoint.size {
            return Err((StatusCode::BAD_REQUEST, "it is smaller than the old one".into()));
        }
        let _turn = self.turn.lock().await;
        let path = self.path(&checkpoint.origin);
        let known = self.remembered(&path, &keys, &checkpoint.origin)?;
        let (size, root) = known.map_or((0, super::tree::empty()), |it| (it.size, it.root));
        if old != size {
            return Err((StatusCode::CONFLICT, format!("{size}\n")));
        }
        if size == checkpoint.size && root != checkpoint.root {
            return Err((StatusCode::CONFLICT, format!("{size}\n")));
        }
        if !is_consistent((size, &root), (checkpoint.size, &checkpoint.root), &proof) {
            let why = "the log is not a continuation of what it was";
            return Err((StatusCode::UNPROCESSABLE_ENTITY, why.into()));
        }
        let broken = |error: io::Error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        write_whole(&path, &note.to_string()).map_err(broken)?;
        Ok(self.key.line(&note.body, at))
    }

    fn remembered(
        &self,
        path: &Path,
        keys: &[VerifierKey],
        origin: &str,
    ) -> Result<Option<Checkpoint>, No> {
        let broken = |why: String| (StatusCode::INTERNAL_SERVER_ERROR, why);
        match fs::read_to_string(path) {
            Ok(text) => Note::read(&text)
                .and_then(|note| note.checkpoint(keys, origin))
                .map(Some)
                .map_err(|error| broken(error.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// Where the last checkpoint of a log is remembered.
    #[must_use]
    pub fn path(&self, origin: &str) -> PathBuf {
        let name: String = origin
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() || ".-".contains(it) { it } else { '_' })
            .collect();
        self.folder.join(format!("{name}.checkpoint"))
    }
}

/// Old size, proof and checkpoint of a request.
fn read_request(body: &str) -> Option<(u64, Vec<Hash>, Note)> {
    let (head, note) = body.split_once("\n\n")?;
    let mut lines = head.lines();
    let old = lines.next()?.strip_prefix("old ")?.parse().ok()?;
    let proof: Option<Vec<Hash>> =
        lines.map(|line| STANDARD.decode(line).ok()?.try_into().ok()).collect();
    let proof = proof.filter(|proof| proof.len() <= MOST_HASHES)?;
    Some((old, proof, Note::read(note).ok()?))
}

/// What a witness answers to.
pub fn router(memory: Arc<Memory>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(axum::extract::DefaultBodyLimit::max(2 * MOST_BYTES))
        .with_state(memory)
}

async fn add_checkpoint(State(memory): State<Arc<Memory>>, body: String) -> Response {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    match memory.consider(&body, now.map_or(0, |it| it.as_secs())).await {
        Ok(lines) => lines.into_response(),
        Err((StatusCode::CONFLICT, size)) => {
            (StatusCode::CONFLICT, [(header::CONTENT_TYPE, "text/x.tlog.size")], size)
                .into_response()
        }
        Err((status, why)) => {
            tracing::warn!(status = status.as_u16(), why, "a checkpoint is not cosigned");
            (status, why).into_response()
        }
    }
}

/// Writes a file so that it is there whole or as it was.
pub(crate) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o644).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent().filter(|it| !it.as_os_str().is_empty()) {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => fs::File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{
        super::{
            note::sign,
            tree::{Frontier, consistency_path},
        },
        *,
    };

    const ORIGIN: &str = "example.org/annals";

    fn log_key() -> SigningKey {
        SigningKey::of_log(ORIGIN, &Zeroizing::new([1; 32])).unwrap()
    }

    fn memory(folder: &Path) -> Memory {
        let key = SigningKey::of_witness("w.example", &Zeroizing::new([2; 32])).unwrap();
        Memory::new(key, vec![log_key().verifier().clone()], folder.to_owned())
    }

    fn leaves(from: u8, to: u8) -> Vec<Hash> {
        (from..to).map(|byte| [byte; 32]).collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        let mut tree = Frontier::default();
        for leaf in leaves {
            tree.append(*leaf, |_, _, _| {});
        }
        tree.root()
    }

    /// A request as an honest or dishonest notary of these leaves sends it.
    fn asked(old: u64, leaves: &[Hash]) -> String {
        let size = leaves.len() as u64;
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: root(leaves) };
        let note = Note::read(&sign(&checkpoint, &[log_key()])).unwrap();
        let proof: Vec<Hash> = consistency_path(old, size)
            .into_iter()
            .map(|(low, high)| root(&leaves[low as usize..high as usize]))
            .collect();
        request(old, &proof, &note)
    }

    #[tokio::test]
    async fn a_log_that_grows_is_cosigned() {
        let folder = tempfile::tempdir().unwrap();
        let memory = memory(folder.path());
        for (old, new) in [(0, 5), (5, 5), (5, 9), (9, 64)] {
            let request = asked(old, &leaves(0, new));
            let lines = memory.consider(&request, 7).await.unwrap();
            let mut note = read_request(&request).unwrap().2;
            note.add(&lines).unwrap();
            assert_eq!(note.is_signed(memory.key.verifier()), Ok(Some(7)));
        }
    }

    #[tokio::test]
    async fn a_fork_is_refused_and_what_is_remembered_stays() {
        let folder = tempfile::tempdir().unwrap();
        let memory = memory(folder.path());
        memory.consider(&asked(0, &leaves(0, 9)), 7).await.unwrap();
        let mut forked = leaves(0, 12);
        forked[3] = [99; 32];
        let memory = &memory;
        let refused = |body: String| async move { memory.consider(&body, 8).await.unwrap_err().0 };
        assert_eq!(refused(asked(9, &forked)).await, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refused(asked(9, &forked[..9])).await, StatusCode::CONFLICT);
        // Cut off, and grown again to another end.
        assert_eq!(refused(asked(4, &leaves(0, 6))).await, StatusCode::CONFLICT);
        assert_eq!(refused(asked(0, &forked)).await, StatusCode::CONFLICT);
        memory.consider(&asked(9, &leaves(0, 12)), 9).await.unwrap();
    }

    #[tokio::test]
    async fn strangers_and_nonsense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let memory = memory(folder.path());
        let good = asked(0, &leaves(0, 3));
        let other = good.replace(ORIGIN, "example.org/other");
        for (body, status) in [
            (good.replace("\n3\n", "\n4\n"), StatusCode::FORBIDDEN),
            (other, StatusCode::NOT_FOUND),
            ("old 0\n".to_owned(), StatusCode::BAD_REQUEST),
            (good.replacen("old 0", "old -1", 1), StatusCode::BAD_REQUEST),
            (good.replacen("old 0", "old 4", 1), StatusCode::BAD_REQUEST),
        ] {
            assert_eq!(memory.consider(&body, 1).await.unwrap_err().0, status, "{body}");
        }
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is remembered");
    }
}
