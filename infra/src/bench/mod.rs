//! `annals bench`: how many commands a deployment takes, how long each waits, and how soon its rows
//! are there.
//!
//! It sends real commands over NATS, credits and debits of wallets, and measures from the outside:
//! nothing it reports comes from the service. A closed loop keeps a number of commands in flight and
//! finds the rate; an open loop sends at a given rate whatever comes back, and counts each wait from
//! the moment at which the command was due.
//!
//! To measure other commands: [`mix`] says what is sent, [`prepare`] what has to be there before. The
//! same driver serves the benchmark beside peers in `tests/benches/peers`.

mod connect;
pub mod heard;
pub mod ids;
pub mod level;
pub mod measure;
pub mod mix;
pub mod prepare;
mod report;
pub mod rows;
pub mod signer;
pub mod surroundings;
pub mod wire;

use std::{path::Path, time::Duration};

use crate::{
    cli::{
        EXIT_CODES, Exit, Output,
        send::{TOKENS, token_of},
    },
    settings::{Flags, Settings, Sources},
};

pub use self::connect::{connect, connect_to};
use self::{
    heard::Heard,
    level::{Level, Load},
    mix::Mix,
    prepare::Preparation,
    report::Report,
    rows::Rows,
    wire::Wire,
};

/// How long a projector may keep silent.
const PROJECTOR: Duration = Duration::from_secs(10);

/// Measures how many commands a deployment takes, how long each waits, and how soon rows show it.
///
/// The commands are credits of 10.00 and debits of 7.00 in turn, sent as the system.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = format!("\
Needs wallets that are open; --prepare brings them into being, once for each number and seed, through
ordinary commands. In a folder of `annals dev --demo` it finds all it needs. Elsewhere it needs the
address of NATS, tokens of the system (--token) and of an admin (--admin-token), and, to sign for the
wallets' owners, ANNALS_JWT_SECRET.

Closed loop (--in-flight): this many commands are always under way; the rate is what is found.
Open loop (--rate): commands go out at this rate whatever comes back. Each wait counts from when the
command was due, so that a stall is seen in full (no coordinated omission).

Examples:
  annals bench --prepare                          10,000 wallets; 1, 8, 32, 64, 512 in flight
  annals bench --hot --prepare --earlier 1000     one wallet that has 1,000 events already
  annals bench --rate 5000 --with-rows            from reply to visible row, at a steady rate
  annals bench --in-flight 512 --seconds 30 --json > result.json

{EXIT_CODES}"))]
pub struct BenchArgs {
    /// How many wallets the commands go to, each as often as the others.
    #[arg(long, default_value_t = 10_000, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub wallets: u32,
    /// Sends everything to one wallet.
    #[arg(long, conflicts_with = "wallets")]
    pub hot: bool,
    /// How many credits --prepare gives each wallet: the events it has before anything is measured.
    #[arg(long, default_value_t = 1, value_name = "EVENTS",
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub earlier: u32,
    /// Other seeds have other wallets.
    #[arg(long, default_value = "annals", value_name = "TEXT")]
    pub seed: String,
    /// Closed loop: how many commands are under way at once. Several are measured one after another.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,64,512", value_name = "N,…",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub in_flight: Vec<u32>,
    /// Open loop: how many commands are due in a second. Several are measured one after another.
    #[arg(long, value_delimiter = ',', conflicts_with = "in_flight", value_name = "N,…",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Vec<u32>,
    /// How long each level is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// How long each level runs before it is measured, in seconds.
    #[arg(long, default_value_t = 2, value_name = "SECONDS",
          value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub warmup: u64,
    /// Measures too how long after its reply a command's rows are visible, and whether they keep up.
    #[arg(long)]
    pub with_rows: bool,
    /// First brings the wallets into being: identities, users, wallets without limits, and credits.
    /// A second time it finds them.
    #[arg(long)]
    pub prepare: bool,
    /// Sends as this actor, by a token that `annals dev` wrote to .dev/tokens.json.
    #[arg(long = "as", value_name = "ACTOR", default_value = "system")]
    pub actor: String,
    /// Sends with this token instead; it must be a service's.
    #[arg(long, env = "ANNALS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Who lifts the wallets' limits for --prepare, by a token from .dev/tokens.json: an admin.
    #[arg(long, value_name = "ACTOR", default_value = "sam")]
    pub admin: String,
    /// The admin's token instead.
    #[arg(long, env = "ANNALS_ADMIN_TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,
    /// Writes JSON.
    #[arg(long)]
    pub json: bool,
    /// Settings, as other commands have them; NATS_URL is what matters.
    #[command(flatten)]
    pub flags: Flags,
}

