//! Notifications on their way, as rows of `notification_logs`.

use annals_domain::nestsync::notification::Event;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::tables::NOTIFICATION_LOGS;
use crate::{change::Change, recorded::Recorded};

/// What an event does to rows.
pub(super) fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (id, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::NotificationQueued(queued) => {
            vec![NOTIFICATION_LOGS.put(id, queued).with("created_at", at).with("updated_at", at)]
        }
        Event::NotificationSent(sent) => goes_on(id, sent, at),
        Event::NotificationDelivered(delivered) => goes_on(id, delivered, at),
        Event::NotificationFailed(failed) => goes_on(id, failed, at),
        Event::NotificationSuppressed(suppressed) => goes_on(id, suppressed, at),
        Event::Imported(row) => vec![NOTIFICATION_LOGS.imported(row)],
    }
}

/// The row changes as its event says; for whom it is stays.
fn goes_on(id: &str, event: &impl Serialize, at: DateTime<Utc>) -> Vec<Change> {
    vec![NOTIFICATION_LOGS.patch(id, event).without("user_id").with("updated_at", at)]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::{
            notification::{
                Notification, NotificationDelivered, NotificationFailed, NotificationQueued,
                NotificationSent, NotificationSuppressed, Status,
            },
            notification_preference::{Channel, Topic},
        },
        testing::{ADA, day},
    };
    use serde_json::json;

    use super::{
        super::scene::{AT, FAMILY, ID, changes},
        *,
    };

    #[test]
    fn a_notification_is_a_row_from_queueing_on() {
        let queued = NotificationQueued {
            family_id: FAMILY,
            user_id: ADA,
            channel: Channel::Email,
            topic: Topic::FamilyInvitation,
            resource_type: None,
            resource_id: None,
            status: Status::Queued,
            queued_at: day(1),
        };
        let expected = json!({
            "family_id": FAMILY, "user_id": ADA, "channel": "email", "topic": "family_invitation",
            "resource_type": null, "resource_id": null, "status": "queued", "queued_at": day(1),
            "created_at": AT, "updated_at": AT,
        });
        assert_eq!(changes::<Notification>(ID, queued), [NOTIFICATION_LOGS.put(ID, expected)]);
    }

    #[test]
    fn what_becomes_of_it_is_told_in_its_row() {
        let patch = |columns| [NOTIFICATION_LOGS.patch(ID, columns)];
        let sent = NotificationSent {
            status: Status::Sent,
            provider_message_id: Some("m-1".into()),
            sent_at: day(1),
        };
        assert_eq!(
            changes::<Notification>(ID, sent),
            patch(json!({
                "status": "sent", "provider_message_id": "m-1", "sent_at": day(1),
                "updated_at": AT,
            }))
        );
        let delivered = NotificationDelivered { status: Status::Delivered, delivered_at: day(2) };
        assert_eq!(
            changes::<Notification>(ID, delivered),
            patch(json!({"status": "delivered", "delivered_at": day(2), "updated_at": AT}))
        );
        let failed = NotificationFailed {
            user_id: ADA,
            status: Status::Failed,
            failure_reason: Some("mailbox full".into()),
            failed_at: day(2),
        };
        assert_eq!(
            changes::<Notification>(ID, failed),
            patch(json!({
                "status": "failed", "failure_reason": "mailbox full", "failed_at": day(2),
                "updated_at": AT,
            }))
        );
        let suppressed = NotificationSuppressed {
            user_id: ADA,
            status: Status::Suppressed,
            failure_reason: Some("quiet time".into()),
        };
        assert_eq!(
            changes::<Notification>(ID, suppressed),
            patch(json!({
                "status": "suppressed", "failure_reason": "quiet time", "updated_at": AT,
            }))
        );
    }
}
