//! The page itself: files that hold nothing of anybody, the same for whoever asks.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

/// Path, form, content.
const FILES: [(&str, &str, &str); 11] = [
    ("/", "text/html; charset=utf-8", include_str!("assets/index.html")),
    ("/console.css", CSS, include_str!("assets/console.css")),
    ("/mark.svg", "image/svg+xml", include_str!("assets/mark.svg")),
    ("/console.js", JS, include_str!("assets/console.js")),
    ("/parts.js", JS, include_str!("assets/parts.js")),
    ("/search.js", JS, include_str!("assets/search.js")),
    ("/story.js", JS, include_str!("assets/story.js")),
    ("/row.js", JS, include_str!("assets/row.js")),
    ("/reads.js", JS, include_str!("assets/reads.js")),
    ("/state.js", JS, include_str!("assets/state.js")),
    ("/jobs.js", JS, include_str!("assets/jobs.js")),
];
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

/// The files' routes.
pub fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, (path, form, content)| {
        router.route(path, get(async || file(form, content)))
    })
}

fn file(form: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, form)], content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_its_own_files_and_nothing_inline() {
        let html = FILES[0].2;
        for (nth, _) in html.match_indices("<script") {
            let tag = html[nth..].split('>').next().unwrap();
            assert!(tag.contains("src=\"/"), "{tag}");
        }
        for inline in ["<style", " style=", " onclick=", "javascript:"] {
            assert!(!html.contains(inline), "{inline}");
        }
        for (path, form, content) in FILES {
            assert!(!content.contains("innerHTML"), "{path} makes HTML of text");
            assert!(!content.contains("http://") || path == "/mark.svg", "{path}");
            let imports = content.lines().filter(|it| form == JS && it.starts_with("import "));
            for line in imports {
                let from = line.split('"').nth(1).unwrap_or_default().trim_start_matches('.');
                assert!(FILES.iter().any(|(known, _, _)| *known == from), "{path}: {line}");
            }
        }
    }
}
