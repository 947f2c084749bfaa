//! How a wallet decides, and what it counts against its limits.

use super::*;

impl Wallet {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
        if row.table() == "transactions" {
            return self.moved(row);
        }
        self.open = true;
        self.frozen = row.or_default("is_frozen");
        self.currency = row.or_default("currency");
        self.balance = row.or_default("balance");
        self.daily_limit = row.get("daily_limit");
        self.monthly_limit = row.get("monthly_limit");
    }

    /// Money that moved before the log was: what limits, refunds and confirmations go by.
    pub(super) fn moved(&mut self, row: &Imported) {
        let (id, amount): (Uuid, Amount) = (row.or_default("id"), row.or_default("amount"));
        let kind: String = row.or_default("transaction_type");
        let status: String = row.or_default("status");
        let day = row.or_default::<DateTime<Utc>>("created_at").date_naive();
        let leaves = kind == "payment" || kind == "withdrawal";
        if leaves && (status == "completed" || status == "pending") {
            self.spent.add(amount, day);
        }
        match (status.as_str(), row.get("gateway_provider")) {
            ("pending", Some(provider)) => {
                let spent_on = leaves.then_some(day);
                self.pending.push(Pending { id, amount, provider, spent_on });
            }
            ("completed", Some(_)) => {
                self.settle(id);
                if row.or_default("reconciled")
                    && let Some(settled) = self.settled.back_mut()
                {
                    settled.reconciled = true;
                }
            }
            _ => {}
        }
        if status != "completed" {
            return;
        }
        match kind.as_str() {
            "payment" => {
                let reading = row.get("reading_session_id");
                if reading.is_some() {
                    self.readings = self.readings.and(amount, day);
                }
                self.paid(id, reading, amount);
            }
            "refund" => {
                let noted = row.get::<Object>("metadata").unwrap_or_default();
                let refund_of = noted.get("refund_of").and_then(serde_json::Value::as_str);
                if let Some(payment) = refund_of.and_then(|id| id.parse().ok()) {
                    self.gave_back(payment, amount);
                }
            }
            _ => {}
        }
    }
}

/// What it decides.
impl Wallet {
    /// The gateway that a pending transaction went to.
    #[must_use]
    pub fn provider(&self, transaction: Uuid) -> Option<Provider> {
        self.pending.iter().find(|pending| pending.id == transaction).map(|it| it.provider)
    }

    /// The payments for a reading of which something is left to refund.
    pub fn payments_for(&self, reading: Uuid) -> impl Iterator<Item = Uuid> {
        let paid = self.payments.iter().filter(move |payment| payment.reading == Some(reading));
        paid.map(|payment| payment.id)
    }

    /// What every new movement must pass.
    pub(super) fn movable(
        &self,
        amount: Amount,
        currency: Option<Currency>,
    ) -> Result<(), Refusal> {
        if !amount.is_positive() {
            return Err(Refusal::AmountNotPositive);
        }
        if currency.is_some_and(|currency| currency != self.currency) {
            return Err(Refusal::CurrencyMismatch { currency: self.currency });
        }
        Ok(())
    }

    /// What every new movement but a refund must pass besides (samia.rule.wallet.frozen).
    pub(super) fn thawed(&self) -> Result<(), Refusal> {
        if self.frozen { Err(Refusal::WalletFrozen) } else { Ok(()) }
    }

    /// The balance once this came in.
    pub(super) fn with(&self, amount: Amount) -> Result<Amount, Refusal> {
        self.balance.plus(amount).ok_or(Refusal::BalanceTooLarge { most: Amount::MAX })
    }

    /// The balance once this went out.
    pub(super) fn without(&self, amount: Amount) -> Result<Amount, Refusal> {
        self.balance.minus(amount).ok_or(Refusal::InsufficientFunds { balance: self.balance })
    }

    /// The day against whose limits this counts, if they let it through.
    pub(super) fn within_limits(
        &self,
        amount: Amount,
        moment: &Moment,
    ) -> Result<NaiveDate, Refusal> {
        // A clock that runs behind another's must not open a day that is over.
        let day = moment.now.date_naive().max(self.spent.day);
        let (today, this_month) = self.spent.by(day);
        if let Some((limit, left)) = beyond(self.daily_limit, today, amount) {
            return Err(Refusal::DailyLimitExceeded { limit, left });
        }
        if let Some((limit, left)) = beyond(self.monthly_limit, this_month, amount) {
            return Err(Refusal::MonthlyLimitExceeded { limit, left });
        }
        Ok(day)
    }

