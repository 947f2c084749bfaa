//! Who checks in: the child itself. The system ends what was left open.

use std::sync::Arc;

use annals_domain::{
    Decider,
    lift::wellbeing_session::{
        AbandonSession, Command, CompleteSession, RecordResponse, StartSession, Started,
        WellbeingSession,
    },
};
use uuid::Uuid;

use super::access::{living_child, the_child, unused, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a session, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] = &["lift.policy.wellbeing_sessions.manage.own"];
    const OWN_ANSWER: &[&str] = &["lift.policy.wellbeing_responses.insert.own"];
    const OWN_OR_SYSTEM: &[&str] = &[
        "lift.policy.wellbeing_sessions.manage.own",
        "lift.policy.wellbeing_sessions.abandon.system",
    ];
    vec![
        command::<WellbeingSession, StartSession>(Target::New, OWN, start),
        command::<WellbeingSession, RecordResponse>(Target::Given, OWN_ANSWER, own),
        command::<WellbeingSession, CompleteSession>(Target::Given, OWN, own),
        command::<WellbeingSession, AbandonSession>(Target::Given, OWN_OR_SYSTEM, abandon),
    ]
}

/// A child with consent, for itself (lift.policy.wellbeing_sessions.manage.own).
fn start(work: &mut Work<'_>, id: &Arc<str>, command: &StartSession) -> Result<(), Stop> {
    uuid(id)?;
    let child = the_child(work, work.actor.id)?;
    unused::<WellbeingSession>(work, id)?;
    child.may_check_in()?;
    work.decide::<WellbeingSession>(id, command.clone())
}

/// The session's child (lift.policy.wellbeing_sessions.manage.own,
/// lift.policy.wellbeing_responses.insert.own).
fn own<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    let child_id = child_of(work, id)?;
    the_child(work, child_id)?;
    work.decide::<WellbeingSession>(id, command.clone())
}

/// The session's child, or the system (lift.policy.wellbeing_sessions.abandon.system).
fn abandon(work: &mut Work<'_>, id: &Arc<str>, command: &AbandonSession) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return own(work, id, command);
    }
    let child_id = child_of(work, id)?;
    living_child(work, child_id)?;
    work.decide::<WellbeingSession>(id, command.clone())
}

fn child_of(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let session = work.existing::<WellbeingSession>(id)?;
    let started = session.started().ok_or(Stop::Unknown { kind: WellbeingSession::TYPE })?;
    Ok(started.child_id)
}

