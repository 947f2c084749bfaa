//! An incident in a facility, with or without a resident: what happened, and what was done about it.
//! (carenotes.aggregate.Incident, stream: incident id)

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Form, calendar,
    permission::Permission,
    record::{About, Kind, Record},
};
use crate::{
    Moment, commands, events, refusals,
    text::{self, Text},
};

/// Reports an incident. (carenotes.command.ReportIncident)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportIncident {
    /// Facility it happened in; where it is left out, the resident says whose incident it is.
    #[serde(default)]
    pub facility_id: Option<Uuid>,
    /// Resident concerned, if one is: one who lives in the facility, or lived there that day.
    #[serde(default)]
    pub resident_id: Option<Uuid>,
    /// What kind of incident it was.
    #[serde(default)]
    pub r#type: Option<Text<50>>,
    /// When it happened; now, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date: Option<DateTime<Utc>>,
    /// What happened.
    #[serde(default)]
    pub details: Option<Form>,
    /// What was done about it.
    #[serde(default)]
    pub actions_taken: Option<Form>,
}

/// Writes anew what was done about an incident. (carenotes.command.RecordIncidentActions)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordIncidentActions {
    /// What was done, as it is known from now on; null for nothing.
    pub actions_taken: Option<Form>,
}

/// Amends an incident; what is absent stays, null clears. (carenotes.command.AmendIncident)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AmendIncident {
    /// What kind of incident it was.
    #[serde(deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// When it happened.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date: Option<DateTime<Utc>>,
    /// What happened.
    #[serde(deserialize_with = "text::some")]
    pub details: Option<Option<Form>>,
}

commands! {
    /// What may be asked of an incident.
    pub enum Command { ReportIncident, RecordIncidentActions, AmendIncident }
}

/// An incident happened. (carenotes.event.IncidentReported)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentReported {
    /// Facility it happened in.
    pub facility_id: Option<Uuid>,
    /// Resident concerned.
    pub resident_id: Option<Uuid>,
    /// What kind of incident it was.
    pub r#type: Option<Text<50>>,
    /// When it happened.
    pub date: DateTime<Utc>,
    /// What happened.
    pub details: Option<Form>,
    /// What was done about it.
    pub actions_taken: Option<Form>,
    /// Member of staff who reported it.
    pub reported_by: Uuid,
}

/// It was noted what was done about an incident. (carenotes.event.IncidentActionsRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentActionsRecorded {
    /// Resident concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_id: Option<Uuid>,
    /// What was done.
    pub actions_taken: Option<Form>,
}

/// An incident reads otherwise; only what changed is there. (carenotes.event.IncidentAmended)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentAmended {
    /// Resident concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_id: Option<Uuid>,
    /// What kind of incident it was, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateTime<Utc>>,
    /// What happened, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub details: Option<Option<Form>>,
}

events! {
    /// What happens to an incident.
    pub enum Event {
        IncidentReported of resident_id { details: null, actions_taken: null },
        IncidentActionsRecorded of resident_id { actions_taken: null },
        IncidentAmended of resident_id { details: null },
    }
    Imported { IncidentImported from incidents at [id] of [resident_id] { details: null, actions_taken: null } }
}

refusals! {
    /// What an incident refuses.
    pub enum Refusal {
        /// carenotes.rule.incident.same_facility
        ResidentNotInFacility => "the resident neither lives in the facility nor lived there that day", at "resident_id";
        /// An incident is somebody's: a facility's, or a resident's (F079).
        ReferenceRequired => "an incident happened in a facility, or to a resident", at "facility_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "facility and resident belong to the reporting organization";
        /// The incident is there.
        IncidentAlreadyReported => "this incident was reported already";
        /// There is none.
        IncidentUnknown => "no such incident";
    }
}

/// What tells incidents from other records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfIncident;

/// An incident.
pub type Incident = Record<OfIncident>;

