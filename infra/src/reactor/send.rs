//! Sending a reaction's commands, and what their outcomes mean.

use std::{sync::Arc, time::Duration};

use annals_commands::{
    Actor, Catalogue,
    reaction::{Cause, Sending},
};
use aws_lc_rs::hmac;
use tokio::{sync::oneshot, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::run::RunError;
use crate::engine::{Engine, Outcome, Submission};

/// How often a fault of the service is met before it is one of the reaction.
const FAULTS: u32 = 5;
/// The longest pause between two sendings of one command.
const PAUSE: Duration = Duration::from_secs(2);

/// Sends commands as the service itself, through the engine: authorisation, idempotency and audit are
/// those of any other command.
#[derive(Clone)]
pub struct Sender {
    /// Where commands go.
    pub engine: Engine,
    /// What can be asked.
    pub catalogue: Arc<Catalogue>,
    /// Keys the fingerprints of bodies.
    pub fingerprint: hmac::Key,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Sender")
    }
}

/// Who reactors are, where a command asks for its actor.
#[must_use]
pub fn identity() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, b"annals:reactor")
}

impl Sender {
    /// Sends a command until it has an outcome that is one: `accepted`, `duplicate`, or the code of the
    /// rule that stands against it.
    ///
    /// # Errors
    /// The reaction is at fault, or the process is told to stop.
    pub async fn send(
        &self,
        cause: &Cause,
        sending: &Sending,
        stop: &CancellationToken,
    ) -> Result<String, RunError> {
        let (mut pause, mut faults) = (Duration::from_millis(20), 0);
        loop {
            match self.once(cause, sending).await? {
                Ended::Done(outcome) => {
                    count(sending, &outcome);
                    return Ok(outcome);
                }
                Ended::Again(code) => {
                    faults += u32::from(code == "internal");
                    if faults >= FAULTS {
                        let what = &sending.subject;
                        return Err(RunError::Poison(format!("{what}: {code}, {faults} times")));
                    }
                    count(sending, "retried");
                    tracing::warn!(reaction = sending.reaction, code, "a command is sent again");
                }
                Ended::Fault(why) => return Err(RunError::Poison(why)),
            }
            tokio::select! {
                () = stop.cancelled() => return Err(RunError::Stopped),
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(PAUSE);
        }
    }

    async fn once(&self, cause: &Cause, sending: &Sending) -> Result<Ended, RunError> {
        let (answer, answered) = oneshot::channel();
        let submission = self.submission(cause, sending, answer)?;
        if self.engine.submit(submission).is_err() {
            return Ok(Ended::Again("too_many".to_owned()));
        }
        let Ok(outcome) = answered.await else {
            return Ok(Ended::Again("shutting_down".to_owned()));
        };
        Ok(judge(sending, outcome))
    }

    fn submission(
        &self,
        cause: &Cause,
        sending: &Sending,
        answer: oneshot::Sender<Outcome>,
    ) -> Result<Submission, RunError> {
        let fault = |why: &str| RunError::Poison(format!("{}: {why}", sending.subject));
        let command = self.catalogue.command(&sending.subject).ok_or_else(|| fault("unknown"))?;
        let data = sending.data.to_string();
        let request = command
            .parse(&data)
            .map_err(|error| fault(&format!("{}: {}", error.pointer, error.detail)))?;
        Ok(Submission {
            context: command.context(),
            command: Arc::from(command.name.as_str()),
            aggregate: command.aggregate,
            target: command.target,
            request,
            id: Some(Arc::from(sending.target.as_str())),
            expected_version: None,
            occurred_at: None,
            reason: sending.reason.clone(),
            actor: Actor::system(identity()),
            command_id: Arc::from(sending.id.to_string()),
            key: key(cause, sending),
            fingerprint: self.fingerprint(sending, &data),
            correlation_id: cause.correlation_id.clone(),
            causation_id: Some(cause.event_id.to_string()),
            traceparent: None,
            dry_run: false,
            respond: Box::new(move |outcome| {
                let _ = answer.send(outcome);
            }),
            attempts: 0,
        })
    }

    fn fingerprint(&self, sending: &Sending, data: &str) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.fingerprint);
        for part in [&sending.subject, &sending.target, data] {
            context.update(part.as_bytes());
            context.update(b"\n");
        }
        let tag = context.sign();
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(tag.as_ref().get(..16).unwrap_or(&[0; 16]));
        fingerprint
    }
}

/// The key under which the outcome is kept: no sender's, and ordered by the time of its cause.
fn key(cause: &Cause, sending: &Sending) -> Uuid {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"annals:reactor:commands");
    let hashed = Uuid::new_v5(&namespace, sending.id.as_bytes());
    let mut bytes = *hashed.as_bytes();
    let millis = cause.at.timestamp_millis().to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    Uuid::from_bytes(bytes)
}

/// What an outcome means for the reaction.
enum Ended {
    /// It is over, in this way.
    Done(String),
    /// The store could not say.
    Again(String),
    /// The reaction is at fault.
    Fault(String),
}

fn judge(sending: &Sending, outcome: Outcome) -> Ended {
    let problem = match outcome {
        Outcome::Accepted(accepted) => {
            let outcome = if accepted.duplicate { "duplicate" } else { "accepted" };
            return Ended::Done(outcome.to_owned());
        }
        Outcome::Problem(problem) => problem,
    };
    if problem.retryable {
        return Ended::Again(problem.code);
    }
    match problem.status {
        // What it is for is not there, not there any more, there already, or a rule stands against it.
        // The same id with another body: it went out before, when the rules that judge were others.
        404 | 409 | 410 | 422 if problem.code != "unknown_command" => {
            tracing::info!(
                reaction = sending.reaction,
                command = sending.subject,
                code = problem.code,
                "a reaction's command is refused"
            );
            Ended::Done(problem.code)
        }
        _ => Ended::Fault(format!("{}: {}: {}", sending.subject, problem.code, problem.detail)),
    }
}

fn count(sending: &Sending, outcome: &str) {
    metrics::counter!("annals_reactions_total", "reaction" => sending.reaction,
        "outcome" => outcome.to_owned())
    .increment(1);
}
