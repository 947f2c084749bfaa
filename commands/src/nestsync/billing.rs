//! Who may do what with a family's billing (nestsync.policy.payment_methods.manage,
//! nestsync.policy.subscriptions.*).

use std::sync::Arc;

use annals_domain::nestsync::{
    billing::{
        AddPaymentMethod, Billing, CancelSubscription, ChooseDefaultPaymentMethod, Command,
        EndSubscription, ExpireSubscription, MarkSubscriptionPastDue, RemovePaymentMethod,
        RenewSubscription, ResumeSubscription, StartSubscription, StartTrial,
    },
    family::Family,
    permission::Permission,
};

use super::{permitted, system};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a family's billing, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const METHODS: &[&str] =
        &["nestsync.policy.payment_methods.manage", "nestsync.policy.override.sysadmin"];
    const MANAGE: &[&str] =
        &["nestsync.policy.subscriptions.manage", "nestsync.policy.override.sysadmin"];
    const SYSTEM: &[&str] = &["nestsync.policy.subscriptions.system"];
    vec![
        command::<Billing, AddPaymentMethod>(Target::Given, METHODS, manage),
        command::<Billing, ChooseDefaultPaymentMethod>(Target::Given, METHODS, manage),
        command::<Billing, RemovePaymentMethod>(Target::Given, METHODS, manage),
        command::<Billing, StartTrial>(Target::Given, MANAGE, manage),
        command::<Billing, StartSubscription>(Target::Given, MANAGE, manage),
        command::<Billing, RenewSubscription>(Target::Given, SYSTEM, by_system),
        command::<Billing, MarkSubscriptionPastDue>(Target::Given, SYSTEM, by_system),
        command::<Billing, CancelSubscription>(Target::Given, MANAGE, manage),
        command::<Billing, ResumeSubscription>(Target::Given, MANAGE, manage),
        command::<Billing, EndSubscription>(Target::Given, SYSTEM, by_system),
        command::<Billing, ExpireSubscription>(Target::Given, SYSTEM, by_system),
    ]
}

/// The stream's id is the family's.
fn manage<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    permitted(work, id, Permission::BillingManage)?;
    work.tenant(id);
    work.decide::<Billing>(id, command.clone())
}

/// Money still moves when a family is archived.
fn by_system<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    work.existing::<Family>(id)?;
    work.tenant(id);
    work.decide::<Billing>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, BOB};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::super::scene::{CARL, EVE, FAMILY, ROOT, VERA, deactivate, world};

    fn card() -> Value {
        json!({
            "method_type": "card", "provider": "stripe", "provider_method_id": "pm_1",
            "last_four": "4242",
        })
    }

    #[test]
    fn members_with_billing_manage_keep_means_of_payment_and_subscription() {
        let mut world = world();
        let price = json!({"billing_interval": "month", "price_cents": 999});
        let steps = [
            ("nestsync.cmd.add_payment_method", card(), "PaymentMethodAdded"),
            ("nestsync.cmd.start_trial", price.clone(), "TrialStarted"),
            ("nestsync.cmd.start_subscription", price, "SubscriptionStarted"),
            ("nestsync.cmd.cancel_subscription", json!({}), "SubscriptionCancellationRequested"),
            ("nestsync.cmd.resume_subscription", json!({}), "SubscriptionResumed"),
        ];
        for (subject, data, event) in steps {
            // A parent starts with every code but this one.
            for other in [BOB, CARL, VERA, EVE] {
                world.as_person(other).send(subject, FAMILY, data.clone()).denied();
            }
            world.as_system().send(subject, FAMILY, data.clone()).denied();
            world.as_person(ROOT).send(subject, FAMILY, data.clone()).refused("reason_required");
            world.as_person(ADA).send(subject, FAMILY, data).accepted(&[event]);
        }
        deactivate(&mut world, ADA);
        world
            .send("nestsync.cmd.cancel_subscription", FAMILY, json!({}))
            .refused("actor_not_active");
    }

    #[test]
    fn another_means_of_payment_is_chosen_and_the_former_removed() {
        let mut world = world();
        world.as_person(ADA);
        let mut added = || {
            let sent = world.send("nestsync.cmd.add_payment_method", FAMILY, card());
            let payload = sent.accepted(&["PaymentMethodAdded"])[0].event.payload_value().unwrap();
            json!({"payment_method_id": payload["payment_method_id"]})
        };
        let (first, second) = (added(), added());
        let choose = "nestsync.cmd.choose_default_payment_method";
        let remove = "nestsync.cmd.remove_payment_method";
        for (subject, data, event) in [
            (choose, &second, "DefaultPaymentMethodChosen"),
            (remove, &first, "PaymentMethodRemoved"),
        ] {
            for other in [BOB, EVE] {
                world.as_person(other).send(subject, FAMILY, data.clone()).denied();
            }
            world.as_person(ADA).send(subject, FAMILY, data.clone()).accepted(&[event]);
        }
        world.send(remove, FAMILY, first).refused("payment_method_unknown");
    }

    #[test]
    fn a_cards_number_is_refused() {
        let mut raw = card();
        raw["provider_method_id"] = json!("4242 4242 4242 4242");
        world()
            .as_person(ADA)
            .send("nestsync.cmd.add_payment_method", FAMILY, raw)
            .refused("raw_card_refused");
    }

    #[test]
    fn the_provider_and_the_clock_renew_mark_and_end() {
        let mut world = world();
        let price = json!({"billing_interval": "year", "price_cents": 9_900});
        let start = |world: &mut crate::testing::World| {
            world
                .as_person(ADA)
                .send("nestsync.cmd.start_subscription", FAMILY, price.clone())
                .accepted(&["SubscriptionStarted"]);
        };
        start(&mut world);
        let steps = [
            ("nestsync.cmd.renew_subscription", "SubscriptionRenewed"),
            ("nestsync.cmd.mark_subscription_past_due", "SubscriptionPastDue"),
            ("nestsync.cmd.expire_subscription", "SubscriptionExpired"),
        ];
        for (subject, event) in steps {
            for person in [ADA, ROOT] {
                world.as_person(person).send(subject, FAMILY, json!({})).denied();
            }
            world.as_system().send(subject, FAMILY, json!({})).accepted(&[event]);
        }
        start(&mut world);
        let end = "nestsync.cmd.end_subscription";
        world.send(end, FAMILY, json!({})).denied();
        world.as_system().send(end, FAMILY, json!({})).accepted(&["SubscriptionCancelled"]);
        world.send(end, FAMILY, json!({})).refused("subscription_transition_refused");
        world.send(end, Uuid::from_u128(0x40), json!({})).unknown();
    }
}
