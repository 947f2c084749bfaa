//! An audit of a facility: what was found, how it scored, and what is to be done.
//! (carenotes.aggregate.Audit, stream: audit id)

use chrono::NaiveDate;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Form, calendar,
    permission::Permission,
    record::{About, Kind, Record},
};
use crate::{Moment, commands, events, refusals, text::Text};

/// Records an audit. (carenotes.command.ConductAudit)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConductAudit {
    /// Facility audited; needed.
    #[serde(default)]
    pub facility_id: Option<Uuid>,
    /// What was audited.
    #[serde(default)]
    pub r#type: Option<Text<50>>,
    /// Day of the audit; today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date: Option<NaiveDate>,
    /// Member of staff who conducted it; the sender, if left out.
    #[serde(default)]
    pub auditor: Option<Uuid>,
    /// What was found.
    #[serde(default)]
    pub findings: Option<Form>,
    /// Points given: a decimal, zero or more, as a string such as "87.5".
    #[serde(default)]
    pub score: Option<String>,
    /// What is to be done.
    #[serde(default)]
    pub action_plan: Option<Form>,
}

/// Writes anew what is to be done after an audit. (carenotes.command.UpdateAuditActionPlan)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAuditActionPlan {
    /// The plan, as it is from now on; null for none.
    pub action_plan: Option<Form>,
}

commands! {
    /// What may be asked of an audit.
    pub enum Command { ConductAudit, UpdateAuditActionPlan }
}

/// A facility was audited. (carenotes.event.AuditConducted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditConducted {
    /// Facility audited.
    pub facility_id: Uuid,
    /// What was audited.
    pub r#type: Option<Text<50>>,
    /// Day of the audit.
    pub date: NaiveDate,
    /// Member of staff who conducted it.
    pub auditor: Uuid,
    /// What was found.
    pub findings: Option<Form>,
    /// Points given.
    pub score: Option<Decimal>,
    /// What is to be done.
    pub action_plan: Option<Form>,
}

/// Something else is to be done after an audit. (carenotes.event.AuditActionPlanUpdated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditActionPlanUpdated {
    /// The plan.
    pub action_plan: Option<Form>,
}

events! {
    /// What happens to an audit.
    pub enum Event { AuditConducted, AuditActionPlanUpdated }
    Imported { AuditImported from audits at [id] }
}

refusals! {
    /// What an audit refuses.
    pub enum Refusal {
        /// carenotes.rule.audit.score
        ScoreNotANumber => "a score is a finite number, zero or more", at "score";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "an audit is of a facility", at "facility_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "facility and auditor belong to the auditing organization";
        /// The audit is there.
        AuditAlreadyConducted => "this audit was recorded already";
        /// There is none.
        AuditUnknown => "no such audit";
    }
}

/// What tells audits from other records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OfAudit;

/// An audit.
pub type Audit = Record<OfAudit>;

impl Kind for OfAudit {
    const TYPE: &'static str = "carenotes.audit";
    const CODE: Permission = Permission::AuditsConduct;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(
        about: Option<&About>,
        command: Command,
        moment: &Moment,
    ) -> Result<Option<Event>, Refusal> {
        match (command, about) {
            (Command::ConductAudit(new), None) => {
                let conducted = AuditConducted {
                    facility_id: new.facility_id.ok_or(Refusal::ReferenceRequired)?,
                    r#type: new.r#type,
                    date: new.date.unwrap_or_else(|| calendar::day(moment.now)),
                    auditor: new.auditor.unwrap_or(moment.actor),
                    findings: new.findings,
                    score: new.score.as_deref().map(score).transpose()?,
                    action_plan: new.action_plan,
                };
                Ok(Some(conducted.into()))
            }
            (Command::ConductAudit(_), Some(_)) => Err(Refusal::AuditAlreadyConducted),
            (Command::UpdateAuditActionPlan(_), None) => Err(Refusal::AuditUnknown),
            (Command::UpdateAuditActionPlan(UpdateAuditActionPlan { action_plan }), Some(_)) => {
                Ok(Some(AuditActionPlanUpdated { action_plan }.into()))
            }
        }
    }

    fn about(event: &Event) -> Option<About> {
        match event {
            Event::AuditConducted(conducted) => {
                Some(About { facility_id: Some(conducted.facility_id), ..About::default() })
            }
            Event::AuditActionPlanUpdated(_) => None,
            Event::Imported(row) => {
                Some(About { facility_id: row.get("facility_id"), ..About::default() })
            }
        }
    }
}

/// Points, if a text says some.
fn score(text: &str) -> Result<Decimal, Refusal> {
    let points = Decimal::from_str_exact(text).map_err(|_| Refusal::ScoreNotANumber)?;
    if points >= Decimal::ZERO { Ok(points) } else { Err(Refusal::ScoreNotANumber) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, BOB, day, given};

    const HOUSE: Uuid = Uuid::from_u128(0xb01);

    fn conduct() -> ConductAudit {
        ConductAudit {
            facility_id: Some(HOUSE),
            r#type: Some("medication".parse().unwrap()),
            date: None,
            auditor: None,
            findings: Some(json!({"charts": "complete"})),
            score: Some("87.5".into()),
            action_plan: None,
        }
    }

    fn conducted() -> AuditConducted {
        AuditConducted {
            facility_id: HOUSE,
            r#type: Some("medication".parse().unwrap()),
            date: day(1).date_naive(),
            auditor: ADA,
            findings: Some(json!({"charts": "complete"})),
            score: Some(Decimal::new(875, 1)),
            action_plan: None,
        }
    }

    #[test]
    fn an_audit_is_conducted_once_of_a_facility_by_the_sender_or_whoever_is_named() {
        given::<Audit>([])
            .when(ConductAudit { facility_id: None, ..conduct() })
            .refused("ReferenceRequired")
            .when(conduct())
            .then([conducted()])
            .when(conduct())
            .refused("AuditAlreadyConducted");
        given::<Audit>([])
            .when(ConductAudit { auditor: Some(BOB), ..conduct() })
            .then([AuditConducted { auditor: BOB, ..conducted() }]);
    }

    #[test]
    fn a_score_is_a_finite_number_zero_or_more() {
        for score in ["NaN", "Infinity", "-1", "many", "", "1e3"] {
            given::<Audit>([])
                .when(ConductAudit { score: Some(score.into()), ..conduct() })
                .refused("ScoreNotANumber");
        }
        for score in ["0", "100", "99.95"] {
            let audit = ConductAudit { score: Some(score.into()), ..conduct() };
            given::<Audit>([]).when(audit).events();
        }
    }

    #[test]
    fn what_is_to_be_done_is_written_anew() {
        let action_plan = Some(json!(["count stock weekly"]));
        given::<Audit>([])
            .when(UpdateAuditActionPlan { action_plan: action_plan.clone() })
            .refused("AuditUnknown")
            .and(conducted())
            .when(UpdateAuditActionPlan { action_plan: action_plan.clone() })
            .then([AuditActionPlanUpdated { action_plan }]);
    }
}
