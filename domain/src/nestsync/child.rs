//! A family's child: added, kept up to date, removed, erased; with whom to call in an emergency.
//! (nestsync.aggregate.Child, stream: child id)

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::is_filled;
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

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
    #[serde(default, deserialize_with = "crate::time::dated")]
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
    #[serde(default, deserialize_with = "crate::time::some_dated")]
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

/// Erases what is known of a child. (nestsync.command.EraseChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseChild {}

/// Whom to call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The person's name.
    pub name: String,
    /// The person's telephone number.
    pub phone: String,
    /// What the person is to the child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship: Option<String>,
}

/// Says whom to call and what to know in an emergency. (nestsync.command.CreateEmergencyProfile)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEmergencyProfile {
    /// Whom to call, in this order; at least one.
    pub contacts: Vec<Contact>,
    /// Allergies.
    #[serde(default)]
    pub allergies: Vec<String>,
    /// Medical conditions.
    #[serde(default)]
    pub medical_conditions: Vec<String>,
    /// Medications.
    #[serde(default)]
    pub medications: Vec<String>,
    /// The child's physician.
    #[serde(default)]
    pub physician_name: Option<String>,
    /// The physician's telephone number.
    #[serde(default)]
    pub physician_phone: Option<String>,
    /// What to do.
    #[serde(default)]
    pub instructions: Option<String>,
}

/// Changes an emergency profile; what is absent stays, null clears.
/// (nestsync.command.UpdateEmergencyProfile)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateEmergencyProfile {
    /// Whom to call; at least one.
    #[serde(default)]
    pub contacts: Option<Vec<Contact>>,
    /// Allergies.
    #[serde(default)]
    pub allergies: Option<Vec<String>>,
    /// Medical conditions.
    #[serde(default)]
    pub medical_conditions: Option<Vec<String>>,
    /// Medications.
    #[serde(default)]
    pub medications: Option<Vec<String>>,
    /// The child's physician.
    #[serde(default, deserialize_with = "text::some")]
    pub physician_name: Option<Option<String>>,
    /// The physician's telephone number.
    #[serde(default, deserialize_with = "text::some")]
    pub physician_phone: Option<Option<String>>,
    /// What to do.
    #[serde(default, deserialize_with = "text::some")]
    pub instructions: Option<Option<String>>,
}

commands! {
    /// What may be asked of a child.
    pub enum Command {
        AddChild,
        UpdateChildProfile,
        RemoveChild,
        EraseChild,
        CreateEmergencyProfile,
        UpdateEmergencyProfile,
    }
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

/// What was known of a child is erased: in its profile and in notes on what it used; its emergency
/// profile is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildErased {
    /// When the child was taken out of the list, where it was in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
}

/// It was said whom to call and what to know in an emergency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyProfileCreated {
    /// The profile's id.
    pub profile_id: Uuid,
    /// Whose child it is.
    pub family_id: Uuid,
    /// Whom to call.
    pub contacts: Vec<Contact>,
    /// Allergies.
    pub allergies: Vec<String>,
    /// Medical conditions.
    pub medical_conditions: Vec<String>,
    /// Medications.
    pub medications: Vec<String>,
    /// The child's physician.
    pub physician_name: Option<String>,
    /// The physician's telephone number.
    pub physician_phone: Option<String>,
    /// What to do.
    pub instructions: Option<String>,
    /// Who wrote it.
    pub updated_by: Uuid,
}

/// An emergency profile changed; only what changed is there, and who changed it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyProfileUpdated {
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Vec<Contact>>,
    /// Allergies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allergies: Option<Vec<String>>,
    /// Medical conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medical_conditions: Option<Vec<String>>,
    /// Medications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medications: Option<Vec<String>>,
    /// The child's physician, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub physician_name: Option<Option<String>>,
    /// The physician's telephone number, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub physician_phone: Option<Option<String>>,
    /// What to do, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub instructions: Option<Option<String>>,
    /// Who changed it.
    pub updated_by: Uuid,
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
        ChildErased,
        EmergencyProfileCreated {
            contacts: list,
            allergies: list,
            medical_conditions: list,
            medications: list,
            physician_name: null,
            physician_phone: null,
            instructions: null,
        },
        EmergencyProfileUpdated {
            contacts: list,
            allergies: list,
            medical_conditions: list,
            medications: list,
            physician_name: null,
            physician_phone: null,
            instructions: null,
        },
    }
    Imported {
        ChildImported from children at [id] {
            first_name: text, last_name: null, date_of_birth: null, clothing_size: null,
            shoe_size: null, notes: null,
        },
        EmergencyProfileImported from emergency_profiles at [child_id] {
            contacts: list, allergies: list, medical_conditions: list, medications: list,
            physician_name: null, physician_phone: null, instructions: null,
        },
    }
}

