//! Once in effect: whatever dies between two steps, and however often an event is met.

use annals_tests::{
    World,
    lift::{account, check_in, organisation},
};
use chrono::Duration;
use serde_json::{Value, json};

use super::process::dies_at;

/// What reactions led to: kinds of event and how many of each.
async fn effects(world: &World) -> Vec<Value> {
    let sql = "SELECT event_type, count(*) FROM annals.events
               WHERE metadata ->> 'actor_kind' = 'system' AND aggregate_type LIKE 'lift.%'
               GROUP BY event_type ORDER BY event_type";
    world.rows(sql).await
}

fn all_of_it() -> Vec<Value> {
    [("GardenItemGranted", 9), ("GardenItemUnlocked", 1), ("StickerAwarded", 2)]
        .map(|(event_type, count)| json!({"event_type": event_type, "count": count}))
        .to_vec()
}

/// A school whose child has checked in twice, and nobody reacted yet.
async fn unheard() -> World {
    let mut world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    for _ in 0..2 {
        check_in(&world, school.child).await;
    }
    world.wake().await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reactor_that_dies_between_two_steps_leads_to_everything_once() {
    for failpoint in
        ["reacting", "reaction_sent", "reaction_sent:5", "reacted", "remembering", "remembered"]
    {
        let mut world = unheard().await;
        dies_at(&world, failpoint, Duration::zero()).await;
        world.react(Duration::zero()).await;
        world.reacted("lift").await;
        assert_eq!(effects(&world).await, all_of_it(), "{failpoint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_whose_reactor_dies_fires_once() {
    for failpoint in ["timer_due", "timer_sent", "timer_handled"] {
        let mut world = World::lively().await;
        account(&world).await;
        let school = organisation(&world, "Oakfield", 1).await;
        let invite = json!({
            "org_id": school.id, "email": "new@example.org", "role": "Practitioner",
            "invitation_token": "b".repeat(64),
        });
        let contact = world.as_person(school.contact);
        contact.send("lift.cmd.invite_member", (), invite).await.ok();
        world.reacted("lift").await;
        world.rest().await;
        world.wake().await;
        dies_at(&world, failpoint, Duration::days(8)).await;
        world.react(Duration::days(8)).await;
        let gone = "SELECT count(*) = 0 FROM annals.timers
                    WHERE reaction = 'lift.reaction.invitation-expiry'";
        world.until(gone).await;
        let expired = "SELECT count(*) FROM annals.events WHERE event_type = 'InvitationExpired'";
        assert_eq!(world.number(expired).await, 1, "{failpoint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reactors_are_as_one_and_the_second_takes_over() {
    let mut world = unheard().await;
    world.react(Duration::zero()).await;
    world.react(Duration::zero()).await;
    world.reacted("lift").await;
    assert_eq!(effects(&world).await, all_of_it());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reactor_that_lost_its_checkpoint_sends_everything_again_to_no_effect() {
    let mut world = unheard().await;
    world.react(Duration::zero()).await;
    world.reacted("lift").await;
    let events = world.events().await;
    world.rest().await;
    for table in ["reactors", "reactor_states", "reactor_sets", "timers"] {
        world.execute(&format!("DELETE FROM annals.{table}")).await.unwrap();
    }
    world.wake().await;
    world.react(Duration::zero()).await;
    world.reacted("lift").await;
    assert_eq!(effects(&world).await, all_of_it());
    assert_eq!(world.events().await, events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_of_another_version_is_folded_anew_from_the_log() {
    let mut world = unheard().await;
    world.react(Duration::zero()).await;
    world.reacted("lift").await;
    let events = world.events().await;
    world.rest().await;
    let remembered = "SELECT kind, id, state::jsonb - 'moods' AS state FROM annals.reactor_states
                      WHERE context = 'lift' ORDER BY kind, id";
    let sets = "SELECT * FROM annals.reactor_sets WHERE context = 'lift' ORDER BY kind, id, member";
    let timers = "SELECT * FROM annals.timers WHERE context = 'lift' ORDER BY reaction, key";
    let mut before = Vec::new();
    for sql in [remembered, sets, timers] {
        before.push(world.rows(sql).await);
        assert!(!before.last().unwrap().is_empty(), "{sql}");
    }
    world.execute("UPDATE annals.reactors SET version = 0").await.unwrap();
    world.execute("UPDATE annals.reactor_states SET state = '{\"of\": \"old\"}'").await.unwrap();
    world.wake().await;
    world.react(Duration::zero()).await;
    world
        .until("SELECT version > 0 AND folded IS NULL FROM annals.reactors WHERE context = 'lift'")
        .await;
    for (sql, before) in [remembered, sets, timers].into_iter().zip(before) {
        assert_eq!(world.rows(sql).await, before, "{sql}");
    }
    assert_eq!(world.events().await, events, "nothing is sent for what was remembered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reactor_waits_for_a_store_that_is_away() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    world.reacted("lift").await;
    check_in(&world, school.child).await;
    // Every connection of the services is cut, the reactor's own with its lock included.
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'annals'";
    world.rows(&format!("SELECT count(*) FROM ({cut}) AS cut")).await;
    world.reacted("lift").await;
    world.until("SELECT count(*) = 1 FROM lift.stickers_earned").await;
}
