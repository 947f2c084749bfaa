//! A child's digital garden: items that the system grants and unlocks, and the child places, styles
//! and puts away. (lift.aggregate.Garden, stream: child id)

use std::{borrow::Cow, collections::BTreeMap, num::NonZeroU32};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// What an item is (lift.garden_items.item_type.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// Grows in a bed.
    Flower,
    /// Grows beside the beds.
    Tree,
    /// Stands about.
    Decoration,
    /// Lives there.
    Character,
}

/// What unlocks an item, `stickers>=N` or `sessions>=N` (lift.rule.garden.condition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum UnlockCondition {
    /// So many stickers awarded to the child.
    Stickers(NonZeroU32),
    /// So many sessions completed by the child.
    Sessions(NonZeroU32),
}

impl UnlockCondition {
    /// Whether so many stickers and completed sessions are enough.
    #[must_use]
    pub const fn holds(self, stickers: u64, completed_sessions: u64) -> bool {
        match self {
            Self::Stickers(least) => stickers >= least.get() as u64,
            Self::Sessions(least) => completed_sessions >= least.get() as u64,
        }
    }
}

impl From<UnlockCondition> for String {
    fn from(condition: UnlockCondition) -> Self {
        match condition {
            UnlockCondition::Stickers(least) => format!("stickers>={least}"),
            UnlockCondition::Sessions(least) => format!("sessions>={least}"),
        }
    }
}

impl TryFrom<String> for UnlockCondition {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const FORM: &str = "a condition is stickers>=N or sessions>=N, with N from 1 upward";
        let (counted, least) = text.split_once(">=").ok_or(FORM)?;
        if !least.starts_with(|first: char| first.is_ascii_digit() && first != '0') {
            return Err(FORM);
        }
        let least = least.parse().map_err(|_| FORM)?;
        match counted {
            "stickers" => Ok(Self::Stickers(least)),
            "sessions" => Ok(Self::Sessions(least)),
            _ => Err(FORM),
        }
    }
}

impl JsonSchema for UnlockCondition {
    fn schema_name() -> Cow<'static, str> {
        "UnlockCondition".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^(stickers|sessions)>=[1-9][0-9]*$" })
    }
}

/// Hands out an item, unlocked or with a condition. (lift.command.GrantGardenItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantGardenItem {
    /// The child whose garden it is; the handler takes it from the stream's id.
    #[serde(skip)]
    pub child_id: Uuid,
    /// What it is.
    pub item_type: ItemType,
    /// Its name in the catalogue.
    pub item_name: String,
    /// Its group in the catalogue.
    #[serde(default)]
    pub item_category: Option<String>,
    /// Horizontal place, in the grid's units; 0 where none is given.
    #[serde(default)]
    pub position_x: Option<i32>,
    /// Vertical place, in the grid's units; 0 where none is given.
    #[serde(default)]
    pub position_y: Option<i32>,
    /// Size as a factor of the drawn one, a decimal as a string; 1.0 where none is given.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub size_scale: Option<Decimal>,
    /// Turn in degrees; 0 where none is given.
    #[serde(default)]
    pub rotation: Option<i32>,
    /// Name of its colours.
    #[serde(default)]
    pub color_scheme: Option<String>,
    /// Whether the child may place it; where nothing is given, unless there is a condition.
    #[serde(default)]
    pub is_unlocked: Option<bool>,
    /// What unlocks it.
    #[serde(default)]
    pub unlock_condition: Option<UnlockCondition>,
}

/// Unlocks an item whose condition holds. (lift.command.UnlockGardenItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockGardenItem {
    /// The item.
    pub item_id: Uuid,
}

/// Puts an item into the garden. (lift.command.PlaceGardenItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceGardenItem {
    /// The item.
    pub item_id: Uuid,
    /// Horizontal place, in the grid's units.
    pub position_x: i32,
    /// Vertical place, in the grid's units.
    pub position_y: i32,
}

/// Moves an item. (lift.command.MoveGardenItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveGardenItem {
    /// The item.
    pub item_id: Uuid,
    /// Horizontal place, in the grid's units.
    pub position_x: i32,
    /// Vertical place, in the grid's units.
    pub position_y: i32,
}

/// Changes how an item looks; what is absent stays, null takes the colours away.
/// (lift.command.StyleGardenItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StyleGardenItem {
    /// The item.
    pub item_id: Uuid,
    /// Another size, as a factor of the drawn one, a decimal as a string.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub size_scale: Option<Decimal>,
    /// Another turn, in degrees.
    #[serde(default)]
    pub rotation: Option<i32>,
    /// Other colours.
    #[serde(default, deserialize_with = "text::some")]
    pub color_scheme: Option<Option<String>>,
}

/// Puts an item away; it stays the child's. (lift.command.RemoveGardenItem)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveGardenItem {
    /// The item.
    pub item_id: Uuid,
}

