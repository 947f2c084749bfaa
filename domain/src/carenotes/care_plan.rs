//! A plan of care for a resident: drafted, then active, then closed for good; revised and reviewed
//! until then. (carenotes.aggregate.CarePlan, stream: care plan id)

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Form, calendar};
use crate::{
    Decider, Imported, Moment, commands, events, refusals,
    text::{self, Text},
};

/// How far a plan is. (carenotes.rule.care_plan.states)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being written.
    Draft,
    /// Care follows it.
    Active,
    /// Over.
    Closed,
}

/// Begins a plan of care. (carenotes.command.DraftCarePlan)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftCarePlan {
    /// Resident it is for; needed.
    #[serde(default)]
    pub resident_id: Option<Uuid>,
    /// What the plan is about.
    #[serde(default)]
    pub r#type: Option<Text<50>>,
    /// First day it is to apply.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub start_date: Option<NaiveDate>,
    /// Day it is to be looked at again; not before the first.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub review_date: Option<NaiveDate>,
    /// The plan itself.
    #[serde(default)]
    pub details: Option<Form>,
}

/// Has care follow a plan. (carenotes.command.ActivateCarePlan)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ActivateCarePlan {
    /// First day it applies; the drafted one, or else today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub start_date: Option<NaiveDate>,
}

/// Changes a plan; what is absent stays, null clears. (carenotes.command.ReviseCarePlan)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReviseCarePlan {
    /// What the plan is about, from now on.
    #[serde(deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// The plan itself, from now on.
    #[serde(deserialize_with = "text::some")]
    pub details: Option<Option<Form>>,
}

/// Says when a plan is to be looked at again. (carenotes.command.ScheduleCarePlanReview)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleCarePlanReview {
    /// The day; null for none.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub review_date: Option<NaiveDate>,
}

/// Ends a plan. (carenotes.command.CloseCarePlan)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseCarePlan {}

/// Ends the plan of a resident who has left, in nobody's name.
#[derive(Clone, Debug, PartialEq)]
pub struct CloseOnLeaving {}

commands! {
    /// What may be asked of a plan of care.
    pub enum Command {
        DraftCarePlan,
        ActivateCarePlan,
        ReviseCarePlan,
        ScheduleCarePlanReview,
        CloseCarePlan,
        CloseOnLeaving,
    }
}

/// A plan of care was begun. (carenotes.event.CarePlanDrafted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarePlanDrafted {
    /// Resident it is for.
    pub resident_id: Uuid,
    /// What it is about.
    pub r#type: Option<Text<50>>,
    /// Being written.
    pub status: Status,
    /// First day it is to apply.
    pub start_date: Option<NaiveDate>,
    /// Day it is to be looked at again.
    pub review_date: Option<NaiveDate>,
    /// The plan itself.
    pub details: Option<Form>,
    /// Member of staff who drafted it.
    pub created_by: Uuid,
    /// The same.
    pub updated_by: Uuid,
}

/// Care follows a plan. (carenotes.event.CarePlanActivated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarePlanActivated {
    /// Care follows it.
    pub status: Status,
    /// First day it applies.
    pub start_date: NaiveDate,
    /// Member of staff who said so.
    pub updated_by: Uuid,
}

/// A plan reads otherwise; only what changed is there. (carenotes.event.CarePlanRevised)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarePlanRevised {
    /// Resident it is for.
    pub resident_id: Uuid,
    /// What it is about, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// The plan itself, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub details: Option<Option<Form>>,
    /// Member of staff who revised it.
    pub updated_by: Uuid,
}

/// A plan is to be looked at on another day. (carenotes.event.CarePlanReviewScheduled)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarePlanReviewScheduled {
    /// The day; null for none.
    pub review_date: Option<NaiveDate>,
    /// Member of staff who said so.
    pub updated_by: Uuid,
}

/// A plan is over. (carenotes.event.CarePlanClosed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarePlanClosed {
    /// Over.
    pub status: Status,
    /// Member of staff who closed it; null where the resident has left.
    pub updated_by: Option<Uuid>,
}

events! {
    /// What happens to a plan of care.
    pub enum Event {
        CarePlanDrafted of resident_id { details: null },
        CarePlanActivated,
        CarePlanRevised of resident_id { details: null },
        CarePlanReviewScheduled,
        CarePlanClosed,
    }
    Imported {
        CarePlanImported from care_plans at [id] of [resident_id] { details: null },
    }
}

