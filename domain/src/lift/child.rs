//! A child of an organisation: who looks after it, what its guardian consented to, where it is.
//!
//! Its number comes from the organisation, its rights as an actor from the
//! [`member`](super::member) of the same id.

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::rules::registered;
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

mod rules;

/// How consent was given. (lift.children.consent_type.check)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentType {
    /// By word of mouth.
    Verbal,
    /// On paper.
    Written,
    /// On a screen.
    Digital,
}

/// Registers a child with an organisation. (lift.command.RegisterChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterChild {
    /// The organisation.
    pub org_id: Uuid,
    /// The first name, and no other: one word or a hyphenated one.
    pub first_name: String,
    /// The date of birth, if known.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date_of_birth: Option<NaiveDate>,
    /// The year group.
    #[serde(default)]
    pub year_group: Option<String>,
    /// The class.
    #[serde(default)]
    pub class_name: Option<String>,
    /// Whoever of the staff looks after the child first of all.
    #[serde(default)]
    pub primary_practitioner_id: Option<Uuid>,
    /// The guardian's name.
    #[serde(default)]
    pub parent_guardian_name: Option<String>,
    /// The guardian's address.
    #[serde(default)]
    pub parent_guardian_email: Option<String>,
    /// The guardian's telephone number.
    #[serde(default)]
    pub parent_guardian_phone: Option<String>,
    /// Whatever else is worth knowing; the child may read it.
    #[serde(default)]
    pub additional_notes: Option<String>,
    /// The character that stands for the child; `default` if left out.
    #[serde(default)]
    pub avatar_character: Option<String>,
    /// The child's preferences; none if left out.
    #[serde(default)]
    pub preferences: Option<Map<String, Value>>,
}

/// Changes what is known of a child; what is left out stays. (lift.command.UpdateChildDetails)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateChildDetails {
    /// The first name, and no other: one word or a hyphenated one.
    #[serde(default)]
    pub first_name: Option<String>,
    /// The date of birth; null where it is not known.
    #[serde(default, deserialize_with = "crate::time::some_dated")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// The year group; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub year_group: Option<Option<String>>,
    /// The class; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub class_name: Option<Option<String>>,
    /// The guardian's name; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub parent_guardian_name: Option<Option<String>>,
    /// The guardian's address; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub parent_guardian_email: Option<Option<String>>,
    /// The guardian's telephone number; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub parent_guardian_phone: Option<Option<String>>,
    /// Whatever else is worth knowing; null for nothing.
    #[serde(default, deserialize_with = "text::some")]
    pub additional_notes: Option<Option<String>>,
}

/// Says who looks after a child first of all. (lift.command.AssignPrimaryPractitioner)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignPrimaryPractitioner {
    /// A Practitioner or GroupContact of the child's organisation.
    pub primary_practitioner_id: Uuid,
}

/// Records a guardian's consent. (lift.command.RecordConsent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordConsent {
    /// How it was given. Required.
    #[serde(default)]
    pub consent_type: Option<ConsentType>,
    /// When it was given; not in the future. Required.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub consent_date: Option<DateTime<Utc>>,
}

/// Takes consent back. (lift.command.WithdrawConsent)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawConsent {}

/// Writes the safeguarding notes anew. (lift.command.RecordSafeguardingNote)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSafeguardingNote {
    /// The notes, as they read from now on. Children never see them.
    pub safeguarding_notes: String,
}

/// Changes a child's preferences; what is left out stays. (lift.command.ChangeChildPreferences)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeChildPreferences {
    /// The character that stands for the child; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub avatar_character: Option<Option<String>>,
    /// The preferences, as they are from now on.
    #[serde(default)]
    pub preferences: Option<Map<String, Value>>,
}

/// Moves a child to another organisation. (lift.command.TransferChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferChild {
    /// The new organisation.
    pub org_id: Uuid,
    /// Whoever of its staff looks after the child first of all.
    #[serde(default)]
    pub primary_practitioner_id: Option<Uuid>,
}

/// Archives a child. (lift.command.ArchiveChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveChild {}

/// Forgets a child. (lift.command.EraseChild)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseChild {}

/// A registration with the number that the organisation gave out for it. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct EnrolChild {
    /// What was asked for.
    pub registration: RegisterChild,
    /// The child's number in its organisation.
    pub display_id: i32,
}

/// A transfer with the number that the new organisation gave out for it. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiveChild {
    /// What was asked for.
    pub transfer: TransferChild,
    /// The child's number in its new organisation.
    pub display_id: i32,
}

commands! {
    /// What may be asked of a child's record.
    pub enum Command {
        EnrolChild,
        UpdateChildDetails,
        AssignPrimaryPractitioner,
        RecordConsent,
        WithdrawConsent,
        RecordSafeguardingNote,
        ChangeChildPreferences,
        ReceiveChild,
        ArchiveChild,
        EraseChild,
    }
}

