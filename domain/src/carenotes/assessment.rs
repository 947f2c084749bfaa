//! An assessment of a resident: what was found on a day of the stay, and what should follow.
//! (carenotes.aggregate.Assessment, stream: assessment id)

use chrono::NaiveDate;
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

/// Records an assessment. (carenotes.command.RecordAssessment)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAssessment {
    /// Resident assessed; needed.
    #[serde(default)]
    pub resident_id: Option<Uuid>,
    /// What was assessed.
    #[serde(default)]
    pub r#type: Option<Text<50>>,
    /// Day of the assessment, within the stay; today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date: Option<NaiveDate>,
    /// What was found.
    #[serde(default)]
    pub findings: Option<Form>,
    /// What should follow.
    #[serde(default)]
    pub recommendations: Option<Form>,
}

/// Amends an assessment; what is absent stays, null clears. (carenotes.command.AmendAssessment)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AmendAssessment {
    /// What was assessed.
    #[serde(deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// What was found.
    #[serde(deserialize_with = "text::some")]
    pub findings: Option<Option<Form>>,
    /// What should follow.
    #[serde(deserialize_with = "text::some")]
    pub recommendations: Option<Option<Form>>,
}

commands! {
    /// What may be asked of an assessment.
    pub enum Command { RecordAssessment, AmendAssessment }
}

/// A resident was assessed. (carenotes.event.AssessmentRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssessmentRecorded {
    /// Resident assessed.
    pub resident_id: Uuid,
    /// What was assessed.
    pub r#type: Option<Text<50>>,
    /// Day of the assessment.
    pub date: NaiveDate,
    /// What was found.
    pub findings: Option<Form>,
    /// What should follow.
    pub recommendations: Option<Form>,
    /// Member of staff who recorded it.
    pub created_by: Uuid,
}

/// An assessment reads otherwise; only what changed is there. (carenotes.event.AssessmentAmended)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssessmentAmended {
    /// Resident assessed.
    pub resident_id: Uuid,
    /// What was assessed, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// What was found, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub findings: Option<Option<Form>>,
    /// What should follow, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub recommendations: Option<Option<Form>>,
}

events! {
    /// What happens to an assessment.
    pub enum Event {
        AssessmentRecorded of resident_id { findings: null, recommendations: null },
        AssessmentAmended of resident_id { findings: null, recommendations: null },
    }
    Imported { AssessmentImported from assessments at [id] of [resident_id] { findings: null, recommendations: null } }
}

refusals! {
    /// What an assessment refuses.
    pub enum Refusal {
        /// carenotes.rule.record.in_stay
        ResidentNotInCare => "the resident was not in care on that day, or it has not come yet", at "date";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "an assessment is of a resident", at "resident_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "this resident is another organization's", at "resident_id";
        /// The assessment is there.
        AssessmentAlreadyRecorded => "this assessment was recorded already";
        /// There is none.
        AssessmentUnknown => "no such assessment";
    }
}

/// What tells assessments from other records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfAssessment;

/// An assessment.
pub type Assessment = Record<OfAssessment>;

impl Kind for OfAssessment {
    const TYPE: &'static str = "carenotes.assessment";
    const CODE: Permission = Permission::AssessmentsRecord;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(
        about: Option<&About>,
        command: Command,
        moment: &Moment,
    ) -> Result<Option<Event>, Refusal> {
        let resident_id = about.and_then(|about| about.resident_id);
        match (command, resident_id) {
            (Command::RecordAssessment(new), None) => {
                let recorded = AssessmentRecorded {
                    resident_id: new.resident_id.ok_or(Refusal::ReferenceRequired)?,
                    r#type: new.r#type,
                    date: new.date.unwrap_or_else(|| calendar::day(moment.now)),
                    findings: new.findings,
                    recommendations: new.recommendations,
                    created_by: moment.actor,
                };
                Ok(Some(recorded.into()))
            }
            (Command::RecordAssessment(_), Some(_)) => Err(Refusal::AssessmentAlreadyRecorded),
            (Command::AmendAssessment(_), None) => Err(Refusal::AssessmentUnknown),
            (Command::AmendAssessment(change), Some(_)) if change == AmendAssessment::default() => {
                Ok(None)
            }
            (Command::AmendAssessment(change), Some(resident_id)) => {
                let AmendAssessment { r#type, findings, recommendations } = change;
                let amended = AssessmentAmended { resident_id, r#type, findings, recommendations };
                Ok(Some(amended.into()))
            }
        }
    }

    fn about(event: &Event) -> Option<About> {
        match event {
            Event::AssessmentRecorded(recorded) => {
                Some(About { resident_id: Some(recorded.resident_id), ..About::default() })
            }
            Event::AssessmentAmended(_) => None,
            Event::Imported(row) => {
                Some(About { resident_id: row.get("resident_id"), ..About::default() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, day, given};

    const EDITH: Uuid = Uuid::from_u128(0xed);

    fn record() -> RecordAssessment {
        RecordAssessment {
            resident_id: Some(EDITH),
            r#type: Some("falls".parse().unwrap()),
            date: None,
            findings: Some(json!({"risk": "high"})),
            recommendations: None,
        }
    }

    fn recorded() -> Event {
        AssessmentRecorded {
            resident_id: EDITH,
            r#type: Some("falls".parse().unwrap()),
            date: day(1).date_naive(),
            findings: Some(json!({"risk": "high"})),
            recommendations: None,
            created_by: ADA,
        }
        .into()
    }

    #[test]
    fn an_assessment_is_recorded_once_of_a_resident() {
        given::<Assessment>([])
            .when(RecordAssessment { resident_id: None, ..record() })
            .refused("ReferenceRequired")
            .when(record())
            .then([recorded()])
            .when(record())
            .refused("AssessmentAlreadyRecorded");
    }

    #[test]
    fn an_assessment_is_amended_where_it_is_told_to() {
        let findings = Some(Some(json!({"risk": "low"})));
        given::<Assessment>([])
            .when(AmendAssessment::default())
            .refused("AssessmentUnknown")
            .and(recorded())
            .when(AmendAssessment { findings: findings.clone(), ..Default::default() })
            .then([AssessmentAmended {
                resident_id: EDITH,
                r#type: None,
                findings,
                recommendations: None,
            }])
            .when(AmendAssessment::default())
            .then_nothing();
    }
}
