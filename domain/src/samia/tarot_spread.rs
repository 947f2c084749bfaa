//! A layout for readings: predefined by admins, or designed by a user.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::words::Text;
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// The most cards a spread may have: a whole deck.
pub const MOST_CARDS: i32 = 78;

/// A layout, as it is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct NewSpread {
    /// How it is called.
    pub name: Text<255>,
    /// What it is good for.
    #[serde(default)]
    pub description: Option<String>,
    /// How many cards are drawn.
    pub card_count: i32,
    /// The positions: a list, or an object whose `positions` is one.
    pub layout_data: Value,
    /// For whom it is; `beginner` where it is left out.
    #[serde(default)]
    pub difficulty_level: Option<Text<20>>,
    /// A heading to find it under.
    #[serde(default)]
    pub category: Option<Text<100>>,
    /// Whether everyone sees it; yes where it is left out.
    #[serde(default)]
    pub is_public: Option<bool>,
}

/// Adds a predefined layout. (samia.command.DefineSpread)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DefineSpread(
    /// The layout.
    pub NewSpread,
);

/// Adds a layout of the user's own. (samia.command.DesignCustomSpread)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DesignCustomSpread(
    /// The layout.
    pub NewSpread,
);

/// Changes a layout; what is left out stays, null clears. (samia.command.ReviseSpread)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseSpread {
    /// How it is called.
    #[serde(default)]
    pub name: Option<Text<255>>,
    /// What it is good for.
    #[serde(default, deserialize_with = "text::some")]
    pub description: Option<Option<String>>,
    /// How many cards are drawn.
    #[serde(default)]
    pub card_count: Option<i32>,
    /// The positions: a list, or an object whose `positions` is one.
    #[serde(default)]
    pub layout_data: Option<Value>,
    /// For whom it is.
    #[serde(default)]
    pub difficulty_level: Option<Text<20>>,
    /// A heading to find it under.
    #[serde(default, deserialize_with = "text::some")]
    pub category: Option<Option<Text<100>>>,
}

/// Shows a layout to everyone. (samia.command.PublishSpread)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishSpread {}

/// Shows a layout to its author alone. (samia.command.UnpublishSpread)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnpublishSpread {}

/// Takes a layout out of use for good; readings made with it keep it. (samia.command.RetireSpread)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireSpread {}

commands! {
    /// What may be asked of a layout.
    pub enum Command {
        DefineSpread, DesignCustomSpread, ReviseSpread, PublishSpread, UnpublishSpread, RetireSpread,
    }
}

/// A layout was predefined. (samia.event.SpreadDefined)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadDefined {
    /// How it is called.
    pub name: Text<255>,
    /// What it is good for.
    pub description: Option<String>,
    /// How many cards are drawn.
    pub card_count: i32,
    /// The positions.
    pub layout_data: Value,
    /// For whom it is.
    pub difficulty_level: Text<20>,
    /// A heading to find it under.
    pub category: Option<Text<100>>,
    /// Always false.
    pub is_custom: bool,
    /// Whether everyone sees it.
    pub is_public: bool,
}

/// A user designed a layout. (samia.event.CustomSpreadDesigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomSpreadDesigned {
    /// How it is called.
    pub name: Text<255>,
    /// What it is good for.
    pub description: Option<String>,
    /// How many cards are drawn.
    pub card_count: i32,
    /// The positions.
    pub layout_data: Value,
    /// For whom it is.
    pub difficulty_level: Text<20>,
    /// A heading to find it under.
    pub category: Option<Text<100>>,
    /// Always true.
    pub is_custom: bool,
    /// The author.
    pub created_by: Uuid,
    /// Whether everyone sees it.
    pub is_public: bool,
}

/// A layout changed; what did not is left out. (samia.event.SpreadRevised)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadRevised {
    /// The author; a predefined layout has none.
    pub created_by: Option<Uuid>,
    /// How it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<255>>,
    /// What it is good for.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// How many cards are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_count: Option<i32>,
    /// The positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout_data: Option<Value>,
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty_level: Option<Text<20>>,
    /// A heading to find it under.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub category: Option<Option<Text<100>>>,
}

/// Everyone sees it. (samia.event.SpreadPublished)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadPublished {
    /// Always true.
    pub is_public: bool,
}

/// Its author alone sees it. (samia.event.SpreadUnpublished)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadUnpublished {
    /// Always false.
    pub is_public: bool,
}

/// It is out of use. (samia.event.SpreadRetired)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadRetired {
    /// Always false.
    pub is_public: bool,
}

events! {
    /// What happens to a layout.
    pub enum Event {
        SpreadDefined { name: text, description: null },
        CustomSpreadDesigned of created_by { name: text, description: null },
        SpreadRevised of created_by { name: text, description: null },
        SpreadPublished,
        SpreadUnpublished,
        SpreadRetired,
    }
    Imported {
        SpreadImported from tarot_spreads at [id] of [created_by] { name: text, description: null },
    }
}

