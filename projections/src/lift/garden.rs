//! Items of children's gardens.

use annals_domain::lift::garden::Event;
use serde::Serialize;
use uuid::Uuid;

use super::tables::GARDEN_ITEMS;
use crate::{change::Change, recorded::Recorded};

/// What happens to a garden does to its items' rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    let change = match &recorded.event {
        Event::GardenItemGranted(granted) => {
            GARDEN_ITEMS.put(granted.id, granted).without("id").with("created_at", at)
        }
        Event::GardenItemUnlocked(unlocked) => changed(unlocked.id, unlocked),
        Event::GardenItemPlaced(placed) => changed(placed.id, placed),
        Event::GardenItemMoved(moved) => changed(moved.id, moved),
        Event::GardenItemStyled(styled) => changed(styled.id, styled),
        Event::GardenItemRemoved(removed) => changed(removed.id, removed),
        Event::Imported(row) => return vec![GARDEN_ITEMS.imported(row)],
    };
    vec![change.with("updated_at", at)]
}

fn changed(item: Uuid, payload: impl Serialize) -> Change {
    GARDEN_ITEMS.patch(item, payload).without("id").without("child_id")
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::garden::{
            GardenItemGranted, GardenItemMoved, GardenItemPlaced, GardenItemRemoved,
            GardenItemStyled, GardenItemUnlocked, ItemType, UnlockCondition,
        },
        testing::{ADA, day},
    };
    use serde_json::{Value, json};

    use super::{super::testing::changes, *};

    const ROSE: Uuid = Uuid::from_u128(0x05e);

    fn patched(event: impl Into<Event>) -> Value {
        let changes = changes(project, &ADA.to_string(), event);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0]["patch"], "garden_items");
        assert_eq!(changes[0]["key"], json!({ "id": ROSE }));
        changes[0]["columns"].clone()
    }

    #[test]
    fn a_granted_item_is_a_row() {
        let granted = GardenItemGranted {
            id: ROSE,
            child_id: ADA,
            item_type: ItemType::Flower,
            item_name: "Rose".into(),
            item_category: None,
            position_x: 0,
            position_y: 0,
            size_scale: "1.0".parse().unwrap(),
            rotation: 0,
            color_scheme: None,
            is_unlocked: false,
            unlock_condition: Some(UnlockCondition::try_from("stickers>=3".to_owned()).unwrap()),
            earned_at: None,
            placed_at: None,
        };
        assert_eq!(
            changes(project, &ADA.to_string(), granted),
            [json!({ "put": "garden_items", "key": { "id": ROSE }, "columns": {
                "child_id": ADA,
                "item_type": "flower",
                "item_name": "Rose",
                "item_category": null,
                "position_x": 0,
                "position_y": 0,
                "size_scale": "1.0",
                "rotation": 0,
                "color_scheme": null,
                "is_unlocked": false,
                "unlock_condition": "stickers>=3",
                "earned_at": null,
                "placed_at": null,
                "created_at": day(2),
                "updated_at": day(2),
            } })]
        );
    }

    #[test]
    fn an_unlocked_item_tells_since_when() {
        let unlocked =
            GardenItemUnlocked { id: ROSE, child_id: ADA, is_unlocked: true, earned_at: day(1) };
        assert_eq!(
            patched(unlocked),
            json!({ "is_unlocked": true, "earned_at": day(1), "updated_at": day(2) })
        );
    }

    #[test]
    fn a_placed_item_tells_where_and_since_when() {
        let placed = GardenItemPlaced {
            id: ROSE,
            child_id: ADA,
            position_x: 3,
            position_y: -1,
            placed_at: day(1),
        };
        let columns = json!({
            "position_x": 3,
            "position_y": -1,
            "placed_at": day(1),
            "updated_at": day(2),
        });
        assert_eq!(patched(placed), columns);
    }

    #[test]
    fn a_moved_item_tells_where() {
        let moved = GardenItemMoved { id: ROSE, child_id: ADA, position_x: 3, position_y: -1 };
        assert_eq!(
            patched(moved),
            json!({ "position_x": 3, "position_y": -1, "updated_at": day(2) })
        );
    }

    #[test]
    fn a_styled_item_tells_its_whole_look() {
        let styled = GardenItemStyled {
            id: ROSE,
            child_id: ADA,
            size_scale: "0.5".parse().unwrap(),
            rotation: 90,
            color_scheme: None,
        };
        let columns = json!({
            "size_scale": "0.5",
            "rotation": 90,
            "color_scheme": null,
            "updated_at": day(2),
        });
        assert_eq!(patched(styled), columns);
    }

    #[test]
    fn an_item_put_away_is_placed_no_longer() {
        let removed = GardenItemRemoved { id: ROSE, child_id: ADA, placed_at: None };
        assert_eq!(patched(removed), json!({ "placed_at": null, "updated_at": day(2) }));
    }
}