refusals! {
    /// What a child refuses.
    pub enum Refusal {
        /// nestsync.rule.child.in_family
        WrongFamily => "this child belongs to another family", at "child_id";
        /// nestsync.rule.emergency.one
        EmergencyProfileExists => "this child has an emergency profile already",
            hint "change it (nestsync.cmd.update_emergency_profile)";
        /// An emergency profile says whom to call (nestsync.rule.emergency.one).
        ContactRequired => "at least one contact is needed, each with name and phone", at "contacts";
        /// There is no profile to change.
        EmergencyProfileUnknown => "this child has no emergency profile",
            hint "create it (nestsync.cmd.create_emergency_profile)";
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
    /// Whether what was known of it is erased.
    pub erased: bool,
    /// Whether it has an emergency profile.
    pub has_emergency_profile: bool,
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

    fn present(&self) -> Result<Uuid, Refusal> {
        match self.family_id {
            None => Err(Refusal::ChildUnknown),
            Some(_) if self.removed => Err(Refusal::ChildGone),
            Some(family_id) => Ok(family_id),
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
            Command::EraseChild(_) => self.erase(moment),
            Command::CreateEmergencyProfile(new) => self.create_profile(new, moment),
            Command::UpdateEmergencyProfile(change) => self.update_profile(change, moment),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ChildAdded(added) => self.family_id = Some(added.family_id),
            Event::ChildProfileUpdated(_) => {}
            Event::ChildRemoved(_) => self.removed = true,
            Event::ChildErased(_) => {
                self.removed = true;
                self.erased = true;
                self.has_emergency_profile = false;
            }
            Event::EmergencyProfileCreated(_) => self.has_emergency_profile = true,
            Event::EmergencyProfileUpdated(_) => {}
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Child {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        if row.table() == "emergency_profiles" {
            self.has_emergency_profile = true;
            return;
        }
        self.family_id = row.get("family_id");
        self.removed = row.has("deleted_at");
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

    fn erase(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match self.family_id {
            None => Err(Refusal::ChildUnknown),
            Some(_) if self.erased => Ok(vec![]),
            Some(_) => {
                let deleted_at = (!self.removed).then_some(moment.now);
                Ok(vec![ChildErased { deleted_at }.into()])
            }
        }
    }

    fn create_profile(
        &self,
        new: CreateEmergencyProfile,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let family_id = self.present()?;
        if self.has_emergency_profile {
            return Err(Refusal::EmergencyProfileExists);
        }
        let created = EmergencyProfileCreated {
            profile_id: moment.new_id(),
            family_id,
            contacts: contacts(new.contacts)?,
            allergies: new.allergies,
            medical_conditions: new.medical_conditions,
            medications: new.medications,
            physician_name: new.physician_name,
            physician_phone: new.physician_phone,
            instructions: new.instructions,
            updated_by: moment.actor,
        };
        Ok(vec![created.into()])
    }

    fn update_profile(
        &self,
        change: UpdateEmergencyProfile,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        if !self.has_emergency_profile {
            return Err(Refusal::EmergencyProfileUnknown);
        }
        if change == UpdateEmergencyProfile::default() {
            return Ok(vec![]);
        }
        let updated = EmergencyProfileUpdated {
            contacts: change.contacts.map(contacts).transpose()?,
            allergies: change.allergies,
            medical_conditions: change.medical_conditions,
            medications: change.medications,
            physician_name: change.physician_name,
            physician_phone: change.physician_phone,
            instructions: change.instructions,
            updated_by: moment.actor,
        };
        Ok(vec![updated.into()])
    }
}

fn contacts(contacts: Vec<Contact>) -> Result<Vec<Contact>, Refusal> {
    let reachable = |contact: &Contact| is_filled(&contact.name) && is_filled(&contact.phone);
    if contacts.is_empty() || !contacts.iter().all(reachable) {
        return Err(Refusal::ContactRequired);
    }
    Ok(contacts)
}

fn first_name(name: String) -> Result<String, Refusal> {
    if is_filled(&name) { Ok(name) } else { Err(Refusal::FirstNameBlank) }
}

#[cfg(test)]
mod tests;
