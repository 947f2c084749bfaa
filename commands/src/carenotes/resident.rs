//! Residents: admitted, moved, discharged and readmitted by staff with residents.manage.
//!
//! Wherever a resident begins or ceases to live, a place of the facility is taken or freed in the same
//! append.

use std::sync::Arc;

use annals_domain::{
    Decider,
    carenotes::{
        facility::{Facility, FreePlace, TakePlace},
        permission::Permission,
        resident::{
            AdmitResident, Command, DischargeResident, EraseResident, MoveResident,
            ReadmitResident, RecordMedicalDetails, RecordMedicalNotes, RecordResidentDeath,
            RecordResidentPreferences, Refusal, Resident, UpdateResidentDetails,
        },
    },
};
use uuid::Uuid;

use super::access::{cares_for, fresh, known, living, permitted, permitted_in, runs, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of a resident, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] = &["carenotes.policy.residents.manage.org"];
    vec![
        command::<Resident, AdmitResident>(Target::New, MANAGE, admit),
        command::<Resident, UpdateResidentDetails>(Target::Given, MANAGE, note),
        command::<Resident, MoveResident>(Target::Given, MANAGE, moves),
        command::<Resident, RecordMedicalDetails>(Target::Given, MANAGE, note),
        command::<Resident, RecordMedicalNotes>(Target::Given, MANAGE, note),
        command::<Resident, RecordResidentPreferences>(Target::Given, MANAGE, note),
        command::<Resident, DischargeResident>(Target::Given, MANAGE, leave),
        command::<Resident, RecordResidentDeath>(Target::Given, MANAGE, leave),
        command::<Resident, ReadmitResident>(Target::Given, MANAGE, readmit),
        command::<Resident, EraseResident>(Target::Given, MANAGE, erase),
    ]
}

fn admit(work: &mut Work<'_>, id: &Arc<str>, new: &AdmitResident) -> Result<(), Stop> {
    let organization = permitted(work, Permission::ResidentsManage)?;
    let resident_id = fresh::<Resident>(work, id)?;
    work.tenant(organization);
    let facility = new.facility_id.ok_or(Refusal::ReferenceRequired)?;
    take_place(work, organization, facility, resident_id)?;
    work.decide::<Resident>(id, new.clone())
}

/// What staff need to know of a resident.
fn note<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    let (resident, _) = managed(work, id)?;
    living(&resident)?;
    work.decide::<Resident>(id, change.clone())
}

fn moves(work: &mut Work<'_>, id: &Arc<str>, to: &MoveResident) -> Result<(), Stop> {
    let (resident, organization) = managed(work, id)?;
    living(&resident)?;
    // Whether the resident may move at all comes before whether there is room.
    resident.decide(to.clone().into(), work.moment)?;
    let (from, resident_id) = (resident.facility_id(), uuid(id)?);
    if let Some(facility) = to.facility_id.filter(|facility| from != Some(*facility)) {
        free_place(work, from, resident_id)?;
        take_place(work, organization, facility, resident_id)?;
    }
    work.decide::<Resident>(id, to.clone())
}

/// A discharge or a death. It is noted of erased residents too: it says nothing of who they were, and
/// frees the place.
fn leave<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    leave: &C,
) -> Result<(), Stop> {
    let (resident, _) = managed(work, id)?;
    resident.decide(leave.clone().into(), work.moment)?;
    free_place(work, resident.facility_id(), uuid(id)?)?;
    work.decide::<Resident>(id, leave.clone())
}

fn readmit(work: &mut Work<'_>, id: &Arc<str>, back: &ReadmitResident) -> Result<(), Stop> {
    let (resident, organization) = managed(work, id)?;
    living(&resident)?;
    resident.decide(back.clone().into(), work.moment)?;
    let facility = back.facility_id.or(resident.facility_id());
    let facility = facility.ok_or(Refusal::ReferenceRequired)?;
    take_place(work, organization, facility, uuid(id)?)?;
    work.decide::<Resident>(id, back.clone())
}

/// Staff erase, and the system does once the resident's key is gone
/// (carenotes.reaction.subject-erased).
fn erase(work: &mut Work<'_>, id: &Arc<str>, erase: &EraseResident) -> Result<(), Stop> {
    if work.actor.is_system() {
        let resident = work.existing::<Resident>(id)?;
        let organization = known(cares_for(work, &resident)?)?;
        work.tenant(organization);
    } else {
        managed(work, id)?;
    }
    work.decide::<Resident>(id, erase.clone())
}

/// A resident of the actor's organization, where the actor holds residents.manage.
fn managed<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<(Loaded<'a, Resident>, Uuid), Stop> {
    let resident = work.existing::<Resident>(id)?;
    let organization = known(cares_for(work, &resident)?)?;
    permitted_in(work, Permission::ResidentsManage, organization)?;
    Ok((resident, organization))
}

/// A place in a facility of the organization. (carenotes.rule.facility.capacity)
fn take_place(
    work: &mut Work<'_>,
    organization: Uuid,
    facility: Uuid,
    resident_id: Uuid,
) -> Result<(), Stop> {
    if runs(work, facility)? != Some(organization) {
        return Err(Refusal::WrongOrganization.into());
    }
    work.decide::<Facility>(facility, TakePlace { resident_id })
}

