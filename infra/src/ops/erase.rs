//! `annals erase`: forgets a person everywhere, and shows the receipt.

use std::{path::Path, process::ExitCode, time::Duration};

use annals_commands::Catalogue as Aggregates;
use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use super::{
    EXIT_CODES, OpsError,
    setup::{Setup, tables_missing},
};
use crate::{
    cli::{
        Exit, Output, complain, say,
        send::{Answer, SendArgs, answered},
    },
    settings::{Flags, nearest},
    store::Role,
};

/// How often it is looked whether the receipt is there.
const POLL: Duration = Duration::from_millis(250);

/// Forgets a person everywhere, for good: a recorded act with its legal ground.
///
/// Holds and the retention of records are asked first, and stand against it with a code of their own
/// (subject_on_hold, retention_not_over). Then the person's keys are destroyed, nothing more about them is
/// taken (410 erased), tombstones stand in all tables and their past, files are rewritten, and a receipt is
/// signed. The log stays as it is, and so do all proofs.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals erase lift child/1b000000-0000-7000-8000-000000000012 --ground subject_request --as operator
  annals erase nestsync user/1d000000-0000-7000-8000-000000000003 --ground consent_withdrawn
  annals erase lift child/1b000000-0000-7000-8000-000000000012 --receipt
  annals send shared place_hold --as operator --id <id> basis=legal_proceedings reference=C-17
  annals send shared release_hold --as operator --id <id> hold_id=<hold>

Grounds: subject_request, consent_withdrawn, retention_ended, unlawful_processing, legal_obligation.
The person, the operator, or the system may order it. annals serve (role reactor) carries it out.
Backups hold what they hold until they are gone: the receipt says when (ANNALS_BACKUP_DAYS).

{EXIT_CODES}"))]
pub struct EraseArgs {
    /// The context that knows the person.
    pub context: String,
    /// What the person is there, and the id.
    #[arg(value_name = "KIND/ID")]
    pub who: String,
    /// On which legal ground.
    #[arg(long, required_unless_present = "receipt")]
    pub ground: Option<String>,
    /// Shows the receipt of an erasure that was carried out, and orders nothing.
    #[arg(long, conflicts_with = "ground")]
    pub receipt: bool,
    /// Orders it as this actor, by a token that annals dev wrote. Wins over --token.
    #[arg(long = "as", value_name = "ACTOR")]
    pub actor: Option<String>,
    /// Orders it with this token.
    #[arg(long, env = "ANNALS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// For how many seconds the receipt is waited for; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait: u64,
    /// Writes what came of it as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals erase`.
///
/// # Errors
/// There is nobody of that id, something stands against it, or nobody answers.
pub async fn run(args: EraseArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Auditor, 1).await?;
    let id = subject(&pool, &args.context, &args.who).await?;
    if args.receipt {
        let Some(done) = state(&pool, &id).await?.filter(|it| it.finished_at.is_some()) else {
            return Err(OpsError::Refused(format!("no erasure of {} is finished", args.who)));
        };
        return Ok(shown(&id, &done, args.json).into());
    }
    let ground = args.ground.clone().unwrap_or_default();
    let asked = Order {
        command: "erase_subject",
        id: &id,
        fields: vec![format!("ground={ground}")],
        actor: args.actor.clone(),
        token: args.token.clone(),
    };
    if let Err(exit) = asked.send(args.json).await? {
        return Ok(exit.into());
    }
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    loop {
        if let Some(done) = state(&pool, &id).await?.filter(|it| it.finished_at.is_some()) {
            return Ok(shown(&id, &done, args.json).into());
        }
        if Instant::now() >= deadline {
            complain(
                "annals: it is recorded, and not finished yet: annals serve with the role reactor \
                 carries it out; --receipt shows when it has",
            );
            return Ok(if args.wait == 0 { Exit::Done } else { Exit::Unavailable }.into());
        }
        sleep(POLL).await;
    }
}

