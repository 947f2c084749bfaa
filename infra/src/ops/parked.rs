//! `annals parked` and `annals skip`: events that could not be applied, and letting one be skipped.

use std::{process::ExitCode, time::Duration};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgPool};

use super::{
    EXIT_CODES, OpsError,
    setup::{Setup, tables_missing},
    text::{number, time, visible},
};
use crate::{
    cli::{Exit, Output, say, table},
    settings::Flags,
    store::Role,
};

/// How long a projector may take to go on behind a skipped event before that is told.
const PATIENCE: Duration = Duration::from_secs(8);

/// Lists events that could not be applied to a read model, and what became of them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals parked
  annals parked --json | jq 'select(.skipped_at == null)'

A projection stands still at such an event until it can be applied (mend the cause: it is tried again
all the time) or an operator lets it be skipped with annals skip. Ends with 1 where one waits.

{EXIT_CODES}"))]
pub struct ParkedArgs {
    /// Writes JSON Lines, one object an event.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Lets a projection pass over an event that it cannot apply. Who, when and why is kept for ever.
///
/// The rows of the context will not show that event. The event itself stays in the log.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals parked                                       what waits, and why
  annals skip samia 1034 --reason 'AN-71: a duplicate import, see the report of 3 March'

{EXIT_CODES}"))]
pub struct SkipArgs {
    /// The context that stands still.
    pub context: String,
    /// The event's position.
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    pub position: i64,
    /// Why, for whoever asks later. Names no person: it is kept in clear.
    #[arg(long, value_parser = said)]
    pub reason: String,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// A reason that says something.
fn said(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say why".to_owned()) } else { Ok(text.to_owned()) }
}

/// An event that could not be applied, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub(crate) struct Parked {
    #[serde(rename = "context")]
    name: String,
    position: i64,
    event_type: String,
    error: String,
    parked_at: DateTime<Utc>,
    attempts: i64,
    skipped_at: Option<DateTime<Utc>>,
    skipped_by: Option<String>,
    reason: Option<String>,
    /// Whether the rows hold it after all: what kept it from being applied was mended.
    applied: bool,
}

const LISTED: &str = "SELECT parked.name, parked.position, parked.event_type, parked.error, \
     parked.parked_at, parked.attempts, parked.skipped_at, parked.skipped_by, parked.reason, \
     parked.skipped_at IS NULL \
     AND coalesce(coalesce(projection.position, reactor.position) >= parked.position, false) AS applied \
     FROM annals.parked AS parked \
     LEFT JOIN annals.projections AS projection USING (name) \
     LEFT JOIN annals.reactors AS reactor ON 'reactor.' || reactor.context = parked.name";

/// Runs `annals parked`.
///
/// # Errors
/// When Postgres does not answer, or holds no event store.
pub async fn list(args: ParkedArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Auditor, 1).await?;
    let parked = all(&pool).await?;
    if args.json {
        for event in &parked {
            say(&serde_json::to_string(event).unwrap_or_default());
        }
    } else {
        say(&listing(&parked, Output::stdout()));
    }
    let waits = parked.iter().any(Parked::waits);
    Ok(if waits { Exit::Fault } else { Exit::Done }.into())
}

/// All that is parked or was, by context and position.
///
/// # Errors
/// When Postgres does not answer, or holds no event store.
pub(crate) async fn all(pool: &PgPool) -> Result<Vec<Parked>, OpsError> {
    sqlx::query_as(&format!("{LISTED} ORDER BY parked.name, parked.position"))
        .fetch_all(pool)
        .await
        .map_err(tables_missing)
}

impl Parked {
    fn waits(&self) -> bool {
        self.skipped_at.is_none() && !self.applied
    }

    fn state(&self) -> String {
        let by = visible(self.skipped_by.as_deref().unwrap_or("somebody"));
        let why = visible(self.reason.as_deref().unwrap_or("no reason is kept"));
        match self.skipped_at {
            Some(at) => format!("skipped {} by {by}: {why}", time(at)),
            None if self.applied => "applied since".to_owned(),
            None => format!("waits; tried {} times", number(self.attempts)),
        }
    }
}

fn listing(parked: &[Parked], output: Output) -> String {
    if parked.is_empty() {
        return "No event is parked.".to_owned();
    }
    let rows = parked.iter().map(|it| {
        let event = format!("{} {}", number(it.position), it.event_type);
        [it.name.clone(), event, time(it.parked_at), it.error.clone(), it.state()]
    });
    table(output, ["context", "event", "since", "why", "now"], rows)
}

