//! `annals dev tour`: the main job, for somebody who has never seen it. Commands become events, events
//! become rows; the history of what happened; and what is refused, with its reason.

use std::collections::HashMap;

use async_nats::Client;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::{
    client::Caller,
    demo::{DIAPERS, Demo, DemoError, MIA},
    people::named,
};

/// Walks through the main job on a running system.
///
/// # Errors
/// When a command that should be accepted is not, or rows cannot be read.
pub async fn run(
    client: &Client,
    pool: &PgPool,
    tokens: &HashMap<String, String>,
) -> Result<(), DemoError> {
    let demo = Demo::new(client, tokens, pool.clone());
    println!("1. Four commands, over NATS. Each answer came once its events were stored.\n");
    let session = check_in(&demo).await?;
    let sticker = json!({
        "sticker_type": "kind_words", "sticker_name": "Kind words",
        "earned_for": "kindness", "session_id": session,
    });
    say(&demo, "system", "lift.cmd.award_sticker", Some(&text("kit")), sticker).await?;
    let concern = json!({
        "child_id": named("kit").map(|it| it.id), "alert_type": "safeguarding", "severity": "high",
        "title": "A worrying answer", "description": "Kit chose the saddest face today.",
        "session_id": session,
    });
    let raised = quietly(&demo, "system", "lift.cmd.raise_alert", None, concern).await?;
    let alert = raised.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    say(&demo, "paul", "lift.cmd.acknowledge_alert", Some(&alert), json!({})).await?;
    let reading = json!({ "amount": "3.50", "transaction_type": "payment", "description": "A short reading" });
    say(&demo, "sam", "samia.cmd.debit_wallet", Some(&text("clara")), reading).await?;
    restock(&demo, pool).await?;
    let night = json!({ "quantity": "2", "child_id": MIA, "notes": "one night" });
    say(&demo, "carl", "nestsync.cmd.log_usage", Some(&DIAPERS.to_string()), night).await?;

    println!("\n2. The rows that they became, as these people see them (row level security).\n");
    rows(pool, "paul", "SELECT sticker_name, earned_for, earned_at FROM lift.stickers_earned ORDER BY earned_at DESC LIMIT 3").await?;
    rows(pool, "paul", "SELECT title, severity, status, acknowledged_at FROM lift.alerts ORDER BY created_at DESC LIMIT 3").await?;
    rows(pool, "paul", "SELECT first_name, total_sessions, completed_sessions, average_mood, total_stickers, urgent_alerts FROM lift.child_progress_summary").await?;
    rows(pool, "clara", "SELECT balance, currency, is_frozen FROM samia.user_wallets").await?;
    rows(pool, "clara", "SELECT transaction_type, amount, currency, status, description FROM samia.transactions ORDER BY created_at DESC LIMIT 3").await?;
    rows(
        pool,
        "nora",
        "SELECT name, quantity, unit, reorder_threshold FROM nestsync.inventory_items",
    )
    .await?;
    rows(pool, "nora", "SELECT quantity, quantity_after, notes, used_at FROM nestsync.usage_logs ORDER BY used_at DESC LIMIT 3").await?;
    println!("   Remy works at another organisation, and sees none of the school's alerts:");
    rows(pool, "remy", "SELECT count(*) AS alerts FROM lift.alerts").await?;

    println!("3. What happened to that alert, from the log.\n");
    history(pool, "lift.alert", &alert).await?;
    println!("   annals history lift/alert/{alert} tells it in full.\n");

    println!("4. What is refused, and why. Nothing of it is stored but the answer.\n");
    refuse(&demo, "paul", "lift.cmd.acknowledge_alert", Some(&alert), json!({})).await?;
    let much = json!({ "amount": "900.00", "transaction_type": "payment" });
    refuse(&demo, "sam", "samia.cmd.debit_wallet", Some(&text("clara")), much).await?;
    let more = json!({ "quantity": "5000" });
    refuse(&demo, "carl", "nestsync.cmd.log_usage", Some(&DIAPERS.to_string()), more).await?;
    println!("   And what is not allowed:\n");
    refuse(
        &demo,
        "remy",
        "lift.cmd.resolve_alert",
        Some(&alert),
        json!({ "resolution_notes": "…" }),
    )
    .await?;
    Ok(())
}

/// A child's check-in, from start to end. Gives the session.
async fn check_in(demo: &Demo) -> Result<String, DemoError> {
    let start = json!({ "session_type": "daily_checkin" });
    let started = quietly(demo, "kit", "lift.cmd.start_session", None, start).await?;
    let session = started.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let answer = json!({
        "activity_type": "mood_wheel", "question_key": "how_are_you", "response_type": "scale",
        "response_value": 2, "response_score": 2,
    });
    quietly(demo, "kit", "lift.cmd.record_response", Some(&session), answer).await?;
    let end = json!({ "overall_mood": 2 });
    quietly(demo, "kit", "lift.cmd.complete_session", Some(&session), end).await?;
    Ok(session)
}

