//! What a superuser of the database can do to the log, each found and located.
//!
//! `ANNALS_TAMPER_ROUNDS=10000 ANNALS_TAMPER_CLEAN=1000` makes a long run of it.

use std::collections::BTreeMap;

use annals_infra::{
    proof::verify::{Report, What},
    store::StoredEvent,
};
use annals_tests::{World, busy, restorative};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};

use super::{all_signed, verified, world};

/// Rounds of an ordinary run.
const ROUNDS: u64 = 150;
/// Verifications of a log that nobody altered and that grows meanwhile, in an ordinary run.
const CLEAN: u64 = 40;

/// How many are asked for, or as many as is usual.
fn asked(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(usual)
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % sides
    }
}

/// What is done to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    /// An event's content, and nothing else.
    Content,
    /// An event's content, and its hash to fit.
    ContentAndHash,
    /// Who did it, its hash, and all kept roots gone.
    ActorHashAndTiles,
    /// When it happened.
    Time,
    /// An event taken out.
    Taken,
    /// An event taken out, and those after it moved up.
    TakenAndClosed,
    /// Two events change places.
    Swapped,
    /// An event put in, and those after it moved on.
    PutIn,
    /// The last events cut off.
    CutOff,
    /// The last events cut off with all that speaks of them in the database.
    CutOffClean,
    /// A checkpoint's root.
    Checkpoint,
}

const DEEDS: [Deed; 11] = [
    Deed::Content,
    Deed::ContentAndHash,
    Deed::ActorHashAndTiles,
    Deed::Time,
    Deed::Taken,
    Deed::TakenAndClosed,
    Deed::Swapped,
    Deed::PutIn,
    Deed::CutOff,
    Deed::CutOffClean,
    Deed::Checkpoint,
];

/// The first and the last position at which the deed is to be found.
type Place = (u64, u64);

