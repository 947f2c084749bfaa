//! Assessments: recorded and amended by staff with assessments.record.

use std::sync::Arc;

use annals_domain::carenotes::{
    assessment::{AmendAssessment, Assessment, OfAssessment, RecordAssessment, Refusal},
    calendar,
};

use super::{
    access::resident_of,
    record::{amend, begin},
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an assessment, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.assessments.manage.org"];
    vec![
        command::<Assessment, RecordAssessment>(Target::New, MANAGE, record),
        command::<Assessment, AmendAssessment>(Target::Given, MANAGE, amend::<OfAssessment, _>),
    ]
}

fn record(work: &mut Work<'_>, id: &Arc<str>, new: &RecordAssessment) -> Result<(), Stop> {
    let organization = begin::<OfAssessment>(work, id)?;
    if let Some(resident_id) = new.resident_id {
        let resident = resident_of(work, organization, resident_id)?;
        let resident = resident.ok_or(Refusal::WrongOrganization)?;
        let day = new.date.unwrap_or_else(|| calendar::day(work.moment.now));
        if !resident.was_in_care(day, work.moment) {
            return Err(Refusal::ResidentNotInCare.into());
        }
    }
    work.decide::<Assessment>(id, new.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::home::{BOSS, EDITH, MANORS_RESIDENT, NEW, home};

    #[test]
    fn an_assessment_is_of_a_resident_in_care_on_a_day_that_has_begun() {
        let mut world = home();
        let record = "carenotes.cmd.record_assessment";
        let of = |resident: Uuid, date: &str| json!({"resident_id": resident, "date": date});
        world.as_person(BOSS);
        world.send(record, NEW, json!({"date": "2026-01-01"})).refused("reference_required");
        world.send(record, NEW, of(MANORS_RESIDENT, "2026-01-01")).refused("wrong_organization");
        world.send(record, NEW, of(EDITH, "2026-01-02")).refused("resident_not_in_care");
        world.send(record, NEW, of(EDITH, "2025-11-30")).refused("resident_not_in_care");
        world.send(record, NEW, of(EDITH, "2025-12-01")).accepted(&["AssessmentRecorded"]);
        let today = json!({"resident_id": EDITH});
        world.send(record, Uuid::from_u128(0x99), today).accepted(&["AssessmentRecorded"]);
    }
}
