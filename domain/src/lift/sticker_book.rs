//! The stickers a child was given, each once for what it rewards.
//! (lift.aggregate.StickerBook, stream: child id)

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, Imported, Moment, commands, events, refusals};

/// Gives a child a sticker, once for a session, or once at all where no session is named.
/// (lift.command.AwardSticker)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwardSticker {
    /// The child whose book it is; the handler takes it from the stream's id.
    #[serde(skip)]
    pub child_id: Uuid,
    /// Kind of sticker, for example `daily_checkin` or `milestone_10`.
    pub sticker_type: String,
    /// Name that the child sees.
    pub sticker_name: String,
    /// What the child reads about it.
    #[serde(default)]
    pub sticker_description: Option<String>,
    /// What it rewards, for example `session_completed` or `milestone`.
    pub earned_for: String,
    /// The session that earned it, if one did.
    #[serde(default)]
    pub session_id: Option<Uuid>,
}

commands! {
    /// What may be asked of a sticker book.
    pub enum Command { AwardSticker }
}

/// A child was given a sticker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StickerAwarded {
    /// The sticker's own id.
    pub id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// Kind of sticker.
    pub sticker_type: String,
    /// Name that the child sees.
    pub sticker_name: String,
    /// What the child reads about it.
    pub sticker_description: Option<String>,
    /// What it rewards.
    pub earned_for: String,
    /// The session that earned it.
    pub session_id: Option<Uuid>,
    /// When.
    pub earned_at: DateTime<Utc>,
}

events! {
    /// What happens to a sticker book.
    pub enum Event { StickerAwarded }
    Imported {
        StickerImported from stickers_earned at [child_id],
    }
}

refusals! {
    /// What a sticker book refuses.
    pub enum Refusal {
        /// lift.rule.sticker.once
        StickerAlreadyAwarded => "this sticker was awarded already", at "sticker_type";
    }
}

/// Which stickers were awarded, and for which sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StickerBook {
    /// Session and kind of sticker; without a session, a kind is awarded once in a child's life.
    pub awarded: BTreeSet<(Option<Uuid>, String)>,
}

impl Decider for StickerBook {
    const TYPE: &'static str = "lift.sticker_book";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Command::AwardSticker(award) = command;
        if self.awarded.contains(&(award.session_id, award.sticker_type.clone())) {
            return Err(Refusal::StickerAlreadyAwarded);
        }
        let awarded = StickerAwarded {
            id: moment.new_id(),
            child_id: award.child_id,
            sticker_type: award.sticker_type,
            sticker_name: award.sticker_name,
            sticker_description: award.sticker_description,
            earned_for: award.earned_for,
            session_id: award.session_id,
            earned_at: moment.now,
        };
        Ok(vec![awarded.into()])
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::StickerAwarded(event) => {
                self.awarded.insert((event.session_id, event.sticker_type.clone()));
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl StickerBook {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.awarded.insert((row.get("session_id"), row.or_default("sticker_type")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, day, given};

    const MONDAY: Uuid = Uuid::from_u128(0x1);
    const TUESDAY: Uuid = Uuid::from_u128(0x2);

    fn for_session(session_id: Uuid, sticker_type: &str) -> AwardSticker {
        AwardSticker {
            child_id: ADA,
            sticker_type: sticker_type.into(),
            sticker_name: "Sunflower".into(),
            sticker_description: None,
            earned_for: "session_completed".into(),
            session_id: Some(session_id),
        }
    }

    fn milestone(sticker_type: &str) -> AwardSticker {
        AwardSticker {
            earned_for: "milestone".into(),
            session_id: None,
            ..for_session(MONDAY, sticker_type)
        }
    }

    #[test]
    fn a_sticker_says_what_it_was_earned_for_and_when() {
        let (_, events) =
            given::<StickerBook>([]).at(day(3)).when(for_session(MONDAY, "daily_checkin")).events();
        let [Event::StickerAwarded(awarded)] = &events[..] else {
            panic!("expected one sticker, got {events:?}");
        };
        let expected = StickerAwarded {
            id: awarded.id,
            child_id: ADA,
            sticker_type: "daily_checkin".into(),
            sticker_name: "Sunflower".into(),
            sticker_description: None,
            earned_for: "session_completed".into(),
            session_id: Some(MONDAY),
            earned_at: day(3),
        };
        assert_eq!(*awarded, expected);
    }

    #[test]
    fn a_session_earns_each_kind_of_sticker_once() {
        let (book, first) =
            given::<StickerBook>([]).when(for_session(MONDAY, "daily_checkin")).events();
        let (book, second) = book
            .when(for_session(MONDAY, "daily_checkin"))
            .refused("StickerAlreadyAwarded")
            .when(for_session(TUESDAY, "daily_checkin"))
            .events();
        assert_ne!(first, second);
        let (_, third) = book.when(for_session(MONDAY, "weekly_review")).events();
        assert_eq!(third.len(), 1);
    }

    #[test]
    fn a_milestone_is_reached_once() {
        let (book, _) = given::<StickerBook>([]).when(milestone("milestone_5")).events();
        let (_, next) = book
            .when(milestone("milestone_5"))
            .refused("StickerAlreadyAwarded")
            .when(milestone("milestone_10"))
            .events();
        assert_eq!(next.len(), 1);
    }

    #[test]
    fn a_book_comes_back_from_its_snapshot() {
        let (book, _) = given::<StickerBook>([]).when(for_session(MONDAY, "a")).events();
        let (book, _) = book.when(milestone("milestone_5")).events();
        let kept = serde_json::to_value(&book.state).unwrap();
        assert_eq!(serde_json::from_value::<StickerBook>(kept).unwrap(), book.state);
    }
}
