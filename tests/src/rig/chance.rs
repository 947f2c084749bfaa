//! Chance that comes out the same for the same seed.

/// `SplitMix64`: small, even, and enough for choosing faults.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Chance from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Chance of its own for a part of a run.
    #[must_use]
    pub fn of(seed: u64, part: u64) -> Self {
        let mut own = Self(seed ^ part.wrapping_mul(0xa076_1d64_78bd_642f));
        own.draw();
        own
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }

    /// Whether it happens, this often of a hundred times.
    pub fn percent(&mut self, often: u64) -> bool {
        self.below(100) < often
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let nth = usize::try_from(self.below(all.len() as u64)).unwrap_or_default();
        &all[nth]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_chances_and_another_part_gives_others() {
        let drawn = |mut chance: Chance| (0..8).map(|_| chance.draw()).collect::<Vec<_>>();
        assert_eq!(drawn(Chance::of(7, 1)), drawn(Chance::of(7, 1)));
        assert_ne!(drawn(Chance::of(7, 1)), drawn(Chance::of(7, 2)));
    }
}
