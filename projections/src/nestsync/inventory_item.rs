//! What happens to stock, as rows of `inventory_items`, `usage_logs`, `usage_analytics` and
//! `reorder_suggestions`.

use annals_domain::nestsync::{
    inventory_item::{Event, ItemUsed, UsageLogVoided},
    usage::UsageTotal,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::tables::{INVENTORY_ITEMS, REORDER_SUGGESTIONS, USAGE_ANALYTICS, USAGE_LOGS};
use crate::{change::Change, recorded::Recorded, table::imported};

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
        Event::ReorderSuggested(suggested) => vec![
            REORDER_SUGGESTIONS
                .put(suggested.suggestion_id, suggested)
                .without("suggestion_id")
                .with("item_id", id)
                .with("created_at", at)
                .with("updated_at", at),
        ],
        Event::ReorderSuggestionAccepted(accepted) => decided(accepted.suggestion_id, accepted, at),
        Event::ReorderSuggestionDismissed(dismissed) => {
            decided(dismissed.suggestion_id, dismissed, at)
        }
        Event::ReorderSuggestionFulfilled(fulfilled) => {
            decided(fulfilled.suggestion_id, fulfilled, at)
        }
        Event::Imported(row) => {
            imported([&INVENTORY_ITEMS, &USAGE_LOGS, &USAGE_ANALYTICS, &REORDER_SUGGESTIONS], row)
        }
    }
}

/// A proposal changes as its event says.
fn decided(suggestion_id: Uuid, event: &impl Serialize, at: DateTime<Utc>) -> Vec<Change> {
    let change = REORDER_SUGGESTIONS.patch(suggestion_id, event).without("suggestion_id");
    vec![change.with("updated_at", at)]
}

/// What use adds up to now (nestsync.reaction.usage-aggregates).
fn added_up<'a>(
    item_id: &'a str,
    family_id: Uuid,
    at: DateTime<Utc>,
    totals: &'a [UsageTotal],
) -> impl Iterator<Item = Change> + 'a {
    totals.iter().map(move |total| {
        let key =
            [json!(family_id), json!(item_id), json!(total.period), json!(total.period_start)];
        USAGE_ANALYTICS
            .put(key, total)
            .without("period")
            .without("period_start")
            .with("updated_at", at)
    })
}

/// A line of the usage log, what is left of the item, and what use adds up to.
fn uses(item_id: &str, at: DateTime<Utc>, used: &ItemUsed) -> Vec<Change> {
    let mut changes = vec![
        USAGE_LOGS
            .put(used.usage_id, used)
            .without("usage_id")
            .without("subject_id")
            .without("usage_analytics")
            .with("item_id", item_id)
            .with("created_at", at)
            .with("updated_at", at),
        INVENTORY_ITEMS
            .patch(item_id, ())
            .with("quantity", used.quantity_after)
            .with("updated_at", at),
    ];
    changes.extend(added_up(item_id, used.family_id, at, &used.usage_analytics));
    changes
}