/// Why nothing was measured: how it ends, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the program ends.
    pub exit: Exit,
    /// What went wrong and what to do.
    pub text: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }

    fn unavailable(text: impl Into<String>) -> Self {
        Self { exit: Exit::Unavailable, text: text.into() }
    }
}

/// Runs `annals bench`.
pub async fn run(args: &BenchArgs) -> Exit {
    match measured(args).await {
        Ok(report) => {
            if args.json {
                println!("{}", report.json());
            } else {
                println!("{}", report.text(Output::stdout()));
            }
            report.exit()
        }
        Err(failure) => {
            eprintln!("annals: {}", failure.text);
            failure.exit
        }
    }
}

async fn measured(args: &BenchArgs) -> Result<Report, Failure> {
    let resolved = Sources::of_process(args.flags.clone()).with_dev().resolve();
    let settings = resolved.settings().map_err(|error| Failure::usage(error.to_string()))?;
    let token = match &args.token {
        Some(token) => token.clone(),
        None => token_of(Path::new(TOKENS), &args.actor).map_err(Failure::usage)?,
    };
    let client = connect(&settings).await?;
    let mut wire = Wire::open(client.clone(), &token).await?;
    let wallets = ids::wallets(&args.seed, args.hot, args.wallets, args.earlier);
    let mut rows = match args.with_rows || args.prepare {
        true => Some(Rows::listen(&client).await?),
        false => None,
    };
    if args.prepare {
        let preparation = preparation(args, &settings, &wallets)?;
        preparation.run(&mut wire).await?;
    }
    let mix = Mix::new(&wallets);
    let last = mix.try_one(&mut wire).await?;
    if let Some(rows) = &mut rows
        && !rows.wait_for(last, PROJECTOR).await
        && args.with_rows
    {
        let text = format!(
            "no projector of samia says how far it is: {} s after a command nothing was told",
            PROJECTOR.as_secs()
        );
        return Err(Failure::unavailable(text));
    }
    let surroundings = surroundings::look(&settings, &client).await;
    let mut load = Load {
        wire: &mut wire,
        mix,
        rows: rows.filter(|_| args.with_rows),
        heard: Heard::default(),
    };
    let mut levels = Vec::new();
    for level in levels_of(args) {
        eprintln!("annals: {level}");
        levels.push(load.run(level).await?);
    }
    Ok(Report::new(args, surroundings, levels))
}

fn preparation<'a>(
    args: &'a BenchArgs,
    settings: &Settings,
    wallets: &'a [uuid::Uuid],
) -> Result<Preparation<'a>, Failure> {
    let admin = match &args.admin_token {
        Some(token) => token.clone(),
        None => token_of(Path::new(TOKENS), &args.admin).map_err(Failure::usage)?,
    };
    let signer =
        signer::Signer::find(settings, Path::new(TOKENS).parent()).map_err(Failure::usage)?;
    Ok(Preparation { wallets, seed: &args.seed, earlier: args.earlier, admin, signer })
}

fn levels_of(args: &BenchArgs) -> Vec<Level> {
    let level = |pace| Level {
        pace,
        warmup: Duration::from_secs(args.warmup),
        measured: Duration::from_secs(args.seconds),
    };
    if args.rate.is_empty() {
        args.in_flight.iter().map(|it| level(level::Pace::InFlight(*it))).collect()
    } else {
        args.rate.iter().map(|it| level(level::Pace::PerSecond(*it))).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn typed(words: &[&str]) -> Result<BenchArgs, clap::Error> {
        let words = std::iter::once("bench").chain(words.iter().copied());
        Typed::try_parse_from(words).map(|it| it.args)
    }

    #[test]
    fn what_is_typed_says_what_is_measured() {
        let told = |words: &[&str]| -> Vec<String> {
            levels_of(&typed(words).unwrap()).iter().map(ToString::to_string).collect()
        };
        assert_eq!(told(&["--in-flight", "1,64"]), ["1 in flight for 5 s", "64 in flight for 5 s"]);
        assert_eq!(told(&["--rate", "5000", "--seconds", "9"]), ["5000 a second for 9 s"]);
        assert_eq!(told(&[]).len(), 5);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for words in [
            &["--hot", "--wallets", "5"][..],
            &["--rate", "5", "--in-flight", "5"],
            &["--in-flight", "0"],
            &["--wallets", "0"],
        ] {
            assert!(typed(words).is_err(), "{words:?}");
        }
    }
}
