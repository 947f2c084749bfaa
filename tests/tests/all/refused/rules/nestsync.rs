use annals_tests::{
    World,
    nestsync::{NORA, OTTO, ROOT, VIC, family, user},
    token,
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_was_declined_is_not_accepted_any_more() {
    let world = World::start().await;
    let nest = family(&world, NORA).await;
    user(&world, VIC).await;
    let data = json!({
        "display_name": "Vic", "invited_email": token::address(VIC), "role": "viewer",
    });
    let owner = world.as_person(NORA);
    owner.send("nestsync.cmd.invite_family_member", nest.id, data).await.ok();
    let found = format!("SELECT id FROM nestsync.family_members WHERE user_id = '{VIC}'");
    let data = json!({"member_id": world.row(&found).await["id"]});
    let vic = world.as_person(VIC);
    vic.send("nestsync.cmd.decline_family_invitation", nest.id, data.clone()).await.ok();
    let before = world.events().await;
    let answer = vic.send("nestsync.cmd.accept_family_invitation", nest.id, data).await;
    answer.refused("invitation_expired");
    assert_eq!(world.events().await, before, "something was stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_account_signs_in_no_more_and_one_that_is_not_active_administers_nothing() {
    let world = World::start().await;
    for person in [ROOT, OTTO, VIC] {
        user(&world, person).await;
    }
    let operator = world.as_operator();
    operator.send("nestsync.cmd.grant_system_administration", ROOT, json!({})).await.ok();
    let root = world.as_person(ROOT);
    let by_root = |command: &str, person| {
        root.ask(&format!("nestsync.cmd.{command}"), person, json!({})).with("reason", "asked to")
    };
    by_root("deactivate_user", OTTO).send().await.ok();
    world.as_person(VIC).send("nestsync.cmd.delete_user", VIC, json!({})).await.ok();
    let before = world.events().await;
    let answer = by_root("grant_system_administration", OTTO).send().await;
    answer.refused("user_not_active");
    let answer = world.as_system().send("nestsync.cmd.record_sign_in", VIC, json!({})).await;
    answer.refused("user_closed");
    assert_eq!(world.events().await, before, "something was stored");
}
