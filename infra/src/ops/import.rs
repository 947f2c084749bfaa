//! `annals import`: an export, or a database of plain tables, into the log.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use annals_commands::{Catalogue as Aggregates, import};
use annals_projections::{Catalogue, Context};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    EXIT_CODES, OpsError,
    export::named,
    progress::Progress,
    setup::{Setup, tables_missing},
    text::{count, visible},
};
use crate::{
    cli::{Exit, complain, say},
    settings::Flags,
    store::{Role, Store},
    transfer::{
        Links, Moved, Plan, Reader, Staged, Storing, Tables, TransferError, Wrong, from_postgres,
        stage, store,
    },
};

/// Takes rows over into the log: an export, or a whole database that has the documented tables.
///
/// Each row becomes one event that says `…Imported`, with its ids and times as they were; the tables
/// then show it, and ordinary commands go on from there. Everything is checked before anything is
/// stored. Up to 1 000 rows are stored in one transaction; more goes in pieces, and an import that
/// was interrupted goes on where it was when the same command is run again.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals import oakfield.jsonl --dry-run       check everything, store nothing
  annals import oakfield.jsonl
  annals export lift … | annals import - --reason 'moved from the old cell'
  annals import --from postgres://reader@old:5432/app --context lift --schema public

What does not fit is told by line, table and column, never with the value; nothing is stored then.
Rows that are there already are refused, but for those that only came along with others. Passwords
are never taken over, and invitation tokens only as their hash. A plain database is read in one
snapshot, and not changed; columns that are not documented stay behind, and are listed.

The login of DATABASE_URL must be allowed to act as projector and annals_appender, and
ANNALS_KEYS_URL and ANNALS_KEK_FILE must lead to the keys, since personal columns are sealed.

{EXIT_CODES}"))]
pub struct ImportArgs {
    /// The file that `annals export` wrote, or - for the standard input.
    #[arg(value_name = "FILE", required_unless_present = "from")]
    pub file: Option<PathBuf>,
    /// The address of a Postgres that has the documented tables, instead of a file.
    #[arg(long, value_name = "URL", conflicts_with = "file", requires = "context")]
    pub from: Option<String>,
    /// Which context's tables are to be taken over.
    #[arg(long, requires = "from")]
    pub context: Option<String>,
    /// The schema that has them; without one the context's, then public.
    #[arg(long, requires = "from")]
    pub schema: Option<String>,
    /// Checks everything, and stores nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Kept with every event.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who does it, as an id that is kept with every event; without one, one made of the login.
    #[arg(long = "operator", value_name = "UUID")]
    pub operator: Option<Uuid>,
    /// Writes JSON Lines: progress, what does not fit, then the result.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals import`.
///
/// # Errors
/// The file cannot be read, rows do not fit, or they cannot be stored now.
pub async fn run(args: ImportArgs) -> Result<ExitCode, OpsError> {
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Projector, 2).await?;
    let mut connection = pool.acquire().await.map_err(tables_missing)?;
    let job = Job { args: &args, catalogue: &catalogue, aggregates: &aggregates };
    let (context, staged, names) = job.read(&mut connection).await?;
    let tables = Tables::new(context, &aggregates);
    let counts = staged.counts.clone();
    let plan = Plan::new(&mut connection, &tables, staged).await?;
    drop(connection);
    if !plan.wrong.is_empty() {
        return Err(TransferError::Wrong(job.tell(&plan.wrong, &names)).into());
    }
    let storing = Storing {
        store: Store::new(setup.pool(Role::Appender, 4).await?),
        keys: Arc::new(setup.keys().await?),
        operator: args.operator.unwrap_or_else(|| operator(&setup)),
        region: setup.settings.region.clone(),
        reason: args.reason.clone(),
        dry_run: args.dry_run,
    };
    let told = Told {
        context: context.name,
        import: plan.id,
        counts,
        before: plan.before,
        passed: plan.passed,
        planned: plan.rows(),
        dry_run: args.dry_run,
    };
    let mut progress = Progress::new("rows", args.json);
    let whole = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let all = whole(plan.rows());
    let tell = |rows| progress.tell(whole(rows), all, whole(rows));
    let moved = store(&storing, plan, tell).await;
    let took = progress.end();
    let moved = moved?;
    if args.json {
        say(&told.as_json(&moved, took.as_secs_f64()));
    } else {
        complain(&told.in_words(&moved));
    }
    Ok(Exit::Done.into())
}

/// Which row a line of the input was, where that says more than its number.
type Names = BTreeMap<u64, String>;

struct Job<'a> {
    args: &'a ImportArgs,
    catalogue: &'a Catalogue,
    aggregates: &'a Aggregates,
}

