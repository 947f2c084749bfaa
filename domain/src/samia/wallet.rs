//! A user's wallet: what it holds, what may leave it, and what is under way at a gateway.
//!
//! The command fixes a transaction's type and the type its sign (samia.rule.transaction.sign). Events
//! carry the balance after them. The state is small on purpose: no aggregate is asked more often.

use std::collections::VecDeque;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::rules::opened;
use super::{
    money::{Currency, Provider},
    words::{Object, Text},
};
use crate::{Amount, Decider, Imported, Moment, commands, events, refusals, text};

mod rules;

/// How many transactions of a wallet may be under way at once.
pub const MOST_PENDING: usize = 100;
/// How many payments with something left can be refunded: the latest.
pub const MOST_REFUNDABLE: usize = 500;
/// How many completed gateway transactions can be reconciled: the latest.
pub const MOST_SETTLED: usize = 500;
/// What a wallet lets out in a UTC day unless set otherwise: 1000.00.
pub const DAILY_LIMIT: Amount = Amount::from_hundredths(100_000);
/// What a wallet lets out in a UTC month unless set otherwise: 10000.00.
pub const MONTHLY_LIMIT: Amount = Amount::from_hundredths(1_000_000);

/// What a debit at once is for; either counts against the limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DebitType {
    /// Money that leaves the service.
    #[default]
    Withdrawal,
    /// Money that pays for something and so can be refunded.
    Payment,
}

/// Opens the wallet of a user. (samia.command.OpenWallet)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenWallet {
    /// The currency of all its money; `USD` where none is given.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// Puts money into a wallet at once: a completed deposit. (samia.command.CreditWallet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditWallet {
    /// How much.
    pub amount: Amount,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What it is about, for the owner.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
    /// What the admin who does it by hand notes about it.
    #[serde(default)]
    pub processor_notes: Option<String>,
    /// The admin who does it by hand; the handler sets it.
    #[serde(skip)]
    pub processed_by: Option<Uuid>,
}

/// Takes money out of a wallet at once: a completed withdrawal or payment. (samia.command.DebitWallet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DebitWallet {
    /// How much.
    pub amount: Amount,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What it is for.
    #[serde(default)]
    pub transaction_type: DebitType,
    /// What it is about, for the owner.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
    /// What the admin who does it by hand notes about it.
    #[serde(default)]
    pub processor_notes: Option<String>,
    /// The admin who does it by hand; the handler sets it.
    #[serde(skip)]
    pub processed_by: Option<Uuid>,
}

/// Takes a fee, which no limit bounds. (samia.command.ChargeFee)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeFee {
    /// How much.
    pub amount: Amount,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What it is about, for the owner.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
    /// What the admin who does it by hand notes about it.
    #[serde(default)]
    pub processor_notes: Option<String>,
    /// The admin who does it by hand; the handler sets it.
    #[serde(skip)]
    pub processed_by: Option<Uuid>,
}

/// Pays for a reading. (samia.command.PayForReading)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PayForReading {
    /// The owner's own reading.
    pub reading_session_id: Uuid,
    /// How much.
    pub amount: Amount,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
}

/// Gives a payment back, whole or in part. (samia.command.RefundPayment)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundPayment {
    /// The payment's transaction.
    pub refund_of: Uuid,
    /// How much; all that is left of it where nothing is given.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What it is about, for the owner.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it; `refund_of` is added.
    #[serde(default)]
    pub metadata: Option<Object>,
    /// What the admin who does it by hand notes about it.
    #[serde(default)]
    pub processor_notes: Option<String>,
    /// The admin who does it by hand; the handler sets it.
    #[serde(skip)]
    pub processed_by: Option<Uuid>,
}

/// Announces money that a gateway is to bring. (samia.command.InitiateDeposit)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitiateDeposit {
    /// How much.
    pub amount: Amount,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Who brings it.
    pub gateway_provider: Provider,
    /// The means of payment: one of the user's own, verified and not removed.
    #[serde(default)]
    pub payment_method_id: Option<Uuid>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
}

/// The gateway has brought the money. (samia.command.ConfirmDeposit)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmDeposit {
    /// The pending transaction.
    pub transaction_id: Uuid,
    /// The gateway's name for it.
    pub gateway_transaction_id: Text<255>,
    /// The gateway that calls back, if it is to be checked.
    #[serde(default)]
    pub gateway_provider: Option<Provider>,
    /// What the gateway kept for itself; nothing where it is left out.
    #[serde(default)]
    pub gateway_fee: Option<Amount>,
}

