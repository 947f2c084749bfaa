//! A caller of commands: what an API service is, in a few lines.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Request};
use serde_json::{Value, json};
use uuid::Uuid;

/// Sends commands in one person's name.
#[derive(Debug, Clone)]
pub struct Caller {
    client: Client,
    token: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// NATS says that nobody listens, or nobody answered in time.
    #[error("{subject}: {why}")]
    NoAnswer {
        /// What was asked.
        subject: String,
        /// Why not.
        why: String,
    },
    /// The answer is no JSON.
    #[error("the answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The command was not accepted.
    #[error("{subject}: {code}: {detail}")]
    Refused {
        /// What was asked.
        subject: String,
        /// The problem's code.
        code: String,
        /// The problem's detail.
        detail: String,
    },
}

impl Caller {
    /// A caller with a token.
    #[must_use]
    pub const fn new(client: Client, token: String) -> Self {
        Self { client, token }
    }

    /// Sends a command under an id of its own and gives the answer, whatever it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(
        &self,
        command_id: &str,
        subject: &str,
        id: Option<&str>,
        data: Value,
    ) -> Result<Value, CallError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", command_id);
        headers.insert("Authorization", format!("Bearer {}", self.token));
        headers.insert("Annals-Await", "projected");
        let mut body = json!({ "data": data });
        if let (Some(id), Some(fields)) = (id, body.as_object_mut()) {
            fields.insert("id".to_owned(), Value::from(id));
        }
        let request = Request::new()
            .headers(headers)
            .payload(body.to_string().into())
            .timeout(Some(Duration::from_secs(15)));
        let answer =
            self.client.send_request(subject.to_owned(), request).await.map_err(|error| {
                CallError::NoAnswer { subject: subject.to_owned(), why: error.to_string() }
            })?;
        Ok(serde_json::from_slice(&answer.payload)?)
    }

    /// Sends a command that must be accepted.
    ///
    /// # Errors
    /// When there is no answer, or another one.
    pub async fn send(
        &self,
        command_id: &str,
        subject: &str,
        id: Option<&str>,
        data: Value,
    ) -> Result<Value, CallError> {
        let answer = self.ask(command_id, subject, id, data).await?;
        if answer.get("ok").and_then(Value::as_bool) == Some(true) {
            return Ok(answer);
        }
        let text =
            |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(CallError::Refused {
            subject: subject.to_owned(),
            code: text("code"),
            detail: text("detail"),
        })
    }

    /// A fresh command id.
    #[must_use]
    pub fn fresh() -> String {
        Uuid::now_v7().to_string()
    }
}
