//! What happens when a period is over and nobody paid.

use annals_domain::nestsync::{
    billing::{
        Billing, EndSubscription, Event, ExpireSubscription, MarkSubscriptionPastDue, Status,
    },
    notification_preference::Topic,
    permission::Permission,
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{NOTIFY_SUBSCRIPTION, PERIOD, notify};
use crate::reaction::{Halt, Memory, Reacting};

/// What is remembered of a family's billing: its live subscription.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfBilling {
    status: Option<Status>,
    ends: bool,
}

impl Memory for OfBilling {
    const KIND: &'static str = "billing";
}

/// What billing's events lead to. The stream is the family.
pub fn billing(event: &Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let family = reacting.cause.id_of_stream()?;
    let now = |status: Status, reacting: &mut Reacting<'_>| {
        reacting.amend(family, |billing: &mut OfBilling| billing.status = Some(status)).map(drop)
    };
    match event {
        Event::TrialStarted(trial) => {
            reacting.remember(family, &OfBilling { status: Some(trial.status), ends: false })?;
            reacting.wake_at(PERIOD, family, trial.trial_ends_at);
        }
        Event::SubscriptionStarted(started) => {
            reacting.remember(family, &OfBilling { status: Some(started.status), ends: false })?;
            reacting.wake_at(PERIOD, family, started.current_period_end);
        }
        Event::SubscriptionRenewed(renewed) => {
            now(renewed.status, reacting)?;
            reacting.wake_at(PERIOD, family, renewed.current_period_end);
        }
        Event::SubscriptionCancellationRequested(asked) => {
            let ends = asked.cancel_at_period_end;
            reacting.amend(family, |billing: &mut OfBilling| billing.ends = ends)?;
        }
        Event::SubscriptionResumed(resumed) => {
            let ends = resumed.cancel_at_period_end;
            reacting.amend(family, |billing: &mut OfBilling| billing.ends = ends)?;
        }
        Event::SubscriptionPastDue(due) => {
            now(due.status, reacting)?;
            let days = Duration::days(reacting.rules.nestsync.past_due_days.into());
            reacting.wake_at(PERIOD, family, reacting.cause.at + days);
            tell(family, due.subscription_id, reacting)?;
        }
        Event::SubscriptionCancelled(ended) => {
            now(ended.status, reacting)?;
            reacting.let_sleep(PERIOD, family);
            tell(family, ended.subscription_id, reacting)?;
        }
        Event::SubscriptionExpired(ended) => {
            now(ended.status, reacting)?;
            reacting.let_sleep(PERIOD, family);
            tell(family, ended.subscription_id, reacting)?;
        }
        Event::Imported(row) => {
            let live = row.get::<Status>("status").filter(|status| {
                matches!(status, Status::Trialing | Status::Active | Status::PastDue)
            });
            let ends = row.or_default("cancel_at_period_end");
            let trial = row.get::<DateTime<Utc>>("trial_ends_at");
            let until = row.get::<DateTime<Utc>>("current_period_end");
            let due = match live {
                Some(Status::Trialing) => trial.or(until),
                Some(Status::PastDue) => until.map(|until| {
                    until + Duration::days(reacting.rules.nestsync.past_due_days.into())
                }),
                _ => until,
            };
            if let (Some(status), Some(due)) = (live, due) {
                reacting.remember(family, &OfBilling { status: Some(status), ends })?;
                reacting.wake_at(PERIOD, family, due);
            }
        }
        Event::PaymentMethodAdded(_)
        | Event::DefaultPaymentMethodChosen(_)
        | Event::PaymentMethodRemoved(_) => {}
    }
    Ok(())
}

fn tell(family: Uuid, subscription: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    notify::members(
        NOTIFY_SUBSCRIPTION,
        family,
        Permission::BillingManage,
        Topic::Subscription,
        ("subscription", subscription),
        reacting,
    )
}

/// A period is over and no renewal came (nestsync.reaction.subscription-period). A trial that is over
/// was never paid for: it expires, and is past due at no time (nestsync.rule.subscription.states).
pub fn over(family: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let billing = reacting.recall::<OfBilling>(family)?;
    match billing.status {
        Some(Status::Trialing | Status::Active | Status::PastDue) if billing.ends => {
            reacting.send::<Billing, _>(PERIOD, family, &EndSubscription {})
        }
        Some(Status::Active) => {
            reacting.send::<Billing, _>(PERIOD, family, &MarkSubscriptionPastDue {})
        }
        Some(Status::Trialing | Status::PastDue) => {
            reacting.send::<Billing, _>(PERIOD, family, &ExpireSubscription {})
        }
        Some(Status::Cancelled | Status::Expired) | None => Ok(()),
    }
}
