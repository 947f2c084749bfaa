//! The servers' own logs.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::error::DevError;

/// A log that has grown past this many bytes is put aside at the next start.
const FULL: u64 = 16 * 1024 * 1024;
/// How many lines of a log an error shows.
const SHOWN: usize = 12;

/// A log file, and where in it this start begins.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub path: PathBuf,
    from: u64,
}

impl Log {
    /// Opens a log to append to it.
    pub fn open(path: PathBuf) -> Result<(Self, File), DevError> {
        if fs::metadata(&path).is_ok_and(|found| found.len() > FULL) {
            fs::rename(&path, path.with_extension("log.old")).map_err(DevError::at(&path))?;
        }
        let file = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(DevError::at(&path))?;
        let from = file.metadata().map_err(DevError::at(&path))?.len();
        Ok((Self { path, from }, file))
    }

    /// The last lines since this start.
    pub fn tail(&self) -> String {
        let text = since(&self.path, self.from).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }
}

fn since(path: &Path, from: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(end.saturating_sub(64 * 1024))))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_error_shows_the_end_of_this_start_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.log");
        fs::write(&path, "of another start\n").unwrap();
        let (log, mut file) = Log::open(path).unwrap();
        assert_eq!(log.tail(), "");
        for line in 1..=20 {
            writeln!(file, "line {line}").unwrap();
        }
        let tail = log.tail();
        assert!(tail.starts_with("line 9\n") && tail.ends_with("line 20"), "{tail}");
    }
}
