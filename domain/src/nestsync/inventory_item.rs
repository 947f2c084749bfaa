//! Clothing or supplies in stock: added, restocked, counted, used, removed. Its quantity never falls
//! below zero. (nestsync.aggregate.InventoryItem, stream: item id)

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    is_filled,
    quantity::{LARGEST, Quantity},
};
use crate::{Amount, Decider, Moment, commands, events, refusals, text};

/// What kind of thing it is (nestsync.inventory_items.category).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Worn.
    Clothing,
    /// Used up.
    Supply,
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
    #[serde(default)]
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
    #[serde(default, deserialize_with = "text::some")]
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
    #[serde(default)]
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

commands! {
    /// What may be asked of an item.
    pub enum Command {
        AddInventoryItem,
        UpdateInventoryItem,
        SetReorderThreshold,
        RestockItem,
        AdjustStock,
        LogUsage,
        VoidUsageLog,
        RemoveInventoryItem,
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
}

/// A logged use was taken back, and its quantity with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageLogVoided {
    /// The line's id.
    pub usage_id: Uuid,
    /// When it was voided.
    pub voided_at: DateTime<Utc>,
    /// How much there is of the item now.
    pub quantity: Amount,
}

/// An item was taken out of the stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryItemRemoved {
    /// When.
    pub deleted_at: DateTime<Utc>,
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
    }
}