/// Asks a gateway to bring money out; it leaves the wallet now. (samia.command.RequestWithdrawal)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestWithdrawal {
    /// How much.
    pub amount: Amount,
    /// The wallet's currency, if it is to be checked.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Who brings it out.
    pub gateway_provider: Provider,
    /// The means of payment: one of the user's own, verified and not removed.
    #[serde(default)]
    pub payment_method_id: Option<Uuid>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Option<Object>,
}

/// The gateway has brought the money out. (samia.command.ConfirmWithdrawal)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmWithdrawal {
    /// The pending transaction.
    pub transaction_id: Uuid,
    /// The gateway's name for it.
    pub gateway_transaction_id: Text<255>,
    /// The gateway that calls back, if it is to be checked.
    #[serde(default)]
    pub gateway_provider: Option<Provider>,
    /// What the gateway kept for itself; nothing where it is left out.
    #[serde(default)]
    pub gateway_fee: Option<Amount>,
}

/// The gateway could not do it; a withdrawal comes back. (samia.command.FailTransaction)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailTransaction {
    /// The pending transaction.
    pub transaction_id: Uuid,
}

/// Calls off what is still pending; a withdrawal comes back. (samia.command.CancelTransaction)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelTransaction {
    /// The pending transaction.
    pub transaction_id: Uuid,
}

/// Marks a completed gateway transaction as found in the gateway's books. (samia.command.ReconcileTransaction)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileTransaction {
    /// The completed transaction.
    pub transaction_id: Uuid,
}

/// Stops new movements, refunds excepted. (samia.command.FreezeWallet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeWallet {}

/// Lets a frozen wallet move money again. (samia.command.UnfreezeWallet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnfreezeWallet {}

/// Sets how much may leave the wallet; what is left out stays, null lifts. (samia.command.SetWalletLimits)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWalletLimits {
    /// For a UTC day.
    #[serde(default, deserialize_with = "text::some")]
    pub daily_limit: Option<Option<Amount>>,
    /// For a UTC month.
    #[serde(default, deserialize_with = "text::some")]
    pub monthly_limit: Option<Option<Amount>>,
}

commands! {
    /// What may be asked of a wallet.
    pub enum Command {
        OpenWallet, CreditWallet, DebitWallet, ChargeFee, PayForReading, RefundPayment, InitiateDeposit,
        ConfirmDeposit, RequestWithdrawal, ConfirmWithdrawal, FailTransaction, CancelTransaction,
        ReconcileTransaction, FreezeWallet, UnfreezeWallet, SetWalletLimits,
    }
}

/// A wallet was opened. (samia.event.WalletOpened)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletOpened {
    /// The row's own id; the stream's is the user's.
    pub id: Uuid,
    /// What it holds.
    pub balance: Amount,
    /// The currency of all its money.
    pub currency: Currency,
    /// What may leave it in a UTC day.
    pub daily_limit: Option<Amount>,
    /// What may leave it in a UTC month.
    pub monthly_limit: Option<Amount>,
    /// Whether it is frozen.
    pub is_frozen: bool,
}

/// Money came in at once. (samia.event.WalletCredited)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletCredited {
    /// The completed deposit.
    pub transaction_id: Uuid,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What the wallet holds now.
    pub balance: Amount,
    /// What it is about, for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Object,
    /// The admin who did it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_by: Option<Uuid>,
    /// What the admin notes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor_notes: Option<String>,
}

/// Money went out at once. (samia.event.WalletDebited)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletDebited {
    /// The completed withdrawal or payment.
    pub transaction_id: Uuid,
    /// What it was for.
    pub transaction_type: DebitType,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What the wallet holds now.
    pub balance: Amount,
    /// The UTC day against whose limits it counts.
    pub spent_on: NaiveDate,
    /// What it is about, for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Object,
    /// The admin who did it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_by: Option<Uuid>,
    /// What the admin notes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor_notes: Option<String>,
}

/// A fee was taken. (samia.event.FeeCharged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeeCharged {
    /// The completed fee.
    pub transaction_id: Uuid,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What the wallet holds now.
    pub balance: Amount,
    /// What it is about, for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Object,
    /// The admin who did it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_by: Option<Uuid>,
    /// What the admin notes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor_notes: Option<String>,
}

