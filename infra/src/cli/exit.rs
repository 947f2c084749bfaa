//! How a subcommand ended.

use std::process::ExitCode;

/// How a subcommand ended: the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; a command was accepted, now or before.
    Done = 0,
    /// A fault of ours, or of this machine.
    Fault = 1,
    /// What was asked makes no sense: arguments, fields, configuration.
    Usage = 2,
    /// A rule stands against it.
    Refused = 3,
    /// Not allowed, or not known who asks.
    NotAllowed = 4,
    /// Nobody answers, or not now: the same command can be sent again.
    Unavailable = 5,
}

/// What the exit codes mean, for `--help`.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done, or accepted before under the same id
  1  a fault of this program or this machine
  2  the arguments, the fields or the configuration do not fit
  3  refused: a rule stands against it, it has changed since, or there is nothing with this id
  4  not allowed, or the token is missing, expired or not valid
  5  nobody answers, or not now: try the same again, under the same --command-id";

impl Exit {
    /// How a command that got an answer of this status ended.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Done,
            401 | 403 => Self::NotAllowed,
            404 | 409 | 410 | 422 => Self::Refused,
            400..=428 => Self::Usage,
            429 | 502..=599 => Self::Unavailable,
            _ => Self::Fault,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use annals_commands::Code;

    use super::*;

    #[test]
    fn every_class_of_problem_has_its_exit_code() {
        for (code, exit) in [
            (Code::MalformedJson, Exit::Usage),
            (Code::TooLarge, Exit::Usage),
            (Code::TokenExpired, Exit::NotAllowed),
            (Code::NotAllowed, Exit::NotAllowed),
            (Code::UnknownAggregate, Exit::Refused),
            (Code::VersionConflict, Exit::Refused),
            (Code::Erased, Exit::Refused),
            (Code::Rule("insufficient_funds".into()), Exit::Refused),
            (Code::RateLimited, Exit::Unavailable),
            (Code::Internal, Exit::Fault),
            (Code::StoreUnavailable, Exit::Unavailable),
            (Code::NotProjectedYet, Exit::Unavailable),
        ] {
            assert_eq!(Exit::of_status(code.status()), exit, "{code:?}");
        }
    }

    #[test]
    fn the_help_lists_every_code() {
        for code in 0..=5 {
            assert!(EXIT_CODES.contains(&format!("\n  {code}  ")));
        }
    }
}
