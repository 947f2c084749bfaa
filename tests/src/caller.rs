//! Asking the services as a client does, and looking at the answer.

use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap, Message, Request};
use serde_json::{Map, Value};
use uuid::Uuid;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody who sends commands.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    token: Option<String>,
}

/// Which aggregate a command is for: an id, or `()` for one that the service makes or knows.
#[derive(Debug, Clone)]
pub struct To(Option<String>);

impl From<Uuid> for To {
    fn from(id: Uuid) -> Self {
        Self(Some(id.to_string()))
    }
}

impl From<&str> for To {
    fn from(id: &str) -> Self {
        Self(Some(id.to_owned()))
    }
}

impl From<()> for To {
    fn from((): ()) -> Self {
        Self(None)
    }
}

impl Caller {
    pub(crate) const fn new(client: Client, token: Option<String>) -> Self {
        Self { client, token }
    }

    /// Sends a command and waits until the tables show it.
    pub async fn send(&self, subject: &str, id: impl Into<To>, data: Value) -> Answer {
        self.ask(subject, id, data).shown().send().await
    }

    /// A command, to be changed before it is sent.
    #[must_use]
    pub fn ask(&self, subject: &str, id: impl Into<To>, data: Value) -> Question {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", Uuid::now_v7().to_string());
        if let Some(token) = &self.token {
            headers.insert("Authorization", format!("Bearer {token}"));
        }
        let mut fields = Map::new();
        if let Some(id) = id.into().0 {
            fields.insert("id".to_owned(), id.into());
        }
        fields.insert("data".to_owned(), data);
        Question {
            client: self.client.clone(),
            subject: subject.to_owned(),
            headers,
            fields,
            body: None,
        }
    }
}

/// A request that is not sent yet.
#[derive(Debug, Clone)]
pub struct Question {
    client: Client,
    subject: String,
    headers: HeaderMap,
    fields: Map<String, Value>,
    body: Option<Vec<u8>>,
}

impl Question {
    /// Has the answer wait for the tables.
    #[must_use]
    pub fn shown(self) -> Self {
        self.header("Annals-Await", "projected")
    }

    /// Under this command id.
    #[must_use]
    pub fn under(self, command_id: &str) -> Self {
        self.header("Nats-Msg-Id", command_id)
    }

    /// With this header in place of any of that name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        let mut kept = HeaderMap::new();
        for (known, values) in self.headers.iter() {
            if AsRef::<str>::as_ref(known) != name {
                values.iter().for_each(|value| kept.append(known.clone(), value.clone()));
            }
        }
        self.headers = kept;
        self
    }

    /// With this field beside `id` and `data`.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    /// With exactly these bytes as its body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The body as it will be sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.body.clone().unwrap_or_else(|| Value::Object(self.fields.clone()).to_string().into())
    }

    /// Sends it and waits for its answer.
    pub async fn send(self) -> Answer {
        let request = Request::new()
            .headers(self.headers.clone())
            .payload(self.bytes().into())
            .timeout(Some(PATIENCE));
        let answer = self.client.send_request(self.subject.clone(), request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: no answer: {error}", self.subject));
        self.answered(&answer)
    }

    /// Sends it as often as it takes until somebody listens, as a client does while a server is away.
    pub async fn insist(self) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = Request::new()
                .headers(self.headers.clone())
                .payload(self.bytes().into())
                .timeout(Some(Duration::from_secs(5)));
            match self.client.send_request(self.subject.clone(), request).await {
                Ok(answer) => return self.answered(&answer),
                Err(error) if Instant::now() > deadline => {
                    panic!("{}: no answer: {error}", self.subject)
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn answered(&self, answer: &Message) -> Answer {
        let subject = self.subject.clone();
        let body = serde_json::from_slice(&answer.payload)
            .unwrap_or_else(|error| panic!("{subject}: the answer is no JSON: {error}"));
        Answer { subject, headers: answer.headers.clone().unwrap_or_default(), body }
    }

    /// Sends it with another reply subject than an inbox, or with none; there is no answer to wait for.
    pub async fn send_replying_to(self, reply: Option<&str>) {
        let (client, bytes) = (self.client.clone(), self.bytes().into());
        let (subject, headers) = (self.subject, self.headers);
        match reply {
            Some(reply) => client
                .publish_with_reply_and_headers(subject, reply.to_owned(), headers, bytes)
                .await
                .unwrap(),
            None => client.publish_with_headers(subject, headers, bytes).await.unwrap(),
        }
        client.flush().await.unwrap();
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    subject: String,
    headers: HeaderMap,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// It was accepted.
    #[track_caller]
    pub fn ok(&self) -> &Self {
        assert_eq!(self.body["ok"], true, "{}: {}", self.subject, self.body);
        assert!(self.header("Nats-Service-Error-Code").is_none(), "{self:?}");
        self
    }

    /// It was accepted, with these events in this order.
    #[track_caller]
    pub fn accepted(&self, events: &[&str]) -> &Self {
        self.ok();
        let found: Vec<&str> = self.body["events"]
            .as_array()
            .map(|events| events.iter().filter_map(|it| it["type"].as_str()).collect())
            .unwrap_or_default();
        assert_eq!(found, events, "{}: {}", self.subject, self.body);
        self
    }

    /// It was refused with this code; headers and body say the same, and say something to people.
    #[track_caller]
    pub fn refused(&self, code: &str) -> &Self {
        let body = &self.body;
        assert_eq!(body["ok"], false, "{}: {body}", self.subject);
        assert_eq!(body["code"], code, "{}: {body}", self.subject);
        let status = body["status"].to_string();
        assert_eq!(self.header("Nats-Service-Error-Code"), Some(status.as_str()), "{self:?}");
        let error = self.header("Nats-Service-Error").unwrap_or_default();
        assert!(error.starts_with(code), "{self:?}");
        assert_eq!(self.header("Content-Type"), Some("application/problem+json"), "{self:?}");
        for field in ["title", "detail"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        }
        assert!(body["retryable"].is_boolean(), "{body}");
        self
    }

    /// It was refused with this status.
    #[track_caller]
    pub fn status(&self, status: u16) -> &Self {
        assert_eq!(self.body["status"], status, "{}: {}", self.subject, self.body);
        self
    }

    /// The fault lies at this place of the body.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> &Self {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let found = errors.iter().any(|error| error["pointer"] == pointer);
        assert!(found, "{}: {}", self.subject, self.body);
        self
    }

    /// Whether it answers a command that was sent before.
    #[must_use]
    pub fn duplicate(&self) -> bool {
        self.body["duplicate"] == true
    }

    /// The aggregate's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.body["id"].as_str().and_then(|id| id.parse().ok()).unwrap()
    }

    /// The aggregate's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.body["version"].as_u64().unwrap()
    }

    /// Position of the last event.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.body["position"].as_i64().unwrap()
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(async_nats::HeaderValue::as_str)
    }
}
