//! `annals verify`: whether the log is what was signed; and, offline, whether a bundle proves what it
//! says.

use std::{
    fs,
    io::{BufReader, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    EXIT_CODES, OpsError,
    progress::Progress,
    setup::{Setup, tables_missing},
    text::{count, number, span, visible},
};
use crate::{
    cli::{Exit, complain, say},
    proof::{
        LAST, LEAVES, bundle,
        leaves::Leaves,
        note::VerifierKey,
        tree::{Frontier, Hash},
        verify::{Finding, Report, Verification},
    },
    settings::Flags,
    store::Role,
    subject::{self, PROOF},
};

/// Findings that people are shown.
const SHOWN: usize = 20;

/// Reads the log again and compares it with every signed checkpoint: what was altered, taken out, put
/// in, moved or cut off is found, and where.
///
/// Or, with --bundle, verifies a bundle of annals prove: without database, network, or trust in whoever
/// made it.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_long_help = format!("\
Examples:
  annals verify                                    everything since it was last verified here
  annals verify --whole --key 'log+1a2b3c4d+AX…'   everything, by a key that you keep
  annals verify --against witness.checkpoint       by what a witness remembers, too
  annals verify --bundle alert.proof --key 'log+1a2b3c4d+AX…'
  annals verify --receipt erased.receipt --key 'log+1a2b3c4d+AX…'

A verifier key is what you trust; get it on another way than the log (annals checkpoint --key shows
it). Where none is given, that of ANNALS_SIGNING_KEY_FILE is taken. Only a checkpoint that was kept
elsewhere shows that the end of the log was cut off together with its checkpoints: use --against, or
--remember with a file of yours. Ends with 1 where anything is found.

{EXIT_CODES}"))]
pub struct VerifyArgs {
    /// Reads everything, also what was verified before.
    #[arg(long)]
    pub whole: bool,
    /// A key that is trusted: the log's, or a witness'. May be given several times.
    #[arg(long = "key", value_name = "VERIFIER KEY")]
    pub keys: Vec<String>,
    /// A checkpoint that was kept elsewhere. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub against: Vec<PathBuf>,
    /// The notary's copy of all hashes: locates an alteration to the event.
    #[arg(long, value_name = "FILE")]
    pub leaves: Option<PathBuf>,
    /// Goes on from what this file remembers, and remembers in it how far all was well.
    #[arg(long, value_name = "FILE")]
    pub remember: Option<PathBuf>,
    /// Verifies this bundle, or the folder of annals subject, and nothing else; `-` is the standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["whole", "leaves", "remember"])]
    pub bundle: Option<PathBuf>,
    /// Verifies this receipt of an erasure and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["whole", "leaves", "remember", "bundle"])]
    pub receipt: Option<PathBuf>,
    /// Writes JSON Lines.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    #[allow(missing_docs, reason = "each setting says itself what it is")]
    pub flags: Flags,
}

/// Runs `annals verify`.
///
/// # Errors
/// When something cannot be read. What is wrong with the log is no error of the program's: it is told,
/// and the exit code is 1.
pub async fn run(args: VerifyArgs) -> Result<ExitCode, OpsError> {
    let setup = Setup::new(&args.flags)?;
    let keys = setup.verifiers(&args.keys)?;
    let origin = origin(&keys, &setup.settings.log_origin);
    if let Some(path) = &args.receipt {
        return super::erase::verified(path, &keys, args.json).map(ExitCode::from);
    }
    if let Some(path) = args.bundle.as_ref().filter(|path| path.is_dir()) {
        return of_copy(path, &keys, &origin, &args).map(ExitCode::from);
    }
    if let Some(path) = &args.bundle {
        return of_bundle(path, &keys, &origin, &args).map(ExitCode::from);
    }
    let known = match (&args.remember, args.whole) {
        (Some(path), false) => recall(path, &origin)?,
        _ => Frontier::default(),
    };
    let began = known.size();
    // What the notary keeps outside of the database, where this is its machine.
    let folder = setup.settings.evidence_dir.clone().or_else(|| setup.dev_file("evidence"));
    let beside = |name| folder.as_ref().map(|it| it.join(name)).filter(|it: &PathBuf| it.exists());
    let copy = args.leaves.clone().or_else(|| beside(LEAVES));
    let against = args.against.iter().cloned().chain(beside(LAST));
    let copy = copy.map(|path| Leaves::read_only(&path).map_err(file(&path))).transpose()?;
    let elsewhere = against.map(|path| fs::read_to_string(&path).map_err(file(&path)));
    let verification = Verification {
        pool: setup.pool(Role::Auditor, 4).await?,
        origin: origin.clone(),
        keys,
        known,
        elsewhere: elsewhere.collect::<Result<_, _>>()?,
        copy,
    };
    verification.pool.acquire().await.map_err(tables_missing)?;
    let mut progress = Progress::new("events", args.json);
    let report = verification.run(|at, last| progress.tell(at, last, at - began)).await;
    let took = progress.end().as_secs_f64();
    let report = report?;
    let well = report.findings.is_empty();
    if args.json {
        say(&as_json(&report, began, took).to_string());
    } else {
        say(&in_words(&report, began, took));
    }
    if let Some(path) = args.remember.as_deref().filter(|_| well) {
        remember(path, &origin, &report.tree)?;
    }
    Ok(if well { Exit::Done } else { Exit::Fault }.into())
}

/// Whose log it is: a key of the log has its name.
fn origin(keys: &[VerifierKey], configured: &str) -> String {
    let key = keys.iter().find(|key| !key.is_witness());
    key.map_or_else(|| configured.to_owned(), |key| key.name().to_owned())
}

fn in_words(report: &Report, began: u64, seconds: f64) -> String {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let rate = if seconds > 0.0 { report.events as f64 / seconds } else { 0.0 };
    let mut text = format!(
        "{} read from position {} on, in {}, {} a second; compared with {}.\n",
        count(whole(report.events), "event"),
        number(whole(began + 1)),
        span(seconds),
        number(rate as i64),
        count(whole(report.checkpoints), "signed checkpoint"),
    );
    if report.findings.is_empty() {
        let size = report.tree.size();
        let unsigned = size.saturating_sub(report.signed);
        text.push_str(&format!(
            "Nothing was altered: the log is what was signed, up to position {}.",
            number(whole(report.signed))
        ));
        if unsigned > 0 {
            let after = count(whole(unsigned), "event");
            text.push_str(&format!(" {after} after that will be signed with the next checkpoint."));
        }
        return text;
    }
    for finding in report.findings.iter().take(SHOWN) {
        text.push_str(&format!("  ✗ {}: {}\n", place(finding), finding.what.in_words()));
    }
    let more = report.findings.len().saturating_sub(SHOWN);
    if more > 0 {
        text.push_str(&format!("  … and {} more; --json lists them\n", number(whole(more as u64))));
    }
    text.push_str(
        "The log is NOT what was signed. Keep this database as it is, and compare it with a backup.",
    );
    text
}

fn place(finding: &Finding) -> String {
    let whole = |it: u64| number(i64::try_from(it).unwrap_or(i64::MAX));
    match (finding.from, finding.to) {
        (0, 0) => "a checkpoint from elsewhere".to_owned(),
        (from, to) if from == to => format!("position {}", whole(from)),
        (from, to) => format!("positions {} to {}", whole(from), whole(to)),
    }
}

/// What was found, for programs.
pub(crate) fn as_json(report: &Report, began: u64, seconds: f64) -> Value {
    json!({ "result": {
        "altered": !report.findings.is_empty(), "from": began + 1, "events": report.events,
        "checkpoints": report.checkpoints, "signed": report.signed,
        "size": report.tree.size(), "root": STANDARD.encode(report.tree.root()),
        "findings": report.findings, "seconds": seconds,
    }})
}

/// What is remembered between two runs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    origin: String,
    size: u64,
    peaks: Vec<String>,
}