impl Kind for OfIncident {
    const TYPE: &'static str = "carenotes.incident";
    const CODE: Permission = Permission::IncidentsReport;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(
        about: Option<&About>,
        command: Command,
        moment: &Moment,
    ) -> Result<Option<Event>, Refusal> {
        match (command, about) {
            (Command::ReportIncident(new), None) => Ok(Some(reported(new, moment)?.into())),
            (Command::ReportIncident(_), Some(_)) => Err(Refusal::IncidentAlreadyReported),
            (_, None) => Err(Refusal::IncidentUnknown),
            (Command::RecordIncidentActions(recorded), Some(about)) => {
                let RecordIncidentActions { actions_taken } = recorded;
                let resident_id = about.resident_id;
                Ok(Some(IncidentActionsRecorded { resident_id, actions_taken }.into()))
            }
            (Command::AmendIncident(change), Some(_)) if change == AmendIncident::default() => {
                Ok(None)
            }
            (Command::AmendIncident(change), Some(about)) => {
                let AmendIncident { r#type, date, details } = change;
                let resident_id = about.resident_id;
                Ok(Some(IncidentAmended { resident_id, r#type, date, details }.into()))
            }
        }
    }

    fn about(event: &Event) -> Option<About> {
        match event {
            Event::IncidentReported(reported) => Some(About {
                resident_id: reported.resident_id,
                facility_id: reported.facility_id,
                day: Some(calendar::day(reported.date)),
            }),
            Event::IncidentActionsRecorded(_) | Event::IncidentAmended(_) => None,
            Event::Imported(row) => Some(About {
                resident_id: row.get("resident_id"),
                facility_id: row.get("facility_id"),
                day: row.get("date").map(calendar::day),
            }),
        }
    }
}

fn reported(new: ReportIncident, moment: &Moment) -> Result<IncidentReported, Refusal> {
    if new.facility_id.is_none() && new.resident_id.is_none() {
        return Err(Refusal::ReferenceRequired);
    }
    Ok(IncidentReported {
        facility_id: new.facility_id,
        resident_id: new.resident_id,
        r#type: new.r#type,
        date: new.date.unwrap_or(moment.now),
        details: new.details,
        actions_taken: new.actions_taken,
        reported_by: moment.actor,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, day, given};

    const HOUSE: Uuid = Uuid::from_u128(0xb01);
    const EDITH: Uuid = Uuid::from_u128(0xed);

    fn report() -> ReportIncident {
        ReportIncident {
            facility_id: Some(HOUSE),
            resident_id: Some(EDITH),
            r#type: Some("fall".parse().unwrap()),
            date: None,
            details: Some(json!({"where": "garden"})),
            actions_taken: None,
        }
    }

    fn fell() -> Event {
        IncidentReported {
            facility_id: Some(HOUSE),
            resident_id: Some(EDITH),
            r#type: Some("fall".parse().unwrap()),
            date: day(1),
            details: Some(json!({"where": "garden"})),
            actions_taken: None,
            reported_by: ADA,
        }
        .into()
    }

    #[test]
    fn an_incident_is_reported_once_of_a_facility_or_a_resident() {
        given::<Incident>([])
            .when(ReportIncident { facility_id: None, resident_id: None, ..report() })
            .refused("ReferenceRequired")
            .when(report())
            .then([fell()])
            .when(report())
            .refused("IncidentAlreadyReported");
        for (facility_id, resident_id) in [(Some(HOUSE), None), (None, Some(EDITH))] {
            let incident = ReportIncident { facility_id, resident_id, ..report() };
            let reported = given::<Incident>([]).when(incident).events().0;
            let day = Some(day(1).date_naive());
            assert_eq!(reported.state.about, Some(About { resident_id, facility_id, day }));
        }
    }

    #[test]
    fn an_incident_is_amended_and_what_was_done_is_written_anew() {
        let actions_taken = Some(json!({"called": "GP"}));
        let date = Some(day(2));
        given::<Incident>([])
            .when(AmendIncident::default())
            .refused("IncidentUnknown")
            .and(fell())
            .when(RecordIncidentActions { actions_taken: actions_taken.clone() })
            .then([IncidentActionsRecorded { resident_id: Some(EDITH), actions_taken }])
            .when(AmendIncident { date, details: Some(None), ..Default::default() })
            .then([IncidentAmended {
                resident_id: Some(EDITH),
                r#type: None,
                date,
                details: Some(None),
            }])
            .when(AmendIncident::default())
            .then_nothing();
    }
}
