//! Children: registered and looked after by staff, moved by Accounts, archived and forgotten by
//! GroupContacts.
//!
//! A child takes a place in its organisation and has a place of its own among the members; all three
//! streams move in one append.

use std::sync::Arc;

use annals_domain::lift::{
    child::{
        self, ArchiveChild, AssignPrimaryPractitioner, ChangeChildPreferences, Child, Command,
        EnrolChild, EraseChild, ReceiveChild, RecordConsent, RecordSafeguardingNote, RegisterChild,
        TransferChild, UpdateChildDetails, WithdrawConsent,
    },
    member::{CloseChildProfile, Member, MoveChildProfile, OpenChildProfile},
    organisation::{AllocateChildNumber, FreeChildPlace, Organisation},
};
use uuid::Uuid;

use super::{
    access::{
        account, group_contact_of, living_child, organisation_of, staff_of, staff_of_child, unused,
        uuid,
    },
    member::known,
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a child's record, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const REGISTER: &[&str] = &["lift.policy.children.register.staff"];
    const STAFF: &[&str] =
        &["lift.policy.children.update.staff", "lift.policy.children.manage.account"];
    const ACCOUNT: &[&str] = &["lift.policy.children.manage.account"];
    const ARCHIVE: &[&str] =
        &["lift.policy.children.archive.group_contact", "lift.policy.profiles.erase.system"];
    vec![
        command::<Child, RegisterChild>(Target::Given, REGISTER, register),
        command::<Child, UpdateChildDetails>(Target::Given, STAFF, look_after),
        command::<Child, AssignPrimaryPractitioner>(Target::Given, STAFF, assign_practitioner),
        command::<Child, RecordConsent>(Target::Given, STAFF, look_after),
        command::<Child, WithdrawConsent>(Target::Given, STAFF, look_after),
        command::<Child, RecordSafeguardingNote>(Target::Given, STAFF, look_after),
        command::<Child, ChangeChildPreferences>(Target::Given, STAFF, look_after),
        command::<Child, TransferChild>(Target::Given, ACCOUNT, transfer),
        command::<Child, ArchiveChild>(Target::Given, ARCHIVE, archive),
        command::<Child, EraseChild>(Target::Given, ARCHIVE, erase),
    ]
}

/// Staff of the organisation, or an Account, registers a known person as a child: it gets a number,
/// a record and a place among the members.
fn register(work: &mut Work<'_>, id: &Arc<str>, new: &RegisterChild) -> Result<(), Stop> {
    work.existing::<Organisation>(new.org_id)?;
    staff_of(work, new.org_id)?;
    work.tenant(new.org_id);
    let child_id = uuid(id)?;
    unused::<Child>(work, id)?;
    known(work, id)?;
    practitioner_of(work, new.org_id, new.primary_practitioner_id)?;
    let display_id = number(work, new.org_id, child_id)?;
    work.decide::<Child>(id, EnrolChild { registration: new.clone(), display_id })?;
    work.decide::<Member>(id, OpenChildProfile { org_id: new.org_id })
}

/// Staff of the child's organisation, or an Account, changes its record.
fn look_after<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    work.existing::<Child>(id)?;
    staff_of_child(work, uuid(id)?)?;
    work.decide::<Child>(id, change.clone())
}

/// The same say which of the staff looks after it first of all.
fn assign_practitioner(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &AssignPrimaryPractitioner,
) -> Result<(), Stop> {
    let child = work.existing::<Child>(id)?;
    staff_of_child(work, uuid(id)?)?;
    practitioner_of(work, organisation_of(&child)?, Some(change.primary_practitioner_id))?;
    work.decide::<Child>(id, change.clone())
}

/// An Account moves a child to another organisation, where it gets another number.
fn transfer(work: &mut Work<'_>, id: &Arc<str>, to: &TransferChild) -> Result<(), Stop> {
    work.existing::<Child>(id)?;
    account(work)?;
    let child_id = uuid(id)?;
    let from = organisation_of(&*living_child(work, child_id)?)?;
    if from == to.org_id {
        return Ok(());
    }
    work.existing::<Organisation>(to.org_id)?;
    work.tenant(to.org_id);
    practitioner_of(work, to.org_id, to.primary_practitioner_id)?;
    let display_id = number(work, to.org_id, child_id)?;
    work.decide::<Child>(id, ReceiveChild { transfer: to.clone(), display_id })?;
    work.decide::<Organisation>(from, FreeChildPlace { child_id })?;
    work.decide::<Member>(id, MoveChildProfile { org_id: to.org_id })
}

