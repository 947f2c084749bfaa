//! What evidence and the past cost: appends while the log is signed, verifying, the past of rows, as-of
//! queries, a replay.

use std::time::{Duration, Instant};

use annals_infra::{bench::level::Pace, store::leaf_hash};
use annals_tests::{Reader, bench::thousands, claim};
use chrono::DateTime;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    annals::Wallets,
    fault::Done,
    limits::{METADATA, PAYLOAD},
    rebuild::{self, Rebuilt},
    rig::{Rig, tell},
    serve::{Program, Serving},
};

/// Queries of which the one in the middle counts.
const QUERIES: usize = 400;
/// Commands in flight while rows have no past.
const IN_FLIGHT: [u32; 3] = [32, 64, 128];
/// How long the notary may take for the whole log.
const PATIENCE: Duration = Duration::from_secs(600);

/// Appends while a notary signs the log and while none does, in the order A B B A, so that what drifts hits
/// both; the relay that the notary comes with runs both times. What a leaf hash takes is reckoned on top of the rate without one, as if nothing else went on
/// meanwhile.
pub async fn appends(rig: &mut Rig) -> Done {
    let hashing = hashing();
    rig.figures.add("evidence.hash.rate", 1.0 / hashing);
    let mut rates = [0.0; 2];
    for signed in [true, false, false, true] {
        let mut relay = relay(rig, signed).await?;
        let time = (rig.scale.warmup, rig.scale.measured);
        let many = Wallets::Many;
        let (measured, _) = rig.annals.run(many, Pace::InFlight(512), time, false).await?;
        relay.check()?;
        relay.stop();
        let rate = measured.counts.accepted as f64 / time.1.as_secs_f64();
        tell(if signed { "evidence.signed" } else { "evidence.unsigned" }, rate, 0.0, 0.0);
        rates[usize::from(signed)] += rate / 2.0;
    }
    let [unsigned, signed] = rates;
    rig.figures.add("evidence.signed.rate", signed);
    rig.figures.add("evidence.without.rate", 1.0 / (1.0 / unsigned - hashing));
    Ok(())
}

/// Seconds that a leaf hash of a wallet's event takes.
fn hashing() -> f64 {
    let (began, mut count) = (Instant::now(), 0_u64);
    let stream = Uuid::from_u128(1).to_string();
    while began.elapsed() < Duration::from_millis(200) {
        for _ in 0..1_000 {
            count += 1;
            let hash = leaf_hash(
                "samia.wallet",
                &stream,
                count as i64,
                "WalletDebited",
                "1",
                Uuid::nil(),
                DateTime::UNIX_EPOCH,
                METADATA,
                PAYLOAD,
            );
            std::hint::black_box(hash);
        }
    }
    began.elapsed().as_secs_f64() / count as f64
}

/// How the log is signed here.
fn signing(program: &Program) -> Vec<(&'static str, String)> {
    let file = |name: &str| program.folder.join(name).display().to_string();
    vec![
        ("ANNALS_SIGNING_KEY_FILE", file("signing-key")),
        ("ANNALS_EVIDENCE_DIR", file("evidence")),
        ("ANNALS_CHECKPOINT_SECONDS", "1".to_owned()),
    ]
}

/// A relay with next to nothing to publish, with which a notary comes where the log is signed. It has signed all that
/// there is so far.
async fn relay(rig: &Rig, signed: bool) -> Done<Serving> {
    let program = rig.annals.program();
    let mut settings = if signed { signing(program) } else { Vec::new() };
    settings.push(("ANNALS_CONTEXTS", "restorative".to_owned()));
    let mut relay = program.serve_as("notary", "relay", &settings)?;
    let (began, head) = (Instant::now(), rig.annals.head().await?);
    let mut connection = rig.annals.connect().await?;
    let mut size: i64 = if signed { 0 } else { head };
    while size < head {
        if began.elapsed() > PATIENCE {
            return Err(format!("signed up to {size} of {head}").into());
        }
        relay.check()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        size = sqlx::query_scalar("SELECT coalesce(max(size), 0) FROM annals.checkpoints")
            .fetch_one(&mut connection)
            .await?;
    }
    Ok(relay)
}

/// All that needs a full log and its rows.
pub async fn run(rig: &mut Rig) -> Done {
    as_of(rig).await?;
    for round in 0..rig.scale.rounds.min(2) {
        let mut turns = [("all", "evidence.kept"), ("none", "evidence.bare")];
        if round % 2 == 1 {
            turns.reverse();
        }
        for (history, name) in turns {
            let command = ["rebuild", "samia", "--json"];
            let settings = [("ANNALS_HISTORY", history.to_owned())];
            let rebuilt = rebuild::timed(rig, &command, &settings).await?;
            keep(rig, name, &rebuilt);
        }
        let command = ["replay", "samia", "--into", "bench_replay", "--drop", "--json"];
        let replayed = rebuild::timed(rig, &command, &[]).await?;
        keep(rig, "evidence.replay", &replayed);
    }
    verify(rig).await?;
    live_without_a_past(rig).await
}

