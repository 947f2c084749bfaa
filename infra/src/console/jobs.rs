//! Long work that an operator has done, watched while it is: verifying the log, replaying a context.
//!
//! Each kind runs once at a time. It goes on when nobody watches any more, and whoever comes later sees how
//! far it is, and its last result.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    path::Path,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Json,
    extract::{self, State},
    response::sse::{Event, KeepAlive, Sse},
};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Shared, error::ConsoleError, session::Visitor};
use crate::{
    ops::{Moment, OpsError, progress::Measure, replay as replaying, verify as verifying},
    projector::{Progress, Rebuild, forget, replay as rows_anew},
    proof::{LAST, LEAVES, leaves::Leaves, tree::Frontier, verify::Verification},
    serve::Signing,
    store::{Role, connect},
};

/// The work that is or was under way.
#[derive(Debug, Default)]
pub struct Jobs {
    known: Mutex<BTreeMap<&'static str, Job>>,
    /// How far the log was verified and found well.
    verified: Mutex<Option<Frontier>>,
}

#[derive(Debug, Clone)]
struct Job {
    id: Uuid,
    about: Value,
    began_at: DateTime<Utc>,
    state: watch::Receiver<Value>,
    stop: CancellationToken,
}

impl Job {
    fn is_over(&self) -> bool {
        self.state.borrow()["state"] != "running"
    }

    fn told(&self) -> Value {
        let state = self.state.borrow().clone();
        json!({ "id": self.id, "about": self.about, "began_at": self.began_at, "now": state })
    }
}

type Work = Pin<Box<dyn Future<Output = Result<Value, OpsError>> + Send>>;

impl Jobs {
    fn begin(
        &self,
        kind: &'static str,
        about: Value,
        over: &CancellationToken,
        work: impl FnOnce(Tell) -> Work,
        sweep: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Value, ConsoleError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(kind).is_some_and(|it| !it.is_over()) {
            return Err(ConsoleError::Busy);
        }
        let (sender, state) = watch::channel(json!({ "state": "running" }));
        let stop = over.child_token();
        let began_at = Utc::now();
        let job = Job { id: Uuid::now_v7(), about, began_at, state, stop: stop.clone() };
        let told = job.told();
        known.insert(kind, job);
        drop(known);
        let doing = work(Tell { sender: sender.clone(), began: Instant::now(), first: None });
        tokio::spawn(async move {
            let end = match stop.run_until_cancelled_owned(doing).await {
                None => json!({ "state": "stopped" }),
                Some(Ok(result)) => json!({ "state": "done", "result": result["result"] }),
                Some(Err(error)) => json!({ "state": "failed", "detail": error.to_string() }),
            };
            // However it ended, what it made for itself goes before the next can begin.
            sweep.await;
            sender.send_replace(end);
        });
        Ok(told)
    }

    fn find(&self, id: Uuid) -> Option<Job> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().find(|it| it.id == id).cloned()
    }
}

/// Tells how far a work is.
struct Tell {
    sender: watch::Sender<Value>,
    began: Instant,
    first: Option<u64>,
}

impl Tell {
    fn tell(&mut self, done: u64, all: u64, amount: u64) {
        let first = *self.first.get_or_insert(done);
        let seconds = self.began.elapsed().as_secs_f64();
        let now = Measure { done, all, amount, seconds, first }.as_json();
        self.sender.send_replace(json!({ "state": "running", "progress": now["progress"] }));
    }
}

/// What is running, and what ran last.
pub async fn list(
    State(console): State<Shared>,
    visitor: Visitor,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let known = console.jobs.known.lock().unwrap_or_else(PoisonError::into_inner);
    let told = known.iter().map(|(kind, job)| ((*kind).to_owned(), job.told()));
    Ok(Json(Value::Object(told.collect())))
}

/// Which log is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// Also what was verified before.
    whole: bool,
}

/// Begins to verify the log against every signed checkpoint.
pub async fn verify(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Verify>,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let signing = console.signing.clone().ok_or_else(|| {
        ConsoleError::Refused("nothing is signed: ANNALS_SIGNING_KEY_FILE is not set".to_owned())
    })?;
    let (of, about) = (console.clone(), json!({ "whole": asked.whole }));
    let work = |tell| -> Work { Box::pin(verified(of, signing, asked.whole, tell)) };
    Ok(Json(console.jobs.begin("verify", about, &console.over, work, async {})?))
}

