//! Clothing or supplies in stock: added, restocked, counted, used, removed; with proposals to reorder
//! when it runs low. Its quantity never falls below zero. (nestsync.aggregate.InventoryItem, stream: item id)

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    calendar::{self, Period},
    is_filled,
    quantity::{LARGEST, Quantity},
    usage::{UsageTotal, Use, Uses},
};
use crate::{Amount, Decider, Imported, Moment, commands, events, refusals, text};

mod rules;

/// What kind of thing it is (nestsync.inventory_items.category).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Worn.
    Clothing,
    /// Used up.
    Supply,
}

/// What became of a proposal to reorder (nestsync.reorder_suggestions.status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestionStatus {
    /// Nobody decided yet.
    Open,
    /// It is to be reordered.
    Accepted,
    /// It is not to be reordered.
    Dismissed,
    /// New stock came in.
    Fulfilled,
}

/// Puts an item into a family's stock. (nestsync.command.AddInventoryItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddInventoryItem {
    /// Whose stock it is.
    pub family_id: Uuid,
    /// Whom it is for, a child of the same family.
    #[serde(default)]
    pub child_id: Option<Uuid>,
    /// What kind of thing it is.
    pub category: Category,
    /// What it is called.
    pub name: String,
    /// Who makes it.
    #[serde(default)]
    pub brand: Option<String>,
    /// Its size, as labels have it.
    #[serde(default)]
    pub size: Option<String>,
    /// What is counted; `piece` if absent.
    #[serde(default)]
    pub unit: Option<String>,
    /// How much there is; nothing if absent.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// Reorder when there is less than this.
    #[serde(default)]
    pub reorder_threshold: Option<Quantity>,
    /// How much to reorder.
    #[serde(default)]
    pub reorder_quantity: Option<Quantity>,
    /// Last day of use.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub expires_on: Option<NaiveDate>,
}

/// Describes an item anew; what is absent stays, null clears. (nestsync.command.UpdateInventoryItem)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateInventoryItem {
    /// Whom it is for, a child of the same family.
    #[serde(default, deserialize_with = "text::some")]
    pub child_id: Option<Option<Uuid>>,
    /// What kind of thing it is.
    #[serde(default)]
    pub category: Option<Category>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<String>,
    /// Who makes it.
    #[serde(default, deserialize_with = "text::some")]
    pub brand: Option<Option<String>>,
    /// Its size.
    #[serde(default, deserialize_with = "text::some")]
    pub size: Option<Option<String>>,
    /// What is counted.
    #[serde(default)]
    pub unit: Option<String>,
    /// Last day of use.
    #[serde(default, deserialize_with = "crate::time::some_dated")]
    pub expires_on: Option<Option<NaiveDate>>,
}

/// Says when to reorder, and how much; what is absent stays, null clears.
/// (nestsync.command.SetReorderThreshold)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReorderThreshold {
    /// Reorder when there is less than this.
    #[serde(default, deserialize_with = "text::some")]
    pub reorder_threshold: Option<Option<Quantity>>,
    /// How much to reorder.
    #[serde(default, deserialize_with = "text::some")]
    pub reorder_quantity: Option<Option<Quantity>>,
}

/// Adds to the stock. (nestsync.command.RestockItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestockItem {
    /// How much came in.
    pub quantity: Quantity,
}

/// Says how much there is, as counted. (nestsync.command.AdjustStock)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustStock {
    /// How much there is.
    pub quantity: Quantity,
}

/// Logs a use of the item. (nestsync.command.LogUsage)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogUsage {
    /// How much was used.
    pub quantity: Quantity,
    /// When; now, if absent.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub used_at: Option<DateTime<Utc>>,
    /// By or for whom, a child of the same family.
    #[serde(default)]
    pub child_id: Option<Uuid>,
    /// Anything worth noting.
    #[serde(default)]
    pub notes: Option<String>,
}

/// Takes a logged use back. (nestsync.command.VoidUsageLog)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidUsageLog {
    /// The logged use.
    pub usage_id: Uuid,
}