fn free_place(work: &mut Work<'_>, facility: Option<Uuid>, resident_id: Uuid) -> Result<(), Stop> {
    match facility {
        Some(facility) => work.decide::<Facility>(facility, FreePlace { resident_id }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::home::{BOSS, EDITH, FRED, HOUSE, LODGE, MANOR_HOUSE, home};
    use super::*;

    const ADMIT: &str = "carenotes.cmd.admit_resident";
    const MOVE: &str = "carenotes.cmd.move_resident";
    const DISCHARGE: &str = "carenotes.cmd.discharge_resident";
    const DEATH: &str = "carenotes.cmd.record_resident_death";
    const READMIT: &str = "carenotes.cmd.readmit_resident";
    const ERASE: &str = "carenotes.cmd.erase_resident";
    const IN: &str = "FacilityPlaceTaken";
    const OUT: &str = "FacilityPlaceFreed";
    const ROSE: Uuid = Uuid::from_u128(0x805e);

    fn to(facility: Uuid) -> Value {
        json!({"facility_id": facility})
    }

    #[test]
    fn an_admission_takes_a_place_of_the_own_organization() {
        let mut world = home();
        world.as_person(BOSS);
        world.send(ADMIT, ROSE, json!({"first_name": "Rose"})).refused("reference_required");
        world.send(ADMIT, ROSE, to(MANOR_HOUSE)).refused("wrong_organization");
        world.send(ADMIT, ROSE, to(Uuid::from_u128(9))).refused("wrong_organization");
        world.send(ADMIT, ROSE, to(HOUSE)).accepted(&[IN, "ResidentAdmitted"]);
        let again = world.send(ADMIT, ROSE, to(HOUSE));
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
    }

    #[test]
    fn a_full_facility_takes_nobody_in_by_whatever_way() {
        // The lodge has room for one; Fred lives in the house.
        let mut world = home();
        world.as_person(BOSS);
        world.send(ADMIT, ROSE, to(LODGE)).accepted(&[IN, "ResidentAdmitted"]);
        world.send(ADMIT, Uuid::from_u128(0x1d4), to(LODGE)).refused("facility_full");
        world.send(MOVE, FRED, to(LODGE)).refused("facility_full");
        world.send(DISCHARGE, FRED, json!({})).accepted(&[OUT, "ResidentDischarged"]);
        world.send(READMIT, FRED, to(LODGE)).refused("facility_full");
        world.send(MOVE, FRED, to(LODGE)).refused("resident_transition_refused");
        world.send(MOVE, ROSE, to(HOUSE)).accepted(&[OUT, IN, "ResidentMoved"]);
        world.send(READMIT, FRED, to(LODGE)).accepted(&[IN, "ResidentReadmitted"]);
    }

    #[test]
    fn a_move_to_another_room_takes_no_place() {
        let mut world = home();
        world.as_person(BOSS);
        world.send(MOVE, EDITH, json!({"room_number": "7"})).accepted(&["ResidentMoved"]);
        let same = json!({"facility_id": HOUSE, "room_number": "8"});
        world.send(MOVE, EDITH, same).accepted(&["ResidentMoved"]);
        world.send(MOVE, EDITH, json!({})).accepted(&[]);
        world.send(MOVE, EDITH, to(MANOR_HOUSE)).refused("wrong_organization");
    }

    #[test]
    fn leaving_frees_the_place_and_death_is_final() {
        let mut world = home();
        world.as_person(BOSS);
        world
            .send(DISCHARGE, EDITH, json!({"discharge_date": "1999-12-31"}))
            .refused("discharge_before_admission");
        world.send(DEATH, EDITH, json!({})).accepted(&[OUT, "ResidentDied"]);
        world.send(READMIT, EDITH, json!({})).refused("resident_transition_refused");
        world.send(DISCHARGE, EDITH, json!({})).refused("resident_transition_refused");
        world.send(READMIT, FRED, json!({})).refused("resident_transition_refused");
    }

    #[test]
    fn notes_come_encrypted_or_not_at_all() {
        let mut world = home();
        let notes = |notes: Value| json!({"encrypted_medical_notes": notes});
        let record = "carenotes.cmd.record_medical_notes";
        world.as_person(BOSS).send(record, EDITH, notes(json!("clear"))).refused("not_ciphertext");
        let sealed = json!({
            "version": 1, "key_id": "edith", "nonce": "AAECAwQFBgcICQoL",
            "data": "c2VhbGVkIGJ5IHRoZSBhcHBsaWNhdGlvbg==",
        });
        world.send(record, EDITH, notes(sealed)).accepted(&["MedicalNotesRecorded"]);
    }

    #[test]
    fn nothing_more_is_written_about_an_erased_resident_but_that_they_left() {
        let mut world = home();
        world.as_person(BOSS).send(ERASE, EDITH, json!({})).accepted(&["ResidentErased"]);
        world.as_system().send(ERASE, EDITH, json!({})).accepted(&[]);
        world.as_person(BOSS);
        for (subject, data) in [
            ("carenotes.cmd.update_resident_details", json!({"first_name": "E"})),
            ("carenotes.cmd.record_resident_preferences", json!({"preferences": {}})),
            ("carenotes.cmd.record_daily_care", json!({"resident_id": EDITH})),
            ("carenotes.cmd.draft_care_plan", json!({"resident_id": EDITH})),
            (MOVE, json!({"room_number": "7"})),
        ] {
            let id =
                if subject.contains("daily") || subject.contains("plan") { ROSE } else { EDITH };
            let sent = world.send(subject, id, data);
            assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{subject}: {sent:?}");
        }
        world.send(DISCHARGE, EDITH, json!({})).accepted(&[OUT, "ResidentDischarged"]);
    }
}
