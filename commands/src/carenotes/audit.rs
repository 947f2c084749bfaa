//! Audits: conducted by staff with audits.conduct.

use std::sync::Arc;

use annals_domain::carenotes::{
    audit::{Audit, ConductAudit, OfAudit, Refusal, UpdateAuditActionPlan},
    staff_member::StaffMember,
};

use super::{
    access::runs,
    record::{amend, begin},
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an audit, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.audits.manage.org"];
    vec![
        command::<Audit, ConductAudit>(Target::New, MANAGE, conduct),
        command::<Audit, UpdateAuditActionPlan>(Target::Given, MANAGE, amend::<OfAudit, _>),
    ]
}

fn conduct(work: &mut Work<'_>, id: &Arc<str>, new: &ConductAudit) -> Result<(), Stop> {
    let organization = begin::<OfAudit>(work, id)?;
    if let Some(facility_id) = new.facility_id
        && runs(work, facility_id)? != Some(organization)
    {
        return Err(Refusal::WrongOrganization.into());
    }
    if let Some(auditor) = new.auditor
        && work.load::<StaffMember>(auditor)?.organization_id != Some(organization)
    {
        return Err(Refusal::WrongOrganization.into());
    }
    work.decide::<Audit>(id, new.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::home::{BOSS, GONE, HOUSE, MANOR_BOSS, MANOR_HOUSE, NEW, home};

    #[test]
    fn facility_and_auditor_are_of_the_own_organization() {
        let mut world = home();
        let conduct = "carenotes.cmd.conduct_audit";
        world.as_person(BOSS);
        world.send(conduct, NEW, json!({})).refused("reference_required");
        for other in [MANOR_HOUSE, NEW] {
            world.send(conduct, NEW, json!({"facility_id": other})).refused("wrong_organization");
        }
        for other in [MANOR_BOSS, NEW] {
            let data = json!({"facility_id": HOUSE, "auditor": other});
            world.send(conduct, NEW, data).refused("wrong_organization");
        }
        let score = json!({"facility_id": HOUSE, "score": "NaN"});
        world.send(conduct, NEW, score).refused("score_not_a_number");
        // Who conducted it may have left since.
        let data = json!({"facility_id": HOUSE, "auditor": GONE, "score": "92"});
        world.send(conduct, NEW, data).accepted(&["AuditConducted"]);
    }
}
