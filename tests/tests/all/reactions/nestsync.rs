//! What NestSync does by itself, from the event to the row.

use annals_tests::{
    World,
    nestsync::{CARL, NORA, family, member, user},
    token,
};
use chrono::Duration;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn low_stock_is_proposed_told_as_people_wish_and_fulfilled() {
    let world = World::lively().await;
    let nest = family(&world, NORA).await;
    member(&world, nest, NORA, CARL, "caregiver").await;
    let nora = world.as_person(NORA);
    let no_push = json!({"channel": "push", "topic": "reorder_suggestion", "enabled": false});
    let wishes = format!("{NORA}:{}", nest.id);
    let set = "nestsync.cmd.set_notification_preference";
    nora.send(set, wishes.as_str(), no_push).await.ok();
    for _ in 0..3 {
        nora.send("nestsync.cmd.log_usage", nest.item, json!({"quantity": "3.00"})).await.ok();
    }
    world.reacted("nestsync").await;
    let proposals = "SELECT status, suggested_quantity::text AS quantity,
                            quantity_at_suggestion::text AS left
                     FROM nestsync.reorder_suggestions";
    let proposal = json!({"status": "open", "quantity": "3.00", "left": "1.00"});
    assert_eq!(world.row(proposals).await, proposal);
    let logs = format!(
        "SELECT channel, status, failure_reason FROM nestsync.notification_logs
         WHERE user_id = '{NORA}' AND topic = 'reorder_suggestion' ORDER BY channel"
    );
    let off = "switched off by the recipient";
    let expected = [
        json!({"channel": "email", "status": "queued", "failure_reason": null}),
        json!({"channel": "push", "status": "suppressed", "failure_reason": off}),
        json!({"channel": "sms", "status": "suppressed", "failure_reason": off}),
    ];
    assert_eq!(world.rows(&logs).await, expected);
    let carl = "SELECT count(*) FROM nestsync.notification_logs
                WHERE topic = 'reorder_suggestion' AND status = 'queued'";
    assert_eq!(world.number(carl).await, 3, "Carl keeps the stock as well, by e-mail and push");

    nora.send("nestsync.cmd.restock_item", nest.item, json!({"quantity": "20.00"})).await.ok();
    world.reacted("nestsync").await;
    assert_eq!(world.row(proposals).await["status"], "fulfilled");
    let use_most = json!({"quantity": "20.00"});
    nora.send("nestsync.cmd.log_usage", nest.item, use_most).await.ok();
    nora.send("nestsync.cmd.remove_inventory_item", nest.item, json!({})).await.ok();
    world.reacted("nestsync").await;
    let statuses = "SELECT status FROM nestsync.reorder_suggestions ORDER BY created_at";
    let statuses: Vec<Value> =
        world.rows(statuses).await.iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["fulfilled", "dismissed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invitations_and_trials_end_by_themselves_also_after_a_restart() {
    let mut world = World::lively().await;
    let nest = family(&world, NORA).await;
    user(&world, CARL).await;
    let nora = world.as_person(NORA);
    let invite = json!({
        "display_name": "Carl", "invited_email": token::address(CARL), "role": "viewer",
    });
    nora.send("nestsync.cmd.invite_family_member", nest.id, invite).await.ok();
    let price = json!({"billing_interval": "month", "price_cents": 999});
    nora.send("nestsync.cmd.start_trial", nest.id, price).await.ok();
    world.reacted("nestsync").await;
    let invited = format!(
        "SELECT count(*) FROM nestsync.notification_logs
         WHERE user_id = '{CARL}' AND topic = 'family_invitation'"
    );
    assert_eq!(world.number(&invited).await, 3);
    assert_eq!(world.number("SELECT count(*) FROM annals.timers").await, 2);
    world.rest().await;
    world.wake().await;
    world.react(Duration::days(40)).await;
    let lapsed = format!(
        "SELECT status = 'expired' FROM nestsync.family_members
                          WHERE user_id = '{CARL}'"
    );
    world.until(&lapsed).await;
    world.until("SELECT status = 'expired' FROM nestsync.subscriptions").await;
    world.reacted("nestsync").await;
    let told = "SELECT count(*) FROM nestsync.notification_logs WHERE topic = 'subscription'";
    assert_eq!(world.number(told).await, 3, "by three ways, to the one who pays");
    assert_eq!(world.number("SELECT count(*) FROM annals.timers").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emergency_profiles_are_told_and_whoever_deletes_the_account_leaves() {
    let world = World::lively().await;
    let nest = family(&world, NORA).await;
    member(&world, nest, NORA, CARL, "caregiver").await;
    let contacts = json!({"contacts": [{"name": "Ann", "phone": "1"}]});
    let nora = world.as_person(NORA);
    nora.send("nestsync.cmd.create_emergency_profile", nest.child, contacts).await.ok();
    let carl = world.as_person(CARL);
    carl.send("nestsync.cmd.delete_user", CARL, json!({})).await.ok();
    world.reacted("nestsync").await;
    let told = "SELECT user_id, count(*) FROM nestsync.notification_logs
                WHERE topic = 'emergency_profile' GROUP BY user_id ORDER BY user_id";
    let expected = [json!({"user_id": NORA, "count": 3}), json!({"user_id": CARL, "count": 3})];
    assert_eq!(world.rows(told).await, expected);
    let left = format!("SELECT status FROM nestsync.family_members WHERE user_id = '{CARL}'");
    assert_eq!(world.row(&left).await, json!({"status": "removed"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_of_another_region_is_refused_and_nothing_about_it_is_stored() {
    let world = World::start_with(|config| config.region = "ca-west-1".to_owned()).await;
    user(&world, NORA).await;
    let (events, commands) = (world.events().await, "SELECT count(*) FROM annals.commands");
    let kept = world.number(commands).await;
    let nora = world.as_person(NORA);
    let data = json!({"name": "A secret name", "display_name": "Nora"});
    let foreign = nora.send("nestsync.cmd.create_family", (), data.clone()).await;
    foreign.refused("foreign_region").status(421);
    assert!(!foreign.body.to_string().contains("secret"));
    assert_eq!(world.events().await, events);
    assert_eq!(world.number(commands).await, kept, "not even its outcome");
    let mut here = data;
    here["data_region"] = json!("ca-west-1");
    nora.send("nestsync.cmd.create_family", (), here).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_moved_elsewhere_refuses_its_families() {
    let mut world = World::start().await;
    let nest = family(&world, NORA).await;
    world.rest().await;
    let mut config = world.config();
    config.region = "ca-west-1".to_owned();
    world.serve(config).await;
    let nora = world.as_person(NORA);
    let kept = world.number("SELECT count(*) FROM annals.commands").await;
    for (subject, id, data) in [
        ("nestsync.cmd.rename_family", nest.id, json!({"name": "We"})),
        ("nestsync.cmd.rename_family", nest.id, json!({"name": " "})),
        ("nestsync.cmd.log_usage", nest.item, json!({"quantity": "1.00"})),
        ("nestsync.cmd.log_usage", nest.item, json!({"quantity": "1000.00"})),
        ("nestsync.cmd.update_child_profile", nest.child, json!({"notes": "shy"})),
    ] {
        nora.send(subject, id, data).await.refused("foreign_region");
    }
    assert_eq!(world.number("SELECT count(*) FROM annals.commands").await, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn families_are_not_served_outside_of_canada() {
    let world = World::asleep().await;
    let mut config = world.config();
    config.region = "eu-west-2".to_owned();
    let error = annals_infra::serve::start(config.clone()).await.unwrap_err().to_string();
    assert!(error.contains("eu-west-2") && error.contains("ANNALS_CONTEXTS"), "{error}");
    config.contexts = vec!["shared".to_owned(), "lift".to_owned()];
    annals_infra::serve::start(config).await.unwrap().stop().await;
}
