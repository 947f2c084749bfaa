//! Values that are used but not shown.

use std::fmt;

/// A text that `Debug` does not show: a secret, or a URL that may hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hidden(…)")
    }
}

const MASK: &str = "***";

/// URLs, separated by commas, without the passwords and tokens in them.
#[must_use]
pub fn mask_url(urls: &str) -> String {
    let masked: Vec<_> = urls.split(',').map(mask_one).collect();
    masked.join(",")
}

fn mask_one(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let (rest, query) = match rest.split_once('?') {
        // A password that was not escaped: nobody knows where it ends.
        Some((_, query)) if query.contains('@') => return format!("{scheme}{MASK}"),
        Some((rest, query)) => (rest, format!("?{}", mask_query(query))),
        None => (rest, String::new()),
    };
    match rest.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}{}@{host}{query}", mask_user(user, &scheme)),
        None => format!("{scheme}{rest}{query}"),
    }
}

/// What stands before the `@`. A name without a password is a token to NATS.
fn mask_user(user: &str, scheme: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) => format!("{name}:{MASK}"),
        None if scheme.starts_with("postgres") => user.to_owned(),
        None => MASK.to_owned(),
    }
}

fn mask_query(query: &str) -> String {
    let pairs: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("password") => {
                format!("{name}={MASK}")
            }
            _ => pair.to_owned(),
        })
        .collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_opens_it() {
        for (url, shown) in [
            ("postgres://ada:pw@db:5432/annals", "postgres://ada:***@db:5432/annals"),
            ("postgres://ada@db/annals", "postgres://ada@db/annals"),
            ("postgres://ada:p@w/d@db/annals", "postgres://ada:***@db/annals"),
            ("postgres://ada:p@w/d?@db/annals", "postgres://***"),
            (
                "postgres:///annals?host=/s&password=pw&x=1",
                "postgres:///annals?host=/s&password=***&x=1",
            ),
            ("nats://token@a:4222,tls://u:p@b", "nats://***@a:4222,tls://u:***@b"),
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("user:pw@host:4222", "user:***@host:4222"),
            ("", ""),
        ] {
            assert_eq!(mask_url(url), shown);
        }
    }

    #[test]
    fn what_is_hidden_is_not_shown_for_debugging() {
        assert_eq!(format!("{:?}", Hidden::new("pw")), "Hidden(…)");
    }
}
