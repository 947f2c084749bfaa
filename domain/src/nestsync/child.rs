//! A family's child: added, kept up to date, removed. (nestsync.aggregate.Child, stream: child id)

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::is_filled;
use crate::{Decider, Moment, commands, events, refusals, text};

/// Adds a child to a family. (nestsync.command.AddChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddChild {
    /// Whose child it is.
    pub family_id: Uuid,
    /// First name.
    pub first_name: String,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<String>,
    /// Date of birth.
    #[serde(default)]
    pub date_of_birth: Option<NaiveDate>,
    /// Size of clothes, as labels have it.
    #[serde(default)]
    pub clothing_size: Option<String>,
    /// Size of shoes, as labels have it.
    #[serde(default)]
    pub shoe_size: Option<String>,
    /// What else the family should know.
    #[serde(default)]
    pub notes: Option<String>,
}

/// Changes a child's profile; what is absent stays, null clears. (nestsync.command.UpdateChildProfile)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateChildProfile {
    /// Another first name.
    #[serde(default)]
    pub first_name: Option<String>,
    /// Another last name.
    #[serde(default, deserialize_with = "text::some")]
    pub last_name: Option<Option<String>>,
    /// Another date of birth.
    #[serde(default, deserialize_with = "text::some")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// Another size of clothes.
    #[serde(default, deserialize_with = "text::some")]
    pub clothing_size: Option<Option<String>>,
    /// Another size of shoes.
    #[serde(default, deserialize_with = "text::some")]
    pub shoe_size: Option<Option<String>>,
    /// Other notes.
    #[serde(default, deserialize_with = "text::some")]
    pub notes: Option<Option<String>>,
}

/// Takes a child out of the family's list. (nestsync.command.RemoveChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveChild {}

commands! {
    /// What may be asked of a child.
    pub enum Command { AddChild, UpdateChildProfile, RemoveChild }
}

/// A child was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildAdded {
    /// Whose child it is.
    pub family_id: Uuid,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: Option<String>,
    /// Date of birth.
    pub date_of_birth: Option<NaiveDate>,
    /// Size of clothes.
    pub clothing_size: Option<String>,
    /// Size of shoes.
    pub shoe_size: Option<String>,
    /// What else the family should know.
    pub notes: Option<String>,
    /// Who added it.
    pub created_by: Uuid,
}

/// A child's profile changed; only what changed is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildProfileUpdated {
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name, or null where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub last_name: Option<Option<String>>,
    /// Date of birth, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// Size of clothes, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub clothing_size: Option<Option<String>>,
    /// Size of shoes, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub shoe_size: Option<Option<String>>,
    /// Notes, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub notes: Option<Option<String>>,
}

/// A child was taken out of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildRemoved {
    /// When.
    pub deleted_at: DateTime<Utc>,
}

events! {
    /// What happens to a child.
    pub enum Event {
        ChildAdded {
            first_name: text,
            last_name: null,
            date_of_birth: null,
            clothing_size: null,
            shoe_size: null,
            notes: null,
        },
        ChildProfileUpdated {
            first_name: text,
            last_name: null,
            date_of_birth: null,
            clothing_size: null,
            shoe_size: null,
            notes: null,
        },
        ChildRemoved,
    }
}

refusals! {
    /// What a child refuses.
    pub enum Refusal {
        /// nestsync.rule.child.in_family
        WrongFamily => "this child belongs to another family", at "child_id";
        /// There is no such child.
        ChildUnknown => "no such child";
        /// The id is taken.
        ChildAlreadyAdded => "this child was added already";
        /// A removed child does not change.
        ChildGone => "this child was removed";
        /// A name must say something.
        FirstNameBlank => "a first name is needed", at "first_name";
    }
}

/// What decisions need to know of a child.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// Whose child it is; nothing before it is added.
    pub family_id: Option<Uuid>,
    /// Whether it was taken out of the list.
    pub removed: bool,
}

impl Child {
    /// What a command names together belongs to one family (nestsync.rule.child.in_family).
    ///
    /// # Errors
    /// [`Refusal::WrongFamily`]; [`Refusal::ChildGone`] where the child was removed.
    pub fn in_family(&self, family_id: Uuid) -> Result<(), Refusal> {
        if self.family_id != Some(family_id) {
            return Err(Refusal::WrongFamily);
        }
        if self.removed { Err(Refusal::ChildGone) } else { Ok(()) }
    }

    fn present(&self) -> Result<(), Refusal> {
        match self.family_id {
            None => Err(Refusal::ChildUnknown),
            Some(_) if self.removed => Err(Refusal::ChildGone),
            Some(_) => Ok(()),
        }
    }
}

