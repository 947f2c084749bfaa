//! `annals history`: the story of one aggregate, from its events.
//!
//! Read with the auditor's rights. Personal fields are opened with the keys of the key store where
//! the key-encryption key is at hand, and stay hidden otherwise. Every event's bytes are compared
//! with its hash on the way.

mod address;
mod list;
mod rows;
mod search;
pub(crate) mod told;
mod write;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use annals_commands::Catalogue;
use annals_projections::Catalogue as Projections;
use uuid::Uuid;

pub(super) use self::{address::typed, write::plain};
pub(crate) use self::{rows::Rows, search::cause, told::Teller};

use self::{address::Address, search::Search};
use super::{
    EXIT_CODES, Moment, OpsError,
    setup::{Setup, tables_missing},
};
use crate::{
    cli::{Exit, Output, complain, say},
    keys::Keys,
    settings::Flags,
    store::{Role, Store},
};

/// Events read at once.
const PAGE: i64 = 1_000;
/// Events that people are shown at once, and streams.
const SHOWN: u32 = 100;

/// Tells the story of one aggregate: who, when, what changed, and why.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals history lift                      what kinds there are, and what may happen to them
  annals history lift/alert                alerts that changed last, with their ids
  annals history lift/alert/<id>           the story of one of them
  annals history samia/wallet/<id> --after 100 --limit 20
  annals history --correlation <id>        all that came of one request, across aggregates
  annals history lift --actor <id> --since 2026-03-01 --until 2026-03-02
  annals history lift/alert --type AlertResolved --json      millions of them, if need be
  annals history samia/wallet/<id> --json | jq -c 'select(.command == \"debit_wallet\") | .changes'

Personal fields are opened where ANNALS_KEK_FILE names the key-encryption key and the key store
answers; those of an erased person read as erased, for ever.

{EXIT_CODES}"))]
pub struct HistoryArgs {
    /// What to tell of: an aggregate, or a kind of aggregate to list.
    /// May be left out where events are looked for.
    #[arg(value_name = "CONTEXT[/AGGREGATE[/ID]]", default_value = "", hide_default_value = true)]
    pub what: String,
    /// Looks for what this person or service did.
    #[arg(long, value_name = "ID")]
    pub actor: Option<Uuid>,
    /// Looks for what was recorded from this time on, or after this position.
    #[arg(long, value_name = "MOMENT")]
    pub since: Option<Moment>,
    /// Looks for what was recorded up to this time or position.
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<Moment>,
    /// Looks for this kind of event, for example AlertRaised; may be given again.
    #[arg(long = "type", value_name = "EVENT")]
    pub kind: Vec<String>,
    /// Looks for what is of this tenant: an organisation, a family, a user.
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// Looks for all that belongs together, across aggregates: a command's id, or what a request named.
    #[arg(long, value_name = "ID")]
    pub correlation: Option<String>,
    /// Writes JSON Lines: one object an event, its payload opened.
    #[arg(long)]
    pub json: bool,
    /// Leaves out the first events, up to this number; where events are looked for, up to this position.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub after: i64,
    /// Tells at most so many events. People are shown 100, programs all, where it is left out.
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u32>,
    /// Shows the payload as it is stored, with its sealed fields.
    #[arg(long)]
    pub raw: bool,
    /// Leaves personal fields closed; works without any key.
    #[arg(long)]
    pub sealed: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

impl HistoryArgs {
    /// Whether events are looked for, instead of one aggregate's story told.
    const fn is_search(&self) -> bool {
        self.actor.is_some()
            || self.since.is_some()
            || self.until.is_some()
            || !self.kind.is_empty()
            || self.tenant.is_some()
            || self.correlation.is_some()
    }
}

/// Runs `annals history`.
///
/// # Errors
/// There is no such kind, or Postgres or the key store do not answer.
pub async fn run(args: HistoryArgs) -> Result<ExitCode, OpsError> {
    let catalogue = Catalogue::new();
    let address =
        if args.what.is_empty() { None } else { Some(address::read(&args.what, &catalogue)?) };
    match &address {
        Some(Address::Context(context)) if !args.is_search() => {
            say(&list::kinds(&catalogue, context, Output::stdout()));
            return Ok(Exit::Done.into());
        }
        None if !args.is_search() => {
            let names: Vec<_> = catalogue.contexts().iter().map(|it| it.name).collect();
            return Err(OpsError::Usage(format!(
                "say what to tell of: one of {}, or what to look for (--actor, --since, --until, \
                 --type, --tenant, --correlation)",
                names.join(", ")
            )));
        }
        _ => {}
    }
    let setup = Setup::new(&args.flags)?;
    let store = Store::new(setup.pool(Role::Auditor, 2).await?);
    let keys = open_keys(&setup, args.sealed || args.raw).await?;
    let projections = Projections::new();
    let reader = Reader { catalogue, projections, store, keys, output: Output::stdout() };
    if args.is_search() {
        let search = Search::new(&args, &reader.catalogue, reader.store.pool()).await?;
        return reader.search(search, &args, say).await.map(Into::into);
    }
    let exit = match address {
        Some(Address::Kind(kind)) => reader.list(kind, &args, say).await,
        Some(Address::Stream(kind, id)) => reader.tell(kind, &id, &args, say).await,
        Some(Address::Context(_)) | None => Ok(Exit::Done),
    };
    Ok(exit?.into())
}

/// The keys, where they are wanted and can be had.
pub(super) async fn open_keys(setup: &Setup, closed: bool) -> Result<Option<Keys>, OpsError> {
    if closed {
        return Ok(None);
    }
    if setup.kek_file().is_none() {
        complain("annals: personal fields stay closed, since ANNALS_KEK_FILE is not set");
        return Ok(None);
    }
    let keys = setup.keys().await.inspect_err(|_| {
        complain("annals: personal fields cannot be opened; --sealed leaves them closed");
    });
    Ok(Some(keys?))
}

struct Reader {
    catalogue: Catalogue,
    projections: Projections,
    store: Store,
    keys: Option<Keys>,
    output: Output,
}

impl Reader {
    /// Lists a kind's streams.
    async fn list(
        &self,
        kind: &'static str,
        args: &HistoryArgs,
        mut say: impl FnMut(&str),
    ) -> Result<Exit, OpsError> {
        let limit = i64::from(args.limit.unwrap_or(SHOWN));
        let streams = list::recent(self.store.pool(), kind, limit).await.map_err(tables_missing)?;
        if args.json {
            streams.iter().for_each(|it| say(&list::line(kind, it)));
        } else if !streams.is_empty() {
            say(&list::streams(&streams, self.output));
            say(&format!("\nMore: annals history {}/<id>", typed(kind)));
        }
        if streams.is_empty() {
            complain(&format!("annals: nothing has happened to any {} yet", typed(kind)));
            return Ok(Exit::Fault);
        }
        Ok(Exit::Done)
    }

