//! The Merkle tree of RFC 6962: roots, and proofs about them. Pure; where hashes come from is others'
//! business.

use aws_lc_rs::digest::{Context, SHA256};

/// A SHA-256 hash: of a leaf, of a node, of a whole tree.
pub type Hash = [u8; 32];

/// The root over two halves.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[1]);
    context.update(left);
    context.update(right);
    finish(context)
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty() -> Hash {
    finish(Context::new(&SHA256))
}

fn finish(context: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// A tree that only grows, kept as the roots of the complete subtrees it falls into: enough to append
/// to and to know the root, in some 64 hashes however many leaves there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of complete subtrees, from the largest and first to the smallest and last.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A tree of this size from the roots of its complete subtrees, the largest first. Nothing where
    /// their number does not fit the size.
    #[must_use]
    pub fn from_peaks(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, the largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf. `completed` is told the level and index of each subtree that became complete
    /// with it, the leaf itself (level 0) first.
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(u8, u64, &Hash)) {
        let mut hash = leaf;
        let mut level = 0;
        completed(level, self.size, &hash);
        while (self.size >> level) & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            level += 1;
            completed(level, self.size >> level, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty() };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

/// A complete subtree: the leaves from `index << level` on, `1 << level` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subtree {
    /// Its height; 0 is a leaf.
    pub level: u8,
    /// Its place among those of its height, from 0.
    pub index: u64,
}

impl Subtree {
    /// The complete subtrees that leaves from `start` up to before `end` fall into, in order. `start`
    /// must be where a subtree of that size begins, as it is in every part of a proof.
    #[must_use]
    pub fn cover(mut start: u64, end: u64) -> Vec<Self> {
        let mut parts = Vec::new();
        while start < end {
            let fits = 63 - (end - start).leading_zeros();
            let level = fits.min(start.trailing_zeros());
            parts.push(Self { level: u8::try_from(level).unwrap_or(63), index: start >> level });
            start += 1 << level;
        }
        parts
    }
}

/// The root over the leaves of complete subtrees that follow each other, as [`Subtree::cover`] lists
/// them.
#[must_use]
pub fn join(roots: &[Hash]) -> Hash {
    let mut roots = roots.iter().rev();
    let Some(last) = roots.next() else { return empty() };
    roots.fold(*last, |right, left| node(left, &right))
}

/// The ranges of leaves whose roots prove that the leaf at `index` is in a tree of this size, from the
/// leaf upwards.
#[must_use]
pub fn inclusion_path(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut low, mut high, mut path) = (0, size, Vec::new());
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push((middle, high));
            high = middle;
        } else {
            path.push((low, middle));
            low = middle;
        }
    }
    path.reverse();
    path
}

/// The ranges of leaves whose roots prove that a tree of `old` leaves is the beginning of one of `new`.
#[must_use]
pub fn consistency_path(old: u64, new: u64) -> Vec<(u64, u64)> {
    if old == 0 || old >= new {
        return Vec::new();
    }
    let (mut low, mut high, mut whole, mut path) = (0, new, true, Vec::new());
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            path.push((middle, high));
            high = middle;
        } else {
            path.push((low, middle));
            low = middle;
            whole = false;
        }
    }
    if !whole {
        path.push((low, high));
    }
    path.reverse();
    path
}

/// The largest power of two below a number of leaves, of which there are two at least.
const fn split(leaves: u64) -> u64 {
    1 << (63 - (leaves - 1).leading_zeros())
}

/// Whether a proof shows that a leaf stands at `index` (from 0) in the tree of this size and root.
#[must_use]
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let path = inclusion_path(index, size);
    if path.len() != proof.len() {
        return false;
    }
    let hash = path.iter().zip(proof).fold(*leaf, |hash, ((low, _), sibling)| {
        if *low > index { node(&hash, sibling) } else { node(sibling, &hash) }
    });
    hash == *root
}

