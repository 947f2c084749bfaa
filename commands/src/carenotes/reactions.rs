//! What the context does by itself: plans close when a resident leaves, reviews that are due are told,
//! and whoever is forgotten is forgotten here.
//!
//! Plans, residents and staff are remembered as their own aggregates make them of their events.

use annals_domain::{
    carenotes::{
        care_plan::{self, CarePlan, CloseCarePlan, Status},
        resident::{self, EraseResident, Resident},
        staff_member::{EraseStaffMember, StaffMember},
    },
    shared::identity::{self, Identity},
};
use chrono::{NaiveTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::reaction::{Due, Halt, Reacting, Reactions, parse, upon};

const LEFT: &str = "carenotes.reaction.plans-closed-on-leaving";
const REVIEW: &str = "carenotes.reaction.plan-review-due";
const ERASED: &str = "carenotes.reaction.subject-erased";

/// A resident's plans that are not closed.
const PLANS: &str = "plans";

/// What the context judges by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// At which hour (UTC) of its day a review is told of.
    pub review_hour: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { review_hour: 6 }
    }
}

/// What the context does by itself.
#[must_use]
pub fn reactions() -> Reactions {
    Reactions {
        names: &[LEFT, REVIEW, ERASED],
        elsewhere: &[(
            "carenotes.reaction.partition-ahead",
            "the projector makes a day's month, and the one after it, before it writes the day",
        )],
        version: 1,
        upon: vec![
            upon::<CarePlan>(plan),
            upon::<Resident>(resident),
            upon::<StaffMember>(|event, reacting| reacting.follow::<StaffMember>(event).map(drop)),
            upon::<Identity>(identity),
        ],
        due,
    }
}

fn due(due: &Due, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match due.reaction.as_str() {
        REVIEW => review(parse(&due.key)?, reacting),
        other => Err(Halt::Fault(format!("no timer of {other} is known here"))),
    }
}

/// What a plan's events lead to.
fn plan(event: &care_plan::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    let plan = reacting.follow::<CarePlan>(event)?;
    match event {
        care_plan::Event::CarePlanDrafted(drafted) => {
            reacting.notes.join(PLANS, drafted.resident_id, id);
        }
        care_plan::Event::CarePlanClosed(_) => {
            if let Some(resident) = plan.resident_id {
                reacting.notes.leave(PLANS, resident, id);
            }
        }
        care_plan::Event::Imported(_) => {
            if let Some(resident) = plan.resident_id.filter(|_| plan.status != Some(Status::Closed))
            {
                reacting.notes.join(PLANS, resident, id);
            }
        }
        care_plan::Event::CarePlanActivated(_)
        | care_plan::Event::CarePlanRevised(_)
        | care_plan::Event::CarePlanReviewScheduled(_) => {}
    }
    // One timer a plan takes the place of a look at all plans each day.
    let hour = NaiveTime::from_hms_opt(reacting.rules.carenotes.review_hour.min(23), 0, 0);
    match plan.review_date.filter(|_| plan.status == Some(Status::Active)) {
        Some(day) => {
            let at = Utc.from_utc_datetime(&day.and_time(hour.unwrap_or_default()));
            reacting.wake_at(REVIEW, id, at);
        }
        None => reacting.let_sleep(REVIEW, id),
    }
    Ok(())
}

/// Its day has come (carenotes.reaction.plan-review-due): told to whoever notifies, and to no table.
fn review(id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let plan = reacting.known::<CarePlan>(id)?;
    if plan.status == Some(Status::Active) {
        let data = json!({
            "care_plan_id": id, "resident_id": plan.resident_id, "review_date": plan.review_date,
        });
        reacting.tell(REVIEW, "care_plan_review_due", data);
    }
    Ok(())
}

/// What a resident's events lead to.
fn resident(event: &resident::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    reacting.follow::<Resident>(event)?;
    match event {
        resident::Event::ResidentDischarged(_) | resident::Event::ResidentDied(_) => {
            for plan in reacting.notes.members(PLANS, id)? {
                reacting.send::<CarePlan, _>(LEFT, plan, &CloseCarePlan {})?;
            }
        }
        resident::Event::ResidentAdmitted(_)
        | resident::Event::ResidentDetailsUpdated(_)
        | resident::Event::ResidentMoved(_)
        | resident::Event::MedicalDetailsRecorded(_)
        | resident::Event::MedicalNotesRecorded(_)
        | resident::Event::ResidentPreferencesRecorded(_)
        | resident::Event::ResidentReadmitted(_)
        | resident::Event::ResidentErased(_)
        | resident::Event::Imported(_) => {}
    }
    Ok(())
}