    /// Tells a stream's story.
    async fn tell(
        &self,
        kind: &'static str,
        id: &str,
        args: &HistoryArgs,
        mut say: impl FnMut(&str),
    ) -> Result<Exit, OpsError> {
        let last = self.last(kind, id).await?;
        if last == 0 {
            complain(&self.nothing(kind, id).await?);
            return Ok(Exit::Fault);
        }
        let everything = if args.json { u32::MAX } else { SHOWN };
        let (after, limit) = (args.after, i64::from(args.limit.unwrap_or(everything)));
        let until = last.min(after + limit);
        let mut teller = Teller {
            catalogue: &self.catalogue,
            projections: &self.projections,
            keys: self.keys.as_ref(),
            rows: Rows::default(),
        };
        let (mut read, mut exit) = (0, Exit::Done);
        // What was there before the first event that is shown is known from those before it.
        while read < until {
            let page = self.store.stream(kind, id, read, PAGE.min(until - read)).await?;
            let Some(end) = page.last().map(|event| event.sequence) else { break };
            for stored in &page {
                let mut told = teller.tell(stored).await?;
                if read == 0 && stored.sequence == 1 && !args.json {
                    let tenant = told.metadata.as_ref().map(|it| it.tenant.as_str());
                    say(&write::heading(kind, id, last, tenant, self.output));
                }
                if stored.sequence <= after {
                    continue;
                }
                told.cause = cause(self.store.pool(), &told).await?;
                if !told.trouble.is_empty() {
                    exit = Exit::Fault;
                }
                if args.json {
                    let line = write::line(kind, id, &told, args.raw);
                    say(&line.map_err(|error| OpsError::Refused(error.to_string()))?);
                } else {
                    say(&format!("\n{}", write::event(&told, args.raw, self.output)));
                }
            }
            read = end;
        }
        if until < last && !args.json {
            let address = format!("{}/{id}", typed(kind));
            let more = last - until;
            say(&format!("\n{more} more: annals history {address} --after {until}"));
        }
        Ok(exit)
    }

    async fn last(&self, kind: &str, id: &str) -> Result<i64, OpsError> {
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT max(sequence) FROM annals.events WHERE aggregate_type = $1 AND aggregate_id = $2",
        )
        .bind(kind)
        .bind(id)
        .fetch_one(self.store.pool())
        .await
        .map_err(tables_missing)?;
        Ok(last.unwrap_or_default())
    }

    /// What to say of an empty stream.
    async fn nothing(&self, kind: &str, id: &str) -> Result<String, OpsError> {
        let kind_typed = typed(kind);
        let like = list::like(self.store.pool(), kind, id).await?;
        let next = if like.is_empty() {
            format!("`annals history {kind_typed}` lists those there are")
        } else {
            format!("there is {}", like.join(", "))
        };
        Ok(format!("annals: nothing has ever happened to {kind_typed}/{id}; {next}"))
    }
}