fn recall(path: &Path, origin: &str) -> Result<Frontier, OpsError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Frontier::default());
        }
        Err(error) => return Err(file(path)(error)),
    };
    let wrong = || {
        let path = path.display();
        OpsError::Usage(format!("{path} does not remember a verification of {origin}"))
    };
    let kept: Remembered = serde_json::from_str(&text).map_err(|_| wrong())?;
    let peaks: Option<Vec<Hash>> =
        kept.peaks.iter().map(|it| STANDARD.decode(it).ok()?.try_into().ok()).collect();
    let tree = peaks.and_then(|peaks| Frontier::from_peaks(kept.size, peaks));
    tree.filter(|_| kept.origin == origin).ok_or_else(wrong)
}

fn remember(path: &Path, origin: &str, tree: &Frontier) -> Result<(), OpsError> {
    let kept = Remembered {
        origin: origin.to_owned(),
        size: tree.size(),
        peaks: tree.peaks().iter().map(|it| STANDARD.encode(it)).collect(),
    };
    let text = serde_json::to_string(&kept).unwrap_or_default();
    crate::proof::write_whole(path, &text).map_err(file(path))
}

/// A copy of what is kept of a person: the files are those that were signed, and the events stand in the
/// signed log.
fn of_copy(
    folder: &Path,
    keys: &[VerifierKey],
    origin: &str,
    args: &VerifyArgs,
) -> Result<Exit, OpsError> {
    match subject::check(folder, keys) {
        Ok(checked) if args.json => say(&json!({ "copy": checked }).to_string()),
        Ok(checked) => {
            let files = count(i64::try_from(checked.files.len()).unwrap_or(i64::MAX), "file");
            say(&format!("Signed by the log {}: {files}, none changed.", visible(&checked.origin)));
            for (name, value) in &checked.facts {
                say(&format!("  {name}: {}", visible(value)));
            }
        }
        Err(error) => {
            complain(&format!("annals: NOT what was signed: {error}"));
            return Ok(Exit::Fault);
        }
    }
    let proof = folder.join(PROOF);
    if proof.is_file() { of_bundle(&proof, keys, origin, args) } else { Ok(Exit::Done) }
}

