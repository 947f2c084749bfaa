//! The fault rig: `annals-rig run` runs it; `annals-rig annals …` is `annals`, with failpoints.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use annals_infra::{dev::harness, sabotage};
use annals_tests::rig::{
    load::Load,
    run::{Options, any_seed, run},
};
use clap::Parser;

/// Kills, stalls, cuts off and powers off a real deployment under load, and checks what is left of it.
#[derive(Debug, Parser)]
#[command(name = "annals-rig", version)]
enum Task {
    /// Run until there was enough of everything, and print what held.
    Run(Wishes),
}

#[derive(Debug, clap::Args)]
struct Wishes {
    /// At least so many commands.
    #[arg(long, default_value_t = 20_000)]
    commands: u64,
    /// At least so many kills.
    #[arg(long, default_value_t = 100)]
    kills: u64,
    /// At least so many power cuts; they need root and a loop device. 0 for none.
    #[arg(long, default_value_t = 5)]
    cuts: u64,
    /// No round of faults begins after so many minutes, whatever is still missing.
    #[arg(long, default_value_t = 24 * 60)]
    minutes: u64,
    /// What decides load and faults; any, if left out.
    #[arg(long, env = "ANNALS_RIG_SEED")]
    seed: Option<u64>,
    /// Clients that send commands at once.
    #[arg(long, default_value_t = 24)]
    clients: u64,
    /// How long each rests between two commands, in milliseconds.
    #[arg(long, default_value_t = 5)]
    rest: u64,
    /// Wallets, of which one is hot.
    #[arg(long, default_value_t = 200)]
    wallets: usize,
    /// Rounds between two looks of the checker; the last round is always looked at.
    #[arg(long, default_value_t = 4)]
    check_every: u64,
    /// Only faults whose names hold this.
    #[arg(long, default_value = "")]
    only: String,
    /// Where the journal is written: on another disk than the servers', if there is one.
    #[arg(long)]
    journal: Option<PathBuf>,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("annals") {
        return annals();
    }
    let Task::Run(wishes) = Task::parse();
    let Ok(runtime) = tokio::runtime::Runtime::new() else {
        eprintln!("annals-rig: there are no threads to work with");
        return ExitCode::FAILURE;
    };
    runtime.block_on(rig(wishes))
}

async fn rig(wishes: Wishes) -> ExitCode {
    let (Ok(folder), Ok(program)) = (harness::scratch(), std::env::current_exe()) else {
        eprintln!("annals-rig: there is no folder for temporary files");
        return ExitCode::FAILURE;
    };
    let options = Options {
        seed: wishes.seed.unwrap_or_else(any_seed),
        commands: wishes.commands,
        kills: wishes.kills,
        cuts: wishes.cuts,
        longest: Duration::from_secs(60 * wishes.minutes),
        wallets: wishes.wallets.max(2),
        load: Load {
            clients: wishes.clients.max(1),
            rest: Duration::from_millis(wishes.rest),
            ..Load::default()
        },
        faults: None,
        only: wishes.only,
        patience: Duration::from_secs(60),
        check_every: wishes.check_every.max(1),
        folder: folder.join("rig"),
        journal: wishes.journal.unwrap_or_else(|| folder.join("journal").join("rig.jsonl")),
        program,
    };
    match run(options).await {
        Ok(report) => {
            println!("{report}");
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("annals-rig: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What `annals` is, but that it can be told where to die, and ends with whoever started it.
fn annals() -> ExitCode {
    sabotage::arm();
    std::thread::spawn(|| {
        let _ = std::io::read_to_string(std::io::stdin());
        std::process::abort();
    });
    annals_infra::app::main_of(std::env::args_os().skip(1))
}
