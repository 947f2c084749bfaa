//! Families of NestSync and what they have in stock.

use annals_tests::{
    World,
    nestsync::{CARL, NORA, VIC, family, member},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_grows_uses_what_it_has_and_restocks_it() {
    let world = World::start().await;
    let nest = family(&world, NORA).await;
    let carl = member(&world, nest, NORA, CARL, "caregiver").await;
    let data = json!({"quantity": "3.5", "child_id": nest.child, "notes": "before bed"});
    let used = world.as_person(CARL).send("nestsync.cmd.log_usage", nest.item, data).await;
    used.accepted(&["ItemUsed"]);
    let restock = json!({"quantity": "20"});
    let nora = world.as_person(NORA);
    let asked = nora.send("nestsync.cmd.restock_item", nest.item, restock).await;
    asked.accepted(&["ItemRestocked"]);

    let families = "SELECT id, name, owner_id, country, data_region FROM nestsync.families";
    let row = json!({"id": nest.id, "name": "A family", "owner_id": NORA, "country": "CA",
                     "data_region": "ca-central-1"});
    assert_eq!(world.rows(families).await, [row]);
    let members = "SELECT user_id, role, status, permissions FROM nestsync.family_members
                   ORDER BY role";
    let members = world.rows(members).await;
    assert_eq!(members.len(), 2);
    assert_eq!(members[0]["user_id"], json!(CARL));
    assert_eq!(
        (&members[0]["role"], &members[0]["status"]),
        (&json!("caregiver"), &json!("active"))
    );
    let permissions = ["children.read", "emergency.read", "inventory.read", "inventory.write"];
    assert_eq!(members[0]["permissions"], json!(permissions));
    assert_eq!(members[1]["permissions"].as_array().unwrap().len(), 10);
    let found = format!("SELECT id FROM nestsync.family_members WHERE user_id = '{CARL}'");
    assert_eq!(world.row(&found).await["id"], json!(carl));
    let children =
        world.rows("SELECT id, family_id, first_name, notes FROM nestsync.children").await;
    let row = json!({"id": nest.child, "family_id": nest.id, "first_name": "Kim", "notes": "shy of dogs"});
    assert_eq!(children, [row]);
    let items = "SELECT id, quantity::text, reorder_threshold::text FROM nestsync.inventory_items";
    let row = json!({"id": nest.item, "quantity": "26.50", "reorder_threshold": "2.00"});
    assert_eq!(world.rows(items).await, [row]);
    let logs =
        "SELECT item_id, quantity::text, child_id, logged_by, notes FROM nestsync.usage_logs";
    let row = json!({"item_id": nest.item, "quantity": "3.50", "child_id": nest.child,
                     "logged_by": CARL, "notes": "before bed"});
    assert_eq!(world.rows(logs).await, [row]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_used_than_there_is() {
    let world = World::start().await;
    let nest = family(&world, NORA).await;
    let nora = world.as_person(NORA);
    let used = nora.send("nestsync.cmd.log_usage", nest.item, json!({"quantity": "10.01"})).await;
    used.refused("not_enough_stock").status(422);
    nora.send("nestsync.cmd.log_usage", nest.item, json!({"quantity": "10"})).await.ok();
    let used = nora.send("nestsync.cmd.log_usage", nest.item, json!({"quantity": "0.01"})).await;
    used.refused("not_enough_stock");
    let row = world.row("SELECT quantity::text FROM nestsync.inventory_items").await;
    assert_eq!(row, json!({"quantity": "0.00"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_hold_from_the_event_that_changes_them() {
    let world = World::start().await;
    let nest = family(&world, NORA).await;
    let vic = member(&world, nest, NORA, VIC, "viewer").await;
    let (nora, viewer) = (world.as_person(NORA), world.as_person(VIC));
    let one = || json!({"quantity": "1"});
    viewer.send("nestsync.cmd.log_usage", nest.item, one()).await.refused("not_allowed");
    let data = json!({"member_id": vic, "permissions": ["inventory.read", "inventory.write"]});
    nora.send("nestsync.cmd.change_member_permissions", nest.id, data).await.ok();
    viewer.send("nestsync.cmd.log_usage", nest.item, one()).await.accepted(&["ItemUsed"]);
    let data = json!({"member_id": vic});
    nora.send("nestsync.cmd.remove_family_member", nest.id, data).await.ok();
    viewer.send("nestsync.cmd.log_usage", nest.item, one()).await.refused("not_allowed");
}