/// A child was registered; its profile with it. (lift.event.ChildRegistered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildRegistered {
    /// The organisation.
    pub org_id: Uuid,
    /// The child's number in the organisation. (lift.rule.child.number)
    pub display_id: i32,
    /// The day of registration, in UTC; ages are counted at it.
    pub registered_on: NaiveDate,
    /// The first name; the profile's name too.
    pub first_name: String,
    /// The date of birth, if known.
    pub date_of_birth: Option<NaiveDate>,
    /// The year group.
    pub year_group: Option<String>,
    /// The class.
    pub class_name: Option<String>,
    /// Whoever looks after the child first of all.
    pub primary_practitioner_id: Option<Uuid>,
    /// The guardian's name.
    pub parent_guardian_name: Option<String>,
    /// The guardian's address, in lower case.
    pub parent_guardian_email: Option<String>,
    /// The guardian's telephone number.
    pub parent_guardian_phone: Option<String>,
    /// Whatever else is worth knowing.
    pub additional_notes: Option<String>,
    /// The character that stands for the child.
    pub avatar_character: Option<String>,
    /// The child's preferences.
    pub preferences: Option<Map<String, Value>>,
}

/// What is known of a child changed. (lift.event.ChildDetailsUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildDetailsUpdated {
    /// The first name, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The date of birth, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// The year group, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub year_group: Option<Option<String>>,
    /// The class, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub class_name: Option<Option<String>>,
    /// The guardian's name, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub parent_guardian_name: Option<Option<String>>,
    /// The guardian's address in lower case, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub parent_guardian_email: Option<Option<String>>,
    /// The guardian's telephone number, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub parent_guardian_phone: Option<Option<String>>,
    /// Whatever else is worth knowing, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub additional_notes: Option<Option<String>>,
}

/// Somebody looks after the child first of all. (lift.event.PrimaryPractitionerAssigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrimaryPractitionerAssigned {
    /// Whoever it is.
    pub primary_practitioner_id: Uuid,
}

/// Consent was given. (lift.event.ConsentRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRecorded {
    /// How.
    pub consent_type: ConsentType,
    /// When.
    pub consent_date: DateTime<Utc>,
}

/// Consent was taken back. (lift.event.ConsentWithdrawn)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentWithdrawn {}

/// The safeguarding notes read anew. (lift.event.SafeguardingNoteRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SafeguardingNoteRecorded {
    /// The notes.
    pub safeguarding_notes: Option<String>,
}

/// A child's preferences changed. (lift.event.ChildPreferencesChanged)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildPreferencesChanged {
    /// The character that stands for the child, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub avatar_character: Option<Option<String>>,
    /// The preferences, if they changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub preferences: Option<Option<Map<String, Value>>>,
}

/// A child is in another organisation; its profile with it. (lift.event.ChildTransferred)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildTransferred {
    /// The new organisation.
    pub org_id: Uuid,
    /// The child's number in it.
    pub display_id: i32,
    /// Whoever of its staff looks after the child first of all.
    pub primary_practitioner_id: Option<Uuid>,
}

/// A child was archived; its profile with it. (lift.event.ChildArchived)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildArchived {}

/// A child was forgotten; its profile, check-ins, garden, stickers and alerts with it.
/// (lift.event.ChildErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildErased {}

events! {
    /// What happens to a child's record.
    pub enum Event {
        ChildRegistered {
            first_name: text,
            date_of_birth: null,
            year_group: null,
            class_name: null,
            parent_guardian_name: null,
            parent_guardian_email: null,
            parent_guardian_phone: null,
            additional_notes: null,
            avatar_character: null,
            preferences: null,
        },
        ChildDetailsUpdated {
            first_name: text,
            date_of_birth: null,
            year_group: null,
            class_name: null,
            parent_guardian_name: null,
            parent_guardian_email: null,
            parent_guardian_phone: null,
            additional_notes: null,
        },
        PrimaryPractitionerAssigned,
        ConsentRecorded,
        ConsentWithdrawn,
        SafeguardingNoteRecorded { safeguarding_notes: null },
        ChildPreferencesChanged { avatar_character: null, preferences: null },
        ChildTransferred,
        ChildArchived,
        ChildErased,
    }
    Imported {
        ChildImported from children at [id] {
            first_name: text, date_of_birth: null, year_group: null, class_name: null,
            parent_guardian_name: null, parent_guardian_email: null, parent_guardian_phone: null,
            safeguarding_notes: null, additional_notes: null, avatar_character: null,
            preferences: null,
        },
    }
}

