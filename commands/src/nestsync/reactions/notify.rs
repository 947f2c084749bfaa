//! Notifications: to whom, by which ways, and which of them the recipient does not want.

use annals_domain::nestsync::{
    calendar::{time_in, zone},
    child,
    family::{Family, MemberStatus},
    notification::{self, Notification, QueueNotification, SuppressNotification},
    notification_preference::{self, Channel, Forbidden, NotificationPreference, Topic},
    permission::Permission,
    user::User,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{NOTIFY_EMERGENCY, SUPPRESS};
use crate::reaction::{Halt, Memory, Reacting};

/// What is remembered of a child: its family.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OfChild {
    /// The family.
    pub family_id: Option<Uuid>,
}

impl Memory for OfChild {
    const KIND: &'static str = "child";
}

/// Queues a notification for each active member with a permission, by every way. What somebody does
/// not want is queued like the rest and then suppressed, so that the log says so.
pub fn members(
    reaction: &'static str,
    family_id: Uuid,
    code: Permission,
    topic: Topic,
    about: (&str, Uuid),
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let family = reacting.known::<Family>(family_id)?;
    for member in family.members.values() {
        let active = member.status == MemberStatus::Active && member.permissions.contains(&code);
        if let Some(user_id) = member.user_id.filter(|_| active) {
            person(reaction, family_id, user_id, topic, about, reacting)?;
        }
    }
    Ok(())
}

/// Queues a notification for a person, by every way.
pub fn person(
    reaction: &'static str,
    family_id: Uuid,
    user_id: Uuid,
    topic: Topic,
    (resource_type, resource_id): (&str, Uuid),
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    for channel in Channel::ALL {
        let queue = QueueNotification {
            family_id,
            user_id,
            channel,
            topic,
            resource_type: Some(resource_type.to_owned()),
            resource_id: Some(resource_id),
        };
        let id = reacting.new_id(&format!("{reaction}/{user_id}/{channel:?}"));
        reacting.send::<Notification, _>(reaction, id, &queue)?;
    }
    Ok(())
}

/// What a child's events lead to.
pub fn child(event: &child::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    let family_id = match event {
        child::Event::ChildAdded(added) => {
            return reacting.remember(id, &OfChild { family_id: Some(added.family_id) });
        }
        child::Event::Imported(row) if row.table() == "children" => {
            return reacting.remember(id, &OfChild { family_id: row.get("family_id") });
        }
        child::Event::EmergencyProfileCreated(created) => Some(created.family_id),
        child::Event::EmergencyProfileUpdated(_) => reacting.recall::<OfChild>(id)?.family_id,
        child::Event::Imported(_)
        | child::Event::ChildProfileUpdated(_)
        | child::Event::ChildRemoved(_)
        | child::Event::ChildErased(_) => None,
    };
    let Some(family_id) = family_id else { return Ok(()) };
    members(
        NOTIFY_EMERGENCY,
        family_id,
        Permission::EmergencyRead,
        Topic::EmergencyProfile,
        ("child", id),
        reacting,
    )
}

/// What a person wants to hear.
pub fn preference(
    event: &notification_preference::Event,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    reacting.follow::<NotificationPreference>(event).map(drop)
}

/// Suppresses what the recipient does not want, and tells whoever sends of the rest
/// (nestsync.reaction.suppress).
pub fn notification(event: &notification::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let queued = match event {
        notification::Event::NotificationQueued(queued) => queued,
        notification::Event::NotificationSent(_)
        | notification::Event::NotificationDelivered(_)
        | notification::Event::NotificationFailed(_)
        | notification::Event::NotificationSuppressed(_)
        | notification::Event::Imported(_) => return Ok(()),
    };
    let id = reacting.cause.id_of_stream()?;
    let key = format!("{}:{}", queued.user_id, queued.family_id);
    let wishes = reacting.known::<NotificationPreference>(key)?;
    let zone = zone(&reacting.known::<User>(queued.user_id)?.timezone).unwrap_or_default();
    let at = time_in(zone, queued.queued_at);
    let reason = match wishes.forbids(queued.channel, queued.topic, at) {
        Some(Forbidden::SwitchedOff) => "switched off by the recipient",
        Some(Forbidden::QuietTime) => "in the recipient's quiet time",
        None => {
            let data = json!({
                "notification_id": id, "family_id": queued.family_id, "user_id": queued.user_id,
                "channel": queued.channel, "topic": queued.topic,
            });
            reacting.tell(SUPPRESS, "notification_due", data);
            return Ok(());
        }
    };
    let suppress = SuppressNotification { failure_reason: Some(reason.to_owned()) };
    reacting.send::<Notification, _>(SUPPRESS, id, &suppress)
}
