//! `annals migrate`: an empty or older database, and its key store, brought to the present schema.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use annals_projections::Catalogue;
use serde::Serialize;

use super::{EXIT_CODES, OpsError, setup::Setup};
use crate::{
    cli::{Exit, complain, say},
    keys::Keys,
    migrate::{self, Migrated, MigrationError},
    settings::Flags,
};

/// Between two tries while Postgres does not answer.
const AGAIN: Duration = Duration::from_millis(250);

/// Brings the database and the key store to the schema of this version. That is all a fresh one needs.
///
/// Makes either database where it is missing and the login may, then the event store, the roles, and
/// the read models that are not there. Read models whose table files have changed are named: they want
/// annals rebuild. Running it again changes nothing; several at once take turns.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals migrate
  annals migrate --wait 60      gives Postgres a minute to come up: for compose files and init steps
  annals migrate --json | jq .stale

No key is needed. The login of DATABASE_URL must own the database or be allowed to make schemas in it
and roles on the server, for instance as a login with CREATEROLE.

{EXIT_CODES}"))]
pub struct MigrateArgs {
    /// Writes JSON.
    #[arg(long)]
    pub json: bool,
    /// Tries for so many seconds while Postgres does not answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub wait: u64,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Done {
    /// Databases that were missing.
    created: Vec<&'static str>,
    /// Version of the event store's schema now.
    version: i64,
    /// How many migrations of it ran.
    ran: usize,
    /// Read models that were made.
    made: Vec<String>,
    /// Read models whose table files have changed.
    stale: Vec<String>,
}

/// Runs `annals migrate`.
///
/// # Errors
/// When Postgres does not answer in time or refuses a step. What was done before stays; it can be run
/// again.
pub async fn run(args: MigrateArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let (url, keys) = (setup.database_url()?, setup.keys_url()?);
    let patience = Patience { until: Instant::now() + Duration::from_secs(args.wait) };
    let mut done = Done::default();
    for (name, url) in [("event store", url), ("key store", keys)] {
        if patience.ensure(url).await? {
            done.created.push(name);
        }
    }
    let Migrated { version, ran, made, stale } = migrate::migrate(url, &Catalogue::new()).await?;
    done = Done { version, ran, made, stale, ..done };
    Keys::migrate(keys).await?;
    if args.json {
        say(&serde_json::to_string_pretty(&done).unwrap_or_default());
    } else {
        say(&sentences(&done));
    }
    Ok(Exit::Done.into())
}

struct Patience {
    until: Instant,
}

impl Patience {
    /// Makes the database of a URL where it is missing, once Postgres answers. Says whether it did.
    async fn ensure(&self, url: &str) -> Result<bool, OpsError> {
        let mut waits = false;
        loop {
            let error = match missing(url).await {
                Ok(false) => return Ok(false),
                Ok(true) => return Ok(migrate::ensure_database(url).await?),
                Err(error) => error,
            };
            if OpsError::exit(&error) != Exit::Unavailable || Instant::now() >= self.until {
                return Err(error);
            }
            if !waits {
                complain(&format!("annals: waiting for Postgres: {error}"));
                waits = true;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Whether the server says that it has no such database. Only then is its maintenance database asked,
/// which not every login may connect to.
async fn missing(url: &str) -> Result<bool, OpsError> {
    match migrate::connect(url).await {
        Ok(_) => Ok(false),
        Err(MigrationError::Postgres(error)) => {
            let code = error.as_database_error().and_then(|it| it.code());
            if code.as_deref() == Some("3D000") { Ok(true) } else { Err(error.into()) }
        }
        Err(error) => Err(error.into()),
    }
}

fn sentences(done: &Done) -> String {
    let mut lines = Vec::new();
    for name in &done.created {
        lines.push(format!("Made the database of the {name}."));
    }
    lines.push(match done.ran {
        0 => format!("The event store is at version {}.", done.version),
        1 => format!("The event store is at version {} after 1 migration.", done.version),
        ran => format!("The event store is at version {} after {ran} migrations.", done.version),
    });
    if !done.made.is_empty() {
        lines.push(format!("Made read models: {}.", done.made.join(", ")));
    }
    for name in &done.stale {
        lines.push(format!("The tables of {name} have changed since: run annals rebuild {name}."));
    }
    if done.created.is_empty() && done.ran == 0 && done.made.is_empty() && done.stale.is_empty() {
        lines.push("Nothing was left to do.".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_and_what_is_left_to_do() {
        let first = Done {
            created: vec!["key store"],
            version: 5,
            ran: 5,
            made: vec!["lift".into(), "samia".into()],
            stale: vec!["nestsync".into()],
        };
        assert_eq!(
            sentences(&first),
            "Made the database of the key store.\n\
             The event store is at version 5 after 5 migrations.\n\
             Made read models: lift, samia.\n\
             The tables of nestsync have changed since: run annals rebuild nestsync."
        );
        let again = Done { version: 5, ..Done::default() };
        assert_eq!(sentences(&again), "The event store is at version 5.\nNothing was left to do.");
    }
}
