//! What is left of somebody erased.

use std::{fs, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_infra::{
    erasure::read_receipt,
    proof::{LEAVES, leaves::Leaves, tree::Frontier, verify::Verification},
    transfer::{Tables, export},
};
use annals_projections::Catalogue;
use annals_tests::lift::{account, alert, organisation};
use chrono::Utc;
use serde_json::json;
use sqlx::Executor;
use tokio::time::sleep;
use uuid::Uuid;

use super::{ORIGIN, erase, finished, folders, found, no_recycling, world};

/// Texts that stand nowhere but in one child's record.
fn needles() -> Vec<String> {
    let names = ["first", "second", "guardian", "safety", "remark", "mood", "alert", "answer"];
    // In letters alone, as a child's name is.
    let letters = |it: char| it.to_digit(16).and_then(|it| char::from_digit(it + 10, 36));
    let unique =
        || Uuid::new_v4().simple().to_string().chars().filter_map(letters).collect::<String>();
    names.iter().map(|name| format!("{name}-{}", unique())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_an_erased_child_is_left_in_the_clear_and_the_log_is_still_proved() {
    no_recycling().await;
    let (world, signing) = world().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let needles = needles();
    let [first, second, guardian, safety, remark, mood, alarm, answer] = needles.as_slice() else {
        panic!("eight texts");
    };
    let staff = world.as_person(school.practitioner);
    for name in [first, second] {
        let data = json!({"first_name": name, "parent_guardian_name": guardian,
                          "additional_notes": remark});
        staff.send("lift.cmd.update_child_details", school.child, data).await.ok();
    }
    let data = json!({"safeguarding_notes": safety});
    staff.send("lift.cmd.record_safeguarding_note", school.child, data).await.ok();
    let child = world.as_person(school.child);
    let data = json!({"session_type": "daily_checkin"});
    let session = child.send("lift.cmd.start_session", (), data).await.ok().id();
    let data = json!({
        "activity_type": "mood_wheel", "question_key": "mood", "question_text": "How are you?",
        "response_type": "text", "response_value": answer,
    });
    child.send("lift.cmd.record_response", session, data).await.ok();
    let data = json!({"overall_mood": 4, "notes": mood});
    child.send("lift.cmd.complete_session", session, data).await.ok();
    let raised = alert(&world, school.child, "high").await;
    let data = json!({"resolution_notes": alarm});
    staff.send("lift.cmd.acknowledge_alert", raised, json!({})).await.ok();
    staff.send("lift.cmd.resolve_alert", raised, data).await.ok();
    world.reacted("lift").await;
    // Statistics keep values of their own.
    world.pool().execute("ANALYZE").await.unwrap();
    world.pool().execute("CHECKPOINT").await.unwrap();
    let places = folders(&world).await;
    for needle in &needles {
        let one = std::slice::from_ref(needle);
        assert!(!found(&places, one).is_empty(), "{needle} was nowhere to begin with");
    }
    let past = format!("SELECT count(*) FROM lift_history.children WHERE id = '{}'", school.child);
    let versions = world.number(&past).await;
    assert!(versions > 3);

    // Somebody who began to read before sees the old rows until they end: no rewrite leaves those out.
    let mut reader = world.pool().begin().await.unwrap();
    reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    reader.execute("SELECT FROM lift.children").await.unwrap();
    let reading = async {
        world.until("SELECT redacted_at IS NOT NULL FROM annals.erasures").await;
        sleep(Duration::from_secs(2)).await;
        reader.rollback().await.unwrap();
    };
    tokio::join!(erase(&world, school.child), reading);
    world.reacted("lift").await;

    assert_eq!(found(&places, &needles), []);
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let tables = Tables::new(catalogue.context("lift").unwrap(), &aggregates);
    let mut exported = Vec::new();
    let mut connection = world.pool().acquire().await.unwrap();
    let organisation = school.id.to_string();
    let out = &mut exported;
    export(&mut connection, &tables, &organisation, Utc::now(), out, |_| {}).await.unwrap();
    drop(connection);
    let exported = String::from_utf8(exported).unwrap();
    assert!(exported.contains("children") && !needles.iter().any(|it| exported.contains(it)));
    // The past still has its versions, of nobody.
    assert!(world.number(&past).await >= versions);
    let clear = format!("{past} AND (first_name <> 'erased' OR safeguarding_notes IS NOT NULL)");
    assert_eq!(world.number(&clear).await, 0);
    let kept =
        world.row("SELECT versions > 0 AND scrubbed AS whole, receipt FROM annals.erasures").await;
    assert_eq!(kept["whole"], true, "{kept}");
    let verifiers: Vec<_> =
        signing.keys().unwrap().iter().map(|key| key.verifier().clone()).collect();
    let receipt = read_receipt(kept["receipt"].as_str().unwrap(), &verifiers).unwrap();
    assert_eq!(receipt.origin, ORIGIN);
    let facts: Vec<&str> = receipt.facts.iter().map(|(name, _)| name.as_str()).collect();
    assert!(facts.contains(&"destroyed-key") && facts.contains(&"backups-until"), "{facts:?}");
    let folder = signing.folder.clone().unwrap();
    let filed = fs::read_to_string(folder.join("receipts").join(school.child.to_string())).unwrap();
    assert_eq!(filed, kept["receipt"].as_str().unwrap());
    let told = "SELECT count(*) FROM annals.events WHERE event_type = 'ErasureCompleted'";
    assert_eq!(world.number(told).await, 1);
    let signed = "SELECT max(size) = (SELECT position FROM annals.head) FROM annals.checkpoints";
    world.until(signed).await;
    let verification = Verification {
        pool: world.pool().clone(),
        origin: ORIGIN.to_owned(),
        keys: verifiers,
        known: Frontier::default(),
        elsewhere: Vec::new(),
        copy: Some(Leaves::read_only(&folder.join(LEAVES)).unwrap()),
    };
    let report = verification.run(|_, _| {}).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_to_the_persons_address_is_forgotten_with_them() {
    let (world, _signing) = world().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let guest = Uuid::from_u128(0x0b00_0000_0000_7000_8000_0000_0000_9001);
    world.knows(guest).await;
    let contact = world.as_person(school.contact);
    let mut invitations = Vec::new();
    for address in [annals_tests::token::address(guest), "someone.else@example.org".to_owned()] {
        let data = json!({"email": address, "role": "Practitioner", "org_id": school.id,
                          "invitation_token": format!("{:064x}", invitations.len() + 1)});
        let sent = contact.send("lift.cmd.invite_member", (), data).await;
        invitations.push(sent.ok().id());
    }
    erase(&world, guest).await;
    finished(&world, &[guest]).await;
    let related = world.row("SELECT related FROM annals.erasures").await;
    assert_eq!(related["related"], json!([invitations[0].to_string()]));
    for (nth, invitation) in invitations.iter().enumerate() {
        let sql = format!("SELECT email FROM lift.invitations WHERE id = '{invitation}'");
        let email = world.row(&sql).await["email"].as_str().unwrap().to_owned();
        assert_eq!(email.ends_with("@erased.invalid"), nth == 0, "{email}");
        let sql = format!(
            "SELECT bool_and(email LIKE '%@erased.invalid') AS gone FROM lift_history.invitations
             WHERE id = '{invitation}'"
        );
        assert_eq!(world.row(&sql).await["gone"], nth == 0);
    }
}