/// Runs `annals skip`.
///
/// # Errors
/// The event is not parked, or was applied meanwhile.
pub async fn skip(args: SkipArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Projector, 1).await?;
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.ok().filter(|it| !it.is_empty());
    let sentence = record(&pool, &args, user.as_deref()).await?;
    say(&sentence);
    say(&goes_on(&pool, &args.context, args.position, PATIENCE).await?);
    Ok(Exit::Done.into())
}

/// Keeps that an operator lets the event be skipped.
async fn record(pool: &PgPool, args: &SkipArgs, user: Option<&str>) -> Result<String, OpsError> {
    let (context, position) = (visible(&args.context), args.position);
    let mut transaction = pool.begin().await?;
    let known: Option<Parked> = sqlx::query_as(&format!(
        "{LISTED} WHERE parked.name = $1 AND parked.position = $2 FOR UPDATE OF parked"
    ))
    .bind(&args.context)
    .bind(position)
    .fetch_optional(&mut *transaction)
    .await
    .map_err(tables_missing)?;
    let refused = |text: String| Err(OpsError::Refused(text));
    match known {
        None => {
            return refused(format!(
                "event {position} of {context} is not parked: only what stops a projection can be \
                 skipped. annals parked lists what there is"
            ));
        }
        Some(parked) if parked.applied => {
            return refused(format!("the rows of {context} hold event {position} by now"));
        }
        Some(parked) if parked.skipped_at.is_some() => {
            return Ok(format!("Event {position} of {context} is {} already.", parked.state()));
        }
        Some(_) => {}
    }
    let by: String = sqlx::query_scalar(
        "UPDATE annals.parked
         SET skipped_at = clock_timestamp(), reason = $3,
             skipped_by = coalesce($4 || ' as ', '') || session_user
         WHERE name = $1 AND position = $2 RETURNING skipped_by",
    )
    .bind(&args.context)
    .bind(position)
    .bind(&args.reason)
    .bind(user)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tracing::warn!(context = args.context, position, by, "an operator lets an event be skipped");
    Ok(format!("Event {position} of {context} may be skipped; kept with the name {by}."))
}

/// Waits until the projection has passed the event, and says whether it has.
async fn goes_on(
    pool: &PgPool,
    context: &str,
    position: i64,
    patience: Duration,
) -> Result<String, OpsError> {
    let until = tokio::time::Instant::now() + patience;
    loop {
        let at: Option<i64> = sqlx::query_scalar(
            "SELECT position FROM annals.projections WHERE name = $1
                 UNION ALL
                 SELECT position FROM annals.reactors WHERE 'reactor.' || context = $1",
        )
        .bind(context)
        .fetch_optional(pool)
        .await?;
        let at = at.unwrap_or_default();
        if at >= position {
            return Ok(format!("{context} goes on; its rows are at position {}.", number(at)));
        }
        if tokio::time::Instant::now() >= until {
            return Ok(format!(
                "{context} has not passed it yet: it will, once a projector works on it (annals \
                 status)."
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::day;

    use super::*;

    fn parked() -> Parked {
        Parked {
            name: "samia".into(),
            position: 7,
            event_type: "Nonsense".into(),
            error: "unknown event".into(),
            parked_at: day(1),
            attempts: 3,
            skipped_at: None,
            skipped_by: None,
            reason: None,
            applied: false,
        }
    }

    #[test]
    fn what_became_of_an_event_is_told() {
        let skipped = Parked {
            skipped_at: Some(day(2)),
            skipped_by: Some("ada as annals".into()),
            reason: Some("a duplicate".into()),
            ..parked()
        };
        let applied = Parked { applied: true, ..parked() };
        assert_eq!(parked().state(), "waits; tried 3 times");
        assert_eq!(applied.state(), "applied since");
        assert_eq!(
            skipped.state(),
            "skipped 2026-01-02 12:00:00.000 UTC by ada as annals: a duplicate"
        );
        assert!(parked().waits() && !skipped.waits() && !applied.waits());
        let text = listing(&[parked()], Output::plain());
        assert!(text.contains("7 Nonsense") && text.contains("unknown event"), "{text}");
        assert_eq!(listing(&[], Output::plain()), "No event is parked.");
    }

    #[test]
    fn a_reason_says_something() {
        assert_eq!(said(" why "), Ok("why".to_owned()));
        assert!(said(" ").is_err());
    }
}
