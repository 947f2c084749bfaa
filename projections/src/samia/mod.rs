//! The read model of SAMIA TAROT. Besides its own rows, every event leaves a line in `audit_logs`.

pub mod analytics;
pub mod audit;
pub mod chat_room;
pub mod command_log;
pub mod configuration;
pub mod metric;
pub mod payment_method;
pub mod reading;
pub mod security_event;
pub mod tables;
pub mod tarot_card;
pub mod tarot_spread;
pub mod user;
pub mod user_profile;
pub mod video_call;
pub mod visit;
pub mod wallet;

use annals_domain::samia::{
    chat_room::ChatRoom, command_log::CommandLog, configuration::Configuration, metric::Metric,
    payment_method::PaymentMethod, reading::Reading, security_event::SecurityEvent,
    tarot_card::TarotCard, tarot_spread::TarotSpread, user::User, user_profile::UserProfile,
    video_call::VideoCall, visit::Visit, wallet::Wallet,
};

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
            projection::<UserProfile>(user_profile::project),
            projection::<TarotCard>(tarot_card::project),
            projection::<TarotSpread>(tarot_spread::project),
            projection::<Reading>(reading::project),
            projection::<ChatRoom>(chat_room::project),
            projection::<VideoCall>(video_call::project),
            projection::<Wallet>(wallet::project),
            projection::<PaymentMethod>(payment_method::project),
            projection::<Visit>(visit::project),
            projection::<Metric>(metric::project),
            projection::<SecurityEvent>(security_event::project),
            projection::<Configuration>(configuration::project),
            projection::<CommandLog>(command_log::project),
        ],
        every: Some(audit::every),
        before: Some((&tables::AUDIT_LOGS, "old_values")),
    }
}

#[cfg(test)]
mod replay;
#[cfg(test)]
pub(crate) mod testing;