/// A reading was paid for. (samia.event.ReadingPaid)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingPaid {
    /// The completed payment.
    pub transaction_id: Uuid,
    /// The reading.
    pub reading_session_id: Uuid,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What the wallet holds now.
    pub balance: Amount,
    /// The UTC day against whose limits it counts.
    pub spent_on: NaiveDate,
    /// What was paid for readings that day.
    pub total_spent: Amount,
    /// The same for each payment of that day.
    pub average_session_value: Amount,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Object,
}

/// A payment was given back, whole or in part. (samia.event.PaymentRefunded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The completed refund.
    pub transaction_id: Uuid,
    /// The payment it gives back.
    pub refund_of: Uuid,
    /// The reading that was paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading_session_id: Option<Uuid>,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What the wallet holds now.
    pub balance: Amount,
    /// What it is about, for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it, with `refund_of`.
    #[serde(default)]
    pub metadata: Object,
    /// The admin who did it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_by: Option<Uuid>,
    /// What the admin notes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor_notes: Option<String>,
}

/// A deposit is under way. (samia.event.DepositInitiated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepositInitiated {
    /// The pending deposit.
    pub transaction_id: Uuid,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Who brings it.
    pub gateway_provider: Provider,
    /// The means of payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<Uuid>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Object,
}

/// A deposit arrived. (samia.event.FundsDeposited)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FundsDeposited {
    /// The deposit.
    pub transaction_id: Uuid,
    /// The gateway's name for it.
    pub gateway_transaction_id: Text<255>,
    /// What the gateway kept for itself.
    pub gateway_fee: Amount,
    /// What the wallet holds now.
    pub balance: Amount,
}

/// A withdrawal is under way and its money has left the wallet. (samia.event.WithdrawalRequested)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalRequested {
    /// The pending withdrawal.
    pub transaction_id: Uuid,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What the wallet holds now.
    pub balance: Amount,
    /// The UTC day against whose limits it counts.
    pub spent_on: NaiveDate,
    /// Who brings it out.
    pub gateway_provider: Provider,
    /// The means of payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<Uuid>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What programs note about it.
    #[serde(default)]
    pub metadata: Object,
}

/// A withdrawal arrived outside. (samia.event.FundsWithdrawn)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FundsWithdrawn {
    /// The withdrawal.
    pub transaction_id: Uuid,
    /// The gateway's name for it.
    pub gateway_transaction_id: Text<255>,
    /// What the gateway kept for itself.
    pub gateway_fee: Amount,
}

/// The gateway could not do it. (samia.event.TransactionFailed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TransactionFailed {
    /// The transaction.
    pub transaction_id: Uuid,
    /// What the wallet holds now.
    pub balance: Amount,
}

/// The owner called it off. (samia.event.TransactionCancelled)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TransactionCancelled {
    /// The transaction.
    pub transaction_id: Uuid,
    /// What the wallet holds now.
    pub balance: Amount,
}

/// A transaction was found in the gateway's books. (samia.event.TransactionReconciled)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TransactionReconciled {
    /// The transaction.
    pub transaction_id: Uuid,
}

/// New movements are stopped. (samia.event.WalletFrozen)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletFrozen {
    /// Always true.
    pub is_frozen: bool,
}

/// Money moves again. (samia.event.WalletUnfrozen)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletUnfrozen {
    /// Always false.
    pub is_frozen: bool,
}

/// What may leave the wallet changed. (samia.event.WalletLimitsSet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WalletLimitsSet {
    /// For a UTC day from now on.
    pub daily_limit: Option<Amount>,
    /// For a UTC month from now on.
    pub monthly_limit: Option<Amount>,
}

events! {
    /// What happens to a wallet.
    pub enum Event {
        WalletOpened,
        WalletCredited { description: null, processor_notes: null },
        WalletDebited { description: null, processor_notes: null },
        FeeCharged { description: null, processor_notes: null },
        ReadingPaid { description: null },
        PaymentRefunded { description: null, processor_notes: null },
        DepositInitiated { description: null },
        FundsDeposited,
        WithdrawalRequested { description: null },
        FundsWithdrawn,
        TransactionFailed,
        TransactionCancelled,
        TransactionReconciled,
        WalletFrozen,
        WalletUnfrozen,
        WalletLimitsSet,
    }
    Imported {
        WalletImported from user_wallets at [user_id],
        TransactionImported from transactions at [user_id] { description: null, processor_notes: null },
    }
}

