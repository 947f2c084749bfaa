//! Why an operator's command failed, and the exit code that says so.

use std::path::PathBuf;

use crate::{
    cli::Exit,
    erasure::EraseError,
    keys::{KekError, KeysError},
    migrate::MigrationError,
    projector::{RebuildError, ReplayError},
    proof::{bundle::BundleError, ledger::LedgerError, note::NoteError, verify::VerifyError},
    serve::NatsError,
    settings::Complaints,
    store::ConnectError,
    subject::ManifestError,
    transfer::TransferError,
};

/// What the exit codes of operators' commands mean, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  all is well
  1  something is wrong, or there is nothing of what was asked for
  2  the arguments or the configuration do not fit
  5  Postgres, NATS or the key store does not answer, or somebody else is at it: try again";

/// Why an operator's command failed. Each sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The configuration does not fit.
    #[error(transparent)]
    Settings(#[from] Complaints),
    /// A setting is missing.
    #[error(
        "{0} is not set, and no `annals dev` runs in this folder. `annals config` shows what is set"
    )]
    Missing(&'static str),
    /// What was asked for does not exist, or makes no sense.
    #[error("{0}")]
    Usage(String),
    /// What was asked for cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// The database has no event store, or an older one.
    #[error("this database has no event store of this version: run `annals migrate`")]
    NotMigrated,
    /// The login may not do what the command needs.
    #[error(
        "the login of DATABASE_URL may not act as {role}: {source}. Let whoever owns the database \
         run GRANT {role} TO <login>"
    )]
    NotAllowed {
        /// The database role.
        role: &'static str,
        /// What Postgres says.
        source: sqlx::Error,
    },
    /// There is no connection to Postgres.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Postgres stopped answering, or refuses.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// There is no connection to NATS.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The key-encryption key cannot be read.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// The key store does not answer, or holds keys that this key-encryption key does not open.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The database cannot be brought to the present schema.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// A key is none, or a checkpoint is not believed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A proof cannot be made.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A bundle proves nothing.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The log could not be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Rows were not moved.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// What is kept of a person cannot be gathered.
    #[error(transparent)]
    Erase(#[from] EraseError),
    /// A copy is not what was signed.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A read model was not rebuilt.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// The log was not replayed.
    #[error(transparent)]
    Replay(ReplayError),
}

impl From<ReplayError> for OpsError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Rebuild(error) => Self::Rebuild(error),
            error => Self::Replay(error),
        }
    }
}

impl OpsError {
    /// The exit code that says so.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Settings(_)
            | Self::Missing(_)
            | Self::Note(NoteError::Key | NoteError::Name)
            | Self::File { .. }
            | Self::Usage(_)
            | Self::Connect(ConnectError::Url)
            | Self::Nats(NatsError::Url(_) | NatsError::Credentials { .. })
            | Self::Keys(KeysError::Url | KeysError::Connect(ConnectError::Url))
            | Self::Migration(MigrationError::Url)
            | Self::Rebuild(RebuildError::NoTables(_))
            | Self::Transfer(TransferError::Usage(_))
            | Self::Replay(ReplayError::Name(_) | ReplayError::Further { .. }) => Exit::Usage,
            Self::Connect(ConnectError::Unreachable(_))
            | Self::Keys(KeysError::Connect(ConnectError::Unreachable(_)) | KeysError::Changing)
            | Self::Nats(NatsError::Unreachable(_))
            | Self::Rebuild(RebuildError::Busy(_) | RebuildError::InUse(_))
            | Self::Transfer(TransferError::Unavailable(_))
            | Self::Replay(ReplayError::Behind { .. }) => Exit::Unavailable,
            Self::Postgres(source)
            | Self::Erase(EraseError::Postgres(source))
            | Self::Ledger(LedgerError::Postgres(source))
            | Self::Bundle(BundleError::Ledger(LedgerError::Postgres(source)))
            | Self::Verify(
                VerifyError::Postgres(source) | VerifyError::Ledger(LedgerError::Postgres(source)),
            )
            | Self::Keys(KeysError::Store(source))
            | Self::Migration(MigrationError::Postgres(source))
            | Self::Transfer(TransferError::Postgres(source))
            | Self::Rebuild(RebuildError::Postgres(source)) => of_postgres(source),
            Self::Refused(_)
            | Self::Erase(_)
            | Self::Manifest(_)
            | Self::Note(_)
            | Self::Ledger(LedgerError::Missing { .. })
            | Self::Bundle(_)
            | Self::Verify(_)
            | Self::NotMigrated
            | Self::NotAllowed { .. }
            | Self::Connect(ConnectError::TooOld(_) | ConnectError::Unsafe { .. })
            | Self::Nats(NatsError::TooOld(_) | NatsError::NoJetStream)
            | Self::Kek(_)
            | Self::Keys(
                KeysError::Connect(ConnectError::TooOld(_) | ConnectError::Unsafe { .. })
                | KeysError::Migration(_)
                | KeysError::OtherKek(_)
                | KeysError::Damaged
                | KeysError::Cipher
                | KeysError::Unused
                | KeysError::NoPerson,
            )
            | Self::Migration(
                MigrationError::Migration(_)
                | MigrationError::Table { .. }
                | MigrationError::Dependents(_),
            )
            | Self::Rebuild(RebuildError::Apply(_) | RebuildError::Schema(_))
            | Self::Transfer(
                TransferError::Wrong(_) | TransferError::Refused(_) | TransferError::File(_),
            )
            | Self::Replay(ReplayError::NoPast(_) | ReplayError::Rebuild(_)) => Exit::Fault,
        }
    }
}

/// A refusal of Postgres is a fault; silence of it is not ours to mend.
pub(super) fn of_postgres(error: &sqlx::Error) -> Exit {
    match error {
        sqlx::Error::Database(refused) if !is_for_now(refused.code().as_deref()) => Exit::Fault,
        sqlx::Error::Database(_)
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Exit::Unavailable,
        _ => Exit::Fault,
    }
}

/// Whether a refusal is one for now: it starts, it stops, or it has no room for another session.
fn is_for_now(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("57P") || code.starts_with("53"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_tells_what_to_mend_from_what_to_wait_for() {
        for (error, exit) in [
            (OpsError::Missing("DATABASE_URL"), Exit::Usage),
            (OpsError::Usage("there is no context lfit".into()), Exit::Usage),
            (OpsError::NotMigrated, Exit::Fault),
            (OpsError::Postgres(sqlx::Error::PoolTimedOut), Exit::Unavailable),
            (OpsError::Postgres(sqlx::Error::RowNotFound), Exit::Fault),
            (OpsError::Rebuild(RebuildError::Busy("lift")), Exit::Unavailable),
            (OpsError::Keys(KeysError::OtherKek("ab".into())), Exit::Fault),
        ] {
            assert_eq!(error.exit(), exit, "{error}");
        }
        assert!(is_for_now(Some("57P03")) && !is_for_now(Some("42501")));
    }
}
