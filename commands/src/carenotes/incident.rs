//! Incidents: reported and amended by staff with incidents.report.

use std::sync::Arc;

use annals_domain::carenotes::{
    calendar,
    incident::{
        AmendIncident, Incident, OfIncident, RecordIncidentActions, Refusal, ReportIncident,
    },
    record::About,
    resident::Resident,
};

use super::{
    access::{resident_of, runs},
    record::{amend, begin, reopen},
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an incident, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.incidents.manage.org"];
    vec![
        command::<Incident, ReportIncident>(Target::New, MANAGE, report),
        command::<Incident, RecordIncidentActions>(Target::Given, MANAGE, amend::<OfIncident, _>),
        command::<Incident, AmendIncident>(Target::Given, MANAGE, amend_incident),
    ]
}

fn report(work: &mut Work<'_>, id: &Arc<str>, new: &ReportIncident) -> Result<(), Stop> {
    let organization = begin::<OfIncident>(work, id)?;
    if let Some(facility_id) = new.facility_id
        && runs(work, facility_id)? != Some(organization)
    {
        return Err(Refusal::WrongOrganization.into());
    }
    if let Some(resident_id) = new.resident_id {
        let resident = resident_of(work, organization, resident_id)?;
        let resident = resident.ok_or(Refusal::WrongOrganization)?;
        let day = Some(calendar::day(new.date.unwrap_or(work.moment.now)));
        let about = About { resident_id: None, facility_id: new.facility_id, day };
        lived_there(&resident, about)?;
    }
    work.decide::<Incident>(id, new.clone())
}

/// An incident that turns out to have been on another day still concerns somebody who lived there.
fn amend_incident(work: &mut Work<'_>, id: &Arc<str>, change: &AmendIncident) -> Result<(), Stop> {
    let about = reopen::<OfIncident>(work, id)?;
    if let (Some(resident_id), Some(date)) = (about.resident_id, change.date) {
        let resident = work.existing::<Resident>(resident_id)?;
        lived_there(&resident, About { day: Some(calendar::day(date)), ..about })?;
    }
    work.decide::<Incident>(id, change.clone())
}

/// That the resident lives in the incident's facility, or lived there that day.
/// (carenotes.rule.incident.same_facility)
fn lived_there(resident: &Resident, about: About) -> Result<(), Stop> {
    match (about.facility_id, about.day) {
        (Some(facility_id), Some(day)) if !resident.lived_in(facility_id, day) => {
            Err(Refusal::ResidentNotInFacility.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::super::home::{
        BOSS, EDITH, FRED, HOUSE, LODGE, MANOR_HOUSE, MANORS_RESIDENT, NEW, home,
    };

    const REPORT: &str = "carenotes.cmd.report_incident";

    #[test]
    fn facility_and_resident_are_of_the_own_organization() {
        let mut world = home();
        world.as_person(BOSS);
        world.send(REPORT, NEW, json!({})).refused("reference_required");
        for data in [
            json!({"facility_id": MANOR_HOUSE}),
            json!({"facility_id": HOUSE, "resident_id": MANORS_RESIDENT}),
            json!({"facility_id": MANOR_HOUSE, "resident_id": EDITH}),
            json!({"resident_id": MANORS_RESIDENT}),
        ] {
            world.send(REPORT, NEW, data).refused("wrong_organization");
        }
        for (nth, data) in (1..).zip([json!({"facility_id": HOUSE}), json!({"resident_id": EDITH})])
        {
            let id = Uuid::from_u128(0x10c + nth);
            world.send(REPORT, id, data).accepted(&["IncidentReported"]);
            let actions = json!({"actions_taken": {"called": "GP"}});
            world
                .send("carenotes.cmd.record_incident_actions", id, actions)
                .accepted(&["IncidentActionsRecorded"]);
        }
    }

    #[test]
    fn the_resident_lives_there_or_lived_there_that_day() {
        let mut world = home();
        world.as_person(BOSS);
        let at = |facility: Uuid, date: &str| json!({"facility_id": facility, "resident_id": FRED, "date": date});
        let before = "2025-12-10T09:00:00Z";
        world.send(REPORT, NEW, at(LODGE, before)).refused("resident_not_in_facility");
        let there = json!({"facility_id": LODGE});
        world.send("carenotes.cmd.move_resident", FRED, there).accepted(&[
            "FacilityPlaceFreed",
            "FacilityPlaceTaken",
            "ResidentMoved",
        ]);
        // Fred lived in the house until today, 1 January, and lives in the lodge.
        let after = "2026-01-02T09:00:00Z";
        world.send(REPORT, NEW, at(HOUSE, after)).refused("resident_not_in_facility");
        world.send(REPORT, NEW, at(HOUSE, before)).accepted(&["IncidentReported"]);
        let amend = "carenotes.cmd.amend_incident";
        let later = json!({"date": after});
        world.send(amend, NEW, later).refused("resident_not_in_facility");
        let earlier = json!({"date": "2025-12-09T09:00:00Z"});
        world.send(amend, NEW, earlier).accepted(&["IncidentAmended"]);
        let lodge = Uuid::from_u128(0x1d);
        world.send(REPORT, lodge, at(LODGE, before)).accepted(&["IncidentReported"]);
    }
}
