//! A card of the deck, with its meanings and correspondences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::Text;
use crate::{Decider, Moment, commands, events, refusals, text};

/// To which part of the deck a card belongs (samia.tarot_cards.arcana_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arcana {
    /// One of the 22 without a suit.
    #[default]
    Major,
    /// One of the 56 with a suit.
    Minor,
}

/// What a card is made of (samia.tarot_cards.element.check).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Element {
    /// Fire.
    Fire,
    /// Water.
    Water,
    /// Earth.
    Earth,
    /// Air.
    Air,
}

/// A card, as it is added and stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Card {
    /// The card's key, such as `ace-of-cups`; unique, and never changes.
    pub card_key: Text<100>,
    /// How it is called.
    pub name: Text<255>,
    /// To which part of the deck it belongs.
    pub arcana_type: Arcana,
    /// The suit of a minor card; a major card has none.
    #[serde(default)]
    pub suit: Option<Text<20>>,
    /// Its number in its part of the deck.
    #[serde(default)]
    pub number: Option<i32>,
    /// Where its picture lies.
    pub image_url: String,
    /// What is to be seen on it.
    #[serde(default)]
    pub description: Option<String>,
    /// What it means upright.
    pub upright_meaning: String,
    /// What it means reversed.
    pub reversed_meaning: String,
    /// Keywords upright.
    #[serde(default)]
    pub upright_keywords: Vec<String>,
    /// Keywords reversed.
    #[serde(default)]
    pub reversed_keywords: Vec<String>,
    /// In love, upright.
    #[serde(default)]
    pub love_upright: Option<String>,
    /// In love, reversed.
    #[serde(default)]
    pub love_reversed: Option<String>,
    /// At work, upright.
    #[serde(default)]
    pub career_upright: Option<String>,
    /// At work, reversed.
    #[serde(default)]
    pub career_reversed: Option<String>,
    /// In money, upright.
    #[serde(default)]
    pub finance_upright: Option<String>,
    /// In money, reversed.
    #[serde(default)]
    pub finance_reversed: Option<String>,
    /// In health, upright.
    #[serde(default)]
    pub health_upright: Option<String>,
    /// In health, reversed.
    #[serde(default)]
    pub health_reversed: Option<String>,
    /// In spirit, upright.
    #[serde(default)]
    pub spiritual_upright: Option<String>,
    /// In spirit, reversed.
    #[serde(default)]
    pub spiritual_reversed: Option<String>,
    /// The element.
    #[serde(default)]
    pub element: Option<Element>,
    /// The planet.
    #[serde(default)]
    pub planet: Option<Text<50>>,
    /// The sign of the zodiac.
    #[serde(default)]
    pub zodiac_sign: Option<Text<50>>,
    /// The Hebrew letter.
    #[serde(default)]
    pub hebrew_letter: Option<Text<10>>,
    /// The number it stands for.
    #[serde(default)]
    pub numerology: Option<i32>,
}

/// Changes of a card; what is left out stays, null clears.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct CardChanges {
    /// How it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<255>>,
    /// The suit of a minor card.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub suit: Option<Option<Text<20>>>,
    /// Its number in its part of the deck.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub number: Option<Option<i32>>,
    /// Where its picture lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// What is to be seen on it.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// What it means upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upright_meaning: Option<String>,
    /// What it means reversed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_meaning: Option<String>,
    /// Keywords upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upright_keywords: Option<Vec<String>>,
    /// Keywords reversed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversed_keywords: Option<Vec<String>>,
    /// In love, upright.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub love_upright: Option<Option<String>>,
    /// In love, reversed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub love_reversed: Option<Option<String>>,
    /// At work, upright.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub career_upright: Option<Option<String>>,
    /// At work, reversed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub career_reversed: Option<Option<String>>,
    /// In money, upright.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub finance_upright: Option<Option<String>>,
    /// In money, reversed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub finance_reversed: Option<Option<String>>,
    /// In health, upright.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub health_upright: Option<Option<String>>,
    /// In health, reversed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub health_reversed: Option<Option<String>>,
    /// In spirit, upright.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub spiritual_upright: Option<Option<String>>,
    /// In spirit, reversed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub spiritual_reversed: Option<Option<String>>,
    /// The element.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub element: Option<Option<Element>>,
    /// The planet.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub planet: Option<Option<Text<50>>>,
    /// The sign of the zodiac.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub zodiac_sign: Option<Option<Text<50>>>,
    /// The Hebrew letter.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub hebrew_letter: Option<Option<Text<10>>>,
    /// The number it stands for.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub numerology: Option<Option<i32>>,
}

/// Adds a card to the deck. (samia.command.AddCardToDeck)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AddCardToDeck(
    /// The card.
    pub Card,
);

