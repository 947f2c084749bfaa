//! Somebody is erased while tables are being made anew: the new ones hold nothing of them either.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use annals_commands::Catalogue as Aggregates;
use annals_infra::{
    keys::{Kek, Keys},
    projector::{Rebuild, RebuildError, Rebuilt, rebuild},
    store::{Role, connect},
};
use annals_projections::Catalogue;
use annals_tests::{World, lift::account, token};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{folders, found, no_recycling, world};

/// How long erasures may take while tables are rebuilt over and over.
const PATIENCE: Duration = Duration::from_secs(180);

/// A rebuild as another process would do it: with keys of its own, which it may still hold.
struct Elsewhere {
    url: String,
    pool: PgPool,
    catalogue: Catalogue,
    aggregates: Arc<Aggregates>,
    keys: Keys,
}

impl Elsewhere {
    async fn new(world: &World) -> Self {
        let config = world.config();
        let kek = Kek::open(&config.kek_file).unwrap();
        Self {
            url: world.database_url().to_owned(),
            pool: connect(world.database_url(), Role::Projector, 2, true).await.unwrap(),
            catalogue: Catalogue::new(),
            aggregates: Arc::new(Aggregates::new()),
            keys: Keys::connect(&config.keys_url, kek, true).await.unwrap(),
        }
    }

    async fn rebuild(&self, told: impl Fn() + Send) -> Result<Rebuilt, RebuildError> {
        let work = Rebuild {
            url: &self.url,
            pool: &self.pool,
            context: self.catalogue.context("lift").unwrap(),
            aggregates: &self.aggregates,
            keys: &self.keys,
            history: true,
        };
        rebuild(work, |_| told()).await
    }

    /// Rebuilds until it is done: what an erasure interrupts goes on when it is called again.
    async fn to_the_end(&self) -> Rebuilt {
        for _ in 0..20 {
            if let Ok(done) = self.rebuild(|| {}).await {
                return done;
            }
        }
        panic!("the rebuild was interrupted again and again");
    }
}

/// Texts that stand nowhere but in one person's record, and the person.
async fn person(world: &World, nth: u128) -> (Uuid, String) {
    let id = Uuid::from_u128(0x0b00_0000_0000_7000_8000_0000_0002_0000 + nth);
    let letters = |it: char| it.to_digit(16).and_then(|it| char::from_digit(it + 10, 36));
    let name: String = Uuid::new_v4().simple().to_string().chars().filter_map(letters).collect();
    world.knows(id).await;
    let data = json!({"email": token::address(id), "name": name, "role": "Account"});
    let admin = world.as_person(annals_tests::lift::AVA);
    admin.ask("lift.cmd.create_profile", id, data).send().await.ok();
    (id, name)
}