async fn do_it(connection: &mut PgConnection, deed: Deed, dice: &mut Dice, last: i64) -> Place {
    let at = 1 + i64::try_from(dice.roll(last as u64 - 1)).unwrap();
    let here = (at as u64, at as u64);
    let onwards = (at as u64, last as u64);
    match deed {
        Deed::Content => {
            change(connection, at, false, |it| it.payload = r#"{"forged":1}"#.to_owned()).await;
            here
        }
        Deed::ContentAndHash => {
            change(connection, at, true, |it| it.payload = r#"{"forged":2}"#.to_owned()).await;
            here
        }
        Deed::ActorHashAndTiles => {
            change(connection, at, true, |it| it.metadata = it.metadata.replace("actor", "Actor"))
                .await;
            connection.execute("DELETE FROM annals.tiles").await.unwrap();
            here
        }
        Deed::Time => {
            let later = chrono::Duration::microseconds(1);
            change(connection, at, dice.roll(2) == 1, |it| it.recorded_at += later).await;
            here
        }
        Deed::Taken => {
            run(connection, "DELETE FROM annals.events WHERE position = $1", at).await;
            here
        }
        Deed::TakenAndClosed => {
            run(connection, "DELETE FROM annals.events WHERE position = $1", at).await;
            shift(connection, at, -1).await;
            onwards
        }
        Deed::Swapped => {
            run(connection, "UPDATE annals.events SET position = -1 WHERE position = $1", at).await;
            run(connection, "UPDATE annals.events SET position = $1 WHERE position = $1 + 1", at)
                .await;
            run(connection, "UPDATE annals.events SET position = $1 + 1 WHERE position = -1", at)
                .await;
            (at as u64, at as u64 + 1)
        }
        Deed::PutIn => {
            shift(connection, at, 1).await;
            run(
                connection,
                "INSERT INTO annals.events SELECT $1, aggregate_type, 'forged', 1, event_type,
                     event_version, payload, metadata, gen_random_uuid(), recorded_at, hash
                 FROM annals.events WHERE position = $1 + 1",
                at,
            )
            .await;
            change(connection, at, true, |_| {}).await;
            (at as u64, last as u64 + 1)
        }
        Deed::CutOff | Deed::CutOffClean => {
            run(connection, "DELETE FROM annals.events WHERE position > $1", at).await;
            run(connection, "UPDATE annals.head SET position = $1", at).await;
            if deed == Deed::CutOffClean {
                run(connection, "DELETE FROM annals.checkpoints WHERE size > $1", at).await;
                connection.execute("DELETE FROM annals.tiles").await.unwrap();
            }
            (at as u64 + 1, last as u64)
        }
        Deed::Checkpoint => {
            let size: i64 = sqlx::query_scalar(
                "UPDATE annals.checkpoints SET root = sha256(root)
                 WHERE size = (SELECT min(size) FROM annals.checkpoints) RETURNING size",
            )
            .fetch_one(connection)
            .await
            .unwrap();
            (size as u64, size as u64)
        }
    }
}

async fn run(connection: &mut PgConnection, sql: &str, at: i64) {
    sqlx::query(sql).bind(at).execute(connection).await.unwrap();
}

/// Moves all events from a position on, by way of numbers that nobody has.
async fn shift(connection: &mut PgConnection, from: i64, by: i64) {
    run(connection, "UPDATE annals.events SET position = -position WHERE position >= $1", from)
        .await;
    let back = format!(
        "UPDATE annals.events SET position = -position + {by} WHERE position < 0 AND $1 > 0"
    );
    run(connection, &back, from).await;
    let head = format!("UPDATE annals.head SET position = position + {by} WHERE $1 > 0");
    run(connection, &head, from).await;
}

/// Changes an event, and its hash too where that is to fit.
async fn change(
    connection: &mut PgConnection,
    at: i64,
    with_hash: bool,
    change: impl FnOnce(&mut StoredEvent),
) {
    let mut event: StoredEvent = sqlx::query_as(
        "SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version,
                payload::text AS payload, metadata::text AS metadata, event_id, recorded_at, hash
         FROM annals.events WHERE position = $1",
    )
    .bind(at)
    .fetch_one(&mut *connection)
    .await
    .unwrap();
    change(&mut event);
    let hash = if with_hash { event.computed_hash().to_vec() } else { event.hash.clone() };
    sqlx::query(
        "UPDATE annals.events SET payload = $2::text::json, metadata = $3::text::json,
                recorded_at = $4, hash = $5 WHERE position = $1",
    )
    .bind(at)
    .bind(&event.payload)
    .bind(&event.metadata)
    .bind(event.recorded_at)
    .bind(hash)
    .execute(connection)
    .await
    .unwrap();
}

const TABLES: [&str; 4] = ["events", "head", "checkpoints", "tiles"];

async fn save(connection: &mut PgConnection) {
    connection.execute("SET session_replication_role = replica").await.unwrap();
    // What is undone a moment later need not be on the disk.
    connection.execute("SET synchronous_commit = off").await.unwrap();
    for table in TABLES {
        let sql = format!("CREATE TABLE public.saved_{table} AS TABLE annals.{table}");
        connection.execute(sql.as_str()).await.unwrap();
    }
}

async fn put_back(connection: &mut PgConnection) {
    let mut transaction = connection.begin().await.unwrap();
    for table in TABLES {
        let sql = format!(
            "DELETE FROM annals.{table}; INSERT INTO annals.{table} TABLE public.saved_{table};"
        );
        sqlx::raw_sql(&sql).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

/// Whether something was found, and all of it where the deed was done.
fn is_located(report: &Report, (from, to): Place) -> bool {
    let at_the_place = |it: &annals_infra::proof::verify::Finding| it.from >= from && it.to <= to;
    // An event that moved is out of its aggregate's sequence too, wherever that goes on.
    let follows = |it: &annals_infra::proof::verify::Finding| {
        matches!(it.what, What::OutOfSequence | What::Earlier) && it.from >= from
    };
    report.findings.iter().any(at_the_place)
        && report.findings.iter().all(|it| at_the_place(it) || follows(it))
}

async fn quiet(world: &mut World) -> (PgConnection, i64) {
    world.rest().await;
    let mut connection = PgConnection::connect(world.database_url()).await.unwrap();
    save(&mut connection).await;
    let last: i64 = sqlx::query_scalar("SELECT position FROM annals.head")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    (connection, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_superuser_does_to_the_log_is_found_and_located() {
    let (mut world, signing) = world().await;
    busy::fill(&world).await;
    all_signed(&world, &signing).await;
    let (mut connection, last) = quiet(&mut world).await;
    let (mut dice, mut done, mut clean) = (Dice(42), BTreeMap::new(), 0);
    for round in 0..asked("ANNALS_TAMPER_ROUNDS", ROUNDS) {
        let deed = DEEDS[usize::try_from(dice.roll(DEEDS.len() as u64)).unwrap()];
        let place = do_it(&mut connection, deed, &mut dice, last).await;
        let report = verified(&world, &signing, true).await;
        assert!(is_located(&report, place), "round {round}, {deed:?} at {place:?}: {report:?}");
        *done.entry(deed).or_insert(0) += 1;
        put_back(&mut connection).await;
        if round % 10 == 0 {
            let report = verified(&world, &signing, true).await;
            assert_eq!(report.findings, [], "a false alarm after round {round}, {deed:?}");
            clean += 1;
        }
    }
    let all: u64 = done.values().sum();
    println!("{all} deeds found and located: {done:?}; {clean} clean runs between them, no alarm");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_and_is_signed_while_it_is_verified_gives_no_false_alarm() {
    let (world, signing) = world().await;
    busy::fill(&world).await;
    all_signed(&world, &signing).await;
    let writing = async {
        for nth in 0_u64.. {
            let saved = json!({"narrative": format!("Sentence {nth}")});
            let ruth = world.as_person(restorative::RUTH);
            ruth.send("restorative.cmd.save_restorative_record", (), saved).await.ok();
        }
    };
    let verifying = async {
        let (mut events, mut runs) = (Vec::new(), 0);
        for run in 0..asked("ANNALS_TAMPER_CLEAN", CLEAN) {
            let report = verified(&world, &signing, run % 2 == 0).await;
            assert_eq!(report.findings, [], "a false alarm in run {run}");
            events.push(report.events);
            runs += 1;
        }
        (events, runs)
    };
    let (events, runs) = tokio::select! {
        it = verifying => it,
        () = writing => panic!("it goes on for ever"),
    };
    assert!(events.first() < events.last(), "it did not grow: {events:?}");
    println!("{runs} clean runs over {:?} to {:?} events, no alarm", events.first(), events.last());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_notarys_copy_every_deed_is_found_between_two_checkpoints() {
    let (mut world, signing) = world().await;
    busy::fill(&world).await;
    all_signed(&world, &signing).await;
    let (mut connection, last) = quiet(&mut world).await;
    let mut dice = Dice(7);
    for round in 0..40 {
        // What was cut off with its checkpoints is seen by a checkpoint from elsewhere alone.
        let deeds: Vec<_> = DEEDS.into_iter().filter(|it| *it != Deed::CutOffClean).collect();
        let deed = deeds[round % deeds.len()];
        let place = do_it(&mut connection, deed, &mut dice, last).await;
        let report = verified(&world, &signing, false).await;
        let near = report.findings.iter().any(|it| it.from <= place.1 && it.to >= place.0);
        assert!(near, "{deed:?} at {place:?}: {report:?}");
        put_back(&mut connection).await;
    }
    assert_eq!(verified(&world, &signing, false).await.findings, []);
}
