//! The read model of SAMIA TAROT. Besides its own rows, every event leaves a line in `audit_logs`.

pub mod audit;
pub mod command_log;
pub mod tables;
pub mod user;
pub mod wallet;

use annals_domain::samia::{command_log::CommandLog, user::User, wallet::Wallet};

use crate::catalogue::{Context, projection};

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "samia",
        tables: tables::TABLES,
        functions: tables::FUNCTIONS,
        views: tables::VIEWS,
        projections: vec![
            projection::<User>(user::project),
            projection::<Wallet>(wallet::project),
            projection::<CommandLog>(command_log::project),
        ],
        every: Some(audit::every),
    }
}

#[cfg(test)]
pub(crate) mod testing;
