//! What happens to stock, as rows of `inventory_items` and `usage_logs`.

use annals_domain::nestsync::inventory_item::{Event, ItemUsed, UsageLogVoided};
use chrono::{DateTime, Utc};

use super::tables::{INVENTORY_ITEMS, USAGE_LOGS};
use crate::{change::Change, recorded::Recorded};

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::InventoryItemAdded(added) => {
            vec![INVENTORY_ITEMS.put(id, added).with("created_at", at).with("updated_at", at)]
        }
        Event::InventoryItemUpdated(updated) => {
            vec![INVENTORY_ITEMS.patch(id, updated).with("updated_at", at)]
        }
        Event::ReorderThresholdSet(set) => {
            vec![INVENTORY_ITEMS.patch(id, set).with("updated_at", at)]
        }
        Event::ItemRestocked(restocked) => {
            vec![INVENTORY_ITEMS.patch(id, restocked).only(&["quantity"]).with("updated_at", at)]
        }
        Event::StockAdjusted(adjusted) => {
            vec![INVENTORY_ITEMS.patch(id, adjusted).with("updated_at", at)]
        }
        Event::ItemUsed(used) => uses(id, at, used),
        Event::UsageLogVoided(voided) => voids(id, at, voided),
        Event::InventoryItemRemoved(removed) => {
            vec![INVENTORY_ITEMS.patch(id, removed).with("updated_at", at)]
        }
    }
}

/// A line of the usage log, and what is left of the item.
fn uses(item_id: &str, at: DateTime<Utc>, used: &ItemUsed) -> Vec<Change> {
    vec![
        USAGE_LOGS
            .put(used.usage_id, used)
            .without("usage_id")
            .without("subject_id")
            .with("item_id", item_id)
            .with("created_at", at)
            .with("updated_at", at),
        INVENTORY_ITEMS
            .patch(item_id, ())
            .with("quantity", used.quantity_after)
            .with("updated_at", at),
    ]
}

/// The line is marked, and the item has its quantity back.
fn voids(item_id: &str, at: DateTime<Utc>, voided: &UsageLogVoided) -> Vec<Change> {
    vec![
        USAGE_LOGS.patch(voided.usage_id, voided).only(&["voided_at"]).with("updated_at", at),
        INVENTORY_ITEMS.patch(item_id, voided).only(&["quantity"]).with("updated_at", at),
    ]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        Amount,
        nestsync::inventory_item::{
            Category, InventoryItem, InventoryItemAdded, InventoryItemRemoved,
            InventoryItemUpdated, ItemRestocked, ReorderThresholdSet, StockAdjusted,
        },
        testing::{ADA, day},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::{
        super::scene::{AT, FAMILY, ID, changes},
        *,
    };

    const USAGE: Uuid = Uuid::from_u128(0x05e);

    #[test]
    fn an_item_is_a_row_with_its_quantities_as_decimals() {
        let added = InventoryItemAdded {
            family_id: FAMILY,
            child_id: None,
            category: Category::Supply,
            name: "Nappies".into(),
            brand: None,
            size: None,
            unit: "piece".into(),
            quantity: Amount::from_hundredths(1_050),
            reorder_threshold: Some(Amount::from_hundredths(400)),
            reorder_quantity: None,
            expires_on: None,
            created_by: ADA,
        };
        let expected = json!({
            "family_id": FAMILY, "child_id": null, "category": "supply", "name": "Nappies",
            "brand": null, "size": null, "unit": "piece", "quantity": "10.50",
            "reorder_threshold": "4.00", "reorder_quantity": null, "expires_on": null,
            "created_by": ADA, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(changes::<InventoryItem>(ID, added), [INVENTORY_ITEMS.put(ID, expected)]);
    }

    #[test]
    fn what_happens_to_stock_changes_these_columns_and_no_others() {
        let patch = |columns| [INVENTORY_ITEMS.patch(ID, columns)];
        let two = Amount::from_hundredths(200);
        let updated = InventoryItemUpdated { brand: Some(None), ..Default::default() };
        assert_eq!(
            changes::<InventoryItem>(ID, updated),
            patch(json!({"brand": null, "updated_at": AT}))
        );
        let set = ReorderThresholdSet { reorder_threshold: Some(two), reorder_quantity: None };
        assert_eq!(
            changes::<InventoryItem>(ID, set),
            patch(json!({
                "reorder_threshold": "2.00", "reorder_quantity": null, "updated_at": AT
            }))
        );
        let restocked = ItemRestocked { restocked: Amount::from_hundredths(100), quantity: two };
        let counted = StockAdjusted { quantity: two };
        let expected = json!({"quantity": "2.00", "updated_at": AT});
        assert_eq!(changes::<InventoryItem>(ID, restocked), patch(expected.clone()));
        assert_eq!(changes::<InventoryItem>(ID, counted), patch(expected));
        assert_eq!(
            changes::<InventoryItem>(ID, InventoryItemRemoved { deleted_at: day(2) }),
            patch(json!({"deleted_at": day(2), "updated_at": AT}))
        );
    }

    #[test]
    fn a_use_is_a_line_of_the_log_and_leaves_less() {
        let used = ItemUsed {
            usage_id: USAGE,
            subject_id: ADA,
            family_id: FAMILY,
            child_id: None,
            quantity: Amount::from_hundredths(150),
            quantity_after: Amount::from_hundredths(850),
            used_at: day(1),
            logged_by: ADA,
            notes: Some("at night".into()),
        };
        let line = json!({
            "family_id": FAMILY, "item_id": ID, "child_id": null, "quantity": "1.50",
            "quantity_after": "8.50", "used_at": day(1), "logged_by": ADA, "notes": "at night",
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(
            changes::<InventoryItem>(ID, used),
            [
                USAGE_LOGS.put(USAGE, line),
                INVENTORY_ITEMS.patch(ID, json!({"quantity": "8.50", "updated_at": AT})),
            ]
        );
    }

    #[test]
    fn a_voided_use_is_marked_and_gives_back() {
        let voided = UsageLogVoided {
            usage_id: USAGE,
            voided_at: day(2),
            quantity: Amount::from_hundredths(1_000),
        };
        assert_eq!(
            changes::<InventoryItem>(ID, voided),
            [
                USAGE_LOGS.patch(USAGE, json!({"voided_at": day(2), "updated_at": AT})),
                INVENTORY_ITEMS.patch(ID, json!({"quantity": "10.00", "updated_at": AT})),
            ]
        );
    }
}
