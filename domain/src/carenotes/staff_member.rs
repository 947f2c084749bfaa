//! A member of staff: added to an organization, given a role and permissions, removed, erased.
//! (carenotes.aggregate.StaffMember, stream: user id)
//!
//! Who may do what is asked of this state. Sign-in is the identity provider's (F012).

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Form,
    permission::{Permission, Permissions},
};
use crate::{
    Decider, Imported, Moment, commands, events, refusals,
    text::{self, Text},
};

/// A name of what somebody is in an organization. Two have a meaning of their own: [`ADMIN`] and
/// [`REMOVED`].
pub type Role = Text<50>;

/// The role that holds every permission.
pub const ADMIN: &str = "admin";
/// The role of whoever was removed.
pub const REMOVED: &str = "removed";

/// Adds somebody to an organization's staff. (carenotes.command.AddStaffMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddStaffMember {
    /// Organization the person works for; needed.
    #[serde(default)]
    pub organization_id: Option<Uuid>,
    /// Address of the person.
    pub email: Text<255>,
    /// First name.
    #[serde(default)]
    pub first_name: Option<Text<100>>,
    /// Last name.
    #[serde(default)]
    pub last_name: Option<Text<100>>,
    /// What the person is there; `admin` holds every permission.
    #[serde(default)]
    pub role: Option<Role>,
    /// What the person may do.
    #[serde(default)]
    pub permissions: Permissions,
    /// What the person chose in the application, by name.
    #[serde(default)]
    pub settings: Option<Form>,
}

/// Changes what is known of a member of staff; what is absent stays, null clears.
/// (carenotes.command.UpdateStaffMember)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateStaffMember {
    /// Another address.
    pub email: Option<Text<255>>,
    /// Another first name.
    #[serde(deserialize_with = "text::some")]
    pub first_name: Option<Option<Text<100>>>,
    /// Another last name.
    #[serde(deserialize_with = "text::some")]
    pub last_name: Option<Option<Text<100>>>,
}

/// Gives a member of staff another role. (carenotes.command.AssignStaffRole)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignStaffRole {
    /// The role; `admin` holds every permission, null is none.
    pub role: Option<Role>,
}

/// Says anew what a member of staff may do. (carenotes.command.ChangeStaffPermissions)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStaffPermissions {
    /// The permissions, as they are from now on.
    pub permissions: Permissions,
}

/// Writes one's own settings anew. (carenotes.command.ChangeOwnSettings)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOwnSettings {
    /// The settings, as they are from now on; null for none.
    pub settings: Option<Form>,
}

/// Notes that a member of staff signed in. (carenotes.command.RecordSignIn)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSignIn {
    /// When; now, if left out.
    #[serde(default, deserialize_with = "crate::time::dated")]
    pub signed_in_at: Option<DateTime<Utc>>,
}

/// Removes somebody from the staff. (carenotes.command.RemoveStaffMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveStaffMember {}

/// Erases what is known of a member of staff. (carenotes.command.EraseStaffMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseStaffMember {}

commands! {
    /// What may be asked of a member of staff.
    pub enum Command {
        AddStaffMember,
        UpdateStaffMember,
        AssignStaffRole,
        ChangeStaffPermissions,
        ChangeOwnSettings,
        RecordSignIn,
        RemoveStaffMember,
        EraseStaffMember,
    }
}

/// Somebody is on the staff. (carenotes.event.StaffMemberAdded)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffMemberAdded {
    /// Organization the person works for.
    pub organization_id: Uuid,
    /// Address, in lower case.
    pub email: Text<255>,
    /// First name.
    pub first_name: Option<Text<100>>,
    /// Last name.
    pub last_name: Option<Text<100>>,
    /// What the person is there.
    pub role: Option<Role>,
    /// What the person may do.
    pub permissions: Permissions,
    /// What the person chose in the application.
    pub settings: Option<Form>,
}

/// What is known of a member of staff changed; only what changed is there.
/// (carenotes.event.StaffMemberUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffMemberUpdated {
    /// Address, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<255>>,
    /// First name, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub first_name: Option<Option<Text<100>>>,
    /// Last name, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub last_name: Option<Option<Text<100>>>,
}

/// A member of staff has another role. (carenotes.event.StaffRoleAssigned)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffRoleAssigned {
    /// The role.
    pub role: Option<Role>,
}

/// A member of staff may do something else. (carenotes.event.StaffPermissionsChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffPermissionsChanged {
    /// The permissions.
    pub permissions: Permissions,
}

