//! What a family pays with, and its subscriptions, as rows of `payment_methods` and `subscriptions`.

use annals_domain::nestsync::billing::{DefaultPaymentMethodChosen, Event, SubscriptionStarted};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::tables::{PAYMENT_METHODS, SUBSCRIPTIONS};
use crate::{change::Change, recorded::Recorded, table::imported};

/// What an event does to rows. The stream's id is the family's.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (family_id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::PaymentMethodAdded(added) => vec![
            PAYMENT_METHODS
                .put(added.payment_method_id, added)
                .without("payment_method_id")
                .with("family_id", family_id)
                .with("created_at", at)
                .with("updated_at", at),
        ],
        Event::DefaultPaymentMethodChosen(chosen) => chooses(chosen, at),
        Event::PaymentMethodRemoved(removed) => vec![
            PAYMENT_METHODS
                .patch(removed.payment_method_id, removed)
                .without("payment_method_id")
                .with("updated_at", at),
        ],
        Event::TrialStarted(trial) => vec![
            SUBSCRIPTIONS
                .put(trial.subscription_id, trial)
                .without("subscription_id")
                .with("family_id", family_id)
                .with("created_at", at)
                .with("updated_at", at),
        ],
        Event::SubscriptionStarted(started) => vec![starts(family_id, at, started)],
        Event::SubscriptionRenewed(renewed) => goes_on(renewed.subscription_id, renewed, at),
        Event::SubscriptionPastDue(late) => goes_on(late.subscription_id, late, at),
        Event::SubscriptionCancellationRequested(requested) => {
            goes_on(requested.subscription_id, requested, at)
        }
        Event::SubscriptionResumed(resumed) => goes_on(resumed.subscription_id, resumed, at),
        Event::SubscriptionCancelled(ended) => goes_on(ended.subscription_id, ended, at),
        Event::SubscriptionExpired(ended) => goes_on(ended.subscription_id, ended, at),
        Event::Imported(row) => imported([&PAYMENT_METHODS, &SUBSCRIPTIONS], row),
    }
}

/// A family has one default at any time (nestsync.idx_payment_methods_default), and rows that change
/// one by one change in any order; so the former makes room by a condition, which comes before what
/// follows it.
fn chooses(chosen: &DefaultPaymentMethodChosen, at: DateTime<Utc>) -> Vec<Change> {
    let former = chosen.former_payment_method_id.map(|former| {
        PAYMENT_METHODS.patch_where("id", former).with("is_default", false).with("updated_at", at)
    });
    let chosen = PAYMENT_METHODS
        .patch(chosen.payment_method_id, ())
        .with("is_default", true)
        .with("updated_at", at);
    former.into_iter().chain([chosen]).collect()
}

/// A subscription changes as its event says.
fn goes_on(subscription_id: Uuid, event: &impl Serialize, at: DateTime<Utc>) -> Vec<Change> {
    let change = SUBSCRIPTIONS.patch(subscription_id, event).without("subscription_id");
    vec![change.with("updated_at", at)]
}