fn of_bundle(
    path: &Path,
    keys: &[VerifierKey],
    origin: &str,
    args: &VerifyArgs,
) -> Result<Exit, OpsError> {
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(fs::File::open(path).map_err(file(path))?)
    };
    let held = match args.against.as_slice() {
        [] => None,
        [one] => Some(fs::read_to_string(one).map_err(file(one))?),
        _ => return Err(OpsError::Usage("a bundle is checked against one checkpoint".to_owned())),
    };
    let each = |event: &bundle::Proven| {
        let (at, kind) = (event.recorded_at.to_rfc3339(), visible(&event.event_type));
        let stream = visible(&format!("{}/{}", event.aggregate_type, event.aggregate_id));
        if args.json {
            say(&serde_json::to_string(event).unwrap_or_default());
        } else {
            say(&format!("  {}  {at}  {kind}  {stream}", event.position));
        }
    };
    match bundle::check(&mut BufReader::new(input), keys, origin, held.as_deref(), each) {
        Ok(proved) if args.json => say(&json!({ "proved": proved }).to_string()),
        Ok(proved) => {
            let whole = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
            let mut text = format!(
                "Proved: {} of the log {}, as it was signed over {}.",
                count(whole(proved.events), "event"),
                visible(&proved.origin),
                count(whole(proved.size), "event")
            );
            if let Some(older) = proved.continues {
                text.push_str(&format!(" It continues the checkpoint over {older} that you hold."));
            }
            for (witness, _) in &proved.witnesses {
                text.push_str(&format!(" Cosigned by {}.", visible(witness)));
            }
            say(&text);
        }
        Err(error) => {
            complain(&format!("annals: NOT proved: {error}"));
            return Ok(Exit::Fault);
        }
    }
    Ok(Exit::Done)
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> OpsError {
    let path = path.to_owned();
    move |source| OpsError::File { path, source }
}