impl Decider for Child {
    const TYPE: &'static str = "nestsync.child";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::AddChild(_) if self.family_id.is_some() => Err(Refusal::ChildAlreadyAdded),
            Command::AddChild(new) => Ok(vec![
                ChildAdded {
                    family_id: new.family_id,
                    first_name: first_name(new.first_name)?,
                    last_name: new.last_name,
                    date_of_birth: new.date_of_birth,
                    clothing_size: new.clothing_size,
                    shoe_size: new.shoe_size,
                    notes: new.notes,
                    created_by: moment.actor,
                }
                .into(),
            ]),
            Command::UpdateChildProfile(change) => self.update(change),
            Command::RemoveChild(_) if self.removed => Ok(vec![]),
            Command::RemoveChild(_) => {
                self.present()?;
                Ok(vec![ChildRemoved { deleted_at: moment.now }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ChildAdded(added) => self.family_id = Some(added.family_id),
            Event::ChildProfileUpdated(_) => {}
            Event::ChildRemoved(_) => self.removed = true,
        }
    }
}

impl Child {
    fn update(&self, change: UpdateChildProfile) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let updated = ChildProfileUpdated {
            first_name: change.first_name.map(first_name).transpose()?,
            last_name: change.last_name,
            date_of_birth: change.date_of_birth,
            clothing_size: change.clothing_size,
            shoe_size: change.shoe_size,
            notes: change.notes,
        };
        if updated == ChildProfileUpdated::default() {
            return Ok(vec![]);
        }
        Ok(vec![updated.into()])
    }
}

fn first_name(name: String) -> Result<String, Refusal> {
    if is_filled(&name) { Ok(name) } else { Err(Refusal::FirstNameBlank) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, day, given};

    const FAMILY: Uuid = Uuid::from_u128(0xfa);
    const OTHERS: Uuid = Uuid::from_u128(0xfb);

    fn add() -> AddChild {
        AddChild {
            family_id: FAMILY,
            first_name: "Kim".into(),
            last_name: None,
            date_of_birth: NaiveDate::from_ymd_opt(2022, 5, 4),
            clothing_size: Some("98".into()),
            shoe_size: None,
            notes: None,
        }
    }

    fn added() -> Event {
        ChildAdded {
            family_id: FAMILY,
            first_name: "Kim".into(),
            last_name: None,
            date_of_birth: NaiveDate::from_ymd_opt(2022, 5, 4),
            clothing_size: Some("98".into()),
            shoe_size: None,
            notes: None,
            created_by: ADA,
        }
        .into()
    }

    #[test]
    fn a_child_is_added_once_and_has_a_first_name() {
        given::<Child>([])
            .when(AddChild { first_name: " ".into(), ..add() })
            .refused("FirstNameBlank")
            .when(add())
            .then([added()])
            .when(add())
            .refused("ChildAlreadyAdded");
    }

    #[test]
    fn what_is_not_given_stays_and_null_clears() {
        let change = UpdateChildProfile {
            clothing_size: Some(Some("104".into())),
            date_of_birth: Some(None),
            ..Default::default()
        };
        let updated = ChildProfileUpdated {
            clothing_size: Some(Some("104".into())),
            date_of_birth: Some(None),
            ..Default::default()
        };
        given::<Child>([added()])
            .when(change)
            .then([updated])
            .when(UpdateChildProfile::default())
            .then_nothing()
            .when(UpdateChildProfile { first_name: Some(String::new()), ..Default::default() })
            .refused("FirstNameBlank");
    }

    #[test]
    fn a_removed_child_does_not_change() {
        given::<Child>([added()])
            .when(RemoveChild {})
            .then([ChildRemoved { deleted_at: day(1) }])
            .when(RemoveChild {})
            .then_nothing()
            .when(UpdateChildProfile::default())
            .refused("ChildGone");
        given::<Child>([]).when(RemoveChild {}).refused("ChildUnknown");
    }

    #[test]
    fn a_child_belongs_to_one_family() {
        let kim = given::<Child>([added()]).state;
        assert_eq!(kim.in_family(FAMILY), Ok(()));
        assert_eq!(kim.in_family(OTHERS), Err(Refusal::WrongFamily));
        assert_eq!(Child::default().in_family(FAMILY), Err(Refusal::WrongFamily));
        let removed = Event::from(ChildRemoved { deleted_at: day(1) });
        let gone = given::<Child>([added(), removed]).state;
        assert_eq!(gone.in_family(FAMILY), Err(Refusal::ChildGone));
    }
}
