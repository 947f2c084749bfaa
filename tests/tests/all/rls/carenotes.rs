//! Rows of Write Care Notes.

use annals_tests::{
    Reader, World,
    carenotes::{home, papers, staff},
    claim,
};
use serde_json::json;
use uuid::Uuid;

use super::{Readable, matches, readable};

const ORG: &str = "(SELECT me.organization_id FROM carenotes.users AS me
    WHERE me.id = $me AND me.role IS DISTINCT FROM 'removed')";

fn tables() -> Vec<Readable> {
    let facilities = format!(
        "(SELECT f.id FROM carenotes.facilities AS f
        WHERE f.organization_id = {ORG})"
    );
    let residents = format!(
        "(SELECT r.id FROM carenotes.residents AS r
        WHERE r.facility_id IN {facilities})"
    );
    vec![
        readable("carenotes.organizations", format!("id = {ORG}")),
        readable("carenotes.facilities", format!("organization_id = {ORG}")),
        readable("carenotes.users", format!("organization_id = {ORG}")),
        readable("carenotes.residents", format!("facility_id IN {facilities}")),
        readable("carenotes.care_plans", format!("resident_id IN {residents}")),
        readable("carenotes.assessments", format!("resident_id IN {residents}")),
        readable("carenotes.daily_records", format!("resident_id IN {residents}")),
        readable("carenotes.audits", format!("facility_id IN {facilities}")),
        readable(
            "carenotes.incidents",
            format!(
                "CASE WHEN facility_id IS NOT NULL THEN facility_id IN {facilities}
                      ELSE resident_id IN {residents} END"
            ),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_reads_what_the_contract_says() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let manor = home(&world, "Manor Care", 2).await;
    for home in [willow, manor] {
        papers(&world, home).await;
        // Without a facility the resident tells whose incident it is (F083).
        let data = json!({"resident_id": home.resident, "type": "outing"});
        let nurse = world.as_person(home.nurse);
        nurse.send("carenotes.cmd.report_incident", (), data).await.ok();
    }
    let (plain, removed) = (willow.person(5), willow.person(6));
    for person in [plain, removed] {
        staff(&world, willow, person, &[]).await;
    }
    let admin = world.as_person(willow.admin);
    admin.send("carenotes.cmd.remove_staff_member", removed, json!({})).await.ok();
    world.shown("carenotes").await;
    let people = [
        ("Willow's administrator", willow.admin),
        ("Willow's nurse", willow.nurse),
        ("somebody without a permission", plain),
        ("somebody who was removed", removed),
        ("Manor's administrator", manor.admin),
        ("Manor's nurse", manor.nurse),
        ("a stranger", Uuid::from_u128(0x5c)),
    ];
    matches(&world, &tables(), &people).await;
}

/// Whose residents a query service sees that says for whom it asks, and which organization is meant.
async fn seen(world: &World, reader: Reader, setting: &str) -> Vec<Uuid> {
    let mut transaction = world.pool().begin().await.unwrap();
    claim(&mut transaction, reader).await;
    sqlx::query("SELECT set_config('app.current_org_id', $1, true)")
        .bind(setting)
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::query_scalar("SELECT id FROM carenotes.residents ORDER BY id")
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_setting_may_agree_with_a_person_and_never_overrules_one() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let manor = home(&world, "Manor Care", 2).await;
    let nobodys: [Uuid; 0] = [];
    let nurse = Reader::Person(willow.nurse);
    let (ours, theirs) = (willow.id.to_string(), manor.id.to_string());
    for setting in ["", &ours, &ours.to_uppercase()] {
        assert_eq!(seen(&world, nurse, setting).await, [willow.resident], "{setting}");
    }
    for setting in [&*theirs, "not a uuid"] {
        assert_eq!(seen(&world, nurse, setting).await, nobodys, "{setting}");
    }
    // A service that asks for nobody in particular (F077, F078).
    assert_eq!(seen(&world, Reader::Nobody, &theirs).await, [manor.resident]);
    for setting in ["", "not a uuid", "%"] {
        assert_eq!(seen(&world, Reader::Nobody, setting).await, nobodys, "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_read_through_its_table_and_not_by_itself() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    papers(&world, willow).await;
    let nurse = Reader::Person(willow.nurse);
    let all = world.rows_for(nurse, "SELECT id FROM carenotes.daily_records").await;
    assert_eq!(all.map(|rows| rows.len()), Ok(1));
    let month = "SELECT id FROM carenotes.daily_records_y2025m12";
    assert_eq!(world.rows_for(nurse, month).await, Err("42501".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_servers_statistics_and_the_migrators_notes_are_for_no_reader() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    for table in ["performance_metrics", "schema_versions"] {
        let sql = format!("SELECT * FROM carenotes.{table}");
        for reader in [Reader::Person(willow.admin), Reader::Nobody] {
            assert_eq!(world.rows_for(reader, &sql).await, Err("42501".to_owned()), "{table}");
        }
    }
    let mut transaction = world.pool().begin().await.unwrap();
    sqlx::query("SET LOCAL ROLE pg_monitor").execute(&mut *transaction).await.unwrap();
    let tables = "SELECT count(*) FROM carenotes.performance_metrics
                  WHERE schemaname = 'carenotes' AND relname = 'residents'";
    let known: i64 = sqlx::query_scalar(tables).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(known, 1);
}
