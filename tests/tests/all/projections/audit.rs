//! Lines of the audit log: what was there before, and what is since (samia.ops.audit-everything).

use annals_tests::{
    World,
    samia::{CLARA, super_admin, user, wallet_of},
};
use serde_json::{Value, json};

/// Old and new values of the last line of an action.
async fn line(world: &World, action: &str) -> (Value, Value) {
    let sql = format!(
        "SELECT old_values AS old, new_values AS new FROM samia.audit_logs
         WHERE action = '{action}' ORDER BY \"timestamp\" DESC, id DESC LIMIT 1"
    );
    let row = world.row(&sql).await;
    (row["old"].clone(), row["new"].clone())
}

async fn busy(world: &World) {
    let sam = super_admin(world).await;
    wallet_of(world, CLARA, "10.00").await;
    let sam = world.as_person(sam);
    let debit = json!({"amount": "0.50", "description": "A card"});
    world.as_system().send("samia.cmd.debit_wallet", CLARA, debit).await.ok();
    sam.send("samia.cmd.change_user_role", CLARA, json!({"role": "reader"})).await.ok();
    let clara = world.as_person(CLARA);
    let details = json!({"full_name": "Another Name", "timezone": "Europe/Vienna"});
    clara.send("samia.cmd.update_user_details", (), details).await.ok();
    for value in ["1", "2"] {
        let set = json!({"config_value": value, "value_type": "number"});
        sam.send("samia.cmd.set_configuration", "cards:most", set).await.ok();
    }
    user(world, uuid::Uuid::from_u128(0xa1)).await;
    world.shown("samia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_tells_what_a_row_held_before_and_names_what_is_personal() {
    let world = World::start().await;
    busy(&world).await;
    let (old, new) = line(&world, "UserRoleChanged").await;
    assert_eq!((&old["role"], &new["role"]), (&json!("client"), &json!("reader")));
    let (old, _) = line(&world, "WalletDebited").await;
    assert_eq!(old["balance"], "10.00", "{old}");
    let (old, new) = line(&world, "UserDetailsUpdated").await;
    assert_eq!(
        (&old["full_name"], &new["full_name"]),
        (&json!("[redacted]"), &json!("[redacted]"))
    );
    let (old, new) = line(&world, "ConfigurationSet").await;
    assert_eq!((&old["config_value"], &new["config_value"]), (&json!("1"), &json!("2")));
    let (old, new) = line(&world, "UserRegistered").await;
    assert!(old.is_null() && new.is_object(), "{old} {new}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_the_same_one_by_one_in_one_batch_and_applied_again() {
    let mut world = World::start().await;
    busy(&world).await;
    let lines = "SELECT id, old_values FROM samia.audit_logs ORDER BY id";
    let one_by_one = world.rows(lines).await;
    for forget in ["", "TRUNCATE samia.audit_logs"] {
        world.rest().await;
        if !forget.is_empty() {
            // All of the context at once, from nothing.
            let all = "SELECT string_agg(format('samia.%I', tablename), ', ') AS all FROM pg_tables
                       WHERE schemaname = 'samia'";
            let all = world.row(all).await["all"].as_str().unwrap().to_owned();
            world.execute(&format!("TRUNCATE {all}")).await.unwrap();
        }
        let back = "UPDATE annals.projections SET position = 0, hash = NULL, recorded_at = NULL
                    WHERE name = 'samia'";
        world.execute(back).await.unwrap();
        world.wake().await;
        world.shown("samia").await;
        assert_eq!(world.rows(lines).await, one_by_one, "{forget}");
    }
}
