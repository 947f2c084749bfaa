//! Who may do what with the stock and with proposals to reorder (nestsync.policy.inventory.write,
//! nestsync.policy.reorder.*).

use std::sync::Arc;

use annals_domain::nestsync::{
    family::Family,
    inventory_item::{
        AcceptReorderSuggestion, AddInventoryItem, AdjustStock, Command, DismissReorderSuggestion,
        Dismissal, FulfilReorderSuggestion, InventoryItem, LogUsage, RemoveInventoryItem,
        RestockItem, SetReorderThreshold, SuggestReorder, UpdateInventoryItem, Usage, VoidUsageLog,
    },
    permission::Permission,
};
use uuid::Uuid;

use super::{fresh, of_family, permitted, system};
use crate::{
    command::{CommandType, Target, command},
    work::{Loaded, Stop, Work},
};

/// What may be asked of an item, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const WRITE: &[&str] =
        &["nestsync.policy.inventory.write", "nestsync.policy.override.sysadmin"];
    const SYSTEM: &[&str] = &["nestsync.policy.reorder.system"];
    const DECIDE: &[&str] =
        &["nestsync.policy.reorder.decide", "nestsync.policy.override.sysadmin"];
    const DISMISS: &[&str] = &[
        "nestsync.policy.reorder.decide",
        "nestsync.policy.reorder.system",
        "nestsync.policy.override.sysadmin",
    ];
    vec![
        command::<InventoryItem, AddInventoryItem>(Target::New, WRITE, add),
        command::<InventoryItem, UpdateInventoryItem>(Target::Given, WRITE, update),
        command::<InventoryItem, SetReorderThreshold>(Target::Given, WRITE, write),
        command::<InventoryItem, RestockItem>(Target::Given, WRITE, write),
        command::<InventoryItem, AdjustStock>(Target::Given, WRITE, write),
        command::<InventoryItem, LogUsage>(Target::Given, WRITE, log_usage),
        command::<InventoryItem, VoidUsageLog>(Target::Given, WRITE, write),
        command::<InventoryItem, RemoveInventoryItem>(Target::Given, WRITE, write),
        command::<InventoryItem, SuggestReorder>(Target::Given, SYSTEM, by_system),
        command::<InventoryItem, AcceptReorderSuggestion>(Target::Given, DECIDE, write),
        command::<InventoryItem, DismissReorderSuggestion>(Target::Given, DISMISS, dismiss),
        command::<InventoryItem, FulfilReorderSuggestion>(Target::Given, SYSTEM, by_system),
    ]
}

fn add(work: &mut Work<'_>, id: &Arc<str>, command: &AddInventoryItem) -> Result<(), Stop> {
    permitted(work, command.family_id, Permission::InventoryWrite)?;
    of_family(work, command.child_id, command.family_id)?;
    fresh::<InventoryItem>(work, id)?;
    work.tenant(command.family_id);
    work.decide::<InventoryItem>(id, command.clone())
}

fn update(work: &mut Work<'_>, id: &Arc<str>, command: &UpdateInventoryItem) -> Result<(), Stop> {
    let (family_id, _) = stocked(work, id)?;
    of_family(work, command.child_id.flatten(), family_id)?;
    work.decide::<InventoryItem>(id, command.clone())
}

fn log_usage(work: &mut Work<'_>, id: &Arc<str>, command: &LogUsage) -> Result<(), Stop> {
    let (family_id, family) = stocked(work, id)?;
    of_family(work, command.child_id, family_id)?;
    let usage = Usage { asked: command.clone(), timezone: family.timezone.clone() };
    work.decide::<InventoryItem>(id, usage)
}

fn write<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    stocked(work, id)?;
    work.decide::<InventoryItem>(id, command.clone())
}

fn by_system<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    known(work, id)?;
    work.decide::<InventoryItem>(id, command.clone())
}

fn dismiss(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &DismissReorderSuggestion,
) -> Result<(), Stop> {
    let decided_by = if work.actor.is_system() {
        known(work, id)?;
        None
    } else {
        stocked(work, id)?;
        Some(work.actor.id)
    };
    work.decide::<InventoryItem>(id, Dismissal { asked: command.clone(), decided_by })
}

/// Whose stock the item is.
fn known(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let item = work.existing::<InventoryItem>(id)?;
    let family_id = item.family_id.ok_or(Stop::Unknown { kind: "nestsync.inventory_item" })?;
    work.tenant(family_id);
    Ok(family_id)
}

