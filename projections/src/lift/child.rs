//! What happens to a child, in `children` and in its row of `profiles`.

use annals_domain::{
    Tombstone,
    lift::{
        Role,
        child::{ChildRegistered, Event},
        member::MemberStatus,
    },
};
use chrono::{DateTime, Utc};

use super::{
    member,
    tables::{
        ALERTS, CHILDREN, GARDEN_ITEMS, PROFILES, STICKERS_EARNED, WELLBEING_RESPONSES,
        WELLBEING_SESSIONS,
    },
};
use crate::{change::Change, recorded::Recorded, table::Table};

/// Tables whose rows go with a forgotten child, referring ones first.
static OF_A_CHILD: [&Table; 5] =
    [&ALERTS, &STICKERS_EARNED, &GARDEN_ITEMS, &WELLBEING_RESPONSES, &WELLBEING_SESSIONS];

/// Columns of a forgotten child that read as null.
const FORGOTTEN: [&str; 10] = [
    "date_of_birth",
    "year_group",
    "class_name",
    "parent_guardian_name",
    "parent_guardian_email",
    "parent_guardian_phone",
    "safeguarding_notes",
    "additional_notes",
    "avatar_character",
    "preferences",
];

/// What a child's event does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    let changes = match &recorded.event {
        Event::ChildRegistered(registered) => registration(id, at, registered),
        Event::ChildDetailsUpdated(updated) => {
            let profile = updated.first_name.as_ref();
            let profile = profile.map(|name| PROFILES.patch(id, ()).with("name", name));
            [CHILDREN.patch(id, updated)].into_iter().chain(profile).collect()
        }
        Event::PrimaryPractitionerAssigned(assigned) => vec![CHILDREN.patch(id, assigned)],
        Event::ConsentRecorded(recorded) => {
            vec![CHILDREN.patch(id, recorded).with("consent_given", true)]
        }
        Event::ConsentWithdrawn(_) => {
            let withdrawn = CHILDREN.patch(id, ()).with("consent_given", false);
            vec![withdrawn.with("consent_date", ()).with("consent_type", ())]
        }
        Event::SafeguardingNoteRecorded(recorded) => vec![CHILDREN.patch(id, recorded)],
        Event::ChildPreferencesChanged(changed) => vec![CHILDREN.patch(id, changed)],
        Event::ChildTransferred(transferred) => vec![
            CHILDREN.patch(id, transferred),
            PROFILES.patch(id, ()).with("org_id", transferred.org_id),
        ],
        Event::ChildArchived(_) => {
            let inactive = PROFILES.patch(id, ()).with("status", MemberStatus::Inactive);
            vec![CHILDREN.patch(id, ()).with("deleted_at", at), inactive.with("deleted_at", at)]
        }
        Event::ChildErased(_) => {
            return OF_A_CHILD
                .iter()
                .map(|table| table.drop_where("child_id", id))
                .chain(
                    [erased(id), member::erased(id)]
                        .map(|row| row.with("deleted_at", at).with("updated_at", at)),
                )
                .collect();
        }
        Event::Imported(row) => return vec![CHILDREN.imported(row)],
    };
    changes.into_iter().map(|change| change.with("updated_at", at)).collect()
}

/// A profile and a record, written together. The profile's address is a placeholder and its name the
/// first name (F068).
fn registration(id: &str, at: DateTime<Utc>, registered: &ChildRegistered) -> Vec<Change> {
    let profile = PROFILES
        .put(id, ())
        .with("email", format!("{id}@child.invalid"))
        .with("name", &registered.first_name)
        .with("role", Role::Child)
        .with("org_id", registered.org_id)
        .with("status", MemberStatus::Active)
        .with("avatar_url", ())
        .with("created_at", at)
        .with("deleted_at", ());
    let child = CHILDREN
        .put(id, registered)
        .without("registered_on")
        .with("consent_given", false)
        .with("consent_date", ())
        .with("consent_type", ())
        .with("safeguarding_notes", ())
        .with("created_at", at)
        .with("deleted_at", ());
    vec![profile, child]
}

