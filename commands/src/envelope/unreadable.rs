//! Why a request was turned back at the border.

use crate::problem::{Code, Problem, ProblemField};

use super::{MAX_DEPTH, MAX_REASON};

/// What is wrong with a request, before it is known which command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The body has more bytes than the service takes.
    TooLarge {
        /// How many it takes.
        limit: usize,
    },
    /// The body is not UTF-8.
    NotUtf8,
    /// There is no body.
    Empty,
    /// The body is JSON of another kind, or none.
    NotAnObject,
    /// Something stands after the object.
    TrailingText,
    /// Objects and arrays are nested too deeply.
    TooDeep,
    /// The grammar of JSON is broken.
    Syntax {
        /// What could have stood there.
        expected: &'static str,
    },
    /// U+0000 in a text, which Postgres cannot hold.
    NulCharacter,
    /// Half a surrogate pair in a text.
    LoneSurrogate,
    /// A key stands twice in one object.
    DuplicateKey,
    /// A number that a double does not hold: beyond ±(2⁵³ − 1), `-0`, too small, or `NaN`.
    NumberOutOfRange,
    /// The body has a field that no command's body has.
    UnknownField,
    /// `id` is not an aggregate's id.
    InvalidId,
    /// `expected_version` is not a version.
    InvalidVersion,
    /// `occurred_at` is not a point in time.
    InvalidTime,
    /// `reason` is blank, too long, or no text.
    InvalidReason,
    /// `data` is not an object.
    DataNotAnObject,
    /// `Nats-Msg-Id` is missing.
    CommandIdMissing,
    /// `Nats-Msg-Id` has another form, or stands there twice.
    CommandIdUnusable,
    /// `Authorization` is not one bearer token.
    NotABearerToken,
    /// A header that belongs to commands has a value that means nothing.
    InvalidHeader {
        /// Its name.
        name: &'static str,
        /// What would fit.
        expected: &'static str,
    },
    /// A header in the commands' namespace that does not exist, perhaps misspelt.
    UnknownHeader,
}

/// A fault and where it stands. Never holds a value of the request, only names of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What is wrong.
    pub fault: Fault,
    /// JSON pointer into the body; empty where the whole body or a header is at fault.
    pub pointer: String,
    /// How many bytes of the body come before it, where that is known.
    pub byte: Option<usize>,
    /// The command's id, where it was read before the fault was found.
    pub command_id: Option<String>,
}