refusals! {
    /// What a plan of care refuses.
    pub enum Refusal {
        /// carenotes.rule.care_plan.states
        CarePlanTransitionRefused { is: &'static str } => "the plan is {is}", hint "a draft becomes active, and either closes for good; closed plans are not revised";
        /// carenotes.rule.care_plan.dates
        ReviewBeforeStart { start_date: NaiveDate } => "the plan applies from {start_date} on; its review is not before", at "review_date";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "a plan of care is for a resident", at "resident_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "this resident is another organization's", at "resident_id";
        /// The plan is there.
        CarePlanAlreadyDrafted => "this plan was drafted already";
        /// There is none.
        CarePlanUnknown => "no such plan of care";
    }
}

/// Whose plan it is, how far it is, and of when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CarePlan {
    /// Resident it is for; nothing before it is drafted.
    pub resident_id: Option<Uuid>,
    /// How far it is.
    pub status: Option<Status>,
    /// First day it applies.
    pub start_date: Option<NaiveDate>,
    /// Day it is to be looked at again.
    pub review_date: Option<NaiveDate>,
}

impl Decider for CarePlan {
    const TYPE: &'static str = "carenotes.care_plan";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let updated_by = moment.actor;
        match (command, self.resident_id, self.status) {
            (Command::DraftCarePlan(new), None, _) => Ok(vec![drafted(new, moment)?.into()]),
            (Command::DraftCarePlan(_), Some(_), _) => Err(Refusal::CarePlanAlreadyDrafted),
            (_, None, _) | (_, _, None) => Err(Refusal::CarePlanUnknown),
            (Command::CloseCarePlan(_), ..) => Ok(self.close(Some(updated_by))),
            (Command::CloseOnLeaving(_), ..) => Ok(self.close(None)),
            (_, _, Some(Status::Closed)) => {
                Err(Refusal::CarePlanTransitionRefused { is: "closed" })
            }
            (Command::ActivateCarePlan(wanted), _, Some(status)) => {
                self.activate(&wanted, status, moment)
            }
            (Command::ReviseCarePlan(change), ..) if change == ReviseCarePlan::default() => {
                Ok(vec![])
            }
            (Command::ReviseCarePlan(change), Some(resident_id), _) => {
                let ReviseCarePlan { r#type, details } = change;
                Ok(vec![CarePlanRevised { resident_id, r#type, details, updated_by }.into()])
            }
            (Command::ScheduleCarePlanReview(ScheduleCarePlanReview { review_date }), ..) => {
                reviewed_after(self.start_date, review_date)?;
                let same = review_date == self.review_date;
                let event = CarePlanReviewScheduled { review_date, updated_by };
                Ok(if same { vec![] } else { vec![event.into()] })
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::CarePlanDrafted(drafted) => {
                self.resident_id = Some(drafted.resident_id);
                self.status = Some(drafted.status);
                self.start_date = drafted.start_date;
                self.review_date = drafted.review_date;
            }
            Event::CarePlanActivated(activated) => {
                self.status = Some(activated.status);
                self.start_date = Some(activated.start_date);
            }
            Event::CarePlanRevised(_) => {}
            Event::CarePlanReviewScheduled(scheduled) => self.review_date = scheduled.review_date,
            Event::CarePlanClosed(closed) => self.status = Some(closed.status),
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl CarePlan {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.resident_id = row.get("resident_id");
        self.status = row.get("status");
        self.start_date = row.get("start_date");
        self.review_date = row.get("review_date");
    }
}

impl CarePlan {
    fn activate(
        &self,
        wanted: &ActivateCarePlan,
        status: Status,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let start = wanted.start_date.or(self.start_date);
        if status == Status::Active {
            let same = start == self.start_date;
            let refused = Refusal::CarePlanTransitionRefused { is: "active already" };
            return if same { Ok(vec![]) } else { Err(refused) };
        }
        let start_date = start.unwrap_or_else(|| calendar::day(moment.now));
        reviewed_after(Some(start_date), self.review_date)?;
        let status = Status::Active;
        Ok(vec![CarePlanActivated { status, start_date, updated_by: moment.actor }.into()])
    }

    fn close(&self, updated_by: Option<Uuid>) -> Vec<Event> {
        match self.status {
            Some(Status::Closed) => vec![],
            _ => vec![CarePlanClosed { status: Status::Closed, updated_by }.into()],
        }
    }
}

fn drafted(new: DraftCarePlan, moment: &Moment) -> Result<CarePlanDrafted, Refusal> {
    reviewed_after(new.start_date, new.review_date)?;
    Ok(CarePlanDrafted {
        resident_id: new.resident_id.ok_or(Refusal::ReferenceRequired)?,
        r#type: new.r#type,
        status: Status::Draft,
        start_date: new.start_date,
        review_date: new.review_date,
        details: new.details,
        created_by: moment.actor,
        updated_by: moment.actor,
    })
}

/// A plan is not looked at again before it applies.
fn reviewed_after(start: Option<NaiveDate>, review: Option<NaiveDate>) -> Result<(), Refusal> {
    match (start, review) {
        (Some(start_date), Some(review)) if review < start_date => {
            Err(Refusal::ReviewBeforeStart { start_date })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, BOB, day, given};

    const EDITH: Uuid = Uuid::from_u128(0xed);

    fn date(n: i64) -> NaiveDate {
        day(n).date_naive()
    }

    fn draft() -> DraftCarePlan {
        DraftCarePlan {
            resident_id: Some(EDITH),
            r#type: Some("mobility".parse().unwrap()),
            start_date: None,
            review_date: Some(date(30)),
            details: Some(json!({"aim": "walks to the garden"})),
        }
    }

    fn drafted() -> Event {
        CarePlanDrafted {
            resident_id: EDITH,
            r#type: Some("mobility".parse().unwrap()),
            status: Status::Draft,
            start_date: None,
            review_date: Some(date(30)),
            details: Some(json!({"aim": "walks to the garden"})),
            created_by: ADA,
            updated_by: ADA,
        }
        .into()
    }

    fn activated(n: i64) -> Event {
        CarePlanActivated { status: Status::Active, start_date: date(n), updated_by: ADA }.into()
    }

    fn closed(updated_by: Option<Uuid>) -> Event {
        CarePlanClosed { status: Status::Closed, updated_by }.into()
    }

    #[test]
    fn a_plan_is_drafted_once_for_a_resident() {
        given::<CarePlan>([])
            .when(DraftCarePlan { resident_id: None, ..draft() })
            .refused("ReferenceRequired")
            .when(draft())
            .then([drafted()])
            .when(draft())
            .refused("CarePlanAlreadyDrafted");
    }

    #[test]
    fn a_draft_becomes_active_and_closes_for_good() {
        given::<CarePlan>([drafted()])
            .at(day(2))
            .when(ActivateCarePlan::default())
            .then([activated(2)])
            .when(ActivateCarePlan::default())
            .then_nothing()
            .when(ActivateCarePlan { start_date: Some(date(3)) })
            .refused("CarePlanTransitionRefused")
            .by(BOB)
            .when(CloseCarePlan {})
            .then([closed(Some(BOB))])
            .when(CloseCarePlan {})
            .then_nothing()
            .when(ActivateCarePlan::default())
            .refused("CarePlanTransitionRefused");
    }

    #[test]
    fn a_closed_plan_is_neither_revised_nor_reviewed() {
        let revision = ReviseCarePlan { details: Some(None), ..Default::default() };
        given::<CarePlan>([drafted(), closed(Some(ADA))])
            .when(revision)
            .refused("CarePlanTransitionRefused")
            .when(ScheduleCarePlanReview { review_date: None })
            .refused("CarePlanTransitionRefused");
    }

    #[test]
    fn drafts_and_active_plans_are_revised() {
        for events in [vec![drafted()], vec![drafted(), activated(2)]] {
            given::<CarePlan>(events)
                .by(BOB)
                .when(ReviseCarePlan { details: Some(None), ..Default::default() })
                .then([CarePlanRevised {
                    resident_id: EDITH,
                    r#type: None,
                    details: Some(None),
                    updated_by: BOB,
                }])
                .when(ReviseCarePlan::default())
                .then_nothing();
        }
    }

    #[test]
    fn a_review_is_not_before_the_plan_applies() {
        let (start_date, review_date) = (Some(date(5)), Some(date(4)));
        given::<CarePlan>([])
            .when(DraftCarePlan { start_date, review_date, ..draft() })
            .refused("ReviewBeforeStart");
        given::<CarePlan>([drafted()])
            .when(ActivateCarePlan { start_date: Some(date(31)) })
            .refused("ReviewBeforeStart")
            .when(ActivateCarePlan { start_date })
            .then([activated(5)])
            .when(ScheduleCarePlanReview { review_date })
            .refused("ReviewBeforeStart")
            .when(ScheduleCarePlanReview { review_date: start_date })
            .then([CarePlanReviewScheduled { review_date: start_date, updated_by: ADA }])
            .when(ScheduleCarePlanReview { review_date: start_date })
            .then_nothing();
    }

    #[test]
    fn the_plan_of_a_resident_who_has_left_is_closed_in_nobodys_name() {
        for events in [vec![drafted()], vec![drafted(), activated(2)]] {
            given::<CarePlan>(events)
                .when(CloseOnLeaving {})
                .then([closed(None)])
                .when(CloseOnLeaving {})
                .then_nothing();
        }
        given::<CarePlan>([]).when(CloseOnLeaving {}).refused("CarePlanUnknown");
    }
}
