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

impl InventoryItem {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        match row.table() {
            "usage_logs" => self.used_before(row),
            "usage_analytics" => {
                if let Ok(total) = serde_json::from_value(row.row.clone().into()) {
                    self.uses.add_up(&[total]);
                }
            }
            "reorder_suggestions" => {
                let id = row.or_default("id");
                match row.or_default::<String>("status").as_str() {
                    "open" => self.open_suggestion = Some(id),
                    "accepted" => drop(self.accepted_suggestions.insert(id)),
                    _ => {}
                }
            }
            _ => {
                self.family_id = row.get("family_id");
                self.quantity = row.or_default("quantity");
                self.reorder_threshold = row.get("reorder_threshold");
                self.reorder_quantity = row.get("reorder_quantity");
                self.removed = row.has("deleted_at");
            }
        }
    }

    fn used_before(&mut self, row: &Imported) {
        let id = row.or_default("id");
        if row.has("voided_at") {
            self.voided.insert(id);
            return;
        }
        let used_at: DateTime<Utc> = row.or_default("used_at");
        // Not a column: the import reckons it in the family's time zone.
        let used_on = row.get("used_on").unwrap_or(used_at.date_naive());
        let used = Use { quantity: row.or_default("quantity"), used_at, used_on };
        self.uses.count(id, used, &[]);
    }
}

impl InventoryItem {
    fn add(&self, new: AddInventoryItem, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if self.family_id.is_some() {
            return Err(Refusal::ItemAlreadyAdded);
        }
        let quantity = new.quantity.as_ref().map(|it| stock("quantity", it)).transpose()?;
        let added = InventoryItemAdded {
            family_id: new.family_id,
            child_id: new.child_id,
            category: new.category,
            name: name(new.name)?,
            brand: new.brand,
            size: new.size,
            unit: unit(new.unit.unwrap_or_else(|| "piece".to_owned()))?,
            quantity: quantity.unwrap_or(Amount::ZERO),
            reorder_threshold: threshold(new.reorder_threshold.as_ref())?,
            reorder_quantity: reorder(new.reorder_quantity.as_ref())?,
            expires_on: new.expires_on,
            created_by: moment.actor,
        };
        Ok(vec![added.into()])
    }

