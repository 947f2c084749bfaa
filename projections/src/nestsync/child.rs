//! What happens to children, as rows of `children`.

use annals_domain::nestsync::child::Event;

use super::tables::CHILDREN;
use crate::{change::Change, recorded::Recorded};

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::ChildAdded(added) => {
            vec![CHILDREN.put(id, added).with("created_at", at).with("updated_at", at)]
        }
        Event::ChildProfileUpdated(updated) => {
            vec![CHILDREN.patch(id, updated).with("updated_at", at)]
        }
        Event::ChildRemoved(removed) => vec![CHILDREN.patch(id, removed).with("updated_at", at)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::child::{Child, ChildAdded, ChildProfileUpdated, ChildRemoved},
        testing::{ADA, day},
    };
    use chrono::NaiveDate;
    use serde_json::json;

    use super::{
        super::scene::{AT, FAMILY, ID, changes},
        *,
    };

    #[test]
    fn a_child_is_a_row_that_changes_as_its_profile_does() {
        let added = ChildAdded {
            family_id: FAMILY,
            first_name: "Kim".into(),
            last_name: None,
            date_of_birth: NaiveDate::from_ymd_opt(2022, 5, 4),
            clothing_size: Some("98".into()),
            shoe_size: None,
            notes: None,
            created_by: ADA,
        };
        let expected = json!({
            "family_id": FAMILY, "first_name": "Kim", "last_name": null,
            "date_of_birth": "2022-05-04", "clothing_size": "98", "shoe_size": null, "notes": null,
            "created_by": ADA, "created_at": AT, "updated_at": AT,
        });
        assert_eq!(changes::<Child>(ID, added), [CHILDREN.put(ID, expected)]);
        let updated = ChildProfileUpdated { clothing_size: Some(None), ..Default::default() };
        let expected = json!({"clothing_size": null, "updated_at": AT});
        assert_eq!(changes::<Child>(ID, updated), [CHILDREN.patch(ID, expected)]);
        let expected = json!({"deleted_at": day(2), "updated_at": AT});
        let removed = ChildRemoved { deleted_at: day(2) };
        assert_eq!(changes::<Child>(ID, removed), [CHILDREN.patch(ID, expected)]);
    }
}