/// Keeps enough in stock for the tour to be taken again and again.
async fn restock(demo: &Demo, pool: &PgPool) -> Result<(), DemoError> {
    let low: bool =
        sqlx::query_scalar("SELECT quantity < 4 FROM nestsync.inventory_items WHERE id = $1")
            .bind(DIAPERS)
            .fetch_one(pool)
            .await?;
    if low {
        let more = json!({ "quantity": "36" });
        quietly(demo, "nora", "nestsync.cmd.restock_item", Some(&DIAPERS.to_string()), more)
            .await?;
    }
    Ok(())
}

async fn quietly(
    demo: &Demo,
    who: &str,
    subject: &str,
    id: Option<&str>,
    data: Value,
) -> Result<Value, DemoError> {
    Ok(demo.caller(who)?.send(&Caller::fresh(), subject, id, data).await?)
}

/// Sends a command and shows it with its answer.
async fn say(
    demo: &Demo,
    who: &str,
    subject: &str,
    id: Option<&str>,
    data: Value,
) -> Result<(), DemoError> {
    println!("   {who:<6} {subject} {data}");
    let answer = quietly(demo, who, subject, id, data).await?;
    let events: Vec<&str> = answer
        .get("events")
        .and_then(Value::as_array)
        .map(|events| events.iter().filter_map(|it| it.get("type")?.as_str()).collect())
        .unwrap_or_default();
    println!(
        "          → {} · version {} · position {}",
        events.join(", "),
        answer.get("version").unwrap_or(&Value::Null),
        answer.get("position").unwrap_or(&Value::Null),
    );
    Ok(())
}

/// Sends a command that is refused and shows why.
async fn refuse(
    demo: &Demo,
    who: &str,
    subject: &str,
    id: Option<&str>,
    data: Value,
) -> Result<(), DemoError> {
    println!("   {who:<6} {subject} {data}");
    let answer = demo.caller(who)?.ask(&Caller::fresh(), subject, id, data).await?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let status = answer.get("status").and_then(Value::as_u64).unwrap_or_default();
    println!("          ✗ {status} {}: {}\n", text("code"), text("detail"));
    Ok(())
}

fn text(name: &str) -> String {
    named(name).map_or(Uuid::nil(), |person| person.id).to_string()
}

/// Runs a query as somebody, under row level security, and shows what they see.
async fn rows(pool: &PgPool, who: &str, sql: &str) -> Result<(), DemoError> {
    let mut transaction = pool.begin().await?;
    let claims = json!({ "sub": text(who), "role": "authenticated" }).to_string();
    sqlx::query("SELECT set_config('request.jwt.claims', $1, true)")
        .bind(claims)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("SET LOCAL ROLE authenticated").execute(&mut *transaction).await?;
    // As text, so that an amount of 46.50 is shown as that.
    let fields = sqlx::query(&format!(
        "SELECT counted.nth, field.key, coalesce(field.value, '')
         FROM (SELECT row_number() OVER () AS nth, row_to_json(shown) AS row FROM ({sql}) AS shown)
              AS counted, json_each_text(counted.row) AS field"
    ))
    .fetch_all(&mut *transaction)
    .await?;
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    for row in fields.chunk_by(|one, other| one.get::<i64, _>(0) == other.get::<i64, _>(0)) {
        if row.first().is_some_and(|field| field.get::<i64, _>(0) == 1) {
            table.set_header(row.iter().map(|field| field.get::<String, _>(1)));
        }
        table.add_row(row.iter().map(|field| field.get::<String, _>(2)));
    }
    println!("   {who:<6} {sql}");
    for line in table.to_string().lines() {
        println!("          {line}");
    }
    println!();
    Ok(())
}

/// A stream's events, one a line.
async fn history(pool: &PgPool, kind: &str, id: &str) -> Result<(), DemoError> {
    let events = sqlx::query(
        "SELECT sequence, event_type, recorded_at, metadata->>'actor', metadata->>'actor_kind',
                metadata->>'command', position
         FROM annals.events WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence",
    )
    .bind(kind)
    .bind(id)
    .fetch_all(pool)
    .await?;
    for event in events {
        let actor: String = event.get(3);
        let known = super::people::PEOPLE.iter().find(|it| it.id.to_string() == actor);
        println!(
            "   {}  {:<20} {}  {} ({})  by {}  position {}",
            event.get::<i64, _>(0),
            event.get::<String, _>(1),
            event.get::<chrono::DateTime<chrono::Utc>, _>(2).format("%Y-%m-%d %H:%M:%S%.3f"),
            known.map_or(actor.as_str(), |it| it.name),
            event.get::<String, _>(4),
            event.get::<String, _>(5),
            event.get::<i64, _>(6),
        );
    }
    Ok(())
}
