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
    FORGOTTEN.iter().fold(row, |row, column| row.with(column, ()))
}