impl Fault {
    /// Its class.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::TooLarge,
            Self::NotUtf8
            | Self::Empty
            | Self::NotAnObject
            | Self::TrailingText
            | Self::TooDeep
            | Self::Syntax { .. }
            | Self::NulCharacter
            | Self::LoneSurrogate
            | Self::DuplicateKey
            | Self::NumberOutOfRange => Code::MalformedJson,
            Self::UnknownField | Self::UnknownHeader => Code::UnknownField,
            Self::InvalidId
            | Self::InvalidVersion
            | Self::InvalidTime
            | Self::InvalidReason
            | Self::DataNotAnObject
            | Self::InvalidHeader { .. } => Code::InvalidField,
            Self::CommandIdMissing | Self::CommandIdUnusable => Code::CommandIdRequired,
            Self::NotABearerToken => Code::TokenInvalid,
        }
    }

    /// Its own name, narrower than its class: the code of the field at fault.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::NotUtf8 => "not_utf8",
            Self::Empty => "empty",
            Self::NotAnObject => "not_an_object",
            Self::TrailingText => "trailing_text",
            Self::TooDeep => "too_deep",
            Self::Syntax { .. } => "syntax",
            Self::NulCharacter => "nul_character",
            Self::LoneSurrogate => "lone_surrogate",
            Self::DuplicateKey => "duplicate_key",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::UnknownField => "unknown_field",
            Self::InvalidId => "invalid_id",
            Self::InvalidVersion => "invalid_version",
            Self::InvalidTime => "invalid_time",
            Self::InvalidReason => "invalid_reason",
            Self::DataNotAnObject => "data_not_an_object",
            Self::CommandIdMissing => "command_id_missing",
            Self::CommandIdUnusable => "command_id_unusable",
            Self::NotABearerToken => "not_a_bearer_token",
            Self::InvalidHeader { .. } => "invalid_header",
            Self::UnknownHeader => "unknown_header",
        }
    }

    /// A sentence for the caller.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::TooLarge { limit } => format!("the body may have at most {limit} bytes"),
            Self::NotUtf8 => "the body is not UTF-8".into(),
            Self::Empty => "there is no body".into(),
            Self::NotAnObject => "the body is not a JSON object".into(),
            Self::TrailingText => "something stands after the end of the object".into(),
            Self::TooDeep => format!("objects and arrays are nested more than {MAX_DEPTH} deep"),
            Self::Syntax { expected } => format!("this is not JSON: expected {expected}"),
            Self::NulCharacter => "a text holds the character U+0000".into(),
            Self::LoneSurrogate => "a text holds half a surrogate pair".into(),
            Self::DuplicateKey => "a key stands twice in one object".into(),
            Self::NumberOutOfRange => {
                "a number is beyond ±9007199254740991, too close to zero, -0 or NaN".into()
            }
            Self::UnknownField => "a command's body has no such field".into(),
            Self::InvalidId => {
                "an id is a string of 1 to 128 letters, digits, `-`, `_` and `:`".into()
            }
            Self::InvalidVersion => "a version is a whole number from 0".into(),
            Self::InvalidTime => "a time is a string like \"2026-11-21T11:58:00Z\"".into(),
            Self::InvalidReason => {
                format!("a reason is a text of 1 to {MAX_REASON} characters, not blank")
            }
            Self::DataNotAnObject => "`data` is not an object".into(),
            Self::CommandIdMissing => "the header Nats-Msg-Id is missing".into(),
            Self::CommandIdUnusable => {
                "the header Nats-Msg-Id must be there once, with 1 to 128 printable ASCII \
                 characters and no space"
                    .into()
            }
            Self::NotABearerToken => "the header Authorization is not `Bearer <token>`".into(),
            Self::InvalidHeader { name, expected } => {
                format!("the header {name} does not fit: expected {expected}")
            }
            Self::UnknownHeader => "a header begins with `Annals-` and is none of them".into(),
        }
    }

    /// What to do about it, where that is not plain.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::NotAnObject => {
                Some("send {\"id\": …, \"data\": {…}}, or {} where the command takes nothing")
            }
            Self::UnknownField => Some(
                "the body's fields are id, expected_version, occurred_at, reason and data; \
                 the command's own fields go inside data",
            ),
            Self::NumberOutOfRange => Some("send amounts and large numbers as strings"),
            Self::TooLarge { .. } => Some("send large content elsewhere and refer to it"),
            Self::InvalidVersion => Some("0 means that it must not exist yet"),
            Self::CommandIdMissing => {
                Some("make one id per command, a UUID for example, and keep it when you retry")
            }
            Self::UnknownHeader => {
                Some("there are Annals-Correlation-Id, Annals-Dry-Run and Annals-Await")
            }
            _ => None,
        }
    }

    /// The fault, at a place of the body.
    #[must_use]
    pub fn at(self, pointer: impl Into<String>) -> Unreadable {
        Unreadable { fault: self, pointer: pointer.into(), byte: None, command_id: None }
    }

    /// The fault, of the whole body or of a header.
    #[must_use]
    pub fn anywhere(self) -> Unreadable {
        self.at("")
    }
}

impl Unreadable {
    /// Says how many bytes come before it.
    #[must_use]
    pub fn byte(mut self, byte: usize) -> Self {
        self.byte = Some(byte);
        self
    }

    /// As the caller gets it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let mut detail = self.fault.detail();
        if let Some(byte) = self.byte {
            detail.push_str(&format!(" (byte {byte})"));
        }
        let mut problem = Problem::new(&self.fault.code(), detail.clone());
        let in_header = matches!(
            self.fault,
            Fault::CommandIdMissing
                | Fault::CommandIdUnusable
                | Fault::NotABearerToken
                | Fault::InvalidHeader { .. }
                | Fault::UnknownHeader
        );
        if !in_header {
            problem.errors.push(ProblemField {
                pointer: self.pointer.clone(),
                code: self.fault.name().to_owned(),
                detail,
            });
        }
        problem.hint = self.fault.hint().map(str::to_owned);
        problem.command_id.clone_from(&self.command_id);
        problem
    }
}

impl From<Unreadable> for Problem {
    fn from(unreadable: Unreadable) -> Self {
        unreadable.problem()
    }
}
