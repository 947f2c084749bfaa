//! Which texts are ids.

use std::borrow::Cow;

use uuid::{Uuid, fmt::Hyphenated};

/// How long a command's, an aggregate's or a correlation's id may be.
const MAX_ID: usize = 128;

/// Whether a text can be a command's id (`Nats-Msg-Id`): 1 to 128 printable ASCII characters, no space.
#[must_use]
pub fn is_command_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An aggregate's id as it is stored, or nothing where the text cannot be one.
///
/// An id becomes a token of an event's subject, so it has 1 to 128 ASCII letters, digits, `-`, `_`
/// and `:`. A UUID in any of its spellings (`0192F7C0…`, `urn:uuid:…`) becomes the one in lower case
/// with hyphens, so that one aggregate never has two streams.
#[must_use]
pub fn aggregate_id(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':');
    if text.is_empty() || text.len() > MAX_ID || !text.bytes().all(fits) {
        return None;
    }
    let Ok(uuid) = Uuid::try_parse(&text) else {
        return Some(text);
    };
    let mut normal = [0; Hyphenated::LENGTH];
    let normal = &*uuid.hyphenated().encode_lower(&mut normal);
    Some(if normal == text { text } else { Cow::Owned(normal.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_uuid_is_one_id() {
        let normal = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10";
        for spelling in [
            normal,
            "0192F7C0-6C1E-7E55-A3A1-2F0D5F3B9A10",
            "0192f7c06c1e7e55a3a12f0d5f3b9a10",
            "urn:uuid:0192F7C0-6c1e-7e55-a3a1-2f0d5f3b9a10",
        ] {
            assert_eq!(aggregate_id(spelling.into()).as_deref(), Some(normal), "{spelling}");
        }
    }

    #[test]
    fn an_id_is_a_token_of_a_subject() {
        for good in ["a", "setting:max_cards", "ORD_7-b"] {
            assert_eq!(aggregate_id(good.into()).as_deref(), Some(good));
        }
        let long = "x".repeat(129);
        for bad in ["", "a.b", "a b", "*", ">", "a/b", "é", "a\n", "{0192f7c0}", long.as_str()] {
            assert_eq!(aggregate_id(bad.into()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_command_id_is_printable() {
        for good in ["1", "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10", "AbC/~!", &"x".repeat(128)] {
            assert!(is_command_id(good));
        }
        for bad in ["", "a b", "a\t", "é", "\u{7f}", &"x".repeat(129)] {
            assert!(!is_command_id(bad), "{bad:?}");
        }
    }
}
