//! Who may report what a person does (nestsync.policy.analytics.track).

use std::sync::Arc;

use annals_domain::nestsync::{
    activity::{Activity, TrackActivity},
    family::Family,
};

use super::{account, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a person's activity, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const TRACK: &[&str] = &["nestsync.policy.analytics.track"];
    vec![command::<Activity, TrackActivity>(Target::Actor, TRACK, track)]
}

/// A member's application reports what this member does, under the member's name or under nobody's.
fn track(work: &mut Work<'_>, id: &Arc<str>, command: &TrackActivity) -> Result<(), Stop> {
    let person = uuid(id)?;
    account(work)?;
    if !work.actor.is(person) || command.user_id.is_some_and(|named| named != person) {
        return Err(Stop::Denied("people report their own activity only"));
    }
    let family = work.existing::<Family>(command.family_id)?;
    if family.member_of(person).is_none() {
        return Err(Stop::Denied("only members of the family may do this"));
    }
    family.open()?;
    work.tenant(command.family_id);
    work.decide::<Activity>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::{ADA, BOB};
    use serde_json::json;

    use super::super::scene::{EVE, FAMILY, ROOT, VERA, deactivate, world};

    const TRACK: &str = "nestsync.cmd.track_activity";

    #[test]
    fn members_report_their_own_activity_named_or_not() {
        let mut world = world();
        let named = json!({"family_id": FAMILY, "user_id": VERA, "event_name": "opened"});
        let unnamed = json!({"family_id": FAMILY, "event_name": "opened"});
        world.as_person(VERA).send(TRACK, VERA, named.clone()).accepted(&["ActivityTracked"]);
        world.send(TRACK, VERA, unnamed.clone()).accepted(&["ActivityTracked"]);
        world.send(TRACK, BOB, unnamed.clone()).denied();
        world.as_person(BOB).send(TRACK, BOB, named).denied();
        for other in [EVE, ROOT] {
            world.as_person(other).send(TRACK, other, unnamed.clone()).denied();
        }
        world.as_system().send(TRACK, VERA, unnamed.clone()).denied();
        deactivate(&mut world, VERA);
        world.as_person(VERA).send(TRACK, VERA, unnamed).refused("actor_not_active");
    }

    #[test]
    fn nothing_is_reported_about_an_archived_family() {
        let mut world = world();
        world
            .as_person(ADA)
            .send("nestsync.cmd.archive_family", FAMILY, json!({}))
            .accepted(&["FamilyArchived"]);
        let done = json!({"family_id": FAMILY, "event_name": "opened"});
        world.send(TRACK, ADA, done).refused("family_closed");
    }
}
