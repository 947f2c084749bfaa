//! The events that made a row, and what differs between two moments, as an auditor asks from SQL.

use annals_infra::projector::{How, forget};
use annals_tests::{World, busy::fill, samia};
use serde_json::{Value, json};

use super::Work;

/// What a query finds with the auditor's rights.
async fn audited(world: &World, sql: &str) -> Result<Vec<Value>, String> {
    let mut transaction = world.pool().begin().await.unwrap();
    sqlx::query("SET LOCAL ROLE annals_auditor").execute(&mut *transaction).await.unwrap();
    let sql = format!("SELECT coalesce(json_agg(row), '[]') FROM ({sql}) AS row");
    let found = sqlx::query_scalar::<_, Value>(&sql).fetch_one(&mut *transaction).await;
    match found {
        Ok(rows) => Ok(rows.as_array().cloned().unwrap()),
        Err(error) => Err(error.as_database_error().unwrap().code().unwrap().into_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_learns_which_events_made_a_row_and_not_what_is_in_it() {
    let world = World::start().await;
    fill(&world).await;
    let alert = world.row("SELECT id FROM lift.alerts").await["id"].clone();
    let alert = alert.as_str().unwrap();
    let story =
        format!("SELECT did, event_type, columns FROM annals.lineage('lift.alerts', '{alert}')");
    let story = audited(&world, &story).await.unwrap();
    let did: Vec<_> =
        story.iter().map(|it| (it["did"].clone(), it["event_type"].clone())).collect();
    assert_eq!(
        did,
        [(json!("made"), json!("AlertRaised")), (json!("changed"), json!("AlertAcknowledged"))]
    );
    assert_eq!(
        story[1]["columns"],
        json!(["acknowledged_at", "acknowledged_by", "status", "updated_at"])
    );
    let status = format!(
        "SELECT event_type FROM annals.column_lineage('lift.alerts', '{alert}') AS it
         WHERE it.column IN ('status', 'title') ORDER BY it.column"
    );
    let last = ["AlertAcknowledged", "AlertRaised"].map(|it| json!({"event_type": it}));
    assert_eq!(audited(&world, &status).await.unwrap(), last);

    // By the primary key, where events name the row by another one.
    let wallet = world.row("SELECT id::text AS id FROM samia.user_wallets").await["id"].clone();
    for key in [wallet.as_str().unwrap().to_owned(), samia::CLARA.to_string()] {
        let story = format!("SELECT did FROM annals.lineage('samia.user_wallets', '{key}')");
        let story = audited(&world, &story).await.unwrap();
        let did: Vec<_> = story.iter().map(|it| it["did"].as_str().unwrap()).collect();
        assert_eq!(did, ["made", "changed", "changed"], "{key}");
    }
    for (sql, code) in [
        ("SELECT * FROM annals.lineage('lift.nothing', 'x')", "42P01"),
        ("SELECT * FROM annals.lineage('annals.events', 'x')", "42P01"),
        ("SELECT * FROM lift_history.alerts", "42501"),
        ("SELECT * FROM lift_as_of.alerts", "42501"),
        ("SELECT * FROM lift.alerts", "42501"),
    ] {
        assert_eq!(audited(&world, sql).await, Err(code.to_owned()), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_differs_between_two_positions_is_found_row_by_row() {
    let world = World::start().await;
    let busy = fill(&world).await;
    let from = world.events().await;
    let debit = json!({"amount": "0.25"});
    world.as_system().send("samia.cmd.debit_wallet", samia::CLARA, debit).await.ok();
    let account = world.as_person(annals_tests::lift::AVA);
    for (command, key, data) in [
        ("set_platform_setting", "flag:gone", json!({"value": 1})),
        ("remove_platform_setting", "flag:gone", json!({})),
        ("set_platform_setting", "flag:kept", json!({"value": 2})),
    ] {
        account.send(&format!("lift.cmd.{command}"), key, data).await.ok();
    }
    let erased =
        world.as_system().send("nestsync.cmd.erase_child", busy.nest.child, json!({})).await;
    erased.ok();
    world.all_shown().await;
    let to = world.events().await;
    let differs = async |table: &str, from: i64, to: i64| {
        let sql = format!(
            "SELECT did, columns FROM annals.changed_rows('{table}', {from}, {to}, NULL, 10)"
        );
        let rows = audited(&world, &sql).await.unwrap();
        rows.iter().map(|it| it["did"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(differs("samia.user_wallets", from, to).await, ["changed"]);
    assert_eq!(differs("samia.transactions", from, to).await, ["made"]);
    assert_eq!(
        differs("lift.kv_store_a1855b25", from, to).await,
        ["made"],
        "what went is not told"
    );
    assert_eq!(differs("nestsync.children", from, to).await, ["changed"]);
    assert_eq!(differs("lift.alerts", from, to).await, [""; 0]);
    assert_eq!(differs("lift.alerts", 0, to).await, ["made"]);
    let paged = "SELECT key FROM annals.changed_rows('lift.profiles', 0, 100000, NULL, 2)";
    let first = audited(&world, paged).await.unwrap();
    let rest = format!(
        "SELECT key FROM annals.changed_rows('lift.profiles', 0, 100000, '{}', 10)",
        first[1]["key"]
    );
    let rest = audited(&world, &rest).await.unwrap();
    let all = world.number("SELECT count(*) FROM lift.profiles").await;
    assert_eq!(i64::try_from(first.len() + rest.len()).unwrap(), all);
    assert!(!rest.contains(&first[0]) && !rest.contains(&first[1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_finds_what_a_superuser_did_to_rows_and_names_their_events() {
    let world = World::start().await;
    fill(&world).await;
    let work = Work::new(&world).await;
    assert_eq!(work.replay("samia", "scratch_1", None).await.different, []);
    let past = world.events().await;
    world
        .as_system()
        .send("samia.cmd.credit_wallet", samia::CLARA, json!({"amount": "1.00"}))
        .await
        .ok();
    world.shown("samia").await;
    for tampering in [
        "UPDATE samia.user_wallets SET balance = 1000000",
        "DELETE FROM samia.transactions WHERE amount = 1.00",
        "UPDATE samia_history.users SET full_name = 'Nobody'",
    ] {
        assert_eq!(world.execute(tampering).await, Ok(1), "{tampering}");
    }
    // It goes on where it was.
    let done = work.replay("samia", "scratch_1", None).await;
    assert_eq!(done.events, 1);
    let found: Vec<_> =
        done.different.iter().map(|it| (it.table.name, it.rows, it.first.as_slice())).collect();
    let [(first, first_rows, [wallet]), (second, second_rows, [moved])] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((*first, *second), ("user_wallets", "transactions"));
    assert_eq!((*first_rows, *second_rows), ((1, 1), (2, 3)));
    assert_eq!(moved.how, How::Missing);
    assert_eq!(wallet.how, How::Columns(vec!["balance".into()]));
    assert_eq!(wallet.key, [samia::CLARA.to_string()]);
    // The past is compared as it was, and only where it was changed does it differ.
    let done = work.replay("samia", "scratch_2", Some(past)).await;
    let tables: Vec<_> = done.different.iter().map(|it| it.table.name).collect();
    assert_eq!(tables, ["users"]);
    let taken =
        annals_infra::projector::replay(work.of("samia", false), "lift", None, |_| {}).await;
    assert!(taken.unwrap_err().to_string().contains("cannot be replayed into"));
    let context = work.catalogue.context("samia").unwrap();
    forget(world.database_url(), context, "scratch_1").await.unwrap();
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'scratch\\_1%'";
    assert_eq!(world.number(left).await, 0);
}
