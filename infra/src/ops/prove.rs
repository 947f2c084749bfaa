//! `annals prove` and `annals checkpoint`: what is handed to somebody who trusts nobody.

use std::{path::PathBuf, process::ExitCode};

use super::{
    EXIT_CODES, OpsError,
    setup::{Setup, tables_missing},
};
use crate::{
    cli::{Exit, say},
    proof::{
        bundle, last_note,
        ledger::Ledger,
        note::{Checkpoint, Note},
    },
    settings::Flags,
    store::{COLUMNS, Role, StoredEvent},
};

/// Writes a bundle: events byte for byte, each with the proof that it stands in the signed log.
///
/// Whoever gets it needs annals verify --bundle and the log's verifier key, and neither database nor
/// network. Personal fields stay sealed.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals prove lift/alert/<id> >alert.proof          everything that happened to one record
  annals prove 1034 >event.proof                     one event, by its position
  annals prove 1034 --since mine.checkpoint          and that the log continues a checkpoint you hold

{EXIT_CODES}"))]
pub struct ProveArgs {
    /// What is proved: a position, or an aggregate.
    #[arg(value_name = "POSITION|CONTEXT/AGGREGATE/ID")]
    pub what: String,
    /// An older checkpoint; the bundle proves that the log is its continuation.
    #[arg(long, value_name = "FILE")]
    pub since: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Shows the newest signed checkpoint of the log: keep it, and nobody can change what it covers without
/// your seeing it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals checkpoint >mine.checkpoint
  annals checkpoint --key             what verifies it; hand this out

{EXIT_CODES}"))]
pub struct CheckpointArgs {
    /// Shows the verifier keys instead, one a line.
    #[arg(long)]
    pub key: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals checkpoint`.
///
/// # Errors
/// When nothing was signed yet, or Postgres does not answer.
pub async fn checkpoint(args: CheckpointArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    if args.key {
        for key in setup.verifiers(&[])? {
            say(&key.to_string());
        }
        return Ok(Exit::Done.into());
    }
    let pool = setup.pool(Role::Auditor, 1).await?;
    say(newest(&pool).await?.trim_end_matches('\n'));
    Ok(Exit::Done.into())
}

/// Runs `annals prove`.
///
/// # Errors
/// There is no such event, it is not signed yet, or Postgres does not answer.
pub async fn prove(args: ProveArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Auditor, 1).await?;
    let note = newest(&pool).await?;
    let size = Checkpoint::read(&Note::read(&note)?.body)?.size;
    let older = match &args.since {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|source| OpsError::File { path: path.clone(), source })?,
        ),
        None => None,
    };
    let events = find(&pool, &args.what).await?;
    // What happened after the last checkpoint is proved by the next one.
    let signed: Vec<StoredEvent> = events
        .into_iter()
        .filter(|it| u64::try_from(it.position).is_ok_and(|position| position <= size))
        .collect();
    if signed.is_empty() {
        return Err(OpsError::Refused(format!(
            "{} is not signed yet: the newest checkpoint covers {size} events; try again in a moment",
            args.what
        )));
    }
    let ledger = Ledger::new(pool);
    for line in bundle::make(&ledger, &note, &signed, older.as_deref()).await? {
        say(&line);
    }
    Ok(Exit::Done.into())
}

async fn newest(pool: &sqlx::PgPool) -> Result<String, OpsError> {
    last_note(pool).await.map_err(tables_missing)?.ok_or_else(|| {
        OpsError::Refused(
            "nothing was signed yet: set ANNALS_SIGNING_KEY_FILE for annals serve, role relay"
                .to_owned(),
        )
    })
}

async fn find(pool: &sqlx::PgPool, what: &str) -> Result<Vec<StoredEvent>, OpsError> {
    let found: Vec<StoredEvent> = if let Ok(position) = what.parse::<i64>() {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM annals.events AS event WHERE position = $1"))
            .bind(position)
            .fetch_all(pool)
            .await?
    } else {
        let parts: Vec<&str> = what.splitn(3, '/').collect();
        let [context, aggregate, id] = parts.as_slice() else {
            let text = "what is proved is a position, or <context>/<aggregate>/<id>";
            return Err(OpsError::Usage(text.to_owned()));
        };
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM annals.events AS event
             WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence"
        ))
        .bind(format!("{context}.{aggregate}"))
        .bind(id)
        .fetch_all(pool)
        .await?
    };
    if found.is_empty() {
        return Err(OpsError::Refused(format!("nothing has ever happened at {what}")));
    }
    Ok(found)
}
