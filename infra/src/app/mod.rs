//! The one binary: what can be typed, and what it does.

mod auth;
mod client;
pub mod demo;
mod dev;
pub mod people;
mod serve;
mod tour;

pub(crate) use serve::told_to_stop;

use std::{
    ffi::OsString,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    auth::AuthError,
    bench,
    cli::{self, Exit},
    dev::DevError,
    migrate::MigrationError,
    ops,
    serve::{NatsError, ServeError},
    settings::{Complaint, Complaints, Flags, Sources},
    telemetry::LogError,
};

/// Annals: commands over NATS become immutable events in Postgres, events become tables.
///
/// Begin with `annals dev --demo`, then `annals commands`.
#[derive(Debug, Parser)]
#[command(name = "annals", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run everything on this machine: a private Postgres, a private nats-server, and Annals.
    Dev(dev::DevArgs),
    /// Run command services, relay and projectors against a Postgres and a NATS.
    Serve(Configured),
    /// Send a command and show the answer.
    Send(cli::send::SendArgs),
    /// Show what can be asked: every command, who may send it, its fields and what it refuses.
    Commands(cli::commands::CommandsArgs),
    /// Tell the story of one aggregate: who, when, by which command, what changed, why.
    History(ops::history::HistoryArgs),
    /// Tell how a row of a table came to be: the events that made it, each column's last change.
    Explain(ops::past::explain::ExplainArgs),
    /// Show what changed in the tables between two moments.
    Diff(ops::past::diff::DiffArgs),
    /// Show where everything is: log, relay, streams, projections, parked events.
    Status(ops::status::StatusArgs),
    /// Build a context's tables anew from the log, beside those in use, and put them in their place.
    Rebuild(ops::rebuild::RebuildArgs),
    /// Replay the log into a schema of its own, up to a moment, and compare it with what is in use.
    Replay(ops::replay::ReplayArgs),
    /// List events that a projection could not apply.
    Parked(ops::parked::ParkedArgs),
    /// Let a projection pass over an event that it cannot apply; kept with the reason.
    Skip(ops::parked::SkipArgs),
    /// Read the log again and find what was altered, or verify a bundle offline.
    Verify(ops::verify::VerifyArgs),
    /// Write a bundle that proves events to somebody who trusts nobody.
    Prove(ops::prove::ProveArgs),
    /// Show the newest signed checkpoint of the log, or the keys that verify it.
    Checkpoint(ops::prove::CheckpointArgs),
    /// Remember and cosign checkpoints of a log, on a machine of its own.
    Witness(ops::witness::WitnessArgs),
    /// Write one organisation, family or person as JSON Lines.
    Export(ops::export::ExportArgs),
    /// Write a copy of all that is kept of a person, for the person: signed, with a page to read.
    Subject(ops::subject::SubjectArgs),
    /// Forget a person everywhere, for good, and show the signed receipt.
    Erase(ops::erase::EraseArgs),
    /// Take over an export, or a database of plain tables.
    Import(ops::import::ImportArgs),
    /// Check everything that can silently be wrong, and say what to do.
    Doctor(ops::doctor::DoctorArgs),
    /// Bring an empty or older database to the present schema.
    Migrate(ops::migrate::MigrateArgs),
    /// Show every setting, its value and where that came from.
    Config(cli::config::ConfigArgs),
    /// Measure how many commands a deployment takes, and how long each waits.
    Bench(bench::BenchArgs),
    /// Print completions for a shell.
    Completions(cli::completions::CompletionsArgs),
}

/// Settings alone.
#[derive(Debug, clap::Args)]
struct Configured {
    #[command(flatten)]
    settings: Flags,
}

