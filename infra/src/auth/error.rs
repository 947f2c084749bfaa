//! Why there is no verifier, and why a token is refused.

use std::path::PathBuf;

/// Why tokens cannot be verified at all: a fault of the configuration, or of what it names.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The configuration contradicts itself.
    #[error("tokens cannot be verified: {0}")]
    Config(&'static str),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// An address is none that keys may be fetched from.
    #[error("the address of the keys, {url}, {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Keys cannot be fetched.
    #[error("the keys at {url} cannot be fetched: {why}")]
    Fetch {
        /// The address.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// What was read is not a set of keys that can be used.
    #[error("the keys of {origin} cannot be used: {why}")]
    Keys {
        /// The file or address.
        origin: String,
        /// What is wrong with them.
        why: String,
    },
    /// No key pair can be made.
    #[error("no key pair can be made or read: {0}")]
    KeyPair(&'static str),
}

/// What the sender of a refused token is told. Why it is refused is told to nobody: each answer would
/// help whoever guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not to be believed.
    #[error("the token cannot be believed")]
    Invalid,
    /// All is right with it but that its time is over.
    #[error("the token's time is over")]
    Expired,
}

/// Why a token is refused, for the log at level debug. Says nothing of what is in the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Larger than a token may be.
    TooLarge,
    /// Not three parts of base64url.
    Form,
    /// The header is not JSON of the right form, or stands for more than we understand.
    Header,
    /// The header brings a key of its own or an address of one.
    OwnKey,
    /// There is no such key.
    UnknownKey,
    /// The key is of another algorithm.
    Algorithm,
    /// The key has not been confirmed for too long.
    Stale,
    /// The signature is not that key's.
    Signature,
    /// The claims are not JSON of the right form.
    Claims,
    /// Issued by somebody else.
    Issuer,
    /// For somebody else.
    Audience,
    /// `sub` is no id of a subject.
    Subject,
    /// The role is none of ours.
    Role,
    /// A time is missing or no whole number.
    Times,
    /// Not valid yet.
    TooEarly,
    /// Not valid any more.
    Expired,
}

impl Flaw {
    /// What the sender is told.
    pub const fn answer(self) -> TokenError {
        match self {
            Self::Expired => TokenError::Expired,
            Self::TooLarge
            | Self::Form
            | Self::Header
            | Self::OwnKey
            | Self::UnknownKey
            | Self::Algorithm
            | Self::Stale
            | Self::Signature
            | Self::Claims
            | Self::Issuer
            | Self::Audience
            | Self::Subject
            | Self::Role
            | Self::Times
            | Self::TooEarly => TokenError::Invalid,
        }
    }
}
