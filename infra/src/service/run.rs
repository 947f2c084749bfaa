//! Taking requests and giving answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use annals_commands::{ActorKind, Code, Problem};
use async_nats::{Client, HeaderMap, Message, Subject, SubscribeError, Subscriber};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream::select_all};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    asyncapi::{document, schema},
    discovery::Description,
    receive::{Received, Receiver},
    sentry::{self, Sentry},
};
use crate::{
    engine::{Accepted, Engine, Outcome, failpoint},
    projector::Waiter,
};

/// How long an answer waits for rows.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a stopping service waits for NATS to say that no more requests come.
const LAST_CALL: Duration = Duration::from_secs(2);

/// The services of all contexts of a process.
#[derive(Debug, Clone)]
pub struct Service {
    /// NATS.
    pub client: Client,
    /// Reads requests.
    pub receiver: Arc<Receiver>,
    /// Decides and stores.
    pub engine: Engine,
    /// Knows how far the rows are.
    pub waiter: Waiter,
    /// How long a stopping service waits for answers that are still due.
    pub drain: Duration,
    /// Contexts whose commands are taken.
    pub contexts: Vec<&'static str>,
    /// Is told of refusals.
    pub sentry: Option<Sentry>,
}

/// Why no service could be started.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// NATS refuses a subscription.
    #[error("NATS: {0}")]
    Subscribe(#[from] SubscribeError),
}

type Reply = (Subject, Option<HeaderMap>, Bytes);

/// The requests of a context.
struct Commands {
    description: Arc<Description>,
    commands: Subscriber,
}

impl Stream for Commands {
    type Item = (Arc<Description>, Message);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = self.commands.poll_next_unpin(context);
        message.map(|message| Some((Arc::clone(&self.description), message?)))
    }
}

/// What an answer needs to find its way.
struct Answering {
    reply: Subject,
    replies: mpsc::UnboundedSender<Reply>,
    description: Arc<Description>,
    command: Arc<str>,
    began: Instant,
    tracker: TaskTracker,
    /// Who is told where it is a refusal.
    sentry: Option<Sentry>,
    /// The person who asks, once that is known.
    person: Option<Uuid>,
}

impl Service {
    /// Takes requests until it is told to stop; the task ends once every answer is given.
    ///
    /// # Errors
    /// When NATS refuses a subscription.
    pub async fn start(self, stop: CancellationToken) -> Result<JoinHandle<()>, ServiceError> {
        let (replies, answered) = mpsc::unbounded_channel();
        let instance = Uuid::now_v7().simple().to_string();
        let catalogue = Arc::clone(&self.receiver.catalogue);
        let mut streams = Vec::new();
        let mut descriptions = Vec::new();
        for context in catalogue.contexts().iter().filter(|it| self.contexts.contains(&it.name)) {
            let now = self.receiver.clock.now();
            let version = env!("CARGO_PKG_VERSION");
            let description = Description::new(context, instance.clone(), version, now);
            let commands = format!("{}.cmd.*", context.name);
            let commands = self.client.queue_subscribe(commands, "q".to_owned()).await?;
            streams.push(Commands { description: Arc::clone(&description), commands });
            descriptions.push(description);
            self.help(context.name, &replies, &stop).await?;
        }
        self.discovery(descriptions, &replies, &stop).await?;
        self.waiting(&replies, &stop).await?;
        self.client.flush().await.ok();
        let writer = tokio::spawn(write(self.client.clone(), answered));
        Ok(tokio::spawn(self.take(streams, replies, writer, stop)))
    }

