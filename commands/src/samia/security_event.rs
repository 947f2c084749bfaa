//! Who reports incidents and looks into them.

use std::sync::Arc;

use annals_domain::samia::{
    security_event::{
        AssignSecurityEvent, Command, DismissSecurityEvent, Refusal, ReportSecurityEvent,
        ResolveSecurityEvent, SecurityEvent,
    },
    user::{Role, User},
};
use uuid::Uuid;

use super::{acting_role, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an incident, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OPS: &[&str] = &["samia.policy.security_events.manage.ops"];
    const REPORT: &[&str] =
        &["samia.policy.security_events.report.system", "samia.policy.security_events.manage.ops"];
    vec![
        command::<SecurityEvent, ReportSecurityEvent>(Target::New, REPORT, report),
        command::<SecurityEvent, AssignSecurityEvent>(Target::Given, OPS, assign),
        command::<SecurityEvent, ResolveSecurityEvent>(Target::Given, OPS, handled),
        command::<SecurityEvent, DismissSecurityEvent>(Target::Given, OPS, handled),
    ]
}

fn report(work: &mut Work<'_>, id: &Arc<str>, command: &ReportSecurityEvent) -> Result<(), Stop> {
    if !work.actor.is_system() {
        ops(work)?;
    }
    uuid(id)?;
    if let Some(user) = command.user_id
        && !work.load::<User>(user)?.registered
    {
        return Err(Refusal::UserUnknown.into());
    }
    decide(work, id, command.user_id, command.clone())
}

fn assign(work: &mut Work<'_>, id: &Arc<str>, command: &AssignSecurityEvent) -> Result<(), Stop> {
    ops(work)?;
    let about = work.existing::<SecurityEvent>(id)?.user;
    let investigator = work.load::<User>(command.assigned_to)?;
    if !investigator.active || !may_investigate(investigator.role) {
        return Err(Refusal::NotAnInvestigator.into());
    }
    decide(work, id, about, command.clone())
}

fn handled<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    ops(work)?;
    let about = work.existing::<SecurityEvent>(id)?.user;
    decide(work, id, about, command.clone())
}

/// Only a monitor, admin or super admin.
fn ops(work: &mut Work<'_>) -> Result<(), Stop> {
    if may_investigate(acting_role(work)?) {
        Ok(())
    } else {
        Err(Stop::Denied("only a monitor or an admin may do this"))
    }
}

const fn may_investigate(role: Role) -> bool {
    matches!(role, Role::Monitor) || role.is_admin()
}

fn decide(
    work: &mut Work<'_>,
    id: &Arc<str>,
    about: Option<Uuid>,
    command: impl Into<Command>,
) -> Result<(), Stop> {
    work.tenant(about.unwrap_or(work.actor.id));
    work.decide::<SecurityEvent>(id, command)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::{
        samia::testing::{ADMIN, CLIENT, MONITOR, READER, STRANGER, SUPER, deactivate, world},
        testing::{Sent, World},
    };

    const EVENT: Uuid = Uuid::from_u128(0x5ec);

    fn send(world: &mut World, command: &str, data: Value) -> Sent {
        world.send(&format!("samia.cmd.{command}"), EVENT, data)
    }

    fn report(about: Uuid) -> Value {
        json!({
            "event_type": "login_failure", "description": "five times", "user_id": about,
            "confidence_score": "0.9", "ip_address": "192.0.2.1",
        })
    }

    #[test]
    fn the_system_monitors_and_admins_report() {
        for person in [CLIENT, READER] {
            send(world().as_person(person), "report_security_event", report(CLIENT)).denied();
        }
        for person in [MONITOR, ADMIN, SUPER] {
            send(world().as_person(person), "report_security_event", report(CLIENT))
                .accepted(&["SecurityEventReported"]);
        }
        send(world().as_system(), "report_security_event", report(STRANGER))
            .refused("user_unknown");
        let mut about_nobody = report(CLIENT);
        about_nobody["user_id"] = Value::Null;
        send(world().as_system(), "report_security_event", about_nobody)
            .accepted(&["SecurityEventReported"]);
    }

    #[test]
    fn monitors_and_admins_look_into_incidents_and_close_them() {
        for (end, event) in [
            ("resolve_security_event", "SecurityEventResolved"),
            ("dismiss_security_event", "SecurityEventDismissed"),
        ] {
            let mut world = world();
            let assigned = |to: Uuid| json!({"assigned_to": to});
            let assign = "assign_security_event";
            send(world.as_person(MONITOR), assign, assigned(MONITOR)).unknown();
            send(world.as_system(), "report_security_event", report(CLIENT))
                .accepted(&["SecurityEventReported"]);
            send(world.as_system(), assign, assigned(MONITOR)).denied();
            send(world.as_person(CLIENT), assign, assigned(MONITOR)).denied();
            send(world.as_person(MONITOR), assign, assigned(READER)).refused("not_an_investigator");
            send(&mut world, assign, assigned(MONITOR)).accepted(&["SecurityEventAssigned"]);
            let notes = json!({"resolution_notes": "done"});
            send(world.as_person(READER), end, notes.clone()).denied();
            send(world.as_person(ADMIN), end, notes.clone()).accepted(&[event]);
            send(&mut world, end, notes).refused("security_event_transition_refused");
        }
    }

    #[test]
    fn nobody_looks_into_anything_while_deactivated() {
        let mut world = world();
        send(world.as_system(), "report_security_event", report(CLIENT))
            .accepted(&["SecurityEventReported"]);
        deactivate(&mut world, MONITOR);
        let assigned = json!({"assigned_to": MONITOR});
        send(world.as_person(ADMIN), "assign_security_event", assigned.clone())
            .refused("not_an_investigator");
        send(world.as_person(MONITOR), "assign_security_event", assigned)
            .refused("actor_not_active");
    }
}
