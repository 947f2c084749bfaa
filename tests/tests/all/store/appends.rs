//! What is stored stays as it was stored, and a command's events are stored all or not at all.

use annals_infra::store::{Role, Store, connect};
use annals_tests::{World, lift, samia::wallet, token};
use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

/// Every role that the migrations make, and whoever migrated: a superuser here.
const ROLES: [&str; 11] = [
    "annals",
    "annals_owner",
    "annals_appender",
    "annals_relay",
    "annals_notary",
    "annals_auditor",
    "projector",
    "authenticated",
    "anon",
    "analyst",
    "service_role",
];

async fn refusal(connection: &mut PgConnection, role: &str, sql: &str) -> String {
    let mut transaction = connection.begin().await.unwrap();
    transaction.execute(format!("SET LOCAL ROLE {role}").as_str()).await.unwrap();
    let done = transaction.execute(sql).await;
    let error = done.map(|_| format!("{role} may {sql}")).unwrap_err();
    error.as_database_error().unwrap().code().unwrap().into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_the_log() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    let mut connection = world.pool().acquire().await.unwrap();
    for role in ROLES {
        for sql in [
            "UPDATE annals.events SET payload = '{}'",
            "UPDATE annals.events SET position = position",
            "DELETE FROM annals.events",
            "DELETE FROM annals.events WHERE position = 1",
            "TRUNCATE annals.events",
            "TRUNCATE annals.events CASCADE",
        ] {
            let state = refusal(&mut connection, role, sql).await;
            assert_eq!(state, "42501", "{role}: {sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_into_the_log_by_the_appenders_function_alone() {
    let world = World::start().await;
    wallet(&world, "10.00").await;
    let copy = "INSERT INTO annals.events SELECT position + 100, aggregate_type, aggregate_id,
        sequence + 100, event_type, event_version, payload, metadata, event_id, recorded_at, hash
        FROM annals.events";
    let append =
        "SELECT annals.append(0, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')";
    let mut connection = world.pool().acquire().await.unwrap();
    for role in ROLES.into_iter().filter(|role| !matches!(*role, "annals" | "annals_owner")) {
        assert_eq!(refusal(&mut connection, role, copy).await, "42501", "{role}");
        for table in ["head", "commands", "claims"] {
            let sql = format!("DELETE FROM annals.{table}");
            assert_eq!(refusal(&mut connection, role, &sql).await, "42501", "{role}: {table}");
        }
        if role != "annals_appender" {
            assert_eq!(refusal(&mut connection, role, append).await, "42501", "{role}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stored_bytes_have_the_stored_hash() {
    let world = World::start().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Schule „Zur Linde“ 🌳", 1).await;
    lift::check_in(&world, school.child).await;
    let pool = connect(world.database_url(), Role::Auditor, 1, true).await.unwrap();
    let events = Store::new(pool).after(0, 1_000, None).await.unwrap();
    assert_eq!(i64::try_from(events.len()).unwrap(), world.events().await);
    for event in events {
        assert_eq!(event.computed_hash().as_slice(), event.hash, "{}", event.position);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn children_take_the_places_and_numbers_that_there_are_and_no_others() {
    let mut world = World::start().await;
    world.wake().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Oakfield School", 1).await;
    let limit = json!({"max_children": 6});
    let account = world.as_person(lift::AVA);
    account.send("lift.cmd.set_organisation_limits", school.id, limit).await.ok();
    let children: Vec<Uuid> = (1..=20).map(|nth| Uuid::from_u128(0xc41d_0000 + nth)).collect();
    join_all(children.iter().map(|child| world.knows(*child))).await;
    let before = world.events().await;
    let staff = world.as_person(school.practitioner);
    let asked = children.iter().map(|child| {
        let data = json!({"org_id": school.id, "first_name": "Kit"});
        staff.ask("lift.cmd.register_child", *child, data).shown().send()
    });
    let answers = join_all(asked).await;
    let accepted = answers.iter().filter(|answer| answer.body["ok"] == true).count();
    assert_eq!(accepted, 5, "one of six places was taken before");
    for answer in answers.iter().filter(|answer| answer.body["ok"] == false) {
        answer.refused("child_limit_reached").status(422);
    }
    // Each registration is an event of the child, one of its place among the members, and one of the
    // organisation's: all three of five, nothing of the other fifteen.
    let streams = "SELECT aggregate_type, count(*) FROM annals.events
                   WHERE position > {} GROUP BY aggregate_type ORDER BY aggregate_type";
    let streams = world.rows(&streams.replace("{}", &before.to_string())).await;
    let of = |kind: &str| json!({"aggregate_type": kind, "count": 5});
    assert_eq!(streams, [of("lift.child"), of("lift.member"), of("lift.organisation")]);
    let numbers = "SELECT array_agg(display_id ORDER BY display_id) AS numbers FROM lift.children";
    assert_eq!(world.row(numbers).await, json!({"numbers": [1, 2, 3, 4, 5, 6]}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_decides_and_stores_nothing() {
    let world = World::start().await;
    let clara = wallet(&world, "10.00").await;
    let counts = "SELECT (SELECT count(*) FROM annals.events) AS events,
                         (SELECT count(*) FROM annals.commands) AS commands,
                         (SELECT count(*) FROM annals.claims) AS claims,
                         (SELECT position FROM annals.head) AS head";
    let before = world.row(counts).await;
    let system = world.as_system();
    let debit = |amount: &str| {
        let data = json!({"amount": amount});
        system.ask("samia.cmd.debit_wallet", clara, data).under("only-to-see")
    };
    let answer = debit("4.00").header("Annals-Dry-Run", "1").shown().send().await;
    answer.accepted(&["WalletDebited"]);
    assert_eq!((answer.version(), &answer.body["dry_run"]), (3, &json!(true)));
    let answer = debit("11.00").header("Annals-Dry-Run", "1").send().await;
    answer.refused("insufficient_funds");
    world.knows(Uuid::from_u128(1)).await;
    let after_one_more = world.row(counts).await;
    let data = json!({"email": token::address(Uuid::from_u128(1)), "full_name": "Somebody"});
    let register = world.as_person(Uuid::from_u128(1)).ask("samia.cmd.register_user", (), data);
    let register = register.header("Annals-Dry-Run", "1");
    register.send().await.accepted(&["UserRegistered"]);
    assert_eq!(world.row(counts).await, after_one_more);
    assert_eq!(before["claims"], after_one_more["claims"]);
    // The id was not used up, and nothing in memory moved on.
    let answer = debit("4.00").send().await;
    assert!(!answer.accepted(&["WalletDebited"]).duplicate());
    assert_eq!(answer.version(), 3);
}
