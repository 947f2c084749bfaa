//! Means of payment.

use annals_domain::samia::payment_method::Event;
use serde_json::Value;
use uuid::Uuid;

use super::tables::PAYMENT_METHODS;
use crate::{change::Change, recorded::Recorded};

/// What happens to a user's means of payment does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::PaymentMethodAdded(added) => vec![
            PAYMENT_METHODS
                .put(added.payment_method_id, added)
                .without("payment_method_id")
                .with("user_id", recorded.id)
                .with("created_at", at)
                .with("updated_at", at)
                .with("deleted_at", Value::Null),
        ],
        Event::PaymentMethodVerified(verified) => {
            vec![changed(recorded, verified.payment_method_id).with("is_verified", true)]
        }
        Event::DefaultPaymentMethodChosen(chosen) => {
            let was = chosen.instead_of.map(|id| changed(recorded, id).with("is_default", false));
            let is = changed(recorded, chosen.payment_method_id).with("is_default", true);
            was.into_iter().chain([is]).collect()
        }
        Event::PaymentMethodRemoved(removed) => vec![
            changed(recorded, removed.payment_method_id)
                .with("is_default", false)
                .with("deleted_at", at),
        ],
        Event::Imported(row) => vec![PAYMENT_METHODS.imported(row)],
    }
}

fn changed(recorded: &Recorded<'_, Event>, id: Uuid) -> Change {
    PAYMENT_METHODS.patch(id, ()).with("updated_at", recorded.at)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::payment_method::{
            DefaultPaymentMethodChosen, PaymentMethodAdded, PaymentMethodRemoved,
        },
        testing::{ADA, day},
    };
    use serde_json::json;

    use super::*;
    use crate::samia::testing::{changes, fits, of};

    const ONE: Uuid = Uuid::from_u128(1);
    const TWO: Uuid = Uuid::from_u128(2);

    #[test]
    fn a_means_of_payment_is_a_whole_row_of_its_owners() {
        let added: PaymentMethodAdded = serde_json::from_value(json!({
            "payment_method_id": ONE, "method_type": "card", "provider": "stripe",
            "provider_method_id": "pm_1", "display_name": null, "last_four": null, "brand": null,
            "expiry_month": null, "expiry_year": null, "is_default": true, "is_verified": false,
        }))
        .unwrap();
        let changes = changes(project, added);
        let row = of(&changes, "payment_methods");
        fits(row);
        assert_eq!((&row.key["id"], &row.columns["user_id"]), (&json!(ONE), &json!(ADA)));
    }

    #[test]
    fn one_default_takes_the_place_of_another() {
        let chosen = |instead_of| DefaultPaymentMethodChosen { payment_method_id: ONE, instead_of };
        let both = changes(project, chosen(Some(TWO)));
        let defaults: Vec<_> =
            both.iter().map(|row| (&row.key["id"], &row.columns["is_default"])).collect();
        assert_eq!(defaults, [(&json!(TWO), &json!(false)), (&json!(ONE), &json!(true))]);
        assert_eq!(changes(project, chosen(None)).len(), 1);
    }

    #[test]
    fn a_removed_means_of_payment_is_marked_and_stays() {
        let changes = changes(project, PaymentMethodRemoved { payment_method_id: ONE });
        let row = of(&changes, "payment_methods");
        fits(row);
        assert_eq!(row.columns["deleted_at"], json!(day(1)));
    }
}