/// A member of staff wrote the own settings anew. (carenotes.event.StaffSettingsChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffSettingsChanged {
    /// The settings.
    pub settings: Option<Form>,
}

/// A member of staff signed in. (carenotes.event.StaffMemberSignedIn)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffMemberSignedIn {
    /// When.
    pub last_login: DateTime<Utc>,
}

/// Somebody is on the staff no more; the row stays, so that authors remain known.
/// (carenotes.event.StaffMemberRemoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffMemberRemoved {
    /// `removed`.
    pub role: Option<Role>,
    /// None.
    pub permissions: Permissions,
}

/// What was known of somebody is erased, and the person is on the staff no more.
/// (carenotes.event.StaffMemberErased)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StaffMemberErased {
    /// `removed`.
    pub role: Option<Role>,
    /// None.
    pub permissions: Permissions,
}

events! {
    /// What happens to a member of staff.
    pub enum Event {
        StaffMemberAdded { email: email, first_name: null, last_name: null, settings: null },
        StaffMemberUpdated { email: email, first_name: null, last_name: null },
        StaffRoleAssigned,
        StaffPermissionsChanged,
        StaffSettingsChanged { settings: null },
        StaffMemberSignedIn,
        StaffMemberRemoved,
        StaffMemberErased,
    }
    Imported {
        StaffMemberImported from users at [id] { email: email, first_name: null, last_name: null, settings: null },
    }
}

refusals! {
    /// What a member of staff refuses.
    pub enum Refusal {
        /// carenotes.rule.user.removed
        ActorNotActive => "you are on no organization's staff any more";
        /// carenotes.rule.user.email_unique
        EmailTaken => "somebody else has this address", at "email";
        /// carenotes.rule.tenancy.required
        ReferenceRequired => "a member of staff works for an organization", at "organization_id";
        /// carenotes.rule.actor.org
        WrongOrganization => "staff add people to their own organization", at "organization_id";
        /// The address is none.
        EmailMalformed => "this is not an e-mail address", at "email";
        /// Nobody is given the role of those who were removed (carenotes.rule.user.removed).
        RoleReserved => "'removed' is the role of whoever was removed", at "role", hint "remove the person (carenotes.cmd.remove_staff_member)";
        /// The person is on somebody's staff.
        StaffMemberAlreadyAdded => "this person was added already";
        /// The person is on nobody's staff.
        StaffMemberUnknown => "no such member of staff";
        /// Nothing changes of whoever was removed (carenotes.rule.user.removed).
        StaffMemberGone => "this person was removed from the staff";
    }
}

/// For whom somebody works, and what the person may do there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StaffMember {
    /// Organization the person works for; nothing before the person is added.
    pub organization_id: Option<Uuid>,
    /// What the person is there.
    pub role: Option<Role>,
    /// What the person may do there, besides what the role may.
    pub permissions: Permissions,
    /// What was known of the person is erased.
    pub erased: bool,
}

impl StaffMember {
    /// Whether the person administers the organization.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.role.as_deref() == Some(ADMIN)
    }

    /// Whether the person was removed.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.role.as_deref() == Some(REMOVED)
    }

    /// Whether the person holds a permission.
    #[must_use]
    pub fn may(&self, code: Permission) -> bool {
        self.is_admin() || self.permissions.contains(&code)
    }

    /// The organization in whose name the person acts (carenotes.rule.user.removed).
    ///
    /// # Errors
    /// [`Refusal::ActorNotActive`] for whoever was removed; [`Refusal::StaffMemberUnknown`].
    pub fn acts_for(&self) -> Result<Uuid, Refusal> {
        match self.organization_id {
            Some(_) if self.is_removed() => Err(Refusal::ActorNotActive),
            Some(organization) => Ok(organization),
            None => Err(Refusal::StaffMemberUnknown),
        }
    }
}