    pub(super) fn credit(
        &self,
        credit: CreditWallet,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.movable(credit.amount, credit.currency)?;
        self.thawed()?;
        let credited = WalletCredited {
            balance: self.with(credit.amount)?,
            transaction_id: moment.new_id(),
            amount: credit.amount,
            currency: self.currency,
            description: credit.description,
            metadata: credit.metadata.unwrap_or_default(),
            processed_by: credit.processed_by,
            processor_notes: credit.processor_notes,
        };
        Ok(vec![credited.into()])
    }

    pub(super) fn debit(&self, debit: DebitWallet, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.movable(debit.amount, debit.currency)?;
        self.thawed()?;
        let debited = WalletDebited {
            balance: self.without(debit.amount)?,
            spent_on: self.within_limits(debit.amount, moment)?,
            transaction_id: moment.new_id(),
            transaction_type: debit.transaction_type,
            amount: debit.amount,
            currency: self.currency,
            description: debit.description,
            metadata: debit.metadata.unwrap_or_default(),
            processed_by: debit.processed_by,
            processor_notes: debit.processor_notes,
        };
        Ok(vec![debited.into()])
    }

    pub(super) fn fee(&self, fee: ChargeFee, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.movable(fee.amount, fee.currency)?;
        self.thawed()?;
        let charged = FeeCharged {
            balance: self.without(fee.amount)?,
            transaction_id: moment.new_id(),
            amount: fee.amount,
            currency: self.currency,
            description: fee.description,
            metadata: fee.metadata.unwrap_or_default(),
            processed_by: fee.processed_by,
            processor_notes: fee.processor_notes,
        };
        Ok(vec![charged.into()])
    }

    pub(super) fn pay(&self, pay: PayForReading, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.movable(pay.amount, pay.currency)?;
        self.thawed()?;
        let balance = self.without(pay.amount)?;
        let spent_on = self.within_limits(pay.amount, moment)?;
        let readings = self.readings.and(pay.amount, spent_on);
        let paid = ReadingPaid {
            transaction_id: moment.new_id(),
            reading_session_id: pay.reading_session_id,
            amount: pay.amount,
            currency: self.currency,
            balance,
            spent_on,
            total_spent: readings.sum,
            average_session_value: readings.average(),
            description: pay.description,
            metadata: pay.metadata.unwrap_or_default(),
        };
        Ok(vec![paid.into()])
    }

    pub(super) fn refund(
        &self,
        refund: RefundPayment,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let payment = self.payments.iter().find(|payment| payment.id == refund.refund_of);
        let left = payment.map_or(Amount::ZERO, |payment| payment.left);
        let amount = refund.amount.unwrap_or(left);
        if amount > left || left == Amount::ZERO {
            return Err(Refusal::RefundExceedsPayment { left });
        }
        self.movable(amount, refund.currency)?;
        let mut metadata = refund.metadata.unwrap_or_default();
        metadata.insert("refund_of".into(), refund.refund_of.to_string().into());
        let refunded = PaymentRefunded {
            balance: self.with(amount)?,
            transaction_id: moment.new_id(),
            refund_of: refund.refund_of,
            reading_session_id: payment.and_then(|payment| payment.reading),
            amount,
            currency: self.currency,
            description: refund.description,
            metadata,
            processed_by: refund.processed_by,
            processor_notes: refund.processor_notes,
        };
        Ok(vec![refunded.into()])
    }

    pub(super) fn deposit(
        &self,
        deposit: InitiateDeposit,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.movable(deposit.amount, deposit.currency)?;
        self.thawed()?;
        self.room_for_one_more()?;
        let initiated = DepositInitiated {
            transaction_id: moment.new_id(),
            amount: deposit.amount,
            currency: self.currency,
            gateway_provider: deposit.gateway_provider,
            payment_method_id: deposit.payment_method_id,
            description: deposit.description,
            metadata: deposit.metadata.unwrap_or_default(),
        };
        Ok(vec![initiated.into()])
    }

