//! Keeping keys up to date, in the background.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, sleep_until};

use super::{
    AuthError,
    fetch::{Fetcher, MAX_SET},
    key,
    verifier::Shared,
};

/// A place that keys are read from, and when next.
pub struct Watch {
    /// Its number in the ring.
    pub source: usize,
    /// Whom its keys vouch for.
    pub issuer: Arc<str>,
    /// Where it is.
    pub place: Place,
    /// When next.
    pub schedule: Schedule,
}

/// A place that keys are read from.
pub enum Place {
    /// A file.
    File(File),
    /// An address.
    Address(Fetcher),
}

/// A file, how it looked when it was last read, and whether that was any good.
pub struct File {
    path: PathBuf,
    read: Option<Stamp>,
    good: bool,
}

/// How a file looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

/// When a place is read.
#[derive(Debug)]
pub struct Schedule {
    every: Duration,
    pause: Duration,
    next: Instant,
    /// From when on an unknown key leads to a reading out of turn.
    extra_from: Instant,
}

impl Schedule {
    /// For a place that was read just now.
    pub fn new(every: Duration, pause: Duration, now: Instant) -> Self {
        Self { every, pause, next: now + every, extra_from: now }
    }

    fn is_due(&self, now: Instant, unknown: bool) -> bool {
        now >= self.next || (unknown && now >= self.extra_from)
    }

    fn done(&mut self, now: Instant, unknown: bool, well: bool) {
        if unknown {
            self.extra_from = now + self.pause;
        }
        self.next = now + if well { self.every } else { self.every.min(self.pause) };
    }
}

impl File {
    /// A file that was not read yet.
    pub const fn new(path: PathBuf) -> Self {
        Self { path, read: None, good: false }
    }

    /// What it holds, unless it looks as it did.
    async fn changed(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        let file = |source| AuthError::File { path: self.path.clone(), source };
        let stamp = stamp(&self.path).await.map_err(file)?;
        if self.read == Some(stamp) {
            return Ok(None);
        }
        if stamp.length > MAX_SET as u64 {
            return Err(file(io::Error::new(io::ErrorKind::FileTooLarge, "too large for keys")));
        }
        let bytes = tokio::fs::read(&self.path).await.map_err(file)?;
        self.read = Some(stamp);
        Ok(Some(bytes))
    }
}

async fn stamp(path: &Path) -> io::Result<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let found = tokio::fs::metadata(path).await?;
    Ok(Stamp { modified: found.modified()?, length: found.len(), inode: found.ino() })
}

impl Watch {
    /// Reads the place and takes its keys, if they are good. Whatever goes wrong, the old ones stay.
    pub async fn read(&mut self, shared: &Shared) -> Result<(), AuthError> {
        let bytes = match &mut self.place {
            Place::File(file) => match file.changed().await? {
                Some(bytes) => bytes,
                // What is wrong with it was said when it was read, and need not be said again.
                None if !file.good => return Ok(()),
                None => {
                    shared.seen(self.source);
                    return Ok(());
                }
            },
            Place::Address(fetcher) => fetcher.fetch().await?,
        };
        let taken = key::read_set(&bytes, &self.issuer).and_then(|keys| {
            shared.replace(self.source, keys, Some(Instant::now())).map_err(str::to_owned)
        });
        if let Place::File(file) = &mut self.place {
            file.good = taken.is_ok();
        }
        match taken {
            Ok(true) => {
                tracing::info!(origin = %self.place.name(), "keys that sign tokens changed")
            }
            Ok(false) => {}
            Err(why) => return Err(AuthError::Keys { origin: self.place.name(), why }),
        }
        Ok(())
    }
}

impl Place {
    fn name(&self) -> String {
        match self {
            Self::File(file) => file.path.display().to_string(),
            Self::Address(fetcher) => fetcher.url.clone(),
        }
    }
}

/// Reads places when their time comes, or when a token names an unknown key. Never ends.
pub async fn run(shared: Arc<Shared>, mut watches: Vec<Watch>) {
    loop {
        let Some(next) = watches.iter().map(|watch| watch.schedule.next).min() else { return };
        let unknown = tokio::select! {
            () = sleep_until(next) => false,
            () = shared.unknown.notified() => true,
        };
        for watch in &mut watches {
            if !watch.schedule.is_due(Instant::now(), unknown) {
                continue;
            }
            let read = watch.read(&shared).await;
            if let Err(error) = &read {
                tracing::warn!(%error, "keys that sign tokens cannot be read again");
            }
            watch.schedule.done(Instant::now(), unknown, read.is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn unknown_keys_lead_to_one_reading_in_each_pause_and_do_not_stop_the_regular_ones() {
        let start = Instant::now();
        let mut schedule = Schedule::new(10 * MINUTE, 30 * SECOND, start);
        let (mut extra, mut regular) = (0, 0);
        for second in 1..=3600 {
            let now = start + second * SECOND;
            if schedule.is_due(now, false) {
                regular += 1;
                schedule.done(now, false, true);
            }
            if schedule.is_due(now, true) {
                extra += 1;
                schedule.done(now, true, true);
            }
        }
        assert_eq!(extra, 120);
        // Each extra reading counts as a regular one, so that none is due in between.
        assert_eq!(regular, 0);
    }

    #[test]
    fn a_place_that_failed_is_tried_again_soon() {
        let start = Instant::now();
        let mut schedule = Schedule::new(10 * MINUTE, 30 * SECOND, start);
        assert!(!schedule.is_due(start + 9 * MINUTE, false));
        assert!(schedule.is_due(start + 10 * MINUTE, false));
        schedule.done(start + 10 * MINUTE, false, false);
        assert!(!schedule.is_due(start + 10 * MINUTE + 29 * SECOND, false));
        assert!(schedule.is_due(start + 10 * MINUTE + 30 * SECOND, false));
    }
}
