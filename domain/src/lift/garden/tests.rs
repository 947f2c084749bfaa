use serde_json::json;

use super::*;
use crate::testing::{ADA, Given, day, given};

const ROSE: Uuid = Uuid::from_u128(0x05e);

fn grant() -> GrantGardenItem {
    GrantGardenItem {
        child_id: ADA,
        item_type: ItemType::Flower,
        item_name: "Rose".into(),
        item_category: None,
        position_x: None,
        position_y: None,
        size_scale: None,
        rotation: None,
        color_scheme: None,
        is_unlocked: None,
        unlock_condition: None,
    }
}

fn rose() -> GardenItemGranted {
    GardenItemGranted {
        id: ROSE,
        child_id: ADA,
        item_type: ItemType::Flower,
        item_name: "Rose".into(),
        item_category: None,
        position_x: 0,
        position_y: 0,
        size_scale: AS_DRAWN,
        rotation: 0,
        color_scheme: None,
        is_unlocked: true,
        unlock_condition: None,
        earned_at: None,
        placed_at: None,
    }
}

fn condition(text: &str) -> UnlockCondition {
    UnlockCondition::try_from(text.to_owned()).unwrap()
}

fn locked_rose() -> GardenItemGranted {
    GardenItemGranted {
        is_unlocked: false,
        unlock_condition: Some(condition("stickers>=3")),
        ..rose()
    }
}

fn garden(granted: GardenItemGranted) -> Given<Garden> {
    given::<Garden>([granted.into()])
}

fn place(position_x: i32, position_y: i32) -> PlaceGardenItem {
    PlaceGardenItem { item_id: ROSE, position_x, position_y }
}

fn placed(position_x: i32, position_y: i32) -> GardenItemPlaced {
    GardenItemPlaced { id: ROSE, child_id: ADA, position_x, position_y, placed_at: day(1) }
}

fn shift(position_x: i32, position_y: i32) -> MoveGardenItem {
    MoveGardenItem { item_id: ROSE, position_x, position_y }
}

fn style() -> StyleGardenItem {
    StyleGardenItem { item_id: ROSE, size_scale: None, rotation: None, color_scheme: None }
}

fn remove() -> RemoveGardenItem {
    RemoveGardenItem { item_id: ROSE }
}

/// The only item that this leads to.
fn granted_by(grant: GrantGardenItem) -> GardenItemGranted {
    let (_, events) = given::<Garden>([]).when(grant).events();
    match &events[..] {
        [Event::GardenItemGranted(granted)] => granted.clone(),
        other => panic!("expected one item, got {other:?}"),
    }
}

#[test]
fn an_item_is_granted_unlocked_as_drawn_and_unplaced_unless_said_otherwise() {
    let granted = granted_by(grant());
    assert_eq!(granted, GardenItemGranted { id: granted.id, ..rose() });
    assert_eq!(granted.size_scale.to_string(), "1.0");
}

#[test]
fn an_item_with_a_condition_is_granted_locked_and_unplaced() {
    let unlock_condition = Some(condition("stickers>=3"));
    let granted = granted_by(GrantGardenItem { unlock_condition, ..grant() });
    assert_eq!(granted, GardenItemGranted { id: granted.id, ..locked_rose() });
}

#[test]
fn an_item_may_be_granted_unlocked_whatever_its_condition() {
    let unlock_condition = Some(condition("sessions>=1"));
    let granted =
        granted_by(GrantGardenItem { unlock_condition, is_unlocked: Some(true), ..grant() });
    assert!(granted.is_unlocked);
}

#[test]
fn two_items_of_the_same_name_are_two() {
    let (given, first) = given::<Garden>([]).when(grant()).events();
    let (given, second) = given.when(grant()).events();
    assert_ne!(first, second);
    assert_eq!(given.state.items.len(), 2);
}

#[test]
fn a_locked_item_is_neither_placed_nor_moved_nor_styled_nor_removed() {
    garden(locked_rose())
        .when(place(1, 1))
        .refused("ItemLocked")
        .when(shift(1, 1))
        .refused("ItemLocked")
        .when(StyleGardenItem { rotation: Some(90), ..style() })
        .refused("ItemLocked")
        .when(remove())
        .refused("ItemLocked");
}

