//! A backup from before an erasure brings nobody back.

use std::time::Duration;

use annals_tests::{
    World,
    lift::{AVA, account},
    token,
};
use futures::future::join_all;
use serde_json::json;
use sqlx::Executor;
use uuid::Uuid;

use super::{finished, served, server, world};

/// How many people are erased.
const PEOPLE: u128 = 100;

/// Copies a database while nobody is connected to it.
async fn copy(from: &str, to: &str) {
    let mut server = server().await;
    for _ in 0..100 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        sqlx::query(end).bind(from).execute(&mut server).await.unwrap();
        let made = format!("CREATE DATABASE {to} TEMPLATE {from}");
        if server.execute(made.as_str()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{from} was always in use");
}

async fn drop_database(name: &str) {
    let sql = format!("DROP DATABASE {name} WITH (FORCE)");
    server().await.execute(sql.as_str()).await.unwrap();
}

fn name(url: &str) -> String {
    url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned()
}

/// How many rows and versions hold a name in the clear.
pub(super) async fn in_the_clear(world: &World) -> i64 {
    world
        .number(
            "SELECT (SELECT count(*) FROM lift.profiles WHERE name LIKE 'Person %')
                  + (SELECT count(*) FROM lift_history.profiles WHERE name LIKE 'Person %')
                  + (SELECT count(*) FROM auth.users WHERE email LIKE 'person-%')",
        )
        .await
}

/// A hundred people with an account each, in rows and their past.
pub(super) async fn crowd(world: &World) -> Vec<Uuid> {
    account(world).await;
    let people: Vec<Uuid> = (1..=PEOPLE)
        .map(|nth| Uuid::from_u128(0x0b00_0000_0000_7000_8000_0000_0001_0000 + nth))
        .collect();
    for some in people.chunks(25) {
        join_all(some.iter().map(|person| arrives(world, &people, *person))).await;
    }
    world.all_shown().await;
    world.reacted("shared").await;
    assert_eq!(in_the_clear(world).await, 3 * i64::try_from(PEOPLE).unwrap());
    people
}

async fn arrives(world: &World, people: &[Uuid], person: Uuid) {
    let nth = people.iter().position(|it| *it == person).unwrap();
    let email = json!({"email": format!("person-{nth}@example.org")});
    let system = world.as_system();
    system.ask("shared.cmd.register_identity", person, email).send().await.ok();
    let data = json!({"email": token::address(person), "name": format!("Person {nth}"),
                      "role": "Account"});
    world.as_person(AVA).ask("lift.cmd.create_profile", person, data).send().await.ok();
}

/// Orders the erasure of everybody, and waits until all of them are gone.
pub(super) async fn erase_all(world: &World, people: &[Uuid]) {
    for some in people.chunks(25) {
        let operator = world.as_operator();
        let ordered = some.iter().map(|person| {
            let ground = json!({"ground": "subject_request"});
            operator.ask("shared.cmd.erase_subject", *person, ground).send()
        });
        for answer in join_all(ordered).await {
            answer.ok();
        }
    }
    finished(world, people).await;
    assert_eq!(in_the_clear(world).await, 0);
}

/// After a restore: nobody is back, each erasure is in the log, and nobody can be taken in anew.
pub(super) async fn nobody_is_back(world: &World, people: &[Uuid]) {
    finished(world, people).await;
    world.all_shown().await;
    world.reacted("lift").await;
    assert_eq!(in_the_clear(world).await, 0);
    let gone = "SELECT count(DISTINCT aggregate_id) FROM annals.events
                WHERE event_type = 'SubjectErased'";
    assert_eq!(world.number(gone).await, i64::try_from(people.len()).unwrap());
    let data = json!({"email": token::address(people[0]), "name": "Person 0", "role": "Account"});
    let refused = world.as_person(AVA).ask("lift.cmd.create_profile", people[0], data);
    refused.send().await.refused("erased");
}

async fn restored(which: &[usize]) {
    let (mut world, signing) = world().await;
    let people = crowd(&world).await;
    world.rest().await;
    let urls = [world.config().database_url, world.config().keys_url];
    let names: Vec<String> = urls.iter().map(|url| name(url)).collect();
    for name in &names {
        copy(name, &format!("{name}_backup")).await;
    }

    world.serve(served(&world, &signing)).await;
    erase_all(&world, &people).await;
    world.rest().await;
    for nth in which {
        let name = &names[*nth];
        drop_database(name).await;
        copy(&format!("{name}_backup"), name).await;
    }
    if which.contains(&0) {
        // Everybody is back, until somebody serves.
        assert_eq!(in_the_clear(&world).await, 3 * i64::try_from(PEOPLE).unwrap());
    }

    world.serve(served(&world, &signing)).await;
    assert_eq!(in_the_clear(&world).await, 0, "something is served before everybody is gone");
    nobody_is_back(&world, &people).await;
    for name in &names {
        drop_database(&format!("{name}_backup")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_people_stay_erased_when_an_older_event_store_is_restored() {
    restored(&[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_people_stay_erased_when_both_databases_are_restored() {
    restored(&[0, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_people_stay_erased_when_an_older_key_store_is_restored() {
    restored(&[1]).await;
}
