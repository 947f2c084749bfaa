//! Tables kept in partitions: each month is there before its rows are (contract F071-F075).

use annals_infra::migrate;
use annals_projections::Catalogue;
use annals_tests::{
    World,
    carenotes::{daily_care, home},
};
use chrono::{Days, Months, Utc};
use serde_json::json;

/// The months that are there.
const MONTHS: &str = "SELECT relation.relname AS month FROM pg_inherits AS part
    JOIN pg_class AS relation ON relation.oid = part.inhrelid
    WHERE part.inhparent = 'carenotes.daily_records'::regclass ORDER BY 1";

fn named(day: chrono::NaiveDate) -> String {
    format!("daily_records_y{}", day.format("%Ym%m"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_month_and_the_next_are_there_before_anything_happens() {
    let world = World::start().await;
    let today = Utc::now().date_naive();
    for day in [today, today.checked_add_months(Months::new(1)).unwrap()] {
        let month = named(day);
        world.until(&format!("to_regclass('carenotes.{month}') IS NOT NULL")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_made_when_a_record_needs_it_as_guarded_as_the_others() {
    let world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let missing = "SELECT to_regclass('carenotes.daily_records_y2025m12') IS NULL AS missing";
    assert_eq!(world.row(missing).await, json!({"missing": true}));
    daily_care(&world, willow, "2025-12-31").await;
    daily_care(&world, willow, "2025-12-30").await;
    let rows = "SELECT tableoid::regclass::text AS home, date FROM carenotes.daily_records
                ORDER BY date";
    let month = "carenotes.daily_records_y2025m12";
    assert_eq!(
        world.rows(rows).await,
        [
            json!({"home": month, "date": "2025-12-30"}),
            json!({"home": month, "date": "2025-12-31"}),
        ]
    );
    let guarded = "SELECT relation.relrowsecurity AND relation.relforcerowsecurity AS guarded,
                          relation.reloptions AS options,
                          (SELECT count(*) FROM pg_policy WHERE polrelid = relation.oid) AS policies
                   FROM pg_class AS relation
                   WHERE relation.oid = 'carenotes.daily_records_y2025m12'::regclass";
    let options = [
        "autovacuum_vacuum_threshold=1000",
        "autovacuum_analyze_threshold=1000",
        "autovacuum_vacuum_scale_factor=0.2",
    ];
    let expected = json!({"guarded": true, "options": options, "policies": 0});
    assert_eq!(world.row(guarded).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_makes_the_months_that_its_rows_need() {
    let mut world = World::start().await;
    let willow = home(&world, "Willow Care", 1).await;
    let first = "2025-12-31".parse::<chrono::NaiveDate>().unwrap();
    for days in [0, 1, 2] {
        let day = first.checked_add_days(Days::new(days)).unwrap();
        if day <= Utc::now().date_naive() {
            daily_care(&world, willow, &day.to_string()).await;
        }
    }
    let noted = "INSERT INTO carenotes.schema_versions (version, description)
                 VALUES ('2019-legacy', 'what was there before')";
    world.execute(noted).await.unwrap();
    let done = super::rebuild::rebuilt(&world, "carenotes").await;
    assert_eq!(done.different, [""; 0]);
    let months = world.rows(MONTHS).await;
    for month in ["daily_records_y2024m01", "daily_records_y2025m12"] {
        assert!(months.contains(&json!({"month": month})), "{months:?}");
    }
    let kept = "SELECT count(*) FROM carenotes.schema_versions WHERE version = '2019-legacy'";
    assert_eq!(world.number(kept).await, 1, "a rebuild carries over what no event makes");
    let known = "SELECT bool_and(last_analyze IS NOT NULL) FROM pg_stat_user_tables
                 WHERE schemaname = 'carenotes' AND relname IN ('residents', 'daily_records')";
    world.until(known).await;
    world.rest().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_migrators_notes_are_the_migration_files() {
    let world = World::asleep().await;
    let notes = "SELECT version, applied_at IS NOT NULL AS applied, description
                 FROM carenotes.schema_versions ORDER BY version";
    let files: Vec<_> = migrate::STORE
        .iter()
        .map(|file| {
            let version = format!("{:04}_{}", file.version, file.description.replace(' ', "_"));
            json!({"version": version, "applied": true, "description": file.description})
        })
        .collect();
    assert_eq!(world.rows(notes).await, files);
    migrate::migrate(world.database_url(), &Catalogue::new()).await.unwrap();
    assert_eq!(world.rows(notes).await, files);
}
