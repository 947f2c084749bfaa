//! Over NATS and back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{
    Client, ConnectErrorKind, Event, HeaderMap, HeaderValue, RequestErrorKind, ServerError, client,
};

use crate::{
    cli::exit::Exit,
    settings::{Settings, mask_url, nats_options},
};

use super::{Answer, Request, Unanswered};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What the server held against this connection.
type Denied = Arc<Mutex<Option<String>>>;

/// Sends a request and waits for its answer.
///
/// # Errors
/// NATS is out of reach or does not let this user do it, no service answers, or not in time.
pub(super) async fn ask(
    settings: &Settings,
    request: &Request,
    within: Duration,
) -> Result<Answer, Unanswered> {
    let denied = Denied::default();
    let client = connect(settings, &denied).await?;
    let mut headers = HeaderMap::new();
    for (name, text) in &request.headers {
        let value: HeaderValue = text.parse().map_err(|_| {
            Unanswered::usage(format!("the header {name} cannot hold what it was given"))
        })?;
        headers.insert(*name, value);
    }
    let asked = client::Request::new()
        .headers(headers)
        .payload(request.body.clone().into())
        .timeout(Some(within));
    let message = match client.send_request(request.subject.clone(), asked).await {
        Ok(message) => message,
        Err(error) => return Err(unanswered(error.kind(), &denied, request, within)),
    };
    let header = |name: &str| message.headers.as_ref()?.get(name).map(ToString::to_string);
    let status = header("Nats-Service-Error-Code");
    Ok(Answer::read(status.as_deref(), header("Nats-Service-Error").as_deref(), &message.payload))
}

async fn connect(settings: &Settings, denied: &Denied) -> Result<Client, Unanswered> {
    let (options, servers) = nats_options(settings.nats_url.expose()).map_err(Unanswered::usage)?;
    let told = Arc::clone(denied);
    let mut options = options
        .name("annals send")
        .connection_timeout(CONNECT_WITHIN)
        .max_reconnects(3)
        .event_callback(move |event| {
            if let Event::ServerError(ServerError::Other(text)) = event {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            }
            std::future::ready(())
        });
    if let Some(path) = &settings.nats_creds {
        options = options.credentials_file(path).await.map_err(|error| {
            Unanswered::usage(format!("{}: {error} (NATS_CREDS)", path.display()))
        })?;
    }
    let at = mask_url(settings.nats_url.expose());
    options.connect(servers).await.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => Unanswered {
            exit: Exit::NotAllowed,
            text: format!(
                "NATS at {at} does not let this user in\n\
                 `annals config` shows where NATS_URL comes from."
            ),
        },
        kind => Unanswered {
            exit: Exit::Unavailable,
            text: format!(
                "NATS cannot be reached at {at}: {kind}\nIs `annals dev` or `annals serve` running? \
                 `annals config` shows where NATS_URL comes from."
            ),
        },
    })
}

fn unanswered(
    kind: RequestErrorKind,
    denied: &Denied,
    request: &Request,
    within: Duration,
) -> Unanswered {
    let (subject, id) = (&request.subject, &request.command_id);
    let denied = denied.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(denied) = denied {
        let text = format!("NATS does not let this user send to {subject}: {denied}");
        return Unanswered { exit: Exit::NotAllowed, text };
    }
    let (exit, text) = match kind {
        RequestErrorKind::NoResponders => (
            Exit::Unavailable,
            format!(
                "nobody serves {subject}\nIs `annals dev` or `annals serve` running, with this \
                 context? Nothing was stored."
            ),
        ),
        RequestErrorKind::TimedOut => (
            Exit::Unavailable,
            format!(
                "no answer within {within:?}: the command may or may not be stored\nSend the \
                 same again with --command-id {id}; it has its effect once."
            ),
        ),
        RequestErrorKind::MaxPayloadExceeded => {
            (Exit::Usage, "the command is larger than NATS takes".to_owned())
        }
        RequestErrorKind::InvalidSubject => {
            (Exit::Usage, format!("{subject} is not a subject of NATS"))
        }
        RequestErrorKind::Other => (
            Exit::Unavailable,
            format!("the connection to NATS broke; send the same again with --command-id {id}"),
        ),
    };
    Unanswered { exit, text }
}