/// Takes an item out of the stock. (nestsync.command.RemoveInventoryItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveInventoryItem {}

/// Proposes to reorder, where the item is low. (nestsync.command.SuggestReorder)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuggestReorder {}

/// Says that it is to be reordered. (nestsync.command.AcceptReorderSuggestion)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptReorderSuggestion {
    /// Which proposal; the open one, if absent.
    #[serde(default)]
    pub suggestion_id: Option<Uuid>,
}

/// Says that it is not to be reordered. (nestsync.command.DismissReorderSuggestion)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DismissReorderSuggestion {
    /// Which proposal; the open one, if absent.
    #[serde(default)]
    pub suggestion_id: Option<Uuid>,
}

/// Closes proposals, now that new stock came in. (nestsync.command.FulfilReorderSuggestion)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FulfilReorderSuggestion {
    /// Which proposal; every open or accepted one, if absent.
    #[serde(default)]
    pub suggestion_id: Option<Uuid>,
}

/// A use, with what only its handler knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// What was asked.
    pub asked: LogUsage,
    /// The family's time zone, an IANA name.
    pub timezone: String,
}

/// A dismissal, with what only its handler knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Dismissal {
    /// What was asked.
    pub asked: DismissReorderSuggestion,
    /// The person who decided; nobody where the system did.
    pub decided_by: Option<Uuid>,
}

commands! {
    /// What may be asked of an item.
    pub enum Command {
        AddInventoryItem,
        UpdateInventoryItem,
        SetReorderThreshold,
        RestockItem,
        AdjustStock,
        Usage,
        VoidUsageLog,
        RemoveInventoryItem,
        SuggestReorder,
        AcceptReorderSuggestion,
        Dismissal,
        FulfilReorderSuggestion,
    }
}

/// An item was put into stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryItemAdded {
    /// Whose stock it is.
    pub family_id: Uuid,
    /// Whom it is for.
    pub child_id: Option<Uuid>,
    /// What kind of thing it is.
    pub category: Category,
    /// What it is called.
    pub name: String,
    /// Who makes it.
    pub brand: Option<String>,
    /// Its size.
    pub size: Option<String>,
    /// What is counted.
    pub unit: String,
    /// How much there is.
    pub quantity: Amount,
    /// Reorder when there is less than this.
    pub reorder_threshold: Option<Amount>,
    /// How much to reorder.
    pub reorder_quantity: Option<Amount>,
    /// Last day of use.
    pub expires_on: Option<NaiveDate>,
    /// Who added it.
    pub created_by: Uuid,
}

/// An item is described anew; only what changed is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryItemUpdated {
    /// Whom it is for, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub child_id: Option<Option<Uuid>>,
    /// What kind of thing it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who makes it, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub brand: Option<Option<String>>,
    /// Its size, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub size: Option<Option<String>>,
    /// What is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Last day of use, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub expires_on: Option<Option<NaiveDate>>,
}

/// It was said when to reorder, and how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReorderThresholdSet {
    /// Reorder when there is less than this.
    pub reorder_threshold: Option<Amount>,
    /// How much to reorder.
    pub reorder_quantity: Option<Amount>,
}

/// Stock came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemRestocked {
    /// How much came in.
    pub restocked: Amount,
    /// How much there is now.
    pub quantity: Amount,
}

/// Stock was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StockAdjusted {
    /// How much there is.
    pub quantity: Amount,
}

/// Some of the item was used: a line of the usage log, and what is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemUsed {
    /// The line's id.
    pub usage_id: Uuid,
    /// Whose key seals the notes: the child's if one is named, else that of whoever logged the use.
    pub subject_id: Uuid,
    /// Whose stock it is.
    pub family_id: Uuid,
    /// By or for whom.
    pub child_id: Option<Uuid>,
    /// How much was used.
    pub quantity: Amount,
    /// How much is left.
    pub quantity_after: Amount,
    /// When.
    pub used_at: DateTime<Utc>,
    /// Who logged it.
    pub logged_by: Uuid,
    /// Anything worth noting.
    pub notes: Option<String>,
    /// What the day's, the week's and the month's use add up to now, by the family's clock.
    pub usage_analytics: Vec<UsageTotal>,
}