/// Whose stock the item is, where the actor may keep it.
fn stocked<'a>(work: &mut Work<'a>, id: &Arc<str>) -> Result<(Uuid, Loaded<'a, Family>), Stop> {
    let family_id = known(work, id)?;
    let (family, _) = permitted(work, family_id, Permission::InventoryWrite)?;
    Ok((family_id, family))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use annals_domain::{
        Amount, Moment,
        nestsync::{
            child::{Child, ChildAdded, ChildRemoved},
            inventory_item::{self as domain, Event},
            user::User,
        },
        testing::{ADA, BOB, day, given},
    };
    use chrono::{DateTime, Utc};
    use serde_json::{Value, json};

    use super::{
        super::scene::{self, CARL, EVE, FAMILY, OTHERS, ROOT, VERA, deactivate, world},
        *,
    };
    use crate::{
        actor::Actor,
        aggregate::State,
        testing::World,
        work::{Appended, Claim, States, Stream},
    };

    const ITEM: Uuid = Uuid::from_u128(0x17e);
    const KIM: Uuid = Uuid::from_u128(0x41);
    const EVES_CHILD: Uuid = Uuid::from_u128(0x42);
    const ADD: &str = "nestsync.cmd.add_inventory_item";
    const USE: &str = "nestsync.cmd.log_usage";

    fn nappies() -> Value {
        json!({"family_id": FAMILY, "category": "supply", "name": "Nappies", "quantity": "10"})
    }

    fn child(world: &mut World, id: Uuid, family_id: Uuid) {
        let added = ChildAdded {
            family_id,
            first_name: "Kim".into(),
            last_name: None,
            date_of_birth: None,
            clothing_size: None,
            shoe_size: None,
            notes: None,
            created_by: ADA,
        };
        world.happened::<Child>(id, added);
    }

    /// Ada's family has a child and ten nappies, Eve's has a child.
    fn stocked_world() -> World {
        let mut world = world();
        child(&mut world, KIM, FAMILY);
        child(&mut world, EVES_CHILD, OTHERS);
        world.as_person(ADA).send(ADD, ITEM, nappies()).accepted(&["InventoryItemAdded"]);
        world
    }

    #[test]
    fn members_with_inventory_write_keep_the_stock() {
        let mut world = stocked_world();
        let asked = [
            ("nestsync.cmd.update_inventory_item", json!({"size": "4"}), "InventoryItemUpdated"),
            (
                "nestsync.cmd.set_reorder_threshold",
                json!({"reorder_threshold": "4"}),
                "ReorderThresholdSet",
            ),
            ("nestsync.cmd.restock_item", json!({"quantity": "5"}), "ItemRestocked"),
            ("nestsync.cmd.adjust_stock", json!({"quantity": "12"}), "StockAdjusted"),
            (USE, json!({"quantity": "1"}), "ItemUsed"),
            ("nestsync.cmd.remove_inventory_item", json!({}), "InventoryItemRemoved"),
        ];
        for (subject, data, event) in asked {
            for other in [VERA, EVE] {
                world.as_person(other).send(subject, ITEM, data.clone()).denied();
            }
            world.as_system().send(subject, ITEM, data.clone()).denied();
            world.as_person(ROOT).send(subject, ITEM, data.clone()).refused("reason_required");
            world.as_person(CARL).send(subject, ITEM, data).accepted(&[event]);
        }
        world.send(USE, Uuid::from_u128(0x40), json!({"quantity": "1"})).unknown();
    }

    #[test]
    fn only_members_with_inventory_write_add_items() {
        let mut world = world();
        for other in [VERA, EVE] {
            world.as_person(other).send(ADD, ITEM, nappies()).denied();
        }
        world.as_person(ROOT).send(ADD, ITEM, nappies()).refused("reason_required");
        world.because("support").send(ADD, ITEM, nappies()).accepted(&["InventoryItemAdded"]);
        let again = world.as_person(ADA).send(ADD, ITEM, nappies());
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
    }

    #[test]
    fn a_deactivated_member_uses_nothing_and_neither_does_a_removed_one() {
        let mut world = stocked_world();
        deactivate(&mut world, BOB);
        world.as_person(BOB).send(USE, ITEM, json!({"quantity": "1"})).refused("actor_not_active");
        world
            .as_person(CARL)
            .send("nestsync.cmd.leave_family", FAMILY, json!({}))
            .accepted(&["FamilyMemberLeft"]);
        world.send(USE, ITEM, json!({"quantity": "1"})).denied();
    }

    #[test]
    fn child_and_item_of_one_command_are_of_one_family() {
        let mut world = stocked_world();
        let with = |child: Uuid| json!({"quantity": "1", "child_id": child});
        world.send(USE, ITEM, with(EVES_CHILD)).refused("wrong_family");
        world.send(USE, ITEM, with(Uuid::from_u128(0x43))).refused("wrong_family");
        world.send(USE, ITEM, with(KIM)).accepted(&["ItemUsed"]);
        let update = "nestsync.cmd.update_inventory_item";
        world.send(update, ITEM, json!({"child_id": EVES_CHILD})).refused("wrong_family");
        world.send(update, ITEM, json!({"child_id": KIM})).accepted(&["InventoryItemUpdated"]);
        world.send(update, ITEM, json!({"child_id": null})).accepted(&["InventoryItemUpdated"]);
        let mut other = nappies();
        other["child_id"] = json!(EVES_CHILD);
        world.send(ADD, Uuid::from_u128(0x18), other).refused("wrong_family");
        world.happened::<Child>(KIM, ChildRemoved { deleted_at: day(1) });
        world.send(USE, ITEM, with(KIM)).refused("child_gone");
    }

    #[test]
    fn use_above_stock_and_quantities_that_are_none_are_refused_by_name() {
        let mut world = stocked_world();
        world.send(USE, ITEM, json!({"quantity": "10.01"})).refused("not_enough_stock");
        world.send(USE, ITEM, json!({"quantity": "0.001"})).refused("quantity_invalid");
        world.send(USE, ITEM, json!({"quantity": "NaN"})).refused("quantity_invalid");
        world
            .send(USE, ITEM, json!({"quantity": "1", "used_at": day(2)}))
            .refused("used_in_future");
    }

    #[test]
    fn a_use_is_voided_once_by_members_with_inventory_write() {
        let mut world = stocked_world();
        let appended = world.send(USE, ITEM, json!({"quantity": "1"})).accepted(&["ItemUsed"]);
        let Some(Event::ItemUsed(used)) = appended[0].event.as_any().downcast_ref() else {
            panic!("expected a use, got {appended:?}");
        };
        let void = "nestsync.cmd.void_usage_log";
        let data = json!({"usage_id": used.usage_id});
        for other in [VERA, EVE] {
            world.as_person(other).send(void, ITEM, data.clone()).denied();
        }
        world.as_person(ROOT).send(void, ITEM, data.clone()).refused("reason_required");
        world.as_person(CARL).send(void, ITEM, data.clone()).accepted(&["UsageLogVoided"]);
        world.send(void, ITEM, data).refused("usage_already_voided");
    }

    /// Six nappies are left, ten are wanted.
    fn low_world() -> World {
        let mut world = stocked_world();
        let low = json!({"reorder_threshold": "10"});
        world
            .send("nestsync.cmd.set_reorder_threshold", ITEM, low)
            .accepted(&["ReorderThresholdSet"]);
        world.send(USE, ITEM, json!({"quantity": "4"})).accepted(&["ItemUsed"]);
        world
    }

    const SUGGEST: &str = "nestsync.cmd.suggest_reorder";
    const ACCEPT: &str = "nestsync.cmd.accept_reorder_suggestion";
    const DISMISS: &str = "nestsync.cmd.dismiss_reorder_suggestion";
    const FULFIL: &str = "nestsync.cmd.fulfil_reorder_suggestion";

    #[test]
    fn the_system_proposes_and_members_with_inventory_write_decide() {
        let mut world = low_world();
        world.as_person(ADA).send(SUGGEST, ITEM, json!({})).denied();
        world.as_system().send(SUGGEST, ITEM, json!({})).accepted(&["ReorderSuggested"]);
        world.send(SUGGEST, ITEM, json!({})).refused("suggestion_already_open");
        world.send(SUGGEST, Uuid::from_u128(0x40), json!({})).unknown();
        world.send(ACCEPT, ITEM, json!({})).denied();
        for other in [VERA, EVE] {
            world.as_person(other).send(ACCEPT, ITEM, json!({})).denied();
            world.as_person(other).send(DISMISS, ITEM, json!({})).denied();
            world.as_person(other).send(FULFIL, ITEM, json!({})).denied();
        }
        world.as_person(ROOT).send(ACCEPT, ITEM, json!({})).refused("reason_required");
        world
            .as_person(CARL)
            .send(ACCEPT, ITEM, json!({}))
            .accepted(&["ReorderSuggestionAccepted"]);
        world.send(DISMISS, ITEM, json!({})).refused("suggestion_not_open");
        let restock = json!({"quantity": "10"});
        world.send("nestsync.cmd.restock_item", ITEM, restock).accepted(&["ItemRestocked"]);
        world.as_system().send(FULFIL, ITEM, json!({})).accepted(&["ReorderSuggestionFulfilled"]);
    }

    #[test]
    fn a_dismissal_names_the_person_who_decided_and_nobody_where_the_system_did() {
        let decided_by = |appended: &[Appended]| {
            appended[0].event.payload_value().unwrap()["decided_by"].clone()
        };
        let mut world = low_world();
        world.as_system().send(SUGGEST, ITEM, json!({})).accepted(&["ReorderSuggested"]);
        let appended = world
            .as_person(BOB)
            .send(DISMISS, ITEM, json!({}))
            .accepted(&["ReorderSuggestionDismissed"]);
        assert_eq!(decided_by(&appended), json!(BOB));
        world.as_system().send(SUGGEST, ITEM, json!({})).accepted(&["ReorderSuggested"]);
        world
            .as_person(BOB)
            .send("nestsync.cmd.remove_inventory_item", ITEM, json!({}))
            .accepted(&["InventoryItemRemoved"]);
        let appended = world
            .as_system()
            .send(DISMISS, ITEM, json!({}))
            .accepted(&["ReorderSuggestionDismissed"]);
        assert_eq!(decided_by(&appended), Value::Null);
    }

    #[test]
    fn use_is_added_up_by_the_clock_of_the_family_that_owns_the_item() {
        let mut world = stocked_world();
        let new_year: DateTime<Utc> = "2026-01-01T04:30:00Z".parse().unwrap();
        let appended =
            world.at(new_year).send(USE, ITEM, json!({"quantity": "1"})).accepted(&["ItemUsed"]);
        let payload = appended[0].event.payload_value().unwrap();
        assert_eq!(payload["usage_analytics"][0]["period_start"], json!("2025-12-31"));
    }

    struct Memory(HashMap<Stream, Box<dyn State>>);

    impl States for Memory {
        fn state(&self, stream: &Stream) -> Option<(&dyn State, u64)> {
            self.0.get(stream).map(|state| (state.as_ref(), 1))
        }

        fn claim(&self, _: &Claim) -> Option<Option<Arc<str>>> {
            None
        }
    }

    #[test]
    fn all_that_a_use_stands_on_is_checked_again_at_commit() {
        let id: Arc<str> = ITEM.to_string().into();
        let used = given::<InventoryItem>([domain::InventoryItemAdded {
            family_id: FAMILY,
            child_id: None,
            category: domain::Category::Supply,
            name: "Nappies".into(),
            brand: None,
            size: None,
            unit: "piece".into(),
            quantity: Amount::from_hundredths(1_000),
            reorder_threshold: None,
            reorder_quantity: None,
            expires_on: None,
            created_by: ADA,
        }
        .into()]);
        let (user, family) = scene::states(CARL);
        let child = Child { family_id: Some(FAMILY), ..Child::default() };
        let streams = [
            Stream::of::<InventoryItem>(ITEM),
            Stream::of::<User>(CARL),
            Stream::of::<Family>(FAMILY),
            Stream::of::<Child>(KIM),
        ];
        let states: [Box<dyn State>; 4] =
            [Box::new(used.state), Box::new(user), Box::new(family), Box::new(child)];
        let memory = Memory(streams.iter().cloned().zip(states).collect());
        let (actor, moment) = (Actor::person(CARL), Moment::new(day(1), CARL, Uuid::nil()));
        let mut work = Work::new(&memory, &actor, &moment);
        let asked =
            LogUsage { quantity: "1".into(), used_at: None, child_id: Some(KIM), notes: None };
        log_usage(&mut work, &id, &asked).unwrap();
        let read: Vec<Stream> = work.reads.iter().map(|(stream, _)| stream.clone()).collect();
        assert_eq!(read, streams);
    }
}
