//! Samples by name, one a round.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Samples of everything that was measured. Rounds go over all that is compared (A B A B), so that the
/// samples of one round share the machine's mood.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(BTreeMap<String, Vec<f64>>);

/// Samples in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Half of them are no larger.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many there are.
    pub count: usize,
}

impl Figures {
    /// Adds the sample of another round.
    pub fn add(&mut self, name: impl Into<String>, sample: f64) {
        self.0.entry(name.into()).or_default().push(sample);
    }

    /// The samples of this name, a round each; none if it was not measured.
    #[must_use]
    pub fn samples(&self, name: &str) -> Option<&[f64]> {
        self.0.get(name).map(Vec::as_slice).filter(|samples| !samples.is_empty())
    }

    /// The samples of this name in short.
    #[must_use]
    pub fn spread(&self, name: &str) -> Option<Spread> {
        self.samples(name).and_then(Spread::of)
    }

    /// The name with the largest median: a peer's best level.
    #[must_use]
    pub fn best<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let median = |name: &str| self.spread(name).map(|it| it.median);
        let known = names.iter().filter_map(|name| Some((*name, median(name)?)));
        known.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(name, _)| name)
    }

    /// Everything, for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        self.0
            .iter()
            .map(|(name, samples)| {
                let median = Spread::of(samples).map(|it| it.median);
                (name.clone(), json!({ "median": median, "samples": samples }))
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

impl Spread {
    /// Of these samples, if there are any.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let median = median(samples)?;
        let min = samples.iter().copied().min_by(f64::total_cmp)?;
        let max = samples.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { median, min, max, count: samples.len() })
    }
}

/// The median; the mean of the two in the middle where their number is even.
#[must_use]
pub fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn a_peers_best_level_is_chosen_by_its_median_and_not_by_its_luckiest_round() {
        let mut figures = Figures::default();
        for (name, samples) in [("a", [5.0, 5.0, 5.0]), ("b", [1.0, 1.0, 90.0])] {
            for sample in samples {
                figures.add(name, sample);
            }
        }
        assert_eq!(figures.best(&["a", "b", "not measured"]), Some("a"));
        assert_eq!(figures.best(&["not measured"]), None);
        let spread = figures.spread("b").unwrap();
        assert_eq!((spread.median, spread.min, spread.max, spread.count), (1.0, 1.0, 90.0, 3));
    }
}