    async fn take(
        self,
        streams: Vec<Commands>,
        replies: mpsc::UnboundedSender<Reply>,
        writer: JoinHandle<()>,
        stop: CancellationToken,
    ) {
        let tracker = TaskTracker::new();
        let mut requests = select_all(streams);
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = requests.next() => next,
            };
            let Some((description, message)) = next else { break };
            self.handle(&description, message, &replies, &tracker);
        }
        // What has come here is nobody else's to answer any more.
        let rest = async {
            for stream in requests.iter_mut() {
                let _ = stream.commands.drain().await;
            }
            heard(&self.client).await;
            while let Some((description, message)) = requests.next().await {
                self.handle(&description, message, &replies, &tracker);
            }
        };
        if timeout(self.drain.min(LAST_CALL), rest).await.is_err() {
            tracing::warn!("NATS did not say that no more requests come");
        }
        drop(requests);
        tracker.close();
        let Self { engine, waiter, client, drain, .. } = self;
        drop((engine, waiter));
        if timeout(drain, tracker.wait()).await.is_err() {
            tracing::error!("some answers were still due when the service stopped");
        }
        drop(replies);
        let _ = timeout(drain, writer).await;
        let _ = client.flush().await;
    }

    /// Takes one request. Whatever happens, it gets one answer.
    fn handle(
        &self,
        description: &Arc<Description>,
        message: Message,
        replies: &mpsc::UnboundedSender<Reply>,
        tracker: &TaskTracker,
    ) {
        let Some(reply) = message.reply.clone() else {
            metrics::counter!("annals_requests_dropped_total", "why" => "no_reply").increment(1);
            return;
        };
        if !self.receiver.may_reply_to(&reply) {
            // Whoever sent this wants us to publish where it must not.
            metrics::counter!("annals_requests_dropped_total", "why" => "reply_subject")
                .increment(1);
            tracing::warn!("a request asks for its answer outside of the inboxes; it is dropped");
            return;
        }
        let command = message.subject.rsplit('.').next().unwrap_or_default();
        let answering = Answering {
            reply,
            replies: replies.clone(),
            description: Arc::clone(description),
            command: Arc::from(command),
            began: Instant::now(),
            tracker: tracker.clone(),
            sentry: self.sentry.clone().filter(|_| description.name() == sentry::CONTEXT),
            person: None,
        };
        let read = catch_unwind(AssertUnwindSafe(|| self.receiver.read(&message)));
        match read {
            Ok(Ok(received)) => self.submit(received, answering),
            Ok(Err(problem)) => answering.give(Outcome::Problem(problem)),
            Err(_) => {
                let problem = Problem::new(&Code::Internal, "a fault of the service; it is logged");
                answering.give(problem.into());
            }
        }
    }

    fn submit(&self, received: Received, mut answering: Answering) {
        let Received { mut submission, await_projected } = received;
        let actor = &submission.actor;
        answering.person = (actor.kind == ActorKind::Person).then_some(actor.id);
        let context = submission.context;
        let waiter = self.waiter.clone();
        let token = answering.tracker.token();
        let command_id = Arc::clone(&submission.command_id);
        let again = answering.copy();
        submission.respond = Box::new(move |outcome| {
            let _held = &token;
            match outcome {
                // Where nothing happened there is nothing to wait for: the position is another's.
                Outcome::Accepted(accepted)
                    if await_projected && !accepted.dry_run && !accepted.events.is_empty() =>
                {
                    let tracker = answering.tracker.clone();
                    tracker.spawn(async move {
                        let outcome = projected(&waiter, context, accepted).await;
                        answering.give(outcome);
                    });
                }
                outcome => answering.give(outcome),
            }
        });
        if self.engine.submit(submission).is_err() {
            let mut problem =
                Problem::new(&Code::RateLimited, "more commands wait than can be taken")
                    .hint("send it again in a moment, under the same id");
            problem.command_id = Some(command_id.to_string());
            again.give(problem.into());
        }
    }

    /// `<context>.schema`: all commands as AsyncAPI, or one command's schema where the request names it.
    async fn help(
        &self,
        name: &'static str,
        replies: &mpsc::UnboundedSender<Reply>,
        stop: &CancellationToken,
    ) -> Result<(), ServiceError> {
        let mut asked =
            self.client.queue_subscribe(format!("{name}.schema"), "q".to_owned()).await?;
        let (service, replies, stop) = (self.clone(), replies.clone(), stop.clone());
        tokio::spawn(async move {
            while let Some(message) = until(&stop, asked.next()).await {
                let Some(reply) = service.inbox(&message) else { continue };
                let wanted = String::from_utf8_lossy(&message.payload).trim().to_owned();
                let catalogue = &service.receiver.catalogue;
                let found = if wanted.is_empty() {
                    let context = catalogue.contexts().iter().find(|it| it.name == name);
                    context.map(|it| document(it, env!("CARGO_PKG_VERSION")))
                } else {
                    catalogue.command(&format!("{name}.cmd.{wanted}")).map(schema)
                };
                let (headers, body) = match found {
                    Some(found) => (None, found.to_string()),
                    None => {
                        let problem =
                            Problem::new(&Code::UnknownCommand, "there is no such command");
                        (Some(problem_headers(&problem)), problem.to_json())
                    }
                };
                let _ = replies.send((reply, headers, body.into()));
            }
        });
        Ok(())
    }

    async fn discovery(
        &self,
        descriptions: Vec<Arc<Description>>,
        replies: &mpsc::UnboundedSender<Reply>,
        stop: &CancellationToken,
    ) -> Result<(), ServiceError> {
        let mut asked = self.client.subscribe("$SRV.>").await?;
        let (service, replies, stop) = (self.clone(), replies.clone(), stop.clone());
        tokio::spawn(async move {
            while let Some(message) = until(&stop, asked.next()).await {
                let Some(reply) = service.inbox(&message) else { continue };
                for answer in descriptions.iter().filter_map(|it| it.answer(&message.subject)) {
                    let _ = replies.send((reply.clone(), None, answer.to_string().into()));
                }
            }
        });
        Ok(())
    }

    /// `annals.await`: answers once a context's tables hold the event at a position.
    async fn waiting(
        &self,
        replies: &mpsc::UnboundedSender<Reply>,
        stop: &CancellationToken,
    ) -> Result<(), ServiceError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Await {
            context: String,
            position: i64,
            timeout_ms: Option<u64>,
        }
        let mut asked =
            self.client.queue_subscribe("annals.await".to_owned(), "q".to_owned()).await?;
        let (service, replies, stop) = (self.clone(), replies.clone(), stop.clone());
        tokio::spawn(async move {
            while let Some(message) = until(&stop, asked.next()).await {
                let Some(reply) = service.inbox(&message) else { continue };
                let (waiter, replies) = (service.waiter.clone(), replies.clone());
                tokio::spawn(async move {
                    let answer = match serde_json::from_slice::<Await>(&message.payload) {
                        Ok(it) => {
                            let patience = it.timeout_ms.map_or(PATIENCE, Duration::from_millis);
                            let patience = patience.min(Duration::from_secs(60));
                            let reached = waiter.wait(&it.context, it.position, patience).await;
                            (None, json!({ "ok": true, "reached": reached }).to_string())
                        }
                        Err(error) => {
                            let problem = Problem::new(&Code::MalformedJson, error.to_string()).hint(
                                r#"send {"context": "lift", "position": 12, "timeout_ms": 5000}"#,
                            );
                            (Some(problem_headers(&problem)), problem.to_json())
                        }
                    };
                    let _ = replies.send((reply, answer.0, answer.1.into()));
                });
            }
        });
        Ok(())
    }

    fn inbox(&self, message: &Message) -> Option<Subject> {
        message.reply.clone().filter(|reply| self.receiver.may_reply_to(reply))
    }
}

