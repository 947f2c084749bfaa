//! A visit of a user's web client: what it reports of one web session, day by day.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{Count, Text};
use crate::{Decider, Moment, commands, events, refusals};

/// The session under which is counted what happens outside of any (F124).
pub const OUTSIDE: &str = "server";

/// Reports a web session as it stands today; a later report takes its place. (samia.command.RecordVisit)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordVisit {
    /// The web session.
    pub session_id: Text<255>,
    /// How many pages were viewed today.
    #[serde(default)]
    pub page_views: Count,
    /// How long the session has lasted, in seconds.
    #[serde(default)]
    pub session_duration: Option<Count>,
    /// What kind of device.
    #[serde(default)]
    pub device_type: Option<Text<50>>,
    /// Which browser.
    #[serde(default)]
    pub browser: Option<Text<100>>,
    /// Which operating system.
    #[serde(default)]
    pub operating_system: Option<Text<100>>,
    /// From which country, as a code of two letters.
    #[serde(default)]
    pub country: Option<Text<2>>,
    /// From which town.
    #[serde(default)]
    pub city: Option<Text<100>>,
}

commands! {
    /// What may be asked of a visit.
    pub enum Command { RecordVisit }
}

/// A web session stands so today. (samia.event.VisitRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VisitRecorded {
    /// Whose visit it is.
    pub user_id: Uuid,
    /// The web session.
    pub session_id: Option<Text<255>>,
    /// The UTC day.
    pub date: NaiveDate,
    /// When it was first reported that day.
    pub created_at: DateTime<Utc>,
    /// How many pages were viewed that day.
    pub page_views: Count,
    /// How long the session has lasted, in seconds.
    pub session_duration: Option<Count>,
    /// What kind of device.
    pub device_type: Option<Text<50>>,
    /// Which browser.
    pub browser: Option<Text<100>>,
    /// Which operating system.
    pub operating_system: Option<Text<100>>,
    /// From which country.
    pub country: Option<Text<2>>,
    /// From which town.
    pub city: Option<Text<100>>,
}

events! {
    /// What happens to a visit.
    pub enum Event {
        VisitRecorded of user_id {
            session_id: null, device_type: null, browser: null, operating_system: null,
            country: null, city: null,
        },
    }
    Imported {
        VisitImported from user_analytics at [id] of [user_id] {
            session_id: null, device_type: null, browser: null, operating_system: null,
            country: null, city: null,
        },
    }
}

refusals! {
    /// What a visit refuses.
    pub enum Refusal {
        /// Its row is for what happens outside of any web session.
        SessionReserved => "this is no web session's id", at "session_id";
    }
}

/// When the visit was first reported on the latest day on which it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visit {
    since: DateTime<Utc>,
}

impl Decider for Visit {
    const TYPE: &'static str = "samia.visit";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Command::RecordVisit(visit) = command;
        if &*visit.session_id == OUTSIDE {
            return Err(Refusal::SessionReserved);
        }
        let date = moment.now.date_naive();
        let today = self.since.date_naive() == date;
        let recorded = VisitRecorded {
            user_id: moment.actor,
            session_id: Some(visit.session_id),
            date,
            created_at: if today { self.since } else { moment.now },
            page_views: visit.page_views,
            session_duration: visit.session_duration,
            device_type: visit.device_type,
            browser: visit.browser,
            operating_system: visit.operating_system,
            country: visit.country,
            city: visit.city,
        };
        Ok(vec![recorded.into()])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::VisitRecorded(it) => self.since = it.created_at,
            Event::Imported(row) => self.since = row.or_default("created_at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, day, given};

    fn visit(session: &str) -> RecordVisit {
        serde_json::from_value(json!({"session_id": session, "page_views": 3})).unwrap()
    }

    #[test]
    fn a_day_of_a_session_is_one_row_since_its_first_report() {
        let created = |events: &[Event]| match events {
            [Event::VisitRecorded(it)] => (it.user_id, it.date, it.created_at),
            other => panic!("{other:?}"),
        };
        let (given, first) = given::<Visit>([]).when(visit("w1")).events();
        let later = day(1) + Duration::hours(1);
        let (given, second) = given.at(later).when(visit("w1")).events();
        let (_, third) = given.at(day(2)).when(visit("w1")).events();
        assert_eq!(created(&first), (ADA, day(1).date_naive(), day(1)));
        assert_eq!(created(&second), (ADA, day(1).date_naive(), day(1)));
        assert_eq!(created(&third), (ADA, day(2).date_naive(), day(2)));
    }

    #[test]
    fn no_client_reports_what_happens_outside_of_a_session() {
        given::<Visit>([]).when(visit("server")).refused("SessionReserved");
    }
}
