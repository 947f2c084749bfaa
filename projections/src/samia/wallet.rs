//! Wallets and the movements of money in and out of them.

use annals_domain::{Amount, samia::wallet::Event};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    analytics,
    tables::{TRANSACTIONS, USER_WALLETS},
};
use crate::{change::Change, recorded::Recorded, table::imported};

/// What happens to a wallet does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::WalletOpened(opened) => {
            let row = USER_WALLETS.put(recorded.id, opened);
            vec![row.with("created_at", at).with("updated_at", at)]
        }
        Event::WalletCredited(it) => vec![
            completed(recorded, it.transaction_id, it).with("transaction_type", "deposit"),
            balance(recorded, it.balance),
        ],
        Event::WalletDebited(it) => {
            vec![completed(recorded, it.transaction_id, it), balance(recorded, it.balance)]
        }
        Event::FeeCharged(it) => vec![
            completed(recorded, it.transaction_id, it).with("transaction_type", "fee"),
            balance(recorded, it.balance),
        ],
        Event::ReadingPaid(it) => {
            let [day, spent] = analytics::spent(
                recorded.id.parse().unwrap_or_default(),
                it.spent_on,
                it.total_spent,
                it.average_session_value,
            );
            let paid = completed(recorded, it.transaction_id, it)
                .without("total_spent")
                .without("average_session_value")
                .with("transaction_type", "payment");
            vec![paid, balance(recorded, it.balance), day, spent]
        }
        Event::PaymentRefunded(it) => vec![
            completed(recorded, it.transaction_id, it).with("transaction_type", "refund"),
            balance(recorded, it.balance),
        ],
        Event::DepositInitiated(it) => {
            vec![pending(recorded, it.transaction_id, it).with("transaction_type", "deposit")]
        }
        Event::WithdrawalRequested(it) => vec![
            pending(recorded, it.transaction_id, it).with("transaction_type", "withdrawal"),
            balance(recorded, it.balance),
        ],
        Event::FundsDeposited(it) => {
            vec![ended(recorded, it.transaction_id, "completed", it), balance(recorded, it.balance)]
        }
        Event::FundsWithdrawn(it) => {
            vec![ended(recorded, it.transaction_id, "completed", it)]
        }
        Event::TransactionFailed(it) => {
            vec![ended(recorded, it.transaction_id, "failed", ()), balance(recorded, it.balance)]
        }
        Event::TransactionCancelled(it) => {
            vec![ended(recorded, it.transaction_id, "cancelled", ()), balance(recorded, it.balance)]
        }
        Event::TransactionReconciled(it) => {
            let row = TRANSACTIONS.patch(it.transaction_id, ());
            vec![row.with("reconciled", true).with("reconciled_at", at)]
        }
        Event::WalletFrozen(frozen) => vec![changed(recorded, frozen)],
        Event::WalletUnfrozen(unfrozen) => vec![changed(recorded, unfrozen)],
        Event::WalletLimitsSet(limits) => vec![changed(recorded, limits)],
        Event::Imported(row) => imported([&USER_WALLETS, &TRANSACTIONS], row),
    }
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    USER_WALLETS.patch(recorded.id, payload).with("updated_at", recorded.at)
}

fn balance(recorded: &Recorded<'_, Event>, balance: Amount) -> Change {
    changed(recorded, ()).with("balance", balance)
}

/// A transaction that took effect in the event that made it.
fn completed(recorded: &Recorded<'_, Event>, id: Uuid, payload: impl Serialize) -> Change {
    let row = begun(recorded, id, payload);
    row.with("status", "completed").with("completed_at", recorded.at)
}

/// A transaction that a gateway has yet to confirm.
fn pending(recorded: &Recorded<'_, Event>, id: Uuid, payload: impl Serialize) -> Change {
    begun(recorded, id, payload).with("status", "pending").with("completed_at", Value::Null)
}

/// What a row of any new transaction has in common.
fn begun(recorded: &Recorded<'_, Event>, id: Uuid, payload: impl Serialize) -> Change {
    let mut row = own(TRANSACTIONS.put(id, payload))
        .with("user_id", recorded.id)
        .with("gateway_transaction_id", Value::Null)
        .with("gateway_fee", Amount::ZERO)
        .with("created_at", recorded.at)
        .with("reconciled", false)
        .with("reconciled_at", Value::Null);
    // What the event leaves out is not there; no default of the table's may speak for it.
    for column in [
        "gateway_provider",
        "reading_session_id",
        "payment_method_id",
        "description",
        "processed_by",
        "processor_notes",
    ] {
        row.columns.insert_new(column, Value::Null);
    }
    row
}

/// The outcome of a pending transaction.
fn ended(
    recorded: &Recorded<'_, Event>,
    id: Uuid,
    status: &str,
    payload: impl Serialize,
) -> Change {
    let row = own(TRANSACTIONS.patch(id, payload));
    row.with("status", status).with("completed_at", recorded.at)
}

