//! A story: commands as data, one a line, in the order in which they happen.
//!
//! A line either asks a command of one context, `{"as": "nora", "do": "add_child", "id": "{mia}", "data": {…}}`,
//! or waits for a value of a table and gives it a name, `{"find": "carls-place", "sql": "SELECT id …"}`.
//! Names stand in braces: `{mia}` is an id, `{nora@}` somebody's address, `{-20d}` a day twenty days before the
//! story's, `{-3h}` a time three hours before it.

use std::collections::HashMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::people::named;

/// Ids that are known by name also outside of stories.
const KNOWN: &[(&str, Uuid)] = &[
    ("oakfield", super::OAKFIELD),
    ("riverside", super::RIVERSIDE),
    ("nests", super::NESTS),
    ("ottos", super::OTTOS),
    ("mia", super::MIA),
    ("diapers", super::DIAPERS),
];

/// What a line of a story says.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A command is sent.
    Ask(Ask),
    /// A value is waited for.
    Find(Find),
}

/// A command of a story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// By whom.
    #[serde(rename = "as")]
    pub who: String,
    /// Which; without its context where it is the story's own, else as the subject it is sent to.
    #[serde(rename = "do")]
    pub command: String,
    /// Of what.
    #[serde(default)]
    pub id: Option<String>,
    /// Its fields.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// Why, where an override needs a reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// The name of what it makes.
    #[serde(default)]
    pub keep: Option<String>,
    /// A reaction does this by itself where one is at work.
    #[serde(default)]
    pub reaction: bool,
    /// The rule that stands against it, by its code.
    #[serde(default)]
    pub refused: Option<String>,
    /// Where the fault lies, as a JSON pointer.
    #[serde(default)]
    pub at: Option<String>,
    /// The contract's ids that the line is about, apart by spaces.
    #[serde(default)]
    pub rule: Option<String>,
}

impl Ask {
    /// The subject that it is sent to.
    #[must_use]
    pub fn subject(&self, context: &str) -> String {
        if self.command.contains('.') {
            return self.command.clone();
        }
        format!("{context}.cmd.{}", self.command)
    }
}

/// A value that a story goes on with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// Its name from here on.
    #[serde(rename = "find")]
    pub name: String,
    /// The query that finds it, as one text; it is asked again until it finds one.
    pub sql: String,
}

/// Reads a story. Empty lines and lines that begin with `#` say nothing.
///
/// # Errors
/// Which line is no line of a story, and why.
pub fn read(text: &str) -> Result<Vec<Line>, String> {
    let line =
        |(nth, words)| serde_json::from_str(words).map_err(|why| format!("line {nth}: {why}"));
    numbered(text).map(line).collect()
}

/// The lines that say something, as they are written.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    numbered(text).map(|(_, words)| words)
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// What the names of a story stand for.
#[derive(Debug, Clone)]
pub struct Names {
    today: DateTime<Utc>,
    kept: HashMap<String, String>,
}

impl Names {
    /// The names of a story that is told on this day.
    #[must_use]
    pub fn new(today: DateTime<Utc>) -> Self {
        Self { today, kept: HashMap::new() }
    }

    /// Gives a value a name.
    pub fn keep(&mut self, name: &str, value: impl Into<String>) {
        self.kept.insert(name.to_owned(), value.into());
    }

    /// The id of somebody or something. What nobody else names has an id made of its name.
    #[must_use]
    pub fn id(&self, name: &str) -> Uuid {
        let kept = self.kept.get(name).and_then(|id| id.parse().ok());
        let known = || KNOWN.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
        kept.or_else(|| named(name).map(|person| person.id)).or_else(known).unwrap_or_else(|| {
            Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("demo {name}").as_bytes())
        })
    }

    /// Somebody's address.
    #[must_use]
    pub fn address(&self, name: &str) -> String {
        let known = named(name).and_then(|person| person.email);
        known.map_or_else(|| format!("{name}@people.example"), str::to_owned)
    }

    /// A text with its names replaced.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(&self.stands_for(name));
            rest = after;
        }
        filled + rest
    }

    /// A value with the names in its texts replaced.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(name, value)| (name.clone(), self.value(value))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn stands_for(&self, name: &str) -> String {
        if let Some(who) = name.strip_suffix('@') {
            return self.address(who);
        }
        if let Some(kept) = self.kept.get(name) {
            return kept.clone();
        }
        self.when(name).unwrap_or_else(|| self.id(name).to_string())
    }

    /// A day or a time so far from the story's.
    fn when(&self, name: &str) -> Option<String> {
        let (count, unit) = name.split_at_checked(name.len().checked_sub(1)?)?;
        let count: i64 = count.strip_prefix('+').unwrap_or(count).parse().ok()?;
        match unit {
            "d" => {
                let day = self.today + Duration::try_days(count)?;
                Some(day.date_naive().to_string())
            }
            "h" => {
                let time = self.today + Duration::try_hours(count)?;
                Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_ids_addresses_and_days() {
        let today = "2026-03-01T12:30:00Z".parse().unwrap();
        let mut names = Names::new(today);
        names.keep("place", "kept");
        assert_eq!(names.text("{nests}"), super::super::NESTS.to_string());
        assert_eq!(
            names.text("{nora@} and {somebody@}"),
            "nora@family.example and somebody@people.example"
        );
        assert_eq!(names.text("{-1d} {+2d} {-3h}"), "2026-02-28 2026-03-03 2026-03-01T09:30:00Z");
        assert_eq!(names.text("in {place}"), "in kept");
        assert_eq!(names.id("a thing"), names.id("a thing"));
        assert_eq!(names.text("{} {unclosed"), format!("{} {{unclosed", names.id("")));
    }

    #[test]
    fn every_story_of_the_demo_can_be_read() {
        for (context, text) in super::super::STORIES {
            let lines = read(text).unwrap_or_else(|why| panic!("{context}: {why}"));
            assert!(!lines.is_empty(), "{context}");
        }
    }

    #[test]
    fn the_deck_has_seventy_eight_cards_each_with_both_its_meanings() {
        let (_, deck) = super::super::STORIES[1];
        let cards: Vec<Ask> = read(deck)
            .unwrap()
            .into_iter()
            .filter_map(|line| match line {
                Line::Ask(ask) if ask.command == "add_card_to_deck" => Some(ask),
                Line::Ask(_) | Line::Find(_) => None,
            })
            .collect();
        let count =
            |arcana: &str| cards.iter().filter(|it| it.data["arcana_type"] == arcana).count();
        assert_eq!((count("major"), count("minor")), (22, 56));
        for field in ["name", "card_key", "upright_meaning", "reversed_meaning"] {
            let told: std::collections::BTreeSet<String> =
                cards.iter().map(|card| card.data[field].to_string()).collect();
            assert_eq!(told.len(), 78, "{field}: each card has its own");
        }
    }

    #[test]
    fn a_line_that_is_none_is_told_by_its_number() {
        let text = "# a comment\n\n{\"as\": \"a\", \"do\": \"b\", \"typo\": 1}";
        assert!(read(text).unwrap_err().starts_with("line 3: "));
        assert_eq!(read("{\"as\": \"a\", \"do\": \"b\"}\n").unwrap().len(), 1);
    }
}