refusals! {
    /// What a wallet refuses.
    pub enum Refusal {
        /// samia.rule.wallet.one
        WalletAlreadyOpen => "this user has a wallet already";
        /// samia.rule.wallet.exists
        WalletNotFound => "this user has no wallet", hint "it is opened when the user registers";
        /// samia.rule.wallet.funds
        InsufficientFunds { balance: Amount } => "the balance is {balance}", at "amount";
        /// samia.rule.wallet.frozen
        WalletFrozen => "the wallet is frozen", hint "an admin can unfreeze it";
        /// samia.rule.wallet.daily_limit
        DailyLimitExceeded { limit: Amount, left: Amount } => "of {limit} a day, {left} is left today", at "amount";
        /// samia.rule.wallet.monthly_limit
        MonthlyLimitExceeded { limit: Amount, left: Amount } => "of {limit} a month, {left} is left this month", at "amount";
        /// samia.rule.wallet.currency
        CurrencyMismatch { currency: Currency } => "the wallet is in {currency}, and currencies are never converted", at "currency";
        /// samia.rule.transaction.amount
        AmountNotPositive => "an amount is more than zero", at "amount";
        /// What the column holds (samia.user_wallets.balance).
        BalanceTooLarge { most: Amount } => "a wallet holds at most {most}", at "amount";
        /// samia.rule.transaction.states
        TransactionNotPending => "no transaction of this id is pending in this wallet", at "transaction_id";
        /// samia.rule.transaction.gateway_once, where the same payment is claimed for two transactions.
        GatewayTransactionTaken => "this gateway payment belongs to another transaction", at "gateway_transaction_id";
        /// The callback comes from another gateway than the transaction went to.
        GatewayMismatch => "the transaction went to another gateway", at "gateway_provider";
        /// A gateway keeps nothing or something.
        GatewayFeeNegative => "a fee is not negative", at "gateway_fee";
        /// samia.rule.transaction.refund
        RefundExceedsPayment { left: Amount } => "of this payment, {left} is left to refund", at "amount";
        /// samia.rule.transaction.method
        PaymentMethodNotUsable => "this is none of the user's own means of payment, verified and not removed", at "payment_method_id";
        /// It is another's, or called off.
        ReadingNotPayable => "this is no reading of the owner's that can be paid for", at "reading_session_id";
        /// samia.ops.reconciliation
        TransactionNotCompleted => "no completed gateway transaction of this id is to be reconciled", at "transaction_id";
        /// What is under way at once is bounded.
        TooManyPending { most: usize } => "at most {most} transactions are pending at once", hint "cancel one, or wait for the gateway";
        /// A limit bounds what leaves, so it is zero or more.
        LimitNegative { field: &'static str } => "{field} is not negative", of field;
    }
}

/// A wallet, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wallet {
    open: bool,
    frozen: bool,
    currency: Currency,
    balance: Amount,
    daily_limit: Option<Amount>,
    monthly_limit: Option<Amount>,
    spent: Spent,
    readings: Readings,
    pending: Vec<Pending>,
    settled: VecDeque<Settled>,
    payments: VecDeque<Payment>,
}

/// What left the wallet on the latest day on which anything did, and in that day's month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Spent {
    day: NaiveDate,
    today: Amount,
    this_month: Amount,
}

/// What was paid for readings on the latest day on which any was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Readings {
    day: NaiveDate,
    payments: i64,
    sum: Amount,
}

/// What a gateway has yet to confirm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pending {
    id: Uuid,
    amount: Amount,
    provider: Provider,
    /// The day of a withdrawal; a deposit has none.
    spent_on: Option<NaiveDate>,
}

/// A gateway transaction that went through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settled {
    id: Uuid,
    reconciled: bool,
}

/// A payment of which something is left to refund.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Payment {
    id: Uuid,
    reading: Option<Uuid>,
    left: Amount,
}