/// Why a command of the binary failed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says itself what it is")]
pub enum AppError {
    #[error("{0} is not set; `annals config` shows what is")]
    Missing(&'static str),
    #[error("there is nobody called {0} in the demo; `annals dev people` lists them")]
    NoPerson(String),
    #[error("nothing runs in {0}: start it with `annals dev --demo --background`")]
    NotRunning(PathBuf),
    #[error("there is no psql on this machine: install postgresql-client")]
    NoPsql,
    #[error("it ended with {status} before it was ready; its log is {log}")]
    Ended { status: ExitStatus, log: PathBuf },
    #[error("it was not ready in time; its log is {0}")]
    TooSlow(PathBuf),
    #[error("Postgres: {0}")]
    Postgres(String),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("ANNALS_RULES, {path}: {why}")]
    Rules { path: PathBuf, why: String },
    #[error("the system does not tell of signals: {0}")]
    Signals(io::Error),
    #[error("metrics and health cannot be served on {address}: {source}; set ANNALS_HTTP")]
    Http { address: SocketAddr, source: io::Error },
    #[error(transparent)]
    Settings(#[from] Complaints),
    #[error("{0}")]
    Setting(Complaint),
    #[error(transparent)]
    Auth(AuthError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error(transparent)]
    Dev(#[from] DevError),
    #[error(transparent)]
    Migration(#[from] MigrationError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Nats(#[from] NatsError),
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
}

impl From<Complaint> for AppError {
    fn from(complaint: Complaint) -> Self {
        Self::Setting(complaint)
    }
}

impl AppError {
    /// Says which file an error of the system is about.
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// Does what was typed.
pub fn main() -> ExitCode {
    main_of(std::env::args_os())
}

/// The same with other arguments than this process'; the first is the program's name.
pub fn main_of(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    quiet_when_nobody_reads();
    let task = Cli::parse_from(arguments).task;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads(&task) {
        builder.worker_threads(threads);
    }
    match builder.enable_all().build() {
        Ok(runtime) => runtime.block_on(run(task)),
        Err(error) => {
            eprintln!("annals: no threads to work with: {error}");
            Exit::Fault.into()
        }
    }
}

/// How many threads work, where that is not one for each core, or what `TOKIO_WORKER_THREADS` says.
///
/// A process of one role waits for Postgres and NATS more than it computes, and what one thread hands to another
/// costs both: with half of the cores it takes a fifth more commands, and leaves the rest to those it waits for.
fn threads(task: &Task) -> Option<usize> {
    let Task::Serve(args) = task else { return None };
    let resolved = Sources::of_process(args.settings.clone()).resolve();
    // What is wrong with them is said when they are used.
    let roles = resolved.settings().ok()?.roles.iter().count();
    let cores = std::thread::available_parallelism().ok()?.get();
    (roles == 1 && std::env::var_os("TOKIO_WORKER_THREADS").is_none()).then(|| (cores / 2).max(1))
}

async fn run(task: Task) -> ExitCode {
    let done = match task {
        Task::Dev(args) => dev::run(args).await,
        Task::Serve(args) => {
            let resolved = Sources::of_process(args.settings).resolve();
            serve::run(&resolved).await
        }
        Task::History(args) => return operated(ops::history::run(args).await),
        Task::Explain(args) => return operated(ops::past::explain::run(args).await),
        Task::Diff(args) => return operated(ops::past::diff::run(args).await),
        Task::Replay(args) => return operated(ops::replay::run(args).await),
        Task::Status(args) => return operated(ops::status::run(args).await),
        Task::Rebuild(args) => return operated(ops::rebuild::run(args).await),
        Task::Parked(args) => return operated(ops::parked::list(args).await),
        Task::Skip(args) => return operated(ops::parked::skip(args).await),
        Task::Verify(args) => return operated(ops::verify::run(args).await),
        Task::Prove(args) => return operated(ops::prove::prove(args).await),
        Task::Checkpoint(args) => return operated(ops::prove::checkpoint(args).await),
        Task::Witness(args) => return operated(ops::witness::run(args).await),
        Task::Export(args) => return operated(ops::export::run(args).await),
        Task::Subject(args) => return operated(ops::subject::run(args).await),
        Task::Erase(args) => return operated(ops::erase::run(args).await),
        Task::Import(args) => return operated(ops::import::run(args).await),
        Task::Doctor(args) => return operated(ops::doctor::run(args).await),
        Task::Migrate(args) => return operated(ops::migrate::run(args).await),
        Task::Send(args) => return cli::send::run(&args).await.into(),
        Task::Commands(args) => return cli::commands::run(&args).into(),
        Task::Config(args) => return cli::config::run(&args).into(),
        Task::Bench(args) => return bench::run(&args).await.into(),
        Task::Completions(args) => {
            cli::completions::write(&args, Cli::command(), &mut io::stdout());
            return Exit::Done.into();
        }
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            eprintln!("annals: {error}");
            Exit::Fault.into()
        }
    }
}

/// How an operator's command ended; what went wrong is said.
fn operated(ended: Result<ExitCode, ops::OpsError>) -> ExitCode {
    ended.unwrap_or_else(|error| {
        eprintln!("annals: {error}");
        error.exit().into()
    })
}

/// `annals commands | head` is no fault: whoever read has read enough.
fn quiet_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        if said.contains("failed printing to stdout: Broken pipe") {
            std::process::exit(0);
        }
        usual(panic);
    }));
}
