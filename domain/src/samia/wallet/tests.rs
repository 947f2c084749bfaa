use super::*;
use crate::{
    Refusal as _,
    testing::{Given, day, given},
};

const READING: Uuid = Uuid::from_u128(0x4ead);

fn money(text: &str) -> Amount {
    text.parse().unwrap()
}

fn open_wallet() -> Given<Wallet> {
    given::<Wallet>([]).when(OpenWallet::default()).events().0
}

/// A wallet with this much in it, and no limits.
fn wallet(balance: &str) -> Given<Wallet> {
    let limits = WalletLimitsSet { daily_limit: None, monthly_limit: None };
    open_wallet().and(limits).when(credit(balance)).events().0
}

fn credit(amount: &str) -> CreditWallet {
    CreditWallet {
        amount: money(amount),
        currency: None,
        description: None,
        metadata: None,
        processor_notes: None,
        processed_by: None,
    }
}

fn debit(amount: &str) -> DebitWallet {
    DebitWallet {
        amount: money(amount),
        currency: None,
        transaction_type: DebitType::Withdrawal,
        description: None,
        metadata: None,
        processor_notes: None,
        processed_by: None,
    }
}

fn payment(amount: &str) -> DebitWallet {
    DebitWallet { transaction_type: DebitType::Payment, ..debit(amount) }
}

fn fee(amount: &str) -> ChargeFee {
    ChargeFee {
        amount: money(amount),
        currency: None,
        description: None,
        metadata: None,
        processor_notes: None,
        processed_by: None,
    }
}

fn deposit(amount: &str) -> InitiateDeposit {
    InitiateDeposit {
        amount: money(amount),
        currency: None,
        gateway_provider: Provider::Stripe,
        payment_method_id: None,
        description: None,
        metadata: None,
    }
}

fn withdrawal(amount: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        amount: money(amount),
        currency: None,
        gateway_provider: Provider::Paypal,
        payment_method_id: None,
        description: None,
        metadata: None,
    }
}

fn deposit_confirmed(transaction_id: Uuid) -> ConfirmDeposit {
    ConfirmDeposit {
        transaction_id,
        gateway_transaction_id: "ch_1".parse().unwrap(),
        gateway_provider: None,
        gateway_fee: None,
    }
}

fn withdrawal_confirmed(transaction_id: Uuid) -> ConfirmWithdrawal {
    ConfirmWithdrawal {
        transaction_id,
        gateway_transaction_id: "po_1".parse().unwrap(),
        gateway_provider: Some(Provider::Paypal),
        gateway_fee: Some(money("0.30")),
    }
}

fn pay(amount: &str) -> PayForReading {
    PayForReading {
        reading_session_id: READING,
        amount: money(amount),
        currency: None,
        description: None,
        metadata: None,
    }
}

fn refund(refund_of: Uuid, amount: Option<&str>) -> RefundPayment {
    RefundPayment {
        refund_of,
        amount: amount.map(money),
        currency: None,
        description: None,
        metadata: None,
        processor_notes: None,
        processed_by: None,
    }
}

/// The id of the only transaction among these events.
fn transaction(events: &[Event]) -> Uuid {
    match events {
        [Event::WalletDebited(it)] => it.transaction_id,
        [Event::DepositInitiated(it)] => it.transaction_id,
        [Event::WithdrawalRequested(it)] => it.transaction_id,
        other => panic!("no transaction: {other:?}"),
    }
}

