//! Checks on texts that several contexts share.

/// An e-mail address as every context compares and stores it: trimmed and in lower case (F030).
#[must_use]
pub fn normal_email(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Whether a text looks like an e-mail address: the documented expression (samia.rule.user.email_format).
#[must_use]
pub fn is_email(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let Some((host, top)) = domain.rsplit_once('.') else {
        return false;
    };
    let local_ok = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
    let host_ok = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    !local.is_empty()
        && !host.is_empty()
        && top.len() >= 2
        && local.bytes().all(local_ok)
        && host.bytes().all(host_ok)
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Distinguishes "absent" from "null" in a command: absent means unchanged, null means cleared (F037).
///
/// Use as `#[serde(default, deserialize_with = "some")] field: Option<Option<T>>`.
///
/// # Errors
/// As the inner type's.
pub fn some<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    <Option<T> as serde::Deserialize>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_documented_expression() {
        assert!(is_email("a.b+c@example.org"));
        for bad in ["no-at-sign", "a@b", "@example.org", "a@.x", "a b@example.org"] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