#[test]
fn an_item_is_unlocked_once_and_may_be_placed_then() {
    garden(locked_rose())
        .when(UnlockGardenItem { item_id: ROSE })
        .then([GardenItemUnlocked {
            id: ROSE,
            child_id: ADA,
            is_unlocked: true,
            earned_at: day(1),
        }])
        .when(UnlockGardenItem { item_id: ROSE })
        .then_nothing()
        .when(place(2, 3))
        .then([placed(2, 3)]);
}

#[test]
fn an_item_placed_where_it_stands_stays_and_elsewhere_is_placed_anew() {
    garden(rose())
        .when(place(0, 0))
        .then([placed(0, 0)])
        .when(place(0, 0))
        .then_nothing()
        .when(place(4, 0))
        .then([placed(4, 0)]);
}

#[test]
fn an_item_moves_from_where_it_is() {
    garden(rose())
        .and(placed(1, 1))
        .when(shift(1, 1))
        .then_nothing()
        .when(shift(-2, 5))
        .then([GardenItemMoved { id: ROSE, child_id: ADA, position_x: -2, position_y: 5 }])
        .when(place(-2, 5))
        .then_nothing();
}

#[test]
fn a_style_keeps_what_is_not_given_and_null_takes_the_colours_away() {
    let styled = |size_scale: &str, rotation, color_scheme: Option<&str>| GardenItemStyled {
        id: ROSE,
        child_id: ADA,
        size_scale: size_scale.parse().unwrap(),
        rotation,
        color_scheme: color_scheme.map(str::to_owned),
    };
    let read = |json| serde_json::from_value::<StyleGardenItem>(json).unwrap();
    garden(rose())
        .when(style())
        .then_nothing()
        .when(read(json!({ "item_id": ROSE, "size_scale": "1.25", "color_scheme": "dusk" })))
        .then([styled("1.25", 0, Some("dusk"))])
        .when(read(json!({ "item_id": ROSE, "rotation": 90 })))
        .then([styled("1.25", 90, Some("dusk"))])
        .when(read(json!({ "item_id": ROSE, "color_scheme": null })))
        .then([styled("1.25", 90, None)]);
}

#[test]
fn an_item_is_put_away_once_and_may_be_placed_again() {
    garden(rose())
        .when(remove())
        .then_nothing()
        .and(placed(1, 1))
        .when(remove())
        .then([GardenItemRemoved { id: ROSE, child_id: ADA, placed_at: None }])
        .when(remove())
        .then_nothing()
        .when(place(1, 1))
        .then([placed(1, 1)]);
}

#[test]
fn an_item_of_another_garden_is_unknown() {
    given::<Garden>([])
        .when(UnlockGardenItem { item_id: ROSE })
        .refused("ItemUnknown")
        .when(place(1, 1))
        .refused("ItemUnknown")
        .when(shift(1, 1))
        .refused("ItemUnknown")
        .when(style())
        .refused("ItemUnknown")
        .when(remove())
        .refused("ItemUnknown");
}

#[test]
fn a_condition_counts_stickers_or_sessions_from_one_upward() {
    for text in ["stickers>=1", "sessions>=25"] {
        assert_eq!(String::from(condition(text)), text);
    }
    let none = ["stickers>=0", "stickers>3", "moods>=3", "sessions>=", "sessions>=-1", ""];
    for text in none.into_iter().chain(["sessions>=+3", "sessions>=03", " sessions>=3"]) {
        assert!(UnlockCondition::try_from(text.to_owned()).is_err(), "{text}");
    }
    assert!(condition("stickers>=3").holds(3, 0));
    assert!(!condition("stickers>=3").holds(2, 9));
    assert!(condition("sessions>=5").holds(0, 5));
    assert!(!condition("sessions>=5").holds(9, 4));
}

#[test]
fn a_garden_comes_back_from_its_snapshot() {
    let garden = garden(locked_rose()).state;
    let kept = serde_json::to_value(&garden).unwrap();
    assert_eq!(serde_json::from_value::<Garden>(kept).unwrap(), garden);
}
