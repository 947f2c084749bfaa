//! Random histories: what is read as of a position is what a replay up to it makes.

use annals_tests::{World, busy::fill, lift, samia};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Work, versions};

/// Numbers that look like chance and are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What random commands are about.
struct Scene {
    alerts: Vec<Uuid>,
    children: [Uuid; 2],
    schools: [lift::Organisation; 2],
    item: Uuid,
    nora: Uuid,
}

/// Something that may be asked for; whether it is refused does not matter.
fn something(scene: &Scene, chance: &mut Chance) -> (Who, &'static str, String, Value) {
    let alert = scene.alerts[usize::try_from(chance.below(4)).unwrap()];
    let one = usize::try_from(chance.below(2)).unwrap();
    let (child, school) =
        (scene.children[one], scene.schools[usize::try_from(chance.below(2)).unwrap()]);
    let amount = json!({"amount": format!("{}.{:02}", chance.below(3), chance.below(100))});
    let word = format!("word {}", chance.below(1_000));
    match chance.below(16) {
        0..=2 => (Who::System, "samia.cmd.credit_wallet", samia::CLARA.to_string(), amount),
        3 | 4 => (Who::System, "samia.cmd.debit_wallet", samia::CLARA.to_string(), amount),
        5 => (
            Who::Person(samia::CLARA),
            "samia.cmd.change_user_preferences",
            samia::CLARA.to_string(),
            json!({"preferences": {"colour": word}}),
        ),
        6 => (
            Who::Person(school.practitioner),
            "lift.cmd.acknowledge_alert",
            alert.to_string(),
            json!({}),
        ),
        7 => (
            Who::Person(school.practitioner),
            "lift.cmd.resolve_alert",
            alert.to_string(),
            json!({"resolution_notes": word}),
        ),
        8 => (
            Who::Person(lift::AVA),
            "lift.cmd.transfer_child",
            child.to_string(),
            json!({"org_id": school.id}),
        ),
        9 => (
            Who::Person(school.practitioner),
            "lift.cmd.update_child_details",
            child.to_string(),
            json!({"additional_notes": word}),
        ),
        10 => (
            Who::Person(school.practitioner),
            "lift.cmd.record_safeguarding_note",
            child.to_string(),
            json!({"safeguarding_notes": word}),
        ),
        11 => (
            Who::Person(child),
            "lift.cmd.start_session",
            String::new(),
            json!({"session_type": "daily_checkin"}),
        ),
        12 => (
            Who::Person(scene.nora),
            "nestsync.cmd.log_usage",
            scene.item.to_string(),
            json!({"quantity": "1", "notes": word}),
        ),
        13 => (
            Who::Person(scene.nora),
            "nestsync.cmd.restock_item",
            scene.item.to_string(),
            json!({"quantity": "2"}),
        ),
        14 => (
            Who::Person(lift::AVA),
            "lift.cmd.set_platform_setting",
            format!("flag:{}", chance.below(3)),
            json!({"value": {"word": word}}),
        ),
        _ => (
            Who::Person(lift::AVA),
            "lift.cmd.remove_platform_setting",
            format!("flag:{}", chance.below(3)),
            json!({}),
        ),
    }
}

enum Who {
    System,
    Person(Uuid),
}

async fn happens(world: &World, scene: &Scene, chance: &mut Chance, times: usize) {
    for _ in 0..times {
        // Together, so that projectors and appends have batches to merge.
        let asked: Vec<_> = (0..8).map(|_| something(scene, chance)).collect();
        join_all(asked.into_iter().map(|(who, subject, id, data)| async move {
            let caller = match who {
                Who::System => world.as_system(),
                Who::Person(person) => world.as_person(person),
            };
            let _ = match id.as_str() {
                "" => caller.send(subject, (), data).await,
                id => caller.send(subject, id, data).await,
            };
        }))
        .await;
    }
    world.all_shown().await;
}

async fn scene(world: &World) -> Scene {
    let busy = fill(world).await;
    let other = lift::organisation(world, "Riverside Clinic", 2).await;
    let mut alerts = Vec::new();
    for child in [busy.school.child, busy.school.child, other.child, other.child] {
        alerts.push(lift::alert(world, child, "high").await);
    }
    Scene {
        alerts,
        children: [busy.school.child, other.child],
        schools: [busy.school, other],
        item: busy.nest.item,
        nora: annals_tests::nestsync::NORA,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_as_of_a_position_are_those_of_a_replay_up_to_it() {
    let seed = Uuid::now_v7().as_u64_pair().1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let world = World::start().await;
    let scene = scene(&world).await;
    happens(&world, &scene, &mut chance, 25).await;
    let work = Work::new(&world).await;
    let last = u64::try_from(world.events().await).unwrap();
    let kinds = world.number("SELECT count(DISTINCT event_type) FROM annals.events").await;
    assert!(last > 120 && kinds > 25, "{last} events of {kinds} kinds are no history");
    for context in ["lift", "samia", "nestsync", "carenotes"] {
        let written = versions(&world, context).await;
        assert!(written.len() >= 10, "{context}: {}", written.len());
        for nth in 0..3 {
            let position = i64::try_from(1 + chance.below(last - 1)).unwrap();
            let into = format!("scratch_{context}_{nth}");
            let done = work.replay(context, &into, Some(position)).await;
            assert_eq!(done.different, [], "{context} as of {position}");
        }
        // Merged over batches of another size, the versions are the same ones.
        work.rebuild(context, true).await;
        assert_eq!(versions(&world, context).await, written, "{context}");
        let done = work.replay(context, &format!("scratch_{context}"), None).await;
        assert_eq!(done.different, [], "{context}");
    }
}

/// Once its keys are gone, a person is gone from the past as well, and it still equals its replay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_of_the_erased_is_that_of_a_replay_without_their_keys() {
    let seed = Uuid::now_v7().as_u64_pair().1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let world = World::start().await;
    let scene = scene(&world).await;
    happens(&world, &scene, &mut chance, 10).await;
    let child = scene.children[0];
    let kept = format!(
        "SELECT (SELECT count(*) FROM lift_history.children AS v
                 WHERE id = '{child}' AND v::text LIKE '%{word}%')
              + (SELECT count(*) FROM samia_history.transactions AS v WHERE v::text LIKE '%{card}%')
                AS number",
        word = "likes trains",
        card = "A card"
    );
    assert!(world.number(&kept).await > 0);
    let before = world.events().await;
    for (person, command) in
        [(child, "lift.cmd.erase_child"), (samia::CLARA, "samia.cmd.erase_user")]
    {
        world.services()[0].keys.destroy(&person.to_string()).await.unwrap();
        world.as_system().send(command, person, json!({})).await.ok();
    }
    world.all_shown().await;
    assert_eq!(world.number(&kept).await, 0, "tombstones stand in every version");
    let work = Work::new(&world).await;
    for context in ["lift", "samia"] {
        work.rebuild(context, true).await;
        for (nth, position) in [before, before / 2].into_iter().enumerate() {
            let into = format!("scratch_{context}_{nth}");
            let done = work.replay(context, &into, Some(position)).await;
            assert_eq!(done.different, [], "{context} as of {position}");
        }
    }
}
