//! Members: given a place, a role, an organisation; kept out and let in again; removed, forgotten.
//!
//! Whatever makes a member active staff of an organisation, or ends it, is counted there in the same
//! append.

use std::sync::Arc;

use annals_domain::{
    Decider,
    lift::{
        Role,
        member::{
            AssignOrganisation, AssignRole, Command, CreateProfile, DeactivateMember, EraseMember,
            Member, ReinstateMember, RemoveMember, SuspendMember, UpdateOwnProfile,
        },
        organisation::{AdmitStaff, DismissStaff, Organisation},
    },
    shared::identity::{self, Identity},
};
use uuid::Uuid;

use super::access::{PLATFORM, account, active_member, group_contact_of, open, unused, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// The operator makes one Account; whoever that is holds this claim.
pub(super) const FIRST_ACCOUNT: &str = "lift.member.first_account";

/// What may be asked of a member, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const CREATE: &[&str] = &[
        "lift.policy.profiles.manage.account",
        "lift.policy.profiles.bootstrap.operator",
        "lift.policy.profiles.erase.system",
    ];
    const OWN: &[&str] = &["lift.policy.profiles.update.own"];
    const ASSIGN: &[&str] =
        &["lift.policy.profiles.manage.account", "lift.policy.profiles.erase.system"];
    const MANAGE: &[&str] =
        &["lift.policy.profiles.manage.group_contact", "lift.policy.profiles.manage.account"];
    const DEACTIVATE: &[&str] = &[
        "lift.policy.profiles.manage.group_contact",
        "lift.policy.profiles.manage.account",
        "lift.policy.profiles.erase.system",
    ];
    const ERASE: &[&str] = &[
        "lift.policy.profiles.erase.self",
        "lift.policy.profiles.manage.account",
        "lift.policy.profiles.erase.system",
    ];
    vec![
        command::<Member, CreateProfile>(Target::Given, CREATE, create),
        command::<Member, UpdateOwnProfile>(Target::Actor, OWN, update_own),
        command::<Member, AssignRole>(Target::Given, ASSIGN, assign),
        command::<Member, AssignOrganisation>(Target::Given, ASSIGN, assign),
        command::<Member, SuspendMember>(Target::Given, MANAGE, manage),
        command::<Member, ReinstateMember>(Target::Given, MANAGE, reinstate),
        command::<Member, DeactivateMember>(Target::Given, DEACTIVATE, deactivate),
        command::<Member, RemoveMember>(Target::Given, MANAGE, manage),
        command::<Member, EraseMember>(Target::Given, ERASE, erase),
    ]
}

/// An Account, an accepted invitation, or, for the first Account, the operator gives a known person
/// a place.
fn create(work: &mut Work<'_>, id: &Arc<str>, new: &CreateProfile) -> Result<(), Stop> {
    if work.actor.is_operator() {
        first_account(work, id, new.role)?;
    } else if !work.actor.is_system() {
        account(work)?;
    }
    uuid(id)?;
    unused::<Member>(work, id)?;
    known(work, id)?;
    tenant(work, new.org_id);
    change(work, id, new.clone())
}

/// The operator makes the first Account, and no other. (lift.policy.profiles.bootstrap.operator)
fn first_account(work: &mut Work<'_>, id: &Arc<str>, role: Role) -> Result<(), Stop> {
    const WHO: Stop = Stop::Denied("the operator makes the first Account only");
    if role != Role::Account {
        return Err(WHO);
    }
    if work.claim(FIRST_ACCOUNT, "account", id)? { Ok(()) } else { Err(WHO) }
}

/// That the identity provider knows the person.
///
/// # Errors
/// `UnknownSubject`.
pub(super) fn known(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    if work.load::<Identity>(id)?.known {
        Ok(())
    } else {
        Err(identity::Refusal::UnknownSubject.into())
    }
}

/// The person itself changes name, address and picture.
fn update_own(work: &mut Work<'_>, id: &Arc<str>, new: &UpdateOwnProfile) -> Result<(), Stop> {
    present(work, id)?;
    let actor = active_member(work)?;
    if !work.actor.is(uuid(id)?) {
        return Err(Stop::Denied("only the person itself may do this"));
    }
    if let Some(org_id) = actor.org_id {
        open(work, org_id)?;
    }
    tenant(work, actor.org_id);
    work.decide::<Member>(id, new.clone())
}

