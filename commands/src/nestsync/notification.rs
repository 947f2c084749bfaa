//! The system queues, the sender reports (nestsync.policy.notifications.system).

use std::sync::Arc;

use annals_domain::nestsync::{
    family::Family,
    notification::{
        Command, Notification, QueueNotification, RecordNotificationDelivered,
        RecordNotificationFailed, RecordNotificationSent, SuppressNotification,
    },
    user::User,
};

use super::{fresh, system};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a notification, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SYSTEM: &[&str] = &["nestsync.policy.notifications.system"];
    vec![
        command::<Notification, QueueNotification>(Target::New, SYSTEM, queue),
        command::<Notification, RecordNotificationSent>(Target::Given, SYSTEM, report),
        command::<Notification, RecordNotificationDelivered>(Target::Given, SYSTEM, report),
        command::<Notification, RecordNotificationFailed>(Target::Given, SYSTEM, report),
        command::<Notification, SuppressNotification>(Target::Given, SYSTEM, report),
    ]
}

fn queue(work: &mut Work<'_>, id: &Arc<str>, command: &QueueNotification) -> Result<(), Stop> {
    system(work)?;
    work.existing::<User>(command.user_id)?;
    work.existing::<Family>(command.family_id)?;
    fresh::<Notification>(work, id)?;
    work.tenant(command.family_id);
    work.decide::<Notification>(id, command.clone())
}

fn report<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    let family_id = work.existing::<Notification>(id)?.family_id;
    work.tenant(family_id);
    work.decide::<Notification>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::ADA;
    use serde_json::json;
    use uuid::Uuid;

    use super::super::scene::{FAMILY, NEW, ROOT, world};

    const QUEUE: &str = "nestsync.cmd.queue_notification";
    const ID: Uuid = Uuid::from_u128(0x40);

    #[test]
    fn only_the_system_queues_and_reports() {
        let mut world = world();
        let queued = json!({
            "family_id": FAMILY, "user_id": ADA, "channel": "email", "topic": "reorder_suggestion",
        });
        let steps = [
            (QUEUE, queued, "NotificationQueued"),
            ("nestsync.cmd.record_notification_sent", json!({}), "NotificationSent"),
            ("nestsync.cmd.record_notification_delivered", json!({}), "NotificationDelivered"),
        ];
        for (subject, data, event) in steps {
            for person in [ADA, ROOT] {
                world.as_person(person).send(subject, ID, data.clone()).denied();
            }
            world.as_operator().send(subject, ID, data.clone()).denied();
            world.as_system().send(subject, ID, data).accepted(&[event]);
        }
        world
            .send("nestsync.cmd.record_notification_failed", ID, json!({}))
            .refused("notification_transition_refused");
        world
            .send("nestsync.cmd.suppress_notification", Uuid::from_u128(0x41), json!({}))
            .unknown();
    }

    #[test]
    fn a_notification_is_for_somebody_who_is_there() {
        let mut world = world();
        let to = |user: Uuid, family: Uuid| json!({"family_id": family, "user_id": user, "channel": "push", "topic": "subscription"});
        world.as_system();
        world.send(QUEUE, ID, to(NEW, FAMILY)).unknown();
        world.send(QUEUE, ID, to(ADA, Uuid::from_u128(0x42))).unknown();
    }
}
