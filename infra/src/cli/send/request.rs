//! A command as it goes over the wire.

use std::borrow::Cow;

use annals_commands::{
    Catalogue, CommandType, Target,
    envelope::{Envelope, MAX_BODY, aggregate_id, is_command_id},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cli::{commands::find, fields};

use super::{SendArgs, Unanswered};

/// A command as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The NATS subject.
    pub subject: String,
    /// The command's id.
    pub command_id: String,
    /// All headers, the command's id among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// The request that the arguments describe.
    ///
    /// # Errors
    /// There is no such command, or a field or an id does not fit.
    pub fn of(
        catalogue: &Catalogue,
        args: &SendArgs,
        token: Option<&str>,
    ) -> Result<Self, Unanswered> {
        let (subject, body) = if args.unchecked {
            (as_typed(args)?, body(args, &fields::loose(&args.fields).map_err(all)?))
        } else {
            let command = find(catalogue, &args.context, &args.command);
            let command = command.map_err(Unanswered::usage)?;
            (command.subject(), checked(command, args)?)
        };
        let command_id = match &args.command_id {
            Some(id) if is_command_id(id) => id.clone(),
            Some(_) => {
                let text = "--command-id: expected 1 to 128 printable ASCII characters, no space";
                return Err(Unanswered::usage(text));
            }
            None => Uuid::now_v7().to_string(),
        };
        let headers = headers(args, &command_id, token)?;
        Ok(Self { subject, command_id, headers, body })
    }
}

/// The body, looked at with the same eyes as the service will.
fn checked(command: &CommandType, args: &SendArgs) -> Result<String, Unanswered> {
    let data = fields::object(command.schema.as_value(), &args.fields).map_err(all)?;
    command.parse(&data.to_string()).map_err(|error| {
        let field = error.pointer.trim_start_matches("/data").trim_start_matches('/');
        let field = if field.is_empty() { "fields" } else { field };
        Unanswered::usage(format!("{}: {}", field.replace('/', "."), error.detail))
    })?;
    match &args.id {
        Some(id) if aggregate_id(Cow::Borrowed(id)).is_none() => {
            let text = "--id: expected 1 to 128 letters, digits, `-`, `_` and `:`";
            return Err(Unanswered::usage(text));
        }
        None if command.target == Target::Given => {
            let text = format!("--id is missing: which {}?", command.aggregate.short_name());
            return Err(Unanswered::usage(text));
        }
        Some(_) | None => {}
    }
    let body = body(args, &data);
    Envelope::read(body.as_bytes(), MAX_BODY).map_err(|no| {
        let flag = match no.pointer.as_str() {
            "/occurred_at" => "--occurred-at: ",
            "/reason" => "--reason: ",
            _ => "",
        };
        Unanswered::usage(format!("{flag}{}", no.fault.detail()))
    })?;
    Ok(body)
}

fn all(errors: fields::FieldErrors) -> Unanswered {
    Unanswered::usage(errors.to_string())
}

/// The subject of names that nobody has looked up.
fn as_typed(args: &SendArgs) -> Result<String, Unanswered> {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if is_token(&args.context) && is_token(&args.command) {
        Ok(format!("{}.cmd.{}", args.context, args.command))
    } else {
        Err(Unanswered::usage("a context and a command are words of letters, digits and `_`"))
    }
}

fn body(args: &SendArgs, data: &Value) -> String {
    let mut body = json!({ "data": data });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body[name] = value;
        }
    };
    set("id", args.id.as_ref().map(|id| json!(id)));
    set("expected_version", args.expect_version.map(|version| json!(version)));
    set("occurred_at", args.occurred_at.as_ref().map(|time| json!(time)));
    set("reason", args.reason.as_ref().map(|reason| json!(reason)));
    body.to_string()
}

