//! `/live`, `/ready` and `/metrics`, on an address of their own.

use std::{future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::{
    net::TcpListener,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::recorder::Metrics;

/// How long the checks behind `/ready` may take before the answer is no.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// How long open requests may take once the process stops.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Something that must hold before a process can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is looked at, for example `postgres`.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// What stands against it. Holds no secret: anyone who reaches the address may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Check {
    /// A check that holds, or what stands against it.
    #[must_use]
    pub fn new(name: &'static str, result: Result<(), String>) -> Self {
        Self { name, ok: result.is_ok(), detail: result.err() }
    }
}

/// Looks whether the process can do its work.
pub type Readiness = Arc<dyn Fn() -> Checking + Send + Sync>;
type Checking = Pin<Box<dyn Future<Output = Vec<Check>> + Send>>;

/// Makes an async closure the checks behind `/ready`.
pub fn readiness<F, C>(look: F) -> Readiness
where
    F: Fn() -> C + Send + Sync + 'static,
    C: Future<Output = Vec<Check>> + Send + 'static,
{
    Arc::new(move || Box::pin(look()))
}

#[derive(Clone)]
struct Watched {
    metrics: Metrics,
    ready: Readiness,
    within: Duration,
}

/// The routes that every process has; the console's can be merged into them.
///
/// - `/live`: the process turns. 200, always.
/// - `/ready`: every check holds. 200, else 503; the checks as JSON either way.
/// - `/metrics`: Prometheus' text format.
pub fn router(metrics: Metrics, ready: Readiness) -> Router {
    Router::new()
        .route("/live", get(async || "ok\n"))
        .route("/ready", get(is_ready))
        .route("/metrics", get(all_metrics))
        .with_state(Watched { metrics, ready, within: READY_WITHIN })
}

async fn is_ready(State(watched): State<Watched>) -> Response {
    #[derive(Serialize)]
    struct Answer {
        ready: bool,
        checks: Vec<Check>,
    }
    let checks = timeout(watched.within, (watched.ready)()).await.unwrap_or_else(|_| {
        vec![Check::new("answer", Err(format!("no answer within {:?}", watched.within)))]
    });
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Answer { ready, checks })).into_response()
}

async fn all_metrics(State(watched): State<Watched>) -> Response {
    let form = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, form)], watched.metrics.text()).into_response()
}

/// Takes the address, so that a process that cannot have it says so before it begins.
///
/// # Errors
/// Somebody else has it, or it is not this machine's.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let text = format!("cannot listen on {address} (set ANNALS_HTTP): {error}");
        io::Error::new(error.kind(), text)
    })
}

/// Serves until it is told to stop, then lets open requests end, within five seconds.
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    let stopped = stop.clone().cancelled_owned();
    let server = axum::serve(listener, router).with_graceful_shutdown(stopped);
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_WITHIN).await;
    };
    tokio::select! {
        ended = server => ended,
        () = overdue => Ok(()),
    }
}

/// Keeps the metrics small while they are collected, until it is told to stop.
pub async fn upkeep(metrics: Metrics, stop: CancellationToken) {
    let mut ticks = interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        metrics.upkeep();
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
    };

    use super::{super::recorder::tests::observed, *};

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn served(
        router: Router,
    ) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = serve(listener, router, stop.clone());
        let task = tokio::spawn(async move { running.await.unwrap() });
        (address, stop, task)
    }

    #[tokio::test]
    async fn health_and_metrics_are_answered() {
        let metrics = observed(|| metrics::gauge!("annals_store_position").set(42.0));
        let ready = readiness(|| async { vec![Check::new("postgres", Ok(()))] });
        let (address, stop, task) = served(router(metrics, ready)).await;
        assert!(ask(address, "/live").await.starts_with("HTTP/1.1 200"));
        let answer = ask(address, "/ready").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with(r#"{"ready":true,"checks":[{"name":"postgres","ok":true}]}"#));
        let answer = ask(address, "/metrics").await;
        assert!(answer.contains("content-type: text/plain; version=0.0.4"));
        assert!(answer.contains("\nannals_store_position 42\n"));
        assert!(ask(address, "/nothing").await.starts_with("HTTP/1.1 404"));
        stop.cancel();
        task.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn a_check_that_fails_or_hangs_is_a_no() {
        let no = readiness(|| async { vec![Check::new("nats", Err("not connected".into()))] });
        let within = Duration::from_millis(1);
        let watched = |ready| Watched { metrics: observed(|| {}), ready, within };
        let answer = is_ready(State(watched(no))).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let hangs = readiness(|| async { std::future::pending().await });
        let answer = is_ready(State(watched(hangs))).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_before_the_end() {
        let (begun, begins) = oneshot::channel();
        let (end, ended) = oneshot::channel::<()>();
        let once = std::sync::Mutex::new(Some((begun, ended)));
        let once = Arc::new(once);
        let ready = readiness(move || {
            let taken = once.lock().unwrap().take();
            async move {
                if let Some((begun, ended)) = taken {
                    begun.send(()).unwrap();
                    ended.await.unwrap();
                }
                vec![]
            }
        });
        let (address, stop, task) = served(router(observed(|| {}), ready)).await;
        let asking = tokio::spawn(ask(address, "/ready"));
        begins.await.unwrap();
        stop.cancel();
        end.send(()).unwrap();
        assert!(asking.await.unwrap().starts_with("HTTP/1.1 200"));
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_taken_address_is_named() {
        let first = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let error = listen(first.local_addr().unwrap()).await.unwrap_err();
        assert!(error.to_string().contains("ANNALS_HTTP"));
    }
}
