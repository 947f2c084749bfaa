//! What can be asked for, and how much of it.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// Annals beside its peers, in one run, on one Postgres and one nats-server that it starts itself.
///
/// Rounds go over all that is compared (A B A B), so that the machine's moods hit everybody. Prints
/// Markdown; progress goes to stderr.
#[derive(Debug, Clone, Parser)]
#[command(name = "deploy/bench", version, about)]
pub struct Args {
    /// Short runs: what came of it within three minutes. For figures to be quoted, leave it out.
    #[arg(long)]
    pub quick: bool,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,…")]
    pub only: Vec<Part>,
    /// Writes all samples as JSON into this file, too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The program to measure.
    #[arg(long, env = "ANNALS_BIN", value_name = "PROGRAM")]
    pub annals: Option<PathBuf>,
    /// Where servers keep their data; emptied before and after.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How many rounds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: Option<u32>,
    /// How many wallets commands are spread over.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub wallets: Option<u32>,
    /// How many events the backlog has.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    pub backlog: Option<u32>,
    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    pub bench: bool,
}

/// A part of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What Postgres and NATS can do by themselves.
    Limits,
    /// The command service alone, many wallets.
    Many,
    /// The command service alone, one hot wallet.
    Hot,
    /// One hot wallet with a long history, and one with a short one.
    History,
    /// Relay and projector over a backlog of events, and what memory each role takes.
    Backlog,
    /// All roles, with rows.
    Pipeline,
    /// The wallets' tables anew from the log.
    Rebuild,
    /// Signing, verifying, the past of rows, as-of queries, a replay.
    Evidence,
}

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Scale {
    /// How often everything is measured.
    pub rounds: u32,
    /// Before each measurement.
    pub warmup: Duration,
    /// Each measurement.
    pub measured: Duration,
    /// Commands in flight.
    pub levels: Vec<u32>,
    /// Wallets.
    pub wallets: u32,
    /// Earlier events of the wallet with a long history.
    pub long: u32,
    /// Events of the backlog.
    pub backlog: i64,
    /// How long the open loop runs.
    pub open: Duration,
}

impl Scale {
    /// What the arguments ask for.
    pub fn of(args: &Args) -> Self {
        let mut scale = if args.quick { Self::quick() } else { Self::full() };
        scale.rounds = args.rounds.unwrap_or(scale.rounds);
        scale.wallets = args.wallets.unwrap_or(scale.wallets);
        scale.backlog = args.backlog.map_or(scale.backlog, i64::from);
        scale
    }

    fn full() -> Self {
        Self {
            rounds: 3,
            warmup: Duration::from_secs(1),
            measured: Duration::from_secs(3),
            levels: vec![1, 8, 32, 64, 512],
            wallets: 10_000,
            long: 100_000,
            backlog: 1_000_000,
            open: Duration::from_secs(8),
        }
    }

    fn quick() -> Self {
        Self {
            rounds: 1,
            warmup: Duration::from_millis(300),
            measured: Duration::from_millis(700),
            levels: vec![1, 8, 32, 64, 512],
            wallets: 2_000,
            long: 20_000,
            backlog: 60_000,
            open: Duration::from_secs(3),
        }
    }
}

impl Args {
    /// With paths as whoever typed them meant them: cargo runs this somewhere else.
    pub fn typed_in(mut self, folder: Option<PathBuf>) -> Self {
        if let Some(folder) = folder {
            for path in [&mut self.json, &mut self.annals, &mut self.dir].into_iter().flatten() {
                *path = folder.join(&*path);
            }
        }
        self
    }

    /// Whether a part is asked for.
    pub fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
