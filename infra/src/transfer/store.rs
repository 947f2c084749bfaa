//! Storing what was checked, through the engine that decides all commands.

use std::sync::Arc;

use annals_commands::{Actor, Catalogue, ImportRows, Target};
use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    file::TransferError,
    plan::{Piece, Plan},
};
use crate::{
    engine::{Engine, Limits, Outcome, Parts, Submission, SystemClock},
    keys::Keys,
    store::Store,
};

/// The command that takes rows over.
const COMMAND: &str = "import_rows";

/// With what an import is stored.
#[derive(Debug, Clone)]
pub struct Storing {
    /// The log, with the appender's rights.
    pub store: Store,
    /// Whose keys seal what.
    pub keys: Arc<Keys>,
    /// The region whose data this deployment may hold.
    pub region: String,
    /// The operator.
    pub operator: Uuid,
    /// Why, as the operator says.
    pub reason: Option<String>,
    /// Everything but storing.
    pub dry_run: bool,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    /// Rows stored by this run.
    pub rows: usize,
    /// Position of the last event.
    pub position: i64,
}

/// Stores the pieces of a plan, one after the other, and tells after each how many rows are done.
///
/// # Errors
/// A rule stands against a piece, or it cannot be stored now; the pieces before it are stored.
pub async fn store(
    with: &Storing,
    plan: Plan,
    mut told: impl FnMut(usize),
) -> Result<Moved, TransferError> {
    let (engine, task) = Engine::start(Parts {
        catalogue: Arc::new(Catalogue::new()),
        store: with.store.clone(),
        keys: Arc::clone(&with.keys),
        clock: Arc::new(SystemClock),
        limits: Limits { attempts: u8::MAX, ..Limits::default() },
        region: Arc::from(with.region.as_str()),
        on_commit: Arc::new(|_| {}),
    });
    let mut moved = Moved::default();
    let import = plan.id;
    let mut failed = None;
    for piece in plan.pieces {
        let rows = piece.rows;
        match send(&engine, with, import, piece).await {
            Ok(position) => {
                moved.rows += rows;
                moved.position = moved.position.max(position);
                told(moved.rows);
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(engine);
    let _ = task.await;
    failed.map_or(Ok(moved), Err)
}

async fn send(
    engine: &Engine,
    with: &Storing,
    import: Uuid,
    piece: Piece,
) -> Result<i64, TransferError> {
    let Some((kind, rows)) = piece.streams.first() else { return Ok(0) };
    let (kind, id) = (*kind, rows.first().map(|row| Arc::clone(&row.id)));
    let mut key = piece.command_id.clone();
    if with.dry_run {
        key.push_str(" dry run");
    }
    let (answer, answered) = oneshot::channel();
    let submission = Submission {
        context: kind.context(),
        command: Arc::from(COMMAND),
        aggregate: kind,
        target: Target::Given,
        id,
        expected_version: None,
        occurred_at: None,
        reason: with.reason.clone(),
        actor: Actor::operator(with.operator),
        key: Uuid::new_v5(&with.operator, key.as_bytes()),
        fingerprint: fingerprint(&piece),
        command_id: Arc::from(piece.command_id.as_str()),
        request: Box::new(ImportRows::new(piece.streams)),
        correlation_id: import.to_string(),
        causation_id: None,
        traceparent: None,
        dry_run: with.dry_run,
        respond: Box::new(move |outcome| drop(answer.send(outcome))),
        attempts: 0,
    };
    let gone = || TransferError::Unavailable("the engine stopped".to_owned());
    engine.submit(submission).map_err(|_| gone())?;
    match answered.await.map_err(|_| gone())? {
        Outcome::Accepted(accepted) => Ok(accepted.position),
        Outcome::Problem(problem) => {
            let what = problem.errors.first().map_or(&problem.detail, |error| &error.detail);
            Err(if problem.retryable {
                TransferError::Unavailable(what.clone())
            } else {
                TransferError::Refused(format!("{}: {what}", problem.code.as_str()))
            })
        }
    }
}

/// Tells the rows of a piece from others under the same id.
fn fingerprint(piece: &Piece) -> [u8; 16] {
    let mut text = String::new();
    for row in piece.streams.iter().flat_map(|(_, rows)| rows) {
        text.push_str(&serde_json::to_string(&row.columns).unwrap_or_default());
    }
    let hash = digest(&SHA256, text.as_bytes());
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(hash.as_ref().get(..16).unwrap_or(&[0; 16]));
    fingerprint
}
