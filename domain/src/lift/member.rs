//! A person's place on the platform: in a role, in an organisation or none, active or not.
//!
//! Children have such a place too. It is opened, moved and closed together with what happens to the
//! [`child`](super::child), so that every actor's rights are looked up in one kind of stream.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Role;
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

/// Whether a person may act. (lift.profiles.status.check)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// May act.
    #[default]
    Active,
    /// Has left, or was switched off.
    Inactive,
    /// Not there yet.
    Pending,
    /// Kept out for now.
    Suspended,
}

/// Gives a person a place on the platform. (lift.command.CreateProfile)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProfile {
    /// The person's address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// What the person is; children are registered instead.
    pub role: Role,
    /// The organisation; none for an Account, and one for everybody else.
    #[serde(default)]
    pub org_id: Option<Uuid>,
    /// Where a picture of the person is.
    #[serde(default)]
    pub avatar_url: Option<String>,
}

/// Changes the actor's own profile; what is left out stays. (lift.command.UpdateOwnProfile)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOwnProfile {
    /// The new name.
    #[serde(default)]
    pub name: Option<String>,
    /// The new address.
    #[serde(default)]
    pub email: Option<String>,
    /// Where the new picture is; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub avatar_url: Option<Option<String>>,
}

/// Gives a person another role. (lift.command.AssignRole)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignRole {
    /// The new role.
    pub role: Role,
    /// The organisation that goes with it, where that changes too; null for none.
    #[serde(default, deserialize_with = "text::some")]
    pub org_id: Option<Option<Uuid>>,
}

/// Gives a person another organisation. (lift.command.AssignOrganisation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignOrganisation {
    /// The new organisation; none for an Account.
    #[serde(default)]
    pub org_id: Option<Uuid>,
    /// The role that goes with it, where that changes too.
    #[serde(default)]
    pub role: Option<Role>,
}

/// Keeps a person out for now. (lift.command.SuspendMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendMember {}

/// Lets a person act again. (lift.command.ReinstateMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinstateMember {}

/// Switches a person off. (lift.command.DeactivateMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeactivateMember {}

/// Archives a person's profile. (lift.command.RemoveMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {}

/// Forgets a person. (lift.command.EraseMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseMember {}

/// Opens a child's place, together with the child's registration. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenChildProfile {
    /// The child's organisation.
    pub org_id: Uuid,
}

/// Moves a child's place, together with the child's transfer. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct MoveChildProfile {
    /// The child's new organisation.
    pub org_id: Uuid,
}

/// Closes a child's place, together with the child's archive or erasure. Not sent from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct CloseChildProfile {
    /// Whether the child is forgotten, and not just archived.
    pub erased: bool,
}

commands! {
    /// What may be asked of a member.
    pub enum Command {
        CreateProfile,
        UpdateOwnProfile,
        AssignRole,
        AssignOrganisation,
        SuspendMember,
        ReinstateMember,
        DeactivateMember,
        RemoveMember,
        EraseMember,
        OpenChildProfile,
        MoveChildProfile,
        CloseChildProfile,
    }
}

/// A person has a place on the platform. (lift.event.ProfileCreated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileCreated {
    /// The address, in lower case.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The organisation, if any.
    pub org_id: Option<Uuid>,
    /// Whether the person may act.
    pub status: MemberStatus,
    /// Where a picture is.
    pub avatar_url: Option<String>,
}

/// A person changed the own profile. (lift.event.ProfileUpdated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileUpdated {
    /// The new name, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The new address in lower case, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where the new picture is, if that changed; null for none.
    #[serde(default, deserialize_with = "text::some", skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<Option<String>>,
}

/// A person has another role. (lift.event.RoleAssigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleAssigned {
    /// The new role.
    pub role: Role,
}

/// A person has another organisation, or none. (lift.event.OrganisationAssigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganisationAssigned {
    /// The new organisation.
    pub org_id: Option<Uuid>,
}

/// A person is kept out for now. (lift.event.MemberSuspended)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberSuspended {}

/// A person may act again. (lift.event.MemberReinstated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberReinstated {}

/// A person was switched off. (lift.event.MemberDeactivated)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberDeactivated {}

/// A person's profile was archived. (lift.event.MemberRemoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberRemoved {}

/// A person was forgotten. (lift.event.MemberErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberErased {}

/// A child has a place on the platform. Writes nothing: ChildRegistered has written the profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildProfileOpened {
    /// The child's organisation.
    pub org_id: Uuid,
}

/// A child's place is in another organisation. Writes nothing: ChildTransferred has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildProfileMoved {
    /// The child's new organisation.
    pub org_id: Uuid,
}