    pub(super) fn withdraw(
        &self,
        asked: RequestWithdrawal,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.movable(asked.amount, asked.currency)?;
        self.thawed()?;
        self.room_for_one_more()?;
        let requested = WithdrawalRequested {
            balance: self.without(asked.amount)?,
            spent_on: self.within_limits(asked.amount, moment)?,
            transaction_id: moment.new_id(),
            amount: asked.amount,
            currency: self.currency,
            gateway_provider: asked.gateway_provider,
            payment_method_id: asked.payment_method_id,
            description: asked.description,
            metadata: asked.metadata.unwrap_or_default(),
        };
        Ok(vec![requested.into()])
    }

    pub(super) fn deposited(&self, callback: ConfirmDeposit) -> Result<Vec<Event>, Refusal> {
        let pending = self.pending(callback.transaction_id)?;
        if pending.spent_on.is_some() {
            return Err(Refusal::TransactionNotPending);
        }
        let deposited = FundsDeposited {
            gateway_fee: agreed(pending, callback.gateway_provider, callback.gateway_fee)?,
            balance: self.with(pending.amount)?,
            transaction_id: callback.transaction_id,
            gateway_transaction_id: callback.gateway_transaction_id,
        };
        Ok(vec![deposited.into()])
    }

    pub(super) fn withdrawn(&self, callback: ConfirmWithdrawal) -> Result<Vec<Event>, Refusal> {
        let pending = self.pending(callback.transaction_id)?;
        if pending.spent_on.is_none() {
            return Err(Refusal::TransactionNotPending);
        }
        let withdrawn = FundsWithdrawn {
            gateway_fee: agreed(pending, callback.gateway_provider, callback.gateway_fee)?,
            transaction_id: callback.transaction_id,
            gateway_transaction_id: callback.gateway_transaction_id,
        };
        Ok(vec![withdrawn.into()])
    }

    /// The balance once a pending transaction is called off: a withdrawal comes back.
    pub(super) fn called_off(&self, transaction: Uuid) -> Result<Amount, Refusal> {
        let pending = self.pending(transaction)?;
        if pending.spent_on.is_some() { self.with(pending.amount) } else { Ok(self.balance) }
    }

    pub(super) fn reconcile(&self, asked: &ReconcileTransaction) -> Result<Vec<Event>, Refusal> {
        let transaction_id = asked.transaction_id;
        match self.settled.iter().find(|settled| settled.id == transaction_id) {
            None => Err(Refusal::TransactionNotCompleted),
            Some(Settled { reconciled: true, .. }) => Ok(vec![]),
            Some(_) => Ok(vec![TransactionReconciled { transaction_id }.into()]),
        }
    }

    pub(super) fn limit(&self, asked: &SetWalletLimits) -> Result<Vec<Event>, Refusal> {
        let daily_limit = asked.daily_limit.unwrap_or(self.daily_limit);
        let monthly_limit = asked.monthly_limit.unwrap_or(self.monthly_limit);
        let negative = |limit: Option<Amount>| limit.is_some_and(|limit| limit < Amount::ZERO);
        for (limit, field) in [(daily_limit, "daily_limit"), (monthly_limit, "monthly_limit")] {
            if negative(limit) {
                return Err(Refusal::LimitNegative { field });
            }
        }
        if (daily_limit, monthly_limit) == (self.daily_limit, self.monthly_limit) {
            return Ok(vec![]);
        }
        Ok(vec![WalletLimitsSet { daily_limit, monthly_limit }.into()])
    }

    pub(super) fn pending(&self, transaction: Uuid) -> Result<&Pending, Refusal> {
        let found = self.pending.iter().find(|pending| pending.id == transaction);
        found.ok_or(Refusal::TransactionNotPending)
    }

    pub(super) fn room_for_one_more(&self) -> Result<(), Refusal> {
        if self.pending.len() < MOST_PENDING {
            Ok(())
        } else {
            Err(Refusal::TooManyPending { most: MOST_PENDING })
        }
    }
}

