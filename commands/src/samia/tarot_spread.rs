//! Who keeps spreads: admins the predefined ones, users their own.

use std::sync::Arc;

use annals_domain::samia::tarot_spread::{
    Command, DefineSpread, DesignCustomSpread, PublishSpread, RetireSpread, ReviseSpread,
    TarotSpread, UnpublishSpread,
};

use super::{acting_role, admin, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a spread, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OWN: &[&str] = &["samia.policy.tarot_spreads.manage.own"];
    const ADMIN: &[&str] = &["samia.policy.tarot_spreads.manage.admin"];
    const KEEP: &[&str] =
        &["samia.policy.tarot_spreads.manage.own", "samia.policy.tarot_spreads.manage.admin"];
    vec![
        command::<TarotSpread, DefineSpread>(Target::New, ADMIN, define),
        command::<TarotSpread, DesignCustomSpread>(Target::New, OWN, design),
        command::<TarotSpread, ReviseSpread>(Target::Given, KEEP, keep),
        command::<TarotSpread, PublishSpread>(Target::Given, KEEP, keep),
        command::<TarotSpread, UnpublishSpread>(Target::Given, KEEP, keep),
        command::<TarotSpread, RetireSpread>(Target::Given, KEEP, keep),
    ]
}

fn define(work: &mut Work<'_>, id: &Arc<str>, command: &DefineSpread) -> Result<(), Stop> {
    admin(work)?;
    uuid(id)?;
    decide(work, id, command.clone())
}

fn design(work: &mut Work<'_>, id: &Arc<str>, command: &DesignCustomSpread) -> Result<(), Stop> {
    acting_role(work)?;
    uuid(id)?;
    decide(work, id, command.clone())
}

/// A custom spread is its author's alone, a predefined one any admin's.
fn keep<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    let author = work.existing::<TarotSpread>(id)?.author;
    match author {
        Some(author) => super::owner(work, author)?,
        None => admin(work)?,
    }
    decide(work, id, command.clone())
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.tenant(work.actor.id);
    work.decide::<TarotSpread>(id, command)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::samia::testing::{ADMIN, CLIENT, OTHER, STRANGER, SUPER, deactivate, world};

    const SPREAD: Uuid = Uuid::from_u128(5);

    fn layout() -> Value {
        json!({"name": "Two", "card_count": 2, "layout_data": {"positions": ["a", "b"]}})
    }

    fn keeping() -> [(&'static str, Value, &'static str); 4] {
        [
            ("revise_spread", json!({"name": "x"}), "SpreadRevised"),
            ("unpublish_spread", json!({}), "SpreadUnpublished"),
            ("publish_spread", json!({}), "SpreadPublished"),
            ("retire_spread", json!({}), "SpreadRetired"),
        ]
    }

    #[test]
    fn admins_define_and_keep_predefined_spreads() {
        let mut world = world();
        let define = "samia.cmd.define_spread";
        world.as_person(CLIENT).send(define, SPREAD, layout()).denied();
        world.as_system().send(define, SPREAD, layout()).denied();
        world.as_person(ADMIN).send(define, SPREAD, layout()).accepted(&["SpreadDefined"]);
        for (command, data, event) in keeping() {
            let subject = format!("samia.cmd.{command}");
            world.as_person(CLIENT).send(&subject, SPREAD, data.clone()).denied();
            world.as_person(SUPER).send(&subject, SPREAD, data).accepted(&[event]);
        }
    }

    #[test]
    fn any_active_user_designs_spreads_and_keeps_them_alone() {
        let mut world = world();
        let design = "samia.cmd.design_custom_spread";
        world.as_person(STRANGER).send(design, SPREAD, layout()).denied();
        let designed = world.as_person(CLIENT).send(design, SPREAD, layout());
        let payload =
            designed.accepted(&["CustomSpreadDesigned"])[0].event.payload_value().unwrap();
        assert_eq!(payload["created_by"], json!(CLIENT));
        for (command, data, event) in keeping() {
            let subject = format!("samia.cmd.{command}");
            world.as_person(OTHER).send(&subject, SPREAD, data.clone()).denied();
            world.as_person(SUPER).send(&subject, SPREAD, data.clone()).denied();
            world.as_person(CLIENT).send(&subject, Uuid::nil(), data.clone()).unknown();
            world.as_person(CLIENT).send(&subject, SPREAD, data).accepted(&[event]);
        }
        deactivate(&mut world, CLIENT);
        world.as_person(CLIENT).send(design, Uuid::nil(), layout()).refused("actor_not_active");
    }

    #[test]
    fn what_is_not_the_authors_to_set_is_no_field() {
        for field in ["is_custom", "usage_count", "created_by"] {
            let mut data = layout();
            data[field] = json!(1);
            let sent =
                world().as_person(CLIENT).send("samia.cmd.design_custom_spread", SPREAD, data);
            assert!(matches!(sent.0, Err(crate::Stop::Invalid { .. })), "{:?}", sent.0);
        }
    }
}
