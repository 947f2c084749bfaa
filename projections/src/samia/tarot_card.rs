//! The deck.

use annals_domain::samia::tarot_card::Event;

use super::tables::TAROT_CARDS;
use crate::{change::Change, recorded::Recorded};

/// What happens to a card does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    match &recorded.event {
        Event::CardAddedToDeck(added) => {
            let row = TAROT_CARDS.put(recorded.id, added);
            vec![row.with("created_at", at).with("updated_at", at)]
        }
        Event::CardRevised(revised) => {
            vec![TAROT_CARDS.patch(recorded.id, revised).with("updated_at", at)]
        }
        Event::Imported(row) => vec![TAROT_CARDS.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::samia::tarot_card::{CardAddedToDeck, CardRevised};
    use serde_json::json;

    use super::*;
    use crate::samia::testing::{changes, fits, of};

    #[test]
    fn a_card_is_a_whole_row_and_a_revision_what_changed_of_it() {
        let added: CardAddedToDeck = serde_json::from_value(json!({
            "card_key": "the-fool", "name": "The Fool", "arcana_type": "major", "image_url": "x",
            "upright_meaning": "begin", "reversed_meaning": "wait",
        }))
        .unwrap();
        fits(of(&changes(project, added), "tarot_cards"));
        let revised: CardRevised = serde_json::from_value(json!({"number": null})).unwrap();
        let changes = changes(project, revised);
        let columns = &of(&changes, "tarot_cards").columns;
        assert_eq!(columns.keys().collect::<Vec<_>>(), ["number", "updated_at"]);
    }
}
