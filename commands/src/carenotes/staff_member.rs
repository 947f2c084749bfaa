//! Staff: added, changed and removed by colleagues with users.manage; the first administrator by the
//! operator.

use std::sync::Arc;

use annals_domain::{
    carenotes::{
        organization::Organization,
        permission::Permission,
        staff_member::{
            self, ADMIN, AddStaffMember, AssignStaffRole, ChangeOwnSettings,
            ChangeStaffPermissions, Command, EraseStaffMember, RecordSignIn, Refusal,
            RemoveStaffMember, StaffMember, UpdateStaffMember,
        },
    },
    shared::identity::{self, Identity},
};
use uuid::Uuid;

use super::access::{fresh, known, operator, permitted, permitted_in, staff, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// An address belongs to one person, over all organizations (carenotes.rule.user.email_unique).
pub(super) const EMAIL: &str = "carenotes.staff_member.email";
/// The operator adds one person to each organization; whoever that is holds this claim.
pub(super) const FIRST: &str = "carenotes.organization.first_administrator";

/// What may be asked of a member of staff, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const ADD: &[&str] =
        &["carenotes.policy.users.manage.org", "carenotes.policy.users.manage.operator"];
    const MANAGE: &[&str] = &["carenotes.policy.users.manage.org"];
    const SELF: &[&str] = &["carenotes.policy.users.self"];
    const SIGN_IN: &[&str] = &["carenotes.policy.users.signin.system"];
    const ERASE: &[&str] = &["carenotes.policy.users.erase.operator"];
    vec![
        command::<StaffMember, AddStaffMember>(Target::Given, ADD, add),
        command::<StaffMember, UpdateStaffMember>(Target::Given, MANAGE, update),
        command::<StaffMember, AssignStaffRole>(Target::Given, MANAGE, empower),
        command::<StaffMember, ChangeStaffPermissions>(Target::Given, MANAGE, empower),
        command::<StaffMember, ChangeOwnSettings>(Target::Actor, SELF, change_own),
        command::<StaffMember, RecordSignIn>(Target::Given, SIGN_IN, record_sign_in),
        command::<StaffMember, RemoveStaffMember>(Target::Given, MANAGE, remove),
        command::<StaffMember, EraseStaffMember>(Target::Given, ERASE, erase),
    ]
}

/// A colleague, or the operator where there is none yet, adds a known person.
fn add(work: &mut Work<'_>, id: &Arc<str>, new: &AddStaffMember) -> Result<(), Stop> {
    let organization = if work.actor.is_operator() {
        first_administrator(work, id, new)?
    } else {
        permitted(work, Permission::UsersManage)?
    };
    fresh::<StaffMember>(work, id)?;
    if new.organization_id.is_some_and(|named| named != organization) {
        return Err(Refusal::WrongOrganization.into());
    }
    if !work.load::<Identity>(id)?.known {
        return Err(identity::Refusal::UnknownSubject.into());
    }
    take_address(work, id, &new.email)?;
    work.tenant(organization);
    work.decide::<StaffMember>(id, new.clone())
}

/// The operator adds an organization's first administrator, and nobody else.
/// (carenotes.policy.users.manage.operator)
fn first_administrator(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &AddStaffMember,
) -> Result<Uuid, Stop> {
    let organization = new.organization_id.ok_or(Refusal::ReferenceRequired)?;
    work.existing::<Organization>(organization)?;
    let is_admin = new.role.as_deref() == Some(ADMIN);
    if is_admin && work.claim(FIRST, organization.to_string(), id)? {
        Ok(organization)
    } else {
        Err(Stop::Denied("the operator adds an organization's first administrator only"))
    }
}

fn update(work: &mut Work<'_>, id: &Arc<str>, change: &UpdateStaffMember) -> Result<(), Stop> {
    colleague(work, id)?;
    if let Some(email) = &change.email {
        take_address(work, id, email)?;
    }
    work.decide::<StaffMember>(id, change.clone())
}

