//! What every answer carries, and which requests are not even looked at.
//!
//! The page has no inline script and no inline style, loads nothing from elsewhere, and stands in nobody's
//! frame. Whatever is asked of the API is asked by POST, in JSON, from the console's own origin: what is
//! looked for is in no address that a proxy writes down, and no other site can have a browser send it.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::error::ConsoleError;

/// Content-Security-Policy of every answer.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cache-control", "no-store"),
];

/// Refuses what another site sends, and has every answer say how a browser is to treat it.
pub async fn guard(request: Request, next: Next) -> Response {
    let asks = request.uri().path().starts_with("/api/");
    let mut response = if asks && !is_ours(request.method(), request.headers()) {
        ConsoleError::CrossSite.into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        let name = HeaderName::from_static(name);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a request can only be the console's own, or a program's that is no browser.
fn is_ours(method: &Method, headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|it| it.to_str().unwrap_or("?"));
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    // Typed into the address bar (`none`) nobody posts.
    let near = match site {
        None | Some(b"same-origin") => true,
        Some(b"none") => method == Method::GET,
        Some(_) => false,
    };
    let same = text(&header::ORIGIN).is_none_or(|origin| {
        let authority = origin.split_once("://").map(|(_, it)| it);
        authority.is_some() && authority == text(&header::HOST)
    });
    let form = text(&header::CONTENT_TYPE).unwrap_or_default();
    let json = form.split(';').next().is_some_and(|it| it.trim() == "application/json");
    near && same && (method == Method::GET || json)
}

/// Whether the request was sent to this machine by one of its own names. A name that somebody else's DNS
/// gives to it is none of them.
pub fn is_here(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(method: Method, given: &[(&'static str, &'static str)]) -> bool {
        let headers = given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_ours(&method, &headers.collect())
    }

    #[test]
    fn another_site_cannot_ask() {
        let json = ("content-type", "application/json; charset=utf-8");
        let host = ("host", "c.example:1");
        assert!(ours(Method::POST, &[json, host, ("origin", "https://c.example:1")]));
        assert!(ours(Method::POST, &[json, host, ("sec-fetch-site", "same-origin")]));
        assert!(ours(Method::POST, &[json]), "no browser at all");
        assert!(ours(Method::GET, &[("sec-fetch-site", "none")]));
        for given in [
            &[json, host, ("origin", "https://evil.example")][..],
            &[json, host, ("origin", "null")],
            &[json, ("sec-fetch-site", "cross-site")],
            &[json, ("sec-fetch-site", "same-site")],
            &[json, ("sec-fetch-site", "none")],
            &[("content-type", "text/plain"), host],
            &[host],
        ] {
            assert!(!ours(Method::POST, given), "{given:?}");
        }
        assert!(!ours(Method::GET, &[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn this_machine_goes_by_its_own_names_alone() {
        let here = |host: &'static str| {
            is_here(&[(header::HOST, HeaderValue::from_static(host))].into_iter().collect())
        };
        assert!(here("127.0.0.1:9465") && here("localhost") && here("[::1]:80"));
        assert!(!here("evil.example:9465") && !here("127.0.0.1.evil.example") && !here("::1"));
    }
}
