//! What a family pays with, and its subscription: tried, started, renewed, past due, cancelled, expired.
//! Holds the provider's tokens and never a card's number. (nestsync.aggregate.Billing, stream: family id)

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Months, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::is_filled;
use crate::{Decider, Imported, Moment, commands, events, refusals};

mod rules;

/// How long a trial lasts.
pub const TRIAL_DAYS: i64 = 30;

/// The largest price a column of `integer` holds.
const LARGEST_PRICE: u32 = i32::MAX.unsigned_abs();

/// How it is paid (nestsync.payment_methods.method_type).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodType {
    /// By card.
    Card,
    /// From a bank account.
    BankAccount,
    /// From a wallet on a device.
    DigitalWallet,
}

/// How often it is paid (nestsync.subscriptions.billing_interval).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BillingInterval {
    /// Every month.
    Month,
    /// Every year.
    Year,
}

impl BillingInterval {
    fn after(self, start: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
        let months = match self {
            Self::Month => 1,
            Self::Year => 12,
        };
        start.checked_add_months(Months::new(months)).ok_or(Refusal::PeriodInvalid)
    }
}

/// What is subscribed to (nestsync.subscriptions.plan).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// The only one there is.
    Premium,
}

/// Where a subscription stands (nestsync.subscriptions.status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On trial.
    Trialing,
    /// Paid.
    Active,
    /// Not paid in time.
    PastDue,
    /// Ended as it was wished.
    Cancelled,
    /// Ended because nobody paid.
    Expired,
}

/// Adds a means of payment of the actor's. (nestsync.command.AddPaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPaymentMethod {
    /// How it is paid.
    pub method_type: MethodType,
    /// Who holds what the token stands for.
    pub provider: String,
    /// The provider's token.
    pub provider_method_id: String,
    /// The card's brand.
    #[serde(default)]
    pub brand: Option<String>,
    /// The last four digits of the card's number.
    #[serde(default)]
    pub last_four: Option<String>,
    /// The month of expiry, 1 to 12.
    #[serde(default)]
    pub expiry_month: Option<u8>,
    /// The year of expiry, four digits.
    #[serde(default)]
    pub expiry_year: Option<u16>,
}

/// Chooses what is paid with. (nestsync.command.ChooseDefaultPaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseDefaultPaymentMethod {
    /// Which.
    pub payment_method_id: Uuid,
}

/// Removes a means of payment. (nestsync.command.RemovePaymentMethod)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovePaymentMethod {
    /// Which.
    pub payment_method_id: Uuid,
}

/// Starts the family's one trial. (nestsync.command.StartTrial)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartTrial {
    /// How often it will be paid.
    pub billing_interval: BillingInterval,
    /// What it will cost an interval, in cents.
    pub price_cents: u32,
    /// Three letters (ISO 4217); `CAD` if absent.
    #[serde(default)]
    pub currency: Option<String>,
    /// What it will be paid with.
    #[serde(default)]
    pub payment_method_id: Option<Uuid>,
}

/// Starts a subscription, or makes one of the trial. (nestsync.command.StartSubscription)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSubscription {
    /// How often it is paid.
    pub billing_interval: BillingInterval,
    /// What it costs an interval, in cents.
    pub price_cents: u32,
    /// Three letters (ISO 4217); `CAD` if absent.
    #[serde(default)]
    pub currency: Option<String>,
    /// What it is paid with; if absent, what the trial named, or the default means of payment.
    #[serde(default)]
    pub payment_method_id: Option<Uuid>,
    /// Who collects the money.
    #[serde(default)]
    pub provider: Option<String>,
    /// The provider's id of the subscription.
    #[serde(default)]
    pub provider_subscription_id: Option<String>,
}

/// Reports that the next period is paid. (nestsync.command.RenewSubscription)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewSubscription {
    /// When it begins; with the end of the present one, if absent.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub current_period_start: Option<DateTime<Utc>>,
    /// When it ends; an interval later, if absent.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub current_period_end: Option<DateTime<Utc>>,
}

/// Reports that the next period is not paid. (nestsync.command.MarkSubscriptionPastDue)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkSubscriptionPastDue {}

/// Ends the subscription with its period. (nestsync.command.CancelSubscription)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelSubscription {}

/// Takes a cancellation back. (nestsync.command.ResumeSubscription)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeSubscription {}

/// Ends a subscription as it was wished. (nestsync.command.EndSubscription)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSubscription {}

/// Ends a subscription that nobody paid. (nestsync.command.ExpireSubscription)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireSubscription {}

commands! {
    /// What may be asked of a family's billing.
    pub enum Command {
        AddPaymentMethod,
        ChooseDefaultPaymentMethod,
        RemovePaymentMethod,
        StartTrial,
        StartSubscription,
        RenewSubscription,
        MarkSubscriptionPastDue,
        CancelSubscription,
        ResumeSubscription,
        EndSubscription,
        ExpireSubscription,
    }
}

