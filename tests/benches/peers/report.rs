//! What was measured, as Markdown to be pasted, and as JSON.

use annals_tests::bench::{GOALS, latencies, markdown, thousands, verdicts};
use serde_json::{Value, json};

use super::{fault::Done, rig::Rig, usage::Who};

const CONTENDERS: [(&str, &str); 4] = [
    ("sql", "plain SQL: one function, row lock, no idempotency"),
    ("es", "cqrs-es, postgres-es 0.5"),
    ("es-snap", "the same with snapshots (50)"),
    ("annals", "Annals, over NATS"),
];

/// Other figures worth a line: name, what it is, what it is counted in.
const LIMITS: [(&str, &str, &str); 21] = [
    ("limits.append.jsonb", "set-based appends of 500 by one connection, jsonb", "events/s"),
    ("limits.append.text", "the same, text", "events/s"),
    ("limits.commit.p50", "commit of one event, p50", "ms"),
    ("limits.nats.1.p50", "NATS round trip, one in flight, p50", "ms"),
    ("limits.nats.64.rate", "NATS request/reply, 64 in flight", "per second"),
    ("limits.nats.512.rate", "the same, 512", "per second"),
    ("limits.read", "events read by position, pages of 1,000", "events/s"),
    ("limits.upsert", "UNNEST upsert of 1,000 by one connection", "rows/s"),
    ("limits.copy", "inserts into a copy of samia.transactions with its seven indexes", "rows/s"),
    ("sql-held.many.32.rate", "plain SQL at 32, each caller keeping its connection", "per second"),
    ("backlog.relay.rate", "relay over the backlog", "events/s"),
    ("backlog.projector.rate", "projector over the backlog", "events/s"),
    ("es.hot.32.conflicts", "postgres-es, one hot wallet, 32 in flight: conflicts", "a command"),
    ("es-snap.hot.32.conflicts", "the same with snapshots", "a command"),
    ("annals.rebuild.rate", "annals rebuild samia", "events/s"),
    ("memory.rebuild", "its memory, peak", "MB"),
    ("evidence.hash.rate", "leaf hashes of a wallet's event, one thread", "per second"),
    (
        "evidence.pipeline.rate",
        "whole pipeline with ANNALS_HISTORY off, visible rows",
        "per second",
    ),
    ("annals.pipeline.rows.p99", "whole pipeline at its best: reply to visible row, p99", "ms"),
    ("annals.open.rows.p50", "open loop at 5,000/s: reply to visible row, p50", "ms"),
    ("annals.open.sent_late.p99", "the load generator itself was late by, p99", "ms"),
];

/// For people.
pub fn markdown_of(rig: &Rig, about: &str) -> String {
    let scale = &rig.scale;
    let figures = &rig.figures;
    let mut parts = vec![
        format!(
            "{about}. {} rounds, {:.1} s each after {:.1} s of warm-up; {} wallets; medians (min–max). \
             {}",
            scale.rounds,
            scale.measured.as_secs_f64(),
            scale.warmup.as_secs_f64(),
            thousands(f64::from(scale.wallets)),
            disturbed(rig)
        ),
        verdicts(figures),
    ];
    for load in ["many", "hot"] {
        let names: Vec<String> =
            CONTENDERS.iter().map(|(name, _)| format!("{name}.{load}.1.rate")).collect();
        if names.iter().any(|name| figures.samples(name).is_some()) {
            parts.push(latencies(figures, load, &CONTENDERS, &scale.levels));
        }
    }
    let limits: Vec<Vec<String>> = LIMITS
        .iter()
        .filter_map(|(name, says, unit)| {
            let it = figures.spread(name)?;
            let digits = |number: f64| match *unit {
                "ms" | "a command" => format!("{number:.2}"),
                _ => thousands(number.round()),
            };
            let spread = match it.count {
                1 => String::new(),
                _ => format!(" ({}–{})", digits(it.min), digits(it.max)),
            };
            Some(vec![(*says).to_owned(), format!("{}{spread} {unit}", digits(it.median))])
        })
        .collect();
    if !limits.is_empty() {
        parts.push(markdown(&["also measured", ""], &limits));
    }
    if !rig.costs.is_empty() {
        parts.push(rig.costs());
    }
    if !rig.notes.is_empty() {
        parts.push(rig.notes.iter().map(|note| format!("- {note}\n")).collect());
    }
    parts.join("\n")
}

/// How much of the machine others had.
fn disturbed(rig: &Rig) -> String {
    let sum = |which: &dyn Fn(Who) -> bool| -> f64 {
        let costs = rig.costs.values().flat_map(|cost| cost.used.cpu.iter());
        costs.filter(|(who, _)| which(**who)).map(|(_, cpu)| *cpu).sum()
    };
    let (others, all) = (sum(&|who| who == Who::Others), sum(&|_| true));
    let part = 100.0 * others / all.max(0.001);
    let warn = if part > 10.0 { ": **not a quiet machine**" } else { "" };
    format!("Other programs had {part:.0} % of the CPU that was used{warn}.")
}

/// For programs.
pub fn json_of(rig: &Rig, about: &str) -> Value {
    let goals: Vec<Value> = GOALS
        .iter()
        .filter_map(|goal| {
            let verdict = goal.verdict(&rig.figures)?;
            Some(json!({
                "goal": goal.says, "wanted": goal.wanted(), "ours": verdict.our_name,
                "ours_median": verdict.ours.median, "beside": verdict.their_name,
                "beside_median": verdict.theirs.map(|it| it.median),
                "ratio": verdict.ratio.median, "ratio_min": verdict.ratio.min,
                "ratio_max": verdict.ratio.max, "reached": verdict.reached,
                "missed_by": verdict.missed_by,
            }))
        })
        .collect();
    let costs: serde_json::Map<String, Value> = rig
        .costs
        .iter()
        .map(|(name, cost)| {
            let each: serde_json::Map<String, Value> = Who::ALL
                .iter()
                .map(|who| (who.name().to_owned(), cost.micros(*who).into()))
                .collect();
            (name.clone(), json!({ "accepted": cost.accepted, "cpu_micros_each": each }))
        })
        .collect();
    json!({
        "about": about, "quick": rig.args.quick, "rounds": rig.scale.rounds, "goals": goals,
        "costs": costs, "figures": rig.figures.json(), "notes": rig.notes,
    })
}

/// Writes both.
pub async fn write(rig: &Rig) -> Done {
    let about = rig.world.about().await?;
    println!("{}", markdown_of(rig, &about));
    if let Some(path) = &rig.args.json {
        std::fs::write(path, format!("{:#}\n", json_of(rig, &about)))?;
    }
    Ok(())
}
