//! Ids: those that a second run finds again, and those that are fresh each time.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{Builder, Uuid};

/// The wallets of a seed. A hot wallet is one of its own for each number of earlier events.
pub fn wallets(seed: &str, hot: bool, count: u32, earlier: u32) -> Vec<Uuid> {
    if hot {
        return vec![found_again(seed, &format!("hot {earlier}"))];
    }
    (0..count).map(|nth| found_again(seed, &format!("wallet {nth}"))).collect()
}

/// An id made of what it is for.
pub fn found_again(seed: &str, what: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("annals bench\n{seed}\n{what}").as_bytes())
}

/// Chance that costs nothing (SplitMix64), begun anew in each process.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}

impl Chance {
    /// Another course each time.
    pub fn new() -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self(high ^ low)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another one, each as likely as the others.
    pub fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.draw()) * (end as u128);
        usize::try_from(wide >> 64).unwrap_or_default()
    }

    /// A fresh command id: a UUID of version 7.
    pub fn command_id(&mut self) -> Uuid {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.draw().to_be_bytes());
        bytes[8..].copy_from_slice(&self.draw().to_be_bytes()[..2]);
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_second_run_finds_the_same_wallets() {
        let some = wallets("a", false, 5, 1);
        assert_eq!(some, wallets("a", false, 7, 9)[..5]);
        assert_eq!(some.iter().collect::<HashSet<_>>().len(), 5);
        assert!(!wallets("b", false, 5, 1).contains(&some[0]));
        assert_ne!(wallets("a", true, 1, 1), wallets("a", true, 1, 1_000));
    }

    #[test]
    fn command_ids_are_fresh_and_ordered_by_time() {
        let mut chance = Chance::new();
        let ids: Vec<Uuid> = (0..1_000).map(|_| chance.command_id()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.windows(2).all(|two| two[0].as_bytes()[..6] <= two[1].as_bytes()[..6]));
    }

    #[test]
    fn every_wallet_has_its_turn() {
        let mut chance = Chance::new();
        let mut turns = [0_u32; 10];
        for _ in 0..10_000 {
            turns[chance.below(10)] += 1;
        }
        assert!(turns.iter().all(|turns| (800..1_200).contains(turns)), "{turns:?}");
    }
}
