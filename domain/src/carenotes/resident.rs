//! A resident: admitted to a facility, moved, discharged or deceased, perhaps admitted again; and what
//! staff need to know of them. (carenotes.aggregate.Resident, stream: resident id)

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Form, calendar, ciphertext::Envelope};
use crate::{
    Decider, Imported, Moment, commands, events, refusals,
    text::{self, Text},
};

/// Whether somebody is in care. (carenotes.rule.resident.stay)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In care.
    Admitted,
    /// Left; may come back.
    Discharged,
    /// Died.
    Deceased,
}

/// Takes somebody into care. (carenotes.command.AdmitResident)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitResident {
    /// Facility the resident will live in; needed.
    #[serde(default)]
    pub facility_id: Option<Uuid>,
    /// First name.
    #[serde(default)]
    pub first_name: Option<Text<100>>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<Text<100>>,
    /// Birthday.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub date_of_birth: Option<NaiveDate>,
    /// NHS number; spaces do not matter.
    #[serde(default)]
    pub nhs_number: Option<Text<50>>,
    /// Room in the facility.
    #[serde(default)]
    pub room_number: Option<Text<50>>,
    /// First day of the stay; today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub admission_date: Option<NaiveDate>,
    /// Medical facts that staff work with.
    #[serde(default)]
    pub medical_details: Option<Form>,
    /// Whom to contact about the resident, and how.
    #[serde(default)]
    pub contact_details: Option<Form>,
    /// What the resident likes and dislikes.
    #[serde(default)]
    pub preferences: Option<Form>,
}

/// Changes who a resident is known to be; what is absent stays, null clears.
/// (carenotes.command.UpdateResidentDetails)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateResidentDetails {
    /// Another first name.
    #[serde(deserialize_with = "text::some")]
    pub first_name: Option<Option<Text<100>>>,
    /// Another last name.
    #[serde(deserialize_with = "text::some")]
    pub last_name: Option<Option<Text<100>>>,
    /// Another birthday.
    #[serde(default, deserialize_with = "crate::time::some_dated")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// Another NHS number; spaces do not matter.
    #[serde(deserialize_with = "text::some")]
    pub nhs_number: Option<Option<Text<50>>>,
    /// Whom to contact, and how, from now on.
    #[serde(deserialize_with = "text::some")]
    pub contact_details: Option<Option<Form>>,
}

/// Moves a resident to another facility of the organization, or to another room.
/// (carenotes.command.MoveResident)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MoveResident {
    /// Facility to live in from today; the same, if left out.
    pub facility_id: Option<Uuid>,
    /// Room there.
    pub room_number: Option<Text<50>>,
}

/// Writes a resident's medical facts anew. (carenotes.command.RecordMedicalDetails)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordMedicalDetails {
    /// The facts, as they are from now on; null for none.
    pub medical_details: Option<Form>,
}

/// Keeps notes that the application encrypted under the resident's key.
/// (carenotes.command.RecordMedicalNotes)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordMedicalNotes {
    /// The notes in the platform's envelope, never in clear.
    #[schemars(with = "Envelope")]
    pub encrypted_medical_notes: Form,
}

/// Writes anew what a resident likes and dislikes. (carenotes.command.RecordResidentPreferences)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordResidentPreferences {
    /// The preferences, as they are from now on; null for none.
    pub preferences: Option<Form>,
}

/// Ends a stay. (carenotes.command.DischargeResident)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DischargeResident {
    /// Last day of the stay; today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub discharge_date: Option<NaiveDate>,
}

/// Notes that a resident died. (carenotes.command.RecordResidentDeath)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecordResidentDeath {
    /// Day of death, the last of the stay; today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub discharge_date: Option<NaiveDate>,
}

/// Takes somebody who was discharged into care again. (carenotes.command.ReadmitResident)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadmitResident {
    /// Facility the resident will live in; the last one, if left out.
    pub facility_id: Option<Uuid>,
    /// Room there.
    pub room_number: Option<Text<50>>,
    /// First day of the new stay; today, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub admission_date: Option<NaiveDate>,
}

/// Erases what is known of a resident. (carenotes.command.EraseResident)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseResident {}

commands! {
    /// What may be asked of a resident.
    pub enum Command {
        AdmitResident,
        UpdateResidentDetails,
        MoveResident,
        RecordMedicalDetails,
        RecordMedicalNotes,
        RecordResidentPreferences,
        DischargeResident,
        RecordResidentDeath,
        ReadmitResident,
        EraseResident,
    }
}