impl Decider for Wallet {
    const TYPE: &'static str = "samia.wallet";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if !self.open {
            return match command {
                Command::OpenWallet(open) => Ok(vec![opened(&open, moment).into()]),
                _ => Err(Refusal::WalletNotFound),
            };
        }
        match command {
            Command::OpenWallet(_) => Err(Refusal::WalletAlreadyOpen),
            Command::CreditWallet(credit) => self.credit(credit, moment),
            Command::DebitWallet(debit) => self.debit(debit, moment),
            Command::ChargeFee(fee) => self.fee(fee, moment),
            Command::PayForReading(pay) => self.pay(pay, moment),
            Command::RefundPayment(refund) => self.refund(refund, moment),
            Command::InitiateDeposit(deposit) => self.deposit(deposit, moment),
            Command::RequestWithdrawal(withdrawal) => self.withdraw(withdrawal, moment),
            Command::ConfirmDeposit(callback) => self.deposited(callback),
            Command::ConfirmWithdrawal(callback) => self.withdrawn(callback),
            Command::FailTransaction(FailTransaction { transaction_id }) => {
                let balance = self.called_off(transaction_id)?;
                Ok(vec![TransactionFailed { transaction_id, balance }.into()])
            }
            Command::CancelTransaction(CancelTransaction { transaction_id }) => {
                let balance = self.called_off(transaction_id)?;
                Ok(vec![TransactionCancelled { transaction_id, balance }.into()])
            }
            Command::ReconcileTransaction(reconcile) => self.reconcile(&reconcile),
            Command::FreezeWallet(_) if self.frozen => Ok(vec![]),
            Command::FreezeWallet(_) => Ok(vec![WalletFrozen { is_frozen: true }.into()]),
            Command::UnfreezeWallet(_) if !self.frozen => Ok(vec![]),
            Command::UnfreezeWallet(_) => Ok(vec![WalletUnfrozen { is_frozen: false }.into()]),
            Command::SetWalletLimits(limits) => self.limit(&limits),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::WalletOpened(opened) => {
                self.open = true;
                self.frozen = opened.is_frozen;
                self.currency = opened.currency;
                self.balance = opened.balance;
                self.daily_limit = opened.daily_limit;
                self.monthly_limit = opened.monthly_limit;
            }
            Event::WalletCredited(credited) => self.balance = credited.balance,
            Event::WalletDebited(debited) => {
                self.balance = debited.balance;
                self.spent.add(debited.amount, debited.spent_on);
                if debited.transaction_type == DebitType::Payment {
                    self.paid(debited.transaction_id, None, debited.amount);
                }
            }
            Event::ReadingPaid(it) => {
                self.balance = it.balance;
                self.spent.add(it.amount, it.spent_on);
                self.readings = self.readings.and(it.amount, it.spent_on);
                self.paid(it.transaction_id, Some(it.reading_session_id), it.amount);
            }
            Event::FeeCharged(charged) => self.balance = charged.balance,
            Event::PaymentRefunded(refunded) => {
                self.balance = refunded.balance;
                self.gave_back(refunded.refund_of, refunded.amount);
            }
            Event::DepositInitiated(it) => self.pending.push(Pending {
                id: it.transaction_id,
                amount: it.amount,
                provider: it.gateway_provider,
                spent_on: None,
            }),
            Event::WithdrawalRequested(it) => {
                self.balance = it.balance;
                self.spent.add(it.amount, it.spent_on);
                self.pending.push(Pending {
                    id: it.transaction_id,
                    amount: it.amount,
                    provider: it.gateway_provider,
                    spent_on: Some(it.spent_on),
                });
            }
            Event::FundsDeposited(deposited) => {
                self.balance = deposited.balance;
                self.settle(deposited.transaction_id);
            }
            Event::FundsWithdrawn(withdrawn) => self.settle(withdrawn.transaction_id),
            Event::TransactionFailed(failed) => {
                self.balance = failed.balance;
                self.drop_pending(failed.transaction_id);
            }
            Event::TransactionCancelled(cancelled) => {
                self.balance = cancelled.balance;
                self.drop_pending(cancelled.transaction_id);
            }
            Event::TransactionReconciled(reconciled) => {
                let found = self.settled.iter_mut().find(|it| it.id == reconciled.transaction_id);
                if let Some(settled) = found {
                    settled.reconciled = true;
                }
            }
            Event::WalletFrozen(_) => self.frozen = true,
            Event::WalletUnfrozen(_) => self.frozen = false,
            Event::WalletLimitsSet(limits) => {
                self.daily_limit = limits.daily_limit;
                self.monthly_limit = limits.monthly_limit;
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