refusals! {
    /// What a layout refuses.
    pub enum Refusal {
        /// samia.rule.spread.positions
        PositionsMismatch { most: i32 } => "card_count lies between 1 and {most} and equals the number of positions in layout_data", at "card_count";
        /// It is there.
        SpreadAlreadyExists => "there is a spread of this id already";
        /// It is not there.
        SpreadNotFound => "there is no such spread";
        /// It is out of use for good.
        SpreadOutOfUse => "the spread is retired";
    }
}

/// A layout, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TarotSpread {
    /// How many cards are drawn; 0 before there is one.
    pub card_count: i32,
    /// The author; a predefined layout has none.
    pub author: Option<Uuid>,
    /// Whether everyone sees it.
    pub public: bool,
    /// Whether it is out of use.
    pub retired: bool,
}

impl Decider for TarotSpread {
    const TYPE: &'static str = "samia.tarot_spread";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::DefineSpread(_) | Command::DesignCustomSpread(_) if self.exists() => {
                Err(Refusal::SpreadAlreadyExists)
            }
            Command::DefineSpread(DefineSpread(new)) => define(new),
            Command::DesignCustomSpread(DesignCustomSpread(new)) => design(new, moment),
            _ if !self.exists() => Err(Refusal::SpreadNotFound),
            Command::RetireSpread(_) if self.retired => Ok(vec![]),
            _ if self.retired => Err(Refusal::SpreadOutOfUse),
            Command::RetireSpread(_) => Ok(vec![SpreadRetired { is_public: false }.into()]),
            Command::ReviseSpread(revise) => self.revise(revise),
            Command::PublishSpread(_) if self.public => Ok(vec![]),
            Command::PublishSpread(_) => Ok(vec![SpreadPublished { is_public: true }.into()]),
            Command::UnpublishSpread(_) if !self.public => Ok(vec![]),
            Command::UnpublishSpread(_) => Ok(vec![SpreadUnpublished { is_public: false }.into()]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::SpreadDefined(it) => {
                self.card_count = it.card_count;
                self.public = it.is_public;
            }
            Event::CustomSpreadDesigned(it) => {
                self.card_count = it.card_count;
                self.public = it.is_public;
                self.author = Some(it.created_by);
            }
            Event::SpreadRevised(it) => self.card_count = it.card_count.unwrap_or(self.card_count),
            Event::SpreadPublished(it) => self.public = it.is_public,
            Event::SpreadUnpublished(it) => self.public = it.is_public,
            Event::SpreadRetired(it) => {
                self.public = it.is_public;
                self.retired = true;
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl TarotSpread {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.card_count = row.or_default("card_count");
        self.public = row.or_default("is_public");
        self.author = row.get("created_by");
    }
}

impl TarotSpread {
    /// Whether there is such a layout.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.card_count > 0
    }

    /// Whether this person can have a reading with it.
    #[must_use]
    pub fn usable_by(&self, person: Uuid) -> bool {
        self.exists() && !self.retired && (self.public || self.author == Some(person))
    }

    fn revise(&self, revise: ReviseSpread) -> Result<Vec<Event>, Refusal> {
        if revise == ReviseSpread::default() {
            return Ok(vec![]);
        }
        if revise.card_count.is_some() || revise.layout_data.is_some() {
            let count = revise.card_count.unwrap_or(self.card_count);
            // Positions that are not given are as many as there are cards now.
            let positions = revise.layout_data.as_ref().map_or(Some(self.card_count), positions);
            fitting(count, positions)?;
        }
        let revised = SpreadRevised {
            created_by: self.author,
            name: revise.name,
            description: revise.description,
            card_count: revise.card_count,
            layout_data: revise.layout_data,
            difficulty_level: revise.difficulty_level,
            category: revise.category,
        };
        Ok(vec![revised.into()])
    }
}

fn define(new: NewSpread) -> Result<Vec<Event>, Refusal> {
    fitting(new.card_count, positions(&new.layout_data))?;
    let defined = SpreadDefined {
        name: new.name,
        description: new.description,
        card_count: new.card_count,
        layout_data: new.layout_data,
        difficulty_level: difficulty(new.difficulty_level),
        category: new.category,
        is_custom: false,
        is_public: new.is_public.unwrap_or(true),
    };
    Ok(vec![defined.into()])
}

fn design(new: NewSpread, moment: &Moment) -> Result<Vec<Event>, Refusal> {
    fitting(new.card_count, positions(&new.layout_data))?;
    let designed = CustomSpreadDesigned {
        name: new.name,
        description: new.description,
        card_count: new.card_count,
        layout_data: new.layout_data,
        difficulty_level: difficulty(new.difficulty_level),
        category: new.category,
        is_custom: true,
        created_by: moment.actor,
        is_public: new.is_public.unwrap_or(true),
    };
    Ok(vec![designed.into()])
}

