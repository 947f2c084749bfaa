//! Who raises alerts: the system. Who deals with them: staff of the child's organisation, and Account.

use std::sync::Arc;

use annals_domain::{
    Decider,
    lift::alert::{AcknowledgeAlert, Alert, Command, EscalateAlert, RaiseAlert, ResolveAlert},
};
use uuid::Uuid;

use super::{
    access::{living_child, staff_of_child, unused, uuid},
    wellbeing_session::session_of,
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an alert, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SYSTEM: &[&str] = &["lift.policy.alerts.insert.system"];
    const STAFF: &[&str] =
        &["lift.policy.alerts.update.staff", "lift.policy.alerts.update.account"];
    vec![
        command::<Alert, RaiseAlert>(Target::New, SYSTEM, raise),
        command::<Alert, AcknowledgeAlert>(Target::Given, STAFF, handled),
        command::<Alert, EscalateAlert>(Target::Given, STAFF, handled),
        command::<Alert, ResolveAlert>(Target::Given, STAFF, handled),
    ]
}

/// The system, about a child, over a session and an answer of that child's if over any
/// (lift.policy.alerts.insert.system).
fn raise(work: &mut Work<'_>, id: &Arc<str>, command: &RaiseAlert) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the system raises alerts"));
    }
    uuid(id)?;
    living_child(work, command.child_id)?;
    unused::<Alert>(work, id)?;
    refers_to_the_childs(work, command)?;
    work.decide::<Alert>(id, command.clone())
}

