use super::*;
use crate::testing::{ADA, Given, day, given};

fn card() -> AddPaymentMethod {
    AddPaymentMethod {
        method_type: MethodType::Card,
        provider: "stripe".into(),
        provider_method_id: "pm_1Nv0FGQ9RKHgCVdK".into(),
        brand: Some("visa".into()),
        last_four: Some("4242".into()),
        expiry_month: Some(12),
        expiry_year: Some(2030),
    }
}

fn added(given: Given<Billing>) -> (Given<Billing>, PaymentMethodAdded) {
    let (given, events) = given.when(card()).events();
    match events.as_slice() {
        [Event::PaymentMethodAdded(added)] => (given, added.clone()),
        other => panic!("expected a means of payment, got {other:?}"),
    }
}

fn trial() -> StartTrial {
    StartTrial {
        billing_interval: BillingInterval::Month,
        price_cents: 999,
        currency: None,
        payment_method_id: None,
    }
}

fn start() -> StartSubscription {
    StartSubscription {
        billing_interval: BillingInterval::Month,
        price_cents: 999,
        currency: None,
        payment_method_id: None,
        provider: Some("stripe".into()),
        provider_subscription_id: Some("sub_1".into()),
    }
}

fn active() -> (Given<Billing>, SubscriptionStarted) {
    let (given, events) = given::<Billing>([]).when(start()).events();
    match events.as_slice() {
        [Event::SubscriptionStarted(started)] => (given, started.clone()),
        other => panic!("expected a subscription, got {other:?}"),
    }
}

fn trialing() -> Given<Billing> {
    given::<Billing>([]).when(trial()).events().0
}

fn past_due() -> Given<Billing> {
    active().0.when(MarkSubscriptionPastDue {}).events().0
}

#[test]
fn a_cards_number_is_no_token_however_it_is_written() {
    for number in [
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "378282246310005",
        "6011000990139424",
        " 4000056655665556 ",
    ] {
        let raw = || given::<Billing>([]);
        raw()
            .when(AddPaymentMethod { provider_method_id: number.into(), ..card() })
            .refused("RawCardRefused");
        raw()
            .when(AddPaymentMethod { brand: Some(number.into()), ..card() })
            .refused("RawCardRefused");
        raw()
            .when(AddPaymentMethod { provider: number.into(), ..card() })
            .refused("RawCardRefused");
    }
    for token in ["4242424242424241", "pm_4242424242424242", "tok_visa", "0"] {
        given::<Billing>([])
            .when(AddPaymentMethod { provider_method_id: token.into(), ..card() })
            .events();
    }
}

#[test]
fn a_means_of_payment_says_what_its_columns_hold() {
    let fresh = || given::<Billing>([]);
    for last_four in ["424", "42424", "42a2", "4242424242424242"] {
        fresh()
            .when(AddPaymentMethod { last_four: Some(last_four.into()), ..card() })
            .refused("LastFourInvalid");
    }
    fresh()
        .when(AddPaymentMethod { expiry_month: Some(13), ..card() })
        .refused("ExpiryInvalid")
        .when(AddPaymentMethod { expiry_month: Some(0), ..card() })
        .refused("ExpiryInvalid")
        .when(AddPaymentMethod { expiry_year: Some(30), ..card() })
        .refused("ExpiryInvalid")
        .when(AddPaymentMethod { provider_method_id: " ".into(), ..card() })
        .refused("TokenBlank");
}

#[test]
fn the_first_means_of_payment_is_the_default_and_there_is_one_at_most() {
    let (given, first) = added(given([]));
    let (given, second) = added(given);
    assert_eq!((first.is_default, second.is_default), (true, false));
    assert_eq!(first.user_id, ADA);
    let choose = |payment_method_id| ChooseDefaultPaymentMethod { payment_method_id };
    let given = given
        .when(choose(second.payment_method_id))
        .then([DefaultPaymentMethodChosen {
            payment_method_id: second.payment_method_id,
            former_payment_method_id: Some(first.payment_method_id),
        }])
        .when(choose(second.payment_method_id))
        .then_nothing()
        .when(choose(ADA))
        .refused("PaymentMethodUnknown");
    let removed = PaymentMethodRemoved {
        payment_method_id: second.payment_method_id,
        is_default: false,
        deleted_at: day(1),
    };
    let given = given
        .when(RemovePaymentMethod { payment_method_id: second.payment_method_id })
        .then([removed])
        .when(choose(second.payment_method_id))
        .refused("PaymentMethodUnknown");
    assert_eq!(given.state.default, None);
}

#[test]
fn what_a_live_subscription_is_paid_with_cannot_be_removed() {
    let (given, card) = added(given([]));
    let remove = RemovePaymentMethod { payment_method_id: card.payment_method_id };
    let (given, events) = given.when(start()).events();
    let [Event::SubscriptionStarted(started)] = events.as_slice() else {
        panic!("expected a subscription, got {events:?}");
    };
    assert_eq!(started.payment_method_id, Some(card.payment_method_id));
    let given = given.when(remove.clone()).refused("PaymentMethodInUse");
    given.when(EndSubscription {}).events().0.when(remove).events();
}