/// A means of payment was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodAdded {
    /// Its id.
    pub payment_method_id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// How it is paid.
    pub method_type: MethodType,
    /// Who holds what the token stands for.
    pub provider: String,
    /// The provider's token.
    pub provider_method_id: String,
    /// The card's brand.
    pub brand: Option<String>,
    /// The last four digits.
    pub last_four: Option<String>,
    /// The month of expiry.
    pub expiry_month: Option<u8>,
    /// The year of expiry.
    pub expiry_year: Option<u16>,
    /// Whether the family pays with it: the first one is the default.
    pub is_default: bool,
}

/// The family pays with another means from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DefaultPaymentMethodChosen {
    /// Which.
    pub payment_method_id: Uuid,
    /// Which it was before.
    pub former_payment_method_id: Option<Uuid>,
}

/// A means of payment was removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentMethodRemoved {
    /// Its id.
    pub payment_method_id: Uuid,
    /// False.
    pub is_default: bool,
    /// When.
    pub deleted_at: DateTime<Utc>,
}

/// The family's trial began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialStarted {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// Who started it.
    pub payer_id: Uuid,
    /// What it will be paid with.
    pub payment_method_id: Option<Uuid>,
    /// What is subscribed to.
    pub plan: Plan,
    /// How often it will be paid.
    pub billing_interval: BillingInterval,
    /// What it will cost an interval, in cents.
    pub price_cents: u32,
    /// Three letters.
    pub currency: String,
    /// On trial.
    pub status: Status,
    /// When the trial ends.
    pub trial_ends_at: DateTime<Utc>,
    /// When the period began.
    pub current_period_start: DateTime<Utc>,
    /// When it ends.
    pub current_period_end: DateTime<Utc>,
    /// False.
    pub cancel_at_period_end: bool,
}

/// A subscription began, perhaps out of the trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionStarted {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// Whether it was the trial.
    pub from_trial: bool,
    /// Who started it.
    pub payer_id: Uuid,
    /// What it is paid with.
    pub payment_method_id: Option<Uuid>,
    /// What is subscribed to.
    pub plan: Plan,
    /// How often it is paid.
    pub billing_interval: BillingInterval,
    /// What it costs an interval, in cents.
    pub price_cents: u32,
    /// Three letters.
    pub currency: String,
    /// Active.
    pub status: Status,
    /// When the period began.
    pub current_period_start: DateTime<Utc>,
    /// When it ends.
    pub current_period_end: DateTime<Utc>,
    /// Who collects the money.
    pub provider: Option<String>,
    /// The provider's id of the subscription.
    pub provider_subscription_id: Option<String>,
}

/// The next period is paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionRenewed {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// Active.
    pub status: Status,
    /// When the period begins.
    pub current_period_start: DateTime<Utc>,
    /// When it ends.
    pub current_period_end: DateTime<Utc>,
}

/// The next period is not paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionPastDue {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// Past due.
    pub status: Status,
}

/// The subscription is to end with its period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionCancellationRequested {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// True.
    pub cancel_at_period_end: bool,
    /// When that was wished.
    pub cancelled_at: Option<DateTime<Utc>>,
}

/// The subscription is to go on after all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionResumed {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// False.
    pub cancel_at_period_end: bool,
    /// Nothing.
    pub cancelled_at: Option<DateTime<Utc>>,
}

/// The subscription ended as it was wished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionCancelled {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// Cancelled.
    pub status: Status,
    /// When.
    pub ended_at: DateTime<Utc>,
}

/// The subscription ended because nobody paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionExpired {
    /// The subscription's id.
    pub subscription_id: Uuid,
    /// Expired.
    pub status: Status,
    /// When.
    pub ended_at: DateTime<Utc>,
}

events! {
    /// What happens to a family's billing.
    pub enum Event {
        PaymentMethodAdded of user_id {
            provider_method_id: text,
            brand: null,
            last_four: null,
            expiry_month: null,
            expiry_year: null,
        },
        DefaultPaymentMethodChosen,
        PaymentMethodRemoved,
        TrialStarted,
        SubscriptionStarted,
        SubscriptionRenewed,
        SubscriptionPastDue,
        SubscriptionCancellationRequested,
        SubscriptionResumed,
        SubscriptionCancelled,
        SubscriptionExpired,
    }
    Imported {
        PaymentMethodImported from payment_methods at [family_id] of [user_id] {
            provider_method_id: text, brand: null, last_four: null, expiry_month: null,
            expiry_year: null,
        },
        SubscriptionImported from subscriptions at [family_id],
    }
}