impl Decider for StaffMember {
    const TYPE: &'static str = "carenotes.staff_member";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::AddStaffMember(_) if self.organization_id.is_some() => {
                Err(Refusal::StaffMemberAlreadyAdded)
            }
            Command::AddStaffMember(new) => Ok(vec![added(new)?.into()]),
            _ if self.organization_id.is_none() => Err(Refusal::StaffMemberUnknown),
            Command::RemoveStaffMember(_) if self.is_removed() => Ok(vec![]),
            Command::EraseStaffMember(_) if self.erased => Ok(vec![]),
            Command::EraseStaffMember(_) => {
                let (role, permissions) = nothing();
                Ok(vec![StaffMemberErased { role, permissions }.into()])
            }
            _ if self.is_removed() => Err(Refusal::StaffMemberGone),
            Command::RemoveStaffMember(_) => {
                let (role, permissions) = nothing();
                Ok(vec![StaffMemberRemoved { role, permissions }.into()])
            }
            Command::UpdateStaffMember(change) => updated(change),
            Command::AssignStaffRole(AssignStaffRole { role }) => {
                let role = given(role)?;
                let same = role == self.role;
                Ok(if same { vec![] } else { vec![StaffRoleAssigned { role }.into()] })
            }
            Command::ChangeStaffPermissions(ChangeStaffPermissions { permissions }) => {
                let same = permissions == self.permissions;
                let event = StaffPermissionsChanged { permissions };
                Ok(if same { vec![] } else { vec![event.into()] })
            }
            Command::ChangeOwnSettings(ChangeOwnSettings { settings }) => {
                Ok(vec![StaffSettingsChanged { settings }.into()])
            }
            Command::RecordSignIn(RecordSignIn { signed_in_at }) => {
                let last_login = signed_in_at.unwrap_or(moment.now);
                Ok(vec![StaffMemberSignedIn { last_login }.into()])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::StaffMemberAdded(added) => {
                self.organization_id = Some(added.organization_id);
                self.role.clone_from(&added.role);
                self.permissions.clone_from(&added.permissions);
            }
            Event::StaffMemberUpdated(_)
            | Event::StaffSettingsChanged(_)
            | Event::StaffMemberSignedIn(_) => {}
            Event::StaffRoleAssigned(assigned) => self.role.clone_from(&assigned.role),
            Event::StaffPermissionsChanged(changed) => {
                self.permissions.clone_from(&changed.permissions);
            }
            Event::StaffMemberRemoved(removed) => {
                self.role.clone_from(&removed.role);
                self.permissions.clone_from(&removed.permissions);
            }
            Event::StaffMemberErased(erased) => {
                self.role.clone_from(&erased.role);
                self.permissions.clone_from(&erased.permissions);
                self.erased = true;
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl StaffMember {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.organization_id = row.get("organization_id");
        self.role = row.get("role");
        self.permissions = row.or_default("permissions");
    }
}

/// The address as it is stored and compared (F030).
///
/// # Errors
/// [`Refusal::EmailMalformed`].
pub fn address(email: &str) -> Result<Text<255>, Refusal> {
    let email = text::normal_email(email);
    if !text::is_email(&email) {
        return Err(Refusal::EmailMalformed);
    }
    Text::new(email).map_err(|_| Refusal::EmailMalformed)
}

fn added(new: AddStaffMember) -> Result<StaffMemberAdded, Refusal> {
    Ok(StaffMemberAdded {
        organization_id: new.organization_id.ok_or(Refusal::ReferenceRequired)?,
        email: address(&new.email)?,
        first_name: new.first_name,
        last_name: new.last_name,
        role: given(new.role)?,
        permissions: new.permissions,
        settings: new.settings,
    })
}

fn updated(change: UpdateStaffMember) -> Result<Vec<Event>, Refusal> {
    let updated = StaffMemberUpdated {
        email: change.email.map(|email| address(&email)).transpose()?,
        first_name: change.first_name,
        last_name: change.last_name,
    };
    let nothing = updated == StaffMemberUpdated::default();
    Ok(if nothing { vec![] } else { vec![updated.into()] })
}

/// A role that somebody can be given.
fn given(role: Option<Role>) -> Result<Option<Role>, Refusal> {
    if role.as_deref().is_some_and(|role| role.trim().eq_ignore_ascii_case(REMOVED)) {
        return Err(Refusal::RoleReserved);
    }
    Ok(role)
}

/// What whoever was removed is, and may do.
fn nothing() -> (Option<Role>, Permissions) {
    (REMOVED.parse().ok(), Permissions::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{day, given};

    const WILLOW: Uuid = Uuid::from_u128(0x3111);

    fn add() -> AddStaffMember {
        AddStaffMember {
            organization_id: Some(WILLOW),
            email: " Nia@Willow.example ".parse().unwrap(),
            first_name: Some("Nia".parse().unwrap()),
            last_name: None,
            role: Some("nurse".parse().unwrap()),
            permissions: [Permission::DailyRecordsRecord].into(),
            settings: None,
        }
    }

    fn nurse() -> Event {
        StaffMemberAdded {
            organization_id: WILLOW,
            email: "nia@willow.example".parse().unwrap(),
            first_name: Some("Nia".parse().unwrap()),
            last_name: None,
            role: Some("nurse".parse().unwrap()),
            permissions: [Permission::DailyRecordsRecord].into(),
            settings: None,
        }
        .into()
    }

    fn removed() -> StaffMemberRemoved {
        let (role, permissions) = nothing();
        StaffMemberRemoved { role, permissions }
    }

    #[test]
    fn somebody_is_added_once_for_an_organization_with_an_address() {
        given::<StaffMember>([])
            .when(AddStaffMember { organization_id: None, ..add() })
            .refused("ReferenceRequired")
            .when(AddStaffMember { email: "nia".parse().unwrap(), ..add() })
            .refused("EmailMalformed")
            .when(add())
            .then([nurse()])
            .when(add())
            .refused("StaffMemberAlreadyAdded");
    }

    #[test]
    fn nobody_is_given_the_role_of_those_who_were_removed() {
        let role = || Some("Removed".parse().unwrap());
        given::<StaffMember>([])
            .when(AddStaffMember { role: role(), ..add() })
            .refused("RoleReserved");
        given::<StaffMember>([nurse()])
            .when(AssignStaffRole { role: role() })
            .refused("RoleReserved");
    }

    #[test]
    fn staff_hold_their_permissions_and_an_administrator_all() {
        let nurse = given::<StaffMember>([nurse()]);
        assert!(nurse.state.may(Permission::DailyRecordsRecord));
        assert!(!nurse.state.may(Permission::UsersManage));
        let role = Some(ADMIN.parse().unwrap());
        let admin = nurse
            .when(AssignStaffRole { role: role.clone() })
            .then([StaffRoleAssigned { role: role.clone() }])
            .when(AssignStaffRole { role })
            .then_nothing();
        assert!(Permission::ALL.iter().all(|code| admin.state.may(*code)));
    }

    #[test]
    fn permissions_are_said_anew() {
        let permissions = Permissions::from([Permission::IncidentsReport]);
        let changed = given::<StaffMember>([nurse()])
            .when(ChangeStaffPermissions { permissions: permissions.clone() })
            .then([StaffPermissionsChanged { permissions: permissions.clone() }])
            .when(ChangeStaffPermissions { permissions })
            .then_nothing();
        assert!(!changed.state.may(Permission::DailyRecordsRecord));
    }

    #[test]
    fn what_is_not_given_stays_and_null_clears() {
        let change = UpdateStaffMember { first_name: Some(None), ..Default::default() };
        given::<StaffMember>([nurse()])
            .when(change)
            .then([StaffMemberUpdated { first_name: Some(None), ..Default::default() }])
            .when(UpdateStaffMember::default())
            .then_nothing()
            .when(UpdateStaffMember { email: Some("nia".parse().unwrap()), ..Default::default() })
            .refused("EmailMalformed");
    }

    #[test]
    fn a_sign_in_counts_from_when_it_happened() {
        given::<StaffMember>([nurse()])
            .at(day(2))
            .when(RecordSignIn::default())
            .then([StaffMemberSignedIn { last_login: day(2) }])
            .when(RecordSignIn { signed_in_at: Some(day(1)) })
            .then([StaffMemberSignedIn { last_login: day(1) }]);
    }

    #[test]
    fn whoever_was_removed_may_nothing_and_stays_as_is() {
        let gone = given::<StaffMember>([nurse()])
            .when(RemoveStaffMember {})
            .then([removed()])
            .when(RemoveStaffMember {})
            .then_nothing()
            .when(AssignStaffRole { role: Some(ADMIN.parse().unwrap()) })
            .refused("StaffMemberGone")
            .when(RecordSignIn::default())
            .refused("StaffMemberGone")
            .when(ChangeOwnSettings { settings: None })
            .refused("StaffMemberGone");
        assert_eq!(gone.state.acts_for(), Err(Refusal::ActorNotActive));
        assert!(!Permission::ALL.iter().any(|code| gone.state.may(*code)));
    }

    #[test]
    fn erasing_removes_and_happens_once_also_after_a_removal() {
        let (role, permissions) = nothing();
        let erased = || StaffMemberErased { role: role.clone(), permissions: permissions.clone() };
        let gone = given::<StaffMember>([nurse()])
            .when(EraseStaffMember {})
            .then([erased()])
            .when(EraseStaffMember {})
            .then_nothing();
        assert!(gone.state.is_removed());
        given::<StaffMember>([nurse(), removed().into()])
            .when(EraseStaffMember {})
            .then([erased()]);
        given::<StaffMember>([]).when(EraseStaffMember {}).refused("StaffMemberUnknown");
    }
}
