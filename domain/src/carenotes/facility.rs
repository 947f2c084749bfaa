//! A facility: a home or another place of care that an organization runs, with room for so many.
//! (carenotes.aggregate.Facility, stream: facility id)
//!
//! It counts the residents in its care: whatever takes or frees a place is decided together with the
//! event that counts it here, so that no two admissions share the last place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Form;
use crate::{
    Decider, Imported, Moment, commands, events, refusals,
    text::{self, Text},
};

/// Opens a place of care. (carenotes.command.OpenFacility)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenFacility {
    /// Organization that runs it; needed.
    #[serde(default)]
    pub organization_id: Option<Uuid>,
    /// Name of the facility.
    pub name: Text<255>,
    /// Kind of care given there.
    #[serde(default)]
    pub r#type: Option<Text<50>>,
    /// How many residents it has room for; no limit if left out.
    #[serde(default)]
    pub capacity: Option<i32>,
    /// Postal address.
    #[serde(default)]
    pub address: Option<Form>,
    /// Whom to contact and how.
    #[serde(default)]
    pub contact_details: Option<Form>,
    /// Under what and where it is registered.
    #[serde(default)]
    pub registration_details: Option<Form>,
}

/// Changes a facility's details; what is absent stays, null clears.
/// (carenotes.command.UpdateFacilityDetails)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateFacilityDetails {
    /// Another name.
    pub name: Option<Text<255>>,
    /// Another kind of care.
    #[serde(deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// Another postal address.
    #[serde(deserialize_with = "text::some")]
    pub address: Option<Option<Form>>,
    /// Whom to contact and how, from now on.
    #[serde(deserialize_with = "text::some")]
    pub contact_details: Option<Option<Form>>,
}

/// Changes how many residents a facility has room for. (carenotes.command.ChangeFacilityCapacity)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeFacilityCapacity {
    /// How many; null for no limit. Those who live there stay, also where it is fewer than they are.
    pub capacity: Option<i32>,
}

/// Notes under what a facility is registered. (carenotes.command.RecordFacilityRegistration)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordFacilityRegistration {
    /// Under what and where; null for nothing.
    pub registration_details: Option<Form>,
}

/// Takes a place for a resident. Decided with an admission, a readmission or a move.
#[derive(Clone, Debug, PartialEq)]
pub struct TakePlace {
    /// The resident.
    pub resident_id: Uuid,
}

/// Frees a resident's place. Decided with a discharge, a death or a move.
#[derive(Clone, Debug, PartialEq)]
pub struct FreePlace {
    /// The resident.
    pub resident_id: Uuid,
}

commands! {
    /// What may be asked of a facility.
    pub enum Command {
        OpenFacility,
        UpdateFacilityDetails,
        ChangeFacilityCapacity,
        RecordFacilityRegistration,
        TakePlace,
        FreePlace,
    }
}

/// A place of care was opened. (carenotes.event.FacilityOpened)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityOpened {
    /// Organization that runs it.
    pub organization_id: Uuid,
    /// Name of the facility.
    pub name: Text<255>,
    /// Kind of care given there.
    pub r#type: Option<Text<50>>,
    /// How many residents it has room for.
    pub capacity: Option<i32>,
    /// Postal address.
    pub address: Option<Form>,
    /// Whom to contact and how.
    pub contact_details: Option<Form>,
    /// Under what and where it is registered.
    pub registration_details: Option<Form>,
}

/// A facility's details changed; only what changed is there. (carenotes.event.FacilityDetailsUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityDetailsUpdated {
    /// Name of the facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<255>>,
    /// Kind of care, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub r#type: Option<Option<Text<50>>>,
    /// Postal address, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub address: Option<Option<Form>>,
    /// Whom to contact and how, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub contact_details: Option<Option<Form>>,
}

/// A facility has room for another number of residents. (carenotes.event.FacilityCapacityChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityCapacityChanged {
    /// How many; null for no limit.
    pub capacity: Option<i32>,
}

/// It was noted under what a facility is registered. (carenotes.event.FacilityRegistrationRecorded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityRegistrationRecorded {
    /// Under what and where.
    pub registration_details: Option<Form>,
}

/// A resident has a place. Writes nothing. (carenotes.event.FacilityPlaceTaken)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityPlaceTaken {
    /// The resident.
    pub resident_id: Uuid,
    /// How many are in care now.
    pub residents_in_care: i32,
}