/// The line is marked, the item has its quantity back, and the use is out of the sums.
fn voids(item_id: &str, at: DateTime<Utc>, voided: &UsageLogVoided) -> Vec<Change> {
    let mut changes = vec![
        USAGE_LOGS.patch(voided.usage_id, voided).only(&["voided_at"]).with("updated_at", at),
        INVENTORY_ITEMS.patch(item_id, voided).only(&["quantity"]).with("updated_at", at),
    ];
    changes.extend(added_up(item_id, voided.family_id, at, &voided.usage_analytics));
    changes
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        Amount,
        nestsync::{
            calendar::Period,
            inventory_item::{
                Category, InventoryItem, InventoryItemAdded, InventoryItemRemoved,
                InventoryItemUpdated, ItemRestocked, ReorderSuggested, ReorderSuggestionAccepted,
                ReorderSuggestionDismissed, ReorderSuggestionFulfilled, ReorderThresholdSet,
                StockAdjusted, SuggestionStatus,
            },
        },
        testing::{ADA, day},
    };
    use serde_json::Value;

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

    fn day_total(usage_count: u32, last_used_at: Option<DateTime<Utc>>) -> UsageTotal {
        UsageTotal {
            period: Period::Day,
            period_start: day(1).date_naive(),
            usage_count,
            total_quantity: Amount::from_hundredths(150),
            average_quantity: "1.5000".into(),
            last_used_at,
        }
    }

    fn analytics(usage_count: u32, last_used_at: Value) -> Change {
        USAGE_ANALYTICS.put(
            [json!(FAMILY), json!(ID), json!("day"), json!("2026-01-01")],
            json!({
                "usage_count": usage_count, "total_quantity": "1.50", "average_quantity": "1.5000",
                "last_used_at": last_used_at, "updated_at": AT,
            }),
        )
    }

    #[test]
    fn a_use_is_a_line_of_the_log_leaves_less_and_is_added_up() {
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
            usage_analytics: vec![day_total(1, Some(day(1)))],
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
                analytics(1, json!(day(1))),
            ]
        );
    }

    #[test]
    fn a_voided_use_is_marked_gives_back_and_is_out_of_the_sums() {
        let voided = UsageLogVoided {
            usage_id: USAGE,
            family_id: FAMILY,
            voided_at: day(2),
            quantity: Amount::from_hundredths(1_000),
            usage_analytics: vec![day_total(0, None)],
        };
        assert_eq!(
            changes::<InventoryItem>(ID, voided),
            [
                USAGE_LOGS.patch(USAGE, json!({"voided_at": day(2), "updated_at": AT})),
                INVENTORY_ITEMS.patch(ID, json!({"quantity": "10.00", "updated_at": AT})),
                analytics(0, Value::Null),
            ]
        );
    }

    #[test]
    fn a_proposal_is_a_row_until_it_is_decided() {
        let (suggestion_id, decided_at) = (USAGE, day(2));
        let suggested = ReorderSuggested {
            suggestion_id,
            family_id: FAMILY,
            suggested_quantity: Amount::from_hundredths(600),
            quantity_at_suggestion: Amount::from_hundredths(200),
            threshold_at_suggestion: Amount::from_hundredths(400),
            status: SuggestionStatus::Open,
        };
        let expected = json!({
            "family_id": FAMILY, "item_id": ID, "suggested_quantity": "6.00",
            "quantity_at_suggestion": "2.00", "threshold_at_suggestion": "4.00", "status": "open",
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(
            changes::<InventoryItem>(ID, suggested),
            [REORDER_SUGGESTIONS.put(suggestion_id, expected)]
        );
        let patch = |columns| [REORDER_SUGGESTIONS.patch(suggestion_id, columns)];
        let status = SuggestionStatus::Accepted;
        let accepted =
            ReorderSuggestionAccepted { suggestion_id, status, decided_by: ADA, decided_at };
        assert_eq!(
            changes::<InventoryItem>(ID, accepted),
            patch(json!({
                "status": "accepted", "decided_by": ADA, "decided_at": decided_at, "updated_at": AT,
            }))
        );
        let status = SuggestionStatus::Dismissed;
        let dismissed =
            ReorderSuggestionDismissed { suggestion_id, status, decided_by: None, decided_at };
        assert_eq!(
            changes::<InventoryItem>(ID, dismissed),
            patch(json!({
                "status": "dismissed", "decided_by": null, "decided_at": decided_at,
                "updated_at": AT,
            }))
        );
        let status = SuggestionStatus::Fulfilled;
        let fulfilled = ReorderSuggestionFulfilled { suggestion_id, status, decided_at };
        assert_eq!(
            changes::<InventoryItem>(ID, fulfilled),
            patch(json!({
                "status": "fulfilled", "decided_at": decided_at, "updated_at": AT,
            }))
        );
    }
}
