//! `annals commands`: what can be asked, of what, by whom, and what may be answered.

use std::fmt::Write;

use annals_commands::{Catalogue, CommandType, Target, catalogue::Context};
use annals_domain::refusal::snake_case;
use serde_json::{Value, json};

use crate::settings::nearest;

use super::{
    exit::Exit,
    output::{Output, Tone, complain, say, table},
    shape::{Field, example, fields_of},
};

const EXAMPLE_ID: &str = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10";

/// Lists the commands, or shows one of them with its fields, its JSON Schema and examples.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Examples:
  annals commands                        every context and its commands
  annals commands samia                  one context: fields, who may, what is refused
  annals commands samia.debit_wallet     one command, with lines to paste
  annals commands lift --json            the same for programs, with JSON Schemas")]
pub struct CommandsArgs {
    /// A context, or a command as <context>.<command>.
    #[arg(value_name = "CONTEXT[.COMMAND]")]
    pub what: Option<String>,
    /// Writes JSON, with the schema of each command.
    #[arg(long)]
    pub json: bool,
}

/// Runs `annals commands`.
#[must_use]
pub fn run(args: &CommandsArgs) -> Exit {
    match text(&Catalogue::new(), args, Output::stdout()) {
        Ok(text) => {
            say(&text);
            Exit::Done
        }
        Err(error) => {
            complain(&error);
            Exit::Usage
        }
    }
}

/// What `annals commands` writes.
///
/// # Errors
/// There is no such context or command; the sentence names the nearest.
pub fn text(catalogue: &Catalogue, args: &CommandsArgs, output: Output) -> Result<String, String> {
    let Some(what) = args.what.as_deref() else {
        let contexts = catalogue.contexts();
        return Ok(if args.json {
            pretty(&contexts.iter().flat_map(|context| &context.commands).map(as_json).collect())
        } else {
            overview(contexts, output)
        });
    };
    let (name, command) = match what.split_once('.') {
        Some((context, command)) => (context, Some(command)),
        None => (what, None),
    };
    let context = context(catalogue, name)?;
    Ok(match command {
        None if args.json => pretty(&context.commands.iter().map(as_json).collect()),
        None => one_context(context, output),
        Some(command) => {
            let command = find(catalogue, name, command)?;
            if args.json { pretty(&as_json(command)) } else { one_command(command, output) }
        }
    })
}

fn context<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Context, String> {
    let names = || catalogue.contexts().iter().map(|context| context.name);
    catalogue.contexts().iter().find(|context| context.name == name).ok_or_else(|| {
        let all: Vec<_> = names().collect();
        let meant = nearest(name, names());
        let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
        format!("there is no context {name}; {meant}there are {}", all.join(", "))
    })
}

/// The command of a context, whether its name is written as in the subject or as in the contract.
///
/// # Errors
/// There is no such context or command; the sentence names the nearest.
pub fn find<'a>(
    catalogue: &'a Catalogue,
    context_name: &str,
    name: &str,
) -> Result<&'a CommandType, String> {
    let context = context(catalogue, context_name)?;
    let called = |command: &&CommandType| command.name == name || command.documented == name;
    context.commands.iter().find(called).ok_or_else(|| {
        let names = context.commands.iter().map(|command| command.name.as_str());
        let meant = nearest(&snake_case(name), names);
        let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
        format!(
            "there is no command {context_name}.{name}; {meant}see `annals commands {context_name}`"
        )
    })
}

fn overview(contexts: &[Context], output: Output) -> String {
    let mut text = String::new();
    for context in contexts.iter().filter(|context| !context.commands.is_empty()) {
        let name = output.paint(Tone::Strong, context.name);
        let _ = writeln!(text, "{name}  {}", output.paint(Tone::Faint, context.about));
        let rows = context
            .commands
            .iter()
            .map(|command| [command.name.clone(), needs(command), does(command).to_owned()]);
        let _ = writeln!(text, "{}\n", table(output, ["command", "needs", "does"], rows));
    }
    text.push_str("More: annals commands <context>, annals commands <context>.<command>");
    text
}

