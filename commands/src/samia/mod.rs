//! Commands of SAMIA TAROT, and the rights that several of them ask for.
//!
//! A person's rights are the present state of its account: whoever is deactivated or deleted has none
//! (samia.rule.actor.active). The system acts where the contract says so; the operator makes the first
//! super admin and nothing else.

pub mod chat_room;
pub mod configuration;
pub mod import;
pub mod metric;
pub mod payment_method;
pub mod reactions;
pub mod reading;
pub mod security_event;
pub mod tarot_card;
pub mod tarot_spread;
pub mod user;
pub mod user_profile;
pub mod video_call;
pub mod visit;
pub mod wallet;

use annals_domain::{
    Decider as _,
    samia::{
        chat_room::ChatRoom,
        command_log::{CommandLog, CommandRefused, Event},
        configuration::Configuration,
        metric::Metric,
        payment_method::PaymentMethod,
        reading::Reading,
        security_event::SecurityEvent,
        tarot_card::TarotCard,
        tarot_spread::TarotSpread,
        user::{Refusal as UserRefusal, Role, User},
        user_profile::UserProfile,
        video_call::VideoCall,
        visit::Visit,
        wallet::Wallet,
    },
};
use uuid::Uuid;

use crate::{
    actor::ActorKind,
    aggregate::AggregateType,
    catalogue::{Context, Refusal},
    work::{Appended, Loaded, Stop, Stream, Work},
};

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "samia",
        about: "Tarot readings by people and by AI, with chat, calls, wallets and payments.",
        aggregates: vec![
            AggregateType::of::<User>(),
            AggregateType::of::<UserProfile>(),
            AggregateType::of::<TarotCard>(),
            AggregateType::of::<TarotSpread>(),
            AggregateType::of::<Reading>(),
            AggregateType::of::<ChatRoom>(),
            AggregateType::of::<VideoCall>(),
            AggregateType::of::<Wallet>(),
            AggregateType::of::<PaymentMethod>(),
            AggregateType::of::<Visit>(),
            AggregateType::of::<Metric>(),
            AggregateType::of::<SecurityEvent>(),
            AggregateType::of::<Configuration>(),
            AggregateType::of::<CommandLog>(),
        ],
        commands: [
            user::commands(),
            user_profile::commands(),
            tarot_card::commands(),
            tarot_spread::commands(),
            reading::commands(),
            chat_room::commands(),
            video_call::commands(),
            wallet::commands(),
            payment_method::commands(),
            visit::commands(),
            metric::commands(),
            security_event::commands(),
            configuration::commands(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        on_refused: Some(on_refused),
        region_of: None,
        reactions: Some(reactions::reactions()),
    }
}

/// Keeps a refusal by a business rule in the command log, one stream a UTC day
/// (samia.event.CommandRefused). Only a user is named: a line of the audit log can name no one else.
///
/// # Errors
/// [`Stop::Missing`] while the log or the actor's account is not in memory.
pub fn on_refused(work: &mut Work<'_>, refusal: &Refusal<'_>) -> Result<(), Stop> {
    let actor = work.actor;
    let by_user = actor.kind == ActorKind::Person && work.load::<User>(actor.id)?.registered;
    let day = work.moment.now.format("%Y-%m-%d").to_string();
    let version = work.load::<CommandLog>(day.as_str())?.version();
    let kind = refusal.target.kind;
    let event = CommandRefused {
        command: refusal.command.to_owned(),
        command_id: refusal.command_id.to_owned(),
        code: refusal.refused.code.clone(),
        detail: refusal.refused.detail.clone(),
        resource_type: kind.split_once('.').map_or(kind, |(_, name)| name).to_owned(),
        resource_id: refusal.target.id.parse().ok(),
        user_id: by_user.then_some(actor.id),
    };
    work.appended.push(Appended {
        stream: Stream::of::<CommandLog>(day),
        sequence: version + 1,
        event: Box::new(Event::from(event)),
        origin: None,
    });
    Ok(())
}

/// A target's id as the person's or thing's it names, in the one way of writing it: another spelling
/// would be another stream.
pub(crate) fn uuid(id: &str) -> Result<Uuid, Stop> {
    let parsed = id.parse::<Uuid>().ok().filter(|uuid| {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        *uuid.hyphenated().encode_lower(&mut text) == *id
    });
    parsed.ok_or_else(|| Stop::Invalid {
        pointer: "/id",
        detail: "expected a UUID in lower case with hyphens".to_owned(),
    })
}

/// The role of the person who asks, which is an active user.
///
/// Whoever is no user is turned away; whoever was one is refused by samia.rule.actor.active.
pub(crate) fn acting_role(work: &mut Work<'_>) -> Result<Role, Stop> {
    if work.actor.kind != ActorKind::Person {
        return Err(Stop::Denied("only a user may do this"));
    }
    let me = work.load::<User>(work.actor.id)?;
    if !me.registered {
        return Err(Stop::Denied("only a registered user may do this"));
    }
    if me.active { Ok(me.role) } else { Err(UserRefusal::ActorNotActive.into()) }
}

/// Only the system.
pub(crate) fn system(work: &Work<'_>) -> Result<(), Stop> {
    if work.actor.is_system() { Ok(()) } else { Err(Stop::Denied("only the system may do this")) }
}