/// Nobody says what they themselves are, and may do.
fn empower<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    colleague(work, id)?;
    if work.actor.is(uuid(id)?) {
        return Err(Stop::Denied("nobody changes the own role or permissions"));
    }
    work.decide::<StaffMember>(id, change.clone())
}

fn change_own(work: &mut Work<'_>, id: &Arc<str>, change: &ChangeOwnSettings) -> Result<(), Stop> {
    work.existing::<StaffMember>(id)?;
    if !work.actor.is(uuid(id)?) {
        return Err(Stop::Denied("only the person itself may do this"));
    }
    let (_, organization) = staff(work)?;
    work.tenant(organization);
    work.decide::<StaffMember>(id, change.clone())
}

/// The identity provider reports sign-ins.
fn record_sign_in(work: &mut Work<'_>, id: &Arc<str>, seen: &RecordSignIn) -> Result<(), Stop> {
    let organization = known(work.existing::<StaffMember>(id)?.organization_id)?;
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the identity provider may do this"));
    }
    work.tenant(organization);
    work.decide::<StaffMember>(id, seen.clone())
}

fn remove(work: &mut Work<'_>, id: &Arc<str>, remove: &RemoveStaffMember) -> Result<(), Stop> {
    colleague(work, id)?;
    work.decide::<StaffMember>(id, remove.clone())
}

/// The operator erases, and the system does once the person's key is gone
/// (carenotes.reaction.subject-erased). The address is free again: the row no longer has it.
fn erase(work: &mut Work<'_>, id: &Arc<str>, erase: &EraseStaffMember) -> Result<(), Stop> {
    let organization = known(work.existing::<StaffMember>(id)?.organization_id)?;
    if !work.actor.is_system() {
        operator(work)?;
    }
    work.tenant(organization);
    work.decide::<StaffMember>(id, erase.clone())?;
    work.release(EMAIL, id);
    Ok(())
}

/// That the person is on the actor's organization's staff, and the actor holds users.manage.
fn colleague(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    let organization = known(work.existing::<StaffMember>(id)?.organization_id)?;
    permitted_in(work, Permission::UsersManage, organization)
}

