//! What is exported and imported is what was there, ids and times included, and goes on from there.

use annals_projections::{Catalogue, table::Writer};
use annals_tests::{
    World, busy,
    nestsync::{CARL, NORA},
    restorative::RUTH,
    samia::{CLARA, super_admin},
    transfer::{exported, imported},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// The rows of an export, without its first line, which tells the time.
fn rows(lines: &str) -> Vec<Value> {
    lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The tables of a context, each row as it is.
async fn tables(world: &World, context: &str) -> Vec<(&'static str, Vec<Value>)> {
    let mut tables = Vec::new();
    let catalogue = Catalogue::new();
    let all = catalogue.context(context).unwrap().tables;
    for table in all.iter().filter(|table| table.writer == Writer::Projector) {
        let sql = format!("SELECT * FROM {context}.{} AS row ORDER BY row::text", table.name);
        tables.push((table.name, world.rows(&sql).await));
    }
    tables
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_of_each_context_is_the_same_in_a_fresh_database() {
    let old = World::start().await;
    let busy = busy::fill(&old).await;
    let new = World::start().await;
    let tenants: [(&str, Uuid); 5] = [
        ("carenotes", busy.home.id),
        ("restorative", RUTH),
        ("lift", busy.school.id),
        ("samia", CLARA),
        ("nestsync", busy.nest.id),
    ];
    for (context, id) in tenants {
        let lines = exported(&old, context, id).await;
        let moved = imported(&new, &lines).await.unwrap();
        assert!(moved.rows > 0, "{context}");
        new.all_shown().await;
        let said = rows(&lines);
        let again = rows(&exported(&new, context, id).await);
        for (then, now) in said.iter().zip(&again) {
            assert_eq!(now, then, "{context}");
        }
        assert_eq!(again.len(), said.len(), "{context}");
        // Everything that was the tenant's came along: the tables hold these rows and no others.
        for (name, there) in tables(&new, context).await {
            let written = said.iter().filter(|line| line["table"] == name).count();
            assert_eq!(there.len(), written, "{context}.{name}");
        }
    }
    assert_eq!(new.number("SELECT count(*) FROM annals.parked").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_rows_are_events_of_the_operator_with_their_own_times_and_sealed() {
    let old = World::start().await;
    let busy = busy::fill(&old).await;
    let lines = exported(&old, "lift", busy.school.id).await;
    let new = World::start().await;
    imported(&new, &lines).await.unwrap();
    let told =
        "SELECT event_type, metadata->>'actor_kind' AS actor, metadata->>'command' AS command,
                       metadata->>'tenant' AS tenant, metadata->>'reason' AS reason,
                       (metadata->>'occurred_at')::timestamptz < recorded_at AS before
                FROM annals.events WHERE aggregate_type = 'lift.child'";
    let expected = json!({"event_type": "ChildImported", "actor": "operator",
                          "command": "import_rows", "tenant": busy.school.id,
                          "reason": "moving house", "before": true});
    assert_eq!(new.row(told).await, expected);
    let stored = "SELECT payload::text AS payload, metadata::text AS metadata FROM annals.events";
    let stored = serde_json::to_string(&new.rows(stored).await).unwrap();
    for personal in ["likes trains", "Somebody's parent", "a good day", "example.org"] {
        assert!(lines.contains(personal), "{personal} is in the export");
        assert!(!stored.contains(personal), "{personal} is in clear");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordinary_commands_go_on_where_the_rows_stopped() {
    let old = World::start().await;
    let busy = busy::fill(&old).await;
    let mut new = World::start().await;
    for (context, id) in [
        ("lift", busy.school.id),
        ("samia", CLARA),
        ("nestsync", busy.nest.id),
        ("restorative", RUTH),
    ] {
        imported(&new, &exported(&old, context, id).await).await.unwrap();
    }
    new.all_shown().await;

    // The school's counters, its staff's rights and its child's consent are there.
    let kim = Uuid::from_u128(0x4b);
    new.knows(kim).await;
    let child = json!({"org_id": busy.school.id, "first_name": "Kim"});
    let staff = new.as_person(busy.school.practitioner);
    staff.send("lift.cmd.register_child", kim, child).await.ok();
    new.shown("lift").await;
    let number = format!("SELECT display_id FROM lift.children WHERE id = '{kim}'");
    assert_eq!(new.row(&number).await, json!({"display_id": 2}));
    annals_tests::lift::check_in(&new, busy.school.child).await;
    let alert = new.row("SELECT id FROM lift.alerts").await["id"].as_str().unwrap().to_owned();
    let notes = json!({"resolution_notes": "talked it over"});
    let alert: Uuid = alert.parse().unwrap();
    staff.send("lift.cmd.resolve_alert", alert, notes).await.accepted(&["AlertResolved"]);

    // The wallet has its money, its limits and its currency.
    let system = new.as_system();
    let debit = |amount: &str| json!({"amount": amount});
    let asked = system.send("samia.cmd.debit_wallet", CLARA, debit("9.51")).await;
    asked.refused("insufficient_funds");
    system.send("samia.cmd.debit_wallet", CLARA, debit("9.50")).await.ok();

    // The family's members have their roles, and the item its stock and its uses.
    let carl = new.as_person(CARL);
    let used = json!({"quantity": "8"});
    carl.send("nestsync.cmd.log_usage", busy.nest.item, used).await.accepted(&["ItemUsed"]);
    let asked = new.as_person(NORA);
    let twice = json!({"name": "Again", "display_name": "Nora"});
    asked.send("nestsync.cmd.create_family", (), twice).await.ok();
    new.shown("nestsync").await;
    let day = "SELECT usage_count, total_quantity::text FROM nestsync.usage_analytics
               WHERE period = 'month'";
    assert_eq!(new.row(day).await, json!({"usage_count": 2, "total_quantity": "10.00"}));

    // A record is its person's; what it says already is known.
    let same = json!({"narrative": "It ended in summer"});
    new.as_person(RUTH)
        .send("restorative.cmd.save_restorative_record", (), same)
        .await
        .accepted(&[]);

    // An address is taken, whoever imported it.
    let other = super_admin(&new).await;
    let address = json!({"email": annals_tests::token::address(CLARA)});
    new.as_person(other)
        .send("samia.cmd.update_user_details", (), address)
        .await
        .refused("email_taken");

    // What was imported is known from the log alone, and its rows are the replay's.
    new.rest().await;
    new.wake().await;
    system.send("samia.cmd.debit_wallet", CLARA, debit("0.01")).await.refused("insufficient_funds");
    assert_eq!(new.number("SELECT count(*) FROM annals.parked").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_an_import_are_the_replays() {
    let old = World::start().await;
    let busy = busy::fill(&old).await;
    let mut new = World::start().await;
    let home = ("carenotes", busy.home.id);
    for (context, id) in
        [("lift", busy.school.id), ("samia", CLARA), ("nestsync", busy.nest.id), home]
    {
        imported(&new, &exported(&old, context, id).await).await.unwrap();
    }
    new.all_shown().await;
    let mut before = Vec::new();
    for context in ["lift", "samia", "nestsync", "carenotes"] {
        before.push(tables(&new, context).await);
    }
    new.rest().await;
    let back = "UPDATE annals.projections SET position = 0, hash = NULL, recorded_at = NULL";
    new.execute(back).await.unwrap();
    new.wake().await;
    new.all_shown().await;
    for (context, before) in ["lift", "samia", "nestsync", "carenotes"].into_iter().zip(before) {
        assert_eq!(tables(&new, context).await, before, "{context}");
    }
}
