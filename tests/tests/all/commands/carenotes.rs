//! Care homes.

use annals_tests::{
    World,
    carenotes::{Home, daily_care, home, papers, staff},
    token,
};
use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_platform_becomes_a_home_with_staff_a_resident_and_papers() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let papers = papers(&world, willow).await;
    let row = world.row("SELECT id, name, contact_details FROM carenotes.organizations").await;
    let phone = json!({"phone": "0113 496 0000"});
    assert_eq!(row, json!({"id": willow.id, "name": "Willow Care", "contact_details": phone}));
    let row = world.row("SELECT id, organization_id, capacity FROM carenotes.facilities").await;
    let facility = json!({"id": willow.facility, "organization_id": willow.id, "capacity": 3});
    assert_eq!(row, facility);
    let staff = "SELECT id, role, permissions, password_hash FROM carenotes.users ORDER BY role";
    let may = ["assessments.record", "daily_records.record", "incidents.report"];
    assert_eq!(
        world.rows(staff).await,
        [
            json!({"id": willow.admin, "role": "admin", "permissions": [], "password_hash": null}),
            json!({"id": willow.nurse, "role": "nurse", "permissions": may, "password_hash": null}),
        ]
    );
    let row = "SELECT id, facility_id, first_name, nhs_number, room_number, admission_date,
                      discharge_date, status, medical_details FROM carenotes.residents";
    let expected = json!({
        "id": willow.resident, "facility_id": willow.facility, "first_name": "Edith",
        "nhs_number": "9434765919", "room_number": "12", "admission_date": "2025-12-01",
        "discharge_date": null, "status": "admitted",
        "medical_details": {"allergies": ["penicillin"]},
    });
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT id, resident_id, status, start_date, review_date, created_by, updated_by
               FROM carenotes.care_plans";
    let expected = json!({
        "id": papers.plan, "resident_id": willow.resident, "status": "draft", "start_date": null,
        "review_date": "2026-03-01", "created_by": willow.admin, "updated_by": willow.admin,
    });
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT id, date, findings, recommendations, created_by FROM carenotes.assessments";
    let expected = json!({
        "id": papers.assessment, "date": "2025-12-02", "findings": {"risk": "high"},
        "recommendations": ["a frame"], "created_by": willow.nurse,
    });
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT id, date, shift, care_delivered, observations FROM carenotes.daily_records";
    let expected = json!({
        "id": papers.daily_record, "date": "2025-12-05", "shift": "night",
        "care_delivered": {"turned": 2}, "observations": {"slept": true},
    });
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT id, facility_id, auditor, score::text FROM carenotes.audits";
    let expected = json!({
        "id": papers.audit, "facility_id": willow.facility, "auditor": willow.admin,
        "score": "87.50",
    });
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT id, facility_id, resident_id, details, reported_by FROM carenotes.incidents";
    let expected = json!({
        "id": papers.incident, "facility_id": willow.facility, "resident_id": willow.resident,
        "details": {"where": "garden"}, "reported_by": willow.nurse,
    });
    assert_eq!(world.row(row).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_are_amended_and_a_daily_record_keeps_its_day() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let papers = papers(&world, willow).await;
    let (admin, nurse) = (world.as_person(willow.admin), world.as_person(willow.nurse));
    for (caller, command, id, data, event) in [
        (
            &admin,
            "activate_care_plan",
            papers.plan,
            json!({"start_date": "2025-12-08"}),
            "CarePlanActivated",
        ),
        (
            &admin,
            "revise_care_plan",
            papers.plan,
            json!({"details": {"aim": "rests"}}),
            "CarePlanRevised",
        ),
        (
            &nurse,
            "amend_assessment",
            papers.assessment,
            json!({"findings": {"risk": "low"}}),
            "AssessmentAmended",
        ),
        (
            &nurse,
            "amend_daily_record",
            papers.daily_record,
            json!({"shift": "late"}),
            "DailyRecordAmended",
        ),
        (
            &admin,
            "update_audit_action_plan",
            papers.audit,
            json!({"action_plan": ["count"]}),
            "AuditActionPlanUpdated",
        ),
        (
            &nurse,
            "record_incident_actions",
            papers.incident,
            json!({"actions_taken": ["GP"]}),
            "IncidentActionsRecorded",
        ),
    ] {
        let subject = format!("carenotes.cmd.{command}");
        caller.send(&subject, id, data).await.accepted(&[event]);
    }
    let row = "SELECT status, start_date, details FROM carenotes.care_plans";
    let expected =
        json!({"status": "active", "start_date": "2025-12-08", "details": {"aim": "rests"}});
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT date, shift, care_delivered FROM carenotes.daily_records";
    let expected = json!({"date": "2025-12-05", "shift": "late", "care_delivered": {"turned": 2}});
    assert_eq!(world.row(row).await, expected);
    let row = "SELECT a.findings, u.action_plan, i.actions_taken
               FROM carenotes.assessments a, carenotes.audits u, carenotes.incidents i";
    let expected =
        json!({"findings": {"risk": "low"}, "action_plan": ["count"], "actions_taken": ["GP"]});
    assert_eq!(world.row(row).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn admissions_at_once_never_share_the_last_place() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let admin = world.as_person(willow.admin);
    let asked = (0..12).map(|_| {
        let data = json!({"facility_id": willow.facility, "first_name": "Somebody"});
        let question = admin.ask("carenotes.cmd.admit_resident", (), data);
        async { question.send().await.body["code"].clone() }
    });
    let codes = join_all(asked).await;
    let admitted = codes.iter().filter(|code| code.is_null()).count();
    assert_eq!(admitted, 2, "Edith has the third place: {codes:?}");
    assert!(codes.iter().all(|code| code.is_null() || code == "facility_full"), "{codes:?}");
    world.shown("carenotes").await;
    assert_eq!(world.number("SELECT count(*) FROM carenotes.residents").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_people_at_once_never_get_one_address() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let people = [willow.person(7), willow.person(8)];
    for person in people {
        world.knows(person).await;
    }
    let admin = world.as_person(willow.admin);
    let asked = people.map(|person| {
        let data = json!({"organization_id": willow.id, "email": "Same@Willow.example"});
        let question = admin.ask("carenotes.cmd.add_staff_member", person, data);
        async { question.send().await.body["code"].clone() }
    });
    let mut codes = join_all(asked).await;
    codes.sort_by_key(Value::is_null);
    assert_eq!(codes, [json!("email_taken"), Value::Null]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_removed_does_nothing_from_that_event_on() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let (admin, nurse) = (world.as_person(willow.admin), world.as_person(willow.nurse));
    daily_care(&world, willow, "2025-12-05").await;
    let remove = "carenotes.cmd.remove_staff_member";
    admin.send(remove, willow.nurse, json!({})).await.accepted(&["StaffMemberRemoved"]);
    let data = json!({"resident_id": willow.resident, "date": "2025-12-06"});
    let asked = nurse.send("carenotes.cmd.record_daily_care", (), data).await;
    asked.refused("actor_not_active").status(422);
    let row =
        format!("SELECT role, permissions FROM carenotes.users WHERE id = '{}'", willow.nurse);
    assert_eq!(world.row(&row).await, json!({"role": "removed", "permissions": []}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_arrive_as_ciphertext_and_stay_that() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let admin = world.as_person(willow.admin);
    let sealed = json!({"version": 1, "key_id": "edith", "nonce": "AAECAwQFBgcICQoL",
                        "data": "c2VhbGVkIGJ5IHRoZSBhcHBsaWNhdGlvbg=="});
    let data = json!({"encrypted_medical_notes": sealed});
    let record = "carenotes.cmd.record_medical_notes";
    admin.send(record, willow.resident, data).await.accepted(&["MedicalNotesRecorded"]);
    let row = "SELECT convert_from(encrypted_medical_notes, 'UTF8')::jsonb AS notes
               FROM carenotes.residents";
    assert_eq!(world.row(row).await, json!({"notes": sealed}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasing_a_resident_reaches_all_that_was_written_about_them() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    papers(&world, willow).await;
    let admin = world.as_person(willow.admin);
    let erase = "carenotes.cmd.erase_resident";
    admin.send(erase, willow.resident, json!({})).await.accepted(&["ResidentErased"]);
    let row = "SELECT r.first_name, r.nhs_number, r.medical_details, r.status, p.details,
                      a.findings, d.care_delivered, d.observations, i.details AS incident
               FROM carenotes.residents r
               JOIN carenotes.care_plans p ON p.resident_id = r.id
               JOIN carenotes.assessments a ON a.resident_id = r.id
               JOIN carenotes.daily_records d ON d.resident_id = r.id
               JOIN carenotes.incidents i ON i.resident_id = r.id";
    let expected = json!({
        "first_name": null, "nhs_number": null, "medical_details": null, "status": "admitted",
        "details": null, "findings": null, "care_delivered": null, "observations": null,
        "incident": null,
    });
    assert_eq!(world.row(row).await, expected);
    let data = json!({"resident_id": willow.resident, "date": "2025-12-06"});
    let nurse = world.as_person(willow.nurse);
    let asked = nurse.send("carenotes.cmd.record_daily_care", (), data).await;
    asked.refused("erased").status(410);
}

/// Who asks, for what, of what, and what comes of it: the code, and the field at fault.
type Broken = (Who, &'static str, Option<Uuid>, Value, &'static str, Option<&'static str>);

#[derive(Clone, Copy)]
enum Who {
    Admin,
    Removed,
}

/// Every rule of the context, broken on purpose.
fn broken(willow: Home, manor: Home, plan: Uuid, gone: Uuid) -> Vec<Broken> {
    use Who::{Admin, Removed};
    let (here, there) = (willow.facility, manor.facility);
    let (ours, theirs) = (willow.resident, manor.resident);
    let of = |resident: Uuid, date: &str| json!({"resident_id": resident, "date": date});
    let shift = json!({"resident_id": ours, "date": "2025-12-05", "shift": "noon"});
    let score = json!({"facility_id": here, "score": "NaN"});
    let strangers = json!({"facility_id": here, "resident_id": gone});
    let taken = json!({"organization_id": willow.id, "email": token::address(willow.nurse)});
    let newcomer = Some(willow.person(9));
    vec![
        (
            Admin,
            "admit_resident",
            None,
            json!({"facility_id": there}),
            "wrong_organization",
            Some("/data/facility_id"),
        ),
        (
            Admin,
            "draft_care_plan",
            None,
            json!({"resident_id": theirs}),
            "wrong_organization",
            Some("/data/resident_id"),
        ),
        (Admin, "conduct_audit", None, json!({"facility_id": there}), "wrong_organization", None),
        (
            Admin,
            "report_incident",
            None,
            json!({"resident_id": theirs}),
            "wrong_organization",
            None,
        ),
        (
            Admin,
            "open_facility",
            None,
            json!({"name": "Barn"}),
            "reference_required",
            Some("/data/organization_id"),
        ),
        (Admin, "admit_resident", None, json!({}), "reference_required", Some("/data/facility_id")),
        (
            Admin,
            "record_assessment",
            None,
            json!({}),
            "reference_required",
            Some("/data/resident_id"),
        ),
        (Admin, "conduct_audit", None, json!({}), "reference_required", Some("/data/facility_id")),
        (Admin, "add_staff_member", newcomer, taken, "email_taken", Some("/data/email")),
        (
            Admin,
            "admit_resident",
            None,
            json!({"facility_id": here}),
            "facility_full",
            Some("/data/facility_id"),
        ),
        (
            Admin,
            "change_facility_capacity",
            Some(here),
            json!({"capacity": 0}),
            "capacity_not_positive",
            Some("/data/capacity"),
        ),
        (Admin, "readmit_resident", Some(ours), json!({}), "resident_transition_refused", None),
        (
            Admin,
            "discharge_resident",
            Some(ours),
            json!({"discharge_date": "2025-11-30"}),
            "discharge_before_admission",
            Some("/data/discharge_date"),
        ),
        (Removed, "record_daily_care", None, of(ours, "2025-12-05"), "actor_not_active", None),
        (
            Admin,
            "revise_care_plan",
            Some(plan),
            json!({"details": {}}),
            "care_plan_transition_refused",
            None,
        ),
        (
            Admin,
            "draft_care_plan",
            None,
            json!({"resident_id": ours, "start_date": "2026-02-01", "review_date": "2026-01-31"}),
            "review_before_start",
            Some("/data/review_date"),
        ),
        (
            Admin,
            "record_assessment",
            None,
            of(ours, "2025-11-30"),
            "resident_not_in_care",
            Some("/data/date"),
        ),
        (
            Admin,
            "record_daily_care",
            None,
            of(ours, "2999-01-01"),
            "resident_not_in_care",
            Some("/data/date"),
        ),
        (
            Admin,
            "record_daily_care",
            None,
            json!({"resident_id": ours}),
            "date_required",
            Some("/data/date"),
        ),
        (Admin, "record_daily_care", None, shift, "unknown_shift", Some("/data/shift")),
        (
            Admin,
            "report_incident",
            None,
            strangers,
            "resident_not_in_facility",
            Some("/data/resident_id"),
        ),
        (Admin, "conduct_audit", None, score, "score_not_a_number", Some("/data/score")),
        (
            Admin,
            "record_medical_notes",
            Some(ours),
            json!({"encrypted_medical_notes": "clear"}),
            "not_ciphertext",
            Some("/data/encrypted_medical_notes"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_broken_on_purpose_is_named_and_stores_nothing() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let manor = home(&world, "Manor Care", 2).await;
    let papers = papers(&world, willow).await;
    let admin = world.as_person(willow.admin);
    admin.send("carenotes.cmd.close_care_plan", papers.plan, json!({})).await.ok();
    let removed = willow.person(5);
    staff(&world, willow, removed, &["daily_records.record"]).await;
    admin.send("carenotes.cmd.remove_staff_member", removed, json!({})).await.ok();
    world.knows(willow.person(9)).await;
    // Somebody who lives in another house of Willow's, and so neither now nor then in this one.
    let barn = json!({"organization_id": willow.id, "name": "Barn"});
    let barn = admin.send("carenotes.cmd.open_facility", (), barn).await.ok().id();
    let gone = json!({"facility_id": barn, "admission_date": "2025-12-01"});
    let gone = admin.send("carenotes.cmd.admit_resident", (), gone).await.ok().id();
    let full = json!({"capacity": 1});
    admin.send("carenotes.cmd.change_facility_capacity", willow.facility, full).await.ok();
    let before = world.events().await;
    for (who, command, id, data, code, pointer) in broken(willow, manor, papers.plan, gone) {
        let caller = match who {
            Who::Admin => admin.clone(),
            Who::Removed => world.as_person(removed),
        };
        let subject = format!("carenotes.cmd.{command}");
        let answer = match id {
            Some(id) => caller.send(&subject, id, data).await,
            None => caller.send(&subject, (), data).await,
        };
        answer.refused(code).status(422);
        if let Some(pointer) = pointer {
            answer.at(pointer);
        }
    }
    assert_eq!(world.events().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_organizations_people_and_papers_are_left_alone() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let manor = home(&world, "Manor Care", 2).await;
    let papers = papers(&world, willow).await;
    let before = world.events().await;
    let stranger = world.as_person(manor.admin);
    for (command, id, data) in [
        ("update_organization_details", willow.id, json!({"name": "Mine"})),
        ("update_facility_details", willow.facility, json!({"name": "Mine"})),
        ("assign_staff_role", willow.nurse, json!({"role": "admin"})),
        ("remove_staff_member", willow.admin, json!({})),
        ("discharge_resident", willow.resident, json!({})),
        ("erase_resident", willow.resident, json!({})),
        ("close_care_plan", papers.plan, json!({})),
        ("amend_assessment", papers.assessment, json!({"findings": {}})),
        ("amend_daily_record", papers.daily_record, json!({"shift": "early"})),
        ("update_audit_action_plan", papers.audit, json!({"action_plan": []})),
        ("amend_incident", papers.incident, json!({"details": {}})),
    ] {
        let subject = format!("carenotes.cmd.{command}");
        stranger.send(&subject, id, data).await.refused("not_allowed").status(403);
    }
    assert_eq!(world.events().await, before);
}
