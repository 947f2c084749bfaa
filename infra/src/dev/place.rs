//! The folder of the private servers: one process at a time, within reach of those who run there.
//!
//! `<dir>` is what the caller named. It holds `lock` (held by the running process, with its id in
//! it), `env` (addresses and passwords) and, as a rule, the servers' own files. Only where root
//! works in a folder that nobody else may enter, such as its home, do those lie elsewhere: below the
//! system's folder for temporary files, in a folder that the file `place` names.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::geteuid;

use super::{
    chance,
    error::DevError,
    run_as::{RunAs, can_write, hand_over, reaches},
};

/// A claimed folder. The claim ends with this value, or with the process.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder as the caller named it, absolute.
    pub dir: PathBuf,
    /// Where the servers' files are.
    pub home: PathBuf,
    /// Who the servers run as.
    pub run_as: Option<RunAs>,
    lock: File,
}

impl Place {
    /// Claims a folder, and makes it if need be.
    pub async fn claim(dir: &Path, run_as: Option<RunAs>) -> Result<Self, DevError> {
        fs::create_dir_all(dir).map_err(DevError::at(dir))?;
        let dir = dir.canonicalize().map_err(DevError::at(dir))?;
        let new = fs::read_dir(&dir).map_err(DevError::at(&dir))?.next().is_none();
        let lock = lock(&dir).await?;
        // Only in a folder of our own: in somebody's project it would hide the project.
        if new {
            let ignore = dir.join(".gitignore");
            fs::write(&ignore, "*\n").map_err(DevError::at(ignore))?;
        }
        let home = home(&dir, run_as)?;
        Ok(Self { dir, home, run_as, lock })
    }

    /// The file of addresses and passwords.
    pub fn env_file(&self) -> PathBuf {
        env_file(&self.dir)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.lock.set_len(0);
    }
}

/// The file of addresses and passwords of a folder.
pub(super) fn env_file(dir: &Path) -> PathBuf {
    dir.join("env")
}

/// The process that has claimed a folder, 0 if it did not say; none if nobody has.
pub(super) fn owner(dir: &Path) -> Option<u32> {
    let lock = File::open(dir.join("lock")).ok()?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(written_owner(dir)),
        _ => None,
    }
}

/// A new folder below the system's for temporary files, readable by all, writable by us. Where the
/// system has a place for that, it outlives a restart of the machine.
pub(super) fn folder_elsewhere(run_as: Option<RunAs>) -> Result<PathBuf, DevError> {
    let folder = new_name(run_as, ["/var/tmp", "/tmp"]);
    make_folder(&folder, 0o755)?;
    Ok(folder)
}

/// A new folder below the system's for temporary files, for what need not last.
pub(super) fn scratch_folder(run_as: Option<RunAs>) -> Result<PathBuf, DevError> {
    let folder = new_name(run_as, ["/tmp", "/var/tmp"]);
    make_folder(&folder, 0o755)?;
    Ok(folder)
}

/// A new folder below the system's for temporary files that belongs to whom servers run as, so
/// that they can also delete it.
pub(super) fn temporary_folder(run_as: Option<RunAs>) -> Result<PathBuf, DevError> {
    let folder = new_name(run_as, ["/tmp", "/var/tmp"]);
    make_folder(&folder, 0o700)?;
    hand_over(run_as, &folder)?;
    Ok(folder)
}

/// A name that nobody has, where both we and the servers' user can write.
fn new_name(run_as: Option<RunAs>, usual: [&str; 2]) -> PathBuf {
    let named = std::env::var_os("TMPDIR").map(PathBuf::from);
    named
        .into_iter()
        .chain(usual.map(PathBuf::from))
        .find(|folder| can_write(run_as, folder))
        .unwrap_or_else(std::env::temp_dir)
        .join(format!("annals-{}", chance::hex::<8>()))
}

/// Makes a folder that was not there, with exactly these rights.
pub(super) fn make_folder(folder: &Path, mode: u32) -> Result<(), DevError> {
    DirBuilder::new().mode(mode).create(folder).map_err(DevError::at(folder))?;
    // The umask may have taken some away.
    fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(DevError::at(folder))
}

