//! The console, asked as a program does and walked through in a browser.

mod browser;
mod guarded;
mod pages;
mod reads;
mod rights;
mod work;

use std::net::SocketAddr;

use annals_infra::{console, serve::Signing};
use annals_tests::{
    World,
    token::{self, Who},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

/// A world with a console.
async fn world() -> World {
    world_with(None).await
}

/// The same, with a log that is signed.
async fn world_with(signing: Option<Signing>) -> World {
    World::start_with(|config| {
        config.console =
            Some(console::Config { address: ([127, 0, 0, 1], 0).into(), people: None });
        config.signing = signing;
    })
    .await
}

fn address(world: &World) -> SocketAddr {
    world.services()[0].console.unwrap()
}

/// What came back.
#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header, by its name in lower case.
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|it| it.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends one request, as it stands here.
async fn sent(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let host = if headers.contains("Host: ") { String::new() } else { format!("Host: {to}\r\n") };
    let request = format!(
        "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n\
         {headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, rest) = text.split_once("\r\n\r\n").unwrap();
    let body = match head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        true => whole(rest),
        false => rest.to_owned(),
    };
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap();
    Answer { status, head: head.to_owned(), body }
}

/// Chunks, put together.
fn whole(mut rest: &str) -> String {
    let mut text = String::new();
    while let Some((size, more)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        if size == 0 {
            break;
        }
        text.push_str(&more[..size]);
        rest = &more[size + 2..];
    }
    text
}

/// Somebody at the console, with a token of theirs.
#[derive(Debug, Clone)]
struct Visitor {
    at: SocketAddr,
    token: String,
}

impl Visitor {
    fn of(world: &World, who: Who) -> Self {
        Self { at: address(world), token: token::token(who) }
    }

    fn person(world: &World, person: Uuid) -> Self {
        Self::of(world, Who::Person(person))
    }

    fn operator(world: &World) -> Self {
        Self::of(world, Who::Operator)
    }

    async fn get(&self, path: &str) -> Answer {
        let headers = format!("Authorization: Bearer {}\r\n", self.token);
        sent(self.at, "GET", path, &headers, "").await
    }

    async fn ask(&self, path: &str, body: Value) -> Answer {
        let headers =
            format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", self.token);
        sent(self.at, "POST", path, &headers, &body.to_string()).await
    }

    /// What is found, where something is.
    #[track_caller]
    fn finds(&self, path: &str, body: Value) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        let (this, path) = (self.clone(), path.to_owned());
        async move {
            let answer = this.ask(&path, body).await;
            assert_eq!(answer.status, 200, "{at}: {path}: {}", answer.body);
            answer.json()
        }
    }

    /// Nothing is there, or nothing that may be seen.
    #[track_caller]
    fn finds_nothing(&self, path: &str, body: Value) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        let (this, path) = (self.clone(), path.to_owned());
        async move {
            let answer = this.ask(&path, body).await;
            assert_eq!(answer.status, 404, "{at}: {path}: {}", answer.body);
            assert_eq!(answer.json()["code"], "nothing_here", "{at}");
        }
    }
}

/// The types of the events that were found, in order.
fn types(found: &Value) -> Vec<&str> {
    let events = found["events"].as_array().unwrap();
    events.iter().map(|it| it["type"].as_str().unwrap()).collect()
}