/// A session that something about a child refers to: it must be that child's.
///
/// # Errors
/// [`Stop::Invalid`] where there is no such session, or it is another child's.
pub(super) fn session_of(
    work: &mut Work<'_>,
    child_id: Uuid,
    session_id: Uuid,
) -> Result<Started, Stop> {
    let session = work.load::<WellbeingSession>(session_id)?;
    let started = session.started().filter(|started| started.child_id == child_id);
    started.cloned().ok_or_else(|| Stop::Invalid {
        pointer: "/session_id",
        detail: "the child has no such session".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::lift::school::{
        ACCOUNT, HEAD, KIM, KIMS_SESSION, LEE, NOA, NOAS_SESSION, STRANGER, TEACHER, archive,
        close, erase, school,
    };

    const NEW: Uuid = Uuid::from_u128(0x5e9);
    const START: &str = "lift.cmd.start_session";
    const ANSWER: &str = "lift.cmd.record_response";
    const COMPLETE: &str = "lift.cmd.complete_session";
    const ABANDON: &str = "lift.cmd.abandon_session";

    fn daily() -> Value {
        json!({ "session_type": "daily_checkin" })
    }

    fn answer() -> Value {
        json!({
            "activity_type": "worry_space",
            "question_key": "worries",
            "response_type": "text",
            "response_value": "none today",
        })
    }

    #[test]
    fn a_child_with_consent_checks_in_from_start_to_end() {
        let mut world = school();
        world.as_person(KIM);
        let started = world.send(START, NEW, daily()).accepted(&["SessionStarted"]);
        let payload = started[0].event.payload_value().unwrap();
        assert_eq!(payload["child_id"], json!(KIM));
        let answered = world.send(ANSWER, NEW, answer()).accepted(&["ResponseRecorded"]);
        let payload = answered[0].event.payload_value().unwrap();
        assert_eq!(payload["child_id"], json!(KIM));
        assert_eq!(payload["activities_completed"], json!(["worry_space"]));
        world.send(COMPLETE, NEW, json!({ "overall_mood": 4 })).accepted(&["SessionCompleted"]);
    }

    #[test]
    fn without_consent_no_session_starts() {
        school().as_person(LEE).send(START, NEW, daily()).refused("consent_missing");
    }

    #[test]
    fn only_children_start_sessions() {
        let mut world = school();
        for person in [TEACHER, HEAD, ACCOUNT, STRANGER] {
            world.as_person(person).send(START, NEW, daily()).denied();
        }
        world.as_system().send(START, NEW, daily()).denied();
        world.as_operator().send(START, NEW, daily()).denied();
    }

    #[test]
    fn a_session_starts_once() {
        let sent = school().as_person(KIM).send(START, KIMS_SESSION, daily());
        assert!(matches!(sent.0, Err(Stop::Exists { .. })), "{sent:?}");
    }

    #[test]
    fn nobody_but_the_child_acts_in_its_session() {
        let mut world = school();
        for (subject, data) in [(ANSWER, answer()), (COMPLETE, json!({})), (ABANDON, json!({}))] {
            for person in [LEE, NOA, TEACHER, HEAD, ACCOUNT, STRANGER] {
                world.as_person(person).send(subject, KIMS_SESSION, data.clone()).denied();
            }
            world.as_operator().send(subject, KIMS_SESSION, data.clone()).denied();
            world.as_person(KIM).send(subject, NOAS_SESSION, data).denied();
        }
    }

    #[test]
    fn the_system_abandons_sessions_and_does_nothing_else_in_them() {
        let mut world = school();
        world.as_system();
        world.send(ANSWER, KIMS_SESSION, answer()).denied();
        world.send(COMPLETE, KIMS_SESSION, json!({})).denied();
        world.send(ABANDON, KIMS_SESSION, json!({})).accepted(&["SessionAbandoned"]);
        world.send(ABANDON, KIMS_SESSION, json!({})).accepted(&[]);
    }

    #[test]
    fn a_child_abandons_its_own_session() {
        school()
            .as_person(KIM)
            .send(ABANDON, KIMS_SESSION, json!({}))
            .accepted(&["SessionAbandoned"]);
    }

    #[test]
    fn an_answer_names_no_child_of_its_own() {
        let mut data = answer();
        data["child_id"] = json!(NOA);
        let sent = school().as_person(KIM).send(ANSWER, KIMS_SESSION, data);
        assert!(matches!(sent.0, Err(Stop::Invalid { .. })), "{sent:?}");
    }

    #[test]
    fn a_session_that_nobody_started_is_unknown() {
        let mut world = school();
        world.as_person(KIM).send(ANSWER, NEW, answer()).unknown();
        world.as_system().send(ABANDON, NEW, json!({})).unknown();
    }

    #[test]
    fn an_archived_child_acts_no_more_and_the_system_may_end_its_session() {
        let mut world = school();
        archive(&mut world, KIM);
        world.as_person(KIM).send(START, NEW, daily()).refused("actor_not_active");
        world.send(ANSWER, KIMS_SESSION, answer()).refused("actor_not_active");
        world.as_system().send(ABANDON, KIMS_SESSION, json!({})).accepted(&["SessionAbandoned"]);
    }

    #[test]
    fn nothing_is_written_about_an_erased_child() {
        let mut world = school();
        erase(&mut world, KIM);
        let sent = world.as_system().send(ABANDON, KIMS_SESSION, json!({}));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }

    #[test]
    fn children_of_a_closed_organisation_do_not_check_in() {
        let mut world = school();
        close(&mut world);
        world.as_person(KIM).send(START, NEW, daily()).refused("organisation_not_open");
        world.send(COMPLETE, KIMS_SESSION, json!({})).refused("organisation_not_open");
        world.as_person(NOA).send(START, NEW, daily()).accepted(&["SessionStarted"]);
    }
}
