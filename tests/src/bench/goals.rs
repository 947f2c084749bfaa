//! What is to be reached, and whether it was.

use super::{
    figures::{Figures, Spread},
    table::{millis, thousands},
};

/// Something to be reached.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// What it is about.
    pub says: &'static str,
    /// Our figure: the best of these.
    pub ours: &'static [&'static str],
    /// What it is held against.
    pub beside: Beside,
    /// What is wanted of the ratio, or of the figure itself where nothing is beside it.
    pub wants: Wants,
    /// What our figure is counted in.
    pub unit: Unit,
}

/// What a figure is held against.
#[derive(Debug, Clone, Copy)]
pub enum Beside {
    /// The best of a peer's levels.
    Best(&'static str, &'static [&'static str]),
    /// Several figures added up.
    Sum(&'static str, &'static [&'static str]),
    /// Nothing: the figure speaks for itself.
    Nothing,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wants {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}

/// What a figure is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// So many a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Megabytes (1,000,000 bytes).
    Megabytes,
    /// So many.
    Count,
}

/// What came of a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Our figure.
    pub ours: Spread,
    /// Where our figure is from.
    pub our_name: &'static str,
    /// The figure beside it.
    pub theirs: Option<Spread>,
    /// Where that is from.
    pub their_name: Option<String>,
    /// Ours to theirs, round by round where each round has both; without theirs, our figure.
    pub ratio: Spread,
    /// Whether the median reaches the goal.
    pub reached: bool,
    /// By which part of the goal it is missed; 0 where it is reached.
    pub missed_by: f64,
}

const SQL_MANY: &[&str] = &[
    "sql.many.1.rate",
    "sql.many.8.rate",
    "sql.many.32.rate",
    "sql.many.64.rate",
    "sql.many.512.rate",
];
const SQL_HOT: &[&str] =
    &["sql.hot.1.rate", "sql.hot.8.rate", "sql.hot.32.rate", "sql.hot.64.rate", "sql.hot.512.rate"];
const ES_MANY: &[&str] = &[
    "es.many.1.rate",
    "es.many.8.rate",
    "es.many.32.rate",
    "es.many.64.rate",
    "es.many.512.rate",
    "es-snap.many.1.rate",
    "es-snap.many.8.rate",
    "es-snap.many.32.rate",
    "es-snap.many.64.rate",
    "es-snap.many.512.rate",
];
const ES_HOT: &[&str] = &[
    "es.hot.1.rate",
    "es.hot.8.rate",
    "es.hot.32.rate",
    "es.hot.64.rate",
    "es.hot.512.rate",
    "es-snap.hot.1.rate",
    "es-snap.hot.8.rate",
    "es-snap.hot.32.rate",
    "es-snap.hot.64.rate",
    "es-snap.hot.512.rate",
];
const ANNALS_HOT: &[&str] = &[
    "annals.hot.1.rate",
    "annals.hot.8.rate",
    "annals.hot.32.rate",
    "annals.hot.64.rate",
    "annals.hot.512.rate",
];

const fn rate(
    says: &'static str,
    ours: &'static [&'static str],
    beside: Beside,
    least: f64,
) -> Goal {
    Goal { says, ours, beside, wants: Wants::AtLeast(least), unit: Unit::PerSecond }
}

const fn none(says: &'static str, ours: &'static [&'static str]) -> Goal {
    Goal { says, ours, beside: Beside::Nothing, wants: Wants::AtMost(0.0), unit: Unit::Count }
}

const fn memory(says: &'static str, ours: &'static [&'static str]) -> Goal {
    let wants = Wants::AtMost(256.0);
    Goal { says, ours, beside: Beside::Nothing, wants, unit: Unit::Megabytes }
}

/// All that is to be reached.
pub const GOALS: &[Goal] = &[
    rate(
        "many wallets, 512 in flight, beside plain SQL",
        &["annals.many.512.rate"],
        Beside::Best("plain SQL's best", SQL_MANY),
        3.0,
    ),
    rate(
        "many wallets, 512 in flight, beside postgres-es",
        &["annals.many.512.rate"],
        Beside::Best("postgres-es' best", ES_MANY),
        8.0,
    ),
    rate(
        "many wallets, 512 in flight, beside set-based appends of 500",
        &["annals.many.512.rate"],
        Beside::Best("appends of 500 (jsonb), events/s", &["limits.append.jsonb"]),
        0.4,
    ),
    rate(
        "one hot wallet, beside plain SQL",
        ANNALS_HOT,
        Beside::Best("plain SQL's best", SQL_HOT),
        12.0,
    ),
    rate(
        "one hot wallet, beside postgres-es",
        ANNALS_HOT,
        Beside::Best("postgres-es' best", ES_HOT),
        45.0,
    ),
    rate(
        "one hot wallet, 512 in flight, 100,000 earlier events beside one",
        &["annals.history.long.rate"],
        Beside::Best("with one earlier event", &["annals.history.short.rate"]),
        0.95,
    ),
    Goal {
        says: "one in flight: p50, beside a NATS round trip and a single-row commit",
        ours: &["annals.many.1.p50"],
        beside: Beside::Sum(
            "round trip + commit, p50",
            &["limits.nats.1.p50", "limits.commit.p50"],
        ),
        wants: Wants::AtMost(1.5),
        unit: Unit::Millis,
    },
    Goal {
        says: "64 in flight, many wallets: p99, beside plain SQL",
        ours: &["annals.many.64.p99"],
        beside: Beside::Best("plain SQL at 64, p99", &["sql.many.64.p99"]),
        wants: Wants::AtMost(1.0 / 3.0),
        unit: Unit::Millis,
    },
    rate(
        "the whole pipeline while rows keep up, beside plain SQL, which writes the same two rows",
        &["annals.pipeline.rate"],
        Beside::Best("plain SQL's best", &["sql.pipeline.rate"]),
        1.6,
    ),
    Goal {
        says: "5,000/s, open loop: from reply to visible row, p99",
        ours: &["annals.open.rows.p99"],
        beside: Beside::Nothing,
        wants: Wants::AtMost(15.0),
        unit: Unit::Millis,
    },
    rate(
        "rebuild of the wallets' tables, events/s, beside an UNNEST upsert of one connection",
        &["annals.rebuild.rate"],
        Beside::Best("UNNEST upsert, rows/s", &["limits.upsert"]),
        0.8,
    ),
    rate(
        "512 in flight while the log is hashed and signed, beside neither",
        &["evidence.signed.rate"],
        Beside::Best("without a notary, and what hashing takes", &["evidence.without.rate"]),
        0.95,
    ),
    Goal {
        says: "annals verify over the whole log, events/s",
        ours: &["evidence.verify.rate"],
        beside: Beside::Nothing,
        wants: Wants::AtLeast(300_000.0),
        unit: Unit::PerSecond,
    },
    rate(
        "rebuild with the past of rows, events/s, beside one without",
        &["evidence.kept.rate"],
        Beside::Best("ANNALS_HISTORY off", &["evidence.bare.rate"]),
        0.4,
    ),
    Goal {
        says: "a row by its key as of an instant: p50, beside the live row",
        ours: &["evidence.as_of.p50"],
        beside: Beside::Best("live, p50", &["evidence.live.p50"]),
        wants: Wants::AtMost(3.0),
        unit: Unit::Millis,
    },
    rate(
        "replay into a scratch schema, events/s, beside a rebuild of the same rows",
        &["evidence.replay.rate"],
        Beside::Best("rebuild without a past", &["evidence.bare.rate"]),
        0.95,
    ),
    rate(
        "rebuild with ANNALS_HISTORY off, events/s, beside an UNNEST upsert of one connection",
        &["evidence.bare.rate"],
        Beside::Best("UNNEST upsert, rows/s", &["limits.upsert"]),
        0.8,
    ),
    rate(
        "the whole pipeline with ANNALS_HISTORY off, beside plain SQL",
        &["evidence.pipeline.rate"],
        Beside::Best("plain SQL's best", &["sql.pipeline.rate"]),
        1.6,
    ),
    memory("memory of the command service, peak", &["memory.commands"]),
    memory("memory of the relay over the whole backlog, peak", &["memory.relay"]),
    memory("memory of the projector over the whole backlog, peak", &["memory.projector"]),
    none("conflicts shown to callers", &["zero.conflicts"]),
    none("other refusals and errors shown to callers", &["zero.errors"]),
    none("events lost: accepted and not in the log", &["zero.lost"]),
    none("events doubled: in the log and never replied", &["zero.doubled"]),
    none("holes in positions or sequences", &["zero.holes"]),
    none("rows that differ from the log, negative balances", &["zero.rows"]),
];

impl Goal {
    /// What came of it; nothing where it was not measured.
    #[must_use]
    pub fn verdict(&self, figures: &Figures) -> Option<Verdict> {
        let our_name = figures.best(self.ours)?;
        let ours = figures.samples(our_name)?;
        let (theirs, their_name) = match self.beside {
            Beside::Nothing => (None, None),
            Beside::Best(_, names) => {
                let name = figures.best(names)?;
                (Some(figures.samples(name)?.to_vec()), Some(name.to_owned()))
            }
            Beside::Sum(_, names) => (Some(sum(figures, names)?), Some(names.join(" + "))),
        };
        let ratio = match &theirs {
            None => Spread::of(ours)?,
            Some(theirs) => ratio(ours, theirs)?,
        };
        let missed_by = self.wants.missed_by(ratio.median);
        Some(Verdict {
            ours: Spread::of(ours)?,
            our_name,
            theirs: theirs.as_deref().and_then(Spread::of),
            their_name,
            ratio,
            reached: missed_by <= 0.0,
            missed_by,
        })
    }

    /// What is beside it, in words.
    #[must_use]
    pub const fn beside_says(&self) -> Option<&'static str> {
        match self.beside {
            Beside::Best(says, _) | Beside::Sum(says, _) => Some(says),
            Beside::Nothing => None,
        }
    }

    /// What is wanted, in words.
    #[must_use]
    pub fn wanted(&self) -> String {
        let (sign, bound) = match self.wants {
            Wants::AtLeast(bound) => ("≥", bound),
            Wants::AtMost(bound) => ("≤", bound),
        };
        match self.beside {
            Beside::Nothing if bound == 0.0 => "0".to_owned(),
            Beside::Nothing => format!("{sign} {}", self.unit.write(bound)),
            Beside::Best(..) | Beside::Sum(..) if self.wants == Wants::AtMost(1.0 / 3.0) => {
                format!("{sign} 1/3 ×")
            }
            Beside::Best(..) | Beside::Sum(..) => format!("{sign} {bound} ×"),
        }
    }
}

impl Wants {
    /// By which part of the goal a figure misses it; 0 where it does not.
    #[must_use]
    pub fn missed_by(self, figure: f64) -> f64 {
        let missed = match self {
            Self::AtLeast(bound) => 1.0 - figure / bound,
            Self::AtMost(0.0) => figure,
            Self::AtMost(bound) => figure / bound - 1.0,
        };
        missed.max(0.0)
    }
}

impl Unit {
    /// A figure with its unit.
    #[must_use]
    pub fn write(self, figure: f64) -> String {
        match self {
            Self::PerSecond => format!("{}/s", thousands(figure)),
            Self::Millis => format!("{} ms", millis(figure)),
            Self::Megabytes => format!("{} MB", thousands(figure)),
            Self::Count => thousands(figure),
        }
    }
}

/// The samples of several figures, added up round by round.
fn sum(figures: &Figures, names: &[&str]) -> Option<Vec<f64>> {
    let mut all = names.iter().map(|name| figures.samples(name));
    let mut sum = all.next()??.to_vec();
    for samples in all {
        let samples = samples?;
        if samples.len() != sum.len() {
            let medians: Option<Vec<f64>> =
                names.iter().map(|name| figures.spread(name).map(|it| it.median)).collect();
            return Some(vec![medians?.iter().sum()]);
        }
        for (sum, sample) in sum.iter_mut().zip(samples) {
            *sum += sample;
        }
    }
    Some(sum)
}

/// Round by round, or median to median where the rounds do not match.
fn ratio(ours: &[f64], theirs: &[f64]) -> Option<Spread> {
    if ours.len() == theirs.len() {
        let rounds: Vec<f64> =
            ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        return Spread::of(&rounds);
    }
    let (ours, theirs) = (Spread::of(ours)?, Spread::of(theirs)?);
    Spread::of(&[ours.median / theirs.median])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn figures(all: &[(&str, &[f64])]) -> Figures {
        let mut figures = Figures::default();
        for (name, samples) in all {
            for sample in *samples {
                figures.add(*name, *sample);
            }
        }
        figures
    }

    fn goal(says: &str) -> &'static Goal {
        GOALS.iter().find(|goal| goal.says.contains(says)).unwrap()
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        let measured = figures(&[
            ("annals.many.512.rate", &[20.0, 40.0, 60.0]),
            ("sql.many.8.rate", &[1.0, 1.0, 1.0]),
            ("sql.many.32.rate", &[10.0, 10.0, 20.0]),
        ]);
        let verdict = goal("512 in flight, beside plain SQL").verdict(&measured).unwrap();
        assert_eq!(verdict.their_name.as_deref(), Some("sql.many.32.rate"));
        assert_eq!((verdict.ratio.min, verdict.ratio.median, verdict.ratio.max), (2.0, 3.0, 4.0));
        assert!(verdict.reached);
        assert_eq!(verdict.missed_by, 0.0);
    }

    #[test]
    fn a_goal_that_is_missed_says_by_how_much() {
        let measured =
            figures(&[("annals.many.512.rate", &[20.0]), ("sql.many.32.rate", &[10.0, 10.0])]);
        let verdict = goal("512 in flight, beside plain SQL").verdict(&measured).unwrap();
        assert!(!verdict.reached);
        assert!((verdict.missed_by - 1.0 / 3.0).abs() < 1e-9);
        assert!((Wants::AtMost(15.0).missed_by(30.0) - 1.0).abs() < 1e-9);
        assert_eq!(Wants::AtMost(15.0).missed_by(15.0), 0.0);
        assert_eq!(Wants::AtMost(0.0).missed_by(3.0), 3.0);
    }

    #[test]
    fn latency_goals_are_reached_by_being_smaller() {
        let measured = figures(&[
            ("annals.many.1.p50", &[0.6, 0.5]),
            ("limits.nats.1.p50", &[0.2, 0.1]),
            ("limits.commit.p50", &[0.2, 0.3]),
        ]);
        let verdict = goal("one in flight").verdict(&measured).unwrap();
        assert!(verdict.reached);
        assert!((verdict.ratio.median - 1.375).abs() < 1e-9);
        let slow = figures(&[("annals.many.64.p99", &[4.0]), ("sql.many.64.p99", &[9.0])]);
        assert!(!goal("64 in flight").verdict(&slow).unwrap().reached);
    }

    #[test]
    fn what_was_not_measured_has_no_verdict() {
        assert!(GOALS.iter().all(|goal| goal.verdict(&Figures::default()).is_none()));
        let alone = figures(&[("annals.many.512.rate", &[20.0])]);
        assert!(goal("512 in flight, beside plain SQL").verdict(&alone).is_none());
    }

    #[test]
    fn one_conflict_or_one_lost_event_is_one_too_many() {
        for name in ["zero.conflicts", "zero.lost", "zero.doubled"] {
            let verdict = |count| {
                let measured = figures(&[(name, &[count])]);
                GOALS.iter().find_map(|goal| goal.verdict(&measured)).unwrap()
            };
            assert!(verdict(0.0).reached && !verdict(1.0).reached, "{name}");
        }
    }

    #[test]
    fn every_goal_says_something_else() {
        let said: BTreeSet<&str> = GOALS.iter().map(|goal| goal.says).collect();
        assert_eq!(said.len(), GOALS.len());
        assert_eq!(goal("64 in flight").wanted(), "≤ 1/3 ×");
        assert_eq!(goal("from reply to visible row").wanted(), "≤ 15.0 ms");
        assert_eq!(goal("beside postgres-es").wanted(), "≥ 8 ×");
    }
}
