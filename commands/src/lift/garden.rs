//! Who fills a garden: the system. Who tends it: the child.

use std::sync::Arc;

use annals_domain::lift::garden::{
    Command, Garden, GrantGardenItem, MoveGardenItem, PlaceGardenItem, RemoveGardenItem,
    StyleGardenItem, UnlockGardenItem,
};
use uuid::Uuid;

use super::access::{living_child, the_child, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a garden, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] = &["lift.policy.garden_items.manage.own"];
    const SYSTEM: &[&str] = &["lift.policy.garden_items.grant.system"];
    vec![
        command::<Garden, GrantGardenItem>(Target::Given, SYSTEM, grant),
        command::<Garden, UnlockGardenItem>(Target::Given, SYSTEM, unlock),
        command::<Garden, PlaceGardenItem>(Target::Actor, OWN, own),
        command::<Garden, MoveGardenItem>(Target::Actor, OWN, own),
        command::<Garden, StyleGardenItem>(Target::Actor, OWN, own),
        command::<Garden, RemoveGardenItem>(Target::Actor, OWN, own),
    ]
}

fn grant(work: &mut Work<'_>, id: &Arc<str>, command: &GrantGardenItem) -> Result<(), Stop> {
    let child_id = by_system(work, id)?;
    work.decide::<Garden>(id, GrantGardenItem { child_id, ..command.clone() })
}

fn unlock(work: &mut Work<'_>, id: &Arc<str>, command: &UnlockGardenItem) -> Result<(), Stop> {
    by_system(work, id)?;
    work.decide::<Garden>(id, command.clone())
}

/// The system (lift.policy.garden_items.grant.system). Gives back whose garden it is.
fn by_system(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the system grants and unlocks items"));
    }
    let child_id = uuid(id)?;
    living_child(work, child_id)?;
    Ok(child_id)
}

/// The garden's child (lift.policy.garden_items.manage.own).
fn own<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    the_child(work, uuid(id)?)?;
    work.decide::<Garden>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        lift::school::{
            ACCOUNT, HEAD, KIM, LEE, NOA, STRANGER, TEACHER, archive, close, erase, school,
        },
        testing::World,
    };

    const GRANT: &str = "lift.cmd.grant_garden_item";
    const UNLOCK: &str = "lift.cmd.unlock_garden_item";
    const PLACE: &str = "lift.cmd.place_garden_item";

    fn rose(unlock_condition: Option<&str>) -> Value {
        json!({
            "item_type": "flower",
            "item_name": "Rose",
            "unlock_condition": unlock_condition,
        })
    }

    fn grant(world: &mut World, child_id: Uuid, data: Value) -> Value {
        let granted = world.as_system().send(GRANT, child_id, data);
        let granted = granted.accepted(&["GardenItemGranted"]);
        let payload = granted[0].event.payload_value().unwrap();
        assert_eq!(payload["child_id"], json!(child_id));
        payload["id"].clone()
    }

    /// What a child may do with an item, and what it leads to.
    fn tending(item: &Value) -> [(&'static str, Value, &'static str); 4] {
        let at = |x| json!({ "item_id": item, "position_x": x, "position_y": 1 });
        [
            (PLACE, at(1), "GardenItemPlaced"),
            ("lift.cmd.move_garden_item", at(2), "GardenItemMoved"),
            (
                "lift.cmd.style_garden_item",
                json!({ "item_id": item, "size_scale": "1.5" }),
                "GardenItemStyled",
            ),
            ("lift.cmd.remove_garden_item", json!({ "item_id": item }), "GardenItemRemoved"),
        ]
    }

    #[test]
    fn a_child_tends_its_own_garden() {
        let mut world = school();
        let item = grant(&mut world, KIM, rose(None));
        world.as_person(KIM);
        for (subject, data, event) in tending(&item) {
            world.send(subject, KIM, data).accepted(&[event]);
        }
    }

    #[test]
    fn nobody_else_tends_it() {
        let mut world = school();
        let item = grant(&mut world, KIM, rose(None));
        for (subject, data, _) in tending(&item) {
            for person in [LEE, NOA, TEACHER, HEAD, ACCOUNT, STRANGER] {
                world.as_person(person).send(subject, KIM, data.clone()).denied();
            }
            world.as_system().send(subject, KIM, data.clone()).denied();
            world.as_person(LEE).send(subject, LEE, data).refused("item_unknown");
        }
    }

    #[test]
    fn a_locked_item_waits_for_the_system() {
        let mut world = school();
        let item = grant(&mut world, KIM, rose(Some("stickers>=3")));
        world.as_person(KIM);
        for (subject, data, _) in tending(&item) {
            world.send(subject, KIM, data).refused("item_locked");
        }
        let unlock = json!({ "item_id": item });
        world.as_system().send(UNLOCK, KIM, unlock.clone()).accepted(&["GardenItemUnlocked"]);
        world.send(UNLOCK, KIM, unlock).accepted(&[]);
        let [(place, data, _), ..] = tending(&item);
        world.as_person(KIM).send(place, KIM, data).accepted(&["GardenItemPlaced"]);
    }

    #[test]
    fn only_the_system_grants_and_unlocks() {
        let mut world = school();
        let item = grant(&mut world, KIM, rose(Some("sessions>=1")));
        for person in [KIM, TEACHER, HEAD, ACCOUNT, STRANGER] {
            world.as_person(person).send(GRANT, KIM, rose(None)).denied();
            world.send(UNLOCK, KIM, json!({ "item_id": item })).denied();
        }
        world.as_operator().send(GRANT, KIM, rose(None)).denied();
    }

    #[test]
    fn a_condition_has_its_form() {
        let sent = school().as_system().send(GRANT, KIM, rose(Some("stickers>=0")));
        assert!(matches!(sent.0, Err(Stop::Invalid { .. })), "{sent:?}");
    }

    #[test]
    fn only_registered_children_have_gardens() {
        let mut world = school();
        world.as_system().send(GRANT, TEACHER, rose(None)).unknown();
        erase(&mut world, KIM);
        let sent = world.send(GRANT, KIM, rose(None));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }

    #[test]
    fn children_that_are_archived_or_whose_organisation_is_closed_do_not_tend() {
        let mut world = school();
        let item = grant(&mut world, KIM, rose(None));
        let [(place, data, _), ..] = tending(&item);
        close(&mut world);
        world.as_person(KIM).send(place, KIM, data.clone()).refused("organisation_not_open");
        archive(&mut world, KIM);
        world.send(place, KIM, data).refused("actor_not_active");
    }
}
