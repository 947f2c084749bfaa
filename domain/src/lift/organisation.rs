//! An organisation: the tenant. It keeps the plan, the limits and what of them is in use.
//!
//! The places of children, staff and invitations are counted here, because the limits are: whatever
//! takes or frees a place elsewhere is decided together with the event that counts it here (F048).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use self::rules::{registered, updated};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

mod rules;

/// What kind of organisation it is. (lift.organisations.type.check)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationType {
    /// A primary school.
    SchoolPrimary,
    /// A secondary school.
    SchoolSecondary,
    /// Several schools under one roof.
    AcademyTrust,
    /// A private clinic.
    ClinicPrivate,
    /// A trust of the public health service.
    NhsTrust,
    /// A hospital.
    Hospital,
    /// A charity.
    Charity,
    /// Anything else.
    Other,
}

/// Whether an organisation is open. (lift.organisations.status.check)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationStatus {
    /// Open.
    #[default]
    Active,
    /// Switched off.
    Inactive,
    /// Open, on trial.
    Trial,
    /// Closed for now.
    Suspended,
}

/// What an organisation subscribes to. (lift.organisations.subscription_plan.check)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionPlan {
    /// The smallest.
    #[default]
    Essential,
    /// The middle one.
    Professional,
    /// The largest.
    Enterprise,
}

/// Limits of a new organisation, where none are given.
const MAX_CHILDREN: i32 = 50;
const MAX_PRACTITIONERS: i32 = 5;

/// Makes an organisation. (lift.command.RegisterOrganisation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterOrganisation {
    /// The name.
    pub name: String,
    /// The kind.
    pub r#type: OrganisationType,
    /// First line of the address.
    #[serde(default)]
    pub address_line_1: Option<String>,
    /// Second line of the address.
    #[serde(default)]
    pub address_line_2: Option<String>,
    /// The town.
    #[serde(default)]
    pub city: Option<String>,
    /// The postcode.
    #[serde(default)]
    pub postcode: Option<String>,
    /// The country; `UK` if left out, none if null.
    #[serde(default, deserialize_with = "text::some")]
    pub country: Option<Option<String>>,
    /// The telephone number.
    #[serde(default)]
    pub phone: Option<String>,
    /// The address for messages.
    #[serde(default)]
    pub email: Option<String>,
    /// The website.
    #[serde(default)]
    pub website: Option<String>,
    /// Whether it is open; `active` if left out.
    #[serde(default)]
    pub status: Option<OrganisationStatus>,
    /// The plan; `essential` if left out.
    #[serde(default)]
    pub subscription_plan: Option<SubscriptionPlan>,
    /// How many children it may have: 50 if left out, any number if null.
    #[serde(default, deserialize_with = "text::some")]
    pub max_children: Option<Option<i32>>,
    /// How many staff it may have: 5 if left out, any number if null.
    #[serde(default, deserialize_with = "text::some")]
    pub max_practitioners: Option<Option<i32>>,
    /// Its settings; none if left out.
    #[serde(default)]
    pub settings: Option<Map<String, Value>>,
}

/// Makes an organisation from an export; members and children follow by commands of their own.
/// (lift.command.ImportOrganisation, lift.ops.import-export)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportOrganisation {
    /// The exported row, without its id and its times.
    pub organisation: RegisterOrganisation,
}

/// Changes an organisation's details; what is left out stays.
/// (lift.command.UpdateOrganisationDetails)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOrganisationDetails {
    /// The new name.
    #[serde(default)]
    pub name: Option<String>,
    /// The new kind.
    #[serde(default)]
    pub r#type: Option<OrganisationType>,
    /// First line of the address; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub address_line_1: Option<Option<String>>,
    /// Second line of the address; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub address_line_2: Option<Option<String>>,
    /// The town; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub city: Option<Option<String>>,
    /// The postcode; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub postcode: Option<Option<String>>,
    /// The country; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub country: Option<Option<String>>,
    /// The telephone number; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub phone: Option<Option<String>>,
    /// The address for messages; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub email: Option<Option<String>>,
    /// The website; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub website: Option<Option<String>>,
}

/// Writes an organisation's settings anew. (lift.command.ChangeOrganisationSettings)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrganisationSettings {
    /// The settings, as they are from now on.
    pub settings: Map<String, Value>,
}

/// Changes what an organisation subscribes to. (lift.command.ChangeSubscriptionPlan)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSubscriptionPlan {
    /// The new plan.
    pub subscription_plan: SubscriptionPlan,
}

