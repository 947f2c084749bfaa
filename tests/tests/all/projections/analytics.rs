//! What The Lift promises to be computable is computed from its tables alone, as whoever may read them.

use annals_tests::{
    Reader, World,
    lift::{account, check_in, organisation},
};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completion_engagement_use_and_mood_are_asked_of_the_tables_for_the_own_organisation() {
    let world = World::start().await;
    account(&world).await;
    let school = organisation(&world, "Oakfield", 1).await;
    let clinic = organisation(&world, "Elm Clinic", 2).await;
    for child in [school.child, school.child, clinic.child] {
        check_in(&world, child).await;
    }
    // One more is begun and not finished.
    let data = json!({"session_type": "daily_checkin"});
    world.as_person(school.child).send("lift.cmd.start_session", (), data).await.ok();
    let asks = [
        // lift.ops.analytics-completion
        (
            "SELECT child.org_id, date_trunc('month', session.started_at) = date_trunc('month', now())
                        AS this_month,
                    count(*) AS all, count(*) FILTER (WHERE session.status = 'completed') AS done
             FROM lift.wellbeing_sessions AS session
             JOIN lift.children AS child ON child.id = session.child_id GROUP BY 1, 2",
            json!({"org_id": school.id, "this_month": true, "all": 3, "done": 2}),
        ),
        // lift.ops.analytics-engagement
        (
            "SELECT child_id, count(*) AS sessions FROM lift.wellbeing_sessions
             GROUP BY child_id, date_trunc('week', started_at)",
            json!({"child_id": school.child, "sessions": 3}),
        ),
        // lift.ops.analytics-features
        (
            "SELECT activity_type, count(*) AS used FROM lift.wellbeing_responses GROUP BY 1",
            json!({"activity_type": "mood_wheel", "used": 2}),
        ),
        // lift.ops.analytics-trend
        (
            "SELECT child_id, array_agg(overall_mood ORDER BY started_at) AS moods
             FROM lift.wellbeing_sessions WHERE overall_mood IS NOT NULL GROUP BY 1",
            json!({"child_id": school.child, "moods": [4, 4]}),
        ),
    ];
    for (sql, expected) in asks {
        let found = world.rows_for(Reader::Person(school.contact), sql).await.unwrap();
        assert_eq!(found, [expected], "{sql}");
    }
}
