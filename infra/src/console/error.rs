//! What the console answers when it does not answer the question.

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{auth::TokenError, keys::KeysError, ops::OpsError};

/// Why a request got no answer. Each is a problem (RFC 9457) with a code, as commands' are.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Nobody is signed in.
    #[error("sign in first")]
    NotSignedIn,
    /// The token is not believed.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// A service signs in.
    #[error("the console is for people: this token is a service's")]
    Service,
    /// The token does not fit into a cookie.
    #[error("this token is too long for a cookie: send it as `Authorization: Bearer` instead")]
    LongToken,
    /// The page is the operator's.
    #[error("this is the operator's")]
    NotAllowed,
    /// Another site asks, or a form.
    #[error("the request does not come from the console itself")]
    CrossSite,
    /// There is nothing of that kind, or nothing that this person may see: which, nobody is told.
    #[error("there is nothing here that you may see")]
    Nothing,
    /// What was asked makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was asked cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// Somebody has it done already.
    #[error("this runs already")]
    Busy,
    /// It took too long.
    #[error("this took too long: ask for less, or narrow it down")]
    Slow,
    /// Postgres.
    #[error("Postgres does not answer")]
    Postgres(sqlx::Error),
    /// An operator's work failed.
    #[error("{0}")]
    Ops(OpsError),
}

impl From<sqlx::Error> for ConsoleError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|it| it.code()).as_deref() {
            Some("57014") => Self::Slow,
            Some(code) if code.starts_with("22") => {
                Self::Usage("this is no value that is looked for by".to_owned())
            }
            _ => Self::Postgres(error),
        }
    }
}

impl From<OpsError> for ConsoleError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Postgres(error) => error.into(),
            OpsError::Usage(text) => Self::Usage(text),
            OpsError::Refused(text) => Self::Refused(text),
            other => Self::Ops(other),
        }
    }
}

impl From<KeysError> for ConsoleError {
    fn from(error: KeysError) -> Self {
        Self::Ops(error.into())
    }
}

impl ConsoleError {
    /// Its status and its code.
    #[must_use]
    pub const fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::Token(TokenError::Invalid) => (StatusCode::UNAUTHORIZED, "token_invalid"),
            Self::Token(TokenError::Expired) => (StatusCode::UNAUTHORIZED, "token_expired"),
            Self::Service => (StatusCode::FORBIDDEN, "not_for_services"),
            Self::NotAllowed => (StatusCode::FORBIDDEN, "not_allowed"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross_site"),
            Self::LongToken => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Nothing => (StatusCode::NOT_FOUND, "nothing_here"),
            Self::Usage(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Refused(_) => (StatusCode::CONFLICT, "refused"),
            Self::Busy => (StatusCode::CONFLICT, "busy"),
            Self::Slow => (StatusCode::SERVICE_UNAVAILABLE, "too_slow"),
            Self::Postgres(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::Ops(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        }
    }
}

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        if let Self::Postgres(error) = &self {
            // What Postgres says may repeat a value that was looked for: its code says enough.
            let code = error.as_database_error().and_then(|it| it.code());
            tracing::error!(?code, "a question of the console found no answer");
        }
        let title = status.canonical_reason().unwrap_or_default();
        let body = json!({
            "ok": false, "code": code, "status": status.as_u16(), "title": title,
            "detail": self.to_string(),
        });
        let mut response = (status, Json(body)).into_response();
        let form = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, form);
        response
    }
}
