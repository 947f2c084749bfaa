//! What the context does by itself: it forgets whoever is forgotten.

use annals_domain::{
    restorative::record::{self, EraseRestorativeRecord, RestorativeRecord},
    shared::identity::{self, Identity},
};
use serde::{Deserialize, Serialize};

use crate::reaction::{Due, Halt, Memory, Reacting, Reactions, upon};

const ERASED: &str = "restorative.reaction.subject-erased";

/// What is remembered of a person: whether there is a record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfPerson {
    has_record: bool,
}

impl Memory for OfPerson {
    const KIND: &'static str = "person";
}

/// What the context does by itself.
#[must_use]
pub fn reactions() -> Reactions {
    Reactions {
        names: &[ERASED],
        elsewhere: &[],
        version: 1,
        upon: vec![upon::<RestorativeRecord>(record), upon::<Identity>(identity)],
        due,
    }
}

fn due(due: &Due, _: &mut Reacting<'_>) -> Result<(), Halt> {
    Err(Halt::Fault(format!("no timer of {} is known here", due.reaction)))
}

fn record(event: &record::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.stream.clone();
    let has_record = match event {
        record::Event::RestorativeRecordCreated(_)
        | record::Event::RestorativeRecordRevised(_)
        | record::Event::Imported(_) => true,
        record::Event::RestorativeRecordErased(_) => false,
    };
    reacting.remember(id, &OfPerson { has_record })
}

/// The record goes with the person (restorative.reaction.subject-erased).
fn identity(event: &identity::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    match event {
        identity::Event::SubjectErased(_) => {}
        identity::Event::IdentityRegistered(_)
        | identity::Event::IdentityEmailChanged(_)
        | identity::Event::Imported(_) => return Ok(()),
    }
    let id = reacting.cause.stream.clone();
    if reacting.recall::<OfPerson>(&id)?.has_record {
        reacting.send::<RestorativeRecord, _>(ERASED, &id, &EraseRestorativeRecord {})?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        restorative::record::RestorativeRecordErased,
        shared::identity::{ErasureGround, SubjectErased},
        testing::ADA,
    };
    use serde_json::json;

    use super::*;
    use crate::reaction::testing::Told;

    #[test]
    fn a_record_goes_with_its_person() {
        let erased = || SubjectErased { ground: ErasureGround::ConsentWithdrawn };
        let mut told = Told::new("restorative");
        told.hears::<Identity>(ADA, erased()).sends_nothing();
        let created = serde_json::from_value::<record::RestorativeRecordCreated>(
            json!({"id": ADA, "introduction": "I am Ada", "narrative": null}),
        );
        told.hears::<RestorativeRecord>(ADA, created.unwrap()).sends_nothing();
        let erase = "restorative.cmd.erase_restorative_record";
        told.hears::<Identity>(ADA, erased()).sends(&[(erase, json!({}))]);
        told.hears::<RestorativeRecord>(ADA, RestorativeRecordErased {}).sends_nothing();
        told.hears::<Identity>(ADA, erased()).sends_nothing();
    }
}