/// Deletes a folder and all in it; one that is not there is deleted already.
pub(super) fn remove(folder: &Path) -> Result<(), DevError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(DevError::at(folder)(error))
        }
        _ => Ok(()),
    }
}

async fn lock(dir: &Path) -> Result<File, DevError> {
    let path = dir.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(DevError::at(&path))?;
    // Somebody who only looks holds it for an instant.
    for _ in 0..20 {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0).map_err(DevError::at(&path))?;
                writeln!(file, "{}", std::process::id()).map_err(DevError::at(&path))?;
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(TryLockError::Error(source)) => return Err(DevError::at(path)(source)),
        }
    }
    Err(DevError::AlreadyRunning { dir: dir.to_owned(), pid: written_owner(dir) })
}

fn written_owner(dir: &Path) -> u32 {
    fs::read_to_string(dir.join("lock")).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Where the servers' files of a folder are, for one who only looks.
pub(super) fn known_home(dir: &Path) -> PathBuf {
    pointed_at(&dir.join("place")).unwrap_or_else(|| dir.to_owned())
}

/// Where the servers' files of a folder are to be, within reach of those who run there.
pub(super) fn home(dir: &Path, run_as: Option<RunAs>) -> Result<PathBuf, DevError> {
    let pointer = dir.join("place");
    if let Some(home) = pointed_at(&pointer) {
        return Ok(home);
    }
    if reaches(run_as, dir) {
        return Ok(dir.to_owned());
    }
    let home = folder_elsewhere(run_as)?;
    fs::write(&pointer, home.as_os_str().as_encoded_bytes()).map_err(DevError::at(pointer))?;
    Ok(home)
}

/// The folder that a pointer names, if it still is a folder and still is ours: folders for
/// temporary files are cleaned, and others may write there.
fn pointed_at(pointer: &Path) -> Option<PathBuf> {
    let home = PathBuf::from(fs::read_to_string(pointer).ok()?);
    let found = fs::symlink_metadata(&home).ok()?;
    (found.is_dir() && found.uid() == geteuid().as_raw()).then_some(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_claimed_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Place::claim(dir.path(), None).await.unwrap();
        assert_eq!(owner(dir.path()), Some(std::process::id()));
        let second = Place::claim(dir.path(), None).await;
        assert!(
            matches!(second, Err(DevError::AlreadyRunning { pid, .. }) if pid == std::process::id())
        );
        drop(first);
        // A process that another test starts just now holds a copy of the lock until it has begun.
        for _ in 0..500 {
            if owner(dir.path()).is_none() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(owner(dir.path()), None);
        Place::claim(dir.path(), None).await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_says_that_it_is_not_for_version_control() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::claim(&dir.path().join("deep/below"), None).await.unwrap();
        assert_eq!(fs::read_to_string(place.dir.join(".gitignore")).unwrap(), "*\n");
    }

    #[tokio::test]
    async fn a_folder_with_something_in_it_is_not_hidden_from_version_control() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("somebodys"), "work").unwrap();
        let place = Place::claim(dir.path(), None).await.unwrap();
        assert!(!place.dir.join(".gitignore").exists());
    }

    #[tokio::test]
    async fn roots_own_folder_is_left_for_one_that_the_servers_can_reach() {
        let Some(user) = RunAs::choose().unwrap() else { return };
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        let first = Place::claim(dir.path(), Some(user)).await.unwrap();
        let home = first.home.clone();
        assert!(!home.starts_with(dir.path()));
        assert!(reaches(Some(user), &home));
        drop(first);
        let again = Place::claim(dir.path(), Some(user)).await.unwrap();
        assert_eq!(again.home, home, "the place is remembered");
        drop(again);
        fs::remove_dir(&home).unwrap();
        let anew = Place::claim(dir.path(), Some(user)).await.unwrap();
        assert_ne!(anew.home, home, "a place that is gone is made anew");
        fs::remove_dir(&anew.home).unwrap();
    }
}
