//! `annals doctor`: everything that can silently be wrong with a deployment, checked, and what to do.
//!
//! Each check is a line. The facts come from Postgres' own catalogue, from the log, NATS and the key
//! store; what they mean is decided by pure functions. Nothing is changed.
//!
//! To add a check: a [`Finding`](finding::Finding) in the module that it belongs to, with what to do
//! where it fails.

mod finding;
mod keys;
mod log;
mod machine;
mod nats;
mod postgres;
mod tables;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use annals_projections::Catalogue;
use serde_json::json;
use sqlx::PgPool;

use self::finding::{Finding, Verdict};
use super::{EXIT_CODES, OpsError, progress::Progress, setup::Setup};
use crate::{
    cli::{Exit, Output, Tone, say},
    settings::Flags,
    store::Role,
};

/// Checks everything that can silently be wrong, and says what to do.
///
/// Postgres and its durability, roles and their rights, row security on every table, the log (append
/// only, without holes, its bytes as they were hashed), checkpoints, streams, keys, clocks, room.
/// Ends with 1 where a check fails; warnings do not fail.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals doctor
  annals doctor --hashes 1000000000      checks the bytes of every event there is
  annals doctor --json | jq '.findings[] | select(.verdict == \"failed\")'

It counts every event: on a large log that takes a while, and disturbs nobody.

{EXIT_CODES}"))]
pub struct DoctorArgs {
    /// Writes JSON.
    #[arg(long)]
    pub json: bool,
    /// Compares the bytes of so many of the last events with their hashes.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub hashes: u32,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals doctor`.
///
/// # Errors
/// Only where the configuration does not fit; whatever else is wrong is a finding.
pub async fn run(args: DoctorArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    setup.database_url()?;
    let findings = examine(&setup, &args).await;
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    let (failed, warned) = (count(Verdict::Failed), count(Verdict::Warning));
    if args.json {
        let all = json!({
            "ok": failed == 0, "failed": failed, "warnings": warned, "findings": findings,
        });
        say(&serde_json::to_string_pretty(&all).unwrap_or_default());
    } else {
        let output = Output::stdout();
        findings.iter().for_each(|finding| say(&finding.in_words(output)));
        say(&format!("\n{}", verdict(failed, warned, output)));
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Fault }.into())
}

async fn examine(setup: &Setup, args: &DoctorArgs) -> Vec<Finding> {
    let catalogue = Catalogue::new();
    let mut findings = Vec::new();
    let login = match setup.pool(Role::Login, 2).await {
        Ok(pool) => Some(pool),
        Err(error) => {
            let advice = "nothing works without it: start it, or set DATABASE_URL";
            findings.push(Finding::failed("postgres", error.to_string(), advice));
            None
        }
    };
    if let Some(pool) = &login {
        findings.extend(postgres::check(pool, setup.is_dev).await);
        if is_migrated(pool).await {
            findings.extend(tables::check(pool, &catalogue).await);
            findings.push(tables::past(pool, &catalogue, &setup.settings.history).await);
            findings.extend(of_log(setup, pool, args).await);
            findings.extend(machine::check(pool, &catalogue).await);
        } else {
            let seen = "this database holds no event store";
            findings.push(Finding::failed("schema", seen, "run annals migrate"));
        }
    }
    findings.extend(nats::check(setup, login.as_ref()).await);
    findings.extend(keys::check(setup).await);
    findings
}

async fn is_migrated(pool: &PgPool) -> bool {
    sqlx::query_scalar("SELECT to_regclass('annals.events') IS NOT NULL")
        .fetch_one(pool)
        .await
        .unwrap_or(false)
}

/// The log is read with an auditor's rights, or as the login where it may not take those on.
async fn of_log(setup: &Setup, login: &PgPool, args: &DoctorArgs) -> Vec<Finding> {
    let auditor = setup.pool(Role::Auditor, 1).await;
    let mut progress = Progress::quiet("events", args.json);
    let pool = auditor.as_ref().unwrap_or(login);
    let mut findings = log::check(pool, i64::from(args.hashes), &mut progress).await;
    findings.push(log::exports(pool, setup.settings.exports_folder.is_some()).await);
    progress.end();
    findings
}

fn verdict(failed: usize, warned: usize, output: Output) -> String {
    let checks = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    match (failed, warned) {
        (0, 0) => output.paint(Tone::Good, "Nothing is wrong."),
        (0, warned) => {
            output.paint(Tone::Warn, &format!("{}, no fault.", checks(warned, "warning")))
        }
        (failed, 0) => output.paint(Tone::Bad, &format!("{}.", checks(failed, "fault"))),
        (failed, warned) => {
            let both = format!("{}, {}.", checks(failed, "fault"), checks(warned, "warning"));
            output.paint(Tone::Bad, &both)
        }
    }
}
