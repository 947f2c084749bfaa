//! The wallets' tables anew from the log, beside what one connection can upsert.

use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use annals_tests::bench::thousands;
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use super::{
    fault::Done,
    rig::{Rig, tell},
    usage::peak_memory,
};

/// What a rebuild, or a replay, said and took.
pub struct Rebuilt {
    /// Events applied.
    pub events: f64,
    /// How long it took.
    pub seconds: f64,
    /// Tables that differ from those in use.
    pub different: usize,
    /// Memory, in megabytes.
    pub peak: f64,
}

/// Upserts, a rebuild, upserts, a rebuild, upserts: each rebuild has its neighbours' mean beside it.
pub async fn run(rig: &mut Rig) -> Done {
    let scale = rig.scale.clone();
    let rounds = rig.scale.rounds.min(2);
    let mut before = rig.limits.upsert(&scale).await?;
    for _ in 0..rounds {
        copies(rig).await?;
        let rebuilt = timed(rig, &["rebuild", "samia", "--json"], &[]).await?;
        let after = rig.limits.upsert(&scale).await?;
        rig.figures.add("limits.upsert", f64::midpoint(before, after));
        tell("limits.upsert", f64::midpoint(before, after), 0.0, 0.0);
        before = after;
        let rate = rebuilt.events / rebuilt.seconds;
        rig.figures.add("annals.rebuild.rate", rate);
        rig.figures.add("annals.rebuild.events", rebuilt.events);
        rig.figures.add("memory.rebuild", rebuilt.peak);
        rig.figures.add("annals.rebuild.different", rebuilt.different as f64);
        eprintln!(
            "bench: rebuild: {} events, {}/s, {:.0} MB at most",
            thousands(rebuilt.events),
            thousands(rate),
            rebuilt.peak
        );
    }
    Ok(())
}

/// Runs a command that fills tables, with more settings.
pub async fn timed(
    rig: &mut Rig,
    command: &[&str],
    settings: &[(&'static str, String)],
) -> Done<Rebuilt> {
    rig.annals.check()?;
    let program = rig.annals.program();
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(program.folder.join("rebuild.log"))?;
    let path: PathBuf = program.path.clone();
    let mut child = program
        .command(&path)
        .args(command)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    let mut out = child.stdout.take().ok_or("no output")?;
    let reader = std::thread::spawn(move || std::io::read_to_string(&mut out));
    let mut peak = 0.0_f64;
    let began = Instant::now();
    let status = loop {
        peak = peak.max(peak_memory(child.id()).unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > Duration::from_secs(1_800) {
            child.kill()?;
            return Err(format!("annals {} does not end", command.join(" ")).into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let text = reader.join().map_err(|_| "no output")??;
    if !status.success() {
        return Err(format!("annals {}: {status}", command.join(" ")).into());
    }
    let result = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|line| line.get("result").cloned())
        .ok_or_else(|| format!("annals {} said nothing", command.join(" ")))?;
    let number = |name: &str| result.get(name).and_then(Value::as_f64).unwrap_or_default();
    let different = result.get("different").and_then(Value::as_array).map_or(0, Vec::len);
    Ok(Rebuilt { events: number("events"), seconds: number("seconds"), different, peak })
}

/// What the documented table itself lets through: inserts of 1,000 into a copy of it with all of its
/// indexes, without its foreign keys.
async fn copies(rig: &mut Rig) -> Done {
    let mut connection = PgConnection::connect(rig.world.database_url()).await?;
    for sql in [
        "DROP SCHEMA IF EXISTS bench_copy CASCADE",
        "CREATE SCHEMA bench_copy",
        "CREATE TABLE bench_copy.transactions (LIKE samia.transactions INCLUDING ALL)",
    ] {
        sqlx::query(sql).execute(&mut connection).await?;
    }
    let began = Instant::now();
    let (mut at, mut rows) = (uuid::Uuid::nil(), 0);
    while began.elapsed() < rig.scale.measured {
        let last: Option<uuid::Uuid> = sqlx::query_scalar(
            "WITH page AS (SELECT * FROM samia.transactions WHERE id > $1 ORDER BY id LIMIT 1000),
                  copied AS (INSERT INTO bench_copy.transactions SELECT * FROM page RETURNING id)
             SELECT id FROM copied ORDER BY id DESC LIMIT 1",
        )
        .bind(at)
        .fetch_optional(&mut connection)
        .await?;
        let Some(last) = last else { break };
        at = last;
        rows += 1_000;
    }
    let rate = f64::from(rows) / began.elapsed().as_secs_f64();
    rig.figures.add("limits.copy", rate);
    tell("limits.copy", rate, 0.0, 0.0);
    sqlx::query("DROP SCHEMA bench_copy CASCADE").execute(&mut connection).await?;
    Ok(())
}
