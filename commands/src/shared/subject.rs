//! What stands against an erasure, and what is noted of a person's data. Holds are the operator's, a copy of
//! what is kept is the person's; the rest is noted by the system itself.

use std::sync::Arc;

use annals_domain::shared::{
    identity::ErasureGround,
    subject::{
        Command, DataSubject, PlaceHold, RecordAccess, RecordErasure, RecordSensitiveRead,
        ReleaseHold, SetRetention,
    },
};

use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked about a person's data, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const HOLD: &[&str] = &["shared.policy.subject.hold"];
    const SYSTEM: &[&str] = &["shared.policy.subject.system"];
    const ACCESS: &[&str] = &["shared.policy.subject.access"];
    vec![
        command::<DataSubject, PlaceHold>(Target::Given, HOLD, hold),
        command::<DataSubject, ReleaseHold>(Target::Given, HOLD, hold),
        command::<DataSubject, SetRetention>(Target::Given, SYSTEM, note),
        command::<DataSubject, RecordErasure>(Target::Given, SYSTEM, note),
        command::<DataSubject, RecordSensitiveRead>(Target::Given, SYSTEM, note),
        command::<DataSubject, RecordAccess>(Target::Given, ACCESS, access),
    ]
}

fn hold<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    if !work.actor.is_system() && !work.actor.is_operator() {
        return Err(Stop::Denied("only the operator or the system may do this"));
    }
    work.tenant(id);
    work.decide::<DataSubject>(id, command.clone())
}

fn note<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the system itself notes this"));
    }
    work.tenant(id);
    work.decide::<DataSubject>(id, command.clone())
}

/// A copy of what is kept goes to the person, or to the operator for them; nobody else may have one made.
fn access(work: &mut Work<'_>, id: &Arc<str>, made: &RecordAccess) -> Result<(), Stop> {
    let is_subject = id.parse().is_ok_and(|subject| work.actor.is(subject));
    if !is_subject && !work.actor.is_system() && !work.actor.is_operator() {
        return Err(Stop::Denied("only the person, the operator, or the system may do this"));
    }
    work.tenant(id);
    work.decide::<DataSubject>(id, made.clone())
}

/// That nothing stands against an erasure: no hold, no law that has the records kept. Asked of the
/// erasure of a person everywhere, and of a context's own where somebody asks for that.
///
/// # Errors
/// What stands against it; [`Stop::Missing`] while that is not in memory.
pub fn may_be_erased(
    work: &mut Work<'_>,
    id: &Arc<str>,
    ground: ErasureGround,
) -> Result<(), Stop> {
    let now = work.moment.now;
    Ok(work.load::<DataSubject>(id)?.may_be_erased(ground, now)?)
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        shared::{
            identity::{Identity, IdentityRegistered},
            subject::{HoldBasis, HoldPlaced, RetentionSet},
        },
        testing::day,
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::testing::World;

    const ADA: Uuid = Uuid::from_u128(1);
    const ERASE: &str = "shared.cmd.erase_subject";

    fn world() -> World {
        let mut world = World::new();
        world.happened::<Identity>(ADA, IdentityRegistered { email: "ada@example.org".into() });
        world
    }

    #[test]
    fn nobody_is_erased_while_a_hold_lasts() {
        let mut world = world();
        let (hold_id, basis) = (Uuid::from_u128(9), HoldBasis::Complaint);
        world.happened::<DataSubject>(ADA, HoldPlaced { hold_id, basis, reference: None });
        let ground = json!({"ground": "legal_obligation"});
        world.as_operator().send(ERASE, ADA, ground.clone()).refused("subject_on_hold");
        world
            .as_operator()
            .send("shared.cmd.release_hold", ADA, json!({"hold_id": hold_id}))
            .accepted(&["HoldReleased"]);
        world.as_operator().send(ERASE, ADA, ground).accepted(&["SubjectErased"]);
    }

    #[test]
    fn a_wish_waits_for_the_retention_to_end_and_a_repetition_does_not() {
        let mut world = world();
        let records = "carenotes.resident".to_owned();
        let set = RetentionSet { records, keep_until: Some(day(4000)), erase_at: None };
        world.happened::<DataSubject>(ADA, set);
        let ground = json!({"ground": "subject_request"});
        world.as_person(ADA).send(ERASE, ADA, ground.clone()).refused("retention_not_over");
        let again = "shared.cmd.repeat_erasure";
        world.as_operator().send(again, ADA, ground.clone()).denied();
        world.as_system().send(again, ADA, ground).accepted(&["SubjectErased"]);
    }

    #[test]
    fn a_copy_of_what_is_kept_is_the_persons_and_the_operators() {
        let data =
            json!({"context": "lift", "kind": "child", "position": 9, "manifest": "ab".repeat(32)});
        let record = "shared.cmd.record_access";
        let mut world = world();
        world.as_person(Uuid::from_u128(2)).send(record, ADA, data.clone()).denied();
        world.as_person(ADA).send(record, ADA, data.clone()).accepted(&["AccessGranted"]);
        world.as_operator().send(record, ADA, data).accepted(&["AccessGranted"]);
    }

    #[test]
    fn holds_are_the_operators() {
        let data = json!({"basis": "authority", "reference": "A-17"});
        let mut world = world();
        world.as_person(ADA).send("shared.cmd.place_hold", ADA, data.clone()).denied();
        world.as_operator().send("shared.cmd.place_hold", ADA, data).accepted(&["HoldPlaced"]);
    }
}
