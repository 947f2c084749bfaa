//! Rows of SAMIA TAROT.

use annals_tests::{
    World,
    samia::{CLARA, DORA, SAM, super_admin, user, wallet_of},
};
use serde_json::json;
use uuid::Uuid;

use super::{Readable, matches, readable};

const ROLE: &str = "(SELECT me.role FROM samia.users AS me
    WHERE me.id = $me AND me.is_active AND me.deleted_at IS NULL)";

fn tables() -> Vec<Readable> {
    let admin = format!("{ROLE} IN ('admin', 'super_admin')");
    vec![
        readable("samia.users", format!("(id = $me AND deleted_at IS NULL) OR {admin}")),
        readable("samia.user_wallets", "user_id = $me"),
        readable("samia.transactions", format!("user_id = $me OR {admin}")),
        readable("samia.audit_logs", admin),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_what_the_contract_says() {
    let world = World::start().await;
    let (admin, gone, idle) = (Uuid::from_u128(0xad), Uuid::from_u128(0x60), Uuid::from_u128(0x1d));
    let monitor = Uuid::from_u128(0x30);
    super_admin(&world).await;
    wallet_of(&world, CLARA, "10.00").await;
    wallet_of(&world, DORA, "20.00").await;
    wallet_of(&world, gone, "0.01").await;
    for person in [admin, idle, monitor] {
        user(&world, person).await;
    }
    let sam = world.as_person(SAM);
    for (person, role) in [(admin, "admin"), (monitor, "monitor")] {
        sam.send("samia.cmd.change_user_role", person, json!({"role": role})).await.ok();
    }
    sam.send("samia.cmd.deactivate_user", idle, json!({})).await.ok();
    let debit = json!({"amount": "0.01"});
    world.as_system().send("samia.cmd.debit_wallet", gone, debit).await.ok();
    world.as_person(gone).send("samia.cmd.delete_user", (), json!({})).await.ok();
    world.shown("samia").await;
    let people = [
        ("the super admin", SAM),
        ("an admin", admin),
        ("a monitor", monitor),
        ("Clara", CLARA),
        ("Dora", DORA),
        ("somebody who left", gone),
        ("somebody deactivated", idle),
        ("a stranger", Uuid::from_u128(0x5c)),
    ];
    matches(&world, &tables(), &people).await;
}
