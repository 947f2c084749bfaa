//! The identity provider's callbacks (shared.policy.identity.system), and erasure
//! (shared.policy.identity.erase).

use std::sync::Arc;

use annals_domain::{
    Decider,
    shared::identity::{
        ChangeIdentityEmail, Command, EraseSubject, Identity, RegisterIdentity, RepeatErasure,
    },
};

use super::subject::may_be_erased;
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an identity, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SYSTEM: &[&str] = &["shared.policy.identity.system"];
    const ERASE: &[&str] = &["shared.policy.identity.erase"];
    vec![
        command::<Identity, RegisterIdentity>(Target::New, SYSTEM, handle),
        command::<Identity, ChangeIdentityEmail>(Target::Given, SYSTEM, handle),
        command::<Identity, EraseSubject>(Target::Given, ERASE, erase),
        command::<Identity, RepeatErasure>(Target::Given, SYSTEM, repeat),
    ]
}

fn handle<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the identity provider may do this"));
    }
    if work.load::<Identity>(id)?.erased {
        return Err(Stop::Erased { kind: Identity::TYPE });
    }
    work.tenant(id);
    work.decide::<Identity>(id, command.clone())
}

fn erase(work: &mut Work<'_>, id: &Arc<str>, command: &EraseSubject) -> Result<(), Stop> {
    let is_subject = id.parse().is_ok_and(|subject| work.actor.is(subject));
    if !is_subject && !work.actor.is_system() && !work.actor.is_operator() {
        return Err(Stop::Denied("only the person, the operator, or the system may do this"));
    }
    work.tenant(id);
    if !work.load::<Identity>(id)?.erased {
        may_be_erased(work, id, command.ground)?;
    }
    work.decide::<Identity>(id, command.clone())
}

fn repeat(work: &mut Work<'_>, id: &Arc<str>, command: &RepeatErasure) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the system itself repeats an erasure"));
    }
    work.tenant(id);
    work.decide::<Identity>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use annals_domain::shared::identity::IdentityRegistered;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::testing::World;

    const ADA: Uuid = Uuid::from_u128(1);
    const EVE: Uuid = Uuid::from_u128(2);
    const ERASE: &str = "shared.cmd.erase_subject";

    #[test]
    fn a_person_is_erased_by_themselves_the_operator_or_the_system() {
        let ground = json!({"ground": "subject_request"});
        for who in 0..4 {
            let mut world = World::new();
            world.happened::<Identity>(ADA, IdentityRegistered { email: "ada@example.org".into() });
            let sent = match who {
                0 => world.as_person(ADA).send(ERASE, ADA, ground.clone()),
                1 => world.as_operator().send(ERASE, ADA, ground.clone()),
                2 => world.send(ERASE, ADA, ground.clone()),
                _ => {
                    world.as_person(EVE).send(ERASE, ADA, ground.clone()).denied();
                    continue;
                }
            };
            sent.accepted(&["SubjectErased"]);
        }
    }
}
