//! Stories of the five contexts, told in a world: the demo's, and what follows on them here.
//!
//! `tests/stories/<context>.jsonl` go on where the demo's end, until every command was accepted once and every
//! rule stood against one. To add a rule's breach: a line with the code it is refused with, and where the fault
//! lies. `{"pass": 8}` lets so many days go by.

use std::{collections::BTreeSet, sync::Arc};

use annals_commands::{Catalogue, Target};
use annals_infra::app::{
    demo::{
        STORIES,
        story::{self, Ask, Find, Line, Names},
    },
    people::PEOPLE,
};
use chrono::{Duration, Utc};
use serde_json::Value;
use uuid::Uuid;

use annals_infra::engine::Clock;

use crate::{Answer, Caller, Moving, Question, World, token, token::Who};

/// What happens next.
#[derive(Debug, Clone)]
pub enum Step {
    /// A command is sent.
    Ask(Ask),
    /// A value is looked up.
    Find(Find),
    /// So many days go by.
    Pass(i64),
    /// These people are known besides those who act.
    Known(Vec<String>),
    /// These act, and nobody knows them.
    Unknown(Vec<String>),
}

/// A context's story: the demo's, and what follows on it.
#[must_use]
pub fn of(context: &str) -> Vec<Step> {
    [demo(context), more(context)].concat()
}

/// What follows on the demo's story of a context.
#[must_use]
pub fn more(context: &str) -> Vec<Step> {
    let file = format!("{}/stories/{context}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    story::words(&text).map(|words| step(context, words)).collect()
}

/// The demo's story of a context.
#[must_use]
pub fn demo(context: &str) -> Vec<Step> {
    let texts = STORIES.iter().filter(|(of, _)| *of == context);
    texts.flat_map(|(_, text)| story::words(text).map(|words| step(context, words))).collect()
}

/// The commands that a context's story asks for.
pub fn asks(context: &str) -> impl Iterator<Item = Ask> {
    of(context).into_iter().filter_map(|step| match step {
        Step::Ask(ask) => Some(ask),
        Step::Find(_) | Step::Pass(_) | Step::Known(_) | Step::Unknown(_) => None,
    })
}

fn step(context: &str, words: &str) -> Step {
    let words = &lengthened(words);
    let value: Value =
        serde_json::from_str(words).unwrap_or_else(|why| panic!("{context}: {words}: {why}"));
    for (name, made) in [("known", Step::Known as fn(_) -> _), ("unknown", Step::Unknown)] {
        if let Some(names) = value[name].as_array() {
            return made(names.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect());
        }
    }
    if let Some(days) = value["pass"].as_i64() {
        return Step::Pass(days);
    }
    match story::read(words).unwrap_or_else(|why| panic!("{context}: {words}: {why}")).remove(0) {
        Line::Ask(ask) => Step::Ask(ask),
        Line::Find(find) => Step::Find(find),
    }
}

/// `<x*100>` stands for a hundred of the letter.
fn lengthened(words: &str) -> String {
    let Some((before, rest)) = words.split_once("<x*") else { return words.to_owned() };
    let (count, after) = rest.split_once('>').unwrap();
    format!("{before}{}{after}", "x".repeat(count.parse().unwrap()))
}

/// A command of a story, ready to be sent by whomever.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The line.
    pub ask: Ask,
    /// Where it is sent to.
    pub subject: String,
    /// Of what.
    pub id: Option<String>,
    /// Its fields.
    pub data: Value,
    /// Whether it is about whoever asks, where it names nothing.
    pub of_actor: bool,
}

impl Asked {
    /// The context that it is sent to.
    #[must_use]
    pub fn context(&self) -> &str {
        self.subject.split('.').next().unwrap_or_default()
    }
}

/// Tells a context's story in a world of its own.
pub struct Teller {
    /// The world.
    pub world: World,
    /// What the story's names stand for.
    pub names: Names,
    context: &'static str,
    clock: Moving,
}

impl Teller {
    /// A world in which nothing has happened, and whose people the identity provider knows.
    pub async fn begin(context: &'static str) -> Self {
        let clock = Moving::default();
        let moving = clock.clone();
        let world = World::start_with(|config| config.clock = Arc::new(moving)).await;
        let teller = Self { world, names: Names::new(Utc::now()), context, clock };
        let strangers = teller.strangers();
        for who in teller.people() {
            let (id, email) = (teller.names.id(&who), teller.names.address(&who));
            let data = serde_json::json!({ "email": email });
            let asked = teller.world.as_system().ask("shared.cmd.register_identity", id, data);
            if !strangers.contains(&who) {
                asked.send().await.ok();
            }
        }
        teller
    }

