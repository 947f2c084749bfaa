//! Who keeps the deck.

use std::sync::Arc;

use annals_domain::samia::tarot_card::{AddCardToDeck, Refusal, ReviseCard, TarotCard};

use super::{admin, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// A key belongs to one card (samia.rule.card.key).
pub(super) const KEY: &str = "samia.tarot_card.card_key";

/// What may be asked of a card, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const ADMIN: &[&str] = &["samia.policy.tarot_cards.manage.admin"];
    vec![
        command::<TarotCard, AddCardToDeck>(Target::New, ADMIN, add),
        command::<TarotCard, ReviseCard>(Target::Given, ADMIN, revise),
    ]
}

fn add(work: &mut Work<'_>, id: &Arc<str>, command: &AddCardToDeck) -> Result<(), Stop> {
    admin(work)?;
    uuid(id)?;
    work.tenant(work.actor.id);
    work.decide::<TarotCard>(id, command.clone())?;
    let AddCardToDeck(card) = command;
    if work.claim(KEY, &*card.card_key, id)? { Ok(()) } else { Err(Refusal::CardKeyTaken.into()) }
}

fn revise(work: &mut Work<'_>, id: &Arc<str>, command: &ReviseCard) -> Result<(), Stop> {
    admin(work)?;
    work.existing::<TarotCard>(id)?;
    work.tenant(work.actor.id);
    work.decide::<TarotCard>(id, command.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::samia::testing::{ADMIN, CLIENT, READER, SUPER, world};

    fn card(key: &str) -> Value {
        json!({
            "card_key": key, "name": "The Fool", "arcana_type": "major", "image_url": "x",
            "upright_meaning": "begin", "reversed_meaning": "wait",
        })
    }

    #[test]
    fn admins_keep_the_deck_and_a_key_belongs_to_one_card() {
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (add, revise) = ("samia.cmd.add_card_to_deck", "samia.cmd.revise_card");
        let mut world = world();
        for person in [CLIENT, READER] {
            world.as_person(person).send(add, first, card("the-fool")).denied();
            world.as_person(person).send(revise, first, json!({"name": "x"})).denied();
        }
        world.as_system().send(add, first, card("the-fool")).denied();
        world.as_person(ADMIN).send(revise, first, json!({"name": "x"})).unknown();
        world.as_person(ADMIN).send(add, first, card("the-fool")).accepted(&["CardAddedToDeck"]);
        world.as_person(SUPER).send(add, second, card("the-fool")).refused("card_key_taken");
        world.as_person(SUPER).send(add, second, card("the-sun")).accepted(&["CardAddedToDeck"]);
        world.as_person(SUPER).send(revise, first, json!({"name": "x"})).accepted(&["CardRevised"]);
    }

    #[test]
    fn neither_the_key_nor_the_arcana_ever_changes() {
        let mut world = world();
        let id = Uuid::from_u128(1);
        world
            .as_person(ADMIN)
            .send("samia.cmd.add_card_to_deck", id, card("k"))
            .accepted(&["CardAddedToDeck"]);
        for data in [json!({"card_key": "other"}), json!({"arcana_type": "minor"})] {
            let sent = world.send("samia.cmd.revise_card", id, data);
            assert!(matches!(sent.0, Err(crate::Stop::Invalid { .. })), "{:?}", sent.0);
        }
    }
}