/// Changes an organisation's limits; what is left out stays. (lift.command.SetOrganisationLimits)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetOrganisationLimits {
    /// How many children it may have; null for any number.
    #[serde(default, deserialize_with = "text::some")]
    pub max_children: Option<Option<i32>>,
    /// How many staff it may have, invitations included; null for any number.
    #[serde(default, deserialize_with = "text::some")]
    pub max_practitioners: Option<Option<i32>>,
}

/// Closes an organisation for now. (lift.command.SuspendOrganisation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendOrganisation {}

/// Opens an organisation again. (lift.command.ReactivateOrganisation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateOrganisation {}

/// Switches an organisation off. (lift.command.DeactivateOrganisation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeactivateOrganisation {}

/// Archives an organisation. (lift.command.ArchiveOrganisation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveOrganisation {}

/// Takes the next number and a place for a child. Decided with a registration or a transfer.
#[derive(Clone, Debug, PartialEq)]
pub struct AllocateChildNumber {
    /// The child.
    pub child_id: Uuid,
}

/// Frees a child's place. Decided with an archive, an erasure or a transfer away.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeChildPlace {
    /// The child.
    pub child_id: Uuid,
}

/// Counts a member among the staff. Decided with whatever makes it active staff.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmitStaff {
    /// The member.
    pub member_id: Uuid,
    /// Whether the limit stands against it (lift.rule.organisation.max_practitioners).
    pub within_limit: bool,
}

/// Counts a member among the staff no more. Decided with whatever ends it.
#[derive(Clone, Debug, PartialEq)]
pub struct DismissStaff {
    /// The member.
    pub member_id: Uuid,
}

/// Keeps a place among the staff for an invitee. Decided with the invitation.
#[derive(Clone, Debug, PartialEq)]
pub struct ReserveInvitationPlace {
    /// The invitation.
    pub invitation_id: Uuid,
}

/// Keeps an invitee's place no more. Decided with whatever settles the invitation.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleaseInvitationPlace {
    /// The invitation.
    pub invitation_id: Uuid,
}

commands! {
    /// What may be asked of an organisation.
    pub enum Command {
        RegisterOrganisation,
        ImportOrganisation,
        UpdateOrganisationDetails,
        ChangeOrganisationSettings,
        ChangeSubscriptionPlan,
        SetOrganisationLimits,
        SuspendOrganisation,
        ReactivateOrganisation,
        DeactivateOrganisation,
        ArchiveOrganisation,
        AllocateChildNumber,
        FreeChildPlace,
        AdmitStaff,
        DismissStaff,
        ReserveInvitationPlace,
        ReleaseInvitationPlace,
    }
}

/// An organisation is there. (lift.event.OrganisationRegistered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationRegistered {
    /// The name.
    pub name: String,
    /// The kind.
    pub r#type: OrganisationType,
    /// First line of the address.
    pub address_line_1: Option<String>,
    /// Second line of the address.
    pub address_line_2: Option<String>,
    /// The town.
    pub city: Option<String>,
    /// The postcode.
    pub postcode: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// The address for messages.
    pub email: Option<String>,
    /// The website.
    pub website: Option<String>,
    /// Whether it is open.
    pub status: OrganisationStatus,
    /// The plan.
    pub subscription_plan: SubscriptionPlan,
    /// How many children it may have; null for any number.
    pub max_children: Option<i32>,
    /// How many staff it may have; null for any number.
    pub max_practitioners: Option<i32>,
    /// Its settings.
    pub settings: Map<String, Value>,
}

/// An organisation's details changed. (lift.event.OrganisationDetailsUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationDetailsUpdated {
    /// The new name, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new kind, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<OrganisationType>,
    /// First line of the address, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub address_line_1: Option<Option<String>>,
    /// Second line of the address, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub address_line_2: Option<Option<String>>,
    /// The town, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub city: Option<Option<String>>,
    /// The postcode, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub postcode: Option<Option<String>>,
    /// The country, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub country: Option<Option<String>>,
    /// The telephone number, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub phone: Option<Option<String>>,
    /// The address for messages, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// The website, if it changed.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub website: Option<Option<String>>,
}

/// An organisation's settings read anew. (lift.event.OrganisationSettingsChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationSettingsChanged {
    /// The settings.
    pub settings: Map<String, Value>,
}

/// An organisation subscribes to something else. (lift.event.SubscriptionPlanChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionPlanChanged {
    /// The new plan.
    pub subscription_plan: SubscriptionPlan,
}

/// An organisation has other limits. (lift.event.OrganisationLimitsSet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationLimitsSet {
    /// How many children it may have; null for any number.
    pub max_children: Option<i32>,
    /// How many staff it may have; null for any number.
    pub max_practitioners: Option<i32>,
}