    /// Everybody who acts in the story, and everybody of the demo.
    #[must_use]
    pub fn people(&self) -> BTreeSet<String> {
        let acting = asks(self.context).map(|ask| ask.who);
        let demo = PEOPLE.iter().map(|person| person.name.to_owned());
        let known = of(self.context).into_iter().flat_map(|step| match step {
            Step::Known(names) => names,
            _ => Vec::new(),
        });
        acting
            .chain(demo)
            .chain(known)
            .filter(|who| !["system", "operator"].contains(&who.as_str()))
            .collect()
    }

    /// Everybody who acts in the story, and somebody who has no part in it.
    #[must_use]
    pub fn actors(&self) -> BTreeSet<String> {
        let acting = asks(self.context).map(|ask| ask.who).chain(["a-stranger".to_owned()]);
        acting.filter(|who| !["system", "operator"].contains(&who.as_str())).collect()
    }

    /// Those of the story whom nobody knows.
    fn strangers(&self) -> BTreeSet<String> {
        let unknown = of(self.context).into_iter().flat_map(|step| match step {
            Step::Unknown(names) => names,
            _ => Vec::new(),
        });
        unknown.collect()
    }

    /// Somebody of the story, or `system`, or `operator`.
    #[must_use]
    pub fn caller(&self, who: &str) -> Caller {
        let now = self.clock.now();
        let token = match who {
            "system" => token::token_at(Who::System, now),
            "operator" => token::token_at(Who::Operator, now),
            person => token::token_of(self.id(person), &self.names.address(person), now),
        };
        self.world.with_token(&token)
    }

    /// Somebody's id, or the service's, or the operator's.
    #[must_use]
    pub fn id(&self, who: &str) -> Uuid {
        self.names.id(who)
    }

    /// Tells on, and gives what went otherwise than the story says.
    pub async fn tell_all(&mut self, steps: Vec<Step>) -> Vec<String> {
        let mut otherwise = Vec::new();
        for step in steps {
            if let Some(asked) = self.next(step).await {
                otherwise.extend(self.tell(&asked).await.err());
            }
        }
        otherwise
    }

    /// Moves past what is no command; a command is handed out to be asked.
    pub async fn next(&mut self, step: Step) -> Option<Asked> {
        match step {
            Step::Ask(ask) => {
                let data = self.names.value(&Value::Object(ask.data.clone()));
                let id = ask.id.as_deref().map(|id| self.names.text(id));
                let subject = ask.subject(self.context);
                let of_actor = Catalogue::new()
                    .command(&subject)
                    .is_some_and(|command| command.target == Target::Actor);
                Some(Asked { ask, subject, id, data, of_actor })
            }
            Step::Find(find) => {
                let sql = self.names.text(&find.sql);
                let found: Option<String> =
                    sqlx::query_scalar(&sql).fetch_optional(self.world.pool()).await.unwrap();
                let found = found.unwrap_or_else(|| panic!("{}: {sql}", find.name));
                self.names.keep(&find.name, found);
                None
            }
            Step::Pass(days) => {
                self.clock.pass(Duration::days(days));
                None
            }
            Step::Known(_) | Step::Unknown(_) => None,
        }
    }

    /// The question that somebody asks with a command of the story.
    #[must_use]
    pub fn question(&self, asked: &Asked, who: &str) -> Question {
        let caller = self.caller(who);
        let question = match &asked.id {
            Some(id) => caller.ask(&asked.subject, id.as_str(), asked.data.clone()),
            None => caller.ask(&asked.subject, (), asked.data.clone()),
        };
        match &asked.ask.reason {
            Some(reason) => question.with("reason", reason.as_str()),
            None => question,
        }
    }

    /// Asks as the story says.
    ///
    /// # Errors
    /// Where the answer is another than the story's.
    pub async fn tell(&mut self, asked: &Asked) -> Result<Answer, String> {
        let answer = self.question(asked, &asked.ask.who).shown().send().await;
        let Asked { ask, subject, id, data, .. } = asked;
        let told = format!("{} {subject} {id:?} {data}: {}", ask.who, answer.body);
        match &ask.refused {
            Some(code) if answer.body["code"] == **code => {
                answer.refused(code);
                let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
                match &ask.at {
                    Some(at) if !errors.iter().any(|it| it["pointer"] == **at) => {
                        Err(format!("not at {at}: {told}"))
                    }
                    Some(_) | None => Ok(answer),
                }
            }
            None if answer.body["ok"] == true => {
                if let Some(name) = &ask.keep {
                    self.names.keep(name, answer.ok().body["id"].as_str().unwrap());
                }
                Ok(answer)
            }
            Some(code) => Err(format!("not {code}: {told}")),
            None => Err(told),
        }
    }
}