#[test]
fn a_user_has_one_wallet_with_documented_limits() {
    let (given, events) = given::<Wallet>([]).when(OpenWallet::default()).events();
    let [Event::WalletOpened(opened)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(opened.currency.as_str(), "USD");
    assert_eq!(opened.daily_limit, Some(money("1000")));
    assert_eq!(opened.monthly_limit, Some(money("10000")));
    given.when(OpenWallet::default()).refused("WalletAlreadyOpen");
}

#[test]
fn no_money_moves_without_a_wallet() {
    given::<Wallet>([])
        .when(credit("1"))
        .refused("WalletNotFound")
        .when(debit("1"))
        .refused("WalletNotFound")
        .when(FreezeWallet {})
        .refused("WalletNotFound");
}

#[test]
fn what_comes_in_can_go_out_and_no_more() {
    let given = wallet("10").when(debit("7")).events().0.when(debit("7"));
    let given = given.refused("InsufficientFunds").when(debit("3")).events().0;
    assert_eq!(given.state.balance, Amount::ZERO);
}

#[test]
fn an_event_carries_the_completed_transaction_and_the_balance_after_it() {
    let metadata = Object::from_iter([("order".to_owned(), 7.into())]);
    let asked = DebitWallet {
        description: Some("a book".into()),
        metadata: Some(metadata.clone()),
        ..payment("2.50")
    };
    let (_, events) = wallet("10").when(asked).events();
    let [Event::WalletDebited(debited)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(debited.balance, money("7.50"));
    assert_eq!(debited.transaction_type, DebitType::Payment);
    assert_eq!((&debited.description, &debited.metadata), (&Some("a book".into()), &metadata));
    assert_eq!(debited.spent_on, day(1).date_naive());
}

#[test]
fn amounts_are_positive() {
    for amount in ["0", "-1"] {
        wallet("10")
            .when(credit(amount))
            .refused("AmountNotPositive")
            .when(debit(amount))
            .refused("AmountNotPositive")
            .when(fee(amount))
            .refused("AmountNotPositive")
            .when(deposit(amount))
            .refused("AmountNotPositive")
            .when(withdrawal(amount))
            .refused("AmountNotPositive");
    }
}

#[test]
fn a_balance_never_outgrows_its_column() {
    let given = wallet("9999999999999.99").when(credit("0.01")).refused("BalanceTooLarge");
    let (given, events) = given.when(deposit("0.01")).events();
    given.when(deposit_confirmed(transaction(&events))).refused("BalanceTooLarge");
}

#[test]
fn currencies_are_never_converted() {
    let euro = Currency::new("EUR");
    let usd = Currency::new("USD");
    wallet("10")
        .when(CreditWallet { currency: euro, ..credit("1") })
        .refused("CurrencyMismatch")
        .when(DebitWallet { currency: euro, ..debit("1") })
        .refused("CurrencyMismatch")
        .when(InitiateDeposit { currency: euro, ..deposit("1") })
        .refused("CurrencyMismatch")
        .when(DebitWallet { currency: usd, ..debit("1") })
        .events();
}

#[test]
fn a_frozen_wallet_takes_refunds_and_outcomes_but_nothing_new() {
    let (given, paid) = wallet("100").when(payment("10")).events();
    let (given, going) = given.when(withdrawal("10")).events();
    let (given, coming) = given.when(deposit("10")).events();
    let given = given
        .when(FreezeWallet {})
        .then([WalletFrozen { is_frozen: true }])
        .when(FreezeWallet {})
        .then_nothing()
        .when(credit("1"))
        .refused("WalletFrozen")
        .when(debit("1"))
        .refused("WalletFrozen")
        .when(fee("1"))
        .refused("WalletFrozen")
        .when(deposit("1"))
        .refused("WalletFrozen")
        .when(withdrawal("1"))
        .refused("WalletFrozen")
        .when(pay("1"))
        .refused("WalletFrozen");
    let given = given.when(refund(transaction(&paid), None)).events().0;
    let given = given.when(deposit_confirmed(transaction(&coming))).events().0;
    let given = given.when(withdrawal_confirmed(transaction(&going))).events().0;
    assert_eq!(given.state.balance, money("100"));
    given
        .when(UnfreezeWallet {})
        .then([WalletUnfrozen { is_frozen: false }])
        .when(UnfreezeWallet {})
        .then_nothing()
        .when(debit("1"))
        .events();
}

#[test]
fn what_leaves_in_a_day_stays_within_its_limit() {
    let given = open_wallet().when(credit("5000")).events().0.when(debit("600")).events().0;
    let given = given.when(withdrawal("400.01")).refused("DailyLimitExceeded");
    let given = given.when(withdrawal("400")).events().0.when(debit("0.01"));
    // Fees are not bounded, and the next day is another.
    let given = given.refused("DailyLimitExceeded").when(fee("1")).events().0;
    given.at(day(2)).when(debit("1000")).events().0.when(debit("1")).refused("DailyLimitExceeded");
}

#[test]
fn what_leaves_in_a_month_stays_within_its_limit() {
    let mut given = open_wallet().when(credit("50000")).events().0;
    for nth in 1..=10 {
        given = given.at(day(nth)).when(debit("1000")).events().0;
    }
    given = given.at(day(11)).when(debit("0.01")).refused("MonthlyLimitExceeded");
    // 1 February.
    given.at(day(32)).when(debit("1000")).events();
}

#[test]
fn a_withdrawal_that_is_called_off_no_longer_counts_against_the_limits() {
    let (given, events) =
        open_wallet().when(credit("5000")).events().0.when(withdrawal("1000")).events();
    let given = given.when(debit("1")).refused("DailyLimitExceeded");
    let given = given.when(FailTransaction { transaction_id: transaction(&events) }).events().0;
    given.when(debit("1000")).events();
}

#[test]
fn a_clock_that_runs_behind_reopens_no_day() {
    let given = open_wallet().when(credit("5000")).events().0;
    let given = given.at(day(2)).when(debit("1000")).events().0;
    given.at(day(1)).when(debit("1")).refused("DailyLimitExceeded");
}

#[test]
fn limits_are_set_lifted_and_never_negative() {
    let set = |daily, monthly| SetWalletLimits { daily_limit: daily, monthly_limit: monthly };
    open_wallet()
        .when(set(Some(Some(money("5"))), None))
        .then([WalletLimitsSet {
            daily_limit: Some(money("5")),
            monthly_limit: Some(MONTHLY_LIMIT),
        }])
        .when(set(None, None))
        .then_nothing()
        .when(set(None, Some(Some(money("-1")))))
        .refused("LimitNegative")
        .when(set(Some(None), Some(None)))
        .then([WalletLimitsSet { daily_limit: None, monthly_limit: None }]);
}

#[test]
fn a_deposit_counts_once_it_is_confirmed() {
    let (given, events) = open_wallet().when(deposit("25")).events();
    let id = transaction(&events);
    assert_eq!(given.state.balance, Amount::ZERO);
    assert_eq!(given.state.provider(id), Some(Provider::Stripe));
    let confirmed = FundsDeposited {
        transaction_id: id,
        gateway_transaction_id: "ch_1".parse().unwrap(),
        gateway_fee: Amount::ZERO,
        balance: money("25"),
    };
    given
        .when(withdrawal_confirmed(id))
        .refused("TransactionNotPending")
        .when(deposit_confirmed(id))
        .then([confirmed])
        .when(deposit_confirmed(id))
        .refused("TransactionNotPending");
}

#[test]
fn a_withdrawal_takes_its_amount_when_requested_and_gives_it_back_when_called_off() {
    let (given, first) = wallet("100").when(withdrawal("30")).events();
    let (given, second) = given.when(withdrawal("20")).events();
    assert_eq!(given.state.balance, money("50"));
    let (first, second) = (transaction(&first), transaction(&second));
    let cancelled = TransactionCancelled { transaction_id: first, balance: money("80") };
    given
        .when(deposit_confirmed(first))
        .refused("TransactionNotPending")
        .when(CancelTransaction { transaction_id: first })
        .then([cancelled])
        .when(CancelTransaction { transaction_id: first })
        .refused("TransactionNotPending")
        .when(withdrawal_confirmed(second))
        .events()
        .0
        .when(FailTransaction { transaction_id: second })
        .refused("TransactionNotPending");
}

#[test]
fn a_deposit_that_fails_changes_no_balance() {
    let (given, events) = wallet("5").when(deposit("25")).events();
    let transaction_id = transaction(&events);
    given
        .when(FailTransaction { transaction_id })
        .then([TransactionFailed { transaction_id, balance: money("5") }]);
}

#[test]
fn a_callback_comes_from_the_gateway_that_was_asked_and_takes_no_negative_fee() {
    let (given, events) = open_wallet().when(deposit("25")).events();
    let callback = deposit_confirmed(transaction(&events));
    given
        .when(ConfirmDeposit { gateway_provider: Some(Provider::Square), ..callback.clone() })
        .refused("GatewayMismatch")
        .when(ConfirmDeposit { gateway_fee: Some(money("-0.01")), ..callback })
        .refused("GatewayFeeNegative");
    assert_eq!(Refusal::GatewayTransactionTaken.field(), Some("gateway_transaction_id"));
}

#[test]
fn what_is_pending_at_once_is_bounded() {
    let mut given = open_wallet();
    for _ in 0..MOST_PENDING {
        given = given.when(deposit("1")).events().0;
    }
    given.when(deposit("1")).refused("TooManyPending");
}

#[test]
fn refunds_of_a_payment_never_exceed_it() {
    let (given, events) = wallet("100").when(payment("30")).events();
    let paid = transaction(&events);
    let (given, events) = given.when(refund(paid, Some("10"))).events();
    let [Event::PaymentRefunded(refunded)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refunded.balance, money("80"));
    assert_eq!(refunded.metadata["refund_of"], paid.to_string());
    given
        .when(refund(paid, Some("20.01")))
        .refused("RefundExceedsPayment")
        .when(refund(paid, Some("0")))
        .refused("AmountNotPositive")
        .when(refund(paid, None))
        .events()
        .0
        .when(refund(paid, None))
        .refused("RefundExceedsPayment");
}

#[test]
fn a_reading_is_paid_for_and_what_was_paid_that_day_is_told() {
    let paid = |events: &[Event]| match events {
        [Event::ReadingPaid(it)] => it.clone(),
        other => panic!("{other:?}"),
    };
    let (given, first) = wallet("100").when(pay("10")).events();
    let (given, second) = given.when(pay("10.01")).events();
    let (given, third) = given.at(day(2)).when(pay("5")).events();
    let told = |events: &[Event]| (paid(events).total_spent, paid(events).average_session_value);
    assert_eq!(told(&first), (money("10"), money("10")));
    assert_eq!(told(&second), (money("20.01"), money("10.01")));
    assert_eq!(told(&third), (money("5"), money("5")));
    let ids: Vec<_> = given.state.payments_for(READING).collect();
    assert_eq!(ids, [&first, &second, &third].map(|events| paid(events).transaction_id));
    let (given, events) = given.when(refund(ids[0], None)).events();
    let [Event::PaymentRefunded(refunded)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(refunded.reading_session_id, Some(READING));
    assert_eq!(given.state.payments_for(READING).count(), 2);
    given
        .when(pay("1000"))
        .refused("InsufficientFunds")
        .when(pay("0"))
        .refused("AmountNotPositive");
    open_wallet()
        .when(credit("5000"))
        .events()
        .0
        .when(pay("1000.01"))
        .refused("DailyLimitExceeded");
}

#[test]
fn only_payments_are_refunded() {
    let (given, events) = wallet("100").when(debit("30")).events();
    given.when(refund(transaction(&events), Some("1"))).refused("RefundExceedsPayment");
}

#[test]
fn the_payments_that_can_be_refunded_are_bounded() {
    let (mut given, events) = wallet("1000").when(payment("1")).events();
    for _ in 0..MOST_REFUNDABLE {
        given = given.when(payment("1")).events().0;
    }
    assert_eq!(given.state.payments.len(), MOST_REFUNDABLE);
    given.when(refund(transaction(&events), None)).refused("RefundExceedsPayment");
}

#[test]
fn completed_gateway_transactions_are_reconciled_once() {
    let (given, events) = open_wallet().when(deposit("25")).events();
    let transaction_id = transaction(&events);
    given
        .when(ReconcileTransaction { transaction_id })
        .refused("TransactionNotCompleted")
        .when(deposit_confirmed(transaction_id))
        .events()
        .0
        .when(ReconcileTransaction { transaction_id })
        .then([TransactionReconciled { transaction_id }])
        .when(ReconcileTransaction { transaction_id })
        .then_nothing();
}

/// Chance that is the same each time: a linear congruential generator.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick(&mut self, ids: &[Uuid]) -> Uuid {
        let sides = u64::try_from(ids.len()).unwrap();
        if sides == 0 { Uuid::nil() } else { ids[usize::try_from(self.roll(sides)).unwrap()] }
    }
}

/// What the transactions that took effect add up to, told from the events alone.
#[derive(Default)]
struct Books {
    open: Vec<(Uuid, Amount, bool)>,
    sum: i64,
    balance: Amount,
}

impl Books {
    fn enter(&mut self, event: &Event) {
        match event {
            Event::WalletCredited(it) => self.moved(it.amount, 1, it.balance),
            Event::WalletDebited(it) => self.moved(it.amount, -1, it.balance),
            Event::FeeCharged(it) => self.moved(it.amount, -1, it.balance),
            Event::ReadingPaid(it) => self.moved(it.amount, -1, it.balance),
            Event::PaymentRefunded(it) => self.moved(it.amount, 1, it.balance),
            Event::DepositInitiated(it) => self.open.push((it.transaction_id, it.amount, false)),
            Event::WithdrawalRequested(it) => {
                self.open.push((it.transaction_id, it.amount, true));
                self.moved(it.amount, -1, it.balance);
            }
            Event::FundsDeposited(it) => {
                let (amount, _) = self.close(it.transaction_id);
                self.moved(amount, 1, it.balance);
            }
            Event::FundsWithdrawn(it) => {
                self.close(it.transaction_id);
            }
            Event::TransactionFailed(it) => self.called_off(it.transaction_id, it.balance),
            Event::TransactionCancelled(it) => self.called_off(it.transaction_id, it.balance),
            Event::WalletOpened(_)
            | Event::TransactionReconciled(_)
            | Event::WalletFrozen(_)
            | Event::WalletUnfrozen(_)
            | Event::WalletLimitsSet(_)
            | Event::Imported(_) => {}
        }
    }

    fn moved(&mut self, amount: Amount, sign: i64, balance: Amount) {
        self.sum += sign * amount.hundredths();
        self.balance = balance;
    }

    fn close(&mut self, id: Uuid) -> (Amount, bool) {
        let at = self.open.iter().position(|(open, ..)| *open == id).unwrap();
        let (_, amount, outward) = self.open.remove(at);
        (amount, outward)
    }

    fn called_off(&mut self, id: Uuid, balance: Amount) {
        let (amount, outward) = self.close(id);
        if outward {
            self.moved(amount, 1, balance);
        }
        assert_eq!(self.balance, balance);
    }
}

/// Some command of some kind, about some transaction.
fn any_command(dice: &mut Dice, ids: &[Uuid]) -> Command {
    let amount = Amount::from_hundredths(i64::try_from(dice.roll(20_000)).unwrap() - 500);
    match dice.roll(14) {
        0..=2 => CreditWallet { amount, ..credit("0") }.into(),
        3 | 4 => DebitWallet { amount, ..debit("0") }.into(),
        5 => DebitWallet { amount, ..payment("0") }.into(),
        6 => ChargeFee { amount, ..fee("0") }.into(),
        7 => InitiateDeposit { amount, ..deposit("0") }.into(),
        8 => RequestWithdrawal { amount, ..withdrawal("0") }.into(),
        9 => deposit_confirmed(dice.pick(ids)).into(),
        10 => withdrawal_confirmed(dice.pick(ids)).into(),
        11 => PayForReading { amount, ..pay("0") }.into(),
        12 => CancelTransaction { transaction_id: dice.pick(ids) }.into(),
        _ => refund(dice.pick(ids), None).into(),
    }
}

#[test]
fn whatever_is_asked_the_balance_is_the_sum_of_what_took_effect_and_never_negative() {
    let mut moved = 0;
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut given = open_wallet();
        let mut books = Books::default();
        let mut ids = Vec::new();
        for turn in 0..300 {
            let command = any_command(&mut dice, &ids);
            let moment = Moment::new(day(turn / 10), Uuid::nil(), Uuid::from_u128(dice.0.into()));
            let Ok(events) = given.state.decide(command, &moment) else { continue };
            for event in events {
                books.enter(&event);
                if let Event::WalletDebited(WalletDebited { transaction_id, .. })
                | Event::ReadingPaid(ReadingPaid { transaction_id, .. }) = &event
                {
                    ids.push(*transaction_id);
                }
                ids.extend(books.open.last().map(|(id, ..)| *id));
                given = given.and(event);
                moved += 1;
            }
            assert!(given.state.balance >= Amount::ZERO);
            assert_eq!(given.state.balance, books.balance);
            assert_eq!(given.state.balance.hundredths(), books.sum);
            assert_eq!(given.state.pending.len(), books.open.len());
        }
    }
    assert!(moved > 2_000, "only {moved} movements");
}

#[test]
fn a_state_is_the_same_out_of_a_snapshot() {
    let (given, events) = wallet("100").when(payment("30")).events();
    let given = given.when(withdrawal("5")).events().0.when(deposit("5")).events().0;
    let json = serde_json::to_value(&given.state).unwrap();
    let read: Wallet = serde_json::from_value(json).unwrap();
    assert_eq!(read, given.state);
    given.when(refund(transaction(&events), None)).events();
}