commands! {
    /// What may be asked of a garden.
    pub enum Command {
        GrantGardenItem,
        UnlockGardenItem,
        PlaceGardenItem,
        MoveGardenItem,
        StyleGardenItem,
        RemoveGardenItem,
    }
}

/// A child got an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GardenItemGranted {
    /// The item's own id.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// What it is.
    pub item_type: ItemType,
    /// Its name in the catalogue.
    pub item_name: String,
    /// Its group in the catalogue.
    pub item_category: Option<String>,
    /// Horizontal place.
    pub position_x: i32,
    /// Vertical place.
    pub position_y: i32,
    /// Size as a factor of the drawn one.
    #[schemars(with = "String", regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub size_scale: Decimal,
    /// Turn in degrees.
    pub rotation: i32,
    /// Name of its colours.
    pub color_scheme: Option<String>,
    /// Whether the child may place it.
    pub is_unlocked: bool,
    /// What unlocks it.
    pub unlock_condition: Option<UnlockCondition>,
    /// Null until something unlocks it.
    pub earned_at: Option<DateTime<Utc>>,
    /// Null until it is placed.
    pub placed_at: Option<DateTime<Utc>>,
}

/// An item may be placed from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GardenItemUnlocked {
    /// The item.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// True.
    pub is_unlocked: bool,
    /// When.
    pub earned_at: DateTime<Utc>,
}

/// An item was put into the garden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GardenItemPlaced {
    /// The item.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// Horizontal place.
    pub position_x: i32,
    /// Vertical place.
    pub position_y: i32,
    /// When.
    pub placed_at: DateTime<Utc>,
}

/// An item was moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GardenItemMoved {
    /// The item.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// Horizontal place.
    pub position_x: i32,
    /// Vertical place.
    pub position_y: i32,
}

/// An item looks otherwise; all of its looks are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GardenItemStyled {
    /// The item.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// Size as a factor of the drawn one.
    #[schemars(with = "String", regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub size_scale: Decimal,
    /// Turn in degrees.
    pub rotation: i32,
    /// Name of its colours.
    pub color_scheme: Option<String>,
}

/// An item was put away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GardenItemRemoved {
    /// The item.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// Null: it is not in the garden.
    pub placed_at: Option<DateTime<Utc>>,
}

events! {
    /// What happens to a garden.
    pub enum Event {
        GardenItemGranted,
        GardenItemUnlocked,
        GardenItemPlaced,
        GardenItemMoved,
        GardenItemStyled,
        GardenItemRemoved,
    }
    Imported {
        GardenItemImported from garden_items at [child_id],
    }
}

refusals! {
    /// What a garden refuses.
    pub enum Refusal {
        /// lift.rule.garden.unlocked
        ItemLocked => "this item is still locked", at "item_id";
        /// The item is not this child's.
        ItemUnknown => "there is no such item in this garden", at "item_id";
    }
}

/// What decisions need to know of a garden.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Garden {
    /// The child whose garden it is; nil while there is no item.
    pub child_id: Uuid,
    /// What the child has, placed or not.
    pub items: BTreeMap<Uuid, Item>,
}

/// An item of a garden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Whether the child may place it.
    pub is_unlocked: bool,
    /// What unlocks it.
    pub unlock_condition: Option<UnlockCondition>,
    /// Whether it is in the garden.
    pub placed: bool,
    /// Where, horizontally and vertically.
    pub position: (i32, i32),
    /// How it looks.
    pub look: Look,
}

/// How an item looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Size as a factor of the drawn one.
    pub size_scale: Decimal,
    /// Turn in degrees.
    pub rotation: i32,
    /// Name of its colours.
    pub color_scheme: Option<String>,
}

impl Decider for Garden {
    const TYPE: &'static str = "lift.garden";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let event = match command {
            Command::GrantGardenItem(grant) => Some(granted(grant, moment).into()),
            Command::UnlockGardenItem(it) => self.unlock(it.item_id, moment)?.map(Event::from),
            Command::PlaceGardenItem(it) => self.place(&it, moment)?.map(Event::from),
            Command::MoveGardenItem(it) => self.shift(&it)?.map(Event::from),
            Command::StyleGardenItem(it) => self.style(it)?.map(Event::from),
            Command::RemoveGardenItem(it) => self.remove(it.item_id)?.map(Event::from),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::GardenItemGranted(event) => {
                self.child_id = event.child_id;
                self.items.insert(event.id, Item::from(event));
            }
            Event::GardenItemUnlocked(event) => self.change(event.id, |item| {
                item.is_unlocked = event.is_unlocked;
            }),
            Event::GardenItemPlaced(event) => self.change(event.id, |item| {
                item.position = (event.position_x, event.position_y);
                item.placed = true;
            }),
            Event::GardenItemMoved(event) => self.change(event.id, |item| {
                item.position = (event.position_x, event.position_y);
            }),
            Event::GardenItemStyled(event) => self.change(event.id, |item| {
                item.look = Look {
                    size_scale: event.size_scale,
                    rotation: event.rotation,
                    color_scheme: event.color_scheme.clone(),
                };
            }),
            Event::GardenItemRemoved(event) => self.change(event.id, |item| item.placed = false),
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Garden {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.child_id = row.or_default("child_id");
        let item = Item {
            is_unlocked: row.or_default("is_unlocked"),
            unlock_condition: row.get("unlock_condition"),
            placed: row.has("placed_at"),
            position: (row.or_default("position_x"), row.or_default("position_y")),
            look: Look {
                size_scale: row.get("size_scale").unwrap_or(Decimal::ONE),
                rotation: row.or_default("rotation"),
                color_scheme: row.get("color_scheme"),
            },
        };
        self.items.insert(row.or_default("id"), item);
    }
}