/// Changes a card; what is left out stays, null clears. (samia.command.ReviseCard)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReviseCard(
    /// What changes.
    pub CardChanges,
);

commands! {
    /// What may be asked of a card.
    pub enum Command { AddCardToDeck, ReviseCard }
}

/// A card was added. (samia.event.CardAddedToDeck)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardAddedToDeck(
    /// The card.
    pub Card,
);

/// A card changed. (samia.event.CardRevised)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardRevised(
    /// What changed.
    pub CardChanges,
);

events! {
    /// What happens to a card.
    pub enum Event { CardAddedToDeck, CardRevised }
    Imported {
        CardImported from tarot_cards at [id],
    }
}

refusals! {
    /// What a card refuses.
    pub enum Refusal {
        /// samia.rule.card.suit
        SuitMismatch => "a major card has no suit, a minor card has one", at "suit";
        /// samia.rule.card.key
        CardKeyTaken => "another card has this key", at "card_key";
        /// It is in the deck.
        CardAlreadyInDeck => "this card is in the deck already";
        /// It is not in the deck.
        CardNotInDeck => "there is no such card";
    }
}

/// A card, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TarotCard {
    /// To which part of the deck it belongs, once it is in it.
    pub arcana: Option<Arcana>,
}

impl Decider for TarotCard {
    const TYPE: &'static str = "samia.tarot_card";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match (self.arcana, command) {
            (Some(_), Command::AddCardToDeck(_)) => Err(Refusal::CardAlreadyInDeck),
            (None, Command::AddCardToDeck(AddCardToDeck(card))) => {
                suited(card.arcana_type, card.suit.is_some())?;
                Ok(vec![CardAddedToDeck(card).into()])
            }
            (None, Command::ReviseCard(_)) => Err(Refusal::CardNotInDeck),
            (Some(arcana), Command::ReviseCard(ReviseCard(changes))) => {
                if let Some(suit) = &changes.suit {
                    suited(arcana, suit.is_some())?;
                }
                let nothing = changes == CardChanges::default();
                Ok(if nothing { vec![] } else { vec![CardRevised(changes).into()] })
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::CardAddedToDeck(CardAddedToDeck(card)) => self.arcana = Some(card.arcana_type),
            Event::CardRevised(_) => {}
            Event::Imported(row) => self.arcana = row.get("arcana_type"),
        }
    }
}

fn suited(arcana: Arcana, has_suit: bool) -> Result<(), Refusal> {
    if has_suit == (arcana == Arcana::Minor) { Ok(()) } else { Err(Refusal::SuitMismatch) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{event::DomainEvent, testing::given};

    fn card(arcana: &str, suit: Option<&str>) -> Card {
        serde_json::from_value(json!({
            "card_key": "a-card", "name": "A Card", "arcana_type": arcana, "suit": suit,
            "image_url": "x", "upright_meaning": "yes", "reversed_meaning": "no",
        }))
        .unwrap()
    }

    #[test]
    fn major_cards_have_no_suit_and_minor_cards_have_one() {
        for (arcana, suit) in [("major", Some("cups")), ("minor", None)] {
            given::<TarotCard>([]).when(AddCardToDeck(card(arcana, suit))).refused("SuitMismatch");
        }
        let suit = |suit| ReviseCard(CardChanges { suit: Some(suit), ..CardChanges::default() });
        given::<TarotCard>([])
            .when(AddCardToDeck(card("minor", Some("cups"))))
            .then([CardAddedToDeck(card("minor", Some("cups")))])
            .when(suit(None))
            .refused("SuitMismatch")
            .when(suit(Some("swords".parse().unwrap())))
            .events();
        given::<TarotCard>([CardAddedToDeck(card("major", None)).into()])
            .when(suit(Some("cups".parse().unwrap())))
            .refused("SuitMismatch");
    }

    #[test]
    fn a_card_is_added_once_and_revised_as_often_as_it_takes() {
        let name = CardChanges { name: Some("New".parse().unwrap()), ..CardChanges::default() };
        given::<TarotCard>([])
            .when(ReviseCard(name.clone()))
            .refused("CardNotInDeck")
            .and(CardAddedToDeck(card("major", None)))
            .when(AddCardToDeck(card("major", None)))
            .refused("CardAlreadyInDeck")
            .when(ReviseCard::default())
            .then_nothing()
            .when(ReviseCard(name.clone()))
            .then([CardRevised(name)]);
    }

    #[test]
    fn events_are_stored_flat_and_without_what_did_not_change() {
        let name = CardChanges { name: Some("New".parse().unwrap()), ..CardChanges::default() };
        let event = Event::from(CardRevised(name));
        assert_eq!(event.payload().unwrap(), r#"{"name":"New"}"#);
        assert_eq!(Event::read("CardRevised", json!({"name": "New"})).unwrap(), Some(event));
    }
}
