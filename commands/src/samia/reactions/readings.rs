//! Readings: who conducts them, what is given back, and those that the deck gives by itself.

use std::collections::{BTreeMap, BTreeSet};

use annals_domain::{
    Imported,
    samia::{
        reading::{
            CompleteReading, DrawCards, DrawnCard, Event, Orientation, Reading, ReadingRequested,
            RecordAiInterpretation, StartReading, Status,
        },
        tarot_card,
        wallet::{RefundPayment, Wallet},
        words::Text,
    },
};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AI, REFUND, ROOM_CLOSED, rooms};
use crate::reaction::{Halt, Memory, Reacting, parse};

/// The cards that there are.
const DECK: &str = "deck";
/// The deck's one id.
const THE_DECK: &str = "the";
/// Who reads where nobody was asked to: the deck's own meanings, drawn by this rule.
const MODEL: &str = "annals-deck-1";

/// What is remembered of a card: what it is called and what it means. No personal data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfCard {
    name: String,
    upright: String,
    reversed: String,
}

impl Memory for OfCard {
    const KIND: &'static str = "card";
}

/// What is remembered of a reading: who takes part, and what was paid for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OfReading {
    client: Option<Uuid>,
    cancelled: bool,
    /// Payments that were not given back, and whose wallets they came from.
    payments: BTreeMap<Uuid, Uuid>,
}

impl Memory for OfReading {
    const KIND: &'static str = "reading";
}

/// What is remembered of the deck.
pub fn card(event: &tarot_card::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        tarot_card::Event::CardAddedToDeck(added) => {
            let card = &added.0;
            reacting.notes.join(DECK, THE_DECK, id);
            let card = OfCard {
                name: card.name.to_string(),
                upright: card.upright_meaning.clone(),
                reversed: card.reversed_meaning.clone(),
            };
            reacting.remember(id, &card)
        }
        tarot_card::Event::Imported(row) => {
            reacting.notes.join(DECK, THE_DECK, id);
            let card = OfCard {
                name: row.or_default("name"),
                upright: row.or_default("upright_meaning"),
                reversed: row.or_default("reversed_meaning"),
            };
            reacting.remember(id, &card)
        }
        tarot_card::Event::CardRevised(revised) => {
            let changes = &revised.0;
            reacting.amend(id, |card: &mut OfCard| {
                if let Some(name) = &changes.name {
                    card.name = name.to_string();
                }
                if let Some(meaning) = &changes.upright_meaning {
                    card.upright.clone_from(meaning);
                }
                if let Some(meaning) = &changes.reversed_meaning {
                    card.reversed.clone_from(meaning);
                }
            })?;
            Ok(())
        }
    }
}

/// What a reading's events lead to.
pub fn reading(event: &Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        Event::ReadingRequested(asked) => {
            reacting.amend(id, |it: &mut OfReading| it.client = Some(asked.client_id))?;
            match asked.reader_id {
                Some(reader) => rooms::open(id, asked.client_id, reader, reacting),
                None => from_the_deck(id, asked, reacting),
            }
        }
        Event::ReaderAssigned(to) => rooms::open(id, to.client_id, to.reader_id, reacting),
        Event::ReadingCompleted(_) => over(id, reacting),
        Event::ReadingCancelled(_) => {
            let reading = reacting.amend(id, |it: &mut OfReading| it.cancelled = true)?;
            for (payment, owner) in reading.payments {
                give_back(payment, owner, reacting)?;
            }
            over(id, reacting)
        }
        Event::Imported(row) => {
            let client = row.get("client_id");
            let cancelled = row.get::<Status>("status") == Some(Status::Cancelled);
            reacting.amend(id, |it: &mut OfReading| {
                (it.client, it.cancelled) = (client, cancelled);
            })?;
            Ok(())
        }
        Event::ReadingStarted(_)
        | Event::CardsDrawn(_)
        | Event::AiInterpretationRecorded(_)
        | Event::ReaderInterpretationRecorded(_)
        | Event::ReadingRated(_) => Ok(()),
    }
}

fn over(id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let hours = Duration::hours(reacting.rules.samia.room_closes_after_hours.into());
    reacting.wake_at(ROOM_CLOSED, id, reacting.cause.at + hours);
    Ok(())
}

/// A reading was paid for; one that was cancelled meanwhile is given back at once.
pub fn paid(
    reading: Uuid,
    owner: Uuid,
    payment: Uuid,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let known = reacting.amend(reading, |it: &mut OfReading| {
        it.payments.insert(payment, owner);
    })?;
    if known.cancelled { give_back(payment, owner, reacting) } else { Ok(()) }
}