/// How it moves on.
impl Wallet {
    pub(super) fn paid(&mut self, id: Uuid, reading: Option<Uuid>, left: Amount) {
        if self.payments.len() == MOST_REFUNDABLE {
            self.payments.pop_front();
        }
        self.payments.push_back(Payment { id, reading, left });
    }

    pub(super) fn gave_back(&mut self, payment: Uuid, amount: Amount) {
        let Some(at) = self.payments.iter().position(|it| it.id == payment) else {
            return;
        };
        let left = self.payments[at].left.minus(amount).unwrap_or_default();
        if left.is_positive() {
            self.payments[at].left = left;
        } else {
            self.payments.remove(at);
        }
    }

    pub(super) fn settle(&mut self, id: Uuid) {
        self.pending.retain(|pending| pending.id != id);
        if self.settled.len() == MOST_SETTLED {
            self.settled.pop_front();
        }
        self.settled.push_back(Settled { id, reconciled: false });
    }

    pub(super) fn drop_pending(&mut self, id: Uuid) {
        let Some(at) = self.pending.iter().position(|pending| pending.id == id) else {
            return;
        };
        let pending = self.pending.remove(at);
        if let Some(day) = pending.spent_on {
            self.spent.take_back(pending.amount, day);
        }
    }
}

impl Readings {
    /// With one more payment on this day.
    pub(super) fn and(self, amount: Amount, day: NaiveDate) -> Self {
        let (payments, sum) =
            if day == self.day { (self.payments, self.sum) } else { (0, Amount::ZERO) };
        Self { day, payments: payments + 1, sum: sum.plus(amount).unwrap_or(Amount::MAX) }
    }

    /// The sum over the payments, rounded half up to a hundredth.
    pub(super) fn average(self) -> Amount {
        let payments = self.payments.max(1);
        Amount::from_hundredths((self.sum.hundredths() + payments / 2) / payments)
    }
}

impl Spent {
    /// What left until now on this day and in its month.
    pub(super) fn by(&self, day: NaiveDate) -> (Amount, Amount) {
        if day == self.day {
            (self.today, self.this_month)
        } else if same_month(day, self.day) {
            (Amount::ZERO, self.this_month)
        } else {
            (Amount::ZERO, Amount::ZERO)
        }
    }

    pub(super) fn add(&mut self, amount: Amount, day: NaiveDate) {
        let (today, this_month) = self.by(day);
        let sum = |before: Amount| before.plus(amount).unwrap_or(Amount::MAX);
        *self = Self { day, today: sum(today), this_month: sum(this_month) };
    }

    pub(super) fn take_back(&mut self, amount: Amount, day: NaiveDate) {
        if day == self.day {
            self.today = self.today.minus(amount).unwrap_or_default();
        }
        if same_month(day, self.day) {
            self.this_month = self.this_month.minus(amount).unwrap_or_default();
        }
    }
}

pub(super) fn opened(open: &OpenWallet, moment: &Moment) -> WalletOpened {
    WalletOpened {
        id: moment.new_id(),
        balance: Amount::ZERO,
        currency: open.currency.unwrap_or_default(),
        daily_limit: Some(DAILY_LIMIT),
        monthly_limit: Some(MONTHLY_LIMIT),
        is_frozen: false,
    }
}

/// The limit and what is left of it, where an amount would go beyond.
pub(super) fn beyond(
    limit: Option<Amount>,
    spent: Amount,
    amount: Amount,
) -> Option<(Amount, Amount)> {
    let limit = limit?;
    let left = limit.minus(spent).unwrap_or_default();
    (amount > left).then_some((limit, left))
}

/// The gateway's fee, if the callback comes from the right gateway and makes sense.
pub(super) fn agreed(
    pending: &Pending,
    provider: Option<Provider>,
    fee: Option<Amount>,
) -> Result<Amount, Refusal> {
    if provider.is_some_and(|provider| provider != pending.provider) {
        return Err(Refusal::GatewayMismatch);
    }
    let fee = fee.unwrap_or_default();
    if fee < Amount::ZERO { Err(Refusal::GatewayFeeNegative) } else { Ok(fee) }
}

pub(super) fn same_month(one: NaiveDate, other: NaiveDate) -> bool {
    (one.year(), one.month()) == (other.year(), other.month())
}
