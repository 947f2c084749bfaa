//! What NATS can do by itself: a request that another process answers at once.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use annals_infra::bench::{connect_to, measure::Waits};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use tokio::{process::Child, time::timeout};

use super::{args::Scale, fault::Done};

/// Where requests go.
const ECHO: &str = "bench.echo";
/// This process is the responder, and this is its NATS.
const RESPOND: &str = "ANNALS_BENCH_RESPOND";
/// As large as a command's body.
const REQUEST: &[u8] =
    br#"{"id":"019aa0c4-7d2b-7a31-9d0f-3c6f2d1f8a55","data":{"amount":"10.00"}}"#;

/// A responder in a process of its own; it ends with this value.
pub struct Responder {
    url: String,
    _process: Child,
}

/// Answers requests, if this process is the responder.
pub async fn respond_if_asked() -> Option<Done> {
    let url = std::env::var(RESPOND).ok()?;
    Some(respond(&url).await)
}

async fn respond(url: &str) -> Done {
    let client = connect_to(url, None).await?;
    let mut requests = client.subscribe(ECHO).await?;
    // Whoever started it holds the other end, and lets go of it in whatever way it ends.
    std::thread::spawn(|| {
        let _ = std::io::read_to_string(std::io::stdin());
        std::process::exit(0);
    });
    while let Some(request) = requests.next().await {
        if let Some(reply) = request.reply {
            client.publish(reply, request.payload).await?;
        }
    }
    Ok(())
}

impl Responder {
    /// Starts it, and waits until it answers.
    pub async fn start(url: &str) -> Done<Self> {
        let process = tokio::process::Command::new(std::env::current_exe()?)
            .env(RESPOND, url)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let responder = Self { url: url.to_owned(), _process: process };
        let client = connect_to(url, None).await?;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(10) {
            if client.request(ECHO, Bytes::from_static(REQUEST)).await.is_ok() {
                return Ok(responder);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("the responder does not answer".into())
    }

    /// Requests a second and their waits, so many in flight.
    pub async fn measure(&self, in_flight: usize, scale: &Scale) -> Done<(f64, Waits)> {
        let client = connect_to(&self.url, None).await?;
        let inbox = client.new_inbox();
        let mut replies = client.subscribe(format!("{inbox}.*")).await?;
        let mut sent = vec![Instant::now(); in_flight];
        let from = Instant::now() + scale.warmup;
        let until = from + scale.measured;
        for (nth, sent) in sent.iter_mut().enumerate() {
            *sent = Instant::now();
            let reply = format!("{inbox}.{nth}");
            client.publish_with_reply(ECHO, reply, Bytes::from_static(REQUEST)).await?;
        }
        let (mut count, mut waits) = (0_u64, Waits::new());
        while Instant::now() < until {
            let next = timeout(Duration::from_secs(5), replies.next()).await;
            let mut next = next.map_err(|_| "no answer in time")?;
            while let Some(reply) = next {
                let now = Instant::now();
                let nth: usize =
                    reply.subject.rsplit('.').next().and_then(|it| it.parse().ok()).unwrap_or(0);
                if let Some(sent) = sent.get_mut(nth) {
                    if now >= from && now < until {
                        count += 1;
                        waits.add(now - *sent);
                    }
                    *sent = now;
                    let again = reply.subject.clone();
                    client.publish_with_reply(ECHO, again, Bytes::from_static(REQUEST)).await?;
                }
                next = replies.next().now_or_never().flatten();
            }
        }
        Ok((count as f64 / scale.measured.as_secs_f64(), waits))
    }
}