/// Only that user itself, while active.
pub(crate) fn owner(work: &mut Work<'_>, owner: Uuid) -> Result<(), Stop> {
    if !work.actor.is(owner) {
        return Err(Stop::Denied("only the owner may do this"));
    }
    acting_role(work).map(drop)
}

/// Only an admin or super admin.
pub(crate) fn admin(work: &mut Work<'_>) -> Result<(), Stop> {
    if acting_role(work)?.is_admin() {
        Ok(())
    } else {
        Err(Stop::Denied("only an admin may do this"))
    }
}

/// Only a super admin.
pub(crate) fn super_admin(work: &mut Work<'_>) -> Result<(), Stop> {
    if acting_role(work)? == Role::SuperAdmin {
        Ok(())
    } else {
        Err(Stop::Denied("only a super admin may do this"))
    }
}

/// Only that user itself, while active, or an admin.
pub(crate) fn owner_or_admin(work: &mut Work<'_>, user: Uuid) -> Result<(), Stop> {
    if work.actor.is(user) { owner(work, user) } else { admin(work) }
}

/// A user who is registered, active or not.
pub(crate) fn known_user<'a>(work: &mut Work<'a>, id: Uuid) -> Result<Loaded<'a, User>, Stop> {
    let user = work.load::<User>(id)?;
    if user.registered { Ok(user) } else { Err(Stop::Unknown { kind: User::TYPE }) }
}

/// A user of whom anything may still be kept.
pub(crate) fn kept_user<'a>(work: &mut Work<'a>, id: Uuid) -> Result<Loaded<'a, User>, Stop> {
    let user = known_user(work, id)?;
    if user.erased { Err(Stop::Erased { kind: User::TYPE }) } else { Ok(user) }
}

/// Whether this is a user of whom anything may still be kept.
pub(crate) fn is_kept_user(work: &mut Work<'_>, id: Uuid) -> Result<bool, Stop> {
    let user = work.load::<User>(id)?;
    Ok(user.registered && !user.erased)
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use annals_domain::{
        Moment, Refusal as _,
        samia::wallet,
        testing::{ADA, day},
    };
    use serde_json::{Value, json};

    use super::{
        testing::{CLIENT, OTHER, STRANGER, registered},
        *,
    };
    use crate::{
        actor::Actor,
        aggregate::State,
        work::{Claim, States},
    };

    /// A world in which the client is the only user and nothing was refused yet.
    #[derive(Default)]
    struct OneUser {
        client: User,
        nobody: User,
        log: CommandLog,
    }

    impl States for OneUser {
        fn state(&self, stream: &Stream) -> Option<(&dyn State, u64)> {
            match stream.kind {
                User::TYPE if *stream.id == *CLIENT.to_string() => Some((&self.client, 1)),
                User::TYPE => Some((&self.nobody, 0)),
                CommandLog::TYPE => Some((&self.log, 0)),
                _ => None,
            }
        }

        fn claim(&self, _: &Claim) -> Option<Option<std::sync::Arc<str>>> {
            None
        }
    }

    /// What is logged of somebody who may not debit a frozen wallet.
    fn logged(actor: &Actor, target: &str) -> (Stream, Value) {
        let mut world = OneUser::default();
        annals_domain::Decider::evolve(&mut world.client, &registered(CLIENT).into());
        let moment = Moment::new(day(1), actor.id, Uuid::nil());
        let mut work = Work::new(&world, actor, &moment);
        let refused = wallet::Refusal::WalletFrozen.refused();
        let refusal = Refusal {
            command: "debit_wallet",
            command_id: "c-1",
            target: &Stream::of::<Wallet>(target),
            refused: &refused,
        };
        on_refused(&mut work, &refusal).unwrap();
        let appended = work.appended.pop().unwrap();
        assert_eq!(appended.sequence, 1);
        (appended.stream, appended.event.payload_value().unwrap())
    }

    #[test]
    fn a_refusal_is_kept_under_its_day_with_its_code_and_the_user_who_asked() {
        let (stream, refused) = logged(&Actor::person(CLIENT), &OTHER.to_string());
        assert_eq!(format!("{stream:?}"), "samia.command_log/2026-01-01");
        let expected = json!({
            "command": "debit_wallet", "command_id": "c-1", "code": "wallet_frozen",
            "detail": "the wallet is frozen", "resource_type": "wallet", "resource_id": OTHER,
            "user_id": CLIENT,
        });
        assert_eq!(refused, expected);
    }

    #[test]
    fn a_line_of_the_audit_log_names_nobody_who_is_no_user() {
        assert_eq!(logged(&Actor::person(STRANGER), "x").1["user_id"], Value::Null);
        assert_eq!(logged(&Actor::system(CLIENT), "x").1["user_id"], Value::Null);
        assert_eq!(logged(&Actor::system(CLIENT), "no uuid").1["resource_id"], Value::Null);
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(uuid(&ADA.to_string()), Ok(ADA));
        for other in ["", "ada", "00000000-0000-0000-0000-000000000ADA"] {
            assert!(matches!(uuid(other), Err(Stop::Invalid { pointer: "/id", .. })), "{other}");
        }
    }

    #[test]
    fn every_command_names_the_policies_of_the_contract() {
        for command in context().commands {
            assert!(!command.policies.is_empty(), "{}", command.name);
            assert!(command.policies.iter().all(|id| id.starts_with("samia.policy.")));
            assert!(!command.summary().is_empty(), "{}", command.name);
        }
    }
}