refusals! {
    /// What a child's record refuses.
    pub enum Refusal {
        /// lift.rule.child.age
        ChildAgeOutOfRange => "a child is 5 to 11 years old on the day of registration", at "date_of_birth";
        /// lift.rule.child.minimal
        UnknownField => "a child goes by one first name: one word or a hyphenated one, of 1 to 60 characters", at "first_name";
        /// lift.rule.child.primary_practitioner
        PractitionerNotInOrganisation => "this is no active Practitioner or GroupContact of the child's organisation", at "primary_practitioner_id";
        /// lift.rule.consent.complete
        ConsentIncomplete => "consent comes with its kind and a time that is not in the future", hint "give consent_type and consent_date";
        /// lift.rule.consent.before_session
        ConsentMissing => "nobody consented for this child", hint "record consent first (lift.cmd.record_consent)";
        /// The child is registered.
        ChildAlreadyRegistered => "this child is registered already";
        /// The child is archived.
        ChildIsArchived => "this child is archived";
        /// The guardian's address is none.
        EmailMalformed => "this is not an e-mail address", at "parent_guardian_email";
    }
}

/// Consent that was given and not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// How it was given.
    pub consent_type: ConsentType,
    /// When it was given.
    pub consent_date: DateTime<Utc>,
}

/// Where a child is, and what it may take part in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Child {
    /// The organisation; none before the registration.
    pub org_id: Option<Uuid>,
    /// The day of registration.
    pub registered_on: Option<NaiveDate>,
    /// Whoever looks after the child first of all.
    pub primary_practitioner_id: Option<Uuid>,
    /// The consent in force.
    pub consent: Option<Consent>,
    /// The child is archived.
    pub archived: bool,
    /// The child is forgotten.
    pub erased: bool,
}

impl Child {
    /// That a check-in may start: somebody consented. (lift.rule.consent.before_session)
    ///
    /// # Errors
    /// [`Refusal::ConsentMissing`] where nobody did.
    pub fn may_check_in(&self) -> Result<(), Refusal> {
        if self.consent.is_some() { Ok(()) } else { Err(Refusal::ConsentMissing) }
    }
}

impl Decider for Child {
    const TYPE: &'static str = "lift.child";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::EnrolChild(_) if self.org_id.is_some() => Err(Refusal::ChildAlreadyRegistered),
            Command::EnrolChild(EnrolChild { registration, display_id }) => {
                let today = moment.now.date_naive();
                Ok(vec![registered(registration, display_id, today)?.into()])
            }
            Command::EraseChild(_) if self.erased => Ok(vec![]),
            Command::EraseChild(_) => Ok(vec![ChildErased {}.into()]),
            Command::ArchiveChild(_) if self.archived => Ok(vec![]),
            _ if self.archived => Err(Refusal::ChildIsArchived),
            Command::UpdateChildDetails(change) => self.update(change),
            Command::AssignPrimaryPractitioner(AssignPrimaryPractitioner {
                primary_practitioner_id,
            }) => {
                let same = self.primary_practitioner_id == Some(primary_practitioner_id);
                let event = PrimaryPractitionerAssigned { primary_practitioner_id };
                Ok(if same { vec![] } else { vec![event.into()] })
            }
            Command::RecordConsent(consent) => self.consent(&consent, moment.now),
            Command::WithdrawConsent(_) if self.consent.is_none() => Ok(vec![]),
            Command::WithdrawConsent(_) => Ok(vec![ConsentWithdrawn {}.into()]),
            Command::RecordSafeguardingNote(RecordSafeguardingNote { safeguarding_notes }) => {
                let safeguarding_notes = Some(safeguarding_notes);
                Ok(vec![SafeguardingNoteRecorded { safeguarding_notes }.into()])
            }
            Command::ChangeChildPreferences(ChangeChildPreferences {
                avatar_character,
                preferences,
            }) => {
                let preferences = preferences.map(Some);
                let changed = ChildPreferencesChanged { avatar_character, preferences };
                let same = changed == ChildPreferencesChanged::default();
                Ok(if same { vec![] } else { vec![changed.into()] })
            }
            Command::ReceiveChild(ReceiveChild { transfer, display_id }) => {
                let TransferChild { org_id, primary_practitioner_id } = transfer;
                Ok(vec![ChildTransferred { org_id, display_id, primary_practitioner_id }.into()])
            }
            Command::ArchiveChild(_) => Ok(vec![ChildArchived {}.into()]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ChildRegistered(registered) => {
                self.org_id = Some(registered.org_id);
                self.registered_on = Some(registered.registered_on);
                self.primary_practitioner_id = registered.primary_practitioner_id;
            }
            Event::ChildDetailsUpdated(_)
            | Event::SafeguardingNoteRecorded(_)
            | Event::ChildPreferencesChanged(_) => {}
            Event::PrimaryPractitionerAssigned(assigned) => {
                self.primary_practitioner_id = Some(assigned.primary_practitioner_id);
            }
            Event::ConsentRecorded(ConsentRecorded { consent_type, consent_date }) => {
                let (consent_type, consent_date) = (*consent_type, *consent_date);
                self.consent = Some(Consent { consent_type, consent_date });
            }
            Event::ConsentWithdrawn(_) => self.consent = None,
            Event::ChildTransferred(transferred) => {
                self.org_id = Some(transferred.org_id);
                self.primary_practitioner_id = transferred.primary_practitioner_id;
            }
            Event::ChildArchived(_) => self.archived = true,
            Event::ChildErased(_) => (self.archived, self.erased) = (true, true),
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
