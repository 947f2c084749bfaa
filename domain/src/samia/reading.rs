//! A reading: requested by a client, conducted by a reader or by the system's AI, rated at the end.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::{Object, Text};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// Where a reading stands (samia.reading_sessions.status.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Asked for.
    #[default]
    Pending,
    /// Begun.
    Active,
    /// Done.
    Completed,
    /// Called off.
    Cancelled,
}

/// What kind of reading it is (samia.reading_sessions.session_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionType {
    /// As any.
    #[default]
    Standard,
    /// In a hurry.
    Emergency,
    /// To learn.
    Practice,
}

/// Which way up a card lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// Upright.
    Upright,
    /// Upside down.
    Reversed,
}

/// A card as it lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawnCard {
    /// The card.
    pub card_id: Uuid,
    /// Its position in the spread, from 1.
    pub position: i32,
    /// Which way up it lies.
    pub orientation: Orientation,
}

/// Asks for a reading. (samia.command.RequestReading)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReading {
    /// The spread to read with.
    pub spread_id: Uuid,
    /// The reader asked for; the system's AI where none is.
    #[serde(default)]
    pub reader_id: Option<Uuid>,
    /// What the client wants to know.
    #[serde(default)]
    pub question: Option<String>,
    /// What kind of reading; `standard` where it is left out.
    #[serde(default)]
    pub session_type: SessionType,
    /// How many cards the spread has; the handler sets it.
    #[serde(skip)]
    pub card_count: i32,
}

/// Gives a reading to a reader. (samia.command.AssignReader)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignReader {
    /// The reader.
    pub reader_id: Uuid,
}

/// Begins a reading. (samia.command.StartReading)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartReading {}

/// Lays the cards, once. (samia.command.DrawCards)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawCards {
    /// As many distinct cards as the spread has positions.
    pub cards_drawn: Vec<DrawnCard>,
}

/// The AI has interpreted the cards. (samia.command.RecordAiInterpretation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordAiInterpretation {
    /// What it says.
    pub ai_interpretation: Object,
    /// Which model said it.
    pub ai_model_version: Text<50>,
}

/// The reader writes down notes and what the cards say. (samia.command.RecordReaderInterpretation)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordReaderInterpretation {
    /// Working notes; left out, they stay, null clears.
    #[serde(default, deserialize_with = "text::some")]
    pub reader_notes: Option<Option<String>>,
    /// What the cards say; left out, it stays.
    #[serde(default)]
    pub reader_interpretation: Option<String>,
}

/// Ends a reading that has cards and an interpretation. (samia.command.CompleteReading)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteReading {
    /// Whether the client is there to be counted for; the handler sets it.
    #[serde(skip)]
    pub client_counts: bool,
    /// Whether the client has a profile to be counted in; the handler sets it.
    #[serde(skip)]
    pub client_has_profile: bool,
}

/// Calls a reading off that is not completed. (samia.command.CancelReading)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelReading {}

/// Says how content the client is, once. (samia.command.RateReading)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateReading {
    /// From 1 to 5.
    pub satisfaction_rating: i32,
    /// In words.
    #[serde(default)]
    pub client_feedback: Option<String>,
}

commands! {
    /// What may be asked of a reading.
    pub enum Command {
        RequestReading, AssignReader, StartReading, DrawCards, RecordAiInterpretation,
        RecordReaderInterpretation, CompleteReading, CancelReading, RateReading,
    }
}

/// A reading was asked for. (samia.event.ReadingRequested)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingRequested {
    /// Who asked.
    pub client_id: Uuid,
    /// The reader asked for; nobody means AI.
    pub reader_id: Option<Uuid>,
    /// The spread.
    pub spread_id: Uuid,
    /// How many cards it has.
    pub card_count: i32,
    /// What the client wants to know.
    pub question: Option<String>,
    /// What kind of reading.
    pub session_type: SessionType,
    /// Always pending.
    pub status: Status,
}

/// A reading has a reader. (samia.event.ReaderAssigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReaderAssigned {
    /// The client, who shares a room with the reader.
    pub client_id: Uuid,
    /// The reader.
    pub reader_id: Uuid,
}

/// A reading began. (samia.event.ReadingStarted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingStarted {
    /// Always active.
    pub status: Status,
    /// When.
    pub started_at: DateTime<Utc>,
}

/// The cards lie. (samia.event.CardsDrawn)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CardsDrawn {
    /// The client.
    pub client_id: Uuid,
    /// The cards.
    pub cards_drawn: Vec<DrawnCard>,
}

/// The AI interpreted. (samia.event.AiInterpretationRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AiInterpretationRecorded {
    /// The client.
    pub client_id: Uuid,
    /// What it says.
    pub ai_interpretation: Option<Object>,
    /// Which model said it.
    pub ai_model_version: Text<50>,
}