/// Locked items are granted unplaced, as all are (F059).
fn granted(grant: GrantGardenItem, moment: &Moment) -> GardenItemGranted {
    GardenItemGranted {
        id: moment.new_id(),
        child_id: grant.child_id,
        item_type: grant.item_type,
        item_name: grant.item_name,
        item_category: grant.item_category,
        position_x: grant.position_x.unwrap_or(0),
        position_y: grant.position_y.unwrap_or(0),
        size_scale: grant.size_scale.unwrap_or(AS_DRAWN),
        rotation: grant.rotation.unwrap_or(0),
        color_scheme: grant.color_scheme,
        is_unlocked: grant.is_unlocked.unwrap_or(grant.unlock_condition.is_none()),
        unlock_condition: grant.unlock_condition,
        earned_at: None,
        placed_at: None,
    }
}

/// The documented size of an item: 1.0.
const AS_DRAWN: Decimal = Decimal::from_parts(10, 0, 0, false, 1);

impl Garden {
    fn unlock(&self, id: Uuid, moment: &Moment) -> Result<Option<GardenItemUnlocked>, Refusal> {
        let item = self.item(id)?;
        Ok((!item.is_unlocked).then_some(GardenItemUnlocked {
            id,
            child_id: self.child_id,
            is_unlocked: true,
            earned_at: moment.now,
        }))
    }

    fn place(
        &self,
        place: &PlaceGardenItem,
        moment: &Moment,
    ) -> Result<Option<GardenItemPlaced>, Refusal> {
        let item = self.unlocked(place.item_id)?;
        let there = item.placed && item.position == (place.position_x, place.position_y);
        Ok((!there).then_some(GardenItemPlaced {
            id: place.item_id,
            child_id: self.child_id,
            position_x: place.position_x,
            position_y: place.position_y,
            placed_at: moment.now,
        }))
    }

    fn shift(&self, to: &MoveGardenItem) -> Result<Option<GardenItemMoved>, Refusal> {
        let item = self.unlocked(to.item_id)?;
        let there = item.position == (to.position_x, to.position_y);
        Ok((!there).then_some(GardenItemMoved {
            id: to.item_id,
            child_id: self.child_id,
            position_x: to.position_x,
            position_y: to.position_y,
        }))
    }

    fn style(&self, style: StyleGardenItem) -> Result<Option<GardenItemStyled>, Refusal> {
        let now = &self.unlocked(style.item_id)?.look;
        let look = Look {
            size_scale: style.size_scale.unwrap_or(now.size_scale),
            rotation: style.rotation.unwrap_or(now.rotation),
            color_scheme: style.color_scheme.unwrap_or_else(|| now.color_scheme.clone()),
        };
        Ok((look != *now).then_some(GardenItemStyled {
            id: style.item_id,
            child_id: self.child_id,
            size_scale: look.size_scale,
            rotation: look.rotation,
            color_scheme: look.color_scheme,
        }))
    }

    fn remove(&self, id: Uuid) -> Result<Option<GardenItemRemoved>, Refusal> {
        let item = self.unlocked(id)?;
        let child_id = self.child_id;
        Ok(item.placed.then_some(GardenItemRemoved { id, child_id, placed_at: None }))
    }

    fn item(&self, id: Uuid) -> Result<&Item, Refusal> {
        self.items.get(&id).ok_or(Refusal::ItemUnknown)
    }

    fn unlocked(&self, id: Uuid) -> Result<&Item, Refusal> {
        let item = self.item(id)?;
        if item.is_unlocked { Ok(item) } else { Err(Refusal::ItemLocked) }
    }

    fn change(&mut self, id: Uuid, change: impl FnOnce(&mut Item)) {
        if let Some(item) = self.items.get_mut(&id) {
            change(item);
        }
    }
}

impl From<&GardenItemGranted> for Item {
    fn from(granted: &GardenItemGranted) -> Self {
        Self {
            is_unlocked: granted.is_unlocked,
            unlock_condition: granted.unlock_condition,
            placed: granted.placed_at.is_some(),
            position: (granted.position_x, granted.position_y),
            look: Look {
                size_scale: granted.size_scale,
                rotation: granted.rotation,
                color_scheme: granted.color_scheme.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