impl<'a> Job<'a> {
    async fn read(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(&'a Context, Staged, Names), OpsError> {
        let mut progress = Progress::quiet("rows read", self.args.json);
        let mut told = |rows| progress.tell(rows, rows, rows);
        let read = match (&self.args.from, &self.args.file) {
            (Some(url), _) => self.database(connection, url, &mut told).await,
            (None, Some(path)) => self.file(connection, path, &mut told).await,
            (None, None) => Err(OpsError::Usage("name a file, or --from".to_owned())),
        };
        progress.end();
        read
    }

    async fn file(
        &self,
        connection: &mut PgConnection,
        path: &PathBuf,
        told: &mut impl FnMut(u64),
    ) -> Result<(&'a Context, Staged, Names), OpsError> {
        let input: Box<dyn BufRead + Send> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| {
                OpsError::Usage(format!("{} cannot be read: {error}", path.display()))
            })?;
            Box::new(BufReader::new(file))
        };
        let (head, mut reader) = Reader::open(input).inspect_err(|error| self.first(error))?;
        let context = named(self.catalogue, &head.context)?;
        let tables = Tables::new(context, self.aggregates);
        let staged = stage(connection, &tables, || reader.row(), told).await?;
        Ok((context, staged, Names::new()))
    }

    async fn database(
        &self,
        connection: &mut PgConnection,
        url: &str,
        told: &mut impl FnMut(u64),
    ) -> Result<(&'a Context, Staged, Names), OpsError> {
        let context = named(self.catalogue, self.args.context.as_deref().unwrap_or_default())?;
        let Some(importing) = import::of(context.name) else {
            return Err(OpsError::Usage(format!("{} cannot be imported", context.name)));
        };
        let tables = Tables::new(context, self.aggregates);
        let links = Links::read(connection, context.name).await?;
        let schema = self.args.schema.as_deref();
        let mut taken = from_postgres(url, schema, &tables, &links, importing, &mut *told).await?;
        let names = taken.names(&tables);
        for note in &taken.notes {
            if self.args.json {
                say(&json!({ "note": note }).to_string());
            } else {
                complain(note);
            }
        }
        let mut line = 0;
        let next = || {
            line += 1;
            Ok(taken.rows.pop_front().map(|row| (line, Ok(row))))
        };
        let staged = stage(connection, &tables, next, told).await?;
        Ok((context, staged, names))
    }

    /// Says what does not fit, each by its place.
    fn tell(&self, wrong: &[Wrong], names: &Names) -> Vec<Wrong> {
        for it in wrong {
            if self.args.json {
                say(&json!({ "wrong": it, "row": names.get(&it.line) }).to_string());
            } else {
                match names.get(&it.line) {
                    Some(name) => complain(&visible(&format!("{name}: {}", it.what))),
                    None => complain(&visible(&it.to_string())),
                }
            }
        }
        wrong.to_vec()
    }

    fn first(&self, error: &TransferError) {
        if let TransferError::Wrong(wrong) = error {
            self.tell(wrong, &Names::new());
        }
    }
}

/// An id for whoever has this login.
fn operator(setup: &Setup) -> Uuid {
    let user = std::env::var("USER").unwrap_or_default();
    let database = setup.database_url().unwrap_or_default();
    let login = database.split_once("://").map_or(database, |(_, rest)| rest);
    let login = login.split([':', '@']).next().unwrap_or_default();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("annals operator {user} {login}").as_bytes())
}

struct Told {
    context: &'static str,
    import: Uuid,
    counts: BTreeMap<String, u64>,
    before: usize,
    passed: usize,
    planned: usize,
    dry_run: bool,
}

impl Told {
    fn as_json(&self, moved: &Moved, seconds: f64) -> String {
        let rows = if self.dry_run { self.planned } else { moved.rows };
        json!({ "result": {
            "context": self.context, "import": self.import, "read": self.counts, "rows": rows,
            "before": self.before, "there_already": self.passed, "position": moved.position,
            "dry_run": self.dry_run, "seconds": seconds,
        }})
        .to_string()
    }

    fn in_words(&self, moved: &Moved) -> String {
        let rows = |number: usize| count(i64::try_from(number).unwrap_or(i64::MAX), "row");
        let mut text = if self.dry_run {
            format!(
                "{} of {} would be imported; nothing was stored.",
                rows(self.planned),
                self.context
            )
        } else {
            let last = moved.position;
            let at = if last > 0 { format!(", up to position {last}") } else { String::new() };
            format!("{} of {} are imported{at}.", rows(moved.rows), self.context)
        };
        if self.before > 0 {
            text.push_str(&format!(" {} were stored before.", rows(self.before)));
        }
        if self.passed > 0 {
            text.push_str(&format!(" {} of others are there already.", rows(self.passed)));
        }
        text.push_str(&format!(" It is import {}.", self.import));
        text
    }
}
