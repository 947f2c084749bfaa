//! Spreads.

use annals_domain::samia::tarot_spread::Event;
use serde::Serialize;
use serde_json::Value;

use super::tables::TAROT_SPREADS;
use crate::{change::Change, recorded::Recorded};

/// What happens to a spread does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::SpreadDefined(defined) => {
            vec![made(recorded, defined).with("created_by", Value::Null)]
        }
        Event::CustomSpreadDesigned(designed) => vec![made(recorded, designed)],
        Event::SpreadRevised(revised) => vec![changed(recorded, revised).without("created_by")],
        Event::SpreadPublished(published) => vec![changed(recorded, published)],
        Event::SpreadUnpublished(unpublished) => vec![changed(recorded, unpublished)],
        Event::SpreadRetired(retired) => vec![changed(recorded, retired)],
        Event::Imported(row) => vec![TAROT_SPREADS.imported(row)],
    }
}

fn made(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    TAROT_SPREADS
        .put(recorded.id, payload)
        .with("usage_count", 0)
        .with("created_at", recorded.at)
        .with("updated_at", recorded.at)
}

fn changed(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    TAROT_SPREADS.patch(recorded.id, payload).with("updated_at", recorded.at)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::tarot_spread::{CustomSpreadDesigned, SpreadDefined, SpreadRevised},
        testing::ADA,
    };
    use serde_json::json;

    use super::*;
    use crate::samia::testing::{NULL, changes, fits, of};

    #[test]
    fn a_spread_is_a_whole_row_with_its_author_if_it_has_one() {
        let mut spread = json!({
            "name": "Two", "description": null, "card_count": 2, "layout_data": [1, 2],
            "difficulty_level": "beginner", "category": null, "is_custom": false, "is_public": true,
        });
        let defined: SpreadDefined = serde_json::from_value(spread.clone()).unwrap();
        let defined = changes(project, defined);
        fits(of(&defined, "tarot_spreads"));
        assert_eq!(of(&defined, "tarot_spreads").columns["created_by"], NULL);
        spread["created_by"] = json!(ADA);
        let designed: CustomSpreadDesigned = serde_json::from_value(spread).unwrap();
        let designed = changes(project, designed);
        fits(of(&designed, "tarot_spreads"));
        assert_eq!(of(&designed, "tarot_spreads").columns["created_by"], json!(ADA));
    }

    #[test]
    fn a_revision_never_changes_the_author() {
        let revised = SpreadRevised { created_by: Some(ADA), ..SpreadRevised::default() };
        let changes = changes(project, revised);
        let columns = &of(&changes, "tarot_spreads").columns;
        assert_eq!(columns.keys().collect::<Vec<_>>(), ["updated_at"]);
    }
}