/// A resident's place is free again. Writes nothing. (carenotes.event.FacilityPlaceFreed)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FacilityPlaceFreed {
    /// The resident.
    pub resident_id: Uuid,
    /// How many are in care now.
    pub residents_in_care: i32,
}

events! {
    /// What happens to a facility.
    pub enum Event {
        FacilityOpened { contact_details: null },
        FacilityDetailsUpdated { contact_details: null },
        FacilityCapacityChanged,
        FacilityRegistrationRecorded,
        FacilityPlaceTaken,
        FacilityPlaceFreed,
    }
    Imported {
        FacilityImported from facilities at [id] { contact_details: null },
    }
}

refusals! {
    /// What a facility refuses.
    pub enum Refusal {
        /// carenotes.rule.facility.capacity
        FacilityFull { capacity: i32 } => "all {capacity} places of the facility are taken", at "facility_id", hint "change its capacity (carenotes.cmd.change_facility_capacity), or choose another facility";
        /// A capacity is positive (carenotes.rule.facility.capacity).
        CapacityNotPositive => "a facility has room for at least one resident; leave capacity out, or null, for no limit", at "capacity";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "a facility belongs to an organization", at "organization_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "staff open facilities of their own organization", at "organization_id";
        /// The facility is there.
        FacilityAlreadyOpened => "this facility was opened already";
        /// There is none.
        FacilityUnknown => "no such facility";
        /// A name says something.
        NameMissing => "a name is needed", at "name";
    }
}

/// Who runs the facility, and how many of its places are taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facility {
    /// Organization that runs it; nothing before it opens.
    pub organization_id: Option<Uuid>,
    /// How many residents it has room for; none for no limit.
    pub capacity: Option<i32>,
    /// How many are in care there.
    pub residents_in_care: i32,
}