/// Somebody is in care. (carenotes.event.ResidentAdmitted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentAdmitted {
    /// Facility the resident lives in.
    pub facility_id: Uuid,
    /// First name.
    pub first_name: Option<Text<100>>,
    /// Last name.
    pub last_name: Option<Text<100>>,
    /// Birthday.
    pub date_of_birth: Option<NaiveDate>,
    /// NHS number, without spaces.
    pub nhs_number: Option<Text<50>>,
    /// Room in the facility.
    pub room_number: Option<Text<50>>,
    /// First day of the stay.
    pub admission_date: NaiveDate,
    /// In care.
    pub status: Status,
    /// Medical facts that staff work with.
    pub medical_details: Option<Form>,
    /// Whom to contact about the resident, and how.
    pub contact_details: Option<Form>,
    /// What the resident likes and dislikes.
    pub preferences: Option<Form>,
}

/// A resident is known to be somebody else; only what changed is there.
/// (carenotes.event.ResidentDetailsUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentDetailsUpdated {
    /// First name, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub first_name: Option<Option<Text<100>>>,
    /// Last name, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub last_name: Option<Option<Text<100>>>,
    /// Birthday, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub date_of_birth: Option<Option<NaiveDate>>,
    /// NHS number, without spaces, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub nhs_number: Option<Option<Text<50>>>,
    /// Whom to contact and how, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub contact_details: Option<Option<Form>>,
}

/// A resident lives somewhere else. (carenotes.event.ResidentMoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentMoved {
    /// Facility the resident lives in.
    pub facility_id: Uuid,
    /// Room there.
    pub room_number: Option<Text<50>>,
    /// Day of the move.
    pub moved_on: NaiveDate,
}

/// A resident's medical facts read anew. (carenotes.event.MedicalDetailsRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MedicalDetailsRecorded {
    /// The facts.
    pub medical_details: Option<Form>,
}

/// Encrypted notes on a resident were kept. (carenotes.event.MedicalNotesRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MedicalNotesRecorded {
    /// The envelope's bytes, as `bytea` reads them: `\x` and hexadecimal digits.
    pub encrypted_medical_notes: Option<String>,
}

/// What a resident likes and dislikes reads anew. (carenotes.event.ResidentPreferencesRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentPreferencesRecorded {
    /// The preferences.
    pub preferences: Option<Form>,
}

/// A resident left. (carenotes.event.ResidentDischarged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentDischarged {
    /// Left.
    pub status: Status,
    /// Last day of the stay.
    pub discharge_date: NaiveDate,
}

/// A resident died. (carenotes.event.ResidentDied)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentDied {
    /// Died.
    pub status: Status,
    /// Day of death.
    pub discharge_date: NaiveDate,
}

/// Somebody is in care again. (carenotes.event.ResidentReadmitted)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentReadmitted {
    /// In care.
    pub status: Status,
    /// Facility the resident lives in.
    pub facility_id: Uuid,
    /// Room there.
    pub room_number: Option<Text<50>>,
    /// First day of the new stay.
    pub admission_date: NaiveDate,
    /// None: the stay has no end yet.
    pub discharge_date: Option<NaiveDate>,
}

/// What was known of a resident is erased: here, and in all that was written about them.
/// (carenotes.event.ResidentErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidentErased {}

events! {
    /// What happens to a resident.
    pub enum Event {
        ResidentAdmitted {
            first_name: null,
            last_name: null,
            date_of_birth: null,
            nhs_number: null,
            room_number: null,
            medical_details: null,
            contact_details: null,
            preferences: null,
        },
        ResidentDetailsUpdated {
            first_name: null,
            last_name: null,
            date_of_birth: null,
            nhs_number: null,
            contact_details: null,
        },
        ResidentMoved { room_number: null },
        MedicalDetailsRecorded { medical_details: null },
        MedicalNotesRecorded { encrypted_medical_notes: null },
        ResidentPreferencesRecorded { preferences: null },
        ResidentDischarged,
        ResidentDied,
        ResidentReadmitted { room_number: null },
        ResidentErased,
    }
    Imported {
        ResidentImported from residents at [id] {
            first_name: null, last_name: null, date_of_birth: null, nhs_number: null,
            room_number: null, medical_details: null, contact_details: null, preferences: null,
            encrypted_medical_notes: null,
        },
    }
}

refusals! {
    /// What a resident refuses.
    pub enum Refusal {
        /// carenotes.rule.resident.stay
        ResidentTransitionRefused { is: &'static str } => "the resident {is}", hint "admitted residents move, leave or die; discharged ones can be readmitted; death is final";
        /// carenotes.rule.resident.dates
        DischargeBeforeAdmission { admission_date: NaiveDate } => "the stay began on {admission_date}", at "discharge_date";
        /// carenotes.rule.notes.ciphertext
        NotCiphertext => "notes are kept as ciphertext only, in the envelope {{version, key_id, nonce, data}}", at "encrypted_medical_notes", hint "encrypt them under the resident's key; nonce and data are Base64";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "a resident lives in a facility", at "facility_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "this facility is another organization's", at "facility_id";
        /// The resident is there.
        ResidentAlreadyAdmitted => "this resident was admitted already", hint "readmit a resident who left (carenotes.cmd.readmit_resident)";
        /// There is none.
        ResidentUnknown => "no such resident";
    }
}

/// A facility lived in, from when to when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Where.
    pub facility_id: Uuid,
    /// First day there.
    pub from: NaiveDate,
    /// Last day there; none while it lasts.
    pub until: Option<NaiveDate>,
}

