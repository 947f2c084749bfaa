//! Who read what is most sensitive: at the console, for auditors.

use annals_infra::{console, serve::Roles};
use annals_tests::{
    Reader, World, claim,
    lift::{Organisation, account, organisation},
    token::Who,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Visitor,
    browser::Browser,
    pages::{CONTRAST, at, sign_in},
};

const NOTE: &str = "speak to the social worker";

/// A world with a console, and reactors, which bring what was asked for into the log.
async fn world() -> World {
    World::start_with(|config| {
        config.console =
            Some(console::Config { address: ([127, 0, 0, 1], 0).into(), people: None });
        config.roles = Roles::ALL;
    })
    .await
}

/// A child with a note, which the school's contact reads for these purposes.
async fn read_for(world: &World, purposes: &[&str]) -> Organisation {
    account(world).await;
    let school = organisation(world, "Oakfield", 1).await;
    let note = json!({"safeguarding_notes": NOTE});
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.record_safeguarding_note", school.child, note).await.ok();
    world.all_shown().await;
    for purpose in purposes {
        let mut transaction = world.pool().begin().await.unwrap();
        claim(&mut transaction, Reader::Person(school.contact)).await;
        let ticket: Option<Uuid> =
            sqlx::query_scalar("SELECT annals.ask_sensitive('lift.children', $1, $2)")
                .bind(school.child)
                .bind(purpose)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
        assert!(ticket.is_some());
        transaction.commit().await.unwrap();
    }
    let all = format!(
        "SELECT count(*) = {} FROM annals.events WHERE event_type = 'SensitiveDataRead'",
        purposes.len()
    );
    world.until(&all).await;
    school
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_is_told_who_read_when_and_what_for_and_nobody_else_is() {
    let world = world().await;
    let school =
        read_for(&world, &["preparing the review of 3 May", "a call from the court"]).await;
    let operator = Visitor::operator(&world);
    let asked = json!({"subject": school.child});
    let told = operator.finds("/api/reads", asked.clone()).await;
    let reads = told["reads"].as_array().unwrap();
    let purposes: Vec<&str> = reads.iter().map(|it| it["purpose"].as_str().unwrap()).collect();
    assert_eq!(purposes, ["a call from the court", "preparing the review of 3 May"]);
    assert_eq!(reads[0]["reader"], json!(school.contact));
    assert_eq!(reads[0]["what"], "lift.children.safeguarding_notes");
    assert!(!told.to_string().contains(NOTE), "what was read stays closed: {told}");
    let nobody = operator.finds("/api/reads", json!({"subject": school.practitioner})).await;
    assert_eq!(nobody["reads"], json!([]));
    for other in [school.contact, school.child] {
        let answer = Visitor::person(&world, other).ask("/api/reads", asked.clone()).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
    }

    let ground = json!({"ground": "subject_request"});
    world.as_operator().send("shared.cmd.erase_subject", school.child, ground).await.ok();
    world.until("SELECT count(*) = 1 FROM annals.erasures WHERE finished_at IS NOT NULL").await;
    let told = operator.finds("/api/reads", asked).await;
    assert_eq!(told["reads"][0]["erased"], true, "{told}");
    assert!(!told.to_string().contains("court"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_looks_up_who_read_about_a_child() {
    let Some(mut browser) = Browser::open().await else { return };
    let world = world().await;
    let school = read_for(&world, &["preparing the review of 3 May", "<b>a call</b>"]).await;
    sign_in(&mut browser, &world, Who::Operator).await;
    browser.go(&at(&world, "reads")).await;
    browser.controls().await;
    browser.tab_to("#subject").await;
    browser.write(&school.child.to_string()).await;
    browser.press("Enter").await;
    browser.until("document.querySelectorAll('main tbody tr').length === 2").await;
    let rows =
        browser.js("[...document.querySelectorAll('main tbody tr')].map((it) => it.innerText)");
    let rows: Value = rows.await;
    let first = rows[0].as_str().unwrap();
    for told in ["<b>a call</b>", "lift.children.safeguarding_notes"] {
        assert!(first.contains(told), "{told}: {rows}");
    }
    assert!(rows[1].as_str().unwrap().contains("preparing the review of 3 May"), "{rows}");
    assert!(browser.text("main").await.contains("2 reads; there are no earlier ones"));
    browser.controls().await;
    assert_eq!(browser.js(CONTRAST).await, json!([]), "light");
    browser.picture("15-reads").await;
    browser.size(1280, 900, "dark").await;
    assert_eq!(browser.js(CONTRAST).await, json!([]), "dark");
    browser.size(400, 800, "light").await;
    browser.fits().await;
    browser.picture("16-reads-narrow").await;
    browser.close().await;
}
