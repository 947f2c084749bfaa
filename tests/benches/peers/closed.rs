//! A closed loop over a peer: so many tasks, each sends its next command when the last is answered.

use std::{future::Future, sync::Arc, time::Instant};

use annals_infra::bench::measure::Waits;
use tokio::{task::JoinSet, time::timeout_at};
use uuid::Uuid;

use super::{
    args::Scale,
    fault::{Done, Fault},
    usage::{Processes, Used},
};

/// What a peer is asked to do.
pub struct Run<'a> {
    /// Where commands go, drawn by chance.
    pub wallets: &'a Arc<Vec<Uuid>>,
    /// Events or transactions that each has already.
    pub earlier: u32,
    /// Commands in flight.
    pub callers: u32,
    /// Connections of the pool.
    pub connections: u32,
    /// Whether each caller keeps a connection, where there is one for each. Otherwise it takes one from
    /// the pool for each command, as services do; sqlx then asks each one that comes back whether it is
    /// still alive, which costs a round trip.
    pub held: bool,
    /// For how long.
    pub scale: &'a Scale,
    /// Whose use of the machine is looked at.
    pub processes: &'a Processes,
}

/// One of those who send commands.
pub trait Client: Send + 'static {
    /// Sends one, until it is accepted; how often a conflict came in between.
    fn one(&mut self) -> impl Future<Output = Done<u64>> + Send;
}

/// What came of a closed loop.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Accepted in a second.
    pub rate: f64,
    /// From the first try to the answer.
    pub waits: Waits,
    /// Conflicts for each command that got through.
    pub conflicts: f64,
    /// Accepted at all, warm-up included.
    pub accepted: u64,
    /// What it used of the machine.
    pub used: Used,
}

/// Runs one client a task. What is under way at the end is cut off and counts as a wait until then.
pub async fn run<C: Client>(clients: Vec<C>, run: &Run<'_>) -> Done<Outcome> {
    let before = run.processes.look();
    let from = Instant::now() + run.scale.warmup;
    let until = from + run.scale.measured;
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut mine = (0_u64, Waits::new(), 0_u64, 0_u64);
            loop {
                let began = Instant::now();
                if began >= until {
                    return Ok(mine);
                }
                let Ok(done) = timeout_at(until.into(), client.one()).await else {
                    mine.1.add(began.elapsed());
                    return Ok(mine);
                };
                let conflicts = done?;
                let now = Instant::now();
                mine.3 += 1;
                if now >= from && now < until {
                    mine.0 += 1;
                    mine.1.add(now - began);
                    mine.2 += conflicts;
                }
            }
        });
    }
    let (mut count, mut waits, mut conflicts, mut accepted) = (0, Waits::new(), 0, 0);
    while let Some(task) = tasks.join_next().await {
        let mine: (u64, Waits, u64, u64) = task?.map_err(|error: Fault| error)?;
        count += mine.0;
        waits.add_all(&mine.1);
        conflicts += mine.2;
        accepted += mine.3;
    }
    Ok(Outcome {
        rate: count as f64 / run.scale.measured.as_secs_f64(),
        waits,
        conflicts: conflicts as f64 / count.max(1) as f64,
        accepted,
        used: run.processes.look().since(&before),
    })
}