/// A logged use was taken back, and its quantity with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageLogVoided {
    /// The line's id.
    pub usage_id: Uuid,
    /// Whose stock it is.
    pub family_id: Uuid,
    /// When it was voided.
    pub voided_at: DateTime<Utc>,
    /// How much there is of the item now.
    pub quantity: Amount,
    /// What the use of its day, week and month add up to without it.
    pub usage_analytics: Vec<UsageTotal>,
}

/// An item was taken out of the stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryItemRemoved {
    /// When.
    pub deleted_at: DateTime<Utc>,
}

/// It was proposed to reorder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReorderSuggested {
    /// The proposal's id.
    pub suggestion_id: Uuid,
    /// Whose stock it is.
    pub family_id: Uuid,
    /// How much to reorder.
    pub suggested_quantity: Amount,
    /// How much there was.
    pub quantity_at_suggestion: Amount,
    /// Below how much it is low.
    pub threshold_at_suggestion: Amount,
    /// Open.
    pub status: SuggestionStatus,
}

/// Somebody decided to reorder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReorderSuggestionAccepted {
    /// The proposal's id.
    pub suggestion_id: Uuid,
    /// Accepted.
    pub status: SuggestionStatus,
    /// Who decided.
    pub decided_by: Uuid,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// It is not to be reordered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReorderSuggestionDismissed {
    /// The proposal's id.
    pub suggestion_id: Uuid,
    /// Dismissed.
    pub status: SuggestionStatus,
    /// Who decided; nobody where the item was removed.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// New stock came in for a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReorderSuggestionFulfilled {
    /// The proposal's id.
    pub suggestion_id: Uuid,
    /// Fulfilled.
    pub status: SuggestionStatus,
    /// When.
    pub decided_at: DateTime<Utc>,
}

events! {
    /// What happens to an item.
    pub enum Event {
        InventoryItemAdded,
        InventoryItemUpdated,
        ReorderThresholdSet,
        ItemRestocked,
        StockAdjusted,
        ItemUsed of subject_id { notes: null },
        UsageLogVoided,
        InventoryItemRemoved,
        ReorderSuggested,
        ReorderSuggestionAccepted,
        ReorderSuggestionDismissed,
        ReorderSuggestionFulfilled,
    }
    Imported {
        InventoryItemImported from inventory_items at [id],
        UsageImported from usage_logs at [item_id] of [child_id, logged_by] { notes: null },
        UsageTotalImported from usage_analytics at [item_id],
        ReorderSuggestionImported from reorder_suggestions at [item_id],
    }
}

refusals! {
    /// What an item refuses.
    pub enum Refusal {
        /// nestsync.rule.item.stock
        NotEnoughStock { quantity: Amount } => "only {quantity} is left", at "quantity";
        /// nestsync.rule.item.precision
        QuantityInvalid { field: &'static str } =>
            "{field} must be a decimal with at most two places, positive (stock and threshold: or zero), at most 9999999999.99", of field;
        /// nestsync.rule.usage.void
        UsageAlreadyVoided => "this use was voided already", at "usage_id";
        /// nestsync.rule.usage.time
        UsedInFuture => "a use cannot lie in the future", at "used_at";
        /// nestsync.rule.reorder.one_open
        SuggestionAlreadyOpen => "a proposal to reorder this item is open already";
        /// nestsync.rule.reorder.states
        SuggestionNotOpen => "this proposal was decided already", at "suggestion_id";
        /// The family's time zone is none.
        TimezoneUnknown => "the family's time zone is unknown";
        /// No such use was logged for this item.
        UsageUnknown => "no such use of this item", at "usage_id";
        /// There is no such item.
        ItemUnknown => "no such item";
        /// The id is taken.
        ItemAlreadyAdded => "this item was added already";
        /// A removed item does not change.
        ItemGone => "this item was removed";
        /// A name must say something.
        NameBlank => "a name is needed", at "name";
        /// A unit must say something.
        UnitBlank => "a unit is needed, such as piece", at "unit";
    }
}

/// What decisions need to know of an item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InventoryItem {
    /// Whose stock it is; nothing before it is added.
    pub family_id: Option<Uuid>,
    /// How much there is.
    pub quantity: Amount,
    /// Reorder when there is less than this.
    pub reorder_threshold: Option<Amount>,
    /// How much to reorder.
    pub reorder_quantity: Option<Amount>,
    /// Whether it was taken out of the stock.
    pub removed: bool,
    /// The proposal on which nobody decided yet.
    pub open_suggestion: Option<Uuid>,
    /// Proposals that wait for new stock.
    pub accepted_suggestions: BTreeSet<Uuid>,
    uses: Uses,
    voided: HashSet<Uuid>,
}