/// An Account, or an accepted invitation, changes role and organisation.
fn assign<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &C,
) -> Result<(), Stop> {
    let member = present(work, id)?;
    if !work.actor.is_system() {
        account(work)?;
    }
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// A GroupContact of the organisation, or an Account, keeps a member out or removes it.
fn manage<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &C,
) -> Result<(), Stop> {
    let member = present(work, id)?;
    manager_of(work, id, &member)?;
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// The same let a member in again, while the organisation has room.
fn reinstate(work: &mut Work<'_>, id: &Arc<str>, new: &ReinstateMember) -> Result<(), Stop> {
    let member = present(work, id)?;
    manager_of(work, id, &member)?;
    tenant(work, member.org_id);
    decide(work, id, new.clone(), true)
}

/// The same, or an archived organisation, switch a member off.
fn deactivate(work: &mut Work<'_>, id: &Arc<str>, new: &DeactivateMember) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return manage(work, id, new);
    }
    let member = present(work, id)?;
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// The person itself, an Account, or the identity's erasure forgets a member.
fn erase(work: &mut Work<'_>, id: &Arc<str>, new: &EraseMember) -> Result<(), Stop> {
    let member = work.existing::<Member>(id)?;
    if !work.actor.is_system() {
        let actor = active_member(work)?;
        let own = work.actor.is(uuid(id)?) && actor.role != Some(Role::Child);
        if !own && !actor.is_account() {
            return Err(Stop::Denied("only the person itself or an Account may do this"));
        }
        if let Some(org_id) = actor.org_id {
            open(work, org_id)?;
        }
    }
    tenant(work, member.org_id);
    change(work, id, new.clone())
}

/// That the actor may manage this member. (lift.policy.profiles.manage.group_contact,
/// lift.policy.profiles.manage.account)
fn manager_of(work: &mut Work<'_>, id: &Arc<str>, member: &Member) -> Result<(), Stop> {
    const WHO: &str = "only a GroupContact of the member's organisation, for other staff of it, \
                       or an Account may do this";
    let actor = active_member(work)?;
    if actor.is_account() {
        return Ok(());
    }
    match (member.role, member.org_id) {
        (Some(role), Some(org_id)) if role.is_staff() && !work.actor.is(uuid(id)?) => {
            if !actor.is_group_contact_of(org_id) {
                return Err(Stop::Denied(WHO));
            }
            group_contact_of(work, org_id)
        }
        _ => Err(Stop::Denied(WHO)),
    }
}

/// A member that is not forgotten.
fn present<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<Loaded<'a, Member>, Stop> {
    let member = work.existing::<Member>(id)?;
    if member.erased { Err(Stop::Erased { kind: Member::TYPE }) } else { Ok(member) }
}

fn tenant(work: &mut Work<'_>, org_id: Option<Uuid>) {
    match org_id {
        Some(org_id) => work.tenant(org_id),
        None => work.tenant(PLATFORM),
    }
}

/// Lets the member decide, and its organisations count, whatever their limits.
fn change(work: &mut Work<'_>, id: &Arc<str>, new: impl Into<Command>) -> Result<(), Stop> {
    decide(work, id, new, false)
}

