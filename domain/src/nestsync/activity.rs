//! What a person does in the application, one fact after another; nothing is decided on it.
//! (nestsync.aggregate.Activity, stream: user id)

use chrono::{DateTime, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::is_filled;
use crate::{Decider, Moment, commands, events, refusals};

/// Reports something the person did. (nestsync.command.TrackActivity)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrackActivity {
    /// In which family.
    pub family_id: Uuid,
    /// The person, where it agreed to be named; the actor and nobody else.
    #[serde(default)]
    pub user_id: Option<Uuid>,
    /// What was done.
    pub event_name: String,
    /// More about it.
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// What belongs together.
    #[serde(default)]
    pub session_id: Option<String>,
    /// When; now, if absent.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub occurred_at: Option<DateTime<Utc>>,
}

commands! {
    /// What may be asked of a person's activity.
    pub enum Command { TrackActivity }
}

/// Something was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActivityTracked {
    /// The fact's id.
    pub activity_id: Uuid,
    /// Whose key seals what was done: the person's if it is named, else the family's.
    pub subject_id: Uuid,
    /// In which family.
    pub family_id: Uuid,
    /// The person, where it agreed to be named (F140).
    pub user_id: Option<Uuid>,
    /// What was done.
    pub event_name: String,
    /// More about it.
    pub properties: Map<String, Value>,
    /// What belongs together.
    pub session_id: Option<String>,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

events! {
    /// What happens in a person's activity.
    pub enum Event {
        ActivityTracked of subject_id { properties: object, session_id: null },
    }
    Imported {
        ActivityImported from analytics_events at [id] of [user_id, family_id] { properties: object, session_id: null },
    }
}

refusals! {
    /// What is no activity.
    pub enum Refusal {
        /// A fact has a name.
        EventNameBlank => "a name is needed for what was done", at "event_name";
    }
}

/// Nothing: each fact stands for itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Activity {}

impl Decider for Activity {
    const TYPE: &'static str = "nestsync.activity";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Command::TrackActivity(done) = command;
        if !is_filled(&done.event_name) {
            return Err(Refusal::EventNameBlank);
        }
        let tracked = ActivityTracked {
            activity_id: moment.new_id(),
            subject_id: done.user_id.unwrap_or(done.family_id),
            family_id: done.family_id,
            user_id: done.user_id,
            event_name: done.event_name,
            properties: done.properties,
            session_id: done.session_id,
            occurred_at: done.occurred_at.map_or(moment.now, |at| at.trunc_subsecs(6)),
        };
        Ok(vec![tracked.into()])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ActivityTracked(_) => {}
            Event::Imported(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, day, given};

    const FAMILY: Uuid = Uuid::from_u128(0xfa);

    fn opened() -> TrackActivity {
        TrackActivity {
            family_id: FAMILY,
            user_id: None,
            event_name: "stock_opened".into(),
            properties: Map::new(),
            session_id: None,
            occurred_at: None,
        }
    }

    fn tracked(done: TrackActivity) -> ActivityTracked {
        match given::<Activity>([]).at(day(2)).when(done).events().1.as_slice() {
            [Event::ActivityTracked(tracked)] => tracked.clone(),
            other => panic!("expected one fact, got {other:?}"),
        }
    }

    #[test]
    fn a_person_who_did_not_agree_is_not_named() {
        let anonymous = tracked(opened());
        assert_eq!((anonymous.user_id, anonymous.subject_id), (None, FAMILY));
        let named = tracked(TrackActivity { user_id: Some(ADA), ..opened() });
        assert_eq!((named.user_id, named.subject_id), (Some(ADA), ADA));
    }

    #[test]
    fn a_fact_has_a_time_and_a_name() {
        assert_eq!(tracked(opened()).occurred_at, day(2));
        let earlier = TrackActivity { occurred_at: Some(day(1)), ..opened() };
        assert_eq!(tracked(earlier).occurred_at, day(1));
        given::<Activity>([])
            .when(TrackActivity { event_name: " ".into(), ..opened() })
            .refused("EventNameBlank");
    }
}
