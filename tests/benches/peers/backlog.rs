//! Relay and projector over a backlog that the command service has left, and the memory of each role.

use std::time::Duration;

use annals_infra::bench::level::Pace;
use annals_tests::bench::thousands;

use super::{annals::Wallets, args::Part, fault::Done, rig::Rig, usage::Who};

/// How long a role may take for the backlog.
const PATIENCE: Duration = Duration::from_secs(900);

/// Fills the log up, then lets each role work it off, one after the other.
pub async fn run(rig: &mut Rig) -> Done {
    let full = [Part::Backlog, Part::Rebuild, Part::Evidence];
    if full.iter().any(|part| rig.args.wants(*part)) {
        fill(rig).await?;
    }
    let head = rig.annals.head().await?;
    for (who, table) in [(Who::Relay, "relay"), (Who::Projector, "projections")] {
        rig.annals.serve(who)?;
        let took = rig.annals.wait_for(table, head, PATIENCE).await?;
        let rate = head as f64 / took.as_secs_f64();
        eprintln!(
            "bench: {}: {} events, {}/s",
            who.name(),
            thousands(head as f64),
            thousands(rate)
        );
        if rig.args.wants(Part::Backlog) {
            rig.figures.add(format!("backlog.{}.rate", who.name()), rate);
        }
    }
    if rig.args.wants(Part::Backlog) {
        rig.figures.add("backlog.events", head as f64);
        memory(rig);
    }
    Ok(())
}

fn memory(rig: &mut Rig) {
    for who in [Who::Commands, Who::Relay, Who::Projector] {
        if let Some(peak) = rig.annals.peak_memory(who) {
            rig.figures.add(format!("memory.{}", who.name()), peak);
            eprintln!("bench: memory of {}: {peak:.0} MB", who.name());
        }
    }
}

async fn fill(rig: &mut Rig) -> Done {
    let mut rate = 5_000.0;
    loop {
        let left = rig.scale.backlog - rig.annals.head().await?;
        if left <= 0 {
            return Ok(());
        }
        eprintln!("bench: {} events to go", thousands(left as f64));
        let seconds = (left as f64 / rate).clamp(1.0, 20.0);
        let time = (Duration::ZERO, Duration::from_secs_f64(seconds));
        let (measured, _) = rig.annals.run(Wallets::Many, Pace::InFlight(512), time, false).await?;
        rate = (measured.counts.accepted as f64 / seconds).max(100.0);
    }
}
