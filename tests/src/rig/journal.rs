//! What the load generator knows: each command before it is sent, each answer after it came.
//!
//! A line is JSON. A command is sent once its line is on the disk (`fdatasync`, many lines at a time), and
//! what came back is on the disk before its sender goes on. The journal lies on a disk that no fault of
//! the rig touches; with the database it is all that the checker goes by.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Done;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// A command is about to be sent.
    Sending(Sending),
    /// An answer came, or none did.
    Answer(Answer),
}

/// A command that is about to be sent for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Its id.
    pub id: Uuid,
    /// Its subject.
    pub command: String,
    /// The aggregate it is for.
    pub target: Uuid,
    /// How many events it leads to, if it is accepted.
    pub events: i32,
    /// By how many cents it moves a wallet's balance, if it is accepted.
    pub cents: i64,
    /// Digest of the body.
    pub body: String,
}

/// What became of one sending.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The command's id.
    pub id: Uuid,
    /// `ok`, `refused`, `unknown` (no answer, or one that says to send it again), `gave_up` (never sent
    /// again), or `reused` (what another body under the same id was answered).
    pub answer: String,
    /// The refusal's code, or why it is unknown.
    #[serde(default)]
    pub code: String,
    /// The version that the answer names.
    #[serde(default)]
    pub version: i64,
    /// The position that the answer names.
    #[serde(default)]
    pub position: i64,
    /// The events that the answer names.
    #[serde(default)]
    pub events: Vec<Uuid>,
    /// Whether the answer says that it was given before.
    #[serde(default)]
    pub duplicate: bool,
    /// Whether the final answer was known already: it was sent again to see.
    #[serde(default)]
    pub again: bool,
}

type Entry = (String, oneshot::Sender<()>);

/// A journal that is being written.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    lines: mpsc::Sender<Entry>,
}

impl Journal {
    /// An empty journal.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path) -> Done<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::create(path)?;
        let (lines, waiting) = mpsc::channel();
        thread::spawn(move || write(file, &waiting));
        Ok(Self { path: path.to_owned(), lines })
    }

    /// Adds a line; returns once it is on the disk.
    ///
    /// # Errors
    /// When it could not be written: then nothing may be sent any more.
    pub async fn add(&self, line: &Line) -> Done {
        let (written, done) = oneshot::channel();
        self.lines.send((serde_json::to_string(line)?, written))?;
        done.await.map_err(|_| "the journal cannot be written".into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn write(mut file: File, waiting: &mpsc::Receiver<Entry>) {
    while let Ok(first) = waiting.recv() {
        let (mut text, mut done) = (String::new(), Vec::new());
        for (line, written) in std::iter::once(first).chain(waiting.try_iter()) {
            text.push_str(&line);
            text.push('\n');
            done.push(written);
        }
        // Whoever waits learns of a failure by being let go without a word.
        if file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        for written in done {
            let _ = written.send(());
        }
    }
}

/// Reads a journal.
///
/// # Errors
/// When it cannot be read, or a line is none of a journal.
pub fn read(path: &Path) -> Done<Vec<Line>> {
    BufReader::new(File::open(path)?)
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_added_is_on_the_disk_in_order() {
        let path = annals_infra::dev::harness::scratch().unwrap().join("a-journal");
        let journal = Journal::create(&path).unwrap();
        let lines: Vec<Line> = (1..=3)
            .map(|nth| {
                let id = Uuid::from_u128(nth);
                Line::Answer(Answer { id, answer: "ok".to_owned(), ..Answer::default() })
            })
            .collect();
        for line in &lines {
            journal.add(line).await.unwrap();
        }
        assert_eq!(read(&path).unwrap(), lines);
    }
}
