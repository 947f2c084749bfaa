//! Who is at the console: whoever the token names, which is verified with every request.
//!
//! The token is in a cookie that no script can read and no other site can send, or in the header
//! `Authorization`. Nothing of it is kept here: it ends with its own time, on any process.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use annals_commands::ActorKind;

use super::{Shared, error::ConsoleError, guard};

/// The cookie's name.
const COOKIE: &str = "annals_session";
/// Bytes of a token that every browser keeps in a cookie.
const LONGEST: usize = 3_800;

/// Whoever is signed in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The token's subject.
    pub id: Uuid,
    /// Whether it is the operator, who runs the platform and reads no record.
    pub operator: bool,
    /// Their address, where the token names one.
    pub email: Option<String>,
    /// When the token's time is over.
    pub expires_at: DateTime<Utc>,
}

impl Visitor {
    /// Refuses whoever is not the operator.
    ///
    /// # Errors
    /// [`ConsoleError::NotAllowed`].
    pub fn operator(&self) -> Result<(), ConsoleError> {
        if self.operator { Ok(()) } else { Err(ConsoleError::NotAllowed) }
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, console: &Shared) -> Result<Self, ConsoleError> {
        let token = bearer(&parts.headers).or_else(|| cookie(&parts.headers));
        verify(console, token.ok_or(ConsoleError::NotSignedIn)?)
    }
}

fn verify(console: &Shared, token: &str) -> Result<Visitor, ConsoleError> {
    let verified = console.verifier.verify(token, console.clock.now())?;
    let operator = match verified.actor.kind {
        ActorKind::Person => false,
        ActorKind::Operator => true,
        ActorKind::System => return Err(ConsoleError::Service),
    };
    let (id, email) = (verified.actor.id, verified.actor.email);
    Ok(Visitor { id, operator, email, expires_at: verified.expires_at })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = pairs.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// What somebody signs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum SignIn {
    /// A token.
    Token(String),
    /// The name of somebody of the demo, where the console was given their tokens.
    Person(String),
}

/// Signs somebody in.
pub async fn begin(
    State(console): State<Shared>,
    headers: HeaderMap,
    Json(given): Json<SignIn>,
) -> Result<Response, ConsoleError> {
    let token = match given {
        SignIn::Token(token) => token.trim().trim_start_matches("Bearer ").to_owned(),
        SignIn::Person(name) => {
            let people = console.people.as_ref().filter(|_| guard::is_here(&headers));
            people.and_then(|it| (it.token)(&name)).ok_or(ConsoleError::Nothing)?
        }
    };
    let visitor = verify(&console, &token)?;
    if token.len() > LONGEST {
        return Err(ConsoleError::LongToken);
    }
    let seconds = (visitor.expires_at - console.clock.now()).num_seconds().max(0);
    // Without TLS a browser sends it to its own machine alone.
    let secure = if guard::is_here(&headers) { "" } else { "; Secure" };
    let text =
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let mut cookie = HeaderValue::from_str(&text).map_err(|_| ConsoleError::NotSignedIn)?;
    cookie.set_sensitive(true);
    Ok(([(header::SET_COOKIE, cookie)], Json(about(&console, &visitor))).into_response())
}

/// Signs out.
pub async fn end() -> Response {
    let text = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    ([(header::SET_COOKIE, text)], Json(json!({ "ok": true }))).into_response()
}

/// Who is signed in, and what there is to look for.
pub async fn me(State(console): State<Shared>, visitor: Visitor) -> Json<Value> {
    Json(about(&console, &visitor))
}

/// The people as whom one can sign in on a machine of one's own; nobody elsewhere.
pub async fn people(State(console): State<Shared>, headers: HeaderMap) -> Json<Value> {
    let people = console.people.as_ref().filter(|_| guard::is_here(&headers));
    let listed = people.into_iter().flat_map(|it| &it.list);
    Json(listed.map(|it| json!({ "name": it.0, "about": it.1 })).collect())
}

fn about(console: &Shared, visitor: &Visitor) -> Value {
    let contexts = console.aggregates.contexts().iter().map(|context| {
        let kinds = context.aggregates.iter().map(|kind| {
            let events: Vec<_> = kind.events.iter().map(|it| it.name).collect();
            json!({ "name": kind.name, "events": events })
        });
        json!({ "name": context.name, "kinds": kinds.collect::<Vec<_>>() })
    });
    json!({
        "id": visitor.id, "operator": visitor.operator, "email": visitor.email,
        "expires_at": visitor.expires_at, "contexts": contexts.collect::<Vec<_>>(),
    })
}
