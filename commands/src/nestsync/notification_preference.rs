//! Who may say what a person wants to hear (nestsync.policy.notification_preferences.own).

use std::sync::Arc;

use annals_domain::nestsync::{
    family::Family,
    notification_preference::{NotificationPreference, SetNotificationPreference, Wish},
};
use uuid::Uuid;

use super::{account, authority};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a person's preferences, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] =
        &["nestsync.policy.notification_preferences.own", "nestsync.policy.override.sysadmin"];
    vec![command::<NotificationPreference, SetNotificationPreference>(Target::Given, OWN, set)]
}

fn set(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &SetNotificationPreference,
) -> Result<(), Stop> {
    let (user_id, family_id) = person_and_family(id).ok_or_else(|| Stop::Invalid {
        pointer: "/id",
        detail: "expected <user id>:<family id>, in lower case".to_owned(),
    })?;
    let user = account(work)?;
    let family = work.existing::<Family>(family_id)?;
    let is_member = family.member_of(user_id).is_some();
    let own = work.actor.is(user_id) && is_member;
    authority(work, &user, own, "members set their own preferences")?;
    if !is_member {
        let detail = "this person is no member of this family".to_owned();
        return Err(Stop::Invalid { pointer: "/id", detail });
    }
    family.open()?;
    work.tenant(family_id);
    work.decide::<NotificationPreference>(id, Wish { asked: command.clone(), user_id, family_id })
}

/// The two ids of a stream, in the one spelling in which a stream is found again.
fn person_and_family(id: &str) -> Option<(Uuid, Uuid)> {
    let (person, family) = id.split_once(':')?;
    let ids = (Uuid::try_parse(person).ok()?, Uuid::try_parse(family).ok()?);
    (format!("{}:{}", ids.0.hyphenated(), ids.1.hyphenated()) == id).then_some(ids)
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, BOB};
    use serde_json::json;

    use super::{
        super::scene::{EVE, FAMILY, OTHERS, ROOT, VERA, deactivate, world},
        *,
    };

    const SET: &str = "nestsync.cmd.set_notification_preference";

    #[test]
    fn members_set_their_own_preferences_in_their_families() {
        let mut world = world();
        let data = json!({"channel": "sms", "topic": "reorder_suggestion", "enabled": true});
        let of = |person: Uuid, family: Uuid| format!("{person}:{family}");
        world.as_person(VERA);
        world.send(SET, of(VERA, FAMILY), data.clone()).accepted(&["NotificationPreferenceSet"]);
        world.send(SET, of(BOB, FAMILY), data.clone()).denied();
        world.send(SET, of(VERA, OTHERS), data.clone()).denied();
        world.as_person(EVE).send(SET, of(VERA, FAMILY), data.clone()).denied();
        world.as_system().send(SET, of(VERA, FAMILY), data.clone()).denied();
        world.as_person(ROOT).send(SET, of(BOB, FAMILY), data.clone()).refused("reason_required");
        world.because("asked by telephone");
        world.send(SET, of(BOB, FAMILY), data.clone()).accepted(&["NotificationPreferenceSet"]);
        let outsider = world.send(SET, of(EVE, FAMILY), data.clone());
        assert!(matches!(outsider.0, Err(Stop::Invalid { .. })), "{outsider:?}");
        deactivate(&mut world, VERA);
        world.as_person(VERA).send(SET, of(VERA, FAMILY), data).refused("actor_not_active");
    }

    #[test]
    fn preferences_are_found_under_one_spelling() {
        let mut world = world();
        let data = json!({"channel": "sms", "topic": "reorder_suggestion", "enabled": true});
        world.as_person(ADA);
        let upper = format!("{ADA}:{FAMILY}").to_uppercase();
        for id in [upper, ADA.to_string(), format!("{ADA}:"), format!("{}:{FAMILY}", ADA.simple())]
        {
            let sent = world.send(SET, id, data.clone());
            assert!(matches!(sent.0, Err(Stop::Invalid { pointer: "/id", .. })), "{sent:?}");
        }
    }
}
