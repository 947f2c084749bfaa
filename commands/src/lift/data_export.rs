//! Exports: asked for by GroupContacts and Accounts, delivered by the export worker.
//!
//! They are the one thing that members of a closed organisation may still ask for
//! (lift.rule.organisation.open).

use std::sync::Arc;

use annals_domain::lift::{
    data_export::{
        CompleteDataExport, DataExport, RequestChildExport, RequestExport,
        RequestOrganisationExport,
    },
    organisation::Organisation,
};
use serde_json::json;
use uuid::Uuid;

use super::access::{active_member, living_child, organisation_of, unused, uuid};
use crate::{
    command::{CommandType, Target, command},
    export::{Exports, Wanted, id},
    work::{Stop, Work},
};

/// How they are asked for and delivered.
pub static EXPORTS: Exports = Exports {
    aggregate: "lift.data_export",
    requested: "DataExportRequested",
    completed: "DataExportCompleted",
    complete: "lift.cmd.complete_data_export",
    wanted: |stream, payload| {
        let child = id(payload, "child_id");
        Some(Wanted {
            export_id: stream.parse().ok()?,
            of: child.or_else(|| id(payload, "org_id"))?,
            part: child.map(|_| "child"),
        })
    },
    report: |_, archive| json!({"archive_sha256": archive.sha256, "archive_bytes": archive.bytes}),
};

/// What may be asked of an export, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const REQUEST: &[&str] = &["lift.policy.export.request"];
    const COMPLETE: &[&str] = &["lift.policy.export.complete"];
    vec![
        command::<DataExport, RequestChildExport>(Target::New, REQUEST, of_child),
        command::<DataExport, RequestOrganisationExport>(Target::New, REQUEST, of_organisation),
        command::<DataExport, CompleteDataExport>(Target::Given, COMPLETE, complete),
    ]
}

/// A GroupContact of the child's organisation, or an Account, asks for a child's data.
fn of_child(work: &mut Work<'_>, id: &Arc<str>, new: &RequestChildExport) -> Result<(), Stop> {
    let org_id = organisation_of(&*living_child(work, new.child_id)?)?;
    request(work, id, RequestExport { org_id, child_id: Some(new.child_id) })
}

/// A GroupContact of the organisation, or an Account, asks for its data.
fn of_organisation(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &RequestOrganisationExport,
) -> Result<(), Stop> {
    work.existing::<Organisation>(new.org_id)?;
    request(work, id, RequestExport { org_id: new.org_id, child_id: None })
}

fn request(work: &mut Work<'_>, id: &Arc<str>, new: RequestExport) -> Result<(), Stop> {
    may_export(work, new.org_id)?;
    uuid(id)?;
    unused::<DataExport>(work, id)?;
    work.tenant(new.org_id);
    work.decide::<DataExport>(id, new)
}

/// That the actor may take the organisation's data along, whether or not it is open.
fn may_export(work: &mut Work<'_>, org_id: Uuid) -> Result<(), Stop> {
    let actor = active_member(work)?;
    if actor.is_account() || actor.is_group_contact_of(org_id) {
        Ok(())
    } else {
        Err(Stop::Denied("only a GroupContact of the organisation or an Account may"))
    }
}

