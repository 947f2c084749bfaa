//! Reactors and their timers, for `annals status`.

use serde::Serialize;
use sqlx::{FromRow, PgPool};

use super::reading::Progress;
use crate::ops::text::count;

/// The reactor of a context.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Reactor {
    /// How far it is.
    #[serde(flatten)]
    pub progress: Progress,
    /// Whether it works.
    pub active: bool,
    /// Position of the event that nobody can react to.
    pub stopped_at: Option<i64>,
    /// Why not.
    pub error: Option<String>,
    /// Timers.
    #[serde(flatten)]
    pub timers: Timers,
}

/// Timers of a context.
#[derive(Debug, Clone, Default, PartialEq, Serialize, FromRow)]
pub(super) struct Timers {
    /// Those that are set.
    pub timers: i64,
    /// Those whose time has come.
    pub timers_due: i64,
    /// Those that could not be handled and are tried again.
    pub timers_failed: i64,
    /// For how many seconds the first of those that are due waits.
    pub timers_late_seconds: f64,
}

/// A checkpoint as it stands in the table.
#[derive(FromRow)]
pub(super) struct Row {
    pub position: i64,
    pub stopped_at: Option<i64>,
    pub error: Option<String>,
}

/// The checkpoint of a context's reactor, where one ever worked, and its timers.
pub(super) async fn read(
    pool: &PgPool,
    context: &str,
) -> Result<Option<(Row, Timers)>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT position, stopped_at, error FROM annals.reactors WHERE context = $1",
    )
    .bind(context)
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let timers = sqlx::query_as(
        "SELECT count(*) AS timers,
                count(*) FILTER (WHERE due_at <= clock_timestamp()) AS timers_due,
                count(error) AS timers_failed,
                greatest(coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0), 0)
                    ::double precision AS timers_late_seconds
         FROM annals.timers WHERE context = $1",
    )
    .bind(context)
    .fetch_one(pool)
    .await?;
    Ok(Some((row, timers)))
}

impl Reactor {
    /// What is wrong with it.
    pub fn fault(&self, name: &str) -> Option<String> {
        if let Some(position) = self.stopped_at {
            let why = self.error.as_deref().unwrap_or("no reason is kept");
            return Some(format!(
                "the reactor of {name} stands still at position {position}: {why}. Mend it and it \
                 goes on, or let the event be skipped with annals skip reactor.{name} {position} \
                 --reason …"
            ));
        }
        if self.timers.timers_failed > 0 {
            let failed = count(self.timers.timers_failed, "timer");
            return Some(format!(
                "{failed} of {name} cannot be handled: the column error of annals.timers says why"
            ));
        }
        let waits = self.progress.lag_events > 0 || self.timers.timers_due > 0;
        if waits && !self.active {
            return Some(format!(
                "nobody reacts to {name}: {}, {} due. Run annals serve with the role reactor",
                count(self.progress.lag_events, "event"),
                count(self.timers.timers_due, "timer"),
            ));
        }
        self.progress
            .stalled
            .then(|| format!("the reactor of {name} stands still: look into its log"))
    }

    /// "lift 3 (2.0 s) behind, 4 timers".
    pub fn line(&self, name: &str) -> String {
        let mark = match (self.stopped_at, self.active) {
            (Some(_), _) => " stopped,",
            (None, false) => " nobody,",
            (None, true) => "",
        };
        let timers = count(self.timers.timers, "timer");
        let behind = self.progress.behind();
        match behind.as_str() {
            "0" | "0…" => format!("{name}{mark} {timers}"),
            behind => format!("{name}{mark} {behind} behind, {timers}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reactor_that_stands_still_is_a_fault_and_one_at_work_is_a_line() {
        let mut it = Reactor { active: true, ..Reactor::default() };
        it.timers.timers = 4;
        it.progress.lag_exact = true;
        assert_eq!((it.fault("lift"), it.line("lift")), (None, "lift 4 timers".to_owned()));
        it.timers.timers_failed = 1;
        assert!(it.fault("lift").is_some_and(|it| it.contains("1 timer of lift")));
        it.active = false;
        it.timers = Timers { timers_due: 2, ..Timers::default() };
        assert!(it.fault("lift").is_some_and(|it| it.contains("2 timers due")));
        it.stopped_at = Some(7);
        assert!(it.fault("lift").is_some_and(|it| it.contains("annals skip reactor.lift 7")));
        assert!(it.line("lift").contains("stopped"));
    }
}
