//! What can go wrong, and in which order it does.

use super::chance::Chance;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes commands.
    Commands,
    /// Publishes.
    Relay,
    /// Writes rows.
    Projector,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Commands, Self::Relay, Self::Projector];

    /// Its name for `--roles`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Relay => "relay",
            Self::Projector => "projector",
        }
    }
}

/// Places between every two steps of a command's way, in that order.
pub const FAILPOINTS: [(Role, &str); 17] = [
    (Role::Commands, "received"),
    (Role::Commands, "decided"),
    (Role::Commands, "appending"),
    (Role::Commands, "committed"),
    (Role::Commands, "replying"),
    (Role::Commands, "replied"),
    (Role::Relay, "relay_read"),
    (Role::Relay, "publishing_batch"),
    (Role::Relay, "publishing"),
    (Role::Relay, "published"),
    (Role::Relay, "relay_remembered"),
    (Role::Relay, "refilling"),
    (Role::Projector, "heard"),
    (Role::Projector, "catching_up"),
    (Role::Projector, "projecting"),
    (Role::Projector, "rows_written"),
    (Role::Projector, "projected"),
];

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A process is killed, whatever it is at.
    Kill(Role),
    /// A process dies between two steps.
    KillAt(Role, &'static str),
    /// Postgres is killed, and with `all` its backends too.
    KillPostgres {
        /// Whether its backends are killed as well, and do not find out by themselves.
        all: bool,
    },
    /// nats-server is killed.
    KillNats,
    /// A connection is cut after Postgres has committed and before it says so.
    CutAfterCommit(Role),
    /// A connection is cut in the middle of a request that would commit.
    CutBeforeCommit(Role),
    /// All connections of a process to Postgres are cut.
    CutPostgres(Role),
    /// All connections of a process to NATS are cut.
    CutNats(Role),
    /// JetStream has stored, its word gets lost.
    LoseAck,
    /// A context's stream is deleted.
    DeleteStream,
    /// A context's stream is emptied, inside its duplicate window.
    PurgeStream,
    /// All streams are put back to an older state.
    RewindStreams,
    /// nats-server's disk is lost.
    LoseStreams,
    /// A process that leads stands still until another leads, and wakes up.
    Stall(Role),
    /// The disk that both servers write to loses its power.
    PowerCut,
    /// Postgres is told not to flush what it commits: not a fault to survive, but one to be seen when the
    /// power is cut.
    ForgetFlushes,
}

impl Fault {
    /// What a report calls it.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Kill(role) => format!("kill -9 {}", role.name()),
            Self::KillAt(role, _) => format!("death of {} at a failpoint", role.name()),
            Self::KillPostgres { all: true } => "kill -9 Postgres".to_owned(),
            Self::KillPostgres { all: false } => "kill -9 postmaster".to_owned(),
            Self::KillNats => "kill -9 nats-server".to_owned(),
            Self::CutAfterCommit(role) => format!("cut after COMMIT ({})", role.name()),
            Self::CutBeforeCommit(role) => format!("cut before COMMIT ({})", role.name()),
            Self::CutPostgres(role) => format!("Postgres cut off ({})", role.name()),
            Self::CutNats(role) => format!("NATS cut off ({})", role.name()),
            Self::LoseAck => "publish acknowledgement lost".to_owned(),
            Self::DeleteStream => "stream deleted".to_owned(),
            Self::PurgeStream => "stream purged".to_owned(),
            Self::RewindStreams => "streams put back".to_owned(),
            Self::LoseStreams => "streams lost".to_owned(),
            Self::Stall(role) => format!("{} stalled", role.name()),
            Self::PowerCut => "power cut".to_owned(),
            Self::ForgetFlushes => "flushes forgotten".to_owned(),
        }
    }
}

/// Every fault once.
#[must_use]
pub fn each_once(power: bool) -> Vec<Fault> {
    let mut faults: Vec<Fault> =
        FAILPOINTS.iter().map(|(role, name)| Fault::KillAt(*role, name)).collect();
    faults.extend(Role::ALL.map(Fault::Kill));
    faults.extend(Role::ALL.map(Fault::CutPostgres));
    faults.extend(Role::ALL.map(Fault::CutNats));
    faults.extend(Role::ALL.map(Fault::Stall));
    for role in [Role::Commands, Role::Projector] {
        faults.extend([Fault::CutAfterCommit(role), Fault::CutBeforeCommit(role)]);
    }
    faults.extend([
        Fault::KillPostgres { all: true },
        Fault::KillPostgres { all: false },
        Fault::KillNats,
        Fault::LoseAck,
        Fault::DeleteStream,
        Fault::PurgeStream,
        Fault::RewindStreams,
        Fault::LoseStreams,
    ]);
    if power {
        faults.push(Fault::PowerCut);
    }
    faults
}

/// A round of a long run: every fault once, and the usual ones more often.
#[must_use]
pub fn round(power: bool, chance: &mut Chance) -> Vec<Fault> {
    let mut faults = each_once(power);
    for (times, fault) in [
        (5, Fault::Kill(Role::Commands)),
        (3, Fault::Kill(Role::Relay)),
        (3, Fault::Kill(Role::Projector)),
        (3, Fault::KillPostgres { all: true }),
        (2, Fault::KillPostgres { all: false }),
        (3, Fault::KillNats),
        (2, Fault::CutAfterCommit(Role::Commands)),
        (if power { 2 } else { 0 }, Fault::PowerCut),
    ] {
        faults.extend(std::iter::repeat_n(fault, times));
    }
    shuffle(&mut faults, chance);
    faults
}

/// Puts faults into an order that the seed decides.
pub fn shuffle(faults: &mut [Fault], chance: &mut Chance) {
    for last in (1..faults.len()).rev() {
        let other = usize::try_from(chance.below(last as u64 + 1)).unwrap_or_default();
        faults.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults_in_the_same_order() {
        let draw = |seed| round(true, &mut Chance::new(seed));
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn a_round_has_every_fault() {
        let round = round(true, &mut Chance::new(1));
        assert!(each_once(true).iter().all(|fault| round.contains(fault)));
    }
}