impl Decider for Facility {
    const TYPE: &'static str = "carenotes.facility";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::OpenFacility(_) if self.organization_id.is_some() => {
                Err(Refusal::FacilityAlreadyOpened)
            }
            Command::OpenFacility(new) => Ok(vec![opened(new)?.into()]),
            _ if self.organization_id.is_none() => Err(Refusal::FacilityUnknown),
            Command::UpdateFacilityDetails(change) => updated(change),
            Command::ChangeFacilityCapacity(ChangeFacilityCapacity { capacity }) => {
                let event = FacilityCapacityChanged { capacity: room(capacity)? };
                Ok(if capacity == self.capacity { vec![] } else { vec![event.into()] })
            }
            Command::RecordFacilityRegistration(RecordFacilityRegistration {
                registration_details,
            }) => Ok(vec![FacilityRegistrationRecorded { registration_details }.into()]),
            Command::TakePlace(TakePlace { resident_id }) => match self.capacity {
                Some(capacity) if self.residents_in_care >= capacity => {
                    Err(Refusal::FacilityFull { capacity })
                }
                _ => {
                    let residents_in_care = self.residents_in_care + 1;
                    Ok(vec![FacilityPlaceTaken { resident_id, residents_in_care }.into()])
                }
            },
            Command::FreePlace(FreePlace { resident_id }) => {
                let residents_in_care = (self.residents_in_care - 1).max(0);
                Ok(vec![FacilityPlaceFreed { resident_id, residents_in_care }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::FacilityOpened(opened) => {
                self.organization_id = Some(opened.organization_id);
                self.capacity = opened.capacity;
            }
            Event::FacilityDetailsUpdated(_) | Event::FacilityRegistrationRecorded(_) => {}
            Event::FacilityCapacityChanged(changed) => self.capacity = changed.capacity,
            Event::FacilityPlaceTaken(taken) => self.residents_in_care = taken.residents_in_care,
            Event::FacilityPlaceFreed(freed) => self.residents_in_care = freed.residents_in_care,
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Facility {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.organization_id = row.get("organization_id");
        self.capacity = row.get("capacity");
        // Not a column: the import counts them over the residents' rows.
        self.residents_in_care = row.or_default("residents_in_care");
    }
}

fn opened(new: OpenFacility) -> Result<FacilityOpened, Refusal> {
    Ok(FacilityOpened {
        organization_id: new.organization_id.ok_or(Refusal::ReferenceRequired)?,
        name: named(new.name)?,
        r#type: new.r#type,
        capacity: room(new.capacity)?,
        address: new.address,
        contact_details: new.contact_details,
        registration_details: new.registration_details,
    })
}

fn updated(change: UpdateFacilityDetails) -> Result<Vec<Event>, Refusal> {
    let updated = FacilityDetailsUpdated {
        name: change.name.map(named).transpose()?,
        r#type: change.r#type,
        address: change.address,
        contact_details: change.contact_details,
    };
    let nothing = updated == FacilityDetailsUpdated::default();
    Ok(if nothing { vec![] } else { vec![updated.into()] })
}

fn room(capacity: Option<i32>) -> Result<Option<i32>, Refusal> {
    match capacity {
        Some(room) if room < 1 => Err(Refusal::CapacityNotPositive),
        _ => Ok(capacity),
    }
}

fn named(name: Text<255>) -> Result<Text<255>, Refusal> {
    if name.trim().is_empty() { Err(Refusal::NameMissing) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADA, BOB, given};

    const WILLOW: Uuid = Uuid::from_u128(0x3111);

    fn open() -> OpenFacility {
        OpenFacility {
            organization_id: Some(WILLOW),
            name: "Willow House".parse().unwrap(),
            r#type: None,
            capacity: Some(1),
            address: None,
            contact_details: None,
            registration_details: None,
        }
    }

    fn opened_with(capacity: Option<i32>) -> Event {
        opened(OpenFacility { capacity, ..open() }).unwrap().into()
    }

    #[test]
    fn a_facility_is_opened_once_by_an_organization_and_has_a_name() {
        given::<Facility>([])
            .when(OpenFacility { organization_id: None, ..open() })
            .refused("ReferenceRequired")
            .when(OpenFacility { name: Text::default(), ..open() })
            .refused("NameMissing")
            .when(open())
            .then([opened_with(Some(1))])
            .when(open())
            .refused("FacilityAlreadyOpened");
    }

    #[test]
    fn a_capacity_is_positive() {
        for capacity in [0, -1] {
            given::<Facility>([])
                .when(OpenFacility { capacity: Some(capacity), ..open() })
                .refused("CapacityNotPositive");
            given::<Facility>([opened_with(None)])
                .when(ChangeFacilityCapacity { capacity: Some(capacity) })
                .refused("CapacityNotPositive");
        }
    }

    #[test]
    fn the_last_place_is_taken_once_and_again_when_it_is_freed() {
        let taken = |resident_id| FacilityPlaceTaken { resident_id, residents_in_care: 1 };
        given::<Facility>([opened_with(Some(1))])
            .when(TakePlace { resident_id: ADA })
            .then([taken(ADA)])
            .when(TakePlace { resident_id: BOB })
            .refused("FacilityFull")
            .when(FreePlace { resident_id: ADA })
            .then([FacilityPlaceFreed { resident_id: ADA, residents_in_care: 0 }])
            .when(TakePlace { resident_id: BOB })
            .then([taken(BOB)]);
    }

    #[test]
    fn without_a_capacity_there_is_always_room() {
        let mut facility = given::<Facility>([opened_with(None)]);
        for nth in 1..=3 {
            let resident_id = Uuid::from_u128(nth);
            facility = facility.when(TakePlace { resident_id }).events().0;
        }
        assert_eq!(facility.state.residents_in_care, 3);
    }

    #[test]
    fn a_capacity_may_fall_below_those_who_live_there() {
        given::<Facility>([opened_with(None)])
            .when(TakePlace { resident_id: ADA })
            .events()
            .0
            .when(TakePlace { resident_id: BOB })
            .events()
            .0
            .when(ChangeFacilityCapacity { capacity: Some(1) })
            .then([FacilityCapacityChanged { capacity: Some(1) }])
            .when(ChangeFacilityCapacity { capacity: Some(1) })
            .then_nothing()
            .when(TakePlace { resident_id: Uuid::from_u128(3) })
            .refused("FacilityFull");
    }

    #[test]
    fn details_change_where_they_are_told_to() {
        let change = UpdateFacilityDetails { r#type: Some(None), ..Default::default() };
        let registration_details = Some(serde_json::json!({"cqc": "1-1"}));
        given::<Facility>([opened_with(None)])
            .when(change)
            .then([FacilityDetailsUpdated { r#type: Some(None), ..Default::default() }])
            .when(UpdateFacilityDetails::default())
            .then_nothing()
            .when(RecordFacilityRegistration { registration_details: registration_details.clone() })
            .then([FacilityRegistrationRecorded { registration_details }]);
        given::<Facility>([]).when(UpdateFacilityDetails::default()).refused("FacilityUnknown");
    }
}