/// The reader wrote down; what did not change is left out. (samia.event.ReaderInterpretationRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReaderInterpretationRecorded {
    /// The client.
    pub client_id: Uuid,
    /// Working notes.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub reader_notes: Option<Option<String>>,
    /// What the cards say.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub reader_interpretation: Option<Option<String>>,
}

/// A reading ended. (samia.event.ReadingCompleted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingCompleted {
    /// The client, if still there to be counted for.
    pub counts_for: Option<Uuid>,
    /// Whether that client has a profile to be counted in.
    pub in_profile: bool,
    /// Always completed.
    pub status: Status,
    /// Whole minutes since it began.
    pub duration_minutes: i32,
}

/// A reading was called off. (samia.event.ReadingCancelled)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingCancelled {
    /// The client, who may have paid.
    pub client_id: Uuid,
    /// Always cancelled.
    pub status: Status,
}

/// The client rated. (samia.event.ReadingRated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingRated {
    /// The client.
    pub client_id: Uuid,
    /// From 1 to 5.
    pub satisfaction_rating: i32,
    /// In words.
    pub client_feedback: Option<String>,
}

events! {
    /// What happens to a reading.
    pub enum Event {
        ReadingRequested of client_id { question: null },
        ReaderAssigned,
        ReadingStarted,
        CardsDrawn of client_id { cards_drawn: list },
        AiInterpretationRecorded of client_id { ai_interpretation: null },
        ReaderInterpretationRecorded of client_id {
            reader_notes: null, reader_interpretation: null,
        },
        ReadingCompleted,
        ReadingCancelled,
        ReadingRated of client_id { client_feedback: null },
    }
    Imported {
        ReadingImported from reading_sessions at [id] of [client_id] {
            question: null, cards_drawn: list, ai_interpretation: null, reader_notes: null,
            reader_interpretation: null, client_feedback: null,
        },
    }
}

refusals! {
    /// What a reading refuses.
    pub enum Refusal {
        /// samia.rule.reading.transitions
        ReadingTransitionRefused => "the reading does not stand where this is possible", hint "pending, active, completed; or cancelled before it is completed";
        /// samia.rule.reading.cards
        CardsMismatch { card_count: i32 } => "cards are drawn once, while the reading is active: {card_count} distinct known cards, each in a position of its own", at "cards_drawn";
        /// samia.rule.reading.complete
        ReadingIncomplete => "a reading is completed with cards and at least one interpretation";
        /// samia.rule.reading.reader
        NotAReader => "this is no active reader other than the client", at "reader_id";
        /// samia.rule.reading.rating
        RatingRefused => "a client rates from 1 to 5, once, after the reading is completed", at "satisfaction_rating";
        /// The spread is retired, or another's own, or there is none.
        SpreadNotUsable => "no spread of this id can be used", at "spread_id";
        /// It was asked for.
        ReadingAlreadyRequested => "there is a reading of this id already";
        /// It was not asked for.
        ReadingNotFound => "there is no such reading";
    }
}

/// A reading, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Who asked for it, once somebody did.
    pub client: Option<Uuid>,
    /// Who conducts it; nobody means AI.
    pub reader: Option<Uuid>,
    /// Where it stands.
    pub status: Status,
    /// How many cards its spread has.
    pub card_count: i32,
    started_at: Option<DateTime<Utc>>,
    drawn: bool,
    interpreted: bool,
    rated: bool,
}

impl Decider for Reading {
    const TYPE: &'static str = "samia.reading";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Some(client) = self.client else {
            return match command {
                Command::RequestReading(asked) => Ok(vec![request(asked, moment).into()]),
                _ => Err(Refusal::ReadingNotFound),
            };
        };
        match command {
            Command::RequestReading(_) => Err(Refusal::ReadingAlreadyRequested),
            Command::AssignReader(assign) => self.assign(client, &assign),
            Command::StartReading(_) => {
                self.must_be(Status::Pending)?;
                Ok(vec![ReadingStarted { status: Status::Active, started_at: moment.now }.into()])
            }
            Command::DrawCards(draw) => self.draw(client, draw),
            Command::RecordAiInterpretation(record) => {
                self.must_be(Status::Active)?;
                let recorded = AiInterpretationRecorded {
                    client_id: client,
                    ai_interpretation: Some(record.ai_interpretation),
                    ai_model_version: record.ai_model_version,
                };
                Ok(vec![recorded.into()])
            }
            Command::RecordReaderInterpretation(record) => self.interpret(client, record),
            Command::CompleteReading(complete) => self.complete(client, &complete, moment),
            Command::CancelReading(_) => {
                if !matches!(self.status, Status::Pending | Status::Active) {
                    return Err(Refusal::ReadingTransitionRefused);
                }
                let status = Status::Cancelled;
                Ok(vec![ReadingCancelled { client_id: client, status }.into()])
            }
            Command::RateReading(rate) => self.rate(client, rate),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ReadingRequested(it) => {
                self.client = Some(it.client_id);
                self.reader = it.reader_id;
                self.card_count = it.card_count;
            }
            Event::ReaderAssigned(it) => self.reader = Some(it.reader_id),
            Event::ReadingStarted(it) => {
                self.status = it.status;
                self.started_at = Some(it.started_at);
            }
            Event::CardsDrawn(_) => self.drawn = true,
            Event::AiInterpretationRecorded(_) => self.interpreted = true,
            Event::ReaderInterpretationRecorded(it) => {
                self.interpreted |= it.reader_interpretation.is_some();
            }
            Event::ReadingCompleted(it) => self.status = it.status,
            Event::ReadingCancelled(it) => self.status = it.status,
            Event::ReadingRated(_) => self.rated = true,
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Reading {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.client = row.get("client_id");
        self.reader = row.get("reader_id");
        self.status = row.or_default("status");
        // Not a column: the import looks it up in the spread.
        self.card_count = row.or_default("card_count");
        self.started_at = row.get("started_at");
        self.drawn =
            row.get::<Vec<serde_json::Value>>("cards_drawn").is_some_and(|cards| !cards.is_empty());
        self.interpreted = row.has("ai_interpretation") || row.has("reader_interpretation");
        self.rated = row.has("satisfaction_rating");
    }
}