fn headers(
    args: &SendArgs,
    command_id: &str,
    token: Option<&str>,
) -> Result<Vec<(&'static str, String)>, Unanswered> {
    let mut headers = vec![("Nats-Msg-Id", command_id.to_owned())];
    if let Some(token) = token.map(str::trim) {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unanswered::usage("the token is not one: it has spaces or is empty"));
        }
        headers.push(("Authorization", format!("Bearer {token}")));
    }
    if args.dry_run {
        headers.push(("Annals-Dry-Run", "1".to_owned()));
    }
    if args.await_projected {
        headers.push(("Annals-Await", "projected".to_owned()));
    }
    headers.push(("Content-Type", "application/json".to_owned()));
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use annals_commands::envelope::RequestHeaders;

    use super::*;

    const ID: &str = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10";

    fn args(command: &str, fields: &[&str]) -> SendArgs {
        SendArgs {
            context: "shared".into(),
            command: command.into(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            ..SendArgs::default()
        }
    }

    fn request(args: &SendArgs) -> Result<Request, String> {
        let token = Some("a.b.c");
        Request::of(&Catalogue::new(), args, token).map_err(|unanswered| unanswered.text)
    }

    #[test]
    fn the_border_takes_what_is_sent() {
        let sent = SendArgs {
            id: Some(ID.into()),
            expect_version: Some(0),
            occurred_at: Some("2026-11-21T12:00:00Z".into()),
            reason: Some("asked".into()),
            dry_run: true,
            await_projected: true,
            ..args("register_identity", &["email=ada@example.org"])
        };
        let request = request(&sent).unwrap();
        assert_eq!(request.subject, "shared.cmd.register_identity");
        let envelope = Envelope::read(request.body.as_bytes(), MAX_BODY).unwrap();
        assert_eq!((envelope.id.as_deref(), envelope.expected_version), (Some(ID), Some(0)));
        assert_eq!(envelope.data, r#"{"email":"ada@example.org"}"#);
        let headers = request.headers.iter().map(|(name, text)| (*name, text.as_str()));
        let headers = RequestHeaders::read(headers).unwrap();
        assert!(headers.dry_run && headers.await_projected);
        assert_eq!(headers.command_id, request.command_id);
        assert_eq!(headers.token.map(|token| token.0), Some("a.b.c"));
    }

    #[test]
    fn a_mistake_is_told_before_anything_is_sent() {
        for (args, said) in [
            (args("register_identty", &[]), "did you mean register_identity?"),
            (args("register_identity", &[]), "missing: email=text"),
            (args("register_identity", &["emial=x"]), "did you mean email?"),
            (args("change_identity_email", &["email=x"]), "--id is missing: which identity?"),
            (
                SendArgs { id: Some("a.b".into()), ..args("register_identity", &["email=x"]) },
                "--id: expected",
            ),
            (
                SendArgs { reason: Some(" ".into()), ..args("register_identity", &["email=x"]) },
                "--reason: a reason is a text",
            ),
            (
                SendArgs {
                    occurred_at: Some("now".into()),
                    ..args("register_identity", &["email=x"])
                },
                "--occurred-at: a time is",
            ),
            (
                SendArgs {
                    command_id: Some("a b".into()),
                    ..args("register_identity", &["email=x"])
                },
                "--command-id: expected",
            ),
        ] {
            let told = request(&args).unwrap_err();
            assert!(told.contains(said), "{said} is not in: {told}");
        }
    }

    #[test]
    fn unchecked_fields_go_as_they_are() {
        let sent =
            SendArgs { unchecked: true, ..args("no_such_command", &["a=1", "b=x", "c:=[2]"]) };
        let request = request(&sent).unwrap();
        assert_eq!(request.subject, "shared.cmd.no_such_command");
        assert_eq!(request.body, r#"{"data":{"a":1,"b":"x","c":[2]}}"#);
        let wild = SendArgs { unchecked: true, ..args("*", &[]) };
        assert!(self::request(&wild).is_err());
    }

    #[test]
    fn a_token_with_spaces_is_none() {
        let args = args("register_identity", &["email=x"]);
        let sent = Request::of(&Catalogue::new(), &args, Some("a b"));
        assert!(sent.unwrap_err().text.contains("token"));
    }
}