/// The id of whoever is meant, if anything ever happened to them.
pub(super) async fn subject(pool: &PgPool, context: &str, who: &str) -> Result<String, OpsError> {
    let (kind, id) = who.split_once('/').ok_or_else(|| {
        OpsError::Usage("say who it is as <kind>/<id>, for example child/1b00…".to_owned())
    })?;
    let aggregates = Aggregates::new();
    let kinds: Vec<&str> = aggregates
        .aggregates()
        .filter(|known| known.context() == context)
        .map(|known| known.short_name())
        .collect();
    if !kinds.contains(&kind) {
        let meant = nearest(kind, kinds.iter().copied());
        let meant = meant.map(|it| format!("; did you mean {it}?")).unwrap_or_default();
        return Err(OpsError::Usage(format!("{context} knows no {kind}{meant}")));
    }
    let known: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM annals.events
                        WHERE aggregate_type = $1 AND aggregate_id = $2)",
    )
    .bind(format!("{context}.{kind}"))
    .bind(id)
    .fetch_one(pool)
    .await
    .map_err(tables_missing)?;
    if known {
        Ok(id.to_owned())
    } else {
        Err(OpsError::Refused(format!("nothing has ever happened to {context}/{who}")))
    }
}

/// A command about a person, on its way through NATS as any other.
pub(super) struct Order<'a> {
    pub command: &'static str,
    pub id: &'a str,
    pub fields: Vec<String>,
    pub actor: Option<String>,
    pub token: Option<String>,
}

impl Order<'_> {
    /// Sends it. What stands against it is shown; the exit code says it too.
    pub async fn send(self, json: bool) -> Result<Result<(), Exit>, OpsError> {
        let args = SendArgs {
            context: "shared".to_owned(),
            command: self.command.to_owned(),
            fields: self.fields,
            id: Some(self.id.to_owned()),
            actor: self.actor,
            token: self.token,
            timeout: 10,
            ..SendArgs::default()
        };
        match answered(&args).await {
            Ok(Answer::Accepted(..)) => Ok(Ok(())),
            Ok(answer) => {
                let exit = answer.exit();
                if json {
                    say(&answer.json().to_string());
                } else {
                    complain(&answer.text(Output::stderr()));
                }
                Ok(Err(exit))
            }
            Err(unanswered) => {
                complain(&format!("annals: {}", unanswered.text));
                Ok(Err(unanswered.exit))
            }
        }
    }
}

#[derive(sqlx::FromRow)]
struct State {
    finished_at: Option<DateTime<Utc>>,
    rows: i64,
    versions: i64,
    scrubbed: bool,
    receipt: Option<String>,
}

async fn state(pool: &PgPool, id: &str) -> Result<Option<State>, OpsError> {
    sqlx::query_as(
        "SELECT finished_at, rows, versions, scrubbed, receipt FROM annals.erasures WHERE subject = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await
    .map_err(tables_missing)
}

fn shown(id: &str, done: &State, json: bool) -> Exit {
    if json {
        say(&json!({ "result": {
            "subject": id, "finished_at": done.finished_at, "rows": done.rows,
            "versions": done.versions, "scrubbed": done.scrubbed, "receipt": done.receipt,
        }})
        .to_string());
        return Exit::Done;
    }
    match &done.receipt {
        Some(receipt) => say(receipt.trim_end_matches('\n')),
        None => {
            complain(
                "annals: nothing is signed here: set ANNALS_SIGNING_KEY_FILE for annals serve",
            );
            say(&format!(
                "{id} is erased: {} rows and {} older versions were redacted.",
                done.rows, done.versions
            ));
        }
    }
    Exit::Done
}

/// Where a receipt is read from, to verify it.
pub(super) fn verified(
    path: &Path,
    keys: &[crate::proof::note::VerifierKey],
    json: bool,
) -> Result<Exit, OpsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| OpsError::File { path: path.to_owned(), source })?;
    match crate::erasure::read_receipt(&text, keys) {
        Ok(receipt) if json => say(&json!({ "receipt": receipt }).to_string()),
        Ok(receipt) => {
            say(&format!("A receipt of the log {}, signed by it:", receipt.origin));
            for (name, value) in &receipt.facts {
                say(&format!("  {name}: {}", super::text::visible(value)));
            }
        }
        Err(error) => {
            complain(&format!("annals: NOT a receipt: {error}"));
            return Ok(Exit::Fault);
        }
    }
    Ok(Exit::Done)
}
