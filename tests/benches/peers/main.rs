//! Annals beside its peers, in one run: `./deploy/bench`, or `cargo bench -p annals-tests --bench peers`.
//!
//! One Postgres (durable) and one nats-server, started here; Annals as real processes of the release
//! binary, a role each; the peers in this process, which also makes the load. What comes of the
//! samples is reckoned by `annals_tests::bench`, which has the goals.
//!
//! To add a peer: a file beside `sql.rs` with its `run`, its turn in `commands.rs`, its line in
//! `report.rs`, and its names in the goals that it belongs to.

mod annals;
mod args;
mod backlog;
mod broker;
mod check;
mod closed;
mod commands;
mod es;
mod es_wallet;
mod evidence;
mod fault;
mod limits;
mod pipeline;
mod rebuild;
mod report;
mod rig;
mod serve;
mod sql;
mod usage;
mod world;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    args::{Args, Part},
    fault::Done,
    rig::Rig,
};

#[tokio::main]
async fn main() -> ExitCode {
    let done = match broker::respond_if_asked().await {
        Some(done) => done,
        None => asked(Args::parse()).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn asked(args: Args) -> Done {
    // `cargo test --benches` only wants to know that it starts.
    if !args.bench {
        eprintln!("bench: run it as ./deploy/bench, or with cargo bench");
        return Ok(());
    }
    let args = args.typed_in(std::env::var_os("ANNALS_BENCH_FROM").map(PathBuf::from));
    let program = program(&args)?;
    let folder = folder(&args)?;
    let began = Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut rig = Rig::start(args, program, folder).await?;
    let done = tokio::select! {
        done = measure(&mut rig) => done,
        _ = terminate.recv() => Err("told to stop".into()),
        _ = interrupt.recv() => Err("told to stop".into()),
    };
    let done = match done {
        Ok(()) => report::write(&rig).await,
        Err(error) => Err(error),
    };
    rig.stop().await?;
    eprintln!("bench: {} s in all", began.elapsed().as_secs());
    done
}

async fn measure(rig: &mut Rig) -> Done {
    commands::prepare(rig).await?;
    commands::run(rig).await?;
    let later = [Part::Backlog, Part::Pipeline, Part::Rebuild, Part::Evidence];
    if later.iter().any(|part| rig.args.wants(*part)) {
        backlog::run(rig).await?;
    }
    if rig.args.wants(Part::Pipeline) {
        pipeline::run(rig).await?;
    }
    if rig.args.wants(Part::Rebuild) {
        rebuild::run(rig).await?;
    }
    if rig.args.wants(Part::Evidence) {
        evidence::run(rig).await?;
    }
    check::run(rig).await
}

/// The release binary: the one that is named, or the one that was built beside this program.
fn program(args: &Args) -> Done<PathBuf> {
    let beside = || {
        let me = std::env::current_exe().ok()?;
        Some(me.parent()?.parent()?.join("annals"))
    };
    let program = args.annals.clone().or_else(beside).ok_or("no program to measure")?;
    program.canonicalize().map_err(|_| {
        let path = program.display();
        format!("there is no {path}: cargo build --release -p annals-infra, or run ./deploy/bench")
            .into()
    })
}

/// Where servers keep their data: on the disk that is built on, not in memory.
fn folder(args: &Args) -> Done<PathBuf> {
    if let Some(folder) = &args.dir {
        return Ok(folder.clone());
    }
    let me = std::env::current_exe()?;
    let release = me.parent().and_then(|it| it.parent()).ok_or("no folder to work in")?;
    Ok(release.join("annals-bench"))
}