/// A GroupContact of the child's organisation, an Account, or the archived organisation archives it.
fn archive(work: &mut Work<'_>, id: &Arc<str>, archive: &ArchiveChild) -> Result<(), Stop> {
    let child_id = in_charge_of(work, id)?;
    living_child(work, child_id)?;
    close(work, id, archive.clone(), false)
}

/// The same, or the identity's erasure, forgets it.
fn erase(work: &mut Work<'_>, id: &Arc<str>, erase: &EraseChild) -> Result<(), Stop> {
    in_charge_of(work, id)?;
    close(work, id, erase.clone(), true)
}

/// That the actor may archive and forget the child. (lift.policy.children.archive.group_contact)
fn in_charge_of(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let org_id = organisation_of(&*work.existing::<Child>(id)?)?;
    work.tenant(org_id);
    if !work.actor.is_system() {
        group_contact_of(work, org_id)?;
    }
    uuid(id)
}

/// Closes the record, and with it the place in the organisation and among the members.
fn close(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: impl Into<Command>,
    erased: bool,
) -> Result<(), Stop> {
    let before = work.load::<Child>(id)?;
    work.decide::<Child>(id, command)?;
    if !before.archived {
        let place = FreeChildPlace { child_id: uuid(id)? };
        work.decide::<Organisation>(organisation_of(&before)?, place)?;
    }
    work.decide::<Member>(id, CloseChildProfile { erased })
}

/// The next number of the organisation. (lift.rule.child.number)
fn number(work: &mut Work<'_>, org_id: Uuid, child_id: Uuid) -> Result<i32, Stop> {
    work.decide::<Organisation>(org_id, AllocateChildNumber { child_id })?;
    Ok(work.load::<Organisation>(org_id)?.last_display_id)
}

