//! Profiles.

use annals_domain::samia::user_profile::Event;
use serde::Serialize;
use serde_json::Value;

use super::tables::USER_PROFILES;
use crate::{change::Change, recorded::Recorded};

/// What happens to a profile does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    match &recorded.event {
        Event::UserProfileCreated(created) => {
            let mut row = changed(USER_PROFILES.put(recorded.id, created), recorded)
                .with("reading_history_count", 0)
                .with("created_at", recorded.at);
            for column in [
                "specializations",
                "experience_years",
                "reading_rate",
                "availability_schedule",
                "certifications",
                "birth_chart_data",
                "preferred_readers",
                "admin_permissions",
                "department",
            ] {
                row = row.with(column, Value::Null);
            }
            vec![row]
        }
        Event::ReaderProfileUpdated(updated) => vec![patched(recorded, updated)],
        Event::ClientProfileUpdated(updated) => vec![patched(recorded, updated)],
        Event::ProfileSettingsChanged(settings) => vec![patched(recorded, settings)],
        Event::AdminPermissionsAssigned(assigned) => vec![patched(recorded, assigned)],
        Event::Imported(row) => vec![USER_PROFILES.imported(row)],
    }
}

fn patched(recorded: &Recorded<'_, Event>, payload: impl Serialize) -> Change {
    changed(USER_PROFILES.patch(recorded.id, payload), recorded)
}

fn changed(row: Change, recorded: &Recorded<'_, Event>) -> Change {
    row.with("updated_at", recorded.at)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::{
            user::ProfileType,
            user_profile::{AdminPermissionsAssigned, ReaderProfileUpdated, UserProfileCreated},
        },
        testing::ADA,
    };
    use uuid::Uuid;

    use super::*;
    use crate::samia::testing::{changes, fits, of};

    #[test]
    fn a_profile_is_a_whole_row_found_by_its_user() {
        let created = UserProfileCreated {
            id: Uuid::from_u128(3),
            profile_type: ProfileType::Client,
            languages: Some(vec!["en".into()]),
            social_links: None,
            notification_preferences: None,
            privacy_settings: None,
        };
        let changes = changes(project, created);
        let row = of(&changes, "user_profiles");
        fits(row);
        assert_eq!(row.key["user_id"], ADA.to_string());
        assert_eq!(row.columns["reading_history_count"], 0);
    }

    #[test]
    fn only_what_changed_is_written() {
        let updated = ReaderProfileUpdated {
            experience_years: Some(Some(7)),
            ..ReaderProfileUpdated::default()
        };
        let updated = changes(project, updated);
        let row = of(&updated, "user_profiles");
        fits(row);
        assert_eq!(row.columns.keys().collect::<Vec<_>>(), ["experience_years", "updated_at"]);
        let assigned = changes(project, AdminPermissionsAssigned::default());
        fits(of(&assigned, "user_profiles"));
    }
}