/// A record without the child (shared.erasure.tombstones).
fn erased(id: &str) -> Change {
    let row = CHILDREN.patch(id, ()).with("first_name", Tombstone::Text.value(id));
    FORGOTTEN.iter().fold(row, |row, column| row.with(*column, ()))
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        DomainEvent,
        lift::child::{
            ChildArchived, ChildDetailsUpdated, ChildErased, ChildTransferred, ConsentRecorded,
            ConsentType, ConsentWithdrawn,
        },
        testing::{ADA, day},
    };
    use serde_json::{Map, Value, json};
    use uuid::Uuid;

    use super::{super::testing::changes, *};

    fn happens(event: impl Into<Event>) -> Vec<Value> {
        changes(project, "bo", event)
    }

    fn patch(table: &str, mut columns: Value) -> Value {
        columns["updated_at"] = json!(day(2));
        json!({"patch": table, "key": {"id": "bo"}, "columns": columns})
    }

    fn registered() -> ChildRegistered {
        ChildRegistered {
            org_id: Uuid::from_u128(0x5c),
            display_id: 7,
            registered_on: day(1).date_naive(),
            first_name: "Bo".into(),
            date_of_birth: None,
            year_group: None,
            class_name: None,
            primary_practitioner_id: Some(ADA),
            parent_guardian_name: None,
            parent_guardian_email: None,
            parent_guardian_phone: None,
            additional_notes: None,
            avatar_character: Some("default".into()),
            preferences: Some(Map::new()),
        }
    }

    #[test]
    fn a_registration_writes_the_profile_and_the_record_whole() {
        let changes = happens(registered());
        let [profile, record] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!((&profile["put"], &record["put"]), (&json!("profiles"), &json!("children")));
        let (profile, record) = (&profile["columns"], &record["columns"]);
        assert_eq!(profile["email"], "bo@child.invalid");
        assert_eq!(profile["name"], "Bo");
        assert_eq!(profile["role"], "Child");
        assert_eq!(profile["org_id"], record["org_id"]);
        assert_eq!(record["consent_given"], false);
    }

    #[test]
    fn a_new_first_name_is_the_profiles_too() {
        let class = ChildDetailsUpdated { class_name: Some(None), ..Default::default() };
        assert_eq!(happens(class), [patch("children", json!({"class_name": null}))]);
        let name = ChildDetailsUpdated { first_name: Some("Bob".into()), ..Default::default() };
        assert_eq!(
            happens(name),
            [
                patch("children", json!({"first_name": "Bob"})),
                patch("profiles", json!({"name": "Bob"})),
            ]
        );
    }

    #[test]
    fn consent_is_written_with_kind_and_time_and_cleared_with_both() {
        let (consent_type, consent_date) = (ConsentType::Digital, day(1));
        let row = json!({"consent_given": true, "consent_type": "digital", "consent_date": day(1)});
        let given = happens(ConsentRecorded { consent_type, consent_date });
        assert_eq!(given, [patch("children", row)]);
        let row = json!({"consent_given": false, "consent_type": null, "consent_date": null});
        assert_eq!(happens(ConsentWithdrawn {}), [patch("children", row)]);
    }

    #[test]
    fn record_and_profile_move_and_close_together() {
        let org_id = Uuid::from_u128(0xc1);
        let row = json!({"org_id": org_id, "display_id": 1, "primary_practitioner_id": null});
        assert_eq!(
            happens(ChildTransferred { org_id, display_id: 1, primary_practitioner_id: None }),
            [patch("children", row), patch("profiles", json!({"org_id": org_id}))]
        );
        assert_eq!(
            happens(ChildArchived {}),
            [
                patch("children", json!({"deleted_at": day(2)})),
                patch("profiles", json!({"status": "inactive", "deleted_at": day(2)})),
            ]
        );
    }

    #[test]
    fn a_forgotten_child_takes_its_rows_along() {
        let changes = happens(ChildErased {});
        let gone = |table| json!({"drop_where": table, "key": {"child_id": "bo"}, "columns": {}});
        let tables = OF_A_CHILD.map(|table| gone(table.name));
        assert_eq!(changes[..5], tables);
        assert_eq!(changes[5]["columns"]["first_name"], "erased");
        assert_eq!(changes[6]["columns"]["email"], "bo@erased.invalid");
    }

    #[test]
    fn the_erasure_leaves_what_a_replay_without_the_key_leaves() {
        let erased = happens(ChildErased {}).swap_remove(5);
        for field in Event::TYPES.iter().flat_map(|event| event.personal) {
            let tombstone = field.tombstone.value("bo");
            assert_eq!(erased["columns"][field.name], tombstone, "{}", field.name);
        }
    }
}
