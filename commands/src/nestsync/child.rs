//! Who may do what with children and their emergency profiles (nestsync.policy.children.write,
//! nestsync.policy.emergency_profiles.write).

use std::sync::Arc;

use annals_domain::nestsync::{
    child::{
        AddChild, Child, Command, CreateEmergencyProfile, EraseChild, RemoveChild,
        UpdateChildProfile, UpdateEmergencyProfile,
    },
    permission::Permission,
};

use super::{fresh, permitted};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a child, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const WRITE: &[&str] = &["nestsync.policy.children.write", "nestsync.policy.override.sysadmin"];
    const EMERGENCY: &[&str] =
        &["nestsync.policy.emergency_profiles.write", "nestsync.policy.override.sysadmin"];
    vec![
        command::<Child, AddChild>(Target::New, WRITE, add),
        command::<Child, UpdateChildProfile>(Target::Given, WRITE, write),
        command::<Child, RemoveChild>(Target::Given, WRITE, write),
        command::<Child, EraseChild>(Target::Given, WRITE, erase),
        command::<Child, CreateEmergencyProfile>(Target::Given, EMERGENCY, prepare),
        command::<Child, UpdateEmergencyProfile>(Target::Given, EMERGENCY, prepare),
    ]
}

fn add(work: &mut Work<'_>, id: &Arc<str>, command: &AddChild) -> Result<(), Stop> {
    permitted(work, command.family_id, Permission::ChildrenWrite)?;
    fresh::<Child>(work, id)?;
    work.tenant(command.family_id);
    work.decide::<Child>(id, command.clone())
}

fn write<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    known(work, id, Some(Permission::ChildrenWrite))?;
    work.decide::<Child>(id, command.clone())
}

fn prepare<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    known(work, id, Some(Permission::EmergencyWrite))?;
    work.decide::<Child>(id, command.clone())
}

/// The system erases too, once the child's key is gone (nestsync.reaction.subject-erased).
fn erase(work: &mut Work<'_>, id: &Arc<str>, command: &EraseChild) -> Result<(), Stop> {
    let code = (!work.actor.is_system()).then_some(Permission::ChildrenWrite);
    known(work, id, code)?;
    work.decide::<Child>(id, command.clone())
}

/// The child is there, and the actor holds the code, if one is needed, in its family.
fn known(work: &mut Work<'_>, id: &Arc<str>, code: Option<Permission>) -> Result<(), Stop> {
    let child = work.existing::<Child>(id)?;
    let family_id = child.family_id.ok_or(Stop::Unknown { kind: "nestsync.child" })?;
    if let Some(code) = code {
        permitted(work, family_id, code)?;
    }
    work.tenant(family_id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, BOB};
    use serde_json::json;
    use uuid::Uuid;

    use super::super::scene::{CARL, EVE, FAMILY, OTHERS, ROOT, VERA, deactivate, world};

    const KIM: Uuid = Uuid::from_u128(0x41);
    const ADD: &str = "nestsync.cmd.add_child";

    #[test]
    fn members_with_children_write_keep_the_familys_children() {
        let mut world = world();
        let data = json!({"family_id": FAMILY, "first_name": "Kim"});
        let change = json!({"clothing_size": "104"});
        for other in [CARL, VERA, EVE] {
            world.as_person(other).send(ADD, KIM, data.clone()).denied();
        }
        world.as_system().send(ADD, KIM, data.clone()).denied();
        world.as_person(ROOT).send(ADD, KIM, data.clone()).refused("reason_required");
        world.as_person(BOB).send(ADD, KIM, data.clone()).accepted(&["ChildAdded"]);
        let update = "nestsync.cmd.update_child_profile";
        let remove = "nestsync.cmd.remove_child";
        for other in [CARL, VERA, EVE] {
            world.as_person(other).send(update, KIM, change.clone()).denied();
            world.as_person(other).send(remove, KIM, json!({})).denied();
        }
        world.as_person(ADA).send(update, KIM, change.clone()).accepted(&["ChildProfileUpdated"]);
        world.as_person(ROOT).send(update, KIM, change.clone()).refused("reason_required");
        world.because("on the owner's written request");
        world.send(update, KIM, change).accepted(&["ChildProfileUpdated"]);
        world.send(remove, KIM, json!({})).accepted(&["ChildRemoved"]);
        world.send(remove, Uuid::from_u128(0x42), json!({})).unknown();
    }

    #[test]
    fn another_familys_member_adds_no_child_and_a_deactivated_member_none_either() {
        let mut world = world();
        let data = json!({"family_id": OTHERS, "first_name": "Kim"});
        world.as_person(ADA).send(ADD, KIM, data.clone()).denied();
        deactivate(&mut world, EVE);
        world.as_person(EVE).send(ADD, KIM, data).refused("actor_not_active");
    }

    #[test]
    fn nothing_is_added_to_an_archived_family() {
        let mut world = world();
        world
            .as_person(ADA)
            .send("nestsync.cmd.archive_family", FAMILY, json!({}))
            .accepted(&["FamilyArchived"]);
        let data = json!({"family_id": FAMILY, "first_name": "Kim"});
        world.send(ADD, KIM, data).refused("family_closed");
    }

    #[test]
    fn members_with_emergency_write_keep_emergency_profiles() {
        let mut world = world();
        let data = json!({"family_id": FAMILY, "first_name": "Kim"});
        world.as_person(ADA).send(ADD, KIM, data).accepted(&["ChildAdded"]);
        let create = "nestsync.cmd.create_emergency_profile";
        let update = "nestsync.cmd.update_emergency_profile";
        let profile = json!({"contacts": [{"name": "Grandma", "phone": "416 555 0100"}]});
        let change = json!({"allergies": ["peanuts"]});
        for (subject, data, event) in [
            (create, profile.clone(), "EmergencyProfileCreated"),
            (update, change, "EmergencyProfileUpdated"),
        ] {
            for other in [CARL, VERA, EVE] {
                world.as_person(other).send(subject, KIM, data.clone()).denied();
            }
            world.as_system().send(subject, KIM, data.clone()).denied();
            world.as_person(ROOT).send(subject, KIM, data.clone()).refused("reason_required");
            world.as_person(BOB).send(subject, KIM, data).accepted(&[event]);
        }
        world.send(create, KIM, profile).refused("emergency_profile_exists");
    }

    #[test]
    fn a_child_is_erased_by_members_with_children_write_and_by_the_system() {
        let mut world = world();
        let erase = "nestsync.cmd.erase_child";
        let other_child = Uuid::from_u128(0x43);
        for id in [KIM, other_child] {
            let data = json!({"family_id": FAMILY, "first_name": "Kim"});
            world.as_person(ADA).send(ADD, id, data).accepted(&["ChildAdded"]);
        }
        for other in [CARL, VERA, EVE] {
            world.as_person(other).send(erase, KIM, json!({})).denied();
        }
        world.as_person(ROOT).send(erase, KIM, json!({})).refused("reason_required");
        world.as_person(BOB).send(erase, KIM, json!({})).accepted(&["ChildErased"]);
        world.as_system().send(erase, KIM, json!({})).accepted(&[]);
        world.send(erase, other_child, json!({})).accepted(&["ChildErased"]);
        world.send(erase, Uuid::from_u128(0x44), json!({})).unknown();
    }
}
