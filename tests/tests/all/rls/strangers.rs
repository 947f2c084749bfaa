//! Whoever is nobody reads nothing, but for the deck.

use annals_projections::Catalogue;
use annals_tests::{Reader, World, carenotes, lift, nestsync, restorative, samia};
use serde_json::json;

/// Everybody reads these, signed in or not.
const PUBLIC: [&str; 2] = ["samia.tarot_cards", "samia.tarot_spreads"];

/// Every table and view of every context, and of the log.
fn everything() -> Vec<String> {
    let catalogue = Catalogue::new();
    let mut names: Vec<String> = ["events", "head", "commands", "claims", "snapshots", "relay"]
        .into_iter()
        .chain(["projections", "parked", "claim_setters", "login_subjects"])
        .map(|name| format!("annals.{name}"))
        .collect();
    names.push("auth.users".to_owned());
    for context in catalogue.contexts() {
        let tables = context.tables.iter().map(|table| table.name);
        let views = context.views.iter().map(|(name, _)| *name);
        names.extend(tables.chain(views).map(|name| format!("{}.{name}", context.name)));
    }
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_reads_the_deck_and_nothing_else() {
    let world = World::start().await;
    for name in everything() {
        let seen = world.rows_for(Reader::Visitor, &format!("SELECT 1 FROM {name}")).await;
        if PUBLIC.contains(&name.as_str()) {
            assert!(seen.is_ok(), "{name}: {seen:?}");
        } else {
            assert_eq!(seen, Err("42501".to_owned()), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_claims_reads_nothing_that_is_somebodys() {
    let world = World::start().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Oakfield School", 1).await;
    lift::check_in(&world, school.child).await;
    lift::alert(&world, school.child, "high").await;
    samia::wallet(&world, "10.00").await;
    nestsync::family(&world, nestsync::NORA).await;
    restorative::record(&world, restorative::RUTH).await;
    let home = carenotes::home(&world, "Willow Care", 1).await;
    carenotes::papers(&world, home).await;
    for name in everything() {
        let count = format!("SELECT count(*) AS count FROM {name}");
        for reader in [Reader::Nobody, Reader::Person(uuid::Uuid::nil())] {
            match world.rows_for(reader, &count).await {
                Err(code) => assert_eq!(code, "42501", "{name}"),
                Ok(rows) => assert_eq!(rows, [json!({"count": 0})], "{reader:?} reads {name}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_writes_anything() {
    let world = World::start().await;
    samia::wallet(&world, "10.00").await;
    for name in everything() {
        for reader in [Reader::Person(samia::CLARA), Reader::Visitor] {
            let mut transaction = world.pool().begin().await.unwrap();
            annals_tests::claim(&mut transaction, reader).await;
            let sql = format!("DELETE FROM {name}");
            let done = sqlx::query(&sql).execute(&mut *transaction).await;
            let error = done.map(|_| format!("{reader:?} may {sql}")).unwrap_err();
            let code = error.as_database_error().unwrap().code().unwrap().into_owned();
            // A view that cannot be written to says so.
            assert!(["42501", "55000"].contains(&code.as_str()), "{sql}: {code}");
        }
    }
}
