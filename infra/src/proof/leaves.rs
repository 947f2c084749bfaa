//! The notary's own copy of all hashes: 32 bytes an event, in a file that is in no database. With it an
//! alteration is located to the event, whatever else a superuser of the database changed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::tree::Hash;

/// Bytes of a hash.
const WIDTH: u64 = 32;

/// The file.
#[derive(Debug)]
pub struct Leaves {
    file: File,
}

impl Leaves {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self { file })
    }

    /// Opens the file to read it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_only(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)? })
    }

    /// How many whole hashes it holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len() / WIDTH)
    }

    /// Whether it holds none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Keeps the hashes of the events after a position. What the file holds already is never changed:
    /// it is what is right should the log have changed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&mut self, after: u64, leaves: &[Hash]) -> io::Result<()> {
        let held = self.len()?;
        let known = usize::try_from(held.saturating_sub(after)).unwrap_or(usize::MAX);
        if held < after {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("it ends at {held}, before {after}: remove it, and it is filled again"),
            ));
        }
        let Some(new) = leaves.get(known..).filter(|new| !new.is_empty()) else { return Ok(()) };
        self.file.seek(SeekFrom::Start(held * WIDTH))?;
        self.file.write_all(new.as_flattened())?;
        self.file.sync_data()
    }

    /// The hashes of events after a position, at most `limit`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn after(&mut self, position: u64, limit: usize) -> io::Result<Vec<Hash>> {
        let held = self.len()?;
        let count = usize::try_from(held.saturating_sub(position)).unwrap_or(usize::MAX).min(limit);
        let mut hashes = vec![[0; 32]; count];
        self.file.seek(SeekFrom::Start(position * WIDTH))?;
        self.file.read_exact(hashes.as_flattened_mut())?;
        Ok(hashes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_never_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leaves");
        let mut leaves = Leaves::open(&path).unwrap();
        assert!(leaves.is_empty().unwrap());
        leaves.keep(0, &[[1; 32], [2; 32]]).unwrap();
        leaves.keep(1, &[[9; 32], [3; 32]]).unwrap();
        leaves.keep(0, &[[9; 32]]).unwrap();
        let mut again = Leaves::read_only(&path).unwrap();
        assert_eq!(again.after(0, 10).unwrap(), [[1; 32], [2; 32], [3; 32]]);
        assert_eq!(again.after(2, 10).unwrap(), [[3; 32]]);
        assert_eq!(again.after(7, 10).unwrap(), [[0; 32]; 0]);
        assert!(leaves.keep(4, &[[5; 32]]).unwrap_err().to_string().contains("ends at 3"));
    }
}
