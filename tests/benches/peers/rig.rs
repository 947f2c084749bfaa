//! What all parts share: servers, contenders, samples.

use std::{collections::BTreeMap, path::PathBuf};

use annals_infra::bench::level::Measured;
use annals_tests::bench::{Figures, markdown, thousands};

use super::{
    annals::Annals,
    args::{Args, Scale},
    closed::Outcome,
    es::Es,
    fault::Done,
    limits::Limits,
    sql::Sql,
    usage::{Used, Who},
    world::World,
};

/// Everything that is measured, and what was measured of it.
pub struct Rig {
    /// What was asked for.
    pub args: Args,
    /// How much of it.
    pub scale: Scale,
    /// Us.
    pub annals: Annals,
    /// Plain SQL.
    pub sql: Sql,
    /// cqrs-es, without and with snapshots.
    pub es: [Es; 2],
    /// One connection.
    pub limits: Limits,
    /// The servers.
    pub world: World,
    /// All samples.
    pub figures: Figures,
    /// What a command costs, by load.
    pub costs: BTreeMap<String, Cost>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// What commands cost.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// So many of them.
    pub accepted: u64,
    /// All together.
    pub used: Used,
}

impl Rig {
    /// Starts servers, peers and the command service.
    pub async fn start(args: Args, program: PathBuf, folder: PathBuf) -> Done<Self> {
        let scale = Scale::of(&args);
        let world = World::start(folder).await?;
        let program = world.program(program)?;
        let annals = Annals::start(&world, program, &scale).await?;
        let sql = Sql::new(&world).await?;
        let es = [Es::new(&world, false).await?, Es::new(&world, true).await?];
        let limits = Limits::new(&world).await?;
        let (figures, costs, mut notes) = (Figures::default(), BTreeMap::new(), Vec::new());
        if args.quick {
            notes.push(format!(
                "a quick run: the long history has {} events, the backlog {}",
                thousands(f64::from(scale.long)),
                thousands(scale.backlog as f64)
            ));
        }
        Ok(Self { args, scale, annals, sql, es, limits, world, figures, costs, notes })
    }

    /// Stops everything and removes its data.
    pub async fn stop(self) -> Done {
        self.annals.stop();
        self.world.stop().await
    }

    /// Keeps a peer's sample.
    pub fn keep_peer(&mut self, name: &str, outcome: &Outcome) {
        let waits = outcome.waits.percentiles();
        self.figures.add(format!("{name}.rate"), outcome.rate);
        self.figures.add(format!("{name}.p50"), waits.p50);
        self.figures.add(format!("{name}.p99"), waits.p99);
        self.figures.add(format!("{name}.conflicts"), outcome.conflicts);
        self.add_cost(name, outcome.accepted, &outcome.used);
        tell(name, outcome.rate, waits.p50, waits.p99);
    }

    /// Keeps one of ours. Its rate.
    pub fn keep_ours(&mut self, name: &str, measured: &Measured, used: &Used) -> f64 {
        let waits = measured.waits.percentiles();
        let rate = measured.counts.accepted as f64 / measured.level.measured.as_secs_f64();
        self.figures.add(format!("{name}.rate"), rate);
        self.figures.add(format!("{name}.p50"), waits.p50);
        self.figures.add(format!("{name}.p99"), waits.p99);
        self.add_cost(name, measured.total.accepted, used);
        tell(name, rate, waits.p50, waits.p99);
        rate
    }

    /// Adds to what commands of a load cost.
    pub fn add_cost(&mut self, name: &str, accepted: u64, used: &Used) {
        let cost = self.costs.entry(name.to_owned()).or_default();
        cost.accepted += accepted;
        for (who, cpu) in &used.cpu {
            *cost.used.cpu.entry(*who).or_default() += cpu;
        }
        for (who, part) in &used.busiest {
            let busiest = cost.used.busiest.entry(*who).or_default();
            *busiest = busiest.max(*part);
        }
    }

    /// CPU of each process a command, and how busy the busiest thread of each was.
    pub fn costs(&self) -> String {
        let mut headings = vec!["µs of CPU a command (busiest thread, of one core)"];
        headings.extend(Who::ALL.iter().map(|who| who.name()));
        // Of the peers, one level is enough to compare; JSON has all.
        let shown = |name: &str| name.starts_with("annals.") || name.ends_with(".32");
        let mut costs: Vec<_> = self.costs.iter().filter(|(name, _)| shown(name)).collect();
        costs.sort_by_cached_key(|(name, _)| {
            let (load, level) = name.rsplit_once('.').unwrap_or((name, ""));
            (load.to_owned(), level.parse::<u32>().unwrap_or(0))
        });
        let rows: Vec<Vec<String>> = costs
            .into_iter()
            .map(|(name, cost)| {
                let mut row = vec![name.clone()];
                row.extend(Who::ALL.iter().map(|who| cost.write(*who)));
                row
            })
            .collect();
        markdown(&headings, &rows)
    }
}

impl Cost {
    /// Microseconds of CPU a command.
    pub fn micros(&self, who: Who) -> f64 {
        let seconds = self.used.cpu.get(&who).copied().unwrap_or_default();
        seconds * 1_000_000.0 / self.accepted.max(1) as f64
    }

    fn write(&self, who: Who) -> String {
        if !self.used.cpu.contains_key(&who) {
            return "–".to_owned();
        }
        let micros = thousands((self.micros(who) * 10.0).round() / 10.0);
        match self.used.busiest.get(&who) {
            Some(busiest) => format!("{micros} ({:.0} %)", busiest * 100.0),
            None => micros,
        }
    }
}

/// Says how it goes.
pub fn tell(name: &str, rate: f64, p50: f64, p99: f64) {
    eprintln!("bench: {name}: {}/s, p50 {p50:.2} ms, p99 {p99:.2} ms", thousands(rate));
}
