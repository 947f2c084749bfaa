//! From the URLs of NATS to a connection's options.

use async_nats::{ConnectOptions, ServerAddr};

/// The servers of some URLs, separated by commas, and options that hold what opens them. The NATS
/// client leaves user, password and token in a URL unread, so they are taken from the first URL that
/// has some: `nats://user:password@host`, or `nats://token@host`.
///
/// # Errors
/// A URL is none. The sentence does not repeat it.
pub fn nats_options(urls: &str) -> Result<(ConnectOptions, Vec<ServerAddr>), String> {
    let servers: Result<Vec<ServerAddr>, _> =
        urls.split(',').map(|url| url.trim().parse::<ServerAddr>()).collect();
    let servers = servers.map_err(|_| EXPECTED.to_owned())?;
    let login = servers.iter().find_map(|server| {
        let user = decoded(server.username()?);
        Some((user, server.password().map(decoded)))
    });
    let options = match login {
        Some((user, Some(password))) => ConnectOptions::with_user_and_password(user, password),
        Some((token, None)) => ConnectOptions::with_token(token),
        None => ConnectOptions::new(),
    };
    Ok((options, servers))
}

const EXPECTED: &str = "expected NATS URLs separated by commas, such as nats://127.0.0.1:4222";

/// A part of a URL as it is meant: `%40` is `@`.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%');
        let byte = escaped
            .and_then(|digits| str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_is_meant_otherwise() {
        for (part, meant) in
            [("a%40b%2F", "a@b/"), ("100%", "100%"), ("%zz", "%zz"), ("%ff", "%ff"), ("", "")]
        {
            assert_eq!(decoded(part), meant);
        }
    }

    #[test]
    fn every_server_is_named() {
        let (_, servers) = nats_options("nats://u:p@a:1, tls://b, c").unwrap();
        let hosts: Vec<_> = servers.iter().map(|server| (server.host(), server.port())).collect();
        assert_eq!(hosts, [("a", 1), ("b", 4222), ("c", 4222)]);
        assert_eq!(nats_options("http://s3cr3t@x").unwrap_err(), EXPECTED);
    }
}
