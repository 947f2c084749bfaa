//! Who keeps means of payment.

use std::sync::Arc;

use annals_domain::samia::payment_method::{
    AddPaymentMethod, ChooseDefaultPaymentMethod, Command, PaymentMethod, RemovePaymentMethod,
    VerifyPaymentMethod,
};

use super::{owner, system, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a user's means of payment, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] = &["samia.policy.payment_methods.manage.own"];
    const SYSTEM: &[&str] = &["samia.policy.payment_methods.verify.system"];
    vec![
        command::<PaymentMethod, AddPaymentMethod>(Target::Actor, OWN, own),
        command::<PaymentMethod, VerifyPaymentMethod>(Target::Given, SYSTEM, verify),
        command::<PaymentMethod, ChooseDefaultPaymentMethod>(Target::Actor, OWN, own),
        command::<PaymentMethod, RemovePaymentMethod>(Target::Actor, OWN, own),
    ]
}

fn own<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    owner(work, uuid(id)?)?;
    work.tenant(id);
    work.decide::<PaymentMethod>(id, command.clone())
}

fn verify(work: &mut Work<'_>, id: &Arc<str>, command: &VerifyPaymentMethod) -> Result<(), Stop> {
    system(work)?;
    uuid(id)?;
    work.tenant(id);
    work.decide::<PaymentMethod>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{
        samia::testing::{ADMIN, CLIENT, OTHER, deactivate, world},
        testing::{Sent, World},
    };

    fn send(world: &mut World, command: &str, data: Value) -> Sent {
        world.send(&format!("samia.cmd.{command}"), CLIENT, data)
    }

    fn method() -> Value {
        json!({"method_type": "card", "provider": "stripe", "provider_method_id": "pm_1"})
    }

    /// Says the id of the method that was added.
    fn add(world: &mut World) -> Value {
        world.as_person(CLIENT);
        let added = send(world, "add_payment_method", method()).accepted(&["PaymentMethodAdded"]);
        added[0].event.payload_value().unwrap()["payment_method_id"].clone()
    }

    #[test]
    fn owners_keep_their_own_means_of_payment_alone() {
        let mut world = world();
        for person in [OTHER, ADMIN] {
            send(world.as_person(person), "add_payment_method", method()).denied();
        }
        send(world.as_system(), "add_payment_method", method()).denied();
        add(&mut world);
        let second = json!({"payment_method_id": add(&mut world)});
        for (command, event) in [
            ("choose_default_payment_method", "DefaultPaymentMethodChosen"),
            ("remove_payment_method", "PaymentMethodRemoved"),
        ] {
            send(world.as_person(ADMIN), command, second.clone()).denied();
            send(world.as_person(CLIENT), command, second.clone()).accepted(&[event]);
        }
        deactivate(&mut world, CLIENT);
        send(world.as_person(CLIENT), "add_payment_method", method()).refused("actor_not_active");
    }

    #[test]
    fn the_gateway_verifies_and_nobody_else() {
        let mut world = world();
        let id = json!({"payment_method_id": add(&mut world)});
        let verify = "verify_payment_method";
        send(world.as_person(CLIENT), verify, id.clone()).denied();
        send(world.as_system(), verify, id).accepted(&["PaymentMethodVerified"]);
    }

    #[test]
    fn money_moves_only_by_ones_own_verified_means() {
        let mut world = world();
        world
            .as_system()
            .send("samia.cmd.open_wallet", CLIENT, json!({}))
            .accepted(&["WalletOpened"]);
        let id = add(&mut world);
        let deposit = json!({"amount": "5", "gateway_provider": "stripe", "payment_method_id": id});
        let refusal = "payment_method_not_usable";
        send(&mut world, "initiate_deposit", deposit.clone()).refused(refusal);
        send(&mut world, "request_withdrawal", deposit.clone()).refused(refusal);
        let verified = json!({"payment_method_id": id});
        send(world.as_system(), "verify_payment_method", verified.clone())
            .accepted(&["PaymentMethodVerified"]);
        send(world.as_person(CLIENT), "initiate_deposit", deposit.clone())
            .accepted(&["DepositInitiated"]);
        send(&mut world, "remove_payment_method", verified).accepted(&["PaymentMethodRemoved"]);
        send(&mut world, "initiate_deposit", deposit).refused(refusal);
    }
}
