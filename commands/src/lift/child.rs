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