async fn verified(
    console: Shared,
    signing: Signing,
    whole: bool,
    mut tell: Tell,
) -> Result<Value, OpsError> {
    let keys = signing.keys().map_err(|error| OpsError::Refused(error.to_string()))?;
    let known = console.jobs.verified.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let known = known.filter(|_| !whole).unwrap_or_default();
    let began = known.size();
    let beside = |name| signing.folder.as_ref().map(|it| it.join(name)).filter(|it| it.exists());
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| OpsError::File { path, source }
    };
    let copy = beside(LEAVES).map(|it| Leaves::read_only(&it).map_err(unreadable(&it)));
    let last = beside(LAST).map(|it| std::fs::read_to_string(&it).map_err(unreadable(&it)));
    let work = Verification {
        // Connections of its own, so that whoever looks something up meanwhile need not wait.
        pool: connect(&console.database_url, Role::Auditor, 4, true).await?,
        origin: signing.origin.clone(),
        keys: keys.iter().map(|it| it.verifier().clone()).collect(),
        known,
        elsewhere: last.transpose()?.into_iter().collect(),
        copy: copy.transpose()?,
    };
    let report = work.run(|at, all| tell.tell(at, all, at.saturating_sub(began))).await?;
    let mut told = verifying::as_json(&report, began, tell.began.elapsed().as_secs_f64());
    if let Some(findings) = told["result"]["findings"].as_array_mut() {
        for (told, finding) in findings.iter_mut().zip(&report.findings) {
            told["words"] = finding.what.in_words().into();
        }
    }
    if report.findings.is_empty() {
        let mut verified = console.jobs.verified.lock().unwrap_or_else(PoisonError::into_inner);
        *verified = Some(report.tree);
    }
    Ok(told)
}

/// What is replayed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    context: String,
    /// Up to this position or time; all where it is left out.
    until: Option<String>,
}

/// Begins to replay a context into a schema of its own, compares, and takes the schema away again.
pub async fn replay(
    State(console): State<Shared>,
    visitor: Visitor,
    Json(asked): Json<Replay>,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let context = console.projections.context(&asked.context).ok_or(ConsoleError::Nothing)?.name;
    let moment: Option<Moment> = match asked.until.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(text) => Some(text.parse().map_err(ConsoleError::Usage)?),
    };
    let about = json!({ "context": context, "until": asked.until });
    let (of, after) = (console.clone(), console.clone());
    let work = |tell| -> Work { Box::pin(replayed(of, context, moment, tell)) };
    let after = async move { sweep(&after, context).await };
    Ok(Json(console.jobs.begin("replay", about, &console.over, work, after)?))
}

/// The schema that a context is replayed into.
fn scratch(context: &str) -> String {
    format!("console_replay_{context}")
}

/// Takes the schema away, if it is there: its rows are in clear, and no erasure would find them.
async fn sweep(console: &Shared, context: &str) {
    let Some(context) = console.projections.context(context) else { return };
    let gone = forget(&console.database_url, context, &scratch(context.name)).await;
    if let Err(error) = gone {
        // Where there is none, that is what it says.
        tracing::debug!(%error, context = context.name, "no schema to take away");
    }
}

async fn replayed(
    console: Shared,
    context: &'static str,
    until: Option<Moment>,
    mut tell: Tell,
) -> Result<Value, OpsError> {
    // What a process left behind that was killed.
    sweep(&console, context).await;
    let (auditor, url) = (console.log.pool(), console.database_url.as_str());
    let until = match until {
        Some(moment) => Some(moment.position(auditor).await?),
        None => None,
    };
    let pool = connect(url, Role::Projector, 3, true).await?;
    let known = console.projections.context(context);
    let known = known.ok_or_else(|| OpsError::Usage("there is no such context".to_owned()))?;
    let work = Rebuild {
        url,
        pool: &pool,
        context: known,
        aggregates: &console.aggregates,
        keys: &console.keys,
        history: false,
    };
    let into = scratch(context);
    let whole = |number: i64| u64::try_from(number).unwrap_or_default();
    let mut told = |it: Progress| tell.tell(whole(it.position), whole(it.head), it.events);
    let replayed = rows_anew(work, &into, until, &mut told).await?;
    let rows = replaying::all_made(auditor, &replayed).await?;
    Ok(replaying::as_json(context, &into, &replayed, &rows, tell.began.elapsed()))
}

/// Ends a work before it is done.
pub async fn stop(
    State(console): State<Shared>,
    visitor: Visitor,
    extract::Path(id): extract::Path<Uuid>,
) -> Result<Json<Value>, ConsoleError> {
    visitor.operator()?;
    let job = console.jobs.find(id).ok_or(ConsoleError::Nothing)?;
    job.stop.cancel();
    Ok(Json(job.told()))
}

/// Tells of a work while it is under way, as server-sent events: `progress`, then `end`.
pub async fn watch(
    State(console): State<Shared>,
    visitor: Visitor,
    extract::Path(id): extract::Path<Uuid>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ConsoleError> {
    visitor.operator()?;
    let job = console.jobs.find(id).ok_or(ConsoleError::Nothing)?;
    let over = console.over.clone();
    let states = stream::unfold((job.state, true, false), |(mut state, first, ended)| async move {
        if ended || (!first && state.changed().await.is_err()) {
            return None;
        }
        let now = state.borrow_and_update().clone();
        let running = now["state"] == "running";
        let name = if running { "progress" } else { "end" };
        if running && !first {
            // Ten times a second is as often as anybody looks.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let event = Event::default().event(name).data(now.to_string());
        Some((Ok(event), (state, false, !running)))
    });
    let states = states.take_until(async move { over.cancelled().await });
    Ok(Sse::new(states).keep_alive(KeepAlive::default()))
}
