//! From a request to a submission, or to the reason why not.

use std::{sync::Arc, time::Instant};

use annals_commands::{
    Catalogue, Code, Problem,
    envelope::{Envelope, RequestHeaders},
};
use async_nats::Message;
use aws_lc_rs::hmac;
use uuid::Uuid;

use super::limit::RateLimit;
use crate::{
    auth::{TokenError, Verifier},
    engine::{Clock, Outcome, Respond, Submission},
};

/// Reads requests.
pub struct Receiver {
    /// What can be asked.
    pub catalogue: Arc<Catalogue>,
    /// Says who asks.
    pub verifier: Arc<Verifier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keys the fingerprints of bodies.
    pub fingerprint: hmac::Key,
    /// Most bytes of a body.
    pub max_body: usize,
    /// How much one actor may send.
    pub limit: Option<RateLimit>,
    /// Replies go to subjects that begin with one of these, and to no others.
    pub reply_prefixes: Vec<String>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Receiver")
    }
}

/// A request that could be read.
pub struct Received {
    /// The command, but for whom to answer.
    pub submission: Submission,
    /// Whether the answer waits for the rows.
    pub await_projected: bool,
}

impl Receiver {
    /// Whether a reply may go to this subject. Anything else would let a caller have the service
    /// publish where the caller itself may not, such as on an event's subject.
    #[must_use]
    pub fn may_reply_to(&self, subject: &str) -> bool {
        self.reply_prefixes.iter().any(|prefix| subject.starts_with(prefix.as_str()))
            && !subject.contains(['*', '>', ' '])
    }

    /// Reads a request.
    ///
    /// # Errors
    /// The problem that its sender gets.
    pub fn read(&self, message: &Message) -> Result<Received, Box<Problem>> {
        let mut id = None;
        self.read_with(message, &mut id).map_err(|mut problem| {
            if problem.command_id.is_none() {
                problem.command_id = id.take();
            }
            problem
        })
    }

    fn read_with(
        &self,
        message: &Message,
        id: &mut Option<String>,
    ) -> Result<Received, Box<Problem>> {
        let subject = message.subject.as_str();
        let unreadable = |error: annals_commands::envelope::Unreadable| Box::new(error.problem());
        let pairs = message.headers.iter().flat_map(|headers| {
            headers.iter().flat_map(|(name, values)| {
                values.iter().map(move |value| (AsRef::<str>::as_ref(name), value.as_str()))
            })
        });
        let headers = RequestHeaders::read(pairs).map_err(unreadable)?;
        *id = Some(headers.command_id.to_owned());
        let command = self.catalogue.command(subject).ok_or_else(|| unknown(subject))?;
        let token = headers.token.as_ref().ok_or_else(|| {
            let problem = Problem::new(&Code::TokenInvalid, "there is no token");
            problem.hint("send the header `Authorization: Bearer <jwt>`")
        })?;
        let verified =
            self.verifier.verify(token.0, self.clock.now()).map_err(|error| match error {
                TokenError::Invalid => {
                    Problem::new(&Code::TokenInvalid, "the token cannot be believed")
                }
                TokenError::Expired => {
                    Problem::new(&Code::TokenExpired, "the token's time is over")
                        .hint("have it renewed, and send the command again under the same id")
                }
            })?;
        if let Some(limit) = &self.limit
            && !limit.allows(verified.actor.id, Instant::now())
        {
            let problem =
                Problem::new(&Code::RateLimited, "more commands than this actor may send");
            return Err(Box::new(problem.hint("send it again in a second, under the same id")));
        }
        let body = Envelope::read(&message.payload, self.max_body).map_err(unreadable)?;
        let request = command.parse(body.data).map_err(|error| {
            let code = if error.unknown { Code::UnknownField } else { Code::InvalidField };
            Problem::new(&code, error.detail.clone()).at(error.pointer, error.detail).hint(format!(
                "`annals commands {} {}` shows the fields",
                command.context(),
                command.name
            ))
        })?;
        let trace = headers.trace.as_ref();
        Ok(Received {
            await_projected: headers.await_projected,
            submission: Submission {
                context: command.context(),
                command: Arc::from(command.name.as_str()),
                aggregate: command.aggregate,
                target: command.target,
                request,
                id: body.id.as_deref().map(Arc::from),
                expected_version: body.expected_version,
                occurred_at: body.occurred_at,
                reason: body.reason,
                command_id: Arc::from(headers.command_id),
                key: key(&verified.scope, headers.command_id, headers.dry_run),
                fingerprint: self.fingerprint(subject, &message.payload),
                correlation_id: headers.correlation_id.to_owned(),
                causation_id: None,
                traceparent: trace.map(|it| it.parent.to_owned()),
                dry_run: headers.dry_run,
                respond: nobody(),
                attempts: 0,
                actor: verified.actor,
            },
        })
    }

    fn fingerprint(&self, subject: &str, body: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.fingerprint);
        context.update(subject.as_bytes());
        context.update(b"\n");
        context.update(body);
        let tag = context.sign();
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(tag.as_ref().get(..16).unwrap_or(&[0; 16]));
        fingerprint
    }
}

fn nobody() -> Respond {
    Box::new(|_: Outcome| {})
}

/// The key under which a command's outcome is kept: made of its sender and its id, so that one sender's
/// ids say nothing about another's. Ids that are ordered by time stay so, which keeps the index small
/// where it grows. A dry run is another command than the one it tries: neither gets the other's answer.
fn key(scope: &str, command_id: &str, dry_run: bool) -> Uuid {
    let mut namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, scope.as_bytes());
    if dry_run {
        namespace = Uuid::new_v5(&namespace, b"dry run");
    }
    let hashed = Uuid::new_v5(&namespace, command_id.as_bytes());
    match Uuid::try_parse(command_id) {
        Ok(id) if id.get_version_num() == 7 => {
            let mut bytes = *hashed.as_bytes();
            bytes[..6].copy_from_slice(&id.as_bytes()[..6]);
            Uuid::from_bytes(bytes)
        }
        _ => hashed,
    }
}

fn unknown(subject: &str) -> Box<Problem> {
    let context = subject.split('.').next().unwrap_or_default();
    let problem = Problem::new(&Code::UnknownCommand, "there is no such command");
    Box::new(problem.hint(format!("`annals commands {context}` lists them all")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_different_senders_never_meet() {
        assert_ne!(key("a", "1", false), key("b", "1", false));
        assert_eq!(key("a", "1", false), key("a", "1", false));
    }

    #[test]
    fn a_dry_run_has_a_key_of_its_own() {
        assert_ne!(key("a", "1", false), key("a", "1", true));
    }

    #[test]
    fn keys_of_time_ordered_ids_are_time_ordered() {
        let id = Uuid::now_v7().to_string();
        assert_eq!(
            key("a", &id, false).as_bytes()[..6],
            Uuid::try_parse(&id).unwrap().as_bytes()[..6]
        );
        assert_ne!(key("a", &id, false), key("b", &id, false));
    }
}
