//! Why a command was not accepted, as the caller gets it (RFC 9457 with extension members).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use annals_domain::Refused;

/// A class of failure, with its status and whether sending the same command again can help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON, or not JSON that can be stored.
    MalformedJson,
    /// A field is there that the command does not know.
    UnknownField,
    /// A field is missing or of another form.
    InvalidField,
    /// `Nats-Msg-Id` is missing or unusable.
    CommandIdRequired,
    /// The token is missing, or cannot be believed.
    TokenInvalid,
    /// The token's time is over.
    TokenExpired,
    /// The actor may not do this.
    NotAllowed,
    /// The data lies in another region than this deployment's.
    ForeignRegion,
    /// There is no such command.
    UnknownCommand,
    /// There is no such aggregate.
    UnknownAggregate,
    /// `expected_version` is not the present one.
    VersionConflict,
    /// There is one already.
    AlreadyExists,
    /// The id was used with another body.
    CommandIdReused,
    /// The subject's data is erased.
    Erased,
    /// The message, or an event it would lead to, is too large.
    TooLarge,
    /// A business rule of the contract stands against it; its code.
    Rule(String),
    /// More than this actor may send.
    RateLimited,
    /// A fault of the service.
    Internal,
    /// The event store does not answer.
    StoreUnavailable,
    /// The service is going away.
    ShuttingDown,
    /// The read model did not get there in time; the command itself is stored.
    NotProjectedYet,
}

impl Code {
    /// The code as it stands in the body and in `Nats-Service-Error`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::UnknownField => "unknown_field",
            Self::InvalidField => "invalid_field",
            Self::CommandIdRequired => "command_id_required",
            Self::TokenInvalid => "token_invalid",
            Self::TokenExpired => "token_expired",
            Self::NotAllowed => "not_allowed",
            Self::ForeignRegion => "foreign_region",
            Self::UnknownCommand => "unknown_command",
            Self::UnknownAggregate => "unknown_aggregate",
            Self::VersionConflict => "version_conflict",
            Self::AlreadyExists => "already_exists",
            Self::CommandIdReused => "command_id_reused",
            Self::Erased => "erased",
            Self::TooLarge => "too_large",
            Self::Rule(code) => code,
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::StoreUnavailable => "store_unavailable",
            Self::ShuttingDown => "shutting_down",
            Self::NotProjectedYet => "not_projected_yet",
        }
    }

    /// The HTTP-like status, also in `Nats-Service-Error-Code`.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::MalformedJson
            | Self::UnknownField
            | Self::InvalidField
            | Self::CommandIdRequired => 400,
            Self::TokenInvalid | Self::TokenExpired => 401,
            Self::NotAllowed => 403,
            Self::UnknownCommand | Self::UnknownAggregate => 404,
            Self::VersionConflict | Self::AlreadyExists | Self::CommandIdReused => 409,
            Self::Erased => 410,
            Self::TooLarge => 413,
            Self::ForeignRegion => 421,
            Self::Rule(_) => 422,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::StoreUnavailable | Self::ShuttingDown => 503,
            Self::NotProjectedYet => 504,
        }
    }

    /// Whether the same command, under the same id, may succeed later.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::Internal
                | Self::StoreUnavailable
                | Self::ShuttingDown
                | Self::NotProjectedYet
        )
    }

    /// A title for people.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self {
            Self::MalformedJson => "The body cannot be read",
            Self::UnknownField => "The command does not know this field",
            Self::InvalidField => "A field does not fit",
            Self::CommandIdRequired => "A command needs an id",
            Self::TokenInvalid => "The token is not valid",
            Self::TokenExpired => "The token has expired",
            Self::NotAllowed => "Not allowed",
            Self::ForeignRegion => "Another region's data",
            Self::UnknownCommand => "No such command",
            Self::UnknownAggregate => "There is nothing with this id",
            Self::VersionConflict => "It has changed since",
            Self::AlreadyExists => "There is one already",
            Self::CommandIdReused => "This id belongs to another command",
            Self::Erased => "This data has been erased",
            Self::TooLarge => "Too large",
            Self::Rule(_) => "A rule stands against it",
            Self::RateLimited => "Too many commands",
            Self::Internal => "A fault of the service",
            Self::StoreUnavailable => "The event store does not answer",
            Self::ShuttingDown => "The service is shutting down",
            Self::NotProjectedYet => "Stored, but not in the tables yet",
        }
    }
}

/// The body of a refusal: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Always false.
    pub ok: bool,
    /// What went wrong, for programs.
    pub code: String,
    /// HTTP-like status.
    pub status: u16,
    /// What went wrong, for people.
    pub title: String,
    /// What went wrong this time. Holds no personal data.
    pub detail: String,
    /// Whether the same command, under the same id, may succeed later.
    pub retryable: bool,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The command's id, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The present version, where another was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether this is the stored answer to an earlier sending.
    #[serde(default)]
    pub duplicate: bool,
}

/// A field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemField {
    /// JSON pointer into the body.
    pub pointer: String,
    /// The same code, or a narrower one.
    pub code: String,
    /// What would fit.
    pub detail: String,
}

impl Problem {
    /// A problem of a class.
    #[must_use]
    pub fn new(code: &Code, detail: impl Into<String>) -> Self {
        Self {
            ok: false,
            code: code.as_str().to_owned(),
            status: code.status(),
            title: code.title().to_owned(),
            detail: detail.into(),
            retryable: code.retryable(),
            errors: Vec::new(),
            hint: None,
            command_id: None,
            version: None,
            duplicate: false,
        }
    }

    /// A business rule's refusal.
    #[must_use]
    pub fn refused(refused: &Refused) -> Self {
        let mut problem = Self::new(&Code::Rule(refused.code.clone()), refused.detail.clone());
        if let Some(field) = refused.field {
            problem = problem.at(format!("/data/{field}"), refused.detail.clone());
        }
        problem.hint = refused.hint.map(str::to_owned);
        problem
    }

    /// Points at a field.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let code = self.code.clone();
        self.errors.push(ProblemField { pointer: pointer.into(), code, detail: detail.into() });
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_value(self).unwrap_or(Value::Null).to_string()
    }
}
