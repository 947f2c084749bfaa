//! `annals rebuild`: a read model made anew from the log, beside the one in use, and put in its place.

use std::{process::ExitCode, sync::Arc, time::Duration};

use annals_commands::Catalogue as Aggregates;
use annals_projections::{Catalogue, Context};
use serde_json::json;

use super::{
    EXIT_CODES, OpsError,
    progress::Progress,
    setup::{Setup, tables_missing},
    text::{count, number, span},
};
use crate::{
    cli::{Exit, say},
    keys::Keys,
    projector::{ApplyError, Rebuild, RebuildError, Rebuilt, rebuild},
    settings::{Flags, Kept, nearest},
    store::{Role, Store},
};

/// Makes a context's tables anew from the log, and puts them in the place of those in use.
///
/// Readers see the old tables until the new ones hold every event, and never a half-built one. The
/// rows of both are compared before the change. What was interrupted goes on where it was.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals rebuild lift               one context
  annals rebuild all                one after the other
  annals rebuild lift --json        progress and result as JSON Lines

It runs beside everything else; projectors go on with the new tables by themselves. The login of
DATABASE_URL needs the rights that annals migrate needs, and ANNALS_KEK_FILE must name the
key-encryption key, since rows hold clear text.

{EXIT_CODES}"))]
pub struct RebuildArgs {
    /// The context, or `all`.
    pub context: String,
    /// Writes JSON Lines: progress every two seconds, then the result.
    #[arg(long)]
    pub json: bool,
    /// Ends with 1 where the new rows differ from the old ones. They are in use all the same: the
    /// log is right.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals rebuild`.
///
/// # Errors
/// There is no such context, somebody else rebuilds it, or an event cannot be applied; then the rows in
/// use are as they were.
pub async fn run(args: RebuildArgs) -> Result<ExitCode, OpsError> {
    let catalogue = Catalogue::new();
    let contexts = chosen(&catalogue, &args.context)?;
    let setup = Setup::new(&args.flags)?;
    let work = Work {
        url: setup.database_url()?.to_owned(),
        store: Store::new(setup.pool(Role::Projector, 2).await?),
        aggregates: Arc::new(Aggregates::new()),
        keys: setup.keys().await?,
        history: setup.settings.history.clone(),
        json: args.json,
    };
    let mut exit = Exit::Done;
    for context in contexts {
        let rebuilt = work.rebuild(context).await?;
        if args.strict && !rebuilt.different.is_empty() {
            exit = Exit::Fault;
        }
    }
    Ok(exit.into())
}

/// The contexts of this name that have tables.
fn chosen<'a>(catalogue: &'a Catalogue, name: &str) -> Result<Vec<&'a Context>, OpsError> {
    if name == "all" {
        return Ok(catalogue.contexts().filter(|it| !it.tables.is_empty()).collect());
    }
    if let Some(context) = catalogue.context(name) {
        return Ok(vec![context]);
    }
    let names: Vec<_> = catalogue.contexts().map(|it| it.name).collect();
    let meant = nearest(name, names.iter().copied());
    let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
    let all = names.join(", ");
    Err(OpsError::Usage(format!("there is no context {name}; {meant}there are {all}, or all")))
}

struct Work {
    url: String,
    store: Store,
    aggregates: Arc<Aggregates>,
    keys: Keys,
    history: Kept,
    json: bool,
}

impl Work {
    async fn rebuild(&self, context: &Context) -> Result<Rebuilt, OpsError> {
        // Said here, before a second schema is made for nothing.
        self.store.head().await.map_err(tables_missing)?;
        let mut progress = Progress::new("events", self.json);
        let told = |it: crate::projector::Progress| {
            let whole = |number: i64| u64::try_from(number).unwrap_or_default();
            progress.tell(whole(it.position), whole(it.head), it.events);
        };
        let work = Rebuild {
            url: &self.url,
            pool: self.store.pool(),
            context,
            aggregates: &self.aggregates,
            keys: &self.keys,
            history: self.history.has(context.name),
        };
        let done = rebuild(work, told).await;
        let took = progress.end();
        let rebuilt = done.map_err(|error| explained(error, context.name))?;
        if self.json {
            say(&json!({ "result": {
                "context": context.name, "position": rebuilt.position, "events": rebuilt.events,
                "compared": rebuilt.compared, "different": rebuilt.different,
                "seconds": took.as_secs_f64(),
            }})
            .to_string());
        } else {
            say(&sentence(context.name, &rebuilt, took));
        }
        Ok(rebuilt)
    }
}

pub(super) fn explained(error: RebuildError, context: &str) -> OpsError {
    match error {
        RebuildError::Apply(ApplyError::Poison { position, event_type, why }) => {
            OpsError::Refused(format!(
                "{context} cannot be rebuilt: event {position} ({event_type}) cannot be applied: {why}. \
                 The tables in use are as they were; mend the projection and run it again, it goes on"
            ))
        }
        RebuildError::Apply(ApplyError::Postgres(error)) => error.into(),
        RebuildError::Apply(ApplyError::Keys(error)) => error.into(),
        error => error.into(),
    }
}

/// What came of it, in one sentence or two.
fn sentence(context: &str, rebuilt: &Rebuilt, took: Duration) -> String {
    let events = count(i64::try_from(rebuilt.events).unwrap_or(i64::MAX), "event");
    let at = number(rebuilt.position);
    let seconds = span(took.as_secs_f64());
    let compared = match (rebuilt.compared, rebuilt.different.as_slice()) {
        (false, _) => format!(
            "The old tables were of another version, or not as far: not compared, at position {at}."
        ),
        (true, []) => format!("0 differences at position {at}."),
        (true, tables) => format!(
            "At position {at} these tables differ from those that were in use: {}. The log is right; \
             somebody or something else had written to them, or their projection was changed.",
            tables.join(", ")
        ),
    };
    format!("{context} is rebuilt from {events} in {seconds}. {compared}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(compared: bool, different: &[&str]) -> String {
        let different = different.iter().map(|it| (*it).to_owned()).collect();
        let rebuilt = Rebuilt { events: 3, position: 9, different, compared };
        sentence("lift", &rebuilt, Duration::from_millis(1_500))
    }

    #[test]
    fn the_result_is_a_sentence() {
        assert_eq!(
            said(true, &[]),
            "lift is rebuilt from 3 events in 1.5 s. 0 differences at position 9."
        );
        assert!(said(true, &["alerts", "children"]).contains("in use: alerts, children."));
        assert!(said(false, &[]).contains("not compared, at position 9"));
    }

    #[test]
    fn a_context_is_found_by_name_or_all_of_them() {
        let catalogue = Catalogue::new();
        let names = |name| {
            chosen(&catalogue, name).map(|it| it.iter().map(|it| it.name).collect::<Vec<_>>())
        };
        assert_eq!(names("lift").unwrap(), ["lift"]);
        assert!(names("all").unwrap().contains(&"samia"));
        assert!(names("lfit").unwrap_err().to_string().contains("did you mean lift?"));
    }
}