refusals! {
    /// What a family's billing refuses.
    pub enum Refusal {
        /// nestsync.rule.subscription.states
        SubscriptionTransitionRefused => "the family's subscription, if it has one, cannot become that";
        /// nestsync.rule.subscription.one_live
        SubscriptionExists => "a family has one subscription at a time, and one trial ever";
        /// nestsync.rule.payment.token_only
        RawCardRefused => "this is a card's number; only the provider's token is accepted", at "provider_method_id",
            hint "exchange the card for a token with the provider first";
        /// nestsync.rule.payment.default
        PaymentMethodInUse => "the subscription is paid with this", hint "cancel the subscription first";
        /// No such means of payment, or it was removed.
        PaymentMethodUnknown => "the family has no such means of payment", at "payment_method_id";
        /// A token and its provider say something.
        TokenBlank => "a provider and its token are needed", at "provider_method_id";
        /// nestsync.payment_methods.last_four.check
        LastFourInvalid => "four digits are expected", at "last_four";
        /// nestsync.payment_methods.expiry_month.check
        ExpiryInvalid => "a month from 1 to 12 and a year of four digits are expected", at "expiry_month";
        /// nestsync.subscriptions.price_cents.check
        PriceInvalid => "the price is more than can be kept", at "price_cents";
        /// A currency is three letters.
        CurrencyUnknown => "a currency is three letters, such as CAD", at "currency";
        /// nestsync.subscriptions.period.check
        PeriodInvalid => "a period ends after it begins", at "current_period_end";
    }
}

/// The subscription that is trialing, active or past due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// What it is paid with.
    pub payment_method_id: Option<Uuid>,
    /// How often it is paid.
    pub billing_interval: BillingInterval,
    /// When its period, or trial, ends.
    pub current_period_end: DateTime<Utc>,
    /// Whether it is to end then.
    pub cancel_at_period_end: bool,
}

/// What decisions need to know of a family's billing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Billing {
    /// Means of payment that are not removed.
    pub payment_methods: BTreeSet<Uuid>,
    /// What the family pays with.
    pub default: Option<Uuid>,
    /// The subscription, if one is live.
    pub live: Option<Live>,
    /// Whether the trial is used.
    pub trial_used: bool,
}

impl Decider for Billing {
    const TYPE: &'static str = "nestsync.billing";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::AddPaymentMethod(new) => self.add(new, moment),
            Command::ChooseDefaultPaymentMethod(choice) => self.choose(choice.payment_method_id),
            Command::RemovePaymentMethod(remove) => self.remove(remove.payment_method_id, moment),
            Command::StartTrial(new) => self.start_trial(new, moment),
            Command::StartSubscription(new) => self.start(new, moment),
            Command::RenewSubscription(period) => self.renew(&period),
            Command::MarkSubscriptionPastDue(_) => self.past_due(),
            Command::CancelSubscription(_) => self.cancel(moment),
            Command::ResumeSubscription(_) => self.resume(),
            Command::EndSubscription(_) => {
                let (subscription_id, status) = (self.live()?.id, Status::Cancelled);
                Ok(vec![
                    SubscriptionCancelled { subscription_id, status, ended_at: moment.now }.into(),
                ])
            }
            Command::ExpireSubscription(_) => self.expire(moment),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::PaymentMethodAdded(added) => {
                self.payment_methods.insert(added.payment_method_id);
                if added.is_default {
                    self.default = Some(added.payment_method_id);
                }
            }
            Event::DefaultPaymentMethodChosen(chosen) => {
                self.default = Some(chosen.payment_method_id);
            }
            Event::PaymentMethodRemoved(removed) => {
                self.payment_methods.remove(&removed.payment_method_id);
                self.default = self.default.filter(|id| *id != removed.payment_method_id);
            }
            Event::TrialStarted(trial) => {
                self.trial_used = true;
                self.live = Some(Live {
                    id: trial.subscription_id,
                    status: trial.status,
                    payment_method_id: trial.payment_method_id,
                    billing_interval: trial.billing_interval,
                    current_period_end: trial.current_period_end,
                    cancel_at_period_end: trial.cancel_at_period_end,
                });
            }
            Event::SubscriptionStarted(started) => self.started(started),
            Event::SubscriptionRenewed(renewed) => {
                if let Some(live) = &mut self.live {
                    live.status = renewed.status;
                    live.current_period_end = renewed.current_period_end;
                }
            }
            Event::SubscriptionPastDue(SubscriptionPastDue { status, .. }) => {
                if let Some(live) = &mut self.live {
                    live.status = *status;
                }
            }
            Event::SubscriptionCancellationRequested(SubscriptionCancellationRequested {
                cancel_at_period_end,
                ..
            })
            | Event::SubscriptionResumed(SubscriptionResumed { cancel_at_period_end, .. }) => {
                if let Some(live) = &mut self.live {
                    live.cancel_at_period_end = *cancel_at_period_end;
                }
            }
            Event::SubscriptionCancelled(_) | Event::SubscriptionExpired(_) => self.live = None,
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