    fn update(&self, change: UpdateInventoryItem) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let updated = InventoryItemUpdated {
            child_id: change.child_id,
            category: change.category,
            name: change.name.map(name).transpose()?,
            brand: change.brand,
            size: change.size,
            unit: change.unit.map(unit).transpose()?,
            expires_on: change.expires_on,
        };
        if updated == InventoryItemUpdated::default() {
            return Ok(vec![]);
        }
        Ok(vec![updated.into()])
    }

    fn set_threshold(&self, asked: &SetReorderThreshold) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let set = ReorderThresholdSet {
            reorder_threshold: match &asked.reorder_threshold {
                Some(given) => threshold(given.as_ref())?,
                None => self.reorder_threshold,
            },
            reorder_quantity: match &asked.reorder_quantity {
                Some(given) => reorder(given.as_ref())?,
                None => self.reorder_quantity,
            },
        };
        if set.reorder_threshold == self.reorder_threshold
            && set.reorder_quantity == self.reorder_quantity
        {
            return Ok(vec![]);
        }
        Ok(vec![set.into()])
    }

    fn restock(&self, quantity: &Quantity) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let restocked = moved("quantity", quantity)?;
        let quantity = self.increased_by(restocked)?;
        Ok(vec![ItemRestocked { restocked, quantity }.into()])
    }

    fn adjust(&self, quantity: &Quantity) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let quantity = stock("quantity", quantity)?;
        if quantity == self.quantity {
            return Ok(vec![]);
        }
        Ok(vec![StockAdjusted { quantity }.into()])
    }

    fn log(&self, usage: Usage, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Usage { asked: usage, timezone } = usage;
        let family_id = self.present()?;
        let zone = calendar::zone(&timezone).ok_or(Refusal::TimezoneUnknown)?;
        let quantity = moved("quantity", &usage.quantity)?;
        let used_at = usage.used_at.map_or(moment.now, |at| at.trunc_subsecs(6));
        if used_at > moment.now {
            return Err(Refusal::UsedInFuture);
        }
        let Some(quantity_after) = self.quantity.minus(quantity) else {
            return Err(Refusal::NotEnoughStock { quantity: self.quantity });
        };
        let counted = Use { quantity, used_at, used_on: calendar::day_in(zone, used_at) };
        let totals = self.uses.with(&counted);
        let used = ItemUsed {
            usage_id: moment.new_id(),
            subject_id: usage.child_id.unwrap_or(moment.actor),
            family_id,
            child_id: usage.child_id,
            quantity,
            quantity_after,
            used_at,
            logged_by: moment.actor,
            notes: usage.notes,
            usage_analytics: totals.ok_or(Refusal::QuantityInvalid { field: "quantity" })?,
        };
        Ok(vec![used.into()])
    }

    fn void(&self, usage_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let family_id = self.present()?;
        if self.voided.contains(&usage_id) {
            return Err(Refusal::UsageAlreadyVoided);
        }
        let used = self.uses.get(usage_id).ok_or(Refusal::UsageUnknown)?;
        let voided = UsageLogVoided {
            usage_id,
            family_id,
            voided_at: moment.now,
            quantity: self.increased_by(used.quantity)?,
            usage_analytics: self.uses.without(usage_id, used),
        };
        Ok(vec![voided.into()])
    }

    fn suggest(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let family_id = self.present()?;
        if self.open_suggestion.is_some() {
            return Err(Refusal::SuggestionAlreadyOpen);
        }
        let Some(threshold) = self.low() else { return Ok(vec![]) };
        let suggested = ReorderSuggested {
            suggestion_id: moment.new_id(),
            family_id,
            suggested_quantity: self.reorder_quantity.unwrap_or(self.missing(threshold)),
            quantity_at_suggestion: self.quantity,
            threshold_at_suggestion: threshold,
            status: SuggestionStatus::Open,
        };
        Ok(vec![suggested.into()])
    }

    /// Twice the threshold less what is there, as far as the tables hold it.
    fn missing(&self, threshold: Amount) -> Amount {
        let twice = threshold.plus(threshold).and_then(|twice| twice.minus(self.quantity));
        twice.unwrap_or(LARGEST).min(LARGEST)
    }

    /// The open proposal, if it is the one that is meant.
    fn open(&self, meant: Option<Uuid>) -> Result<Uuid, Refusal> {
        let open = self.open_suggestion.filter(|open| meant.is_none_or(|meant| meant == *open));
        open.ok_or(Refusal::SuggestionNotOpen)
    }

    fn accept(&self, meant: Option<Uuid>, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let accepted = ReorderSuggestionAccepted {
            suggestion_id: self.open(meant)?,
            status: SuggestionStatus::Accepted,
            decided_by: moment.actor,
            decided_at: moment.now,
        };
        Ok(vec![accepted.into()])
    }

    /// Also of a removed item: that is when the system dismisses.
    fn dismiss(&self, dismissal: &Dismissal, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let dismissed = ReorderSuggestionDismissed {
            suggestion_id: self.open(dismissal.asked.suggestion_id)?,
            status: SuggestionStatus::Dismissed,
            decided_by: dismissal.decided_by,
            decided_at: moment.now,
        };
        Ok(vec![dismissed.into()])
    }

    /// Nothing is fulfilled while the item is still low.
    fn fulfil(&self, meant: Option<Uuid>, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let live = self.open_suggestion.iter().chain(&self.accepted_suggestions);
        let live: Vec<Uuid> =
            live.copied().filter(|live| meant.is_none_or(|meant| meant == *live)).collect();
        if meant.is_some() && live.is_empty() {
            return Err(Refusal::SuggestionNotOpen);
        }
        if self.low().is_some() {
            return Ok(vec![]);
        }
        let (status, decided_at) = (SuggestionStatus::Fulfilled, moment.now);
        let fulfilled =
            |suggestion_id| ReorderSuggestionFulfilled { suggestion_id, status, decided_at }.into();
        Ok(live.into_iter().map(fulfilled).collect())
    }

    /// A use counts on the day for which its event adds it up.
    fn count(&mut self, used: &ItemUsed) {
        let day = used.usage_analytics.iter().find(|total| total.period == Period::Day);
        let counted = Use {
            quantity: used.quantity,
            used_at: used.used_at,
            used_on: day.map_or(used.used_at.date_naive(), |day| day.period_start),
        };
        self.uses.count(used.usage_id, counted, &used.usage_analytics);
    }

    fn close(&mut self, suggestion_id: Uuid) {
        if self.open_suggestion == Some(suggestion_id) {
            self.open_suggestion = None;
        }
        self.accepted_suggestions.remove(&suggestion_id);
    }

    /// The stock with so much more, if the tables can hold it.
    fn increased_by(&self, more: Amount) -> Result<Amount, Refusal> {
        let sum = self.quantity.plus(more).filter(|sum| *sum <= LARGEST);
        sum.ok_or(Refusal::QuantityInvalid { field: "quantity" })
    }
}

/// A quantity that moves: used, restocked.
fn moved(field: &'static str, quantity: &Quantity) -> Result<Amount, Refusal> {
    quantity.positive().ok_or(Refusal::QuantityInvalid { field })
}

/// A quantity that is there.
fn stock(field: &'static str, quantity: &Quantity) -> Result<Amount, Refusal> {
    quantity.not_negative().ok_or(Refusal::QuantityInvalid { field })
}

fn threshold(quantity: Option<&Quantity>) -> Result<Option<Amount>, Refusal> {
    quantity.map(|quantity| stock("reorder_threshold", quantity)).transpose()
}

fn reorder(quantity: Option<&Quantity>) -> Result<Option<Amount>, Refusal> {
    quantity.map(|quantity| moved("reorder_quantity", quantity)).transpose()
}

fn name(name: String) -> Result<String, Refusal> {
    if is_filled(&name) { Ok(name) } else { Err(Refusal::NameBlank) }
}

fn unit(unit: String) -> Result<String, Refusal> {
    if is_filled(&unit) { Ok(unit) } else { Err(Refusal::UnitBlank) }
}

#[cfg(test)]
mod tests;
