//! What SAMIA TAROT does by itself: wallets and profiles for new users, rooms for readings, readings by
//! the deck alone, refunds, expiring messages, and reports of what looks like an attack.
//!
//! What is remembered is folded from the context's own events. Addresses from which somebody failed to
//! sign in are not kept: what is kept of them is a hash and the times, for as long as they count.

mod readings;
mod rooms;
mod security;
#[cfg(test)]
mod tests;

use annals_domain::{
    samia::{
        chat_room::ChatRoom,
        command_log::CommandLog,
        reading::Reading,
        security_event::SecurityEvent,
        tarot_card::TarotCard,
        user::{self, EraseUser, ProfileType, User},
        user_profile::{CreateUserProfile, UserProfile},
        wallet::{self, OpenWallet, Wallet},
    },
    shared::identity::{self, Identity},
};
use serde::{Deserialize, Serialize};

use crate::reaction::{Due, Halt, Reacting, Reactions, parse, upon};

const WALLET: &str = "samia.reaction.wallet-for-user";
const PROFILE: &str = "samia.reaction.profile-for-user";
const ROOM: &str = "samia.reaction.room-for-reading";
const ROOM_CLOSED: &str = "samia.reaction.room-closed-after-reading";
const AI: &str = "samia.reaction.ai-reading";
const REFUND: &str = "samia.reaction.refund-on-cancel";
const MESSAGE: &str = "samia.reaction.message-expiry";
const SIGN_IN: &str = "samia.reaction.sign-in-failures";
const PRIVILEGE: &str = "samia.reaction.privilege-change";
const REFUSED: &str = "samia.reaction.refused-wallet-commands";
const FREEZE: &str = "samia.reaction.critical-freeze";
const ERASED: &str = "samia.reaction.subject-erased";

/// What SAMIA TAROT judges by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// How many failed sign-ins for a user or from an address are reported.
    pub sign_in_failures: u32,
    /// Within how many minutes.
    pub sign_in_minutes: u32,
    /// How many wallet commands, refused because of its limits or because it is frozen, are reported.
    pub refused_wallet_commands: u32,
    /// Within how many minutes.
    pub refused_wallet_minutes: u32,
    /// Within how many minutes refusals of the service are added up: tokens, rights, anything.
    pub refusal_minutes: u32,
    /// How many refused tokens are reported; 0 for none.
    pub refused_tokens: u32,
    /// How many commands that one person may not send are reported; 0 for none.
    pub refused_rights: u32,
    /// How many refusals of any kind to one person are reported; 0 for none.
    pub repeated_refusals: u32,
    /// After how many hours the room of a reading that is over is closed.
    pub room_closes_after_hours: u32,
    /// Whether readings that ask for no reader are read from the deck here; switch it off where another
    /// service reads them.
    pub reads_from_the_deck: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            sign_in_failures: 5,
            sign_in_minutes: 15,
            refused_wallet_commands: 3,
            refused_wallet_minutes: 60,
            refusal_minutes: 10,
            refused_tokens: 5,
            refused_rights: 3,
            repeated_refusals: 20,
            room_closes_after_hours: 24,
            reads_from_the_deck: true,
        }
    }
}

/// What the context does by itself.
#[must_use]
pub fn reactions() -> Reactions {
    Reactions {
        names: &[
            WALLET,
            PROFILE,
            ROOM,
            ROOM_CLOSED,
            AI,
            REFUND,
            MESSAGE,
            SIGN_IN,
            PRIVILEGE,
            REFUSED,
            FREEZE,
            ERASED,
        ],
        elsewhere: &[
            ("samia.reaction.profile-follows-role", "UserRoleChanged carries the kind of profile"),
            ("samia.reaction.audit-everything", "the projector writes a line for every event"),
            ("samia.reaction.analytics", "projections of the five events"),
            ("samia.reaction.reading-counters", "projections of both events"),
        ],
        version: 1,
        upon: vec![
            upon::<Identity>(identity),
            upon::<User>(user),
            upon::<UserProfile>(security::profile),
            upon::<Wallet>(wallet),
            upon::<TarotCard>(readings::card),
            upon::<Reading>(readings::reading),
            upon::<ChatRoom>(rooms::room),
            upon::<CommandLog>(security::refused),
            upon::<SecurityEvent>(security::reported),
        ],
        due,
    }
}

fn due(due: &Due, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match due.reaction.as_str() {
        ROOM_CLOSED => rooms::close(parse(&due.key)?, reacting),
        MESSAGE => {
            let (room, message) = due
                .key
                .split_once(':')
                .ok_or_else(|| Halt::Fault("a timer's key is not two ids".to_owned()))?;
            rooms::expire(parse(room)?, parse(message)?, reacting)
        }
        other => Err(Halt::Fault(format!("no timer of {other} is known here"))),
    }
}

fn user(event: &user::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    reacting.follow::<User>(event)?;
    match event {
        user::Event::UserRegistered(_) => {
            reacting.send::<Wallet, _>(WALLET, id, &OpenWallet { currency: None })?;
            let profile = CreateUserProfile {
                profile_type: Some(ProfileType::Client),
                languages: None,
                role: user::Role::default(),
            };
            reacting.send::<UserProfile, _>(PROFILE, id, &profile)
        }
        user::Event::UserRoleChanged(_) => security::privileges(id, reacting),
        user::Event::SignInFailed(failed) => security::sign_in(failed, reacting),
        user::Event::EmailVerified(_)
        | user::Event::UserDetailsUpdated(_)
        | user::Event::UserPreferencesChanged(_)
        | user::Event::UserMetadataSet(_)
        | user::Event::UserDeactivated(_)
        | user::Event::UserReactivated(_)
        | user::Event::UserSignedIn(_)
        | user::Event::UserDeleted(_)
        | user::Event::UserErased(_)
        | user::Event::Imported(_) => Ok(()),
    }
}

/// Whoever is erased as a person is erased as a user (samia.reaction.subject-erased).
fn identity(event: &identity::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        identity::Event::SubjectErased(_) => {}
        identity::Event::IdentityRegistered(_)
        | identity::Event::IdentityEmailChanged(_)
        | identity::Event::Imported(_) => return Ok(()),
    }
    if reacting.known::<User>(id)?.registered {
        reacting.send::<User, _>(ERASED, id, &EraseUser { user_id: id })?;
    }
    Ok(())
}

fn wallet(event: &wallet::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let owner = reacting.cause.id_of_stream()?;
    match event {
        wallet::Event::ReadingPaid(paid) => {
            readings::paid(paid.reading_session_id, owner, paid.transaction_id, reacting)
        }
        wallet::Event::PaymentRefunded(refunded) => {
            readings::refunded(refunded.reading_session_id, refunded.refund_of, reacting)
        }
        wallet::Event::Imported(row) => readings::taken_over(owner, row, reacting),
        wallet::Event::WalletOpened(_)
        | wallet::Event::WalletCredited(_)
        | wallet::Event::WalletDebited(_)
        | wallet::Event::FeeCharged(_)
        | wallet::Event::DepositInitiated(_)
        | wallet::Event::FundsDeposited(_)
        | wallet::Event::WithdrawalRequested(_)
        | wallet::Event::FundsWithdrawn(_)
        | wallet::Event::TransactionFailed(_)
        | wallet::Event::TransactionCancelled(_)
        | wallet::Event::TransactionReconciled(_)
        | wallet::Event::WalletFrozen(_)
        | wallet::Event::WalletUnfrozen(_)
        | wallet::Event::WalletLimitsSet(_) => Ok(()),
    }
}
