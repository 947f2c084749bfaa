//! Plans of care: drafted, revised and closed by staff with care_plans.manage; closed by the system
//! once the resident has left.

use std::sync::Arc;

use annals_domain::carenotes::{
    care_plan::{
        ActivateCarePlan, CarePlan, CloseCarePlan, CloseOnLeaving, Command, DraftCarePlan, Refusal,
        ReviseCarePlan, ScheduleCarePlanReview,
    },
    permission::Permission,
    resident::Resident,
};
use uuid::Uuid;

use super::access::{cares_for, fresh, known, living, permitted, permitted_in, resident_of};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of a plan of care, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.care_plans.manage.org"];
    const CLOSE: &[&str] =
        &["carenotes.policy.care_plans.manage.org", "carenotes.policy.care_plans.close.system"];
    vec![
        command::<CarePlan, DraftCarePlan>(Target::New, MANAGE, draft),
        command::<CarePlan, ActivateCarePlan>(Target::Given, MANAGE, manage),
        command::<CarePlan, ReviseCarePlan>(Target::Given, MANAGE, manage),
        command::<CarePlan, ScheduleCarePlanReview>(Target::Given, MANAGE, manage),
        command::<CarePlan, CloseCarePlan>(Target::Given, CLOSE, close),
    ]
}

fn draft(work: &mut Work<'_>, id: &Arc<str>, new: &DraftCarePlan) -> Result<(), Stop> {
    let organization = permitted(work, Permission::CarePlansManage)?;
    fresh::<CarePlan>(work, id)?;
    work.tenant(organization);
    if let Some(resident_id) = new.resident_id {
        resident_of(work, organization, resident_id)?.ok_or(Refusal::WrongOrganization)?;
    }
    work.decide::<CarePlan>(id, new.clone())
}

fn manage<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    let (resident, organization) = whose(work, id)?;
    permitted_in(work, Permission::CarePlansManage, organization)?;
    living(&resident)?;
    work.decide::<CarePlan>(id, change.clone())
}

/// Staff close in their own name, the system in nobody's (carenotes.reaction.plans-closed-on-leaving).
fn close(work: &mut Work<'_>, id: &Arc<str>, close: &CloseCarePlan) -> Result<(), Stop> {
    let (_, organization) = whose(work, id)?;
    if work.actor.is_system() {
        work.tenant(organization);
        return work.decide::<CarePlan>(id, CloseOnLeaving {});
    }
    permitted_in(work, Permission::CarePlansManage, organization)?;
    work.decide::<CarePlan>(id, close.clone())
}

/// The resident whose plan it is, and in whose care.
fn whose<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<(Loaded<'a, Resident>, Uuid), Stop> {
    let plan = work.existing::<CarePlan>(id)?;
    let resident_id = plan.resident_id.unwrap_or_default();
    let resident = work.existing::<Resident>(resident_id)?;
    let organization = known(cares_for(work, &resident)?)?;
    Ok((resident, organization))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::home::{BOSS, EDITH, EDITHS_PLAN, MANORS_RESIDENT, NEW, home};
    use super::*;

    const CLOSE: &str = "carenotes.cmd.close_care_plan";

    #[test]
    fn a_plan_is_for_a_resident_of_the_own_organization() {
        let mut world = home();
        let draft = "carenotes.cmd.draft_care_plan";
        world.as_person(BOSS);
        world.send(draft, NEW, json!({})).refused("reference_required");
        for other in [MANORS_RESIDENT, NEW] {
            world.send(draft, NEW, json!({"resident_id": other})).refused("wrong_organization");
        }
        let dates =
            json!({"resident_id": EDITH, "start_date": "2026-01-02", "review_date": "2026-01-01"});
        world.send(draft, NEW, dates).refused("review_before_start");
        world.send(draft, NEW, json!({"resident_id": EDITH})).accepted(&["CarePlanDrafted"]);
        let again = world.send(draft, NEW, json!({"resident_id": EDITH}));
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
    }

    #[test]
    fn the_system_closes_in_nobodys_name_and_staff_in_their_own() {
        let closed_by = |appended: Vec<crate::Appended>| -> Value {
            appended[0].event.payload_value().unwrap()["updated_by"].clone()
        };
        let system = home().as_system().send(CLOSE, EDITHS_PLAN, json!({}));
        assert_eq!(closed_by(system.accepted(&["CarePlanClosed"])), Value::Null);
        let mut world = home();
        let staff = world.as_person(BOSS).send(CLOSE, EDITHS_PLAN, json!({}));
        assert_eq!(closed_by(staff.accepted(&["CarePlanClosed"])), json!(BOSS));
        world.as_system().send(CLOSE, EDITHS_PLAN, json!({})).accepted(&[]);
        world
            .as_person(BOSS)
            .send("carenotes.cmd.activate_care_plan", EDITHS_PLAN, json!({}))
            .refused("care_plan_transition_refused");
    }

    #[test]
    fn the_plan_of_an_erased_resident_can_be_closed_and_nothing_else() {
        let mut world = home();
        world.as_person(BOSS).send("carenotes.cmd.erase_resident", EDITH, json!({}));
        let details = json!({"details": {}});
        let sent = world.send("carenotes.cmd.revise_care_plan", EDITHS_PLAN, details);
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
        world.send(CLOSE, EDITHS_PLAN, json!({})).accepted(&["CarePlanClosed"]);
    }
}
