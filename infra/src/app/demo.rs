//! The demo's data, through ordinary commands. Running it again changes nothing: every command has
//! an id of its own, made of what it is.
//!
//! What happens is told in the files beside this one, a line a command; see [`story`].

pub mod story;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use async_nats::Client;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgPool;
use uuid::{Uuid, uuid};

use self::story::{Ask, Find, Line, Names};
use super::{
    client::{CallError, Caller},
    people::PEOPLE,
};

/// How long a value is waited for that a story goes on with.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is told, context by context, in this order.
pub const STORIES: &[(&str, &str)] = &[
    ("lift", include_str!("demo/lift.jsonl")),
    ("samia", include_str!("demo/deck.jsonl")),
    ("samia", include_str!("demo/samia.jsonl")),
    ("restorative", include_str!("demo/restorative.jsonl")),
    ("carenotes", include_str!("demo/carenotes.jsonl")),
    ("nestsync", include_str!("demo/nestsync.jsonl")),
];

/// Oakfield School.
pub const OAKFIELD: Uuid = uuid!("1b000000-0000-7000-8000-000000000001");
/// Riverside Clinic.
pub const RIVERSIDE: Uuid = uuid!("1b000000-0000-7000-8000-000000000002");
/// The Nest family.
pub const NESTS: Uuid = uuid!("1d000000-0000-7000-8000-000000000001");
/// Another family.
pub const OTTOS: Uuid = uuid!("1d000000-0000-7000-8000-000000000002");
/// The Nest family's child.
pub const MIA: Uuid = uuid!("1d000000-0000-7000-8000-000000000011");
/// The Nest family's overnight diapers.
pub const DIAPERS: Uuid = uuid!("1d000000-0000-7000-8000-000000000021");

/// Sends the demo's commands.
#[derive(Debug, Clone)]
pub struct Demo {
    callers: HashMap<&'static str, Caller>,
    pool: PgPool,
}

/// Why the demo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A command was not accepted.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Rows cannot be read.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// A story cannot be read.
    #[error("the story of {0}: {1}")]
    Story(&'static str, String),
    /// A value did not come that a story goes on with.
    #[error("{0} did not come: do projectors and a reactor work? `annals status` says")]
    Missing(String),
}

impl Demo {
    /// With a token for everybody.
    #[must_use]
    pub fn new(client: &Client, tokens: &HashMap<String, String>, pool: PgPool) -> Self {
        let callers = PEOPLE
            .iter()
            .filter_map(|person| {
                let token = tokens.get(person.name)?.clone();
                Some((person.name, Caller::new(client.clone(), token)))
            })
            .collect();
        Self { callers, pool }
    }

    /// Somebody's caller.
    ///
    /// # Errors
    /// When there is no token for them.
    pub fn caller(&self, name: &str) -> Result<&Caller, CallError> {
        self.callers.get(name).ok_or_else(|| CallError::NoAnswer {
            subject: name.to_owned(),
            why: "there is no token for this person; run `annals dev` again".to_owned(),
        })
    }

    /// Brings everything and everybody of the demo into being.
    ///
    /// # Errors
    /// When a command is not accepted.
    pub async fn seed(&self) -> Result<(), DemoError> {
        for person in PEOPLE {
            if let Some(email) = person.email {
                let ask = Ask {
                    who: "system".to_owned(),
                    command: "register_identity".to_owned(),
                    id: Some(person.id.to_string()),
                    data: [("email".to_owned(), email.into())].into_iter().collect(),
                    reason: None,
                    keep: None,
                    reaction: false,
                    refused: None,
                    at: None,
                    rule: None,
                };
                self.ask("shared", &ask, &mut Names::new(Utc::now()), person.name).await?;
            }
        }
        let mut names = Names::new(self.first_day().await?);
        for (context, text) in STORIES {
            let lines = story::read(text).map_err(|why| DemoError::Story(context, why))?;
            for (line, words) in lines.iter().zip(story::words(text)) {
                match line {
                    // A reactor is at work here.
                    Line::Ask(ask) if ask.reaction => {}
                    Line::Ask(ask) => self.ask(context, ask, &mut names, words).await?,
                    Line::Find(find) => self.find(find, &mut names).await?,
                }
            }
        }
        Ok(())
    }

    /// The days of a story follow the calendar; told again, it is told as of the day when it was first.
    async fn first_day(&self) -> Result<DateTime<Utc>, sqlx::Error> {
        let first = sqlx::query_scalar("SELECT recorded_at FROM annals.events WHERE position = 1");
        Ok(first.fetch_optional(&self.pool).await?.unwrap_or_else(Utc::now))
    }

    /// Sends a line's command, once and for all.
    async fn ask(
        &self,
        context: &str,
        ask: &Ask,
        names: &mut Names,
        words: &str,
    ) -> Result<(), CallError> {
        let subject = ask.subject(context);
        let command_id =
            Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{subject} {words}").as_bytes());
        let id = ask.id.as_deref().map(|id| names.text(id));
        let data = names.value(&Value::Object(ask.data.clone()));
        let caller = self.caller(&ask.who)?;
        let answer = caller.send(&command_id.to_string(), &subject, id.as_deref(), data).await?;
        if let (Some(name), Some(id)) = (&ask.keep, answer.get("id").and_then(Value::as_str)) {
            names.keep(name, id);
        }
        Ok(())
    }

    async fn find(&self, find: &Find, names: &mut Names) -> Result<(), DemoError> {
        let sql = names.text(&find.sql);
        let until = Instant::now() + PATIENCE;
        loop {
            let found: Option<String> = sqlx::query_scalar(&sql).fetch_optional(&self.pool).await?;
            if let Some(found) = found {
                names.keep(&find.name, found);
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(DemoError::Missing(find.name.clone()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