impl Stay {
    fn includes(&self, day: NaiveDate) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// Where somebody lived, from when to when, and whether they are in care.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resident {
    /// Whether in care; nothing before the admission.
    pub status: Option<Status>,
    /// First day of the present or last stay, whatever moves there were in it.
    pub admission_date: Option<NaiveDate>,
    /// Where the resident lived, in order; the last is where they live, or lived last.
    pub stays: Vec<Stay>,
    /// What was known of the resident is erased.
    pub erased: bool,
}

impl Resident {
    /// The facility the resident lives in, or lived in last.
    #[must_use]
    pub fn facility_id(&self) -> Option<Uuid> {
        self.stays.last().map(|stay| stay.facility_id)
    }

    /// Whether the resident was in care on a day, which has begun. (carenotes.rule.record.in_stay)
    #[must_use]
    pub fn was_in_care(&self, day: NaiveDate, moment: &Moment) -> bool {
        day <= calendar::day(moment.now) && self.stays.iter().any(|stay| stay.includes(day))
    }

    /// Whether the resident lives in a facility, or did on that day.
    /// (carenotes.rule.incident.same_facility)
    #[must_use]
    pub fn lived_in(&self, facility_id: Uuid, day: NaiveDate) -> bool {
        let lives =
            self.status == Some(Status::Admitted) && self.facility_id() == Some(facility_id);
        let here = |stay: &Stay| stay.facility_id == facility_id && stay.includes(day);
        lives || self.stays.iter().any(here)
    }

    /// That the resident is in care, and since when.
    fn in_care(&self) -> Result<NaiveDate, Refusal> {
        match (self.status, self.admission_date) {
            (Some(Status::Admitted), Some(since)) => Ok(since),
            (None, _) | (_, None) => Err(Refusal::ResidentUnknown),
            (Some(status), Some(_)) => Err(refused(status)),
        }
    }
}

impl Decider for Resident {
    const TYPE: &'static str = "carenotes.resident";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::AdmitResident(_) if self.status.is_some() => {
                Err(Refusal::ResidentAlreadyAdmitted)
            }
            Command::AdmitResident(new) => Ok(vec![admitted(new, moment)?.into()]),
            _ if self.status.is_none() => Err(Refusal::ResidentUnknown),
            Command::UpdateResidentDetails(change) => Ok(updated(change)),
            Command::MoveResident(to) => self.moves(to, moment),
            Command::RecordMedicalDetails(RecordMedicalDetails { medical_details }) => {
                Ok(vec![MedicalDetailsRecorded { medical_details }.into()])
            }
            Command::RecordMedicalNotes(notes) => Ok(vec![kept(&notes)?.into()]),
            Command::RecordResidentPreferences(RecordResidentPreferences { preferences }) => {
                Ok(vec![ResidentPreferencesRecorded { preferences }.into()])
            }
            Command::DischargeResident(DischargeResident { discharge_date }) => {
                let discharge_date = self.last_day(discharge_date, moment)?;
                let status = Status::Discharged;
                Ok(vec![ResidentDischarged { status, discharge_date }.into()])
            }
            Command::RecordResidentDeath(RecordResidentDeath { discharge_date }) => {
                let discharge_date = self.last_day(discharge_date, moment)?;
                Ok(vec![ResidentDied { status: Status::Deceased, discharge_date }.into()])
            }
            Command::ReadmitResident(back) => self.readmits(back, moment),
            Command::EraseResident(_) if self.erased => Ok(vec![]),
            Command::EraseResident(_) => Ok(vec![ResidentErased {}.into()]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ResidentAdmitted(admitted) => {
                self.begins(admitted.facility_id, admitted.admission_date);
            }
            Event::ResidentMoved(moved) if self.facility_id() != Some(moved.facility_id) => {
                self.ends(moved.moved_on);
                let (facility_id, from) = (moved.facility_id, moved.moved_on);
                self.stays.push(Stay { facility_id, from, until: None });
            }
            Event::ResidentMoved(_)
            | Event::ResidentDetailsUpdated(_)
            | Event::MedicalDetailsRecorded(_)
            | Event::MedicalNotesRecorded(_)
            | Event::ResidentPreferencesRecorded(_) => {}
            Event::ResidentDischarged(discharged) => {
                self.status = Some(discharged.status);
                self.ends(discharged.discharge_date);
            }
            Event::ResidentDied(died) => {
                self.status = Some(died.status);
                self.ends(died.discharge_date);
            }
            Event::ResidentReadmitted(back) => self.begins(back.facility_id, back.admission_date),
            Event::ResidentErased(_) => self.erased = true,
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Resident {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.status = row.get("status");
        self.admission_date = row.get("admission_date");
        let stay = row.get("facility_id").zip(self.admission_date);
        self.stays.extend(stay.map(|(facility_id, from)| Stay {
            facility_id,
            from,
            until: row.get("discharge_date"),
        }));
    }
}