/// Without what an event says of the wallet rather than of the transaction.
fn own(row: Change) -> Change {
    row.without("transaction_id").without("balance").without("spent_on").without("refund_of")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use annals_domain::{
        Decider, Moment,
        samia::{
            money::Currency,
            wallet::{
                CancelTransaction, ChargeFee, Command, ConfirmDeposit, ConfirmWithdrawal,
                CreditWallet, DebitType, DebitWallet, FailTransaction, FreezeWallet,
                InitiateDeposit, OpenWallet, PayForReading, ReconcileTransaction, RefundPayment,
                RequestWithdrawal, SetWalletLimits, UnfreezeWallet, Wallet, WalletDebited,
            },
            words::Object,
        },
        testing::{ADA, day},
    };
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::samia::testing::{NULL, changes, fits, of};

    fn debited() -> WalletDebited {
        WalletDebited {
            transaction_id: Uuid::from_u128(9),
            transaction_type: DebitType::Payment,
            amount: Amount::from_hundredths(700),
            currency: Currency::default(),
            balance: Amount::from_hundredths(300),
            spent_on: day(1).date_naive(),
            description: None,
            metadata: Object::new(),
            processed_by: None,
            processor_notes: None,
        }
    }

    #[test]
    fn a_debit_writes_a_completed_transaction_and_the_balance_after_it() {
        let changes = changes(project, debited());
        let transaction = of(&changes, "transactions");
        fits(transaction);
        assert_eq!(transaction.key["id"], json!(Uuid::from_u128(9)));
        assert_eq!(transaction.columns["transaction_type"], "payment");
        assert_eq!(transaction.columns["status"], "completed");
        assert_eq!(transaction.columns["amount"], "7.00");
        assert_eq!(transaction.columns["gateway_provider"], NULL);
        let wallet = of(&changes, "user_wallets");
        fits(wallet);
        assert_eq!(wallet.key["user_id"], ADA.to_string());
        assert_eq!(wallet.columns["balance"], "3.00");
    }

    /// A wallet that lives through its commands while every change on the way is looked at.
    #[derive(Default)]
    struct Life {
        wallet: Wallet,
        turn: u128,
        types: BTreeSet<String>,
    }

    impl Life {
        /// Says the id of the transaction it led to.
        fn goes_on<C: DeserializeOwned + Into<Command>>(&mut self, command: Value) -> Value {
            self.turn += 1;
            let moment = Moment::new(day(1), ADA, Uuid::from_u128(self.turn));
            let command: C = serde_json::from_value(command).unwrap();
            let mut id = Value::Null;
            for event in self.wallet.decide(command.into(), &moment).unwrap() {
                self.wallet.evolve(&event);
                for change in changes(project, event) {
                    fits(&change);
                    if change.table.name == "transactions" {
                        id = change.key["id"].clone();
                        let kind = change.columns.get("transaction_type");
                        self.types.extend(kind.and_then(Value::as_str).map(str::to_owned));
                    }
                }
            }
            id
        }
    }

    #[test]
    fn whatever_happens_to_a_wallet_fits_its_tables() {
        let mut life = Life::default();
        life.goes_on::<OpenWallet>(json!({}));
        life.goes_on::<CreditWallet>(json!({"amount": "50"}));
        let paid =
            life.goes_on::<DebitWallet>(json!({"amount": "5", "transaction_type": "payment"}));
        life.goes_on::<RefundPayment>(json!({"refund_of": paid}));
        let reading = Uuid::from_u128(0x4ead);
        life.goes_on::<PayForReading>(json!({"amount": "5", "reading_session_id": reading}));
        life.goes_on::<ChargeFee>(json!({"amount": "5"}));
        let asked = json!({"amount": "5", "gateway_provider": "stripe"});
        let id = life.goes_on::<InitiateDeposit>(asked.clone());
        let confirmed = json!({"transaction_id": id, "gateway_transaction_id": "g"});
        life.goes_on::<ConfirmDeposit>(confirmed);
        life.goes_on::<ReconcileTransaction>(json!({"transaction_id": id}));
        let id = life.goes_on::<InitiateDeposit>(asked.clone());
        life.goes_on::<FailTransaction>(json!({"transaction_id": id}));
        let id = life.goes_on::<RequestWithdrawal>(asked.clone());
        let confirmed = json!({"transaction_id": id, "gateway_transaction_id": "g"});
        life.goes_on::<ConfirmWithdrawal>(confirmed);
        let id = life.goes_on::<RequestWithdrawal>(asked);
        life.goes_on::<CancelTransaction>(json!({"transaction_id": id}));
        life.goes_on::<FreezeWallet>(json!({}));
        life.goes_on::<UnfreezeWallet>(json!({}));
        life.goes_on::<SetWalletLimits>(json!({"daily_limit": null}));
        let types: Vec<_> = life.types.iter().map(String::as_str).collect();
        assert_eq!(types, ["deposit", "fee", "payment", "refund", "withdrawal"]);
    }
}