fn take_address(work: &mut Work<'_>, id: &Arc<str>, email: &str) -> Result<(), Stop> {
    let address = staff_member::address(email)?;
    if work.claim(EMAIL, &*address, id)? { Ok(()) } else { Err(Refusal::EmailTaken.into()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::home::{
        BOSS, MANOR, MANOR_BOSS, NEW, NEWER, NURSE, WILLOW, email_of, home, known, manager,
    };
    use super::*;

    const ADD: &str = "carenotes.cmd.add_staff_member";

    fn new(organization: Uuid, email: &str, role: &str) -> Value {
        json!({"organization_id": organization, "email": email, "role": role})
    }

    #[test]
    fn the_operator_adds_the_first_administrator_and_nobody_else() {
        let mut world = home();
        let birch = Uuid::from_u128(0xb14c);
        world
            .as_operator()
            .send("carenotes.cmd.register_organization", birch, json!({"name": "Birch"}))
            .accepted(&["OrganizationRegistered"]);
        world.send(ADD, NEW, new(birch, "new@birch.example", "nurse")).denied();
        world.send(ADD, NEW, json!({"email": "new@birch.example"})).refused("reference_required");
        world
            .send(ADD, NEW, new(birch, "new@birch.example", ADMIN))
            .accepted(&["StaffMemberAdded"]);
        world.send(ADD, NEWER, new(birch, "newer@birch.example", ADMIN)).denied();
        world.send(ADD, NEW, new(Uuid::from_u128(9), "new@birch.example", ADMIN)).unknown();
        world
            .as_person(NEW)
            .send(ADD, NEWER, new(birch, "newer@birch.example", ADMIN))
            .accepted(&["StaffMemberAdded"]);
    }

    #[test]
    fn staff_are_added_to_the_own_organization() {
        let mut world = home();
        world.as_person(BOSS);
        world.send(ADD, NEW, json!({"email": "a@b.example"})).refused("reference_required");
        world.send(ADD, NEW, new(MANOR, "a@b.example", "nurse")).refused("wrong_organization");
        world.send(ADD, NEW, new(WILLOW, "a@b", "nurse")).refused("email_malformed");
        world.send(ADD, NEW, new(WILLOW, "a@b.example", "removed")).refused("role_reserved");
        let nobody = Uuid::from_u128(0x404);
        world.send(ADD, nobody, new(WILLOW, "a@b.example", "nurse")).refused("unknown_subject");
        world.send(ADD, NEW, new(WILLOW, "a@b.example", "nurse")).accepted(&["StaffMemberAdded"]);
        let again = world.send(ADD, NEW, new(WILLOW, "a@b.example", "nurse"));
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
        let no_row = world.send(ADD, "nia", new(WILLOW, "n@b.example", "nurse"));
        assert!(matches!(no_row.0, Err(Stop::Invalid { pointer: "/id", .. })), "{no_row:?}");
    }

    #[test]
    fn an_address_is_one_persons_over_all_organizations_whatever_its_case() {
        let mut world = home();
        let taken = new(MANOR, &email_of(NURSE).to_uppercase(), "nurse");
        world.as_person(MANOR_BOSS).send(ADD, NEW, taken).refused("email_taken");
        let mine = new(MANOR, "new@manor.example", "nurse");
        world.send(ADD, NEW, mine).accepted(&["StaffMemberAdded"]);
        let update = "carenotes.cmd.update_staff_member";
        world.send(update, NEW, json!({"email": email_of(NURSE)})).refused("email_taken");
        let other = json!({"email": "other@manor.example"});
        world.send(update, NEW, other).accepted(&["StaffMemberUpdated"]);
        // What was let go is free again.
        world
            .send(ADD, NEWER, new(MANOR, "new@manor.example", "nurse"))
            .accepted(&["StaffMemberAdded"]);
    }

    #[test]
    fn an_erased_persons_address_is_free_again() {
        let mut world = home();
        let erase = "carenotes.cmd.erase_staff_member";
        world.as_operator().send(erase, NURSE, json!({})).accepted(&["StaffMemberErased"]);
        world.as_system().send(erase, NURSE, json!({})).accepted(&[]);
        world
            .as_person(BOSS)
            .send(ADD, NEW, new(WILLOW, &email_of(NURSE), "nurse"))
            .accepted(&["StaffMemberAdded"]);
    }

    #[test]
    fn nobody_changes_the_own_role_or_permissions() {
        let mut world = home();
        let manager = manager(Permission::UsersManage);
        let role = json!({"role": ADMIN});
        let permissions = json!({"permissions": ["residents.manage"]});
        world.as_person(manager);
        world.send("carenotes.cmd.assign_staff_role", manager, role.clone()).denied();
        world.send("carenotes.cmd.change_staff_permissions", manager, permissions).denied();
        world.send("carenotes.cmd.assign_staff_role", NURSE, role).accepted(&["StaffRoleAssigned"]);
    }

    #[test]
    fn whoever_is_removed_issues_no_command_from_that_event_on() {
        let mut world = home();
        let settings = || json!({"settings": {"theme": "dark"}});
        let own = "carenotes.cmd.change_own_settings";
        world.as_person(NURSE).send(own, NURSE, settings()).accepted(&["StaffSettingsChanged"]);
        world
            .as_person(BOSS)
            .send("carenotes.cmd.remove_staff_member", NURSE, json!({}))
            .accepted(&["StaffMemberRemoved"]);
        world.as_person(NURSE).send(own, NURSE, settings()).refused("actor_not_active");
        world
            .as_system()
            .send("carenotes.cmd.record_sign_in", NURSE, json!({}))
            .refused("staff_member_gone");
    }

    #[test]
    fn staff_are_known_to_the_identity_provider() {
        let mut world = home();
        let person = Uuid::from_u128(0x700);
        known(&mut world, person);
        world
            .as_person(BOSS)
            .send(ADD, person, new(WILLOW, "p@willow.example", "nurse"))
            .accepted(&["StaffMemberAdded"]);
    }
}