/// A transaction that was there before the log was: what was paid for a reading can be given back.
pub fn taken_over(owner: Uuid, row: &Imported, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let is = |column, value: &str| row.get::<String>(column).is_some_and(|it| it == value);
    let paid = is("transaction_type", "payment") && is("status", "completed");
    match row.get::<Uuid>("id").zip(row.get::<Uuid>("reading_session_id")) {
        Some((payment, reading)) if row.table() == "transactions" && paid => {
            reacting.amend(reading, |it: &mut OfReading| {
                it.payments.insert(payment, owner);
            })?;
            Ok(())
        }
        Some(_) | None => Ok(()),
    }
}

/// A payment was given back.
pub fn refunded(
    reading: Option<Uuid>,
    payment: Uuid,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    if let Some(reading) = reading {
        reacting.amend(reading, |it: &mut OfReading| {
            it.payments.remove(&payment);
        })?;
    }
    Ok(())
}

/// What was taken for a cancelled reading goes back (samia.reaction.refund-on-cancel).
fn give_back(payment: Uuid, owner: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let refund = RefundPayment {
        refund_of: payment,
        amount: None,
        currency: None,
        description: Some("the reading was cancelled".to_owned()),
        metadata: None,
        processor_notes: None,
        processed_by: None,
    };
    reacting.send_as::<Wallet, _>(REFUND, owner, &payment.to_string(), &refund)
}

/// A reading for which nobody was asked (samia.reaction.ai-reading): cards drawn by lot, the lot being
/// the event's own id, and read as the deck says. A deck with too few cards waits for a reader.
fn from_the_deck(
    id: Uuid,
    asked: &ReadingRequested,
    reacting: &mut Reacting<'_>,
) -> Result<(), Halt> {
    let deck = reacting.notes.members(DECK, THE_DECK)?;
    let wanted = usize::try_from(asked.card_count).unwrap_or_default();
    if !reacting.rules.samia.reads_from_the_deck || wanted == 0 || deck.len() < wanted {
        return Ok(());
    }
    let (mut cards_drawn, mut told) = (Vec::new(), Vec::new());
    for (position, (card_id, orientation)) in (1..).zip(lots(&deck, wanted, reacting)?) {
        let card = reacting.recall::<OfCard>(card_id)?;
        told.push(card_told(position, &card, orientation));
        cards_drawn.push(DrawnCard { card_id, position, orientation });
    }
    let Value::Object(ai_interpretation) = json!({ "cards": told, "summary": summary(&told) })
    else {
        return Ok(());
    };
    reacting.send::<Reading, _>(AI, id, &StartReading {})?;
    reacting.send::<Reading, _>(AI, id, &DrawCards { cards_drawn })?;
    let ai_model_version =
        Text::new(MODEL).map_err(|_| Halt::Fault("the model's name".to_owned()))?;
    let record = RecordAiInterpretation { ai_interpretation, ai_model_version };
    reacting.send::<Reading, _>(AI, id, &record)?;
    let complete = CompleteReading { client_counts: false, client_has_profile: false };
    reacting.send::<Reading, _>(AI, id, &complete)
}

/// So many cards in an order that the cause's id gives, the same each time.
fn lots(
    deck: &BTreeSet<String>,
    wanted: usize,
    reacting: &Reacting<'_>,
) -> Result<Vec<(Uuid, Orientation)>, Halt> {
    let mut lots = Vec::with_capacity(deck.len());
    for card in deck {
        lots.push((reacting.new_id(card), parse(card)?));
    }
    lots.sort_unstable();
    lots.truncate(wanted);
    let turned = |lot: &Uuid| lot.as_bytes().last().is_some_and(|byte| byte % 2 == 1);
    let side = |lot| if turned(&lot) { Orientation::Reversed } else { Orientation::Upright };
    Ok(lots.into_iter().map(|(lot, card)| (card, side(lot))).collect())
}

fn card_told(position: i32, card: &OfCard, orientation: Orientation) -> Value {
    let meaning = match orientation {
        Orientation::Upright => &card.upright,
        Orientation::Reversed => &card.reversed,
    };
    json!({
        "position": position, "name": card.name, "orientation": orientation, "meaning": meaning,
    })
}

fn summary(told: &[Value]) -> String {
    let line = |card: &Value| {
        let part = |name: &str| card[name].as_str().unwrap_or_default().to_owned();
        format!("{} ({}): {}", part("name"), part("orientation"), part("meaning"))
    };
    told.iter().map(line).collect::<Vec<_>>().join("\n")
}
