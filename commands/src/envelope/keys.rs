//! The keys of the objects that a scan is inside of, and whether one of them stands twice.

use std::borrow::Cow;

/// Where a key stands in the text, without its quotation marks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Key {
    pub from: u32,
    pub to: u32,
    pub escaped: bool,
}

impl Key {
    /// The key as it is meant.
    pub fn name<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let raw = self.raw(text);
        if !self.escaped {
            return Cow::Borrowed(raw);
        }
        serde_json::from_str(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned)
    }

    fn raw<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.from as usize..self.to as usize).unwrap_or_default()
    }
}

const INLINE: usize = 48;
const COMPARED_IN_PAIRS: usize = 16;

/// A stack of keys: those of an outer object lie below those of an inner one. Kept without an
/// allocation while there are few.
pub(super) struct Keys {
    few: [Key; INLINE],
    many: Vec<Key>,
    len: usize,
}

impl Keys {
    pub fn new() -> Self {
        Self { few: [Key::default(); INLINE], many: Vec::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, key: Key) {
        if self.len < INLINE {
            self.few[self.len] = key;
        } else {
            if self.len == INLINE {
                self.many.clear();
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(key);
        }
        self.len += 1;
    }

    /// Takes off the keys of an object that ends, which are those from `from`, and says which of them
    /// stands there twice.
    pub fn close(&mut self, from: usize, text: &str) -> Option<Key> {
        let all = if self.len > INLINE { &self.many[..] } else { &self.few[..self.len] };
        let twice = twice(all.get(from..).unwrap_or_default(), text);
        self.truncate(from);
        twice
    }

    fn truncate(&mut self, len: usize) {
        if self.len > INLINE {
            self.many.truncate(len);
            if len <= INLINE {
                self.few[..len].copy_from_slice(&self.many);
            }
        }
        self.len = len;
    }
}

fn twice(keys: &[Key], text: &str) -> Option<Key> {
    if keys.len() <= COMPARED_IN_PAIRS && !keys.iter().any(|key| key.escaped) {
        let mut later = keys;
        while let Some((key, rest)) = later.split_first() {
            if rest.iter().any(|other| other.raw(text) == key.raw(text)) {
                return Some(*key);
            }
            later = rest;
        }
        return None;
    }
    let mut named: Vec<_> = keys.iter().map(|key| (key.name(text), *key)).collect();
    named.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    named.windows(2).find_map(|pair| match pair {
        [(one, key), (other, _)] if one == other => Some(*key),
        _ => None,
    })
}