refusals! {
    /// What an item refuses.
    pub enum Refusal {
        /// nestsync.rule.item.stock
        NotEnoughStock { quantity: Amount } => "only {quantity} is left", at "quantity";
        /// nestsync.rule.item.precision
        QuantityInvalid { field: &'static str } =>
            "{field} must be a decimal with at most two places, positive (stock and threshold: or zero), at most 9999999999.99";
        /// nestsync.rule.usage.void
        UsageAlreadyVoided => "this use was voided already", at "usage_id";
        /// nestsync.rule.usage.time
        UsedInFuture => "a use cannot lie in the future", at "used_at";
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
    /// How much each use took, of those not voided.
    usages: HashMap<Uuid, Amount>,
    voided: HashSet<Uuid>,
}

impl InventoryItem {
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
            Command::LogUsage(usage) => self.log(usage, moment),
            Command::VoidUsageLog(VoidUsageLog { usage_id }) => self.void(usage_id, moment),
            Command::RemoveInventoryItem(_) if self.removed => Ok(vec![]),
            Command::RemoveInventoryItem(_) => {
                self.present()?;
                Ok(vec![InventoryItemRemoved { deleted_at: moment.now }.into()])
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
                self.usages.insert(used.usage_id, used.quantity);
            }
            Event::UsageLogVoided(voided) => {
                self.quantity = voided.quantity;
                self.usages.remove(&voided.usage_id);
                self.voided.insert(voided.usage_id);
            }
            Event::InventoryItemRemoved(_) => self.removed = true,
        }
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

    fn log(&self, usage: LogUsage, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let family_id = self.present()?;
        let quantity = moved("quantity", &usage.quantity)?;
        let used_at = usage.used_at.map_or(moment.now, |at| at.trunc_subsecs(6));
        if used_at > moment.now {
            return Err(Refusal::UsedInFuture);
        }
        let Some(quantity_after) = self.quantity.minus(quantity) else {
            return Err(Refusal::NotEnoughStock { quantity: self.quantity });
        };
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
        };
        Ok(vec![used.into()])
    }

    fn void(&self, usage_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        if self.voided.contains(&usage_id) {
            return Err(Refusal::UsageAlreadyVoided);
        }
        let used = *self.usages.get(&usage_id).ok_or(Refusal::UsageUnknown)?;
        let quantity = self.increased_by(used)?;
        Ok(vec![UsageLogVoided { usage_id, voided_at: moment.now, quantity }.into()])
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
mod tests {
    use super::*;
    use crate::testing::{ADA, Given, day, given};

    const FAMILY: Uuid = Uuid::from_u128(0xfa);
    const KIM: Uuid = Uuid::from_u128(0x41);

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn add() -> AddInventoryItem {
        AddInventoryItem {
            family_id: FAMILY,
            child_id: None,
            category: Category::Supply,
            name: "Nappies".into(),
            brand: None,
            size: None,
            unit: None,
            quantity: Some("10".into()),
            reorder_threshold: None,
            reorder_quantity: None,
            expires_on: None,
        }
    }

    fn added() -> Event {
        InventoryItemAdded {
            family_id: FAMILY,
            child_id: None,
            category: Category::Supply,
            name: "Nappies".into(),
            brand: None,
            size: None,
            unit: "piece".into(),
            quantity: amount("10"),
            reorder_threshold: None,
            reorder_quantity: None,
            expires_on: None,
            created_by: ADA,
        }
        .into()
    }

    fn item() -> Given<InventoryItem> {
        given([added()])
    }

    fn usage(quantity: &str) -> LogUsage {
        LogUsage { quantity: quantity.into(), used_at: None, child_id: None, notes: None }
    }

    fn used(given: Given<InventoryItem>, usage: LogUsage) -> (Given<InventoryItem>, ItemUsed) {
        let (given, events) = given.when(usage).events();
        match events.as_slice() {
            [Event::ItemUsed(used)] => (given, used.clone()),
            other => panic!("expected one use, got {other:?}"),
        }
    }

    #[test]
    fn an_item_is_added_once_with_the_documented_defaults() {
        given::<InventoryItem>([])
            .when(add())
            .then([added()])
            .when(add())
            .refused("ItemAlreadyAdded");
        let (empty, _) =
            given::<InventoryItem>([]).when(AddInventoryItem { quantity: None, ..add() }).events();
        assert_eq!(empty.state.quantity, Amount::ZERO);
    }

    #[test]
    fn an_item_has_a_name_and_a_unit() {
        given::<InventoryItem>([])
            .when(AddInventoryItem { name: String::new(), ..add() })
            .refused("NameBlank")
            .when(AddInventoryItem { unit: Some(" ".into()), ..add() })
            .refused("UnitBlank");
    }

    #[test]
    fn quantities_are_finite_with_two_decimals_and_what_moves_is_positive() {
        let adding = |quantity: &str| AddInventoryItem { quantity: Some(quantity.into()), ..add() };
        for text in ["NaN", "1.234", "-1", "10000000000", "1e3", ""] {
            given::<InventoryItem>([]).when(adding(text)).refused("QuantityInvalid");
            item()
                .when(usage(text))
                .refused("QuantityInvalid")
                .when(RestockItem { quantity: text.into() })
                .refused("QuantityInvalid")
                .when(AdjustStock { quantity: text.into() })
                .refused("QuantityInvalid");
        }
        let reorder =
            SetReorderThreshold { reorder_quantity: Some(Some("0".into())), ..Default::default() };
        item()
            .when(usage("0"))
            .refused("QuantityInvalid")
            .when(RestockItem { quantity: "0.00".into() })
            .refused("QuantityInvalid")
            .when(reorder)
            .refused("QuantityInvalid")
            .when(AdjustStock { quantity: "0".into() })
            .then([StockAdjusted { quantity: Amount::ZERO }]);
    }

    #[test]
    fn stock_stays_within_what_its_column_holds() {
        item()
            .when(AdjustStock { quantity: LARGEST.into() })
            .then([StockAdjusted { quantity: LARGEST }])
            .when(RestockItem { quantity: "0.01".into() })
            .refused("QuantityInvalid");
    }

    #[test]
    fn an_item_is_described_anew() {
        let change = UpdateInventoryItem {
            size: Some(Some("4".into())),
            brand: Some(None),
            ..Default::default()
        };
        let updated = InventoryItemUpdated {
            size: Some(Some("4".into())),
            brand: Some(None),
            ..Default::default()
        };
        item()
            .when(change)
            .then([updated])
            .when(UpdateInventoryItem::default())
            .then_nothing()
            .when(UpdateInventoryItem { name: Some(" ".into()), ..Default::default() })
            .refused("NameBlank")
            .when(UpdateInventoryItem { unit: Some(" ".into()), ..Default::default() })
            .refused("UnitBlank");
    }

    #[test]
    fn a_threshold_is_set_kept_and_cleared() {
        let set = |reorder_threshold: Option<&str>| SetReorderThreshold {
            reorder_threshold: Some(reorder_threshold.map(Into::into)),
            reorder_quantity: None,
        };
        let is = |threshold: Option<&str>, quantity: Option<&str>| ReorderThresholdSet {
            reorder_threshold: threshold.map(amount),
            reorder_quantity: quantity.map(amount),
        };
        item()
            .when(set(Some("4")))
            .then([is(Some("4"), None)])
            .when(set(Some("4.00")))
            .then_nothing()
            .when(SetReorderThreshold {
                reorder_threshold: None,
                reorder_quantity: Some(Some("12".into())),
            })
            .then([is(Some("4"), Some("12"))])
            .when(set(None))
            .then([is(None, Some("12"))])
            .when(set(Some("-1")))
            .refused("QuantityInvalid");
    }

    #[test]
    fn events_carry_what_is_left() {
        item()
            .when(RestockItem { quantity: "2.5".into() })
            .then([ItemRestocked { restocked: amount("2.5"), quantity: amount("12.5") }])
            .when(AdjustStock { quantity: "3".into() })
            .then([StockAdjusted { quantity: amount("3") }])
            .when(AdjustStock { quantity: "3.00".into() })
            .then_nothing();
        let (_, used) = used(item(), usage("0.25"));
        assert_eq!((used.quantity, used.quantity_after), (amount("0.25"), amount("9.75")));
    }

    #[test]
    fn no_more_is_used_than_there_is() {
        let (given, last) = used(item(), usage("10"));
        assert_eq!(last.quantity_after, Amount::ZERO);
        given.when(usage("0.01")).refused("NotEnoughStock");
        item().when(usage("10.01")).refused("NotEnoughStock");
    }

    #[test]
    fn a_use_is_not_in_the_future() {
        let (given, past) =
            used(item().at(day(2)), LogUsage { used_at: Some(day(1)), ..usage("1") });
        assert_eq!(past.used_at, day(1));
        given.when(LogUsage { used_at: Some(day(3)), ..usage("1") }).refused("UsedInFuture");
    }

    #[test]
    fn notes_belong_to_the_child_if_one_is_named_and_else_to_whoever_logs() {
        let (given, own) = used(item(), usage("1"));
        assert_eq!((own.subject_id, own.logged_by), (ADA, ADA));
        let (_, childs) = used(given, LogUsage { child_id: Some(KIM), ..usage("1") });
        assert_eq!((childs.subject_id, childs.child_id), (KIM, Some(KIM)));
    }

    #[test]
    fn voiding_gives_the_quantity_back_once() {
        let (given, used) = used(item(), usage("4"));
        let void = VoidUsageLog { usage_id: used.usage_id };
        given
            .when(void.clone())
            .then([UsageLogVoided {
                usage_id: used.usage_id,
                voided_at: day(1),
                quantity: amount("10"),
            }])
            .when(void)
            .refused("UsageAlreadyVoided")
            .when(VoidUsageLog { usage_id: KIM })
            .refused("UsageUnknown");
    }

    #[test]
    fn a_removed_item_does_not_change() {
        item()
            .when(RemoveInventoryItem {})
            .then([InventoryItemRemoved { deleted_at: day(1) }])
            .when(RemoveInventoryItem {})
            .then_nothing()
            .when(usage("1"))
            .refused("ItemGone");
        given::<InventoryItem>([])
            .when(RestockItem { quantity: "1".into() })
            .refused("ItemUnknown");
    }

    /// What is in stock is what came in and was counted, less what was used and not voided.
    #[test]
    fn whatever_is_used_restocked_and_voided_stock_never_falls_below_zero() {
        let mut item = item();
        let mut expected = amount("10").hundredths();
        let mut uses: Vec<ItemUsed> = vec![];
        let mut dice: u64 = 0x5eed;
        for _ in 0..5_000 {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let (kind, hundredths) = (dice >> 60, i64::try_from((dice >> 33) % 900).unwrap() + 1);
            let quantity = Amount::from_hundredths(hundredths);
            item = match kind {
                0..10 if hundredths > expected => {
                    item.when(usage(&quantity.to_string())).refused("NotEnoughStock")
                }
                0..10 => {
                    let (next, last) = used(item, usage(&quantity.to_string()));
                    uses.push(last);
                    expected -= hundredths;
                    next
                }
                10..13 => {
                    expected += hundredths;
                    item.when(RestockItem { quantity: quantity.into() }).events().0
                }
                _ => match uses.pop() {
                    Some(last) => {
                        expected += last.quantity.hundredths();
                        item.when(VoidUsageLog { usage_id: last.usage_id }).events().0
                    }
                    None => item.when(VoidUsageLog { usage_id: KIM }).refused("UsageUnknown"),
                },
            };
            assert!(item.state.quantity >= Amount::ZERO);
            assert_eq!(item.state.quantity.hundredths(), expected);
        }
    }
}