fn one_context(context: &Context, output: Output) -> String {
    let mut text = format!("{}\n", context.about);
    for aggregate in &context.aggregates {
        let of_it = |command: &&CommandType| command.aggregate.name == aggregate.name;
        let rows: Vec<_> = context
            .commands
            .iter()
            .filter(of_it)
            .map(|command| [command.name.clone(), takes(command), who_may(command)])
            .collect();
        if rows.is_empty() {
            continue;
        }
        let refuses: Vec<_> = aggregate.refusals.iter().map(|name| snake_case(name)).collect();
        let name = output.paint(Tone::Strong, aggregate.short_name());
        let table = table(output, ["command", "takes", "who may"], rows);
        let _ = writeln!(text, "\n{name}\n{table}");
        if !refuses.is_empty() {
            let _ = writeln!(text, " refuses: {}", refuses.join(", "));
        }
    }
    text.trim_end().to_owned()
}

/// The policies that say who may, without the words that all of a context's have.
fn who_may(command: &CommandType) -> String {
    let common = format!("{}.policy.", command.context());
    let names: Vec<_> = command
        .policies
        .iter()
        .map(|policy| policy.strip_prefix(common.as_str()).unwrap_or(policy))
        .collect();
    names.join("\n")
}

/// What a command does, without the contract's name of it.
fn does(command: &CommandType) -> &str {
    let summary = command.summary();
    summary.rsplit_once(" (").filter(|(_, id)| id.contains(".command.")).map_or(summary, |it| it.0)
}

/// The fields that a command cannot do without, on one line.
fn needs(command: &CommandType) -> String {
    let fields = fields_of(command.schema.as_value());
    let names: Vec<_> =
        fields.into_iter().filter(|field| field.required).map(|field| field.name).collect();
    names.join(" ")
}

/// A command's fields on one line; those that must be there first, the others in brackets.
fn takes(command: &CommandType) -> String {
    let fields = fields_of(command.schema.as_value());
    let names: Vec<_> = fields
        .iter()
        .map(|field| if field.required { field.name.clone() } else { format!("[{}]", field.name) })
        .collect();
    names.join(" ")
}

fn refusals(command: &CommandType) -> Vec<String> {
    command.aggregate.refusals.iter().map(|name| snake_case(name)).collect()
}

fn target(command: &CommandType) -> &'static str {
    match command.target {
        Target::Given => "--id is required",
        Target::New => "a new id is made unless --id names one",
        Target::Actor => "the actor's own unless --id names another",
    }
}

fn one_command(command: &CommandType, output: Output) -> String {
    let mut text = String::new();
    let strong = |text: &str| output.paint(Tone::Strong, text);
    let schema = command.schema.as_value();
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let name = format!("{}.{}", command.context(), command.name);
    let _ = writeln!(text, "{}\n{description}\n", strong(&name));
    for (label, value) in [
        ("subject", command.subject()),
        ("contract", format!("{}.command.{}", command.context(), command.documented)),
        ("of", format!("{}; {}", command.aggregate.name, target(command))),
        ("who may", command.policies.join(", ")),
        ("its aggregate refuses", refusals(command).join(", ")),
    ] {
        let _ = writeln!(text, "{label:23}{value}");
    }
    let fields = fields_of(schema);
    if !fields.is_empty() {
        let rows = fields.iter().map(row);
        let _ = writeln!(text, "\n{}", table(output, ["field", "holds", "means"], rows));
    }
    let body = body(command);
    for (label, lines) in [
        ("In a shell", shell(command)),
        ("In Python (pip install nats-py)", python(command, &body)),
        ("In Node (npm install @nats-io/transport-node)", node(command, &body)),
        ("JSON Schema of data (draft-07)", pretty(schema)),
    ] {
        let _ = write!(text, "\n{}\n{lines}\n", strong(label));
    }
    text.trim_end().to_owned()
}

fn row(field: &Field) -> [String; 3] {
    let name = if field.required { field.name.clone() } else { format!("[{}]", field.name) };
    [name, field.shape.in_words(), field.about.clone()]
}

/// A body that the command takes.
fn body(command: &CommandType) -> Value {
    let data = example(command.schema.as_value());
    match command.target {
        Target::Given => json!({ "id": EXAMPLE_ID, "data": data }),
        Target::New | Target::Actor => json!({ "data": data }),
    }
}

fn shell(command: &CommandType) -> String {
    let mut line = format!("annals send {} {} --as ACTOR", command.context(), command.name);
    if command.target == Target::Given {
        let _ = write!(line, " --id {EXAMPLE_ID}");
    }
    if let Value::Object(data) = example(command.schema.as_value()) {
        for (name, value) in &data {
            let argument = match value {
                Value::String(text) => format!("{name}={text}"),
                Value::Number(_) | Value::Bool(_) => format!("{name}={value}"),
                Value::Null | Value::Array(_) | Value::Object(_) => format!("{name}:={value}"),
            };
            let _ = write!(line, " {}", quoted(&argument));
        }
    }
    line
}

