//! `annals witness`: remembers and cosigns checkpoints of a log, and needs neither database nor NATS.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use tokio::net::TcpListener;

use super::{EXIT_CODES, OpsError};
use crate::{
    app::told_to_stop,
    cli::{Exit, complain, say},
    keys::secrets_or_create,
    proof::{
        note::{SigningKey, VerifierKey},
        witness::{Memory, router},
    },
};

/// Remembers the last checkpoint of a log, and cosigns the next one only if it continues that one.
///
/// Run it on a machine that nobody who runs the database can log in to. Whoever would rewrite the log
/// must then rewrite its memory too. It speaks C2SP's tlog-witness over HTTP: put TLS in front of it
/// where it is reached over a network.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals witness --name witness.example.org --folder /var/lib/annals-witness \\
      --log \"$(ssh annals annals checkpoint --key)\"
  ANNALS_WITNESSES=http://127.0.0.1:9465 annals serve

It prints its own verifier key: hand it to those who verify. The key's file is made in the folder if
it is not there.

{EXIT_CODES}"))]
pub struct WitnessArgs {
    /// Its name in cosignatures, as a URL without its scheme.
    #[arg(long)]
    pub name: String,
    /// A verifier key of a log that it watches. May be given several times.
    #[arg(long = "log", value_name = "VERIFIER KEY", required = true)]
    pub logs: Vec<String>,
    /// Where it keeps its key and what it remembers.
    #[arg(long)]
    pub folder: PathBuf,
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:9465")]
    pub listen: SocketAddr,
}

/// Runs `annals witness`, until it is told to stop.
///
/// # Errors
/// When the folder cannot be used, a key is none, or the address is taken.
pub async fn run(args: WitnessArgs) -> Result<ExitCode, OpsError> {
    let file = |path: &PathBuf| {
        let path = path.clone();
        move |source| OpsError::File { path, source }
    };
    std::fs::create_dir_all(&args.folder).map_err(file(&args.folder))?;
    let seeds = secrets_or_create(&args.folder.join("witness-key"))?;
    let Some(seed) = seeds.last() else { return Err(OpsError::Missing("a witness' key")) };
    let key = SigningKey::of_witness(&args.name, seed)?;
    let logs: Vec<VerifierKey> =
        args.logs.iter().map(|it| VerifierKey::read(it)).collect::<Result<_, _>>()?;
    let verifier = key.verifier().to_string();
    let memory = Arc::new(Memory::new(key, logs, args.folder.clone()));
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| OpsError::Refused(format!("{}: {error}", args.listen)))?;
    say(&verifier);
    complain(&format!("annals: the witness listens on {}", args.listen));
    let stopped = async {
        let _ = told_to_stop().await;
    };
    axum::serve(listener, router(memory))
        .with_graceful_shutdown(stopped)
        .await
        .map_err(|error| OpsError::Refused(error.to_string()))?;
    Ok(Exit::Done.into())
}