fn keep(rig: &mut Rig, name: &str, done: &Rebuilt) {
    let rate = done.events / done.seconds;
    rig.figures.add(format!("{name}.rate"), rate);
    rig.figures.add("annals.rebuild.different", done.different as f64);
    tell(name, rate, 0.0, 0.0);
}

/// A row by its key, as it is and as of now, by somebody whom it is shown. What counts is the table where
/// the past takes longest.
async fn as_of(rig: &mut Rig) -> Done {
    let mut connection = rig.annals.connect().await?;
    sqlx::query("ANALYZE").execute(&mut connection).await?;
    let (user, transaction): (Uuid, Uuid) =
        sqlx::query_as("SELECT user_id, id FROM samia.transactions LIMIT 1")
            .fetch_one(&mut connection)
            .await?;
    for _ in 0..rig.scale.rounds {
        let mut worst = (0.0, 1.0);
        for (table, column, key) in
            [("user_wallets", "user_id", user), ("transactions", "id", transaction)]
        {
            let mut took = [0.0; 2];
            for (nth, schema) in ["samia", "samia_as_of"].into_iter().enumerate() {
                let sql = format!("SELECT * FROM {schema}.{table} WHERE {column} = '{key}'");
                took[nth] = typical(&mut connection, user, &sql).await?;
            }
            let [live, past] = took;
            if past / live > worst.0 / worst.1 {
                worst = (past, live);
            }
        }
        rig.figures.add("evidence.as_of.p50", worst.0);
        rig.figures.add("evidence.live.p50", worst.1);
        tell("evidence.as_of", 0.0, worst.0, 0.0);
    }
    Ok(())
}

/// Milliseconds that a query takes within a session, in the middle.
async fn typical(connection: &mut PgConnection, reader: Uuid, sql: &str) -> Done<f64> {
    let mut transaction = connection.begin().await?;
    claim(&mut transaction, Reader::Person(reader)).await;
    sqlx::query("SET LOCAL annals.as_of = 'now'").execute(&mut *transaction).await?;
    let mut took = Vec::new();
    for _ in 0..QUERIES {
        let began = Instant::now();
        if sqlx::query(sql).fetch_all(&mut *transaction).await?.len() != 1 {
            return Err(format!("not one row: {sql}").into());
        }
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    transaction.rollback().await?;
    took.sort_unstable_by(f64::total_cmp);
    Ok(took[took.len() / 2])
}

/// The whole log, once it is signed.
async fn verify(rig: &mut Rig) -> Done {
    relay(rig, true).await?.stop();
    let program = rig.annals.program().clone();
    for _ in 0..rig.scale.rounds {
        let (program, settings) = (program.clone(), signing(&program));
        let run = move || program.run_with(&["verify", "--whole", "--json"], &settings);
        let text = tokio::task::spawn_blocking(run).await??;
        let result = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|line| line.get("result").cloned())
            .ok_or("annals verify said nothing")?;
        let number = |name: &str| result.get(name).and_then(Value::as_f64).unwrap_or_default();
        let rate = number("events") / number("seconds");
        rig.figures.add("evidence.verify.rate", rate);
        eprintln!("bench: verify: {} events, {}/s", thousands(number("events")), thousands(rate));
    }
    Ok(())
}

/// The whole pipeline again, now that the last rebuild left rows without a past: the projector keeps
/// none until it is rebuilt with one.
async fn live_without_a_past(rig: &mut Rig) -> Done {
    let settings = [("ANNALS_HISTORY", "none".to_owned())];
    rebuild::timed(rig, &["rebuild", "samia", "--json"], &settings).await?;
    for _ in 0..rig.scale.rounds {
        let mut best = 0.0_f64;
        for level in IN_FLIGHT {
            let time = (rig.scale.warmup, rig.scale.measured);
            let pace = Pace::InFlight(level);
            let (measured, _) = rig.annals.run(Wallets::Many, pace, time, true).await?;
            let seconds = time.1.as_secs_f64();
            let accepted = measured.counts.accepted as f64 / seconds;
            let visible = measured.rows.as_ref().map_or(0.0, |it| it.shown as f64 / seconds);
            best = best.max(accepted.min(visible));
        }
        rig.figures.add("evidence.pipeline.rate", best);
        tell("evidence.pipeline", best, 0.0, 0.0);
    }
    Ok(())
}
