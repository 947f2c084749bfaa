//! What came of a command, for whoever sent it.

use std::fmt::Write;

use annals_commands::Problem;
use serde_json::Value;

use crate::{
    cli::{
        exit::Exit,
        output::{Output, Tone, visible},
    },
    engine::Accepted,
};

/// The one answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is stored, or would be.
    Accepted(Box<Accepted>, Value),
    /// It is not.
    Problem(Box<Problem>, Value),
    /// Something that is no answer of ours.
    Strange {
        /// The status in the headers, if there was one.
        status: Option<u16>,
        /// What the headers or the body said.
        said: String,
    },
}

impl Answer {
    /// Reads an answer from the two error headers of NATS services and the body.
    #[must_use]
    pub fn read(status: Option<&str>, error: Option<&str>, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let failed = status.is_some() || error.is_some();
        if failed && let Ok(problem) = serde_json::from_value(json.clone()) {
            return Self::Problem(Box::new(problem), json);
        }
        if !failed && let Ok(accepted) = serde_json::from_value::<Accepted>(json.clone()) {
            return Self::Accepted(Box::new(accepted), json);
        }
        let said = match error {
            Some(error) => error.to_owned(),
            None => format!("{} bytes that are no answer of a command service", body.len()),
        };
        Self::Strange { status: status.and_then(|status| status.parse().ok()), said }
    }

    /// How sending it ended.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Accepted(..) => Exit::Done,
            Self::Problem(problem, _) => Exit::of_status(problem.status),
            Self::Strange { status, .. } => status.map_or(Exit::Fault, |status| {
                if status < 400 { Exit::Fault } else { Exit::of_status(status) }
            }),
        }
    }

    /// The answer as it came.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Accepted(_, json) | Self::Problem(_, json) => json.clone(),
            Self::Strange { status, said } => {
                serde_json::json!({ "ok": false, "status": status, "detail": said })
            }
        }
    }

    /// The answer in words.
    #[must_use]
    pub fn text(&self, output: Output) -> String {
        match self {
            Self::Accepted(accepted, _) => happened(accepted, output),
            Self::Problem(problem, _) => stood_against(problem, output),
            Self::Strange { status, said } => {
                let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
                output.paint(Tone::Bad, &format!("strange answer{status}: {}", visible(said)))
            }
        }
    }
}

fn happened(accepted: &Accepted, output: Output) -> String {
    let mut text = match (accepted.dry_run, accepted.duplicate) {
        (true, _) => output.paint(Tone::Good, "would be accepted; nothing is stored"),
        (false, true) => output.paint(Tone::Warn, "accepted before; this is the answer of then"),
        (false, false) => output.paint(Tone::Good, "accepted"),
    };
    if accepted.events.is_empty() {
        text.push_str("\n  nothing was left to do");
    }
    for event in &accepted.events {
        let name = output.paint(Tone::Strong, &visible(&event.event_type));
        let _ = write!(text, "\n  {name}  version {}", event.version);
    }
    let Accepted { aggregate, id, version, position, command_id, .. } = accepted;
    let path = visible(&format!("{}/{id}", aggregate.replace('.', "/")));
    let _ = write!(text, "\n  {path}  now at version {version}");
    if !accepted.dry_run {
        let _ = write!(text, "\n  position {position}, command id {}", visible(command_id));
        let history = format!("\n  its story: annals history {path}");
        text.push_str(&output.paint(Tone::Faint, &history));
    }
    text
}