impl Resident {
    fn moves(&self, to: MoveResident, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.in_care()?;
        if to == MoveResident::default() {
            return Ok(vec![]);
        }
        let facility_id = to.facility_id.or(self.facility_id());
        let facility_id = facility_id.ok_or(Refusal::ReferenceRequired)?;
        let moved_on = calendar::day(moment.now);
        Ok(vec![ResidentMoved { facility_id, room_number: to.room_number, moved_on }.into()])
    }

    /// The last day of the present stay.
    fn last_day(&self, day: Option<NaiveDate>, moment: &Moment) -> Result<NaiveDate, Refusal> {
        let admission_date = self.in_care()?;
        let day = day.unwrap_or_else(|| calendar::day(moment.now));
        if day < admission_date {
            return Err(Refusal::DischargeBeforeAdmission { admission_date });
        }
        Ok(day)
    }

    fn readmits(&self, back: ReadmitResident, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match self.status {
            Some(Status::Discharged) => {}
            Some(other) => return Err(refused(other)),
            None => return Err(Refusal::ResidentUnknown),
        }
        let facility_id = back.facility_id.or(self.facility_id());
        let readmitted = ResidentReadmitted {
            status: Status::Admitted,
            facility_id: facility_id.ok_or(Refusal::ReferenceRequired)?,
            room_number: back.room_number,
            admission_date: back.admission_date.unwrap_or_else(|| calendar::day(moment.now)),
            discharge_date: None,
        };
        Ok(vec![readmitted.into()])
    }

    fn begins(&mut self, facility_id: Uuid, from: NaiveDate) {
        self.status = Some(Status::Admitted);
        self.admission_date = Some(from);
        self.stays.push(Stay { facility_id, from, until: None });
    }

    fn ends(&mut self, day: NaiveDate) {
        if let Some(stay) = self.stays.last_mut() {
            stay.until = Some(day);
        }
    }
}

const fn refused(status: Status) -> Refusal {
    let is = match status {
        Status::Admitted => "is in care",
        Status::Discharged => "was discharged",
        Status::Deceased => "has died",
    };
    Refusal::ResidentTransitionRefused { is }
}

fn admitted(new: AdmitResident, moment: &Moment) -> Result<ResidentAdmitted, Refusal> {
    Ok(ResidentAdmitted {
        facility_id: new.facility_id.ok_or(Refusal::ReferenceRequired)?,
        first_name: new.first_name,
        last_name: new.last_name,
        date_of_birth: new.date_of_birth,
        nhs_number: new.nhs_number.map(spaceless),
        room_number: new.room_number,
        admission_date: new.admission_date.unwrap_or_else(|| calendar::day(moment.now)),
        status: Status::Admitted,
        medical_details: new.medical_details,
        contact_details: new.contact_details,
        preferences: new.preferences,
    })
}

fn updated(change: UpdateResidentDetails) -> Vec<Event> {
    let updated = ResidentDetailsUpdated {
        first_name: change.first_name,
        last_name: change.last_name,
        date_of_birth: change.date_of_birth,
        nhs_number: change.nhs_number.map(|number| number.map(spaceless)),
        contact_details: change.contact_details,
    };
    if updated == ResidentDetailsUpdated::default() { vec![] } else { vec![updated.into()] }
}

/// An NHS number as it is stored. (carenotes.rule.resident.nhs_number)
fn spaceless(number: Text<50>) -> Text<50> {
    let digits: String = number.split_whitespace().collect();
    Text::new(digits).unwrap_or(number)
}

fn kept(notes: &RecordMedicalNotes) -> Result<MedicalNotesRecorded, Refusal> {
    let envelope = Envelope::of(&notes.encrypted_medical_notes).ok_or(Refusal::NotCiphertext)?;
    let column = envelope.column().map_err(|_| Refusal::NotCiphertext)?;
    Ok(MedicalNotesRecorded { encrypted_medical_notes: Some(column) })
}

#[cfg(test)]
mod tests;
