//! Who moves money.

use std::sync::Arc;

use annals_domain::samia::{
    money::Provider,
    payment_method::PaymentMethod,
    reading::{Reading, Status},
    wallet::{
        CancelTransaction, ChargeFee, Command, ConfirmDeposit, ConfirmWithdrawal, CreditWallet,
        DebitWallet, FailTransaction, FreezeWallet, InitiateDeposit, OpenWallet, PayForReading,
        ReconcileTransaction, RefundPayment, Refusal, RequestWithdrawal, SetWalletLimits,
        UnfreezeWallet, Wallet,
    },
};
use uuid::Uuid;

use super::{admin, known_user, owner, system, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// A gateway's payment belongs to one transaction (samia.rule.transaction.gateway_once).
pub(super) const GATEWAY: &str = "samia.transaction.gateway";

/// What may be asked of a wallet, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] = &["samia.policy.user_wallets.manage.own"];
    const ADMIN: &[&str] = &["samia.policy.user_wallets.manage.admin"];
    const SYSTEM: &[&str] = &["samia.policy.user_wallets.manage.system"];
    const ADMIN_OR_SYSTEM: &[&str] =
        &["samia.policy.user_wallets.manage.admin", "samia.policy.user_wallets.manage.system"];
    vec![
        command::<Wallet, OpenWallet>(Target::Given, SYSTEM, open),
        command::<Wallet, CreditWallet>(Target::Given, ADMIN_OR_SYSTEM, by_hand),
        command::<Wallet, DebitWallet>(Target::Given, ADMIN_OR_SYSTEM, by_hand),
        command::<Wallet, InitiateDeposit>(Target::Actor, OWN, by_method),
        command::<Wallet, ConfirmDeposit>(Target::Given, SYSTEM, called_back),
        command::<Wallet, RequestWithdrawal>(Target::Actor, OWN, by_method),
        command::<Wallet, ConfirmWithdrawal>(Target::Given, SYSTEM, called_back),
        command::<Wallet, PayForReading>(Target::Actor, OWN, pay),
        command::<Wallet, RefundPayment>(Target::Given, ADMIN_OR_SYSTEM, by_hand),
        command::<Wallet, ChargeFee>(Target::Given, ADMIN_OR_SYSTEM, by_hand),
        command::<Wallet, FailTransaction>(Target::Given, SYSTEM, reported),
        command::<Wallet, CancelTransaction>(Target::Actor, OWN, own),
        command::<Wallet, ReconcileTransaction>(Target::Given, ADMIN, managed),
        command::<Wallet, FreezeWallet>(Target::Given, ADMIN_OR_SYSTEM, freeze),
        command::<Wallet, UnfreezeWallet>(Target::Given, ADMIN, managed),
        command::<Wallet, SetWalletLimits>(Target::Given, ADMIN, managed),
    ]
}

fn open(work: &mut Work<'_>, id: &Arc<str>, command: &OpenWallet) -> Result<(), Stop> {
    system(work)?;
    known_user(work, uuid(id)?)?;
    decide(work, id, command.clone())
}

/// The owner (samia.policy.user_wallets.manage.own).
fn own<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    owner(work, uuid(id)?)?;
    decide(work, id, command.clone())
}

/// The owner, by one of the own means of payment where one is named
/// (samia.rule.transaction.method).
fn by_method<C: Clone + ByMethod + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    owner(work, uuid(id)?)?;
    if let Some(method) = command.method()
        && !work.load::<PaymentMethod>(id)?.usable(method)
    {
        return Err(Refusal::PaymentMethodNotUsable.into());
    }
    decide(work, id, command.clone())
}

/// The owner, for a reading of its own that is not called off.
fn pay(work: &mut Work<'_>, id: &Arc<str>, command: &PayForReading) -> Result<(), Stop> {
    let client = uuid(id)?;
    owner(work, client)?;
    let reading = work.load::<Reading>(command.reading_session_id)?;
    if reading.client != Some(client) || reading.status == Status::Cancelled {
        return Err(Refusal::ReadingNotPayable.into());
    }
    decide(work, id, command.clone())
}

