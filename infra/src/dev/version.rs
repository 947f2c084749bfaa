//! Versions of servers, as their `--version` says them.

use std::fmt;

/// A version of a server. Compares by major, then minor, then patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number, 0 if there is none.
    pub minor: u32,
    /// The third number, 0 if there is none.
    pub patch: u32,
}

impl Version {
    /// The version with these numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The first version named in a text: `nats-server: v2.15.1`, `postgres (PostgreSQL) 15.20
    /// (Debian 15.20-0)`. What follows the numbers (`beta1`, `-RC.3`) is left out.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        text.split_whitespace()
            .map(|word| word.strip_prefix('v').unwrap_or(word))
            .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
            .and_then(Self::read)
    }

    fn read(word: &str) -> Option<Self> {
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let mut numbers = word[..end].split('.').filter(|part| !part.is_empty()).map(str::parse);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().transpose().ok()?.unwrap_or(0);
        let patch = numbers.next().transpose().ok()?.unwrap_or(0);
        Some(Self::new(major, minor, patch))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(out, ".{}", self.patch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_servers_say() {
        for (said, version) in [
            ("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)", Version::new(15, 20, 0)),
            ("postgres (PostgreSQL) 18.6", Version::new(18, 6, 0)),
            ("postgres (PostgreSQL) 19beta1", Version::new(19, 0, 0)),
            ("postgres (PostgreSQL) 17devel\n", Version::new(17, 0, 0)),
            ("nats-server: v2.15.1", Version::new(2, 15, 1)),
            ("nats-server: v2.12.0-RC.3", Version::new(2, 12, 0)),
        ] {
            assert_eq!(Version::find(said), Some(version), "{said}");
        }
    }

    #[test]
    fn words_without_a_number_are_no_version() {
        for said in ["", "command not found", "v", "postgres (PostgreSQL)", "99999999999.1"] {
            assert_eq!(Version::find(said), None, "{said}");
        }
    }

    #[test]
    fn versions_compare_by_number_and_not_by_letter() {
        assert!(Version::new(2, 9, 10) < Version::new(2, 12, 1));
        assert!(Version::new(2, 12, 0) < Version::new(2, 12, 1));
        assert!(Version::new(15, 0, 0) <= Version::new(15, 0, 0));
    }

    #[test]
    fn a_version_prints_as_its_server_writes_it() {
        assert_eq!(Version::new(18, 6, 0).to_string(), "18.6");
        assert_eq!(Version::new(2, 15, 1).to_string(), "2.15.1");
    }
}