/// An organisation is closed for now. (lift.event.OrganisationSuspended)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationSuspended {}

/// An organisation is open again. (lift.event.OrganisationReactivated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationReactivated {}

/// An organisation was switched off. (lift.event.OrganisationDeactivated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationDeactivated {}

/// An organisation was archived. (lift.event.OrganisationArchived)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationArchived {}

/// A child has a number and a place. Writes nothing. (lift.event.ChildNumberAllocated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildNumberAllocated {
    /// The child.
    pub child_id: Uuid,
    /// Its number, given out once and never again. (lift.rule.child.number)
    pub display_id: i32,
    /// How many places of children are taken now.
    pub children: i32,
}

/// A child's place is free again; its number is not. Writes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildPlaceFreed {
    /// The child.
    pub child_id: Uuid,
    /// How many places of children are taken now.
    pub children: i32,
}

/// A member counts among the staff. Writes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffAdmitted {
    /// The member.
    pub member_id: Uuid,
    /// How many count now.
    pub staff: i32,
}

/// A member counts among the staff no more. Writes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffDismissed {
    /// The member.
    pub member_id: Uuid,
    /// How many count now.
    pub staff: i32,
}

/// An invitee has a place among the staff. Writes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationPlaceReserved {
    /// The invitation.
    pub invitation_id: Uuid,
    /// How many invitations are pending now.
    pub pending_invitations: i32,
}

/// An invitee's place is kept no more. Writes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationPlaceReleased {
    /// The invitation.
    pub invitation_id: Uuid,
    /// How many invitations are pending now.
    pub pending_invitations: i32,
}

events! {
    /// What happens to an organisation.
    pub enum Event {
        OrganisationRegistered { phone: null, email: null },
        OrganisationDetailsUpdated { phone: null, email: null },
        OrganisationSettingsChanged,
        SubscriptionPlanChanged,
        OrganisationLimitsSet,
        OrganisationSuspended,
        OrganisationReactivated,
        OrganisationDeactivated,
        OrganisationArchived,
        ChildNumberAllocated,
        ChildPlaceFreed,
        StaffAdmitted,
        StaffDismissed,
        InvitationPlaceReserved,
        InvitationPlaceReleased,
    }
    Imported {
        OrganisationImported from organisations at [id] { phone: null, email: null },
    }
}

refusals! {
    /// What an organisation refuses.
    pub enum Refusal {
        /// lift.rule.organisation.open
        OrganisationNotOpen => "the organisation is suspended or switched off", hint "an Account can reactivate it";
        /// lift.rule.organisation.max_children
        ChildLimitReached { most: i32 } => "the organisation has all the {most} children it may have", hint "archive a child, or have an Account raise max_children";
        /// lift.rule.organisation.max_practitioners
        PractitionerLimitReached { most: i32 } => "staff and pending invitations have reached the {most} that the organisation may have", hint "revoke an invitation, or have an Account raise max_practitioners";
        /// lift.rule.organisation.limits_floor
        LimitBelowUse { least: i32 } => "a limit is at least what is in use, and positive: {least} here";
        /// The organisation is there.
        OrganisationAlreadyRegistered => "this organisation is registered already";
        /// The organisation is archived.
        OrganisationIsArchived => "this organisation is archived";
        /// A name is not blank.
        NameMissing => "a name is needed", at "name";
        /// The address for messages is none.
        EmailMalformed => "this is not an e-mail address", at "email";
    }
}

/// An organisation's standing, its limits, and what of them is in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Organisation {
    /// It is there.
    pub registered: bool,
    /// Whether it is open.
    pub status: OrganisationStatus,
    /// It is archived.
    pub archived: bool,
    /// The plan.
    pub subscription_plan: SubscriptionPlan,
    /// How many children it may have; none for any number.
    pub max_children: Option<i32>,
    /// How many staff it may have; none for any number.
    pub max_practitioners: Option<i32>,
    /// Children that are not archived.
    pub children: i32,
    /// The highest number given to a child.
    pub last_display_id: i32,
    /// Active Practitioners and GroupContacts.
    pub staff: i32,
    /// Invitations that are neither accepted nor revoked nor lapsed.
    pub pending_invitations: i32,
}

impl Organisation {
    /// That its members may issue commands. (lift.rule.organisation.open)
    ///
    /// # Errors
    /// [`Refusal::OrganisationNotOpen`] while it is suspended, switched off or archived.
    pub fn open(&self) -> Result<(), Refusal> {
        let open = matches!(self.status, OrganisationStatus::Active | OrganisationStatus::Trial);
        if self.registered && open && !self.archived {
            Ok(())
        } else {
            Err(Refusal::OrganisationNotOpen)
        }
    }
}