/// A child's place is closed. Writes nothing: ChildArchived or ChildErased has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChildProfileClosed {
    /// Whether the child is forgotten, and not just archived.
    pub erased: bool,
}

events! {
    /// What happens to a member.
    pub enum Event {
        ProfileCreated { email: email, name: text, avatar_url: null },
        ProfileUpdated { email: email, name: text, avatar_url: null },
        RoleAssigned,
        OrganisationAssigned,
        MemberSuspended,
        MemberReinstated,
        MemberDeactivated,
        MemberRemoved,
        MemberErased,
        ChildProfileOpened,
        ChildProfileMoved,
        ChildProfileClosed,
    }
    Imported {
        ProfileImported from profiles at [id] { email: email, name: text, avatar_url: null },
    }
}

refusals! {
    /// What a member refuses.
    pub enum Refusal {
        /// lift.rule.actor.active
        ActorNotActive => "your profile is not active", hint "a GroupContact of your organisation, or an Account, can reinstate it";
        /// lift.rule.profile.role_org
        RoleNeedsOrganisation => "an Account belongs to no organisation, everybody else to exactly one", at "org_id";
        /// The person has a profile, as a child or otherwise.
        ProfileAlreadyExists => "this person has a profile already";
        /// The profile is archived.
        MemberIsRemoved => "this profile is archived";
        /// Children are registered, transferred, archived and erased as children.
        MemberIsChild => "children are looked after by the commands for children", hint "register_child, transfer_child, archive_child, erase_child";
        /// lift.rule.child.minimal
        UnknownField => "a child's profile has the first name and no address", hint "update_child_details changes the first name";
        /// A name is not blank.
        NameMissing => "a name is needed", at "name";
        /// The address is none.
        EmailMalformed => "this is not an e-mail address", at "email";
    }
}

/// A person's role, organisation and standing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// What the person is; nothing while there is no profile.
    pub role: Option<Role>,
    /// The organisation, if any.
    pub org_id: Option<Uuid>,
    /// Whether the person may act.
    pub status: MemberStatus,
    /// The profile is archived.
    pub removed: bool,
    /// The person is forgotten.
    pub erased: bool,
}

impl Member {
    /// Whether the person may act at all. (lift.rule.actor.active)
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.role.is_some() && self.status == MemberStatus::Active && !self.removed
    }

    /// Whether this is an Account that may act.
    #[must_use]
    pub fn is_account(&self) -> bool {
        self.is_active() && self.role == Some(Role::Account)
    }

    /// Whether this is an active Practitioner or GroupContact of the organisation.
    #[must_use]
    pub fn is_staff_of(&self, org_id: Uuid) -> bool {
        self.staff_place() == Some(org_id)
    }

    /// Whether this is an active GroupContact of the organisation.
    #[must_use]
    pub fn is_group_contact_of(&self, org_id: Uuid) -> bool {
        self.is_staff_of(org_id) && self.role == Some(Role::GroupContact)
    }

    /// Where the person counts as staff (lift.rule.organisation.max_practitioners), if anywhere.
    #[must_use]
    pub fn staff_place(&self) -> Option<Uuid> {
        let staff = self.is_active() && self.role.is_some_and(Role::is_staff);
        self.org_id.filter(|_| staff)
    }
}

