//! One setting, then ordinary queries.

use annals_tests::{Reader, World, busy::fill, lift, samia};
use serde_json::json;

use super::rows_as_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_views_and_functions_are_asked_as_of_an_instant_or_a_position() {
    let world = World::start().await;
    let busy = fill(&world).await;
    let wallet = "SELECT balance::text FROM samia_as_of.user_wallets";
    let moves =
        world.rows("SELECT annals_from AS at FROM samia_history.user_wallets ORDER BY 1").await;
    for (nth, balance) in ["0.00", "10.00", "9.50"].into_iter().enumerate() {
        let at = moves[nth]["at"].as_i64().unwrap();
        assert_eq!(rows_as_of(&world, at, wallet).await, [json!({"balance": balance})]);
    }
    let before = moves[0]["at"].as_i64().unwrap() - 1;
    assert!(rows_as_of(&world, before, wallet).await.is_empty());

    // The same by time, through a view that counts, for a person under row security.
    let instants = world
        .row(
            "SELECT min(recorded_at)::text AS began,
                    max(recorded_at) FILTER (WHERE event_type = 'SessionStarted')::text AS started
             FROM annals.events",
        )
        .await;
    let seen = async |instant: &str| {
        let mut transaction = world.pool().begin().await.unwrap();
        annals_tests::claim(&mut transaction, Reader::Person(busy.school.practitioner)).await;
        let set = format!("SET LOCAL annals.as_of = '{instant}'");
        sqlx::query(&set).execute(&mut *transaction).await.unwrap();
        let sql = "SELECT total_sessions, completed_sessions, urgent_alerts
                   FROM lift_as_of.child_progress_summary";
        let row: Option<(i64, i64, i64)> =
            sqlx::query_as(sql).fetch_optional(&mut *transaction).await.unwrap();
        row
    };
    assert_eq!(seen(instants["began"].as_str().unwrap()).await, None, "nobody was there");
    assert_eq!(seen(instants["started"].as_str().unwrap()).await, Some((1, 0, 0)));
    assert_eq!(seen("now").await, Some((1, 1, 0)));

    let reader = Reader::Person(busy.school.practitioner);
    let role = "SELECT lift_as_of.actor_role() AS role";
    assert_eq!(world.rows_for(reader, role).await.unwrap(), [json!({"role": "Practitioner"})]);
    let beyond = "SELECT set_config('annals.as_of', '999999', true)
                  FROM (SELECT count(*) FROM samia_as_of.user_wallets) AS w";
    assert_eq!(world.rows_for(reader, beyond).await.unwrap().len(), 1, "read before it was set");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_month_of_a_view_is_that_of_the_instant() {
    let world = World::start().await;
    let busy = fill(&world).await;
    let mut transaction = world.pool().begin().await.unwrap();
    annals_tests::claim(&mut transaction, Reader::Person(lift::AVA)).await;
    let count = "SELECT total_sessions_this_month FROM lift_as_of.organization_usage_stats
                 WHERE id = $1";
    for (instant, sessions) in [("now", 1_i64), ("tomorrow", 1), ("2999-01-01", 0)] {
        let set = format!("SET LOCAL annals.as_of = '{instant}'");
        sqlx::query(&set).execute(&mut *transaction).await.unwrap();
        let month = chrono::Utc::now() + chrono::Days::new(1);
        if instant == "tomorrow" && month.format("%d").to_string() == "01" {
            continue;
        }
        let seen: i64 = sqlx::query_scalar(count)
            .bind(busy.school.id)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(seen, sessions, "{instant}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_the_past_is_found_by_its_key_through_an_index() {
    let world = World::start().await;
    fill(&world).await;
    let mut transaction = world.pool().begin().await.unwrap();
    sqlx::query("SET LOCAL enable_seqscan = off").execute(&mut *transaction).await.unwrap();
    annals_tests::claim(&mut transaction, Reader::Person(samia::CLARA)).await;
    let plan: Vec<String> = sqlx::query_scalar(&format!(
        "EXPLAIN SELECT * FROM samia_as_of.user_wallets WHERE user_id = '{}'",
        samia::CLARA
    ))
    .fetch_all(&mut *transaction)
    .await
    .unwrap();
    let plan = plan.join("\n");
    let by_key = "Index Cond: ((user_wallets.user_id = ";
    assert!(plan.contains("user_wallets_versions_pkey"), "{plan}");
    assert!(plan.contains(by_key) || plan.contains("Index Cond: ((user_id = "), "{plan}");
}
