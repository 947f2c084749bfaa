//! What a run did and what it found: N beside every zero.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::check::Findings;

/// What was done to the system.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// By kind of fault, how often it was really done.
    pub faults: BTreeMap<String, u64>,
    /// Processes and servers that were killed, by a signal or at a failpoint.
    pub kills: u64,
    /// Exchanges and connections that were cut.
    pub cuts: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// By failpoint, how often a process died there.
    pub failpoints: BTreeMap<String, u64>,
    /// The longest it took from a fault's end to the next accepted commands.
    pub slowest_recovery: Duration,
    /// The longest it took rows and streams to come up to the log's end.
    pub slowest_catch_up: Duration,
    /// The most memory that a process had, in megabytes, by role.
    pub memory: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a fault.
    pub fn count(&mut self, fault: &str) {
        *self.faults.entry(fault.to_owned()).or_default() += 1;
    }
}

/// A whole run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What decided load and faults.
    pub seed: u64,
    /// How long it took.
    pub took: Duration,
    /// Commands that were sent, accepted, refused, unknown at some time, given up.
    pub commands: [u64; 5],
    /// What was done.
    pub tally: Tally,
    /// What was found.
    pub findings: Findings,
    /// What makes the run itself worthless: no load, no faults, nothing to look at.
    pub void: Vec<String>,
}

impl Report {
    /// Whether everything that was promised held, in a run that could have shown otherwise.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.void.is_empty() && self.findings.broken().next().is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sent, accepted, refused, unknown, gave_up] = self.commands;
        let Tally { kills, cuts, power_cuts, .. } = self.tally;
        writeln!(out, "seed {}, {} s", self.seed, self.took.as_secs())?;
        writeln!(
            out,
            "{sent} commands: {accepted} accepted, {refused} refused, {gave_up} given up while unknown; \
             {unknown} sendings without an answer"
        )?;
        writeln!(out, "{kills} kills, {cuts} connections cut, {power_cuts} power cuts")?;
        for (what, counts) in [("faults", &self.tally.faults), ("died at", &self.tally.failpoints)]
        {
            let counts: Vec<_> =
                counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            writeln!(out, "{what}: {}", counts.join(", "))?;
        }
        let memory: Vec<_> =
            self.tally.memory.iter().map(|(role, most)| format!("{role} {most} MB")).collect();
        writeln!(
            out,
            "commands again {:.1} s after a fault at the latest; rows and streams at the log's end after \
             {:.1} s at the latest; most memory: {}",
            self.tally.slowest_recovery.as_secs_f64(),
            self.tally.slowest_catch_up.as_secs_f64(),
            memory.join(", ")
        )?;
        writeln!(out)?;
        for finding in &self.findings.0 {
            let (failed, examined) = (finding.failed, finding.examined);
            write!(out, "{failed:>9}  of {examined:>9} {:<32} {}", finding.of, finding.name)?;
            if failed > 0 {
                write!(out, "   <-- {}", finding.examples)?;
            }
            writeln!(out)?;
        }
        for why in &self.void {
            writeln!(out, "THIS RUN SHOWS NOTHING: {why}")?;
        }
        Ok(())
    }
}