/// Whoever is erased as a person is erased here, as a resident or as staff
/// (carenotes.reaction.subject-erased).
fn identity(event: &identity::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        identity::Event::SubjectErased(_) => {}
        identity::Event::IdentityRegistered(_)
        | identity::Event::IdentityEmailChanged(_)
        | identity::Event::Imported(_) => return Ok(()),
    }
    if reacting.known::<Resident>(id)?.status.is_some() {
        reacting.send::<Resident, _>(ERASED, id, &EraseResident {})?;
    }
    if reacting.known::<StaffMember>(id)?.organization_id.is_some() {
        reacting.send::<StaffMember, _>(ERASED, id, &EraseStaffMember {})?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        carenotes::{
            care_plan::{CarePlanActivated, CarePlanClosed, CarePlanDrafted},
            resident::ResidentDied,
            staff_member::StaffMemberAdded,
        },
        shared::identity::{ErasureGround, SubjectErased},
        testing::{ADA, day},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::reaction::testing::Told;

    const ROSE: Uuid = Uuid::from_u128(0x405e);
    const PLAN: Uuid = Uuid::from_u128(0x91a);
    const OTHER: Uuid = Uuid::from_u128(0x91b);

    fn of<T: serde::de::DeserializeOwned>(fields: Value) -> T {
        serde_json::from_value(fields).unwrap()
    }

    fn drafted(told: &mut Told, id: Uuid) {
        let drafted: CarePlanDrafted = of(json!({
            "resident_id": ROSE, "type": null, "status": "draft", "start_date": null,
            "review_date": "2026-01-20", "details": null, "created_by": ADA, "updated_by": ADA,
        }));
        told.hears::<CarePlan>(id, drafted).sends_nothing();
    }

    #[test]
    fn plans_that_are_not_closed_close_when_the_resident_leaves() {
        let mut told = Told::new("carenotes");
        drafted(&mut told, PLAN);
        drafted(&mut told, OTHER);
        let closed: CarePlanClosed = of(json!({"status": "closed", "updated_by": ADA}));
        told.hears::<CarePlan>(OTHER, closed).sends_nothing();
        let died: ResidentDied = of(json!({
            "status": "deceased", "discharge_date": "2026-01-02", "updated_by": ADA,
        }));
        let left = told.hears::<Resident>(ROSE, died);
        left.sends(&[("carenotes.cmd.close_care_plan", json!({}))]);
        assert_eq!(left.targets(), [PLAN.to_string()]);
    }

    #[test]
    fn the_review_of_an_active_plan_is_told_of_on_its_day() {
        let mut told = Told::new("carenotes");
        drafted(&mut told, PLAN);
        assert_eq!(told.timer(REVIEW, PLAN), None, "a draft is not reviewed");
        let active: CarePlanActivated =
            of(json!({"status": "active", "start_date": "2026-01-02", "updated_by": ADA}));
        told.hears::<CarePlan>(PLAN, active).sends_nothing();
        let at = day(20) - chrono::Duration::hours(6);
        assert_eq!(told.timer(REVIEW, PLAN), Some(at));
        let due = told.due(REVIEW, PLAN);
        due.sends_nothing();
        assert_eq!(due.notices[0].name, "care_plan_review_due");
        assert_eq!(due.notices[0].data["review_date"], "2026-01-20");
    }

    #[test]
    fn whoever_is_erased_as_a_person_is_erased_as_staff() {
        let erased = || SubjectErased { ground: ErasureGround::ConsentWithdrawn };
        let mut told = Told::new("carenotes");
        told.hears::<Identity>(ADA, erased()).sends_nothing();
        let added: StaffMemberAdded = of(json!({
            "organization_id": ROSE, "email": "ada@example.org", "first_name": null,
            "last_name": null, "role": "carer", "permissions": [], "settings": null,
        }));
        told.hears::<StaffMember>(ADA, added).sends_nothing();
        let erase = "carenotes.cmd.erase_staff_member";
        told.hears::<Identity>(ADA, erased()).sends(&[(erase, json!({}))]);
    }
}
