//! Who awards stickers: the system.

use std::sync::Arc;

use annals_domain::lift::sticker_book::{AwardSticker, StickerBook};

use super::{
    access::{living_child, uuid},
    wellbeing_session::session_of,
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a sticker book, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SYSTEM: &[&str] = &["lift.policy.stickers_earned.insert.system"];
    vec![command::<StickerBook, AwardSticker>(Target::Given, SYSTEM, award)]
}

/// The system, to a child, for a session of that child's if for any
/// (lift.policy.stickers_earned.insert.system).
fn award(work: &mut Work<'_>, id: &Arc<str>, command: &AwardSticker) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the system awards stickers"));
    }
    let child_id = uuid(id)?;
    living_child(work, child_id)?;
    if let Some(session_id) = command.session_id {
        session_of(work, child_id, session_id)?;
    }
    work.decide::<StickerBook>(id, AwardSticker { child_id, ..command.clone() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::lift::school::{
        ACCOUNT, HEAD, KIM, KIMS_SESSION, LEE, NOAS_SESSION, STRANGER, TEACHER, erase, school,
    };

    const AWARD: &str = "lift.cmd.award_sticker";

    fn sticker(session_id: Option<Uuid>) -> Value {
        json!({
            "sticker_type": "daily_checkin",
            "sticker_name": "Sunflower",
            "earned_for": "session_completed",
            "session_id": session_id,
        })
    }

    #[test]
    fn the_system_awards_a_sticker_once_for_a_session() {
        let mut world = school();
        world.as_system();
        let awarded =
            world.send(AWARD, KIM, sticker(Some(KIMS_SESSION))).accepted(&["StickerAwarded"]);
        let payload = awarded[0].event.payload_value().unwrap();
        assert_eq!(payload["child_id"], json!(KIM));
        assert_eq!(payload["session_id"], json!(KIMS_SESSION));
        world.send(AWARD, KIM, sticker(Some(KIMS_SESSION))).refused("sticker_already_awarded");
        world.send(AWARD, KIM, sticker(None)).accepted(&["StickerAwarded"]);
    }

    #[test]
    fn nobody_else_awards_stickers() {
        let mut world = school();
        for person in [KIM, LEE, TEACHER, HEAD, ACCOUNT, STRANGER] {
            world.as_person(person).send(AWARD, KIM, sticker(None)).denied();
        }
        world.as_operator().send(AWARD, KIM, sticker(None)).denied();
    }

    #[test]
    fn a_sticker_is_for_a_session_of_the_child() {
        let mut world = school();
        world.as_system();
        for session in [NOAS_SESSION, STRANGER] {
            let sent = world.send(AWARD, KIM, sticker(Some(session)));
            let at = matches!(sent.0, Err(Stop::Invalid { pointer: "/session_id", .. }));
            assert!(at, "{sent:?}");
        }
    }

    #[test]
    fn a_sticker_is_for_a_child_that_is_there() {
        let mut world = school();
        world.as_system().send(AWARD, STRANGER, sticker(None)).unknown();
        world.send(AWARD, TEACHER, sticker(None)).unknown();
        erase(&mut world, KIM);
        let sent = world.send(AWARD, KIM, sticker(None));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }
}
