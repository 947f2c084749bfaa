//! Reads of what is most sensitive are events too.

use annals_tests::{
    Reader, World,
    carenotes::home,
    claim,
    lift::{account, organisation},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Asks, commits, and reads.
async fn read(world: &World, reader: Uuid, relation: &str, row: Uuid, purpose: &str) -> Value {
    let mut transaction = world.pool().begin().await.unwrap();
    claim(&mut transaction, Reader::Person(reader)).await;
    let ticket: Option<Uuid> = sqlx::query_scalar("SELECT annals.ask_sensitive($1, $2, $3)")
        .bind(relation)
        .bind(row)
        .bind(purpose)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let Some(ticket) = ticket else { return Value::Null };
    let sql = format!("SELECT annals.read_sensitive('{ticket}') AS held");
    world.rows_for(Reader::Person(reader), &sql).await.unwrap()[0]["held"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_safeguarding_note_is_read_for_a_purpose_and_the_childs_history_says_so() {
    let world = World::lively().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let other = organisation(&world, "Elmfield", 2).await;
    let staff = world.as_person(school.practitioner);
    let note = json!({"safeguarding_notes": "speak to the social worker"});
    staff.send("lift.cmd.record_safeguarding_note", school.child, note).await.ok();

    let purpose = "preparing the review of 3 May";
    let held = read(&world, school.contact, "lift.children", school.child, purpose).await;
    assert_eq!(held, json!({"safeguarding_notes": "speak to the social worker"}));
    let told = format!(
        "SELECT metadata #>> '{{subjects,0,subject}}' AS sealed_for, payload ->> 'what' AS what,
                payload ->> 'reader' AS reader, payload ->> 'purpose' IS NULL AS no_purpose
         FROM annals.events WHERE aggregate_type = 'shared.subject' AND aggregate_id = '{}'
           AND event_type = 'SensitiveDataRead'",
        school.child
    );
    world.until(&format!("SELECT count(*) = 1 FROM ({told}) AS it")).await;
    let event = world.row(&told).await;
    assert_eq!(event["what"], "lift.children.safeguarding_notes");
    assert_eq!(event["reader"], json!(school.contact));
    // The purpose may speak of the child: it is sealed for the child, and stands nowhere else.
    assert_eq!(event["sealed_for"], json!(school.child));
    world.until("SELECT count(*) = 0 FROM annals.sensitive_reads WHERE purpose <> ''").await;

    // Neither the child nor staff of another school is shown it, and there is nothing to tell.
    for reader in [school.child, other.practitioner] {
        let held = read(&world, reader, "lift.children", school.child, purpose).await;
        assert_eq!(held, Value::Null);
    }
    let count = "SELECT count(*) FROM annals.events WHERE event_type = 'SensitiveDataRead'";
    assert_eq!(world.number(count).await, 1);
    // Nor is there another way to the column.
    let direct = "SELECT safeguarding_notes FROM lift.children";
    let contact = Reader::Person(school.contact);
    assert_eq!(world.rows_for(contact, direct).await, Err("42501".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_shown_before_the_asking_is_stored_for_good() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let contact = Reader::Person(school.contact);
    let ask = format!("annals.ask_sensitive('lift.children', '{}', 'a good reason')", school.child);
    // In the same transaction, which could still be taken back.
    let both = format!("SELECT annals.read_sensitive({ask}) AS held");
    assert_eq!(world.rows_for(contact, &both).await, Err("22023".to_owned()));
    for (sql, state) in [
        (
            format!("SELECT annals.ask_sensitive('lift.children', '{}', 'why')", school.child),
            "22023",
        ),
        (
            format!("SELECT annals.ask_sensitive('lift.alerts', '{}', 'a reason')", school.child),
            "42P01",
        ),
        (format!("SELECT annals.read_sensitive('{}')", Uuid::nil()), "22023"),
        (format!("SELECT annals.sensitive_row('lift.children', '{}')", school.child), "42501"),
    ] {
        assert_eq!(world.rows_for(contact, &sql).await, Err(state.to_owned()), "{sql}");
    }
    let sql = format!("SELECT {ask}");
    assert_eq!(world.rows_for(Reader::Visitor, &sql).await, Err("42501".to_owned()));
    assert_eq!(world.rows_for(Reader::Nobody, &sql).await, Err("42501".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn medical_details_are_open_as_documented_until_they_are_closed() {
    let world = World::start().await;
    let home = home(&world, "Rosewood", 1).await;
    let admin = Reader::Person(home.admin);
    let direct = "SELECT medical_details FROM carenotes.residents";
    assert_eq!(world.rows_for(admin, direct).await.unwrap().len(), 1);
    let held =
        read(&world, home.admin, "carenotes.residents", home.resident, "the doctor's visit").await;
    assert_eq!(held["medical_details"], json!({"allergies": ["penicillin"]}));

    world.execute("SELECT annals.close_sensitive('carenotes.residents')").await.unwrap();
    assert_eq!(world.rows_for(admin, direct).await, Err("42501".to_owned()));
    let rest = "SELECT id, first_name FROM carenotes.residents";
    assert_eq!(world.rows_for(admin, rest).await.unwrap().len(), 1);
    let held =
        read(&world, home.admin, "carenotes.residents", home.resident, "the doctor's visit").await;
    assert_eq!(held["medical_details"], json!({"allergies": ["penicillin"]}));
}