fn difficulty(asked: Option<Text<20>>) -> Text<20> {
    asked.or_else(|| Text::new("beginner").ok()).unwrap_or_default()
}

/// How many positions a layout has, if it lists them.
fn positions(layout: &Value) -> Option<i32> {
    let list = layout.as_array().or_else(|| layout.get("positions")?.as_array())?;
    i32::try_from(list.len()).ok()
}

fn fitting(count: i32, positions: Option<i32>) -> Result<(), Refusal> {
    let fits = (1..=MOST_CARDS).contains(&count) && positions == Some(count);
    if fits { Ok(()) } else { Err(Refusal::PositionsMismatch { most: MOST_CARDS }) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, BOB, Given, given};

    fn custom(card_count: i32, layout_data: Value) -> DesignCustomSpread {
        DesignCustomSpread(NewSpread {
            name: "Mine".parse().unwrap(),
            description: None,
            card_count,
            layout_data,
            difficulty_level: None,
            category: None,
            is_public: None,
        })
    }

    fn predefined() -> DefineSpread {
        let DesignCustomSpread(new) = custom(3, json!([1, 2, 3]));
        DefineSpread(NewSpread { is_public: Some(false), ..new })
    }

    fn mine() -> Given<TarotSpread> {
        let layout = json!({"positions": ["past", "present"]});
        given::<TarotSpread>([]).when(custom(2, layout)).events().0
    }

    #[test]
    fn a_custom_spread_is_its_authors_and_public_unless_said_otherwise() {
        let (given, events) = given::<TarotSpread>([]).when(custom(1, json!(["now"]))).events();
        let [Event::CustomSpreadDesigned(designed)] = &events[..] else { panic!("{events:?}") };
        assert!(designed.is_custom && designed.is_public);
        assert_eq!((designed.created_by, &*designed.difficulty_level), (ADA, "beginner"));
        given.when(custom(1, json!(["now"]))).refused("SpreadAlreadyExists");
    }

    #[test]
    fn a_predefined_spread_has_no_author() {
        let given = given::<TarotSpread>([]).when(predefined()).events().0;
        assert_eq!((given.state.author, given.state.public), (None, false));
        given.when(predefined()).refused("SpreadAlreadyExists");
    }

    #[test]
    fn there_are_as_many_positions_as_cards() {
        let three = json!({"positions": [1, 2, 3]});
        for (count, layout) in
            [(0, json!([])), (-1, json!([])), (2, three.clone()), (3, json!({})), (3, json!(3))]
        {
            given::<TarotSpread>([]).when(custom(count, layout)).refused("PositionsMismatch");
        }
        given::<TarotSpread>([])
            .when(DefineSpread(NewSpread { card_count: 4, ..predefined().0 }))
            .refused("PositionsMismatch");
        mine()
            .when(ReviseSpread { card_count: Some(3), ..ReviseSpread::default() })
            .refused("PositionsMismatch")
            .when(ReviseSpread { layout_data: Some(three.clone()), ..ReviseSpread::default() })
            .refused("PositionsMismatch")
            .when(ReviseSpread {
                card_count: Some(3),
                layout_data: Some(three),
                ..ReviseSpread::default()
            })
            .events();
    }

    #[test]
    fn a_spread_is_published_hidden_and_finally_retired() {
        let given = mine()
            .when(PublishSpread {})
            .then_nothing()
            .when(UnpublishSpread {})
            .then([SpreadUnpublished { is_public: false }])
            .when(UnpublishSpread {})
            .then_nothing();
        assert!(given.state.usable_by(ADA) && !given.state.usable_by(BOB));
        let given = given.when(PublishSpread {}).then([SpreadPublished { is_public: true }]);
        assert!(given.state.usable_by(BOB));
        let given = given
            .when(RetireSpread {})
            .then([SpreadRetired { is_public: false }])
            .when(RetireSpread {})
            .then_nothing()
            .when(PublishSpread {})
            .refused("SpreadOutOfUse");
        assert!(!given.state.usable_by(ADA));
    }

    #[test]
    fn what_is_left_out_stays_and_what_is_not_there_is_not_revised() {
        let name = ReviseSpread { name: Some("Other".parse().unwrap()), ..ReviseSpread::default() };
        let revised = SpreadRevised {
            created_by: Some(ADA),
            name: Some("Other".parse().unwrap()),
            ..SpreadRevised::default()
        };
        given::<TarotSpread>([]).when(name.clone()).refused("SpreadNotFound");
        mine().when(ReviseSpread::default()).then_nothing().when(name).then([revised]);
    }
}
