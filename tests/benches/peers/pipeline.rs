//! All roles at once: how many commands a second while rows keep up, and how soon rows are visible.

use std::time::Duration;

use annals_infra::bench::level::{Measured, Pace};
use annals_tests::bench::thousands;

use super::{annals::Wallets, closed::Run, fault::Done, rig::Rig};

/// Rows keep up where they appear at this part of the rate or faster, and are all there this soon.
const KEPT_UP: (f64, Duration) = (0.97, Duration::from_secs(1));
/// Commands in flight that are tried.
const LEVELS: [u32; 5] = [16, 32, 64, 128, 512];
/// Parts of what rows reached under too much load, at which an open loop is tried.
const PARTS: [f64; 4] = [0.95, 0.85, 0.75, 0.6];

/// What was found of a pace.
struct Found {
    pace: Pace,
    accepted: f64,
    visible: f64,
    kept_up: bool,
}

/// Looks for the pace, then measures it beside plain SQL in turn; then the open loop.
pub async fn run(rig: &mut Rig) -> Done {
    let best = look_for_it(rig).await?;
    rig.notes.push(format!(
        "whole pipeline: {} is the highest pace found at which rows keep up{}",
        words(best.pace),
        if best.kept_up { "" } else { " (none was: rows that were visible count)" }
    ));
    let connections = best_pool(rig);
    let ids = rig.annals.ids(Wallets::Many);
    let mut behind = 0;
    for _ in 0..rig.scale.rounds {
        let scale = rig.scale.clone();
        let run = Run {
            wallets: &ids,
            earlier: 1,
            callers: connections,
            connections,
            held: false,
            scale: &scale,
            processes: &rig.annals.processes,
        };
        let outcome = rig.sql.run(&run).await?;
        rig.keep_peer("sql.pipeline", &outcome);
        let found = measure(rig, "annals.pipeline", best.pace, scale.measured).await?;
        behind += u32::from(!found.kept_up);
        rig.figures.add("annals.pipeline.rate", found.accepted.min(found.visible));
    }
    if behind > 0 {
        rig.notes.push(format!("whole pipeline: rows fell behind in {behind} of {} rounds; there the rate is that of the visible rows", rig.scale.rounds));
    }
    for _ in 0..rig.scale.rounds {
        let time = rig.scale.open;
        measure(rig, "annals.open", Pace::PerSecond(5_000), time).await?;
    }
    Ok(())
}

async fn look_for_it(rig: &mut Rig) -> Done<Found> {
    let time = rig.scale.measured;
    let mut all = Vec::new();
    for level in LEVELS {
        all.push(measure(rig, "", Pace::InFlight(level), time).await?);
    }
    let reached = all.iter().map(|found| found.visible).fold(0.0, f64::max);
    let kept = all.iter().filter(|it| it.kept_up).map(|it| it.accepted).fold(0.0, f64::max);
    for part in PARTS {
        let rate = reached * part;
        if rate <= kept {
            break;
        }
        let found = measure(rig, "", Pace::PerSecond(rate as u32), time).await?;
        let enough = found.kept_up;
        all.push(found);
        if enough {
            break;
        }
    }
    let better = |one: &Found, other: &Found| {
        (one.kept_up, one.accepted.min(one.visible))
            .partial_cmp(&(other.kept_up, other.accepted.min(other.visible)))
            .unwrap_or(std::cmp::Ordering::Equal)
    };
    all.into_iter().max_by(better).ok_or_else(|| "no pace was tried".into())
}

async fn measure(rig: &mut Rig, name: &str, pace: Pace, time: Duration) -> Done<Found> {
    let time = (rig.scale.warmup, time);
    let (measured, used) = rig.annals.run(Wallets::Many, pace, time, true).await?;
    let found = Found::of(pace, &measured);
    eprintln!(
        "bench: pipeline, {}: {}/s, rows {}/s{}",
        words(pace),
        thousands(found.accepted),
        thousands(found.visible),
        if found.kept_up { ", kept up" } else { ", fell behind" }
    );
    if !name.is_empty() {
        keep(rig, name, &measured, &used);
    }
    Ok(found)
}

fn keep(rig: &mut Rig, name: &str, measured: &Measured, used: &super::usage::Used) {
    if name == "annals.open" {
        rig.keep_ours(name, measured, used);
        let late = measured.late.as_ref().map(|it| it.percentiles().p99);
        rig.figures.add("annals.open.sent_late.p99", late.unwrap_or_default());
    } else {
        let waits = measured.waits.percentiles();
        rig.figures.add(format!("{name}.p50"), waits.p50);
        rig.figures.add(format!("{name}.p99"), waits.p99);
        rig.add_cost(name, measured.total.accepted, used);
    }
    if let Some(rows) = &measured.rows {
        let waits = rows.waits.percentiles();
        rig.figures.add(format!("{name}.rows.p50"), waits.p50);
        rig.figures.add(format!("{name}.rows.p99"), waits.p99);
        eprintln!(
            "bench: {name}: rows visible after p50 {:.2} ms, p99 {:.2} ms",
            waits.p50, waits.p99
        );
    }
}

/// As many connections as plain SQL was best with.
fn best_pool(rig: &Rig) -> u32 {
    let levels = [8, 32, 64].map(|level| (level, format!("sql.many.{level}.rate")));
    let rates = levels.iter().filter_map(|(level, name)| Some((*level, rig.figures.spread(name)?)));
    let best = rates.max_by(|one, other| one.1.median.total_cmp(&other.1.median));
    best.map_or(32, |(level, _)| level)
}

impl Found {
    fn of(pace: Pace, measured: &Measured) -> Self {
        let seconds = measured.level.measured.as_secs_f64();
        let accepted = measured.counts.accepted as f64 / seconds;
        let rows = measured.rows.as_ref();
        let visible = rows.map_or(0.0, |rows| rows.shown as f64 / seconds);
        let soon = rows.and_then(|rows| rows.caught_up_in).is_some_and(|it| it <= KEPT_UP.1);
        // An open loop that the service cannot follow is none that rows keep up with.
        let followed = match pace {
            Pace::InFlight(_) => true,
            Pace::PerSecond(rate) => accepted >= KEPT_UP.0 * f64::from(rate),
        };
        let kept_up = soon && followed && visible >= KEPT_UP.0 * accepted;
        Self { pace, accepted, visible, kept_up }
    }
}

fn words(pace: Pace) -> String {
    match pace {
        Pace::InFlight(count) => format!("{count} in flight"),
        Pace::PerSecond(rate) => format!("{} a second", thousands(f64::from(rate))),
    }
}
