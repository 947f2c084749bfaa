//! Which events the replies named: each accepted command has led to one of its own.

/// Positions that replies named, and how often one was named again.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    bits: Vec<u64>,
    /// How many positions were named.
    pub count: u64,
    /// How many replies named a position that another reply had named before: each of them stands for
    /// a command that was accepted and is not there.
    pub again: u64,
}

impl Heard {
    /// A reply named this position.
    pub fn hear(&mut self, position: i64) {
        let Some((word, bit)) = place(position) else { return };
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let Some(bits) = self.bits.get_mut(word) else { return };
        if *bits & bit == 0 {
            *bits |= bit;
            self.count += 1;
        } else {
            self.again += 1;
        }
    }

    /// Whether a reply named this position.
    pub fn has(&self, position: i64) -> bool {
        place(position)
            .is_some_and(|(word, bit)| self.bits.get(word).is_some_and(|bits| bits & bit != 0))
    }
}

fn place(position: i64) -> Option<(usize, u64)> {
    let position = u64::try_from(position).ok()?;
    Some((usize::try_from(position / 64).ok()?, 1 << (position % 64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_two_replies_name_is_noticed() {
        let mut heard = Heard::default();
        for position in [1, 64, 5_000, 64] {
            heard.hear(position);
        }
        assert_eq!((heard.count, heard.again), (3, 1));
        assert!(heard.has(64) && heard.has(5_000) && !heard.has(63) && !heard.has(1_000_000));
    }
}
