//! What processes used of the machine, from /proc.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    time::Instant,
};

/// Ticks a second in /proc: fixed by the kernel's interface, whatever it is built with.
const TICKS: f64 = 100.0;

/// Who uses the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// `annals serve --roles commands`.
    Commands,
    /// `annals serve --roles relay`.
    Relay,
    /// `annals serve --roles projector`.
    Projector,
    /// nats-server.
    Nats,
    /// Postgres, all of its processes.
    Postgres,
    /// This process, which makes the load and is the peers.
    Load,
    /// Whatever else runs on the machine.
    Others,
}

impl Who {
    /// Everybody, in the order of a command's way.
    pub const ALL: [Self; 7] = [
        Self::Load,
        Self::Nats,
        Self::Commands,
        Self::Postgres,
        Self::Relay,
        Self::Projector,
        Self::Others,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Relay => "relay",
            Self::Projector => "projector",
            Self::Nats => "nats-server",
            Self::Postgres => "Postgres",
            Self::Load => "load",
            Self::Others => "other programs",
        }
    }
}

/// What was used up to a moment.
#[derive(Debug, Clone)]
pub struct Look {
    at: Instant,
    /// Seconds of CPU.
    cpu: HashMap<Who, f64>,
    /// Seconds of CPU of each thread.
    threads: HashMap<(Who, u32), f64>,
    /// Seconds that all cores were busy.
    busy: f64,
}

/// What was used between two moments.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// Seconds of CPU.
    pub cpu: BTreeMap<Who, f64>,
    /// Of one core, the part that the busiest thread of each had.
    pub busiest: BTreeMap<Who, f64>,
}

/// The processes that are looked at.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    /// `annals serve`, by role.
    pub roles: BTreeMap<Who, u32>,
}

struct Stat {
    parent: u32,
    name: String,
    cpu: f64,
    /// Of children that ended.
    ended: f64,
}

impl Processes {
    /// Looks at all of them.
    pub fn look(&self) -> Look {
        let stats = all_stats();
        let me = std::process::id();
        let mut look = Look {
            at: Instant::now(),
            cpu: HashMap::new(),
            threads: HashMap::new(),
            busy: busy().unwrap_or_default(),
        };
        for (pid, stat) in &stats {
            let Some(who) = self.who(*pid, stat, me, &stats) else { continue };
            // A backend that ended is the postmaster's ended child from then on.
            let ended = if who == Who::Postgres { stat.ended } else { 0.0 };
            *look.cpu.entry(who).or_default() += stat.cpu + ended;
            for (thread, cpu) in threads(*pid) {
                look.threads.insert((who, thread), cpu);
            }
        }
        look
    }

    fn who(&self, pid: u32, stat: &Stat, me: u32, stats: &HashMap<u32, Stat>) -> Option<Who> {
        if let Some((who, _)) = self.roles.iter().find(|(_, role)| **role == pid) {
            return Some(*who);
        }
        if !descends(pid, me, stats) {
            return None;
        }
        match stat.name.as_str() {
            "postgres" => Some(Who::Postgres),
            "nats-server" => Some(Who::Nats),
            "annals" => None,
            _ => Some(Who::Load),
        }
    }
}

impl Look {
    /// What was used since an earlier look.
    pub fn since(&self, before: &Self) -> Used {
        let mut used = Used::default();
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        for (who, cpu) in &self.cpu {
            let more = cpu - before.cpu.get(who).copied().unwrap_or_default();
            used.cpu.insert(*who, more.max(0.0));
        }
        let ours: f64 = used.cpu.values().sum();
        used.cpu.insert(Who::Others, (self.busy - before.busy - ours).max(0.0));
        for ((who, thread), cpu) in &self.threads {
            let more = cpu - before.threads.get(&(*who, *thread)).copied().unwrap_or_default();
            let busiest = used.busiest.entry(*who).or_default();
            *busiest = busiest.max(more / seconds);
        }
        used
    }
}

/// The largest memory a process had, in megabytes.
pub fn peak_memory(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0 / 1_000_000.0)
}

fn descends(pid: u32, from: u32, stats: &HashMap<u32, Stat>) -> bool {
    let mut at = pid;
    for _ in 0..16 {
        if at == from {
            return true;
        }
        let Some(stat) = stats.get(&at) else { return false };
        at = stat.parent;
    }
    false
}

fn all_stats() -> HashMap<u32, Stat> {
    let Ok(entries) = fs::read_dir("/proc") else { return HashMap::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, stat(&format!("/proc/{pid}/stat"))?)))
        .collect()
}

fn threads(pid: u32) -> Vec<(u32, f64)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let thread: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((thread, stat(&format!("/proc/{pid}/task/{thread}/stat"))?.cpu))
        })
        .collect()
}

fn stat(path: &str) -> Option<Stat> {
    let text = fs::read_to_string(path).ok()?;
    let (before, after) = text.rsplit_once(") ")?;
    let name = before.split_once('(')?.1.to_owned();
    // From the third field on: state, parent, …; the 14th to the 17th are times.
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks = |nth: usize| fields.get(nth - 3)?.parse::<f64>().ok().map(|it| it / TICKS);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        name,
        cpu: ticks(14)? + ticks(15)?,
        ended: ticks(16)? + ticks(17)?,
    })
}

/// Seconds that all cores were busy since the machine started: user, nice, system, interrupts.
fn busy() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<f64> = text
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    Some([0, 1, 2, 5, 6].iter().filter_map(|nth| fields.get(*nth)).sum::<f64>() / TICKS)
}