impl Decider for Organisation {
    const TYPE: &'static str = "lift.organisation";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        use OrganisationStatus::{Active, Inactive, Suspended};
        match command {
            Command::RegisterOrganisation(new)
            | Command::ImportOrganisation(ImportOrganisation { organisation: new }) => {
                if self.registered {
                    return Err(Refusal::OrganisationAlreadyRegistered);
                }
                Ok(vec![registered(new)?.into()])
            }
            Command::FreeChildPlace(FreeChildPlace { child_id }) => {
                let children = (self.children - 1).max(0);
                Ok(vec![ChildPlaceFreed { child_id, children }.into()])
            }
            Command::DismissStaff(DismissStaff { member_id }) => {
                let staff = (self.staff - 1).max(0);
                Ok(vec![StaffDismissed { member_id, staff }.into()])
            }
            Command::ReleaseInvitationPlace(ReleaseInvitationPlace { invitation_id }) => {
                let pending_invitations = (self.pending_invitations - 1).max(0);
                Ok(vec![InvitationPlaceReleased { invitation_id, pending_invitations }.into()])
            }
            Command::ArchiveOrganisation(_) if self.archived => Ok(vec![]),
            _ if self.archived => Err(Refusal::OrganisationIsArchived),
            Command::UpdateOrganisationDetails(change) => updated(change),
            Command::ChangeOrganisationSettings(ChangeOrganisationSettings { settings }) => {
                Ok(vec![OrganisationSettingsChanged { settings }.into()])
            }
            Command::ChangeSubscriptionPlan(ChangeSubscriptionPlan { subscription_plan }) => {
                let same = self.subscription_plan == subscription_plan;
                let event = SubscriptionPlanChanged { subscription_plan };
                Ok(if same { vec![] } else { vec![event.into()] })
            }
            Command::SetOrganisationLimits(limits) => self.limit(&limits),
            Command::SuspendOrganisation(_) => Ok(self.turn(Suspended, OrganisationSuspended {})),
            Command::ReactivateOrganisation(_) => Ok(self.turn(Active, OrganisationReactivated {})),
            Command::DeactivateOrganisation(_) => {
                Ok(self.turn(Inactive, OrganisationDeactivated {}))
            }
            Command::ArchiveOrganisation(_) => Ok(vec![OrganisationArchived {}.into()]),
            Command::AllocateChildNumber(AllocateChildNumber { child_id }) => {
                self.allocate(child_id)
            }
            Command::AdmitStaff(AdmitStaff { member_id, within_limit }) => {
                if within_limit {
                    self.room_for_staff()?;
                }
                Ok(vec![StaffAdmitted { member_id, staff: self.staff + 1 }.into()])
            }
            Command::ReserveInvitationPlace(ReserveInvitationPlace { invitation_id }) => {
                self.room_for_staff()?;
                let pending_invitations = self.pending_invitations + 1;
                Ok(vec![InvitationPlaceReserved { invitation_id, pending_invitations }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::OrganisationRegistered(new) => {
                self.registered = true;
                self.status = new.status;
                self.subscription_plan = new.subscription_plan;
                self.max_children = new.max_children;
                self.max_practitioners = new.max_practitioners;
            }
            Event::OrganisationDetailsUpdated(_) | Event::OrganisationSettingsChanged(_) => {}
            Event::SubscriptionPlanChanged(changed) => {
                self.subscription_plan = changed.subscription_plan;
            }
            Event::OrganisationLimitsSet(set) => {
                self.max_children = set.max_children;
                self.max_practitioners = set.max_practitioners;
            }
            Event::OrganisationSuspended(_) => self.status = OrganisationStatus::Suspended,
            Event::OrganisationReactivated(_) => self.status = OrganisationStatus::Active,
            Event::OrganisationDeactivated(_) => self.status = OrganisationStatus::Inactive,
            Event::OrganisationArchived(_) => self.archived = true,
            Event::ChildNumberAllocated(allocated) => {
                self.last_display_id = allocated.display_id;
                self.children = allocated.children;
            }
            Event::ChildPlaceFreed(freed) => self.children = freed.children,
            Event::StaffAdmitted(admitted) => self.staff = admitted.staff,
            Event::StaffDismissed(dismissed) => self.staff = dismissed.staff,
            Event::InvitationPlaceReserved(reserved) => {
                self.pending_invitations = reserved.pending_invitations;
            }
            Event::InvitationPlaceReleased(released) => {
                self.pending_invitations = released.pending_invitations;
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
