//! Items that run low, are filled up, or go.

use std::collections::BTreeSet;

use annals_domain::{
    Amount, Imported,
    nestsync::{
        inventory_item::{
            DismissReorderSuggestion, Event, FulfilReorderSuggestion, InventoryItem,
            SuggestReorder, SuggestionStatus,
        },
        notification_preference::Topic,
        permission::Permission,
    },
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{DROPPED, FULFILLED, NOTIFY_REORDER, SUGGESTION, notify};
use crate::reaction::{Halt, Memory, Reacting};

/// Uses that the rate is taken from; beyond, the oldest are let go.
const USES: usize = 400;

/// What is remembered of an item: how much there is, what was proposed, and how fast it goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfItem {
    family_id: Option<Uuid>,
    quantity: Amount,
    threshold: Option<Amount>,
    open: Option<Uuid>,
    accepted: BTreeSet<Uuid>,
    removed: bool,
    /// Uses of late that were not voided.
    uses: Vec<(Uuid, DateTime<Utc>, Amount)>,
}

impl Memory for OfItem {
    const KIND: &'static str = "item";
}

impl OfItem {
    /// As the item itself says it (nestsync.rule.reorder.trigger).
    fn is_low(&self) -> bool {
        let mut item = InventoryItem::default();
        item.quantity = self.quantity;
        item.reorder_threshold = self.threshold;
        !self.removed && item.low().is_some()
    }

    /// Hundredths used a day, over so many days up to now.
    fn rate(&self, now: DateTime<Utc>, days: u32) -> i64 {
        let since = now - Duration::days(days.into());
        let used: i64 = self
            .uses
            .iter()
            .filter(|(_, at, _)| *at > since)
            .map(|(_, _, quantity)| quantity.hundredths())
            .fold(0, i64::saturating_add);
        used / i64::from(days.max(1))
    }
}

/// What an item's events lead to.
pub fn item(event: &Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    let days = Duration::days(reacting.rules.nestsync.usage_days.into());
    let item = reacting.amend(id, |item: &mut OfItem| note(item, event, days))?;
    match event {
        Event::ItemUsed(_) | Event::StockAdjusted(_) | Event::ReorderThresholdSet(_) => {
            if item.is_low() && item.open.is_none() {
                reacting.send::<InventoryItem, _>(SUGGESTION, id, &SuggestReorder {})?;
            }
        }
        Event::ItemRestocked(_) => fulfil(id, &item, reacting)?,
        Event::InventoryItemRemoved(_) => {
            if let Some(suggestion_id) = item.open {
                let dismiss = DismissReorderSuggestion { suggestion_id: Some(suggestion_id) };
                reacting.send::<InventoryItem, _>(DROPPED, id, &dismiss)?;
            }
        }
        Event::ReorderSuggested(suggested) => {
            let (family, suggestion) = (suggested.family_id, suggested.suggestion_id);
            // The rate behind the proposal goes to whoever words the message.
            let rate = item.rate(reacting.cause.at, reacting.rules.nestsync.usage_days);
            let left = (rate > 0).then(|| suggested.quantity_at_suggestion.hundredths() / rate);
            reacting.tell(
                NOTIFY_REORDER,
                "reorder_suggested",
                json!({
                    "family_id": family, "item_id": id, "suggestion_id": suggestion,
                    "suggested_quantity": suggested.suggested_quantity,
                    "used_per_day": Amount::from_hundredths(rate),
                    "days_left": left,
                }),
            );
            notify::members(
                NOTIFY_REORDER,
                family,
                Permission::InventoryWrite,
                Topic::ReorderSuggestion,
                ("reorder_suggestion", suggestion),
                reacting,
            )?;
        }
        Event::InventoryItemAdded(_)
        | Event::InventoryItemUpdated(_)
        | Event::UsageLogVoided(_)
        | Event::ReorderSuggestionAccepted(_)
        | Event::ReorderSuggestionDismissed(_)
        | Event::ReorderSuggestionFulfilled(_)
        | Event::Imported(_) => {}
    }
    Ok(())
}

/// Proposals are fulfilled once there is enough (nestsync.reaction.reorder-fulfilled).
fn fulfil(id: Uuid, item: &OfItem, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    if item.is_low() {
        return Ok(());
    }
    for suggestion in item.open.iter().chain(&item.accepted) {
        let fulfil = FulfilReorderSuggestion { suggestion_id: Some(*suggestion) };
        reacting.send_as::<InventoryItem, _>(FULFILLED, id, &suggestion.to_string(), &fulfil)?;
    }
    Ok(())
}

fn note(item: &mut OfItem, event: &Event, days: Duration) {
    match event {
        Event::InventoryItemAdded(added) => {
            item.family_id = Some(added.family_id);
            item.quantity = added.quantity;
            item.threshold = added.reorder_threshold;
        }
        Event::ReorderThresholdSet(set) => item.threshold = set.reorder_threshold,
        Event::ItemRestocked(restocked) => item.quantity = restocked.quantity,
        Event::StockAdjusted(adjusted) => item.quantity = adjusted.quantity,
        Event::ItemUsed(used) => {
            item.quantity = used.quantity_after;
            item.uses.push((used.usage_id, used.used_at, used.quantity));
            item.uses.retain(|(_, at, _)| *at > used.used_at - days);
            item.uses.drain(..item.uses.len().saturating_sub(USES));
        }
        Event::UsageLogVoided(voided) => {
            item.quantity = voided.quantity;
            item.uses.retain(|(usage, _, _)| *usage != voided.usage_id);
        }
        Event::InventoryItemRemoved(_) => item.removed = true,
        Event::ReorderSuggested(suggested) => item.open = Some(suggested.suggestion_id),
        Event::ReorderSuggestionAccepted(accepted) => {
            item.open = item.open.filter(|open| *open != accepted.suggestion_id);
            item.accepted.insert(accepted.suggestion_id);
        }
        Event::ReorderSuggestionDismissed(dismissed) => {
            item.open = item.open.filter(|open| *open != dismissed.suggestion_id);
        }
        Event::ReorderSuggestionFulfilled(fulfilled) => {
            item.open = item.open.filter(|open| *open != fulfilled.suggestion_id);
            item.accepted.remove(&fulfilled.suggestion_id);
        }
        Event::Imported(row) => item.take_over(row),
        Event::InventoryItemUpdated(_) => {}
    }
}

impl OfItem {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        let id = row.get::<Uuid>("id");
        match row.table() {
            "inventory_items" => {
                self.family_id = row.get("family_id");
                self.quantity = row.or_default("quantity");
                self.threshold = row.get("reorder_threshold");
                self.removed = row.has("deleted_at");
            }
            "reorder_suggestions" => match row.get::<SuggestionStatus>("status") {
                Some(SuggestionStatus::Open) => self.open = id,
                Some(SuggestionStatus::Accepted) => self.accepted.extend(id),
                Some(SuggestionStatus::Dismissed | SuggestionStatus::Fulfilled) | None => {}
            },
            "usage_logs" if !row.has("voided_at") => {
                let used = id.zip(row.get("used_at")).zip(row.get("quantity"));
                self.uses.extend(used.map(|((id, at), quantity)| (id, at, quantity)));
                self.uses.drain(..self.uses.len().saturating_sub(USES));
            }
            _ => {}
        }
    }
}
