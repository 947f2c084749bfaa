//! What The Lift judges by.

use std::{collections::BTreeMap, num::NonZeroU32};

use annals_domain::lift::garden::{ItemType, UnlockCondition};
use serde::{Deserialize, Serialize};

/// What is concerning, what is a change, and what is given for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Flags that make an alert urgent; any other makes it high.
    pub urgent_flags: Vec<String>,
    /// A scale answer this low, or lower, is concerning by itself.
    pub concerning_score: i32,
    /// How many moods are compared with as many before them.
    pub mood_window: u32,
    /// How far the mean must fall, in steps of the scale.
    pub decline: f64,
    /// How far it must fall for the alert to be high.
    pub steep_decline: f64,
    /// How far it must rise.
    pub rise: f64,
    /// After how many days without a session somebody should look.
    pub quiet_days: u32,
    /// After how many unfinished sessions in a row somebody should look.
    pub abandoned_in_a_row: u32,
    /// After how many hours an open session counts as left.
    pub idle_session_hours: u32,
    /// At which numbers of completed sessions a milestone's sticker is given.
    pub milestones: Vec<u64>,
    /// The name that a child reads on the sticker of each kind of session.
    pub sticker_names: BTreeMap<String, String>,
    /// What a new garden holds.
    pub starter_garden: Vec<StarterItem>,
}

/// An item of the starter catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StarterItem {
    /// What it is.
    pub item_type: ItemType,
    /// Its name; one item a name.
    pub item_name: String,
    /// Its group.
    pub item_category: Option<String>,
    /// What unlocks it; none for what the child may place at once.
    pub unlock_condition: Option<UnlockCondition>,
}

impl Default for Rules {
    fn default() -> Self {
        let names = [
            ("daily_checkin", "Sunny Day"),
            ("weekly_review", "Week Explorer"),
            ("monthly_assessment", "Moon Walker"),
        ];
        Self {
            urgent_flags: ["self_harm", "abuse", "danger"].map(str::to_owned).to_vec(),
            concerning_score: 1,
            mood_window: 3,
            decline: 1.0,
            steep_decline: 2.0,
            rise: 1.0,
            quiet_days: 14,
            abandoned_in_a_row: 3,
            idle_session_hours: 24,
            milestones: vec![5, 10, 25, 50, 100],
            sticker_names: names.map(|(kind, name)| (kind.to_owned(), name.to_owned())).into(),
            starter_garden: starter_garden(),
        }
    }
}

fn starter_garden() -> Vec<StarterItem> {
    use ItemType::{Character, Decoration, Flower, Tree};
    let least = |least: u32| NonZeroU32::new(least).unwrap_or(NonZeroU32::MIN);
    let stickers = |count| Some(UnlockCondition::Stickers(least(count)));
    let sessions = |count| Some(UnlockCondition::Sessions(least(count)));
    [
        (Flower, "Daisy", "meadow", None),
        (Flower, "Sunflower", "meadow", None),
        (Decoration, "Stepping stones", "paths", None),
        (Flower, "Tulip", "meadow", stickers(1)),
        (Tree, "Apple tree", "orchard", sessions(3)),
        (Decoration, "Bench", "paths", stickers(5)),
        (Tree, "Willow", "orchard", sessions(10)),
        (Character, "Hedgehog", "friends", stickers(10)),
        (Character, "Owl", "friends", sessions(25)),
    ]
    .map(|(item_type, name, category, unlock_condition)| StarterItem {
        item_type,
        item_name: name.to_owned(),
        item_category: Some(category.to_owned()),
        unlock_condition,
    })
    .to_vec()
}