/// An admin, but for the own wallet (samia.policy.user_wallets.manage.admin).
fn managed<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    admin_of_another(work, uuid(id)?)?;
    decide(work, id, command.clone())
}

fn freeze(work: &mut Work<'_>, id: &Arc<str>, command: &FreezeWallet) -> Result<(), Stop> {
    if work.actor.is_system() {
        return reported(work, id, command);
    }
    managed(work, id, command)
}

/// The system (samia.policy.user_wallets.manage.system), or an admin, whom the transaction then names.
fn by_hand<C: Clone + ByHand + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    let wallet = uuid(id)?;
    let mut command = command.clone();
    if !work.actor.is_system() {
        admin_of_another(work, wallet)?;
        command.name(work.actor.id);
    }
    decide(work, id, command)
}

fn admin_of_another(work: &mut Work<'_>, owner: Uuid) -> Result<(), Stop> {
    admin(work)?;
    if work.actor.is(owner) {
        return Err(Stop::Denied("nobody manages the own wallet"));
    }
    Ok(())
}

/// The system.
fn reported<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    uuid(id)?;
    decide(work, id, command.clone())
}

/// A gateway's callback. Repeated, it changes nothing and is answered alike.
fn called_back<C: Clone + Callback + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    uuid(id)?;
    let transaction = command.transaction();
    let asked = work.load::<Wallet>(id)?.provider(transaction);
    let providers = match command.provider().or(asked) {
        Some(provider) => vec![provider],
        // No longer pending and no gateway named: it may have been any.
        None => Provider::ALL.to_vec(),
    };
    for provider in providers {
        match work.holder(GATEWAY, key(provider, command.gateway_id()))? {
            None => {}
            Some(holder) if *holder == *transaction.to_string() => return Ok(()),
            Some(_) => return Err(Refusal::GatewayTransactionTaken.into()),
        }
    }
    decide(work, id, command.clone())?;
    if let Some(provider) = asked {
        work.claim(GATEWAY, key(provider, command.gateway_id()), transaction)?;
    }
    Ok(())
}

pub(super) fn key(provider: Provider, gateway_id: &str) -> String {
    format!("{}:{gateway_id}", provider.as_str())
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.tenant(id);
    work.decide::<Wallet>(id, command)
}

/// What an admin may do by hand and the system by itself.
trait ByHand {
    /// Notes who did it.
    fn name(&mut self, admin: Uuid);
}

macro_rules! by_hand {
    ($($command:ty),*) => {
        $(impl ByHand for $command {
            fn name(&mut self, admin: Uuid) {
                self.processed_by = Some(admin);
            }
        })*
    };
}

by_hand!(CreditWallet, DebitWallet, ChargeFee, RefundPayment);

/// What moves by a means of payment.
trait ByMethod {
    /// Which one, if one is named.
    fn method(&self) -> Option<Uuid>;
}

impl ByMethod for InitiateDeposit {
    fn method(&self) -> Option<Uuid> {
        self.payment_method_id
    }
}

impl ByMethod for RequestWithdrawal {
    fn method(&self) -> Option<Uuid> {
        self.payment_method_id
    }
}

/// What a gateway confirms.
trait Callback {
    fn transaction(&self) -> Uuid;
    fn gateway_id(&self) -> &str;
    fn provider(&self) -> Option<Provider>;
}

macro_rules! callback {
    ($($command:ty),*) => {
        $(impl Callback for $command {
            fn transaction(&self) -> Uuid {
                self.transaction_id
            }

            fn gateway_id(&self) -> &str {
                &self.gateway_transaction_id
            }

            fn provider(&self) -> Option<Provider> {
                self.gateway_provider
            }
        })*
    };
}

callback!(ConfirmDeposit, ConfirmWithdrawal);

#[cfg(test)]
mod tests;
