//! Requests and replies, as cheap as they can be: one subscription for all replies, and the request's
//! number as the last token of the subject that its reply goes to.

use std::{collections::BTreeMap, time::Duration};

use async_nats::{
    Client, HeaderMap, HeaderValue, Message, StatusCode, Subject, Subscriber, header,
};
use bytes::Bytes;
use futures::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use super::Failure;

/// How long a reply is waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A connection with an inbox of its own.
pub struct Wire {
    /// Sends.
    pub sender: Sender,
    /// Replies, as they come.
    pub replies: Subscriber,
}

/// Sends commands, whose replies come to the inbox.
pub struct Sender {
    client: Client,
    inbox: String,
    headers: HeaderMap,
}

/// What is sent.
pub struct Job {
    /// The command's subject.
    pub subject: Subject,
    /// The command's id.
    pub command_id: Uuid,
    /// Who sends it, if not whoever the connection is for.
    pub token: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply<'a> {
    /// It is stored: the position of its last event.
    Accepted(i64),
    /// It is not, with this code.
    Refused(&'a str),
    /// There was nobody to answer, or what came is no answer.
    Failed(&'static str),
}

impl Wire {
    /// Opens an inbox, for whoever the token is for.
    pub async fn open(client: Client, token: &str) -> Result<Self, Failure> {
        let inbox = client.new_inbox();
        let replies = client
            .subscribe(format!("{inbox}.*"))
            .await
            .map_err(|error| Failure::unavailable(format!("NATS: {error}")))?;
        Ok(Self { sender: Sender { client, inbox, headers: headers(token)? }, replies })
    }

    /// Sends commands that must all be accepted, so many at a time, and tells as it goes.
    pub async fn send_all(
        &mut self,
        jobs: impl Iterator<Item = Job>,
        in_flight: usize,
        mut tell: impl FnMut(usize),
    ) -> Result<(), Failure> {
        let mut jobs = jobs.enumerate();
        let mut waiting: BTreeMap<u64, Subject> = BTreeMap::new();
        let mut done = 0;
        loop {
            while waiting.len() < in_flight
                && let Some((number, job)) = jobs.next()
            {
                let number = number as u64;
                let headers = match &job.token {
                    Some(token) => headers(token)?,
                    None => self.sender.headers.clone(),
                };
                waiting.insert(number, job.subject.clone());
                self.sender.publish(number, job.command_id, headers, job.subject, job.body).await?;
            }
            if waiting.is_empty() {
                return Ok(());
            }
            let message = timeout(PATIENCE, self.replies.next()).await.ok().flatten();
            let message = message.ok_or_else(|| Failure::unavailable("no answer in time"))?;
            let Some(subject) = number(&message).and_then(|number| waiting.remove(&number)) else {
                continue;
            };
            match read(&message) {
                Reply::Accepted(_) => {}
                // A reactor was faster: each new user gets a wallet by itself.
                Reply::Refused("wallet_already_open") => {}
                Reply::Refused(_) | Reply::Failed(_) => return Err(told(&subject, &message)),
            }
            done += 1;
            tell(done);
        }
    }

    /// Forgets replies that nobody waits for any more.
    pub async fn forget(&mut self) {
        while timeout(Duration::ZERO, self.replies.next()).await.is_ok_and(|it| it.is_some()) {}
    }
}

impl Sender {
    /// Sends a command under a number.
    pub async fn send(
        &self,
        number: u64,
        command_id: Uuid,
        subject: Subject,
        body: Bytes,
    ) -> Result<(), Failure> {
        self.publish(number, command_id, self.headers.clone(), subject, body).await
    }

    async fn publish(
        &self,
        number: u64,
        command_id: Uuid,
        mut headers: HeaderMap,
        subject: Subject,
        body: Bytes,
    ) -> Result<(), Failure> {
        let mut text = [0; 36];
        let id = command_id.hyphenated().encode_lower(&mut text);
        headers.insert(header::NATS_MESSAGE_ID, &*id);
        self.client
            .publish_with_reply_and_headers(
                subject,
                format!("{}.{number}", self.inbox),
                headers,
                body,
            )
            .await
            .map_err(|error| Failure::unavailable(format!("NATS: {error}")))
    }
}

fn headers(token: &str) -> Result<HeaderMap, Failure> {
    let bearer: HeaderValue = format!("Bearer {}", token.trim())
        .parse()
        .map_err(|_| Failure::usage("the token is not one: it has line breaks"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_MESSAGE_ID, "");
    headers.insert("Authorization", bearer);
    Ok(headers)
}

/// The number of the request that a message answers.
pub fn number(message: &Message) -> Option<u64> {
    message.subject.rsplit('.').next()?.parse().ok()
}

/// Reads a reply without parsing all of it.
pub fn read(message: &Message) -> Reply<'_> {
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Reply::Failed("no_responders");
    }
    let error = message.headers.as_ref().and_then(|it| it.get("Nats-Service-Error"));
    if let Some(error) = error {
        // `code: title`
        return Reply::Refused(error.as_str().split(':').next().unwrap_or_default());
    }
    match position(&message.payload) {
        Some(position) => Reply::Accepted(position),
        None => Reply::Failed("no_answer_of_ours"),
    }
}

/// The number after `"position":`.
fn position(body: &[u8]) -> Option<i64> {
    const NAME: &[u8] = b"\"position\":";
    let at = body.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits = body.get(at..)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// What a refused command's sender should know.
pub fn told(subject: &str, message: &Message) -> Failure {
    use crate::cli::{Output, send::Answer};

    if let Reply::Failed("no_responders") = read(message) {
        return Failure::unavailable(format!(
            "nobody serves {subject}\nIs `annals dev` or `annals serve` running?"
        ));
    }
    let header = |name: &str| message.headers.as_ref()?.get(name).map(ToString::to_string);
    let (status, error) = (header("Nats-Service-Error-Code"), header("Nats-Service-Error"));
    let answer = Answer::read(status.as_deref(), error.as_deref(), &message.payload);
    Failure { exit: answer.exit(), text: format!("{subject}: {}", answer.text(Output::plain())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: Option<HeaderMap>, body: &'static str) -> Message {
        Message {
            subject: "_INBOX.x.17".into(),
            reply: None,
            payload: Bytes::from_static(body.as_bytes()),
            headers,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn a_reply_is_read_by_its_number_and_its_position() {
        let body = r#"{"ok":true,"id":"w","version":4,"position":812,"events":[]}"#;
        let accepted = message(None, body);
        assert_eq!((number(&accepted), read(&accepted)), (Some(17), Reply::Accepted(812)));
        assert_eq!(read(&message(None, "{}")), Reply::Failed("no_answer_of_ours"));
    }

    #[test]
    fn a_refusal_is_read_by_its_code() {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Service-Error", "insufficient_funds: A rule stands against it");
        headers.insert("Nats-Service-Error-Code", "422");
        let refused = message(Some(headers), r#"{"ok":false,"position":1}"#);
        assert_eq!(read(&refused), Reply::Refused("insufficient_funds"));
    }

    #[test]
    fn nobody_there_is_no_refusal() {
        let nobody = Message { status: Some(StatusCode::NO_RESPONDERS), ..message(None, "") };
        assert_eq!(read(&nobody), Reply::Failed("no_responders"));
        assert!(told("a.cmd.b", &nobody).text.contains("nobody serves a.cmd.b"));
    }
}