impl Decider for Member {
    const TYPE: &'static str = "lift.member";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::CreateProfile(new) => self.create(new),
            Command::OpenChildProfile(new) => self.open(&new),
            Command::EraseMember(_) if self.erased => Ok(vec![]),
            Command::EraseMember(_) => self.grown_up().map(|()| vec![MemberErased {}.into()]),
            Command::CloseChildProfile(close) => Ok(self.close(&close)),
            Command::RemoveMember(_) | Command::DeactivateMember(_) if self.removed => Ok(vec![]),
            _ if self.removed => Err(Refusal::MemberIsRemoved),
            Command::UpdateOwnProfile(change) => self.update(change),
            Command::AssignRole(AssignRole { role, org_id }) => {
                self.assign(Some(role), org_id.unwrap_or(self.org_id))
            }
            Command::AssignOrganisation(AssignOrganisation { org_id, role }) => {
                self.assign(role.or(self.role), org_id)
            }
            Command::SuspendMember(_) => Ok(self.turn(MemberStatus::Suspended, MemberSuspended {})),
            Command::ReinstateMember(_) => Ok(self.turn(MemberStatus::Active, MemberReinstated {})),
            Command::DeactivateMember(_) => {
                Ok(self.turn(MemberStatus::Inactive, MemberDeactivated {}))
            }
            Command::RemoveMember(_) => self.grown_up().map(|()| vec![MemberRemoved {}.into()]),
            Command::MoveChildProfile(MoveChildProfile { org_id }) => {
                Ok(vec![ChildProfileMoved { org_id }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ProfileCreated(created) => {
                self.role = Some(created.role);
                self.org_id = created.org_id;
                self.status = created.status;
            }
            Event::ProfileUpdated(_) => {}
            Event::RoleAssigned(assigned) => self.role = Some(assigned.role),
            Event::OrganisationAssigned(assigned) => self.org_id = assigned.org_id,
            Event::MemberSuspended(_) => self.status = MemberStatus::Suspended,
            Event::MemberReinstated(_) => self.status = MemberStatus::Active,
            Event::MemberDeactivated(_) => self.status = MemberStatus::Inactive,
            Event::MemberRemoved(_) => self.close_place(false),
            Event::MemberErased(_) => self.close_place(true),
            Event::ChildProfileOpened(opened) => {
                self.role = Some(Role::Child);
                self.org_id = Some(opened.org_id);
            }
            Event::ChildProfileMoved(moved) => self.org_id = Some(moved.org_id),
            Event::ChildProfileClosed(closed) => self.close_place(closed.erased),
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Member {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.role = row.get("role");
        self.org_id = row.get("org_id");
        self.status = row.or_default("status");
        self.removed = row.has("deleted_at");
    }
}

impl Member {
    fn create(&self, new: CreateProfile) -> Result<Vec<Event>, Refusal> {
        if self.role.is_some() {
            return Err(Refusal::ProfileAlreadyExists);
        }
        if new.role == Role::Child {
            return Err(Refusal::MemberIsChild);
        }
        fits(new.role, new.org_id)?;
        Ok(vec![
            ProfileCreated {
                email: address(&new.email)?,
                name: name(&new.name)?,
                role: new.role,
                org_id: new.org_id,
                status: MemberStatus::Active,
                avatar_url: new.avatar_url,
            }
            .into(),
        ])
    }

    fn open(&self, new: &OpenChildProfile) -> Result<Vec<Event>, Refusal> {
        if self.role.is_some() {
            return Err(Refusal::ProfileAlreadyExists);
        }
        Ok(vec![ChildProfileOpened { org_id: new.org_id }.into()])
    }

    fn close(&self, close: &CloseChildProfile) -> Vec<Event> {
        let closed = self.removed && (self.erased || !close.erased);
        if closed { vec![] } else { vec![ChildProfileClosed { erased: close.erased }.into()] }
    }

    fn update(&self, change: UpdateOwnProfile) -> Result<Vec<Event>, Refusal> {
        if self.role == Some(Role::Child) && (change.name.is_some() || change.email.is_some()) {
            return Err(Refusal::UnknownField);
        }
        let updated = ProfileUpdated {
            name: change.name.as_deref().map(name).transpose()?,
            email: change.email.as_deref().map(address).transpose()?,
            avatar_url: change.avatar_url,
        };
        let unchanged = ProfileUpdated { name: None, email: None, avatar_url: None };
        Ok(if updated == unchanged { vec![] } else { vec![updated.into()] })
    }

    fn assign(&self, role: Option<Role>, org_id: Option<Uuid>) -> Result<Vec<Event>, Refusal> {
        self.grown_up()?;
        let mut events = vec![];
        if let Some(role) = role {
            if role == Role::Child {
                return Err(Refusal::MemberIsChild);
            }
            fits(role, org_id)?;
            if self.role != Some(role) {
                events.push(RoleAssigned { role }.into());
            }
        }
        if self.org_id != org_id {
            events.push(OrganisationAssigned { org_id }.into());
        }
        Ok(events)
    }

    fn turn(&self, status: MemberStatus, event: impl Into<Event>) -> Vec<Event> {
        if self.status == status { vec![] } else { vec![event.into()] }
    }

    fn grown_up(&self) -> Result<(), Refusal> {
        if self.role == Some(Role::Child) { Err(Refusal::MemberIsChild) } else { Ok(()) }
    }

    fn close_place(&mut self, erased: bool) {
        self.status = MemberStatus::Inactive;
        self.removed = true;
        self.erased |= erased;
    }
}

/// Whether a role goes with an organisation, or with none. (lift.rule.profile.role_org)
fn fits(role: Role, org_id: Option<Uuid>) -> Result<(), Refusal> {
    if (role == Role::Account) == org_id.is_none() {
        Ok(())
    } else {
        Err(Refusal::RoleNeedsOrganisation)
    }
}

/// The name as it is stored, if there is one.
fn name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if name.is_empty() { Err(Refusal::NameMissing) } else { Ok(name.to_owned()) }
}

/// The address as it is stored, if it is one.
fn address(email: &str) -> Result<String, Refusal> {
    let email = text::normal_email(email);
    if text::is_email(&email) { Ok(email) } else { Err(Refusal::EmailMalformed) }
}

#[cfg(test)]
mod tests;
