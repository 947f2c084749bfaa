//! Who may do what with restorative records: the person alone, but for erasing, which the operator
//! does for a person who is leaving, and a service once the person is erased.

use std::sync::Arc;

use annals_domain::{
    restorative::record::{
        CreateRestorativeRecord, EraseRestorativeRecord, RestorativeRecord,
        ReviseRestorativeRecord, SaveRestorativeRecord,
    },
    shared::identity::{self, Identity},
};
use uuid::Uuid;

use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a record, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const INSERT: &[&str] = &["restorative.policy.restorative_records.insert.own"];
    const UPDATE: &[&str] = &["restorative.policy.restorative_records.update.own"];
    const SAVE: &[&str] = &[
        "restorative.policy.restorative_records.insert.own",
        "restorative.policy.restorative_records.update.own",
    ];
    const ERASE: &[&str] = &["restorative.policy.restorative_records.erase.own"];
    vec![
        command::<RestorativeRecord, CreateRestorativeRecord>(Target::Actor, INSERT, create),
        command::<RestorativeRecord, ReviseRestorativeRecord>(Target::Actor, UPDATE, revise),
        command::<RestorativeRecord, SaveRestorativeRecord>(Target::Actor, SAVE, save),
        command::<RestorativeRecord, EraseRestorativeRecord>(Target::Actor, ERASE, erase),
    ]
}

fn create(work: &mut Work<'_>, id: &Arc<str>, new: &CreateRestorativeRecord) -> Result<(), Stop> {
    own(work, id)?;
    known(work, id)?;
    work.decide::<RestorativeRecord>(id, new.clone())
}

fn revise(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &ReviseRestorativeRecord,
) -> Result<(), Stop> {
    own(work, id)?;
    work.decide::<RestorativeRecord>(id, change.clone())
}

fn save(work: &mut Work<'_>, id: &Arc<str>, saved: &SaveRestorativeRecord) -> Result<(), Stop> {
    own(work, id)?;
    known(work, id)?;
    work.decide::<RestorativeRecord>(id, saved.clone())
}

fn erase(work: &mut Work<'_>, id: &Arc<str>, erase: &EraseRestorativeRecord) -> Result<(), Stop> {
    if work.actor.is_system() || work.actor.is_operator() {
        work.tenant(id);
    } else {
        own(work, id)?;
    }
    work.existing::<RestorativeRecord>(id)?;
    work.decide::<RestorativeRecord>(id, erase.clone())
}

/// That it is the actor's own record; the person is the tenant.
fn own(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    let person = Uuid::try_parse(id)
        .map_err(|_| Stop::Invalid { pointer: "/id", detail: "the id is no UUID".to_owned() })?;
    if !work.actor.is(person) {
        return Err(Stop::Denied("a record is its person's alone"));
    }
    work.tenant(id);
    Ok(())
}

/// That the person has an account. (restorative.rule.user_exists)
fn known(work: &mut Work<'_>, id: &Arc<str>) -> Result<(), Stop> {
    if work.load::<Identity>(id)?.known {
        Ok(())
    } else {
        Err(identity::Refusal::UnknownSubject.into())
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        shared::identity::IdentityRegistered,
        testing::{ADA, BOB},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::World;

    const EVE: Uuid = Uuid::from_u128(0xe7e);
    const CREATE: &str = "restorative.cmd.create_restorative_record";
    const REVISE: &str = "restorative.cmd.revise_restorative_record";
    const SAVE: &str = "restorative.cmd.save_restorative_record";
    const ERASE: &str = "restorative.cmd.erase_restorative_record";

    /// Ada, who has a record, and Bob, who has none.
    fn world() -> World {
        let mut world = World::new();
        for person in [ADA, BOB] {
            let email = format!("{}@example.org", person.simple());
            world.happened::<Identity>(person, IdentityRegistered { email });
        }
        let sent = world.as_person(ADA).send(CREATE, ADA, text("I am Ada"));
        sent.accepted(&["RestorativeRecordCreated"]);
        world
    }

    fn text(introduction: &str) -> Value {
        json!({ "introduction": introduction })
    }

    #[test]
    fn a_person_creates_and_revises_the_own_record_and_nobody_elses() {
        let mut world = world();
        world.send(CREATE, ADA, text("again")).refused("record_already_exists");
        world.send(REVISE, ADA, text("I am Ada L.")).accepted(&["RestorativeRecordRevised"]);
        world.send(REVISE, ADA, text("I am Ada L.")).refused("nothing_to_revise");
        world.as_person(BOB).send(REVISE, BOB, text("I am Bob")).refused("record_not_found");
        world.send(SAVE, BOB, text("I am Bob")).accepted(&["RestorativeRecordCreated"]);
        world.send(SAVE, BOB, text("I am Bob")).accepted(&[]);
        let long = "x".repeat(5_001);
        world.send(SAVE, BOB, text(&long)).refused("text_too_long");
        for subject in [CREATE, REVISE, SAVE, ERASE] {
            let data = if subject == ERASE { json!({}) } else { text("not mine") };
            world.as_person(BOB).send(subject, ADA, data).denied();
        }
    }

    #[test]
    fn neither_operator_nor_service_writes_a_record() {
        let mut world = world();
        for subject in [CREATE, REVISE, SAVE] {
            world.as_operator().send(subject, ADA, text("not mine")).denied();
            world.as_system().send(subject, ADA, text("not mine")).denied();
        }
    }

    #[test]
    fn who_is_not_known_has_no_record() {
        let mut world = world();
        world.as_person(EVE).send(CREATE, EVE, text("I am Eve")).refused("unknown_subject");
        world.send(SAVE, EVE, text("I am Eve")).refused("unknown_subject");
        world.send(ERASE, EVE, json!({})).unknown();
    }

    #[test]
    fn the_person_the_operator_and_a_service_erase() {
        fn as_ada(world: &mut World) -> &mut World {
            world.as_person(ADA)
        }
        for erases in [World::as_operator, World::as_system, as_ada] {
            let mut world = world();
            let erased = erases(&mut world).send(ERASE, ADA, json!({}));
            erased.accepted(&["RestorativeRecordErased"]);
            world.send(ERASE, ADA, json!({})).accepted(&[]);
        }
    }
}
