//! A notification on its way to a person: queued, then sent, delivered, failed or suppressed.
//! (nestsync.aggregate.Notification, stream: notification id)

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::notification_preference::{Channel, Topic};
use crate::{Decider, Imported, Moment, commands, events, refusals};

/// Where a notification stands (nestsync.notification_logs.status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits to be sent.
    Queued,
    /// Handed to the provider.
    Sent,
    /// Reached the person.
    Delivered,
    /// Did not.
    Failed,
    /// Was not to go out.
    Suppressed,
}

/// Queues a notification. (nestsync.command.QueueNotification)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueNotification {
    /// About which family.
    pub family_id: Uuid,
    /// For whom.
    pub user_id: Uuid,
    /// By which way.
    pub channel: Channel,
    /// About what.
    pub topic: Topic,
    /// What kind of thing it points at.
    #[serde(default)]
    pub resource_type: Option<String>,
    /// Which one.
    #[serde(default)]
    pub resource_id: Option<Uuid>,
}

/// Reports that the provider took it. (nestsync.command.RecordNotificationSent)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordNotificationSent {
    /// The provider's id of the message.
    #[serde(default)]
    pub provider_message_id: Option<String>,
}

/// Reports that it reached the person. (nestsync.command.RecordNotificationDelivered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordNotificationDelivered {}

/// Reports that it did not reach the person. (nestsync.command.RecordNotificationFailed)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordNotificationFailed {
    /// Why, in the provider's words.
    #[serde(default)]
    pub failure_reason: Option<String>,
}

/// Holds a notification back. (nestsync.command.SuppressNotification)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppressNotification {
    /// Why.
    #[serde(default)]
    pub failure_reason: Option<String>,
}

commands! {
    /// What may be asked of a notification.
    pub enum Command {
        QueueNotification,
        RecordNotificationSent,
        RecordNotificationDelivered,
        RecordNotificationFailed,
        SuppressNotification,
    }
}

/// A notification was queued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationQueued {
    /// About which family.
    pub family_id: Uuid,
    /// For whom.
    pub user_id: Uuid,
    /// By which way.
    pub channel: Channel,
    /// About what.
    pub topic: Topic,
    /// What kind of thing it points at.
    pub resource_type: Option<String>,
    /// Which one.
    pub resource_id: Option<Uuid>,
    /// Queued.
    pub status: Status,
    /// When.
    pub queued_at: DateTime<Utc>,
}

/// The provider took it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationSent {
    /// Sent.
    pub status: Status,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// When.
    pub sent_at: DateTime<Utc>,
}

/// It reached the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationDelivered {
    /// Delivered.
    pub status: Status,
    /// When.
    pub delivered_at: DateTime<Utc>,
}

/// It did not reach the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationFailed {
    /// For whom it was; whose key seals the reason.
    pub user_id: Uuid,
    /// Failed.
    pub status: Status,
    /// Why; providers quote addresses there.
    pub failure_reason: Option<String>,
    /// When.
    pub failed_at: DateTime<Utc>,
}

/// It was held back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationSuppressed {
    /// For whom it was; whose key seals the reason.
    pub user_id: Uuid,
    /// Suppressed.
    pub status: Status,
    /// Why.
    pub failure_reason: Option<String>,
}

events! {
    /// What happens to a notification.
    pub enum Event {
        NotificationQueued,
        NotificationSent,
        NotificationDelivered,
        NotificationFailed of user_id { failure_reason: null },
        NotificationSuppressed of user_id { failure_reason: null },
    }
    Imported {
        NotificationImported from notification_logs at [id] of [user_id] { failure_reason: null },
    }
}

refusals! {
    /// What a notification refuses.
    pub enum Refusal {
        /// nestsync.rule.notification.states
        NotificationTransitionRefused { status: &'static str } =>
            "a notification that is {status} cannot become that";
        /// There is no such notification.
        NotificationUnknown => "no such notification";
        /// The id is taken.
        NotificationAlreadyQueued => "this notification was queued already";
    }
}

/// Where a notification stands, and for whom it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Nothing before it is queued.
    pub status: Option<Status>,
    /// About which family.
    pub family_id: Uuid,
    /// For whom.
    pub user_id: Uuid,
}

impl Notification {
    /// For whom it is, where it may become `next`; nothing where it is that already.
    fn becomes(&self, next: Status) -> Result<Option<Uuid>, Refusal> {
        match (self.status.ok_or(Refusal::NotificationUnknown)?, next) {
            (Status::Queued, Status::Sent | Status::Failed | Status::Suppressed)
            | (Status::Sent, Status::Delivered | Status::Failed) => Ok(Some(self.user_id)),
            (now, next) if now == next => Ok(None),
            (now, _) => Err(Refusal::NotificationTransitionRefused { status: word(now) }),
        }
    }
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Failed => "failed",
        Status::Suppressed => "suppressed",
    }
}

