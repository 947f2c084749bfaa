//! Who reads the past: whoever may read the row today, of what they might have read with today's rights.

use annals_projections::Catalogue;
use annals_tests::{Reader, World, lift, nestsync, samia};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a reader finds as of a position.
async fn seen(world: &World, reader: Reader, position: i64, sql: &str) -> Vec<Value> {
    let mut transaction = world.pool().begin().await.unwrap();
    annals_tests::claim(&mut transaction, reader).await;
    let set = format!("SET LOCAL annals.as_of = '{position}'");
    sqlx::query(&set).execute(&mut *transaction).await.unwrap();
    let sql = format!("SELECT coalesce(json_agg(row), '[]') FROM ({sql}) AS row");
    let rows: Value = sqlx::query_scalar(&sql).fetch_one(&mut *transaction).await.unwrap();
    rows.as_array().cloned().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_never_more_open_than_the_present() {
    let world = World::start().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Oakfield School", 1).await;
    let clinic = lift::organisation(&world, "Riverside Clinic", 2).await;
    let note = json!({"safeguarding_notes": "keep an eye on the left knee"});
    let teacher = world.as_person(school.practitioner);
    teacher.send("lift.cmd.record_safeguarding_note", school.child, note).await.ok();
    lift::alert(&world, school.child, "high").await;
    let then = world.events().await;
    let moved = json!({"org_id": clinic.id});
    world.as_person(lift::AVA).send("lift.cmd.transfer_child", school.child, moved).await.ok();
    let suspended = world.as_person(lift::AVA);
    suspended.send("lift.cmd.suspend_member", clinic.contact, json!({})).await.ok();
    world.shown("lift").await;

    let by = |person| Reader::Person(person);
    let child = format!("SELECT id FROM lift_as_of.children WHERE id = '{}'", school.child);
    let notes = format!(
        "SELECT safeguarding_notes FROM lift_as_of.children_safeguarding WHERE id = '{}'",
        school.child
    );
    let alerts = "SELECT child_id FROM lift_as_of.alerts";
    for sql in [child.as_str(), &notes, alerts] {
        let rows = seen(&world, by(school.practitioner), then, sql).await;
        assert!(rows.is_empty(), "who lost the child lost its past: {sql}: {rows:?}");
        let rows = seen(&world, by(clinic.contact), then, sql).await;
        assert!(rows.is_empty(), "who is suspended today reads nothing of the past: {sql}");
    }
    // The row was another tenant's then: today's rights are asked of the row as it was, too.
    assert!(seen(&world, by(clinic.practitioner), then, &child).await.is_empty());
    assert!(seen(&world, by(clinic.practitioner), then, &notes).await.is_empty());
    let now = world.events().await;
    assert_eq!(seen(&world, by(clinic.practitioner), now, &child).await.len(), 1);
    // What is read by the child's place of today is open from its beginning.
    assert_eq!(seen(&world, by(clinic.practitioner), then, alerts).await.len(), 1);
    assert_eq!(seen(&world, by(lift::AVA), then, &notes).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_the_past_of_an_erased_person() {
    let world = World::start().await;
    let clara = samia::wallet(&world, "10.00").await;
    let sam = samia::super_admin(&world).await;
    let debit = json!({"amount": "0.50", "description": "A card for somebody"});
    world.as_system().send("samia.cmd.debit_wallet", clara, debit).await.ok();
    let nest = nestsync::family(&world, nestsync::NORA).await;
    let profile = json!({"contacts": [{"name": "Nan", "phone": "1"}], "allergies": ["nuts"]});
    let nora = world.as_person(nestsync::NORA);
    nora.send("nestsync.cmd.create_emergency_profile", nest.child, profile).await.ok();
    world.all_shown().await;
    let then = world.events().await;
    let profiles = "SELECT allergies FROM nestsync_as_of.emergency_profiles";
    assert_eq!(seen(&world, Reader::Person(nestsync::NORA), then, profiles).await.len(), 1);
    let moved = format!(
        "SELECT description FROM samia_as_of.transactions WHERE user_id = '{clara}'
         AND description IS NOT NULL"
    );
    let named = format!("SELECT full_name FROM samia_as_of.users WHERE id = '{clara}'");
    let somebody = [json!({"full_name": "Somebody"})];
    assert_eq!(seen(&world, Reader::Person(sam), then, &moved).await.len(), 1);
    assert_eq!(seen(&world, Reader::Person(sam), then, &named).await, somebody);

    world.as_system().send("samia.cmd.erase_user", clara, json!({})).await.ok();
    world.as_system().send("nestsync.cmd.erase_child", nest.child, json!({})).await.ok();
    world.all_shown().await;
    assert!(seen(&world, Reader::Person(nestsync::NORA), then, profiles).await.is_empty());
    assert!(seen(&world, Reader::Person(sam), then, &moved).await.is_empty());
    let rows = seen(&world, Reader::Person(sam), then, &named).await;
    assert!(rows != somebody, "{rows:?}");
}

/// What may be granted on the past is what is granted on the present, to the same roles.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_is_granted_to_nobody_who_lacks_the_table() {
    let world = World::asleep().await;
    for context in Catalogue::new().contexts().filter(|it| !it.tables.is_empty()) {
        for schema in ["history", "as_of"] {
            let more = format!(
                "SELECT past.table_name, past.grantee, past.column_name
                 FROM information_schema.column_privileges AS past
                 WHERE past.table_schema = '{0}_{schema}' AND past.privilege_type = 'SELECT'
                   AND past.grantee NOT IN ('annals_owner', 'projector')
                   AND past.column_name NOT LIKE 'annals\\_%'
                   AND NOT EXISTS (
                       SELECT FROM information_schema.column_privileges AS live
                       WHERE live.table_schema = '{0}' AND live.table_name = past.table_name
                         AND live.grantee = past.grantee AND live.privilege_type = 'SELECT'
                         AND live.column_name = past.column_name)",
                context.name
            );
            assert_eq!(world.rows(&more).await, [Value::Null; 0], "{} {schema}", context.name);
            let less = more
                .replace(&format!("'{}_{schema}'", context.name), "'@'")
                .replace(
                    &format!("live.table_schema = '{}'", context.name),
                    "live.table_schema = '#'",
                )
                .replace("'@'", &format!("'{}'", context.name))
                .replace("'#'", &format!("'{}_{schema}'", context.name));
            // History tables are the tables' alone; views have no versions of their own, and what
            // monitors read of the server has no past.
            if schema == "as_of" {
                let less = less.replace("'projector')", "'projector', 'pg_monitor')");
                assert_eq!(world.rows(&less).await, [Value::Null; 0], "{}, less", context.name);
            }
        }
        let unguarded = format!(
            "SELECT relname FROM pg_class WHERE relnamespace = '{}_history'::regnamespace
             AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)",
            context.name
        );
        assert_eq!(world.rows(&unguarded).await, [Value::Null; 0]);
    }
    let stranger = Reader::Person(Uuid::now_v7());
    let written = "SELECT id FROM lift_history.children";
    assert_eq!(world.rows_for(stranger, written).await, Err("42501".into()), "by no name");
    let children = "SELECT count(first_name) FROM lift_as_of.children";
    assert_eq!(world.rows_for(stranger, children).await.unwrap(), [json!({"count": 0})]);
    let note = "SELECT safeguarding_notes FROM lift_as_of.children";
    assert_eq!(world.rows_for(stranger, note).await, Err("42501".into()));
    let hidden = "SELECT * FROM lift_as_of.children_safeguarding_then";
    assert_eq!(world.rows_for(stranger, hidden).await, Err("42501".into()));
    let lineage = "SELECT * FROM annals.lineage('lift.alerts', 'x')";
    assert_eq!(world.rows_for(stranger, lineage).await, Err("42501".into()));
}
