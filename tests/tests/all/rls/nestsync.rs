//! Rows of NestSync.

use annals_tests::{
    World,
    nestsync::{CARL, NORA, OTTO, ROOT, VIC, family, member, user},
    token,
};
use serde_json::json;
use uuid::Uuid;

use super::{Readable, matches, readable};

const ADMIN: &str = "EXISTS (SELECT FROM nestsync.users AS me WHERE me.id = $me
    AND me.is_system_admin AND me.status = 'active' AND me.deleted_at IS NULL)";

/// The families where the reader is an active member, and may do what the codes say.
fn families(codes: &str) -> String {
    format!(
        "(SELECT m.family_id FROM nestsync.family_members AS m
            JOIN nestsync.users AS u ON u.id = m.user_id
            JOIN nestsync.families AS f ON f.id = m.family_id
          WHERE m.user_id = $me AND m.status = 'active' AND u.status = 'active'
            AND u.deleted_at IS NULL AND f.status <> 'archived'
            AND m.permissions @> '{{{codes}}}'::text[])"
    )
}

fn tables() -> Vec<Readable> {
    let of = |codes: &str| format!("family_id IN {}", families(codes));
    vec![
        readable("nestsync.users", format!("(id = $me AND deleted_at IS NULL) OR {ADMIN}")),
        readable("nestsync.families", format!("id IN {} OR {ADMIN}", families(""))),
        readable("nestsync.family_members", format!("{} OR user_id = $me OR {ADMIN}", of(""))),
        readable(
            "nestsync.children",
            format!("({} AND deleted_at IS NULL) OR {ADMIN}", of("children.read")),
        ),
        readable(
            "nestsync.inventory_items",
            format!("({} AND deleted_at IS NULL) OR {ADMIN}", of("inventory.read")),
        ),
        readable("nestsync.usage_logs", format!("{} OR {ADMIN}", of("inventory.read"))),
        readable("nestsync.usage_analytics", format!("{} OR {ADMIN}", of("analytics.read")))
            .keyed("item_id::text || period || period_start"),
    ]
}

impl Readable {
    fn keyed(self, key: &'static str) -> Self {
        Self { key, ..self }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_what_the_contract_says() {
    let world = World::start().await;
    let (left, invited, idle) =
        (Uuid::from_u128(0x1ef7), Uuid::from_u128(0x14), Uuid::from_u128(0x1d));
    let old = Uuid::from_u128(0xa6e);
    let nest = family(&world, NORA).await;
    let other = family(&world, OTTO).await;
    let archived = family(&world, old).await;
    member(&world, nest, NORA, CARL, "caregiver").await;
    let vic = member(&world, nest, NORA, VIC, "viewer").await;
    member(&world, nest, NORA, left, "parent").await;
    member(&world, nest, NORA, idle, "parent").await;
    let nora = world.as_person(NORA);
    user(&world, invited).await;
    let invitation = json!({"display_name": "Somebody", "role": "parent",
                            "invited_email": token::address(invited)});
    nora.send("nestsync.cmd.invite_family_member", nest.id, invitation).await.ok();
    for (place, owner) in [(nest, NORA), (other, OTTO), (archived, old)] {
        let owner = world.as_person(owner);
        let used = json!({"quantity": "1"});
        owner.send("nestsync.cmd.log_usage", place.item, used).await.ok();
        let more = json!({"family_id": place.id, "category": "clothing", "name": "Boots",
                          "quantity": "1"});
        let boots = owner.send("nestsync.cmd.add_inventory_item", (), more).await.ok().id();
        owner.send("nestsync.cmd.remove_inventory_item", boots, json!({})).await.ok();
        let more = json!({"family_id": place.id, "first_name": "Lou"});
        let lou = owner.send("nestsync.cmd.add_child", (), more).await.ok().id();
        owner.send("nestsync.cmd.remove_child", lou, json!({})).await.ok();
    }
    let narrow = json!({"member_id": vic, "permissions": ["children.read"]});
    nora.send("nestsync.cmd.change_member_permissions", nest.id, narrow).await.ok();
    world.as_person(left).send("nestsync.cmd.leave_family", nest.id, json!({})).await.ok();
    world.as_person(old).send("nestsync.cmd.archive_family", archived.id, json!({})).await.ok();
    user(&world, ROOT).await;
    let operator = world.as_operator();
    operator.send("nestsync.cmd.grant_system_administration", ROOT, json!({})).await.ok();
    let deactivate = world.as_person(ROOT).ask("nestsync.cmd.deactivate_user", idle, json!({}));
    deactivate.with("reason", "asked to").shown().send().await.ok();
    world.shown("nestsync").await;
    let people = [
        ("the owner", NORA),
        ("a caregiver", CARL),
        ("a viewer of children alone", VIC),
        ("somebody who left", left),
        ("somebody invited", invited),
        ("a deactivated parent", idle),
        ("another family's owner", OTTO),
        ("an archived family's owner", old),
        ("the system administrator", ROOT),
        ("a stranger", Uuid::from_u128(0x5c)),
    ];
    matches(&world, &tables(), &people).await;
}