impl Decider for Notification {
    const TYPE: &'static str = "nestsync.notification";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let event = match command {
            Command::QueueNotification(_) if self.status.is_some() => {
                return Err(Refusal::NotificationAlreadyQueued);
            }
            Command::QueueNotification(new) => Some(queued(new, moment).into()),
            Command::RecordNotificationSent(RecordNotificationSent { provider_message_id }) => {
                let (status, sent_at) = (Status::Sent, moment.now);
                self.becomes(status)?
                    .map(|_| NotificationSent { status, provider_message_id, sent_at }.into())
            }
            Command::RecordNotificationDelivered(_) => {
                let (status, delivered_at) = (Status::Delivered, moment.now);
                self.becomes(status)?.map(|_| NotificationDelivered { status, delivered_at }.into())
            }
            Command::RecordNotificationFailed(RecordNotificationFailed { failure_reason }) => {
                let (status, failed_at) = (Status::Failed, moment.now);
                self.becomes(status)?.map(|user_id| {
                    NotificationFailed { user_id, status, failure_reason, failed_at }.into()
                })
            }
            Command::SuppressNotification(SuppressNotification { failure_reason }) => {
                let status = Status::Suppressed;
                self.becomes(status)?.map(|user_id| {
                    NotificationSuppressed { user_id, status, failure_reason }.into()
                })
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::NotificationQueued(queued) => {
                self.status = Some(queued.status);
                self.family_id = queued.family_id;
                self.user_id = queued.user_id;
            }
            Event::NotificationSent(NotificationSent { status, .. })
            | Event::NotificationDelivered(NotificationDelivered { status, .. })
            | Event::NotificationFailed(NotificationFailed { status, .. })
            | Event::NotificationSuppressed(NotificationSuppressed { status, .. }) => {
                self.status = Some(*status);
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Notification {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.status = row.get("status");
        self.family_id = row.or_default("family_id");
        self.user_id = row.or_default("user_id");
    }
}

fn queued(new: QueueNotification, moment: &Moment) -> NotificationQueued {
    NotificationQueued {
        family_id: new.family_id,
        user_id: new.user_id,
        channel: new.channel,
        topic: new.topic,
        resource_type: new.resource_type,
        resource_id: new.resource_id,
        status: Status::Queued,
        queued_at: moment.now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, Given, day, given};

    const FAMILY: Uuid = Uuid::from_u128(0xfa);

    fn queue() -> QueueNotification {
        QueueNotification {
            family_id: FAMILY,
            user_id: ADA,
            channel: Channel::Email,
            topic: Topic::ReorderSuggestion,
            resource_type: Some("reorder_suggestion".into()),
            resource_id: Some(Uuid::from_u128(1)),
        }
    }

    fn waiting() -> Given<Notification> {
        given::<Notification>([]).when(queue()).events().0
    }

    fn sent() -> Given<Notification> {
        waiting().when(RecordNotificationSent::default()).events().0
    }

    #[test]
    fn a_notification_is_queued_once() {
        waiting().when(queue()).refused("NotificationAlreadyQueued");
        given::<Notification>([])
            .when(RecordNotificationDelivered {})
            .refused("NotificationUnknown");
    }

    #[test]
    fn a_queued_notification_is_sent_and_then_delivered() {
        let message = RecordNotificationSent { provider_message_id: Some("m-1".into()) };
        waiting()
            .when(message.clone())
            .then([NotificationSent {
                status: Status::Sent,
                provider_message_id: Some("m-1".into()),
                sent_at: day(1),
            }])
            .when(message)
            .then_nothing()
            .at(day(2))
            .when(RecordNotificationDelivered {})
            .then([NotificationDelivered { status: Status::Delivered, delivered_at: day(2) }])
            .when(RecordNotificationFailed::default())
            .refused("NotificationTransitionRefused");
    }

    #[test]
    fn a_notification_fails_before_or_after_it_is_sent() {
        for given in [waiting(), sent()] {
            given
                .when(RecordNotificationFailed { failure_reason: Some("mailbox full".into()) })
                .then([NotificationFailed {
                    user_id: ADA,
                    status: Status::Failed,
                    failure_reason: Some("mailbox full".into()),
                    failed_at: day(1),
                }])
                .when(RecordNotificationSent::default())
                .refused("NotificationTransitionRefused");
        }
    }

    #[test]
    fn only_a_queued_notification_is_suppressed_and_only_a_sent_one_delivered() {
        waiting()
            .when(RecordNotificationDelivered {})
            .refused("NotificationTransitionRefused")
            .when(SuppressNotification { failure_reason: Some("switched off".into()) })
            .then([NotificationSuppressed {
                user_id: ADA,
                status: Status::Suppressed,
                failure_reason: Some("switched off".into()),
            }])
            .when(SuppressNotification::default())
            .then_nothing()
            .when(RecordNotificationSent::default())
            .refused("NotificationTransitionRefused");
        sent().when(SuppressNotification::default()).refused("NotificationTransitionRefused");
    }
}
