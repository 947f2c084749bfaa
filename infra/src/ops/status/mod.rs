//! `annals status`: the whole deployment on one screen, and whether anything stands still.
//!
//! Read from Postgres with the auditor's rights, from NATS and from the key store; no process of ours
//! is asked for more than a sign of life.

mod gather;
mod reactors;
mod reading;
mod services;
#[cfg(test)]
mod tests;
mod write;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use annals_projections::Catalogue;
use async_nats::Client;
use sqlx::PgPool;

use self::{
    gather::{Observer, Reach},
    reading::Reading,
};
use super::{EXIT_CODES, OpsError, setup::Setup};
use crate::{
    cli::{Exit, Output, say},
    settings::Flags,
    store::Role,
};

/// Between two looks at something that is late.
const SECOND_LOOK: Duration = Duration::from_millis(1_500);

/// Shows the whole deployment on one screen: the log, rows, streams, services, keys.
///
/// Ends with 1 where something stands still: a projection that was stopped by an event, tables of
/// another version, events that nobody publishes or projects, a key store that does not answer.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals status
  annals status --watch 2                    again every two seconds, until Ctrl-C
  annals status --json | jq .faults          what is wrong, for programs
  annals status >/dev/null || page-somebody

Columns: the position that rows hold, how many events of the context are not in them yet and how
long the oldest waits; the same for what is published; how often rows and stream began anew; what
the stream holds; events that could not be applied.

{EXIT_CODES}"))]
pub struct StatusArgs {
    /// Writes JSON; one object a line with --watch.
    #[arg(long)]
    pub json: bool,
    /// Looks again every so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub watch: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals status`.
///
/// # Errors
/// When Postgres does not answer, or holds no event store.
pub async fn run(args: StatusArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Auditor, 2).await?;
    let mut observer = Observer {
        reach: Reach::Setup(Box::new(setup)),
        pool,
        catalogue: Catalogue::new(),
        nats: None,
    };
    loop {
        let reading = look(&mut observer).await?;
        show(&reading, &args);
        let Some(seconds) = args.watch else {
            return Ok(if reading.ok { Exit::Done } else { Exit::Fault }.into());
        };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// The deployment as a process sees it that serves: with the auditor's rights, its own connection to NATS
/// and the address of the key store.
///
/// # Errors
/// When Postgres does not answer.
pub(crate) async fn served(
    pool: &PgPool,
    client: &Client,
    keys_url: &str,
) -> Result<serde_json::Value, OpsError> {
    let mut observer = Observer {
        reach: Reach::Served(keys_url.to_owned()),
        pool: pool.clone(),
        catalogue: Catalogue::new(),
        nats: Some(client.clone()),
    };
    let reading = look(&mut observer).await?;
    Ok(serde_json::to_value(&reading).unwrap_or_default())
}

/// Looks, and looks again where something is late: it may be on its way.
async fn look(observer: &mut Observer) -> Result<Reading, OpsError> {
    let first = observer.look().await?;
    if !first.is_late() {
        return Ok(first);
    }
    tokio::time::sleep(SECOND_LOOK).await;
    let mut second = observer.look().await?;
    second.compare(&first);
    second.judge();
    Ok(second)
}

fn show(reading: &Reading, args: &StatusArgs) {
    if args.json {
        let text = match args.watch {
            Some(_) => serde_json::to_string(reading),
            None => serde_json::to_string_pretty(reading),
        };
        say(&text.unwrap_or_default());
        return;
    }
    if args.watch.is_some() && io::stdout().is_terminal() {
        // Home, and away with what is left of the last screen.
        let _ = write!(io::stdout().lock(), "\u{1b}[H\u{1b}[2J");
    }
    say(&write::screen(reading, Output::stdout()));
}
