//! `annals send`: sends a command over NATS and tells what came of it.

mod answer;
mod ask;
mod request;
mod tokens;

use std::{path::PathBuf, time::Duration};

use annals_commands::Catalogue;

use crate::settings::{Flags, Settings, Sources};

use super::{
    exit::{EXIT_CODES, Exit},
    output::{Output, Tone, complain, say},
};

pub use answer::Answer;
pub use request::Request;
pub use tokens::{TOKENS, actors, token_of};

/// Sends a command and shows what came of it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Fields:
  amount=12.50            a value, in the type that the command's schema says
  tags=a tags=b           an item of a list, each time
  address.city=Lviv       a field of an object inside
  note:=null              any JSON
  @body.json, @-          an object to begin with, from a file or the standard input

Examples:
  annals commands samia.debit_wallet
  annals send samia debit_wallet --as ada --id 0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10 amount=12.50
  annals send lift acknowledge_alert --as ada --id 0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a11 --dry-run

{EXIT_CODES}"))]
pub struct SendArgs {
    /// The context, for example samia.
    #[arg(index = 1)]
    pub context: String,
    /// The command, for example debit_wallet.
    #[arg(index = 2)]
    pub command: String,
    /// Its fields.
    #[arg(index = 3, value_name = "FIELD=VALUE")]
    pub fields: Vec<String>,
    /// The aggregate's id. Some commands make a new one where it is left out.
    #[arg(long)]
    pub id: Option<String>,
    /// Sends as this actor, by a token that `annals dev` wrote to .dev/tokens.json. Wins over --token.
    #[arg(long = "as", value_name = "ACTOR")]
    pub actor: Option<String>,
    /// Sends with this token.
    #[arg(long, env = "ANNALS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The command's own id. Sending the same again under the same id has its effect once.
    #[arg(long, value_name = "ID")]
    pub command_id: Option<String>,
    /// The version that the aggregate must have; 0 where it must not exist yet.
    #[arg(long, value_name = "VERSION")]
    pub expect_version: Option<u64>,
    /// When it happened, if not now, such as 2026-11-21T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub occurred_at: Option<String>,
    /// Why, for overrides that have to say so.
    #[arg(long)]
    pub reason: Option<String>,
    /// Decides, but stores nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Waits until the tables show it.
    #[arg(long = "await")]
    pub await_projected: bool,
    /// Writes the answer as it came, as JSON.
    #[arg(long)]
    pub json: bool,
    /// Sends the fields as they are, without a look at the command's schema.
    #[arg(long)]
    pub unchecked: bool,
    /// How many seconds to wait for the answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub timeout: u64,
    /// The NATS servers. Else NATS_URL, annals.toml, or what `annals dev` wrote to .dev/env.
    #[arg(long, value_name = "URL")]
    pub nats_url: Option<String>,
}

/// Why there is no answer: how it ends, and the sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// How it ends.
    pub exit: Exit,
    /// What to do about it.
    pub text: String,
}

impl Unanswered {
    /// For programs, in the form of an answer.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({ "ok": false, "code": "unanswered", "detail": self.text })
    }

    fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }
}

/// Runs `annals send`.
pub async fn run(args: &SendArgs) -> Exit {
    match answered(args).await {
        Ok(answer) if args.json => {
            say(&answer.json().to_string());
            answer.exit()
        }
        Ok(answer) => {
            let exit = answer.exit();
            if exit == Exit::Done {
                say(&answer.text(Output::stdout()));
            } else {
                complain(&answer.text(Output::stderr()));
            }
            exit
        }
        Err(unanswered) if args.json => {
            say(&unanswered.json().to_string());
            unanswered.exit
        }
        Err(unanswered) => {
            complain(&Output::stderr().paint(Tone::Bad, &unanswered.text));
            unanswered.exit
        }
    }
}

/// Sends a command as `annals send` does.
///
/// # Errors
/// There is no answer, or nothing was sent.
pub(crate) async fn answered(args: &SendArgs) -> Result<Answer, Unanswered> {
    let settings = settings(args)?;
    let token = match &args.actor {
        Some(actor) => Some(token_of(&PathBuf::from(TOKENS), actor).map_err(Unanswered::usage)?),
        None => args.token.clone(),
    };
    let request = Request::of(&Catalogue::new(), args, token.as_deref())?;
    let within = Duration::from_secs(args.timeout.max(1));
    ask::ask(&settings, &request, within).await
}

fn settings(args: &SendArgs) -> Result<Settings, Unanswered> {
    let wrong = |text: String| Unanswered::usage(text);
    let mut flags = Flags::default();
    if let Some(url) = &args.nats_url {
        flags = flags.with("nats_url", url).map_err(|error| wrong(error.to_string()))?;
    }
    let resolved = Sources::of_process(flags).as_client().resolve();
    resolved.settings().map_err(|error| wrong(error.to_string()))
}