impl InventoryItem {
    /// Below how much the item is low, where it is (nestsync.rule.reorder.trigger).
    #[must_use]
    pub fn low(&self) -> Option<Amount> {
        self.reorder_threshold.filter(|threshold| self.quantity < *threshold)
    }

    fn present(&self) -> Result<Uuid, Refusal> {
        match self.family_id {
            None => Err(Refusal::ItemUnknown),
            Some(_) if self.removed => Err(Refusal::ItemGone),
            Some(family_id) => Ok(family_id),
        }
    }
}

impl Decider for InventoryItem {
    const TYPE: &'static str = "nestsync.inventory_item";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::AddInventoryItem(new) => self.add(new, moment),
            Command::UpdateInventoryItem(change) => self.update(change),
            Command::SetReorderThreshold(set) => self.set_threshold(&set),
            Command::RestockItem(RestockItem { quantity }) => self.restock(&quantity),
            Command::AdjustStock(AdjustStock { quantity }) => self.adjust(&quantity),
            Command::Usage(usage) => self.log(usage, moment),
            Command::VoidUsageLog(VoidUsageLog { usage_id }) => self.void(usage_id, moment),
            Command::RemoveInventoryItem(_) if self.removed => Ok(vec![]),
            Command::RemoveInventoryItem(_) => {
                self.present()?;
                Ok(vec![InventoryItemRemoved { deleted_at: moment.now }.into()])
            }
            Command::SuggestReorder(_) => self.suggest(moment),
            Command::AcceptReorderSuggestion(AcceptReorderSuggestion { suggestion_id }) => {
                self.accept(suggestion_id, moment)
            }
            Command::Dismissal(dismissal) => self.dismiss(&dismissal, moment),
            Command::FulfilReorderSuggestion(FulfilReorderSuggestion { suggestion_id }) => {
                self.fulfil(suggestion_id, moment)
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::InventoryItemAdded(added) => {
                self.family_id = Some(added.family_id);
                self.quantity = added.quantity;
                self.reorder_threshold = added.reorder_threshold;
                self.reorder_quantity = added.reorder_quantity;
            }
            Event::InventoryItemUpdated(_) => {}
            Event::ReorderThresholdSet(set) => {
                self.reorder_threshold = set.reorder_threshold;
                self.reorder_quantity = set.reorder_quantity;
            }
            Event::ItemRestocked(ItemRestocked { quantity, .. })
            | Event::StockAdjusted(StockAdjusted { quantity }) => self.quantity = *quantity,
            Event::ItemUsed(used) => {
                self.quantity = used.quantity_after;
                self.count(used);
            }
            Event::UsageLogVoided(voided) => {
                self.quantity = voided.quantity;
                self.uses.discount(voided.usage_id, &voided.usage_analytics);
                self.voided.insert(voided.usage_id);
            }
            Event::InventoryItemRemoved(_) => self.removed = true,
            Event::ReorderSuggested(suggested) => {
                self.open_suggestion = Some(suggested.suggestion_id);
            }
            Event::ReorderSuggestionAccepted(accepted) => {
                self.close(accepted.suggestion_id);
                self.accepted_suggestions.insert(accepted.suggestion_id);
            }
            Event::ReorderSuggestionDismissed(dismissed) => self.close(dismissed.suggestion_id),
            Event::ReorderSuggestionFulfilled(fulfilled) => self.close(fulfilled.suggestion_id),
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