/// A word as a shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@,=+%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn python(command: &CommandType, body: &Value) -> String {
    let subject = command.subject();
    format!(
        r#"import asyncio, json, os, uuid, nats

async def main():
    nc = await nats.connect(os.environ["NATS_URL"])
    body = '''{body}'''
    headers = {{"Nats-Msg-Id": str(uuid.uuid4()), "Authorization": "Bearer " + os.environ["TOKEN"]}}
    reply = await nc.request("{subject}", body.encode(), headers=headers, timeout=5)
    print(json.loads(reply.data))
    await nc.close()

asyncio.run(main())"#
    )
}

fn node(command: &CommandType, body: &Value) -> String {
    let subject = command.subject();
    format!(
        r#"import {{ connect, headers }} from "@nats-io/transport-node";
const at = new URL(process.env.NATS_URL);
const nc = await connect({{ servers: at.host, user: at.username || undefined, pass: at.password || undefined }});
const h = headers();
h.set("Nats-Msg-Id", crypto.randomUUID());
h.set("Authorization", "Bearer " + process.env.TOKEN);
const reply = await nc.request("{subject}", JSON.stringify({body}), {{ headers: h, timeout: 5000 }});
console.log(reply.json());
await nc.close();"#
    )
}

fn as_json(command: &CommandType) -> Value {
    json!({
        "context": command.context(),
        "command": command.name,
        "documented": command.documented,
        "subject": command.subject(),
        "aggregate": command.aggregate.name,
        "id": match command.target {
            Target::Given => "required",
            Target::New => "new",
            Target::Actor => "actor",
        },
        "summary": command.summary(),
        "who_may": command.policies,
        "refuses": refusals(command),
        "schema": command.schema,
        "example": body(command),
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(what: Option<&str>, json: bool) -> Result<String, String> {
        let args = CommandsArgs { what: what.map(str::to_owned), json };
        text(&Catalogue::new(), &args, Output::plain())
    }

    #[test]
    fn every_command_is_in_the_overview() {
        let text = said(None, false).unwrap();
        for context in Catalogue::new().contexts() {
            for command in &context.commands {
                assert!(text.contains(&command.name), "{}", command.subject());
            }
        }
        assert!(text.contains("COMMAND") && !text.contains('\u{1b}'));
    }

    #[test]
    fn a_context_says_who_may_and_what_is_refused() {
        let text = said(Some("shared"), false).unwrap();
        for part in ["register_identity", "identity", "email", "identity.system"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(text.contains("email_malformed"));
    }

    #[test]
    fn a_command_is_shown_with_lines_to_paste() {
        let text = said(Some("shared.change_identity_email"), false).unwrap();
        for part in [
            "shared.cmd.change_identity_email",
            "shared.command.ChangeIdentityEmail",
            "annals send shared change_identity_email --as ACTOR --id 0192f7c0-",
            "email=ada@example.org",
            "nats.connect",
            "@nats-io/transport-node",
            "\"additionalProperties\": false",
        ] {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
        assert_eq!(said(Some("shared.ChangeIdentityEmail"), false), Ok(text));
    }

    #[test]
    fn programs_get_schemas_and_examples_that_are_taken() {
        let all: Vec<Value> = serde_json::from_str(&said(None, true).unwrap()).unwrap();
        let catalogue = Catalogue::new();
        for entry in &all {
            let command = catalogue.command(entry["subject"].as_str().unwrap()).unwrap();
            assert!(command.parse(&entry["example"]["data"].to_string()).is_ok());
            assert!(entry["schema"]["$schema"].as_str().unwrap().contains("draft-07"));
        }
        let one = said(Some("shared.register_identity"), true).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&one).unwrap()["id"], "new");
        let context = said(Some("shared"), true).unwrap();
        assert!(serde_json::from_str::<Vec<Value>>(&context).unwrap().len() >= 2);
    }

    #[test]
    fn what_is_not_there_is_answered_with_the_nearest() {
        assert!(said(Some("lfit"), false).unwrap_err().contains("did you mean lift?"));
        let said = said(Some("shared.register_identty"), false).unwrap_err();
        assert!(said.contains("did you mean register_identity?"), "{said}");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("name=value"), "name=value");
        assert_eq!(quoted("name=it's"), r"'name=it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a=$(rm)"), "'a=$(rm)'");
    }
}
