//! Stickers that children were given.

use annals_domain::lift::sticker_book::Event;

use super::tables::STICKERS_EARNED;
use crate::{change::Change, recorded::Recorded};

/// What happens to a sticker book does to rows: one a sticker.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::StickerAwarded(sticker) => {
            let row = STICKERS_EARNED.put(sticker.id, sticker).without("id");
            vec![row.with("created_at", at).with("updated_at", at)]
        }
        Event::Imported(row) => vec![STICKERS_EARNED.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::sticker_book::StickerAwarded,
        testing::{ADA, day},
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::{super::testing::changes, *};

    #[test]
    fn an_awarded_sticker_is_a_row() {
        let (sticker, session) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let awarded = StickerAwarded {
            id: sticker,
            child_id: ADA,
            sticker_type: "daily_checkin".into(),
            sticker_name: "Sunflower".into(),
            sticker_description: None,
            earned_for: "session_completed".into(),
            session_id: Some(session),
            earned_at: day(1),
        };
        assert_eq!(
            changes(project, &ADA.to_string(), awarded),
            [json!({ "put": "stickers_earned", "key": { "id": sticker }, "columns": {
                "child_id": ADA,
                "sticker_type": "daily_checkin",
                "sticker_name": "Sunflower",
                "sticker_description": null,
                "earned_for": "session_completed",
                "session_id": session,
                "earned_at": day(1),
                "created_at": day(2),
                "updated_at": day(2),
            } })]
        );
    }
}
