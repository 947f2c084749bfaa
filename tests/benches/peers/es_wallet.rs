//! A wallet as one writes it for cqrs-es: the same rules, small state, events as large as ours.

use annals_domain::Amount;
use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The aggregate.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Wallet {
    open: bool,
    frozen: bool,
    balance: Amount,
    daily_limit: Option<Amount>,
    monthly_limit: Option<Amount>,
    spent_today: Amount,
    spent_this_month: Amount,
}

/// What can be asked of it.
#[derive(Debug, Clone)]
pub enum Command {
    /// Money comes in.
    Credit(Amount),
    /// Money goes out.
    Debit(Amount),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::enum_variant_names, reason = "events are named after what they happen to")]
pub enum Event {
    /// It was opened.
    WalletOpened {
        /// With so much.
        balance: Amount,
    },
    /// Money came in.
    WalletCredited(Moved),
    /// Money went out.
    WalletDebited(Moved),
}

/// A movement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    transaction_id: Uuid,
    transaction_type: String,
    amount: Amount,
    currency: String,
    balance: Amount,
    description: Option<String>,
    metadata: std::collections::BTreeMap<String, String>,
    spent_on: String,
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        match self {
            Self::WalletOpened { .. } => "WalletOpened",
            Self::WalletCredited(_) => "WalletCredited",
            Self::WalletDebited(_) => "WalletDebited",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(&'static str);

impl std::fmt::Display for Refused {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.0)
    }
}

impl std::error::Error for Refused {}

impl Wallet {
    fn decide(&self, command: Command) -> Result<Event, Refused> {
        if !self.open {
            return Err(Refused("wallet_not_found"));
        }
        if self.frozen {
            return Err(Refused("wallet_frozen"));
        }
        match command {
            Command::Credit(amount) => {
                let balance = self.balance.plus(amount).ok_or(Refused("too_much"))?;
                Ok(Event::WalletCredited(moved("deposit", amount, balance)))
            }
            Command::Debit(amount) => {
                let balance = self.balance.minus(amount).ok_or(Refused("insufficient_funds"))?;
                let within = |limit: Option<Amount>, spent: Amount| {
                    limit.is_none_or(|limit| spent.plus(amount).is_some_and(|sum| sum <= limit))
                };
                if !within(self.daily_limit, self.spent_today)
                    || !within(self.monthly_limit, self.spent_this_month)
                {
                    return Err(Refused("limit_exceeded"));
                }
                Ok(Event::WalletDebited(moved("withdrawal", amount, balance)))
            }
        }
    }
}

fn moved(kind: &str, amount: Amount, balance: Amount) -> Moved {
    Moved {
        transaction_id: Uuid::now_v7(),
        transaction_type: kind.to_owned(),
        amount,
        currency: "USD".to_owned(),
        balance,
        description: None,
        metadata: std::collections::BTreeMap::new(),
        spent_on: "2026-01-01".to_owned(),
    }
}

impl Aggregate for Wallet {
    const TYPE: &'static str = "wallet";
    type Command = Command;
    type Event = Event;
    type Error = Refused;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refused> {
        let event = self.decide(command)?;
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::WalletOpened { balance } => {
                self.open = true;
                self.balance = balance;
            }
            Event::WalletCredited(moved) => self.balance = moved.balance,
            Event::WalletDebited(moved) => {
                self.balance = moved.balance;
                self.spent_today = self.spent_today.plus(moved.amount).unwrap_or(Amount::MAX);
                self.spent_this_month = self.spent_today;
            }
        }
    }
}

/// What a stream begins with, as its store keeps it.
pub fn opened() -> String {
    let opened = Event::WalletOpened { balance: Amount::from_hundredths(10_000_000) };
    serde_json::to_string(&opened).unwrap_or_default()
}

/// A credit that changes nothing of what is to come, as its store keeps it.
pub fn credited() -> String {
    let balance = Amount::from_hundredths(10_000_000);
    let event = Event::WalletCredited(moved("deposit", Amount::from_hundredths(1_000), balance));
    serde_json::to_string(&event).unwrap_or_default()
}

/// The state after these.
pub fn snapshot() -> String {
    let balance = Amount::from_hundredths(10_000_000);
    serde_json::to_string(&Wallet { open: true, balance, ..Wallet::default() }).unwrap_or_default()
}
