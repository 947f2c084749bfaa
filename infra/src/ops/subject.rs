//! `annals subject`: a copy of all that is kept of a person, for the person.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use annals_commands::Catalogue as Aggregates;
use annals_projections::Catalogue;
use serde_json::json;

use super::{
    EXIT_CODES, OpsError,
    erase::{Order, subject},
    export::named,
    setup::Setup,
};
use crate::{
    cli::{Exit, complain, say},
    keys::secrets,
    proof::{
        bundle, last_note,
        ledger::Ledger,
        note::{Checkpoint, Note, SigningKey},
    },
    settings::Flags,
    store::{Role, StoredEvent},
    subject::{Asked, Dossier, gather, write},
};

/// Writes a copy of all that is kept of a person into a folder: for a request of access.
///
/// All events and who acted, rows as they are now and as they were; as JSON Lines, Parquet, and one page
/// that anybody can read. What is about other people is withheld and marked as such. The manifest is signed
/// by the log's key, and that the copy was made is recorded.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals subject lift child/1b000000-0000-7000-8000-000000000012 --out kit --as operator
  annals subject nestsync family/1d000000-0000-7000-8000-000000000001 --out family --as nora
  annals subject carenotes resident/<id> --out edith --withhold incidents.details --as operator
  annals verify --bundle kit --key 'log+1a2b3c4d+AX…'

The person, the operator, or the system may have it made. It reads the databases and opens what is sealed,
so it runs where annals serve does. Texts about the person may speak of others: read them before you hand
the copy out, and leave out what has to be (--withhold TABLE.COLUMN).

{EXIT_CODES}"))]
pub struct SubjectArgs {
    /// The context that knows the person.
    pub context: String,
    /// What the person is there, and the id; of NestSync, a family too, with its children.
    #[arg(value_name = "KIND/ID")]
    pub who: String,
    /// The folder; it must not be there yet. Its owner alone may read it.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// A column that is withheld by decision, such as children.safeguarding_notes. May be given several
    /// times.
    #[arg(long, value_name = "TABLE.COLUMN")]
    pub withhold: Vec<String>,
    /// Records it as this actor, by a token that annals dev wrote. Wins over --token.
    #[arg(long = "as", value_name = "ACTOR")]
    pub actor: Option<String>,
    /// Records it with this token.
    #[arg(long, env = "ANNALS_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Writes what was done as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals subject`.
///
/// # Errors
/// There is nobody of that id, the actor may not, or something does not answer; then there is no copy.
pub async fn run(args: SubjectArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let (catalogue, aggregates) = (Catalogue::new(), Aggregates::new());
    let context = named(&catalogue, &args.context)?;
    let signing = signing(&setup)?;
    if args.out.exists() {
        return Err(OpsError::Usage(format!("{} is there already", args.out.display())));
    }
    let pool = setup.pool(Role::Projector, 2).await?;
    let auditor = setup.pool(Role::Auditor, 1).await?;
    let id = subject(&auditor, context.name, &args.who).await?;
    let withheld = columns(context, &args.withhold)?;
    let kind = args.who.split('/').next().unwrap_or_default().to_owned();
    let keys = setup.keys().await?;
    let asked = Asked { context, kind, id: id.clone(), withheld };
    let dossier = gather(&pool, &keys, &aggregates, &asked).await?;
    let proof = proof(auditor, &dossier).await?;
    // It has its name once it is whole and recorded.
    let beside = args.out.with_extension("part");
    let _ = std::fs::remove_dir_all(&beside);
    let origin = &setup.settings.log_origin;
    let file = |source| OpsError::File { path: args.out.clone(), source };
    let manifest = write(&beside, &dossier, &proof, origin, &signing)
        .map_err(|error| OpsError::File { path: error.path, source: error.source })?;
    let order = Order {
        command: "record_access",
        id: &id,
        fields: vec![
            format!("context={}", context.name),
            format!("kind={}", asked.kind),
            format!("position={}", dossier.position),
            format!("manifest={manifest}"),
        ],
        actor: args.actor.clone(),
        token: args.token.clone(),
    };
    if let Err(exit) = order.send(args.json).await? {
        std::fs::remove_dir_all(&beside).map_err(file)?;
        return Ok(exit.into());
    }
    std::fs::rename(&beside, &args.out).map_err(file)?;
    told(&args, &dossier, &manifest);
    Ok(Exit::Done.into())
}

fn told(args: &SubjectArgs, dossier: &Dossier, manifest: &str) {
    if args.json {
        say(&json!({ "result": {
            "out": args.out, "events": dossier.events.len(), "rows": dossier.rows.len(),
            "versions": dossier.versions.len(), "actors": dossier.people.len(),
            "withheld": dossier.withheld.len(), "position": dossier.position, "manifest": manifest,
        }})
        .to_string());
        return;
    }
    complain(&format!(
        "{}: {} events, {} rows, {} versions, {} actors; withheld in {} places. Read {} before you hand \
         it out.",
        args.out.display(),
        dossier.events.len(),
        dossier.rows.len(),
        dossier.versions.len(),
        dossier.people.len(),
        dossier.withheld.len(),
        args.out.join("index.html").display(),
    ));
}

/// The log's signing keys: a copy that nobody signed proves nothing.
fn signing(setup: &Setup) -> Result<Vec<SigningKey>, OpsError> {
    let file = setup.settings.signing_key_file.clone().or_else(|| setup.dev_file("signing-key"));
    let file = file.ok_or(OpsError::Missing("ANNALS_SIGNING_KEY_FILE"))?;
    let origin = &setup.settings.log_origin;
    secrets(&file)?.iter().map(|seed| Ok(SigningKey::of_log(origin, seed)?)).collect()
}

/// The columns that are withheld by decision, if there are such.
fn columns(
    context: &annals_projections::Context,
    given: &[String],
) -> Result<BTreeSet<String>, OpsError> {
    let is_one = |it: &String| {
        it.split_once('.').is_some_and(|(table, column)| {
            let table = context.tables.iter().find(|known| known.name == table);
            table.is_some_and(|table| table.columns().iter().any(|known| known.name == column))
        })
    };
    match given.iter().find(|it| !is_one(it)) {
        Some(wrong) => {
            let name = context.name;
            Err(OpsError::Usage(format!("{wrong} is no column of {name}: say <table>.<column>")))
        }
        None => Ok(given.iter().cloned().collect()),
    }
}

/// That the events stand in the signed log, as far as it is signed by now.
async fn proof(pool: sqlx::PgPool, dossier: &Dossier) -> Result<Vec<String>, OpsError> {
    let Some(note) = last_note(&pool).await? else { return Ok(Vec::new()) };
    let size = Checkpoint::read(&Note::read(&note)?.body)?.size;
    let signed: Vec<StoredEvent> = dossier
        .stored
        .iter()
        .filter(|it| u64::try_from(it.position).is_ok_and(|position| position <= size))
        .cloned()
        .collect();
    Ok(bundle::make(&Ledger::new(pool), &note, &signed, None).await?)
}