fn stood_against(problem: &Problem, output: Output) -> String {
    let Problem { code, status, title, detail, .. } = problem;
    let mut text = output.paint(Tone::Bad, &visible(&format!("{title}: {code} ({status})")));
    let _ = write!(text, "\n  {}", visible(detail));
    for field in &problem.errors {
        let at = if field.pointer.is_empty() { "the body" } else { &field.pointer };
        if field.detail == *detail {
            let _ = write!(text, "\n  at {}", visible(at));
        } else {
            let _ = write!(text, "\n  at {}: {}", visible(at), visible(&field.detail));
        }
    }
    if let Some(version) = problem.version {
        let _ = write!(text, "\n  it is at version {version}");
    }
    if let Some(hint) = &problem.hint {
        let _ = write!(text, "\n  {}", output.paint(Tone::Warn, &visible(hint)));
    }
    let id = problem.command_id.as_deref().map(visible);
    match (&id, problem.retryable) {
        (Some(id), true) => {
            let _ = write!(text, "\n  send the same again with --command-id {id}");
        }
        (Some(id), false) if problem.duplicate => {
            let _ = write!(text, "\n  this is the answer of then to command id {id}");
        }
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use annals_commands::Code;
    use serde_json::json;

    use super::*;

    fn accepted() -> Value {
        json!({
            "ok": true, "command_id": "c-1", "aggregate": "samia.wallet", "id": "w-1", "version": 4,
            "position": 812, "duplicate": false, "events": [
                {"id": "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10", "type": "WalletDebited", "version": 4}
            ],
        })
    }

    fn read(value: &Value) -> Answer {
        Answer::read(None, None, value.to_string().as_bytes())
    }

    fn problem(problem: &Problem) -> Answer {
        let status = problem.status.to_string();
        Answer::read(Some(&status), Some(&problem.code), problem.to_json().as_bytes())
    }

    #[test]
    fn an_accepted_command_is_told_by_what_happened() {
        let answer = read(&accepted());
        assert_eq!((answer.exit(), answer.json()), (Exit::Done, accepted()));
        assert_eq!(
            answer.text(Output::plain()),
            "accepted\n  WalletDebited  version 4\n  samia/wallet/w-1  now at version 4\n  \
             position 812, command id c-1\n  its story: annals history samia/wallet/w-1"
        );
    }

    #[test]
    fn a_dry_run_and_a_duplicate_say_so() {
        let mut dry = accepted();
        dry["dry_run"] = json!(true);
        let text = read(&dry).text(Output::plain());
        assert!(text.starts_with("would be accepted") && !text.contains("position"));
        let mut again = accepted();
        again["duplicate"] = json!(true);
        again["events"] = json!([]);
        let text = read(&again).text(Output::plain());
        assert!(text.starts_with("accepted before") && text.contains("nothing was left to do"));
    }

    #[test]
    fn a_refusal_is_told_with_its_field_and_its_hint() {
        let refused = Problem {
            command_id: Some("c-1".into()),
            ..Problem::new(&Code::Rule("insufficient_funds".into()), "the balance is 10.00")
                .at("/data/amount", "the balance is 10.00")
                .hint("credit the wallet first")
        };
        let answer = problem(&refused);
        assert_eq!(answer.exit(), Exit::Refused);
        assert_eq!(
            answer.text(Output::plain()),
            "A rule stands against it: insufficient_funds (422)\n  the balance is 10.00\n  \
             at /data/amount\n  credit the wallet first"
        );
        assert_eq!(answer.json()["code"], "insufficient_funds");
    }

    #[test]
    fn what_may_succeed_later_says_how() {
        let later = Problem {
            command_id: Some("c-1".into()),
            ..Problem::new(&Code::StoreUnavailable, "the event store does not answer")
        };
        let answer = problem(&later);
        assert_eq!(answer.exit(), Exit::Unavailable);
        assert!(answer.text(Output::plain()).ends_with("--command-id c-1"));
        let stale = Problem { version: Some(5), ..Problem::new(&Code::VersionConflict, "stale") };
        assert!(problem(&stale).text(Output::plain()).contains("it is at version 5"));
    }

    #[test]
    fn an_answer_of_somebody_else_is_strange() {
        let answer = Answer::read(Some("500"), Some("boom\u{1b}[2J"), b"");
        assert_eq!(answer.exit(), Exit::Fault);
        assert!(!answer.text(Output::plain()).contains('\u{1b}'));
        assert_eq!(read(&json!({"hello": 1})).exit(), Exit::Fault);
        assert_eq!(Answer::read(None, None, b"\xff").exit(), Exit::Fault);
    }
}