/// Nothing of these people is left, in any schema, nor in any file.
async fn nothing_is_left(world: &World, names: &[String]) {
    let schemas = "SELECT nspname::text AS name FROM pg_namespace WHERE nspname ~ '^lift'
                   ORDER BY nspname";
    let schemas: Vec<String> = world
        .rows(schemas)
        .await
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(schemas, ["lift", "lift_as_of", "lift_history"]);
    for schema in ["lift", "lift_history"] {
        let all: Vec<String> = names.iter().map(|it| format!("'{it}'")).collect();
        let held =
            format!("SELECT count(*) FROM {schema}.profiles WHERE name IN ({})", all.join(", "));
        assert_eq!(world.number(&held).await, 0, "{schema}");
    }
    let kept = "SELECT count(*) FROM lift_history.profiles WHERE name = 'erased'";
    assert!(world.number(kept).await >= i64::try_from(names.len()).unwrap());
    // Files of tables that were replaced go with the next checkpoint.
    world.execute("CHECKPOINT").await.unwrap();
    assert_eq!(found(&folders(world).await, names), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rebuild_that_stands_still_while_somebody_is_erased_brings_nothing_back() {
    no_recycling().await;
    let (world, _signing) = world().await;
    account(&world).await;
    let (ada, name) = person(&world, 1).await;
    world.all_shown().await;
    world.reacted("shared").await;
    let elsewhere = Elsewhere::new(&world).await;
    // It has opened what there is once: its keys are in its memory.
    assert_eq!(elsewhere.rebuild(|| {}).await.unwrap().different, [""; 0]);
    assert!(elsewhere.keys.cached(&ada.to_string()).is_some());

    let marks = Arc::new((AtomicBool::new(false), AtomicBool::new(false)));
    let standing = Arc::clone(&marks);
    // On a thread of its own, since it stands still there.
    let rebuilding = tokio::spawn(async move {
        let stands_still = || {
            standing.0.store(true, Ordering::SeqCst);
            // The first page is read and opened, and not written yet.
            while !standing.1.load(Ordering::SeqCst) {
                tokio::task::block_in_place(|| std::thread::sleep(Duration::from_millis(5)));
            }
        };
        elsewhere.rebuild(stands_still).await
    });
    while !marks.0.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ground = json!({"ground": "subject_request"});
    world.as_operator().send("shared.cmd.erase_subject", ada, ground).await.ok();
    world.until("SELECT count(*) = 1 FROM annals.erasures WHERE redacted_at IS NOT NULL").await;
    marks.1.store(true, Ordering::SeqCst);
    super::finished(&world, &[ada]).await;
    let interrupted = rebuilding.await.unwrap();
    assert!(interrupted.is_err(), "it goes on with what it had opened: {interrupted:?}");

    let fresh = Elsewhere::new(&world).await;
    assert_eq!(fresh.to_the_end().await.different, [""; 0]);
    nothing_is_left(&world, &[name]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_who_are_erased_while_rebuilds_follow_each_other_are_in_none_of_their_tables() {
    no_recycling().await;
    let (world, _signing) = world().await;
    account(&world).await;
    let mut people = Vec::new();
    for nth in 0..12 {
        people.push(person(&world, 100 + nth).await);
    }
    world.all_shown().await;
    world.reacted("shared").await;
    let (elsewhere, over) = (Elsewhere::new(&world).await, AtomicBool::new(false));
    let began = Instant::now();
    let (swapped, interrupted) = (AtomicU64::new(0), AtomicU64::new(0));
    let rebuilding = async {
        while !over.load(Ordering::SeqCst) {
            match elsewhere.rebuild(|| {}).await {
                Ok(done) => {
                    assert_eq!(done.different, [""; 0]);
                    swapped.fetch_add(1, Ordering::SeqCst);
                }
                Err(_) => drop(interrupted.fetch_add(1, Ordering::SeqCst)),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        elsewhere.to_the_end().await
    };
    let erasing = async {
        for (nth, (id, _)) in people.iter().enumerate() {
            let ground = json!({"ground": "subject_request"});
            world.as_operator().send("shared.cmd.erase_subject", *id, ground).await.ok();
            // Orders come while others are carried out, and while tables change places.
            tokio::time::sleep(Duration::from_millis(400 * (nth as u64 % 3))).await;
        }
        let done = "SELECT count(*) FROM annals.erasures WHERE finished_at IS NOT NULL";
        while world.number(done).await < i64::try_from(people.len()).unwrap() {
            assert!(began.elapsed() < PATIENCE, "erasures wait for rebuilds without end");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        over.store(true, Ordering::SeqCst);
    };
    let (last, ()) = tokio::join!(rebuilding, erasing);
    assert_eq!(last.different, [""; 0]);
    let swapped = swapped.load(Ordering::SeqCst);
    assert!(swapped > 2, "{swapped} rebuilds took over, {interrupted:?} were interrupted");
    let names: Vec<String> = people.into_iter().map(|(_, name)| name).collect();
    nothing_is_left(&world, &names).await;
}