/// Waits until the server has done what was sent to it before.
async fn heard(client: &Client) {
    let inbox = client.new_inbox();
    let Ok(mut echo) = client.subscribe(inbox.clone()).await else { return };
    if client.publish(inbox, Bytes::new()).await.is_ok() {
        echo.next().await;
    }
}

async fn until<T>(stop: &CancellationToken, next: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::select! {
        () = stop.cancelled() => None,
        next = next => next,
    }
}

async fn projected(waiter: &Waiter, context: &str, accepted: Accepted) -> Outcome {
    if waiter.wait(context, accepted.position, PATIENCE).await {
        return Outcome::Accepted(accepted);
    }
    let detail = format!(
        "the command is stored at position {}, but the tables did not get there in time",
        accepted.position
    );
    let mut problem = Problem::new(&Code::NotProjectedYet, detail)
        .hint("it need not be sent again; the same id gets its answer");
    problem.command_id = Some(accepted.command_id);
    problem.into()
}

impl Answering {
    fn copy(&self) -> Self {
        Self {
            reply: self.reply.clone(),
            replies: self.replies.clone(),
            description: Arc::clone(&self.description),
            command: Arc::clone(&self.command),
            began: self.began,
            tracker: self.tracker.clone(),
            sentry: self.sentry.clone(),
            person: self.person,
        }
    }

    /// Gives the answer.
    fn give(self, outcome: Outcome) {
        let took = self.began.elapsed();
        let (headers, body, code) = match &outcome {
            Outcome::Accepted(accepted) => {
                (None, serde_json::to_string(accepted).unwrap_or_default(), None)
            }
            Outcome::Problem(problem) => {
                (Some(problem_headers(problem)), problem.to_json(), Some(problem.code.clone()))
            }
        };
        self.description.stats(&self.command).count(took, code.as_deref());
        if let (Some(sentry), Outcome::Problem(problem)) = (&self.sentry, &outcome)
            && !problem.retryable
        {
            sentry.saw(&problem.code, self.person);
        }
        let _ = self.replies.send((self.reply, headers, body.into()));
    }
}

fn problem_headers(problem: &Problem) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Service-Error", format!("{}: {}", problem.code, problem.title));
    headers.insert("Nats-Service-Error-Code", problem.status.to_string());
    headers.insert("Content-Type", "application/problem+json");
    headers
}

async fn write(client: Client, mut replies: mpsc::UnboundedReceiver<Reply>) {
    while let Some((subject, headers, body)) = replies.recv().await {
        let sent = match headers {
            None => client.publish(subject, body).await,
            Some(headers) => client.publish_with_headers(subject, headers, body).await,
        };
        if let Err(error) = sent {
            tracing::warn!(%error, "an answer could not be given");
        }
        failpoint("replied");
    }
}