#[test]
fn a_family_has_one_trial_ever() {
    let (given, events) = given::<Billing>([]).when(trial()).events();
    let [Event::TrialStarted(started)] = events.as_slice() else {
        panic!("expected a trial, got {events:?}");
    };
    assert_eq!((started.status, started.currency.as_str()), (Status::Trialing, "CAD"));
    assert_eq!(started.trial_ends_at, day(31));
    given
        .when(trial())
        .refused("SubscriptionExists")
        .when(ExpireSubscription {})
        .events()
        .0
        .when(trial())
        .refused("SubscriptionExists")
        .when(start())
        .events();
}

#[test]
fn a_trial_becomes_the_subscription() {
    let given = trialing();
    let trial_id = given.state.live.as_ref().map(|live| live.id);
    let (given, events) = given.at(day(10)).when(start()).events();
    let [Event::SubscriptionStarted(started)] = events.as_slice() else {
        panic!("expected a subscription, got {events:?}");
    };
    assert_eq!((Some(started.subscription_id), started.from_trial), (trial_id, true));
    assert_eq!(started.current_period_start, day(10));
    given.when(start()).refused("SubscriptionExists");
}

#[test]
fn a_family_has_one_live_subscription() {
    active()
        .0
        .when(start())
        .refused("SubscriptionExists")
        .when(trial())
        .refused("SubscriptionExists");
    past_due().when(start()).refused("SubscriptionExists");
}

#[test]
fn a_period_is_an_interval_of_the_calendar() {
    let (_, monthly) = active();
    let end = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(monthly.current_period_end, end("2026-02-01T12:00:00Z"));
    let yearly = StartSubscription { billing_interval: BillingInterval::Year, ..start() };
    let given = given::<Billing>([]).when(yearly).events().0;
    given.when(RenewSubscription::default()).then([SubscriptionRenewed {
        subscription_id: monthly.subscription_id,
        status: Status::Active,
        current_period_start: end("2027-01-01T12:00:00Z"),
        current_period_end: end("2028-01-01T12:00:00Z"),
    }]);
    let backwards =
        RenewSubscription { current_period_start: Some(day(2)), current_period_end: Some(day(2)) };
    active().0.when(backwards).refused("PeriodInvalid");
}

#[test]
fn an_unpaid_subscription_is_past_due_and_then_paid_or_expired() {
    let (given, started) = active();
    let subscription_id = started.subscription_id;
    given
        .when(ExpireSubscription {})
        .refused("SubscriptionTransitionRefused")
        .when(MarkSubscriptionPastDue {})
        .then([SubscriptionPastDue { subscription_id, status: Status::PastDue }])
        .when(MarkSubscriptionPastDue {})
        .then_nothing()
        .when(RenewSubscription::default())
        .events()
        .0
        .when(MarkSubscriptionPastDue {})
        .events();
    past_due().when(ExpireSubscription {}).then([SubscriptionExpired {
        subscription_id,
        status: Status::Expired,
        ended_at: day(1),
    }]);
    trialing().when(MarkSubscriptionPastDue {}).refused("SubscriptionTransitionRefused");
}

#[test]
fn a_cancelled_subscription_runs_to_the_end_of_its_period_and_may_be_resumed() {
    let (given, started) = active();
    let subscription_id = started.subscription_id;
    let requested = SubscriptionCancellationRequested {
        subscription_id,
        cancel_at_period_end: true,
        cancelled_at: Some(day(1)),
    };
    let resumed =
        SubscriptionResumed { subscription_id, cancel_at_period_end: false, cancelled_at: None };
    given
        .when(ResumeSubscription {})
        .then_nothing()
        .when(CancelSubscription {})
        .then([requested.clone()])
        .when(CancelSubscription {})
        .then_nothing()
        .when(ResumeSubscription {})
        .then([resumed])
        .when(CancelSubscription {})
        .then([requested])
        .when(EndSubscription {})
        .then([SubscriptionCancelled {
            subscription_id,
            status: Status::Cancelled,
            ended_at: day(1),
        }]);
}

#[test]
fn what_ended_is_final() {
    let ended = || active().0.when(EndSubscription {}).events().0;
    ended()
        .when(RenewSubscription::default())
        .refused("SubscriptionTransitionRefused")
        .when(MarkSubscriptionPastDue {})
        .refused("SubscriptionTransitionRefused")
        .when(CancelSubscription {})
        .refused("SubscriptionTransitionRefused")
        .when(ResumeSubscription {})
        .refused("SubscriptionTransitionRefused")
        .when(EndSubscription {})
        .refused("SubscriptionTransitionRefused")
        .when(ExpireSubscription {})
        .refused("SubscriptionTransitionRefused");
    let (_, events) = ended().when(start()).events();
    let [Event::SubscriptionStarted(next)] = events.as_slice() else {
        panic!("expected another subscription, got {events:?}");
    };
    assert!(!next.from_trial);
}

#[test]
fn price_and_currency_are_such() {
    let fresh = || given::<Billing>([]);
    fresh()
        .when(StartTrial { price_cents: u32::MAX, ..trial() })
        .refused("PriceInvalid")
        .when(StartTrial { currency: Some("dollars".into()), ..trial() })
        .refused("CurrencyUnknown")
        .when(StartTrial { payment_method_id: Some(ADA), ..trial() })
        .refused("PaymentMethodUnknown")
        .when(StartSubscription { payment_method_id: Some(ADA), ..start() })
        .refused("PaymentMethodUnknown")
        .when(StartSubscription { currency: Some("usd".into()), ..start() })
        .events();
}
