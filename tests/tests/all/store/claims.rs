//! What may be there once is there once.

use annals_tests::{Answer, World, samia};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

const EMAIL: &str = "the.same@example.org";

fn registered(answer: &Answer) -> bool {
    answer.body["ok"] == true
}

async fn twenty_at_once(services: usize) {
    let mut world = World::start().await;
    for _ in 1..services {
        world.wake().await;
    }
    let people: Vec<Uuid> = (1..=20).map(Uuid::from_u128).collect();
    join_all(people.iter().map(|person| world.knows(*person))).await;
    let asked = people.iter().enumerate().map(|(nth, person)| {
        // However it is written, it is one address.
        let email = if nth % 2 == 0 { EMAIL.to_owned() } else { EMAIL.to_uppercase() };
        let data = json!({"email": email, "full_name": "Somebody"});
        world.as_person(*person).ask("samia.cmd.register_user", (), data).shown().send()
    });
    let answers = join_all(asked).await;
    assert_eq!(answers.iter().filter(|answer| registered(answer)).count(), 1);
    for answer in answers.iter().filter(|answer| !registered(answer)) {
        answer.refused("email_taken").status(422);
    }
    let rows = world.rows("SELECT email FROM samia.users").await;
    assert_eq!(rows, [json!({"email": EMAIL})]);
    assert_eq!(world.number("SELECT count(*) FROM annals.claims").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_twenty_registers_an_address() {
    twenty_at_once(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_twenty_registers_an_address_with_two_services() {
    twenty_at_once(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_was_given_up_can_be_taken() {
    let world = World::start().await;
    samia::user(&world, samia::CLARA).await;
    samia::user(&world, samia::DORA).await;
    let (clara, dora) = (world.as_person(samia::CLARA), world.as_person(samia::DORA));
    let change = "samia.cmd.update_user_details";
    let wish = |email: &str| json!({"email": email});
    let claras = annals_tests::token::address(samia::CLARA);
    dora.send(change, (), wish(&claras)).await.refused("email_taken");
    clara.send(change, (), wish("clara@elsewhere.example")).await.ok();
    dora.send(change, (), wish(&claras)).await.ok();
    clara.send(change, (), wish(&claras)).await.refused("email_taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_can_take_two_values_at_once() {
    let world = World::start().await;
    let operator = world.as_operator();
    let provider = json!({"name": "Willow Care"});
    let id = operator.send("carenotes.cmd.register_organization", (), provider).await.ok().id();
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let add = "carenotes.cmd.add_staff_member";
    let admin = |email: &str| json!({"organization_id": id, "email": email, "role": "admin"});
    for person in [first, second] {
        world.knows(person).await;
    }
    operator.send(add, first, admin(EMAIL)).await.accepted(&["StaffMemberAdded"]);
    assert_eq!(world.number("SELECT count(*) FROM annals.claims").await, 2);
    operator.send(add, second, admin("x@example.org")).await.refused("not_allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_makes_one_first_account() {
    let world = World::start().await;
    annals_tests::lift::account(&world).await;
    let other = Uuid::from_u128(1);
    world.knows(other).await;
    let data = json!({"email": "x@example.org", "name": "X", "role": "Account"});
    world.as_operator().send("lift.cmd.create_profile", other, data).await.refused("not_allowed");
}
