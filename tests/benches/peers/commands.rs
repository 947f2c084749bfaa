//! The command service alone beside its peers: many wallets, one hot one, one with a long history.

use annals_infra::bench::level::Pace;

use super::{
    annals::Wallets,
    args::{Part, Scale},
    broker::Responder,
    closed::Run,
    evidence,
    fault::Done,
    rig::{Rig, tell},
};

/// Earlier events of the hot wallet.
const EARLIER: u32 = 1_000;
/// At so many callers plain SQL is also measured with a connection that each of them keeps.
const HELD: u32 = 32;

/// Brings all wallets into being that any part needs.
pub async fn prepare(rig: &mut Rig) -> Done {
    let long = rig.scale.long;
    let many = [Part::Many, Part::Backlog, Part::Pipeline, Part::Rebuild, Part::Evidence];
    if many.iter().any(|part| rig.args.wants(*part)) {
        rig.annals.prepare(Wallets::Many).await?;
    }
    if rig.args.wants(Part::Hot) {
        rig.annals.prepare(Wallets::Hot(EARLIER)).await?;
    }
    if rig.args.wants(Part::History) {
        rig.annals.prepare(Wallets::Hot(1)).await?;
        rig.annals.prepare(Wallets::Hot(long)).await?;
    }
    Ok(())
}

/// All rounds, each with the limits of the machine before it.
pub async fn run(rig: &mut Rig) -> Done {
    let responder = Responder::start(rig.world.nats_url()).await?;
    for round in 0..rig.scale.rounds {
        if rig.args.wants(Part::Limits) || rig.args.wants(Part::Many) {
            limits(rig, &responder).await?;
        }
        if rig.args.wants(Part::Many) {
            levels(rig, "many", Wallets::Many, 1).await?;
        }
        if rig.args.wants(Part::Hot) {
            levels(rig, "hot", Wallets::Hot(EARLIER), EARLIER).await?;
        }
        if rig.args.wants(Part::History) {
            history(rig, round).await?;
        }
        if rig.args.wants(Part::Evidence) {
            evidence::appends(rig).await?;
        }
    }
    Ok(())
}

async fn limits(rig: &mut Rig, responder: &Responder) -> Done {
    let scale = rig.scale.clone();
    for kind in ["jsonb", "text"] {
        let rate = rig.limits.append(kind, &scale).await?;
        rig.figures.add(format!("limits.append.{kind}"), rate);
        tell(&format!("limits.append.{kind}"), rate, 0.0, 0.0);
    }
    let commits = rig.limits.commit(&scale).await?.percentiles();
    rig.figures.add("limits.commit.rate", commits.count as f64 / scale.measured.as_secs_f64());
    rig.figures.add("limits.commit.p50", commits.p50);
    rig.figures.add("limits.commit.p99", commits.p99);
    tell(
        "limits.commit",
        commits.count as f64 / scale.measured.as_secs_f64(),
        commits.p50,
        commits.p99,
    );
    for in_flight in [1, 64, 512] {
        let (rate, waits) = responder.measure(in_flight, &scale).await?;
        let waits = waits.percentiles();
        let name = format!("limits.nats.{in_flight}");
        rig.figures.add(format!("{name}.rate"), rate);
        rig.figures.add(format!("{name}.p50"), waits.p50);
        rig.figures.add(format!("{name}.p99"), waits.p99);
        tell(&name, rate, waits.p50, waits.p99);
    }
    if rig.args.wants(Part::Limits) {
        let rate = rig.limits.read(&scale).await?;
        rig.figures.add("limits.read", rate);
        tell("limits.read", rate, 0.0, 0.0);
    }
    Ok(())
}

/// Everybody at a level, then the next level.
async fn levels(rig: &mut Rig, load: &str, wallets: Wallets, earlier: u32) -> Done {
    let scale = rig.scale.clone();
    let ids = rig.annals.ids(wallets);
    let mut best = [(0.0, 1); 3];
    for level in scale.levels.clone() {
        for (nth, who) in ["sql", "es", "es-snap"].into_iter().enumerate() {
            let connections = if level <= 64 { level } else { best[nth].1 };
            let run = Run {
                wallets: &ids,
                earlier,
                callers: level,
                connections,
                held: false,
                scale: &scale,
                processes: &rig.annals.processes,
            };
            let outcome = match nth {
                0 => rig.sql.run(&run).await?,
                nth => rig.es[nth - 1].run(&run).await?,
            };
            if outcome.rate > best[nth].0 {
                best[nth] = (outcome.rate, connections);
            }
            rig.keep_peer(&format!("{who}.{load}.{level}"), &outcome);
        }
        if (load, level) == ("many", HELD) {
            let processes = &rig.annals.processes;
            let run = Run {
                wallets: &ids,
                earlier,
                callers: level,
                connections: level,
                held: true,
                scale: &scale,
                processes,
            };
            let outcome = rig.sql.run(&run).await?;
            rig.keep_peer(&format!("sql-held.{load}.{level}"), &outcome);
        }
        ours(rig, &format!("annals.{load}.{level}"), wallets, level, &scale).await?;
    }
    Ok(())
}

async fn ours(rig: &mut Rig, name: &str, wallets: Wallets, level: u32, scale: &Scale) -> Done {
    let time = (scale.warmup, scale.measured);
    let (measured, used) = rig.annals.run(wallets, Pace::InFlight(level), time, false).await?;
    rig.keep_ours(name, &measured, &used);
    Ok(())
}

/// A short and a long history, in turn, each of them first in every second round.
async fn history(rig: &mut Rig, round: u32) -> Done {
    let scale = rig.scale.clone();
    let mut turns = [
        ("annals.history.short", Wallets::Hot(1)),
        ("annals.history.long", Wallets::Hot(scale.long)),
    ];
    if round % 2 == 1 {
        turns.reverse();
    }
    for (name, wallets) in turns {
        ours(rig, name, wallets, 512, &scale).await?;
    }
    Ok(())
}