impl Reading {
    /// Whether this person is its client or its reader.
    #[must_use]
    pub fn has_party(&self, person: Uuid) -> bool {
        self.client == Some(person) || self.reader == Some(person)
    }

    fn must_be(&self, status: Status) -> Result<(), Refusal> {
        if self.status == status { Ok(()) } else { Err(Refusal::ReadingTransitionRefused) }
    }

    fn assign(&self, client: Uuid, assign: &AssignReader) -> Result<Vec<Event>, Refusal> {
        self.must_be(Status::Pending)?;
        let reader_id = assign.reader_id;
        if reader_id == client {
            return Err(Refusal::NotAReader);
        }
        let there = self.reader == Some(reader_id);
        Ok(if there {
            vec![]
        } else {
            vec![ReaderAssigned { client_id: client, reader_id }.into()]
        })
    }

    fn draw(&self, client: Uuid, draw: DrawCards) -> Result<Vec<Event>, Refusal> {
        let cards = &draw.cards_drawn;
        let distinct = cards.iter().enumerate().all(|(nth, card)| {
            let before = &cards[..nth];
            (1..=self.card_count).contains(&card.position)
                && before
                    .iter()
                    .all(|other| other.card_id != card.card_id && other.position != card.position)
        });
        let complete = i32::try_from(cards.len()) == Ok(self.card_count);
        if self.drawn || self.status != Status::Active || !complete || !distinct {
            return Err(Refusal::CardsMismatch { card_count: self.card_count });
        }
        Ok(vec![CardsDrawn { client_id: client, cards_drawn: draw.cards_drawn }.into()])
    }

    fn interpret(
        &self,
        client: Uuid,
        record: RecordReaderInterpretation,
    ) -> Result<Vec<Event>, Refusal> {
        self.must_be(Status::Active)?;
        if record == RecordReaderInterpretation::default() {
            return Ok(vec![]);
        }
        let recorded = ReaderInterpretationRecorded {
            client_id: client,
            reader_notes: record.reader_notes,
            reader_interpretation: record.reader_interpretation.map(Some),
        };
        Ok(vec![recorded.into()])
    }

    fn complete(
        &self,
        client: Uuid,
        complete: &CompleteReading,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.must_be(Status::Active)?;
        if !self.drawn || !self.interpreted {
            return Err(Refusal::ReadingIncomplete);
        }
        let since = self.started_at.unwrap_or(moment.now);
        let minutes = (moment.now - since).num_minutes().max(0);
        let completed = ReadingCompleted {
            counts_for: complete.client_counts.then_some(client),
            in_profile: complete.client_counts && complete.client_has_profile,
            status: Status::Completed,
            duration_minutes: i32::try_from(minutes).unwrap_or(i32::MAX),
        };
        Ok(vec![completed.into()])
    }

    fn rate(&self, client: Uuid, rate: RateReading) -> Result<Vec<Event>, Refusal> {
        let in_range = (1..=5).contains(&rate.satisfaction_rating);
        if self.rated || self.status != Status::Completed || !in_range {
            return Err(Refusal::RatingRefused);
        }
        let rated = ReadingRated {
            client_id: client,
            satisfaction_rating: rate.satisfaction_rating,
            client_feedback: rate.client_feedback,
        };
        Ok(vec![rated.into()])
    }
}

fn request(asked: RequestReading, moment: &Moment) -> ReadingRequested {
    ReadingRequested {
        client_id: moment.actor,
        reader_id: asked.reader_id,
        spread_id: asked.spread_id,
        card_count: asked.card_count,
        question: asked.question,
        session_type: asked.session_type,
        status: Status::Pending,
    }
}

#[cfg(test)]
mod tests;
