//! `annals export`: one organisation, family or person as JSON Lines.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
    process::ExitCode,
};

use annals_commands::Catalogue as Aggregates;
use annals_projections::{Catalogue, Context, tenant};
use chrono::Utc;
use serde_json::json;

use super::{
    EXIT_CODES, OpsError,
    progress::Progress,
    setup::{Setup, tables_missing},
    text::count,
};
use crate::{
    cli::{Exit, complain, say},
    settings::{Flags, nearest},
    store::Role,
    transfer::{Exported, Tables, TransferError, export},
};

/// Writes one organisation, family or person as JSON Lines, as the tables hold it now.
///
/// Each line is a row of a documented table; the first says what the file is, the last how many rows
/// there are. `annals import` reads it. What is written is clear text, also what is personal.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals export lift 1b000000-0000-7000-8000-000000000001 > oakfield.jsonl
  annals export nestsync 1d000000-0000-7000-8000-000000000001 --out nest.jsonl
  annals export restorative 0e000000-0000-7000-8000-000000000001 --out ruth.jsonl --json

What a tenant is: a person in restorative, an organisation in lift, a user in samia, a family in
nestsync. All is read in one snapshot. Rows of others that the tenant's rows refer to come along,
marked \"outside\": true, so that the file can be imported where nothing is.

{EXIT_CODES}"))]
pub struct ExportArgs {
    /// The context.
    pub context: String,
    /// The organisation's, family's or person's id.
    pub id: String,
    /// The file; without one the standard output. It is readable by its owner only.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Writes what was done as JSON Lines; needs --out.
    #[arg(long, requires = "out")]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals export`.
///
/// # Errors
/// There is no such context or tenant, or the file cannot be written; then there is no file.
pub async fn run(args: ExportArgs) -> Result<ExitCode, OpsError> {
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let context = named(&catalogue, &args.context)?;
    let setup = Setup::new(&args.flags)?;
    let pool = setup.pool(Role::Projector, 1).await?;
    let mut connection = pool.acquire().await.map_err(tables_missing)?;
    let tables = Tables::new(context, &aggregates);
    let mut progress = Progress::quiet("rows", false);
    let told = |rows| progress.tell(rows, rows, rows);
    let at = Utc::now();
    let exported = match &args.out {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            export(&mut connection, &tables, &args.id, at, &mut out, told).await
        }
        Some(path) => {
            let beside = path.with_extension("part");
            let mut out = BufWriter::new(private(&beside).map_err(TransferError::File)?);
            let done = export(&mut connection, &tables, &args.id, at, &mut out, told).await;
            settle(done, &beside, path)
        }
    }?;
    progress.end();
    if args.json {
        let result = json!({ "context": context.name, "id": args.id, "rows": exported.rows,
                             "outside": exported.outside });
        say(&json!({ "result": result }).to_string());
    } else {
        complain(&sentence(context.name, &args.id, &exported));
    }
    Ok(Exit::Done.into())
}

/// The context of this name.
pub(super) fn named<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a Context, OpsError> {
    let names: Vec<_> =
        catalogue.contexts().map(|it| it.name).filter(|it| tenant::of(it).is_some()).collect();
    match catalogue.context(name) {
        Some(context) if names.contains(&name) => Ok(context),
        _ => {
            let meant = nearest(name, names.iter().copied());
            let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
            let all = names.join(", ");
            Err(OpsError::Usage(format!("there is no context {name}; {meant}there are {all}")))
        }
    }
}

/// A new file that its owner alone may read.
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let _ = std::fs::remove_file(path);
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// The file is there whole or not at all.
fn settle(
    done: Result<Exported, TransferError>,
    beside: &Path,
    path: &Path,
) -> Result<Exported, TransferError> {
    let settled = match done {
        Ok(exported) => std::fs::rename(beside, path).map(|()| exported).map_err(Into::into),
        Err(error) => Err(error),
    };
    if settled.is_err() {
        let _ = std::fs::remove_file(beside);
    }
    settled
}

fn sentence(context: &str, id: &str, exported: &Exported) -> String {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let rows = count(whole(exported.rows.values().sum()), "row");
    let tables: Vec<String> =
        exported.rows.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    let outside = match exported.outside {
        0 => String::new(),
        some => format!(" {} came along, since others refer to them.", count(whole(some), "row")),
    };
    format!("{context} {id}: {rows} ({}).{outside}", tables.join(", "))
}