/// Lets the member decide, and its organisations count: it is staff no more where it was, and staff
/// where it is now.
pub(super) fn decide(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: impl Into<Command>,
    within_limit: bool,
) -> Result<(), Stop> {
    let before = work.load::<Member>(id)?;
    work.decide::<Member>(id, new)?;
    let after = work.load::<Member>(id)?;
    if let Some(org_id) = after.org_id.filter(|_| before.org_id != after.org_id) {
        work.existing::<Organisation>(org_id)?;
    }
    let member_id = uuid(id)?;
    let (left, joined) = (before.staff_place(), after.staff_place());
    if let Some(org_id) = left.filter(|_| left != joined) {
        work.decide::<Organisation>(org_id, DismissStaff { member_id })?;
    }
    if let Some(org_id) = joined.filter(|_| left != joined) {
        work.decide::<Organisation>(org_id, AdmitStaff { member_id, within_limit })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use annals_domain::lift::organisation::{OrganisationArchived, OrganisationLimitsSet};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        lift::school::{
            ACCOUNT, CLINIC, DOCTOR, HEAD, KIM, MANAGER, NOA, SCHOOL, STRANGER, TEACHER, close,
            known, school, suspend,
        },
        testing::World,
    };

    const MANAGED: [(&str, &str); 3] = [
        ("lift.cmd.suspend_member", "MemberSuspended"),
        ("lift.cmd.deactivate_member", "MemberDeactivated"),
        ("lift.cmd.remove_member", "MemberRemoved"),
    ];

    fn practitioner() -> Value {
        json!({"email": "p@example.org", "name": "P", "role": "Practitioner", "org_id": SCHOOL})
    }

    fn first_account() -> Value {
        json!({"email": "a@example.org", "name": "A", "role": "Account"})
    }

    #[test]
    fn an_account_creates_profiles_that_count_as_staff() {
        let mut world = school();
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.create_profile", STRANGER, practitioner())
            .accepted(&["ProfileCreated", "StaffAdmitted"]);
        let again = world.send("lift.cmd.create_profile", STRANGER, practitioner());
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
    }

    #[test]
    fn members_create_no_profiles() {
        let mut world = school();
        for other in [HEAD, TEACHER, KIM, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.create_profile", STRANGER, practitioner())
                .denied();
        }
    }

    #[test]
    fn a_profile_is_for_a_known_person_in_an_organisation_that_is_there() {
        let mut world = school();
        let unknown = Uuid::from_u128(0x99);
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.create_profile", unknown, practitioner())
            .refused("unknown_subject");
        let nowhere = json!({"email": "p@example.org", "name": "P", "role": "Practitioner", "org_id": unknown});
        world.send("lift.cmd.create_profile", STRANGER, nowhere).unknown();
        world.happened::<Organisation>(SCHOOL, OrganisationArchived {});
        world
            .send("lift.cmd.create_profile", STRANGER, practitioner())
            .refused("organisation_is_archived");
    }

    #[test]
    fn the_operator_makes_the_first_account_and_no_second() {
        let mut world = World::new();
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        known(&mut world, first);
        known(&mut world, second);
        world.as_operator().send("lift.cmd.create_profile", first, practitioner()).denied();
        world.send("lift.cmd.create_profile", first, first_account()).accepted(&["ProfileCreated"]);
        world.send("lift.cmd.create_profile", second, first_account()).denied();
        world
            .as_person(first)
            .send("lift.cmd.create_profile", second, first_account())
            .accepted(&["ProfileCreated"]);
    }

    #[test]
    fn everybody_changes_the_own_profile_and_no_other() {
        let mut world = school();
        let picture = json!({"avatar_url": "fox.png"});
        for own in [ACCOUNT, HEAD, TEACHER, KIM] {
            world
                .as_person(own)
                .send("lift.cmd.update_own_profile", own, picture.clone())
                .accepted(&["ProfileUpdated"]);
        }
        for (other, target) in [(ACCOUNT, TEACHER), (HEAD, TEACHER), (TEACHER, KIM)] {
            world
                .as_person(other)
                .send("lift.cmd.update_own_profile", target, picture.clone())
                .denied();
        }
        world.as_system().send("lift.cmd.update_own_profile", TEACHER, picture).denied();
    }

    #[test]
    fn nobody_changes_the_own_role_organisation_or_status() {
        let mut world = school();
        for field in ["role", "org_id", "status", "id"] {
            let sent = world.as_person(TEACHER).send(
                "lift.cmd.update_own_profile",
                TEACHER,
                json!({field: "Account"}),
            );
            assert!(matches!(sent.0, Err(Stop::Invalid { .. })), "{field}: {sent:?}");
        }
    }

    #[test]
    fn who_is_suspended_or_in_a_closed_organisation_changes_nothing() {
        let mut world = school();
        suspend(&mut world, TEACHER);
        let name = json!({"name": "T"});
        world
            .as_person(TEACHER)
            .send("lift.cmd.update_own_profile", TEACHER, name.clone())
            .refused("actor_not_active");
        close(&mut world);
        world
            .as_person(HEAD)
            .send("lift.cmd.update_own_profile", HEAD, name)
            .refused("organisation_not_open");
        world
            .send("lift.cmd.reinstate_member", TEACHER, json!({}))
            .refused("organisation_not_open");
        world.send("lift.cmd.erase_member", HEAD, json!({})).refused("organisation_not_open");
    }

    #[test]
    fn accounts_and_reactions_assign_roles_and_organisations() {
        let mut world = school();
        let role = json!({"role": "GroupContact"});
        for other in [HEAD, TEACHER, MANAGER] {
            world.as_person(other).send("lift.cmd.assign_role", TEACHER, role.clone()).denied();
            world.send("lift.cmd.assign_organisation", TEACHER, json!({"org_id": CLINIC})).denied();
        }
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.assign_role", TEACHER, role)
            .accepted(&["RoleAssigned"]);
        world.send("lift.cmd.assign_organisation", TEACHER, json!({"org_id": CLINIC})).accepted(&[
            "OrganisationAssigned",
            "StaffDismissed",
            "StaffAdmitted",
        ]);
        world
            .as_system()
            .send("lift.cmd.assign_role", TEACHER, json!({"role": "Account", "org_id": null}))
            .accepted(&["RoleAssigned", "OrganisationAssigned", "StaffDismissed"]);
        world
            .send(
                "lift.cmd.assign_organisation",
                TEACHER,
                json!({"org_id": SCHOOL, "role": "Practitioner"}),
            )
            .accepted(&["RoleAssigned", "OrganisationAssigned", "StaffAdmitted"]);
    }

    #[test]
    fn nobody_is_moved_to_an_organisation_that_is_not_there() {
        let mut world = school();
        suspend(&mut world, TEACHER);
        let nowhere = json!({"org_id": Uuid::from_u128(0x99)});
        world.as_person(ACCOUNT).send("lift.cmd.assign_organisation", TEACHER, nowhere).unknown();
    }

    #[test]
    fn a_group_contact_manages_the_own_staff() {
        for (subject, event) in MANAGED {
            school()
                .as_person(HEAD)
                .send(subject, TEACHER, json!({}))
                .accepted(&[event, "StaffDismissed"]);
        }
    }

    #[test]
    fn a_group_contact_manages_neither_itself_nor_children_nor_others() {
        let mut world = school();
        for subject in
            MANAGED.map(|(subject, _)| subject).into_iter().chain(["lift.cmd.reinstate_member"])
        {
            for target in [HEAD, KIM, DOCTOR, MANAGER, NOA, ACCOUNT] {
                world.as_person(HEAD).send(subject, target, json!({})).denied();
            }
            for other in [TEACHER, MANAGER, DOCTOR, KIM] {
                world.as_person(other).send(subject, HEAD, json!({})).denied();
            }
        }
    }

    #[test]
    fn an_account_manages_anybody() {
        for (subject, event) in MANAGED {
            school()
                .as_person(ACCOUNT)
                .send(subject, HEAD, json!({}))
                .accepted(&[event, "StaffDismissed"]);
        }
        let mut world = school();
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.suspend_member", KIM, json!({}))
            .accepted(&["MemberSuspended"]);
        world.send("lift.cmd.remove_member", KIM, json!({})).refused("member_is_child");
        world.send("lift.cmd.suspend_member", STRANGER, json!({})).unknown();
    }

    #[test]
    fn a_suspended_contact_manages_nobody() {
        let mut world = school();
        suspend(&mut world, HEAD);
        for (subject, _) in MANAGED {
            world.as_person(HEAD).send(subject, TEACHER, json!({})).refused("actor_not_active");
        }
        world.send("lift.cmd.reinstate_member", HEAD, json!({})).refused("actor_not_active");
    }

    #[test]
    fn a_member_comes_back_while_there_is_room() {
        let mut world = school();
        suspend(&mut world, TEACHER);
        world
            .as_person(HEAD)
            .send("lift.cmd.reinstate_member", TEACHER, json!({}))
            .accepted(&["MemberReinstated", "StaffAdmitted"]);
        suspend(&mut world, TEACHER);
        let one = OrganisationLimitsSet { max_children: None, max_practitioners: Some(1) };
        world.happened::<Organisation>(SCHOOL, one);
        world
            .send("lift.cmd.reinstate_member", TEACHER, json!({}))
            .refused("practitioner_limit_reached");
    }

    #[test]
    fn an_archived_organisation_switches_its_members_off() {
        let mut world = school();
        world.happened::<Organisation>(SCHOOL, OrganisationArchived {});
        world
            .as_system()
            .send("lift.cmd.deactivate_member", TEACHER, json!({}))
            .accepted(&["MemberDeactivated", "StaffDismissed"]);
        world.send("lift.cmd.suspend_member", HEAD, json!({})).denied();
        world.send("lift.cmd.remove_member", HEAD, json!({})).denied();
    }

    #[test]
    fn a_person_an_account_and_the_erasure_of_the_identity_forget_a_member() {
        let mut world = school();
        world
            .as_person(TEACHER)
            .send("lift.cmd.erase_member", TEACHER, json!({}))
            .accepted(&["MemberErased", "StaffDismissed"]);
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.erase_member", DOCTOR, json!({}))
            .accepted(&["MemberErased", "StaffDismissed"]);
        world.send("lift.cmd.erase_member", DOCTOR, json!({})).accepted(&[]);
        world
            .as_system()
            .send("lift.cmd.erase_member", HEAD, json!({}))
            .accepted(&["MemberErased", "StaffDismissed"]);
        for other in [NOA, STRANGER] {
            world.as_person(other).send("lift.cmd.erase_member", MANAGER, json!({})).denied();
        }
        world.as_person(MANAGER).send("lift.cmd.erase_member", HEAD, json!({})).denied();
        world.as_person(NOA).send("lift.cmd.erase_member", NOA, json!({})).denied();
    }

    #[test]
    fn nothing_is_asked_of_a_forgotten_member() {
        let mut world = school();
        world.as_system().send("lift.cmd.erase_member", TEACHER, json!({}));
        let sent = world.as_person(HEAD).send("lift.cmd.suspend_member", TEACHER, json!({}));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }
}