/// Whether a proof shows that the tree of `old` leaves is the beginning of the one of `new`.
#[must_use]
pub fn is_consistent(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if old > new {
        return false;
    }
    if old == new || old == 0 {
        return proof.is_empty() && (old == 0 && *old_root == empty() || old_root == new_root);
    }
    // Where the old tree is a complete subtree of the new one, its root is the first hash.
    let mut hashes = proof.iter();
    let mut first = *old_root;
    if !old.is_power_of_two() {
        let Some(hash) = hashes.next() else { return false };
        first = *hash;
    }
    let (mut node_at, mut last) = (old - 1, new - 1);
    while node_at & 1 == 1 {
        node_at >>= 1;
        last >>= 1;
    }
    let (mut before, mut after) = (first, first);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if node_at & 1 == 1 || node_at == last {
            before = node(hash, &before);
            after = node(hash, &after);
            while node_at & 1 == 0 && node_at != 0 {
                node_at >>= 1;
                last >>= 1;
            }
        } else {
            after = node(&after, hash);
        }
        node_at >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old_root && after == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf(number: u64) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(&[0]);
        context.update(&number.to_be_bytes());
        finish(context)
    }

    /// The root as RFC 6962 defines it, word for word.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node(&defined(left), &defined(right))
            }
        }
    }

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(leaf).collect()
    }

    fn grown(size: u64) -> Frontier {
        let mut tree = Frontier::default();
        for leaf in leaves(size) {
            tree.append(leaf, |_, _, _| {});
        }
        tree
    }

    fn roots(all: &[Hash], path: &[(u64, u64)]) -> Vec<Hash> {
        path.iter().map(|(low, high)| defined(&all[*low as usize..*high as usize])).collect()
    }

    #[test]
    fn known_roots_of_rfc_6962() {
        let hex = |hash: Hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex(empty()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        // The test vectors of Certificate Transparency: leaves "", 00, 10, 2021.
        let given: [&[u8]; 4] = [b"", &[0], &[0x10], &[0x20, 0x21]];
        let mut tree = Frontier::default();
        for bytes in given {
            let mut context = Context::new(&SHA256);
            context.update(&[0]);
            context.update(bytes);
            tree.append(finish(context), |_, _, _| {});
        }
        assert_eq!(
            hex(tree.root()),
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
        );
    }

    #[test]
    fn a_growing_tree_has_the_defined_root_at_every_size() {
        let all = leaves(70);
        let mut tree = Frontier::default();
        for size in 0..all.len() {
            assert_eq!(tree.root(), defined(&all[..size]));
            let again = Frontier::from_peaks(tree.size(), tree.peaks().to_vec());
            assert_eq!(again.as_ref(), Some(&tree));
            tree.append(all[size], |_, _, _| {});
        }
        assert_eq!(Frontier::from_peaks(3, vec![empty()]), None);
    }

    #[test]
    fn completed_subtrees_are_told_with_their_roots() {
        let all = leaves(21);
        let mut tree = Frontier::default();
        let mut told = 0;
        for leaf in &all {
            tree.append(*leaf, |level, index, hash| {
                let (low, high) = ((index << level) as usize, ((index + 1) << level) as usize);
                assert_eq!(*hash, defined(&all[low..high]));
                told += 1;
            });
        }
        assert_eq!(told, 21 + 10 + 5 + 2 + 1);
    }

    proptest! {
        #[test]
        fn every_leaf_has_a_proof_and_no_other_leaf_or_place_has_it(size in 1_u64..200, at: u64, wrong: u64) {
            let (all, index) = (leaves(size), at % size);
            let root = defined(&all);
            let proof = roots(&all, &inclusion_path(index, size));
            prop_assert!(is_included(&leaf(index), index, size, &proof, &root));
            prop_assert!(!is_included(&leaf(size), index, size, &proof, &root));
            let other = wrong % size;
            prop_assert!(other == index || !is_included(&leaf(index), other, size, &proof, &root));
            prop_assert!(!is_included(&leaf(index), size, size, &proof, &root));
            let mut longer = proof.clone();
            longer.push(root);
            prop_assert!(!is_included(&leaf(index), index, size, &longer, &root));
        }

        #[test]
        fn every_beginning_has_a_proof_and_no_fork_has_one(new in 1_u64..200, at: u64, changed: u64) {
            let (all, old) = (leaves(new), at % (new + 1));
            let (old_root, new_root) = (defined(&all[..old as usize]), defined(&all));
            let proof = roots(&all, &consistency_path(old, new));
            prop_assert!(is_consistent((old, &old_root), (new, &new_root), &proof));
            if old > 0 {
                let mut forked = all.clone();
                forked[(changed % old) as usize] = leaf(u64::MAX);
                let fork = defined(&forked);
                let forged = roots(&forked, &consistency_path(old, new));
                prop_assert!(!is_consistent((old, &old_root), (new, &fork), &forged));
                prop_assert!(!is_consistent((old, &old_root), (new, &fork), &proof));
            }
        }

        #[test]
        fn a_range_is_joined_from_complete_subtrees(size in 1_u64..300, at: u64) {
            let all = leaves(size);
            for (low, high) in inclusion_path(at % size, size) {
                let parts: Vec<Hash> = Subtree::cover(low, high)
                    .iter()
                    .map(|it| defined(&all[(it.index << it.level) as usize..((it.index + 1) << it.level) as usize]))
                    .collect();
                prop_assert_eq!(join(&parts), defined(&all[low as usize..high as usize]));
            }
            prop_assert_eq!(grown(size).root(), defined(&all));
        }
    }
}