/// The export worker reports back.
fn complete(work: &mut Work<'_>, id: &Arc<str>, done: &CompleteDataExport) -> Result<(), Stop> {
    let export = work.existing::<DataExport>(id)?;
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the export worker may do this"));
    }
    if let Some(scope) = export.scope() {
        work.tenant(scope.org_id);
    }
    work.decide::<DataExport>(id, done.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::lift::school::{
        ACCOUNT, CLINIC, HEAD, KIM, MANAGER, NOA, SCHOOL, STRANGER, TEACHER, close, erase, school,
        suspend,
    };

    const EXPORT: Uuid = Uuid::from_u128(0xe1);

    fn of(child: Uuid) -> Value {
        json!({"child_id": child})
    }

    fn archive() -> Value {
        json!({"archive_sha256": "0a".repeat(32), "archive_bytes": 512})
    }

    #[test]
    fn a_group_contact_and_an_account_ask_and_nobody_else_does() {
        let requests = [
            ("lift.cmd.request_child_export", of(KIM)),
            ("lift.cmd.request_organisation_export", json!({"org_id": SCHOOL})),
        ];
        for (subject, data) in requests {
            for actor in [HEAD, ACCOUNT] {
                school()
                    .as_person(actor)
                    .send(subject, EXPORT, data.clone())
                    .accepted(&["DataExportRequested"]);
            }
            for other in [TEACHER, MANAGER, KIM, STRANGER] {
                school().as_person(other).send(subject, EXPORT, data.clone()).denied();
            }
            school().as_system().send(subject, EXPORT, data).denied();
        }
        let mut world = school();
        world.as_person(HEAD).send("lift.cmd.request_child_export", EXPORT, of(NOA)).denied();
        world
            .send("lift.cmd.request_organisation_export", EXPORT, json!({"org_id": CLINIC}))
            .denied();
        world.send("lift.cmd.request_child_export", EXPORT, of(STRANGER)).unknown();
    }

    #[test]
    fn a_closed_organisation_may_still_take_its_data_along_but_no_suspended_contact() {
        let mut world = school();
        close(&mut world);
        world
            .as_person(HEAD)
            .send("lift.cmd.request_child_export", EXPORT, of(KIM))
            .accepted(&["DataExportRequested"]);
        suspend(&mut world, HEAD);
        world
            .send("lift.cmd.request_child_export", Uuid::from_u128(0xe2), of(KIM))
            .refused("actor_not_active");
    }

    #[test]
    fn nothing_is_left_to_export_of_a_forgotten_child() {
        let mut world = school();
        erase(&mut world, KIM);
        let sent = world.as_person(ACCOUNT).send("lift.cmd.request_child_export", EXPORT, of(KIM));
        assert!(matches!(sent.0, Err(Stop::Erased { .. })), "{sent:?}");
    }

    #[test]
    fn the_worker_knows_whose_rows_are_wanted_and_says_which_archive_it_is() {
        let wanted = |payload| (EXPORTS.wanted)(&EXPORT.to_string(), &payload).unwrap();
        let child = wanted(json!({"org_id": SCHOOL, "child_id": KIM, "requested_by": HEAD}));
        assert_eq!(child, Wanted { export_id: EXPORT, of: KIM, part: Some("child") });
        let whole = wanted(json!({"org_id": SCHOOL, "child_id": null, "requested_by": HEAD}));
        assert_eq!(whole, Wanted { export_id: EXPORT, of: SCHOOL, part: None });
        let archive = crate::export::Archive { sha256: "0a".repeat(32), bytes: 512 };
        let mut world = school();
        world.as_person(HEAD).send("lift.cmd.request_child_export", EXPORT, of(KIM));
        let report = (EXPORTS.report)(&child, &archive);
        world.as_system().send(EXPORTS.complete, EXPORT, report).accepted(&[EXPORTS.completed]);
    }

    #[test]
    fn the_worker_delivers_and_nobody_else_does() {
        let mut world = school();
        world.as_person(HEAD).send("lift.cmd.request_child_export", EXPORT, of(KIM));
        for other in [HEAD, ACCOUNT] {
            world
                .as_person(other)
                .send("lift.cmd.complete_data_export", EXPORT, archive())
                .denied();
        }
        world
            .as_system()
            .send("lift.cmd.complete_data_export", EXPORT, archive())
            .accepted(&["DataExportCompleted"]);
        world.send("lift.cmd.complete_data_export", EXPORT, archive()).accepted(&[]);
        world.send("lift.cmd.complete_data_export", Uuid::from_u128(0xe2), archive()).unknown();
    }
}