/// That the practitioner, if one is named, is active staff there.
/// (lift.rule.child.primary_practitioner)
fn practitioner_of(
    work: &mut Work<'_>,
    org_id: Uuid,
    practitioner: Option<Uuid>,
) -> Result<(), Stop> {
    if let Some(practitioner) = practitioner
        && !work.load::<Member>(practitioner)?.is_staff_of(org_id)
    {
        return Err(child::Refusal::PractitionerNotInOrganisation.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        Decider,
        lift::organisation::{OrganisationArchived, OrganisationLimitsSet},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        lift::school::{
            ACCOUNT, CLINIC, DOCTOR, HEAD, KIM, MANAGER, NOA, SCHOOL, STRANGER, TEACHER, close,
            school, suspend,
        },
        work::Appended,
    };

    const REGISTERED: &[&str] = &["ChildNumberAllocated", "ChildRegistered", "ChildProfileOpened"];

    fn new_child() -> Value {
        json!({"org_id": SCHOOL, "first_name": "Bo"})
    }

    /// What staff may do to a child's record, and what comes of it.
    fn care() -> [(&'static str, Value, &'static str); 6] {
        [
            ("lift.cmd.update_child_details", json!({"class_name": "3a"}), "ChildDetailsUpdated"),
            (
                "lift.cmd.assign_primary_practitioner",
                json!({"primary_practitioner_id": TEACHER}),
                "PrimaryPractitionerAssigned",
            ),
            (
                "lift.cmd.record_consent",
                json!({"consent_type": "verbal", "consent_date": "2025-12-31T10:00:00Z"}),
                "ConsentRecorded",
            ),
            ("lift.cmd.withdraw_consent", json!({}), "ConsentWithdrawn"),
            (
                "lift.cmd.record_safeguarding_note",
                json!({"safeguarding_notes": "quiet"}),
                "SafeguardingNoteRecorded",
            ),
            (
                "lift.cmd.change_child_preferences",
                json!({"avatar_character": "fox", "preferences": {"sound": false}}),
                "ChildPreferencesChanged",
            ),
        ]
    }

    fn registered(appended: &[Appended]) -> Value {
        let at = |kind| appended.iter().find(|it| it.stream.kind == kind);
        at(Child::TYPE).unwrap().event.payload_value().unwrap()
    }

    #[test]
    fn staff_of_the_organisation_and_accounts_register_children() {
        for actor in [TEACHER, HEAD, ACCOUNT] {
            let mut world = school();
            let appended = world
                .as_person(actor)
                .send("lift.cmd.register_child", STRANGER, new_child())
                .accepted(REGISTERED);
            assert_eq!(registered(&appended)["display_id"], 3, "the next number of the school");
            let again = world.send("lift.cmd.register_child", STRANGER, new_child());
            assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
        }
    }

    #[test]
    fn nobody_else_registers_children() {
        let mut world = school();
        for other in [MANAGER, DOCTOR, KIM, STRANGER] {
            world.as_person(other).send("lift.cmd.register_child", STRANGER, new_child()).denied();
        }
        world.as_system().send("lift.cmd.register_child", STRANGER, new_child()).denied();
        world.as_operator().send("lift.cmd.register_child", STRANGER, new_child()).denied();
    }

    #[test]
    fn a_child_is_a_known_person_without_another_place() {
        let mut world = school();
        world
            .as_person(HEAD)
            .send("lift.cmd.register_child", Uuid::from_u128(0x99), new_child())
            .refused("unknown_subject");
        world
            .send("lift.cmd.register_child", TEACHER, new_child())
            .refused("profile_already_exists");
    }

    #[test]
    fn a_child_has_no_surname() {
        let mut world = school();
        let surname = json!({"org_id": SCHOOL, "first_name": "Bo", "last_name": "Lee"});
        let sent = world.as_person(HEAD).send("lift.cmd.register_child", STRANGER, surname);
        assert!(matches!(sent.0, Err(Stop::Invalid { .. })), "{sent:?}");
        let both = json!({"org_id": SCHOOL, "first_name": "Bo Lee"});
        world.send("lift.cmd.register_child", STRANGER, both).refused("unknown_field");
    }

    #[test]
    fn an_organisation_takes_children_up_to_its_limit() {
        let mut world = school();
        let two = OrganisationLimitsSet { max_children: Some(2), max_practitioners: None };
        world.happened::<Organisation>(SCHOOL, two);
        world
            .as_person(HEAD)
            .send("lift.cmd.register_child", STRANGER, new_child())
            .refused("child_limit_reached");
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.transfer_child", NOA, json!({"org_id": SCHOOL}))
            .refused("child_limit_reached");
        world.as_person(HEAD).send("lift.cmd.archive_child", KIM, json!({})).accepted(&[
            "ChildArchived",
            "ChildPlaceFreed",
            "ChildProfileClosed",
        ]);
        let appended =
            world.send("lift.cmd.register_child", STRANGER, new_child()).accepted(REGISTERED);
        assert_eq!(registered(&appended)["display_id"], 3, "number 1 was Kim's");
    }

    #[test]
    fn staff_of_the_childs_organisation_and_accounts_look_after_it() {
        for actor in [TEACHER, HEAD, ACCOUNT] {
            let mut world = school();
            world.as_person(actor);
            for (subject, data, event) in care() {
                world.send(subject, KIM, data).accepted(&[event]);
            }
        }
    }

    #[test]
    fn nobody_else_looks_after_it() {
        let mut world = school();
        for (subject, data, _) in care() {
            for other in [MANAGER, DOCTOR, KIM, NOA, STRANGER] {
                world.as_person(other).send(subject, KIM, data.clone()).denied();
            }
            world.as_system().send(subject, KIM, data.clone()).denied();
            world.as_person(HEAD).send(subject, STRANGER, data).unknown();
        }
    }

    #[test]
    fn suspended_staff_do_nothing() {
        let mut world = school();
        suspend(&mut world, TEACHER);
        world.as_person(TEACHER);
        for (subject, data, _) in care() {
            world.send(subject, KIM, data).refused("actor_not_active");
        }
        world.send("lift.cmd.register_child", STRANGER, new_child()).refused("actor_not_active");
    }

    #[test]
    fn staff_of_a_closed_organisation_do_nothing_and_an_account_does() {
        let mut world = school();
        close(&mut world);
        world.as_person(HEAD);
        for (subject, data, _) in care() {
            world.send(subject, KIM, data).refused("organisation_not_open");
        }
        for (subject, id, data) in [
            ("lift.cmd.register_child", STRANGER, new_child()),
            ("lift.cmd.archive_child", KIM, json!({})),
            ("lift.cmd.erase_child", KIM, json!({})),
        ] {
            world.send(subject, id, data).refused("organisation_not_open");
        }
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.register_child", STRANGER, new_child())
            .accepted(REGISTERED);
    }

    #[test]
    fn the_primary_practitioner_is_active_staff_of_the_organisation() {
        let mut world = school();
        suspend(&mut world, TEACHER);
        for practitioner in [TEACHER, DOCTOR, KIM, ACCOUNT, STRANGER] {
            let named = json!({"primary_practitioner_id": practitioner});
            world
                .as_person(HEAD)
                .send("lift.cmd.assign_primary_practitioner", KIM, named)
                .refused("practitioner_not_in_organisation");
        }
        let mut with_doctor = new_child();
        with_doctor["primary_practitioner_id"] = json!(DOCTOR);
        world
            .send("lift.cmd.register_child", STRANGER, with_doctor)
            .refused("practitioner_not_in_organisation");
        let to_clinic = json!({"org_id": CLINIC, "primary_practitioner_id": HEAD});
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.transfer_child", KIM, to_clinic)
            .refused("practitioner_not_in_organisation");
    }

    #[test]
    fn an_account_moves_a_child_and_nobody_else_does() {
        let mut world = school();
        let to_clinic = json!({"org_id": CLINIC, "primary_practitioner_id": DOCTOR});
        for other in [HEAD, TEACHER, MANAGER, KIM, STRANGER] {
            world.as_person(other).send("lift.cmd.transfer_child", KIM, to_clinic.clone()).denied();
        }
        let moved =
            &["ChildNumberAllocated", "ChildTransferred", "ChildPlaceFreed", "ChildProfileMoved"];
        let appended = world
            .as_person(ACCOUNT)
            .send("lift.cmd.transfer_child", KIM, to_clinic.clone())
            .accepted(moved);
        assert_eq!(registered(&appended)["display_id"], 2, "the next number of the clinic");
        world.send("lift.cmd.transfer_child", KIM, to_clinic).accepted(&[]);
        let details = json!({"class_name": "4"});
        world
            .as_person(TEACHER)
            .send("lift.cmd.update_child_details", KIM, details.clone())
            .denied();
        world
            .as_person(DOCTOR)
            .send("lift.cmd.update_child_details", KIM, details)
            .accepted(&["ChildDetailsUpdated"]);
    }

    #[test]
    fn a_group_contact_an_account_and_the_system_archive_and_forget() {
        let archived: &[&str] = &["ChildArchived", "ChildPlaceFreed", "ChildProfileClosed"];
        let erased: &[&str] = &["ChildErased", "ChildPlaceFreed", "ChildProfileClosed"];
        for (subject, events) in
            [("lift.cmd.archive_child", archived), ("lift.cmd.erase_child", erased)]
        {
            for other in [TEACHER, MANAGER, DOCTOR, KIM, STRANGER] {
                school().as_person(other).send(subject, KIM, json!({})).denied();
            }
            school().as_person(HEAD).send(subject, KIM, json!({})).accepted(events);
            school().as_person(ACCOUNT).send(subject, KIM, json!({})).accepted(events);
            let mut world = school();
            world.happened::<Organisation>(SCHOOL, OrganisationArchived {});
            world.as_system().send(subject, KIM, json!({})).accepted(events);
        }
    }

    #[test]
    fn an_archived_child_frees_its_place_once() {
        let mut world = school();
        world.as_person(HEAD).send("lift.cmd.archive_child", KIM, json!({}));
        world.send("lift.cmd.archive_child", KIM, json!({})).accepted(&[]);
        world
            .send("lift.cmd.erase_child", KIM, json!({}))
            .accepted(&["ChildErased", "ChildProfileClosed"]);
        world.send("lift.cmd.erase_child", KIM, json!({})).accepted(&[]);
    }

    #[test]
    fn nothing_is_asked_of_a_forgotten_child() {
        let mut world = school();
        world.as_person(HEAD).send("lift.cmd.erase_child", KIM, json!({}));
        for (subject, data, _) in care() {
            let sent = world.send(subject, KIM, data);
            assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
        }
    }

    #[test]
    fn an_archived_child_does_nothing_and_nothing_is_done_to_it() {
        let mut world = school();
        world.as_person(HEAD).send("lift.cmd.archive_child", KIM, json!({}));
        for (subject, data, _) in care() {
            world.send(subject, KIM, data).refused("child_is_archived");
        }
        world
            .as_person(KIM)
            .send("lift.cmd.update_own_profile", KIM, json!({"avatar_url": "fox.png"}))
            .refused("actor_not_active");
    }
}
