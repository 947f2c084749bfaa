//! What can stop the private servers. Every sentence says what to do next.

use std::{io, path::PathBuf};

use super::version::Version;

/// Why the private servers did not start, or did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A file or folder could not be made, read or handed over.
    #[error(
        "{} cannot be used: {source}. Give this user the right to write there, or choose another folder.",
        path.display()
    )]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Another process runs servers in this folder.
    #[error(
        "process {pid} runs its servers in {} already. Use those (`annals dev env`), stop them with `annals dev down`, or choose another folder.",
        dir.display()
    )]
    AlreadyRunning {
        /// The folder.
        dir: PathBuf,
        /// The process, 0 if it did not say.
        pid: u32,
    },

    /// A variable of the environment does not say what it should.
    #[error("{name}={value} cannot be used: {reason}. Correct it or unset it.")]
    Environment {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong, and what would be right.
        reason: String,
    },

    /// The cluster in the folder needs a Postgres that is not here.
    #[error(
        "{} was made by Postgres {major}, and no Postgres {major} was found. Install it and name its folder in ANNALS_PG_BIN, or begin anew with --fresh (which deletes that cluster).",
        path.display()
    )]
    OtherPostgres {
        /// The data directory.
        path: PathBuf,
        /// The major version that made it.
        major: u32,
    },

    /// The servers could not be fetched.
    #[error("{servers} could not be fetched.\n{output}")]
    Fetch {
        /// What was to be fetched.
        servers: String,
        /// What the script said; it ends with what to do.
        output: String,
    },

    /// What was fetched does not start on this machine.
    #[error(
        "the {program} that was fetched does not start on this machine. Install {program} {minimum} or newer and name it in {variable}."
    )]
    FetchedUnusable {
        /// The server.
        program: &'static str,
        /// The oldest version that will do.
        minimum: Version,
        /// The variable to name it in.
        variable: &'static str,
    },

    /// `initdb` refused.
    #[error("initdb made no cluster in {}. It said:\n{output}", path.display())]
    InitDb {
        /// The data directory it was to make.
        path: PathBuf,
        /// Its words.
        output: String,
    },

    /// A program could not be started at all.
    #[error("{} cannot be started: {source}. Check that it is there and may be executed.", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A server ended while it was needed.
    #[error("{program} ended by itself. The end of its log, {}:\n{tail}", log.display())]
    Ended {
        /// The server.
        program: &'static str,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },

    /// A server did not answer in time.
    #[error(
        "{program} did not answer within {seconds} s. Is this machine out of memory or very busy? The end of its log, {}:\n{tail}",
        log.display()
    )]
    Silent {
        /// The server.
        program: &'static str,
        /// How long it was given.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },

    /// The remembered password does not open the cluster.
    #[error(
        "the password in {} does not open the cluster beside it. Restore that file, or begin anew with --fresh (which deletes the cluster).",
        env.display()
    )]
    Password {
        /// The file that holds it.
        env: PathBuf,
    },

    /// A left-over of an earlier run does not go away.
    #[error(
        "process {pid}, left over from an earlier run, does not end. End it by hand (kill -9 {pid}) and start again."
    )]
    LeftOver {
        /// The process.
        pid: i32,
    },

    /// A name that cannot be a database's.
    #[error(
        "{0:?} cannot name a database here: use 1 to 63 of a-z, 0-9 and _, not beginning with a digit."
    )]
    DatabaseName(String),

    /// Postgres refused something.
    #[error("{doing}: {source}")]
    Database {
        /// What was being done.
        doing: String,
        /// What Postgres said.
        source: sqlx::Error,
    },

    /// The migration of a template failed.
    #[error("the template database {name} could not be filled: {reason}")]
    Template {
        /// The template.
        name: String,
        /// What the caller's closure said.
        reason: String,
    },
}

impl DevError {
    /// Says which path an I/O error was about.
    pub(super) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }

    /// Says what was being done when Postgres refused.
    pub(super) fn sql(doing: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Database { doing, source }
    }
}
