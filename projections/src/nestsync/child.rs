//! What happens to children, as rows of `children` and `emergency_profiles`; and what erasing a child
//! does to notes on what it used.

use annals_domain::nestsync::child::{ChildErased, Event};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::tables::{CHILDREN, EMERGENCY_PROFILES, USAGE_LOGS};
use crate::{change::Change, recorded::Recorded, table::imported};

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
        Event::ChildErased(erased) => erases(id, at, erased),
        Event::EmergencyProfileCreated(created) => vec![
            EMERGENCY_PROFILES
                .put(id, created)
                .without("profile_id")
                .with("id", created.profile_id)
                .with("created_at", at)
                .with("updated_at", at),
        ],
        Event::EmergencyProfileUpdated(updated) => {
            vec![EMERGENCY_PROFILES.patch(id, updated).with("updated_at", at)]
        }
        Event::Imported(row) => imported([&CHILDREN, &EMERGENCY_PROFILES], row),
    }
}

/// What is known of the child goes, also from notes on what it used.
fn erases(id: &str, at: DateTime<Utc>, erased: &ChildErased) -> Vec<Change> {
    vec![
        CHILDREN
            .patch(id, erased)
            .with("first_name", "erased")
            .with("last_name", Value::Null)
            .with("date_of_birth", Value::Null)
            .with("clothing_size", Value::Null)
            .with("shoe_size", Value::Null)
            .with("notes", Value::Null)
            .with("updated_at", at),
        USAGE_LOGS.patch_where("child_id", id).with("notes", Value::Null).with("updated_at", at),
        EMERGENCY_PROFILES.drop_where("child_id", id),
    ]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::child::{
            Child, ChildAdded, ChildProfileUpdated, ChildRemoved, Contact, EmergencyProfileCreated,
            EmergencyProfileUpdated,
        },
        testing::{ADA, day},
    };
    use chrono::NaiveDate;
    use serde_json::json;
    use uuid::Uuid;

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

    #[test]
    fn an_emergency_profile_is_the_row_of_its_child() {
        let profile_id = Uuid::from_u128(9);
        let created = EmergencyProfileCreated {
            profile_id,
            family_id: FAMILY,
            contacts: vec![Contact {
                name: "Grandma".into(),
                phone: "416 555 0100".into(),
                relationship: None,
            }],
            allergies: vec!["peanuts".into()],
            medical_conditions: vec![],
            medications: vec![],
            physician_name: None,
            physician_phone: None,
            instructions: None,
            updated_by: ADA,
        };
        let expected = json!({
            "id": profile_id, "family_id": FAMILY,
            "contacts": [{"name": "Grandma", "phone": "416 555 0100"}], "allergies": ["peanuts"],
            "medical_conditions": [], "medications": [], "physician_name": null,
            "physician_phone": null, "instructions": null, "updated_by": ADA, "created_at": AT,
            "updated_at": AT,
        });
        assert_eq!(changes::<Child>(ID, created), [EMERGENCY_PROFILES.put(ID, expected)]);
        let updated = EmergencyProfileUpdated {
            contacts: None,
            allergies: Some(vec![]),
            medical_conditions: None,
            medications: None,
            physician_name: Some(None),
            physician_phone: None,
            instructions: None,
            updated_by: ADA,
        };
        let expected = json!({
            "allergies": [], "physician_name": null, "updated_by": ADA, "updated_at": AT,
        });
        assert_eq!(changes::<Child>(ID, updated), [EMERGENCY_PROFILES.patch(ID, expected)]);
    }

    #[test]
    fn an_erased_child_is_in_no_row_any_more() {
        let expected = json!({
            "first_name": "erased", "last_name": null, "date_of_birth": null,
            "clothing_size": null, "shoe_size": null, "notes": null, "deleted_at": day(2),
            "updated_at": AT,
        });
        let notes = USAGE_LOGS.patch_where("child_id", ID).with("notes", ()).with("updated_at", AT);
        assert_eq!(
            changes::<Child>(ID, ChildErased { deleted_at: Some(day(2)) }),
            [CHILDREN.patch(ID, expected), notes, EMERGENCY_PROFILES.drop_where("child_id", ID),]
        );
    }
}
