//! The kinds of value that a setting can have, and how each is read from a text.

use std::{fmt, net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr};

use annals_commands::Catalogue;
use sqlx::postgres::PgConnectOptions;

use super::{mask::Hidden, nats::nats_options, nearest::nearest};

/// A kind of value.
pub(super) trait FromText: Sized {
    /// Reads it. The error says what is expected and never repeats the text.
    fn from_text(text: Option<&str>) -> Result<Self, String>;
}

/// A kind of value that somebody must have said something about.
pub(super) trait Kind: Sized {
    fn read(text: &str) -> Result<Self, String>;
}

impl<T: Kind> FromText for T {
    fn from_text(text: Option<&str>) -> Result<Self, String> {
        T::read(text.ok_or("it must be set")?)
    }
}

impl<T: Kind> FromText for Option<T> {
    fn from_text(text: Option<&str>) -> Result<Self, String> {
        text.map(T::read).transpose()
    }
}

/// A whole number within limits.
pub(super) fn ranged<T>(text: Option<&str>, range: RangeInclusive<T>) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let number = text.and_then(|text| text.replace('_', "").parse::<T>().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("expected a whole number from {} to {}", range.start(), range.end()))
}

impl Kind for String {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Kind for PathBuf {
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }
}

impl Kind for Hidden {
    fn read(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }
}

impl Kind for SocketAddr {
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "expected an address and a port, such as 127.0.0.1:9464".into())
    }
}

/// The URL of a Postgres database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Hidden);

impl DatabaseUrl {
    /// The URL, with its password.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Kind for DatabaseUrl {
    fn read(text: &str) -> Result<Self, String> {
        let is_one = text.starts_with("postgres") && PgConnectOptions::from_str(text).is_ok();
        let expected = "expected a Postgres URL, such as postgres://user:password@host:5432/annals";
        is_one.then(|| Self(Hidden::new(text))).ok_or_else(|| expected.into())
    }
}

/// The URLs of the NATS servers, separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsUrl(Hidden);

impl NatsUrl {
    /// The URLs, with what opens them.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl Kind for NatsUrl {
    fn read(text: &str) -> Result<Self, String> {
        nats_options(text).map(|_| Self(Hidden::new(text)))
    }
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Answers commands.
    Commands,
    /// Publishes what is stored.
    Relay,
    /// Writes the read models.
    Projector,
    /// Sends commands when something happens or is due.
    Reactor,
    /// Serves the console.
    Console,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] =
        [Self::Commands, Self::Relay, Self::Projector, Self::Reactor, Self::Console];

    /// As it is written in settings and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Relay => "relay",
            Self::Projector => "projector",
            Self::Reactor => "reactor",
            Self::Console => "console",
        }
    }
}

/// The roles of a process, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// Whether a role is among them.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The roles, each once.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
    }
}

impl Kind for Roles {
    fn read(text: &str) -> Result<Self, String> {
        let names = Role::ALL.map(Role::as_str);
        let mut roles = Vec::new();
        for name in words(text) {
            let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
            roles.push(role.ok_or_else(|| one_of(name, &names))?);
        }
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() { Err(one_of("", &names)) } else { Ok(Self(roles)) }
    }
}

/// The contexts that a process serves: all, or these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contexts(Option<Vec<String>>);

impl Contexts {
    /// Whether a context is among them.
    #[must_use]
    pub fn has(&self, context: &str) -> bool {
        self.0.as_ref().is_none_or(|these| these.iter().any(|this| this == context))
    }
}

impl Kind for Contexts {
    fn read(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self(None));
        }
        let catalogue = Catalogue::new();
        let names: Vec<_> = catalogue.contexts().iter().map(|context| context.name).collect();
        let these: Vec<_> = words(text).collect();
        match these.iter().find(|this| !names.contains(this)) {
            Some(unknown) => Err(one_of(unknown, &names)),
            None if these.is_empty() => Err(one_of("", &names)),
            None => Ok(Self(Some(these.into_iter().map(str::to_owned).collect()))),
        }
    }
}

/// The contexts whose past is kept: all, none, or these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept(Option<Vec<String>>);

impl Kept {
    /// The past of every context.
    pub const ALL: Self = Self(None);
    /// No past.
    pub const NONE: Self = Self(Some(Vec::new()));

    /// Whether a context's past is kept.
    #[must_use]
    pub fn has(&self, context: &str) -> bool {
        self.0.as_ref().is_none_or(|these| these.iter().any(|this| this == context))
    }
}

impl Kind for Kept {
    fn read(text: &str) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(Self::NONE);
        }
        Contexts::read(text)
            .map(|contexts| Self(contexts.0))
            .map_err(|error| format!("{error}, or none"))
    }
}

/// Beginnings of reply subjects, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyPrefixes(Vec<String>);

impl ReplyPrefixes {
    /// The beginnings.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a reply may go to this subject.
    #[must_use]
    pub fn allow(&self, subject: &str) -> bool {
        self.0.iter().any(|prefix| subject.len() > prefix.len() && subject.starts_with(prefix))
    }
}

impl Kind for ReplyPrefixes {
    fn read(text: &str) -> Result<Self, String> {
        let prefixes: Vec<_> = words(text).map(str::to_owned).collect();
        let is_one = |prefix: &String| {
            let first = prefix.split('.').next().unwrap_or_default();
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            prefix.ends_with('.')
                && !first.is_empty()
                && !prefix.contains("..")
                && prefix.bytes().all(letter)
                && !Catalogue::new().contexts().iter().any(|context| context.name == first)
        };
        if prefixes.is_empty() || !prefixes.iter().all(is_one) {
            return Err("expected beginnings of inbox subjects separated by commas, each ending in                         a dot, without wildcards and outside of the contexts, such as _INBOX."
                .into());
        }
        Ok(Self(prefixes))
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// For programs, one object a line.
    Json,
}

impl Kind for LogFormat {
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(one_of(text, &["auto", "pretty", "json"])),
        }
    }
}

/// Where the keys are that sign tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Jwks {
    /// A file, read at the start and when it changes.
    File(PathBuf),
    /// An address, fetched again when a token names a key that is not there.
    Url(String),
}

impl Kind for Jwks {
    fn read(text: &str) -> Result<Self, String> {
        if text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
            Ok(Self::Url(text.to_owned()))
        } else {
            Err("keys are fetched over https, or from this machine".into())
        }
    }
}

/// What stands between commas.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// What is expected instead of a word.
fn one_of(word: &str, known: &[&str]) -> String {
    let meant = nearest(word, known.iter().copied());
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    format!("expected {}{meant}", known.join(", "))
}