/// A new row, or the trial's row with what it has become.
fn starts(family_id: &str, at: DateTime<Utc>, started: &SubscriptionStarted) -> Change {
    let id = started.subscription_id;
    let change = if started.from_trial {
        SUBSCRIPTIONS.patch(id, started).without("payer_id").without("plan")
    } else {
        SUBSCRIPTIONS
            .put(id, started)
            .with("family_id", family_id)
            .with("cancel_at_period_end", false)
            .with("created_at", at)
    };
    change.without("subscription_id").without("from_trial").with("updated_at", at)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::billing::{
            Billing, BillingInterval, MethodType, PaymentMethodAdded, PaymentMethodRemoved, Plan,
            Status, SubscriptionCancellationRequested, SubscriptionCancelled, SubscriptionExpired,
            SubscriptionPastDue, SubscriptionRenewed, SubscriptionResumed, TrialStarted,
        },
        testing::{ADA, day},
    };
    use serde_json::{Value, json};

    use super::{
        super::scene::{AT, ID, changes},
        *,
    };

    const CARD: Uuid = Uuid::from_u128(0xca);
    const FORMER: Uuid = Uuid::from_u128(0xcb);
    const SUBSCRIPTION: Uuid = Uuid::from_u128(0x5b);

    #[test]
    fn a_means_of_payment_is_a_row_with_its_token() {
        let added = PaymentMethodAdded {
            payment_method_id: CARD,
            user_id: ADA,
            method_type: MethodType::BankAccount,
            provider: "stripe".into(),
            provider_method_id: "pm_1".into(),
            brand: None,
            last_four: None,
            expiry_month: None,
            expiry_year: None,
            is_default: true,
        };
        let expected = json!({
            "family_id": ID, "user_id": ADA, "method_type": "bank_account", "provider": "stripe",
            "provider_method_id": "pm_1", "brand": null, "last_four": null, "expiry_month": null,
            "expiry_year": null, "is_default": true, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(changes::<Billing>(ID, added), [PAYMENT_METHODS.put(CARD, expected)]);
        let removed =
            PaymentMethodRemoved { payment_method_id: CARD, is_default: false, deleted_at: day(2) };
        let expected = json!({"is_default": false, "deleted_at": day(2), "updated_at": AT});
        assert_eq!(changes::<Billing>(ID, removed), [PAYMENT_METHODS.patch(CARD, expected)]);
    }

    #[test]
    fn the_former_default_makes_room_before_the_new_one_takes_it() {
        let free = PAYMENT_METHODS
            .patch_where("id", FORMER)
            .with("is_default", false)
            .with("updated_at", AT);
        let taken = PAYMENT_METHODS.patch(CARD, json!({"is_default": true, "updated_at": AT}));
        let chosen = |former_payment_method_id| DefaultPaymentMethodChosen {
            payment_method_id: CARD,
            former_payment_method_id,
        };
        assert_eq!(changes::<Billing>(ID, chosen(Some(FORMER))), [free, taken.clone()]);
        assert_eq!(changes::<Billing>(ID, chosen(None)), [taken]);
    }

    fn started(from_trial: bool) -> SubscriptionStarted {
        SubscriptionStarted {
            subscription_id: SUBSCRIPTION,
            from_trial,
            payer_id: ADA,
            payment_method_id: Some(CARD),
            plan: Plan::Premium,
            billing_interval: BillingInterval::Month,
            price_cents: 999,
            currency: "CAD".into(),
            status: Status::Active,
            current_period_start: day(1),
            current_period_end: day(32),
            provider: None,
            provider_subscription_id: None,
        }
    }

    #[test]
    fn a_trial_is_a_row_that_becomes_the_subscription() {
        let trial = TrialStarted {
            subscription_id: SUBSCRIPTION,
            payer_id: ADA,
            payment_method_id: None,
            plan: Plan::Premium,
            billing_interval: BillingInterval::Month,
            price_cents: 999,
            currency: "CAD".into(),
            status: Status::Trialing,
            trial_ends_at: day(31),
            current_period_start: day(1),
            current_period_end: day(31),
            cancel_at_period_end: false,
        };
        let expected = json!({
            "family_id": ID, "payer_id": ADA, "payment_method_id": null, "plan": "premium",
            "billing_interval": "month", "price_cents": 999, "currency": "CAD",
            "status": "trialing", "trial_ends_at": day(31), "current_period_start": day(1),
            "current_period_end": day(31), "cancel_at_period_end": false, "created_at": AT,
            "updated_at": AT,
        });
        assert_eq!(changes::<Billing>(ID, trial), [SUBSCRIPTIONS.put(SUBSCRIPTION, expected)]);
        let expected = json!({
            "payment_method_id": CARD, "billing_interval": "month", "price_cents": 999,
            "currency": "CAD", "status": "active", "current_period_start": day(1),
            "current_period_end": day(32), "provider": null, "provider_subscription_id": null,
            "updated_at": AT,
        });
        assert_eq!(
            changes::<Billing>(ID, started(true)),
            [SUBSCRIPTIONS.patch(SUBSCRIPTION, expected)]
        );
    }

    #[test]
    fn a_subscription_without_a_trial_is_a_row_of_its_own() {
        let expected = json!({
            "family_id": ID, "payer_id": ADA, "payment_method_id": CARD, "plan": "premium",
            "billing_interval": "month", "price_cents": 999, "currency": "CAD",
            "status": "active", "current_period_start": day(1), "current_period_end": day(32),
            "cancel_at_period_end": false, "provider": null, "provider_subscription_id": null,
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(
            changes::<Billing>(ID, started(false)),
            [SUBSCRIPTIONS.put(SUBSCRIPTION, expected)]
        );
    }

    #[test]
    fn what_becomes_of_a_subscription_is_told_in_its_row() {
        let patch = |mut columns: Value| {
            columns["updated_at"] = json!(AT);
            [SUBSCRIPTIONS.patch(SUBSCRIPTION, columns)]
        };
        let subscription_id = SUBSCRIPTION;
        let renewed = SubscriptionRenewed {
            subscription_id,
            status: Status::Active,
            current_period_start: day(32),
            current_period_end: day(60),
        };
        assert_eq!(
            changes::<Billing>(ID, renewed),
            patch(json!({
                "status": "active", "current_period_start": day(32), "current_period_end": day(60),
            }))
        );
        let late = SubscriptionPastDue { subscription_id, status: Status::PastDue };
        assert_eq!(changes::<Billing>(ID, late), patch(json!({"status": "past_due"})));
        let (wished, ended_at) = (Some(day(2)), day(3));
        let requested = SubscriptionCancellationRequested {
            subscription_id,
            cancel_at_period_end: true,
            cancelled_at: wished,
        };
        assert_eq!(
            changes::<Billing>(ID, requested),
            patch(json!({"cancel_at_period_end": true, "cancelled_at": wished}))
        );
        let resumed = SubscriptionResumed {
            subscription_id,
            cancel_at_period_end: false,
            cancelled_at: None,
        };
        assert_eq!(
            changes::<Billing>(ID, resumed),
            patch(json!({"cancel_at_period_end": false, "cancelled_at": null}))
        );
        let cancelled =
            SubscriptionCancelled { subscription_id, status: Status::Cancelled, ended_at };
        assert_eq!(
            changes::<Billing>(ID, cancelled),
            patch(json!({"status": "cancelled", "ended_at": ended_at}))
        );
        let expired = SubscriptionExpired { subscription_id, status: Status::Expired, ended_at };
        assert_eq!(
            changes::<Billing>(ID, expired),
            patch(json!({"status": "expired", "ended_at": ended_at}))
        );
    }
}