fn refers_to_the_childs(work: &mut Work<'_>, command: &RaiseAlert) -> Result<(), Stop> {
    let answers: Vec<Uuid> = match command.session_id {
        Some(session_id) => session_of(work, command.child_id, session_id)?.responses,
        None => vec![],
    };
    match command.response_id {
        Some(response_id) if !answers.contains(&response_id) => Err(Stop::Invalid {
            pointer: "/response_id",
            detail: "no such answer in the session that session_id names".to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

/// Staff of the child's organisation, or Account (lift.policy.alerts.update.staff,
/// lift.policy.alerts.update.account).
fn handled<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    let child_id =
        work.existing::<Alert>(id)?.child().ok_or(Stop::Unknown { kind: Alert::TYPE })?;
    staff_of_child(work, child_id)?;
    work.decide::<Alert>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use annals_domain::testing::day;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        lift::school::{
            ACCOUNT, DOCTOR, HEAD, KIM, KIMS_ANSWER, KIMS_SESSION, LEE, MANAGER, NOA, NOAS_SESSION,
            STRANGER, SUSPENDED, TEACHER, archive, close, erase, school,
        },
        testing::World,
    };

    const ALERT: Uuid = Uuid::from_u128(0xa1e);
    const RAISE: &str = "lift.cmd.raise_alert";
    const ACKNOWLEDGE: &str = "lift.cmd.acknowledge_alert";
    const ESCALATE: &str = "lift.cmd.escalate_alert";
    const RESOLVE: &str = "lift.cmd.resolve_alert";

    fn about(child_id: Uuid, session_id: Option<Uuid>, response_id: Option<Uuid>) -> Value {
        json!({
            "child_id": child_id,
            "alert_type": "safeguarding",
            "severity": "medium",
            "title": "A low mood",
            "description": "The lowest of five",
            "trigger_data": { "response_score": 1 },
            "session_id": session_id,
            "response_id": response_id,
        })
    }

    /// The school, with an unread alert on Kim.
    fn alarmed() -> World {
        let mut world = school();
        let data = about(KIM, Some(KIMS_SESSION), Some(KIMS_ANSWER));
        world.as_system().send(RAISE, ALERT, data).accepted(&["AlertRaised"]);
        world
    }

    fn notes() -> Value {
        json!({ "resolution_notes": "Talked" })
    }

    fn each() -> [(&'static str, Value); 3] {
        [(ACKNOWLEDGE, json!({})), (ESCALATE, json!({})), (RESOLVE, notes())]
    }

    #[test]
    fn only_the_system_raises_alerts() {
        let mut world = school();
        for person in [KIM, TEACHER, HEAD, ACCOUNT, STRANGER] {
            world.as_person(person).send(RAISE, ALERT, about(KIM, None, None)).denied();
        }
        world.as_operator().send(RAISE, ALERT, about(KIM, None, None)).denied();
        world.as_system().send(RAISE, ALERT, about(KIM, None, None)).accepted(&["AlertRaised"]);
    }

    #[test]
    fn an_alert_is_raised_once() {
        let sent = alarmed().send(RAISE, ALERT, about(KIM, None, None));
        assert!(matches!(sent.0, Err(Stop::Exists { .. })), "{sent:?}");
    }

    #[test]
    fn an_alert_refers_to_a_session_and_an_answer_of_the_child() {
        let mut world = school();
        world.as_system();
        let wrong = [
            (about(KIM, Some(NOAS_SESSION), None), "/session_id"),
            (about(NOA, Some(KIMS_SESSION), Some(KIMS_ANSWER)), "/session_id"),
            (about(KIM, Some(STRANGER), None), "/session_id"),
            (about(KIM, Some(KIMS_SESSION), Some(STRANGER)), "/response_id"),
            (about(NOA, Some(NOAS_SESSION), Some(KIMS_ANSWER)), "/response_id"),
            (about(KIM, None, Some(KIMS_ANSWER)), "/response_id"),
        ];
        for (data, at) in wrong {
            match world.send(RAISE, ALERT, data).0 {
                Err(Stop::Invalid { pointer, .. }) => assert_eq!(pointer, at),
                other => panic!("expected {at}, got {other:?}"),
            }
        }
        world.send(RAISE, ALERT, about(KIM, Some(KIMS_SESSION), None)).accepted(&["AlertRaised"]);
    }

    #[test]
    fn an_alert_is_about_a_child_that_is_there() {
        let mut world = school();
        world.as_system().send(RAISE, ALERT, about(TEACHER, None, None)).unknown();
        erase(&mut world, KIM);
        let sent = world.send(RAISE, ALERT, about(KIM, None, None));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }

    #[test]
    fn staff_of_the_organisation_and_account_deal_with_an_alert() {
        for person in [TEACHER, HEAD, ACCOUNT] {
            let mut world = alarmed();
            world.as_person(person).at(day(2));
            let events = world.send(ACKNOWLEDGE, ALERT, json!({})).accepted(&["AlertAcknowledged"]);
            let payload = events[0].event.payload_value().unwrap();
            assert_eq!(payload["acknowledged_by"], json!(person));
            assert_eq!(payload["acknowledged_at"], json!(day(2)));
            world.send(ESCALATE, ALERT, json!({})).accepted(&["AlertEscalated"]);
            let events = world.send(RESOLVE, ALERT, notes()).accepted(&["AlertResolved"]);
            assert_eq!(events[0].event.payload_value().unwrap()["resolved_by"], json!(person));
        }
    }

    #[test]
    fn staff_of_another_organisation_children_and_strangers_do_not() {
        let mut world = alarmed();
        for (subject, data) in each() {
            for person in [DOCTOR, MANAGER, KIM, LEE, NOA, STRANGER] {
                world.as_person(person).send(subject, ALERT, data.clone()).denied();
            }
            world.as_system().send(subject, ALERT, data.clone()).denied();
            world.as_operator().send(subject, ALERT, data).denied();
        }
    }

    #[test]
    fn suspended_staff_do_not() {
        let mut world = alarmed();
        world.as_person(SUSPENDED);
        for (subject, data) in each() {
            world.send(subject, ALERT, data).refused("actor_not_active");
        }
    }

    #[test]
    fn staff_of_a_closed_organisation_do_not_and_account_does() {
        let mut world = alarmed();
        close(&mut world);
        world.as_person(TEACHER);
        for (subject, data) in each() {
            world.send(subject, ALERT, data).refused("organisation_not_open");
        }
        world
            .as_person(ACCOUNT)
            .send(ACKNOWLEDGE, ALERT, json!({}))
            .accepted(&["AlertAcknowledged"]);
    }

    #[test]
    fn alerts_on_an_archived_child_are_left_to_account() {
        let mut world = alarmed();
        archive(&mut world, KIM);
        world.as_person(TEACHER).send(ACKNOWLEDGE, ALERT, json!({})).refused("child_is_archived");
        world
            .as_person(ACCOUNT)
            .send(ACKNOWLEDGE, ALERT, json!({}))
            .accepted(&["AlertAcknowledged"]);
    }

    #[test]
    fn an_erased_childs_alert_is_left_alone() {
        let mut world = alarmed();
        erase(&mut world, KIM);
        let sent = world.as_person(ACCOUNT).send(ACKNOWLEDGE, ALERT, json!({}));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }

    #[test]
    fn the_documented_order_and_the_notes_are_kept() {
        let mut world = alarmed();
        world.as_person(TEACHER);
        world.send(RESOLVE, ALERT, notes()).refused("alert_transition_refused");
        world.send(ACKNOWLEDGE, ALERT, json!({})).accepted(&["AlertAcknowledged"]);
        world.send(RESOLVE, ALERT, json!({})).refused("resolution_notes_missing");
        world.send(RESOLVE, ALERT, notes()).accepted(&["AlertResolved"]);
        world.send(ESCALATE, ALERT, json!({})).refused("alert_transition_refused");
    }

    #[test]
    fn an_alert_that_nobody_raised_is_unknown() {
        let mut world = school();
        world.as_person(TEACHER);
        for (subject, data) in each() {
            world.send(subject, ALERT, data).unknown();
        }
    }
}
