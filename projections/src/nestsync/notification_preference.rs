//! What people want to hear, as rows of `notification_preferences`.

use annals_domain::nestsync::notification_preference::{Event, NotificationPreferenceSet};
use serde_json::{Value, json};

use super::tables::NOTIFICATION_PREFERENCES;
use crate::{change::Change, recorded::Recorded};

const SAID: [&str; 3] = ["enabled", "quiet_from", "quiet_until"];

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let at = recorded.at;
    let change = match &recorded.event {
        Event::NotificationPreferenceSet(set) if set.first => NOTIFICATION_PREFERENCES
            .put(key(set), set)
            .only(&SAID)
            .with("id", set.preference_id)
            .with("created_at", at),
        Event::NotificationPreferenceSet(set) => {
            NOTIFICATION_PREFERENCES.patch(key(set), set).only(&SAID)
        }
        Event::Imported(row) => return vec![NOTIFICATION_PREFERENCES.imported(row)],
    };
    vec![change.with("updated_at", at)]
}

/// Person, family, way and topic.
fn key(set: &NotificationPreferenceSet) -> [Value; 4] {
    [json!(set.user_id), json!(set.family_id), json!(set.channel), json!(set.topic)]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::notification_preference::{Channel, NotificationPreference, Topic},
        testing::ADA,
    };
    use chrono::NaiveTime;
    use uuid::Uuid;

    use super::{
        super::scene::{AT, FAMILY, ID, changes},
        *,
    };

    fn set(first: bool) -> NotificationPreferenceSet {
        NotificationPreferenceSet {
            preference_id: Uuid::from_u128(9),
            first,
            user_id: ADA,
            family_id: FAMILY,
            channel: Channel::Push,
            topic: Topic::Subscription,
            enabled: true,
            quiet_from: NaiveTime::from_hms_opt(22, 0, 0),
            quiet_until: NaiveTime::from_hms_opt(7, 30, 0),
        }
    }

    #[test]
    fn a_preference_is_a_row_and_keeps_its_id_and_beginning() {
        let key = || [json!(ADA), json!(FAMILY), json!("push"), json!("subscription")];
        let put = json!({
            "id": Uuid::from_u128(9), "enabled": true, "quiet_from": "22:00:00",
            "quiet_until": "07:30:00", "created_at": AT, "updated_at": AT,
        });
        assert_eq!(
            changes::<NotificationPreference>(ID, set(true)),
            [NOTIFICATION_PREFERENCES.put(key(), put)]
        );
        let patch = json!({
            "enabled": true, "quiet_from": "22:00:00", "quiet_until": "07:30:00", "updated_at": AT,
        });
        assert_eq!(
            changes::<NotificationPreference>(ID, set(false)),
            [NOTIFICATION_PREFERENCES.patch(key(), patch)]
        );
    }
}
