//! A family, the tenant: founded by its owner, joined by invitation, handed over, archived. Its members
//! are part of it, from invitation to leaving. (nestsync.aggregate.Family, stream: family id)

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::rules::fingerprint;
use super::{
    calendar, is_filled,
    permission::{self, Permission, Permissions, Role},
};
use crate::{Decider, Imported, Moment, commands, events, refusals, text};

mod rules;

/// An invitation lapses after so many days (nestsync.rule.member.invitation).
pub const INVITATION_DAYS: i64 = 7;

/// Whether a family is kept (nestsync.families.status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Closed.
    Archived,
}

/// Where a membership stands (nestsync.family_members.status).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberStatus {
    /// Asked to join.
    Invited,
    /// Belongs to the family.
    Active,
    /// Taken out, or declined to join.
    Removed,
    /// Left.
    Left,
    /// Never answered the invitation.
    Expired,
}

/// Founds a family, which the actor then owns. (nestsync.command.CreateFamily)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFamily {
    /// The family's name.
    pub name: String,
    /// The founder's name in the list of members.
    pub display_name: String,
    /// Two letters (ISO 3166-1); `CA` if absent.
    #[serde(default)]
    pub country: Option<String>,
    /// Where the data may lie; `ca-central-1` if absent. Cannot change later.
    #[serde(default)]
    pub data_region: Option<String>,
    /// Time zone, an IANA name; `America/Toronto` if absent.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// Renames a family. (nestsync.command.RenameFamily)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameFamily {
    /// The new name.
    pub name: String,
}

/// Hands the family over to another active member. (nestsync.command.TransferFamilyOwnership)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferFamilyOwnership {
    /// The membership of whoever owns the family from now on.
    pub member_id: Uuid,
}

/// Closes a family. (nestsync.command.ArchiveFamily)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveFamily {}

/// Invites a person by e-mail address. (nestsync.command.InviteFamilyMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteFamilyMember {
    /// The person's name in the list of members.
    pub display_name: String,
    /// Whoever signs in with this address may accept.
    pub invited_email: String,
    /// What the person is to be in the family; not its owner.
    pub role: Role,
    /// What the person may do; the role's bundle if absent.
    #[serde(default)]
    pub permissions: Option<Permissions>,
}

/// Accepts an invitation. (nestsync.command.AcceptFamilyInvitation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptFamilyInvitation {
    /// The invited membership.
    pub member_id: Uuid,
    /// The own name in the list of members, where the inviter's choice is not to stand.
    #[serde(default)]
    pub display_name: Option<String>,
}

/// Declines an invitation. (nestsync.command.DeclineFamilyInvitation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineFamilyInvitation {
    /// The invited membership.
    pub member_id: Uuid,
}

/// Ends an invitation whose time is over. (nestsync.command.ExpireFamilyInvitation)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireFamilyInvitation {
    /// The invited membership.
    pub member_id: Uuid,
}

/// Gives a member another role. (nestsync.command.ChangeMemberRole)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMemberRole {
    /// Whose membership.
    pub member_id: Uuid,
    /// The new role; not the owner's.
    pub role: Role,
    /// What the member may do from now on; the role's bundle if absent.
    #[serde(default)]
    pub permissions: Option<Permissions>,
}

/// Says anew what a member may do. (nestsync.command.ChangeMemberPermissions)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMemberPermissions {
    /// Whose membership.
    pub member_id: Uuid,
    /// All that the member may do from now on.
    pub permissions: Permissions,
}

/// Takes a member, or an invitation, out of the family. (nestsync.command.RemoveFamilyMember)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveFamilyMember {
    /// Whose membership.
    pub member_id: Uuid,
}

/// Ends the own membership. (nestsync.command.LeaveFamily)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveFamily {}

/// Asks for all data of the family. (nestsync.command.RequestFamilyExport)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFamilyExport {}

/// Reports that an export is ready. (nestsync.command.CompleteFamilyExport)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteFamilyExport {
    /// The export that was asked for.
    pub export_id: Uuid,
    /// SHA-256 of what was handed out, in hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// On whose authority permission codes are given (nestsync.rule.member.permissions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giver {
    /// An active member, who gives no code it does not hold.
    Member(Uuid),
    /// A system administrator with a reason, who may give any.
    Administrator,
}

/// An invitation, with what only its handler knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Invitation {
    /// What was asked.
    pub asked: InviteFamilyMember,
    /// Who has an account with the invited address, if anybody does.
    pub user_id: Option<Uuid>,
    /// On whose authority.
    pub giver: Giver,
}

/// Another role, with what only its handler knows.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleChange {
    /// What was asked.
    pub asked: ChangeMemberRole,
    /// On whose authority.
    pub giver: Giver,
}

/// Other permissions, with what only their handler knows.
#[derive(Clone, Debug, PartialEq)]
pub struct PermissionChange {
    /// What was asked.
    pub asked: ChangeMemberPermissions,
    /// On whose authority.
    pub giver: Giver,
}

commands! {
    /// What may be asked of a family.
    pub enum Command {
        CreateFamily,
        RenameFamily,
        TransferFamilyOwnership,
        ArchiveFamily,
        Invitation,
        AcceptFamilyInvitation,
        DeclineFamilyInvitation,
        ExpireFamilyInvitation,
        RoleChange,
        PermissionChange,
        RemoveFamilyMember,
        LeaveFamily,
        RequestFamilyExport,
        CompleteFamilyExport,
    }
}

/// A family was founded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyCreated {
    /// The family's name.
    pub name: String,
    /// Who founded it.
    pub owner_id: Uuid,
    /// Two letters.
    pub country: String,
    /// Where the data may lie.
    pub data_region: String,
    /// Time zone.
    pub timezone: String,
    /// In use from the start.
    pub status: Status,
}

/// A family has another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyRenamed {
    /// The name.
    pub name: String,
}

/// A family has another owner; the former one stays as a parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyOwnershipTransferred {
    /// Who owns it now.
    pub owner_id: Uuid,
    /// The new owner's membership.
    pub member_id: Uuid,
    /// The new owner's role.
    pub role: Role,
    /// What the new owner may do.
    pub permissions: Permissions,
    /// The former owner's membership.
    pub former_member_id: Uuid,
    /// The former owner's role.
    pub former_role: Role,
    /// What the former owner may do.
    pub former_permissions: Permissions,
}

/// A family was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyArchived {
    /// Archived.
    pub status: Status,
    /// When.
    pub deleted_at: DateTime<Utc>,
}

/// A person was invited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyMemberInvited {
    /// The membership's id.
    pub member_id: Uuid,
    /// Whose key seals name and address: the person's, or the membership's where no account has the
    /// address.
    pub subject_id: Uuid,
    /// Who has an account with the address, if anybody does.
    pub user_id: Option<Uuid>,
    /// The person's name in the list of members.
    pub display_name: String,
    /// What the person is to be.
    pub role: Role,
    /// What the person will be able to do.
    pub permissions: Permissions,
    /// Invited.
    pub status: MemberStatus,
    /// The address, in lower case; nothing once its person is erased.
    pub invited_email: Option<String>,
    /// Who invited.
    pub invited_by: Uuid,
    /// When.
    pub invited_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub invitation_expires_at: DateTime<Utc>,
}

/// A person became a member: the owner by founding the family, anybody else by accepting an invitation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyMemberJoined {
    /// The membership's id.
    pub member_id: Uuid,
    /// Who it is.
    pub user_id: Uuid,
    /// The name in the list of members; absent where the inviter's choice stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What the person is in the family.
    pub role: Role,
    /// What the person may do.
    pub permissions: Permissions,
    /// Active.
    pub status: MemberStatus,
    /// When.
    pub joined_at: DateTime<Utc>,
}

/// An invited person does not want to join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyInvitationDeclined {
    /// The membership's id.
    pub member_id: Uuid,
    /// Removed.
    pub status: MemberStatus,
    /// When.
    pub ended_at: DateTime<Utc>,
}

/// An invitation lapsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyInvitationExpired {
    /// The membership's id.
    pub member_id: Uuid,
    /// Expired.
    pub status: MemberStatus,
    /// When.
    pub ended_at: DateTime<Utc>,
}

/// A member has another role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyMemberRoleChanged {
    /// The membership's id.
    pub member_id: Uuid,
    /// The role.
    pub role: Role,
    /// What the member may do now.
    pub permissions: Permissions,
}

/// A member may do other things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyMemberPermissionsChanged {
    /// The membership's id.
    pub member_id: Uuid,
    /// What the member may do now.
    pub permissions: Permissions,
}

/// A member, or an invitation, was taken out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyMemberRemoved {
    /// The membership's id.
    pub member_id: Uuid,
    /// Removed.
    pub status: MemberStatus,
    /// When.
    pub ended_at: DateTime<Utc>,
}

/// A member left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyMemberLeft {
    /// The membership's id.
    pub member_id: Uuid,
    /// Left.
    pub status: MemberStatus,
    /// When.
    pub ended_at: DateTime<Utc>,
}

/// All data of the family was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyExportRequested {
    /// The export's id.
    pub export_id: Uuid,
    /// Who asked.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: DateTime<Utc>,
}

/// An export is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyExportCompleted {
    /// The export's id.
    pub export_id: Uuid,
    /// SHA-256 of what was handed out, in hexadecimal, if the worker said it.
    pub sha256: Option<String>,
    /// When.
    pub completed_at: DateTime<Utc>,
}

events! {
    /// What happens to a family.
    pub enum Event {
        FamilyCreated { name: text },
        FamilyRenamed { name: text },
        FamilyOwnershipTransferred,
        FamilyArchived,
        FamilyMemberInvited of subject_id { display_name: text, invited_email: null },
        FamilyMemberJoined of user_id { display_name: text },
        FamilyInvitationDeclined,
        FamilyInvitationExpired,
        FamilyMemberRoleChanged,
        FamilyMemberPermissionsChanged,
        FamilyMemberRemoved,
        FamilyMemberLeft,
        FamilyExportRequested,
        FamilyExportCompleted,
    }
    Imported {
        FamilyImported from families at [id] { name: text },
        FamilyMemberImported from family_members at [family_id] of [user_id, id] { display_name: text, invited_email: null },
    }
}

refusals! {
    /// What a family refuses.
    pub enum Refusal {
        /// nestsync.rule.family.owner
        OwnerRequired => "a family has exactly one owner, who is an active member with every permission",
            hint "hand the family over first (nestsync.cmd.transfer_family_ownership)";
        /// nestsync.rule.family.residency
        RegionNotAllowed { data_region: String } => "data of a family in Canada cannot lie in {data_region}",
            at "data_region", hint "choose a region that starts with ca-";
        /// nestsync.rule.member.once
        AlreadyMember => "this person is an active member already";
        /// nestsync.rule.member.invitation
        InvitationExpired => "this invitation cannot be answered any more", hint "ask for a new one";
        /// nestsync.rule.member.permissions
        PermissionNotHeld => "only permissions that the giver holds can be given", at "permissions";
        /// The invitation's time is not over.
        InvitationStillOpen => "this invitation can still be accepted";
        /// A membership that ended cannot change.
        MembershipEnded => "this membership has ended";
        /// There is no such membership in this family.
        MemberUnknown => "this family has no such member", at "member_id";
        /// There is no such family.
        FamilyUnknown => "no such family";
        /// The id is taken.
        FamilyAlreadyCreated => "this family exists already";
        /// An archived family does not change.
        FamilyClosed => "this family is archived";
        /// A country is two letters.
        CountryUnknown => "a country is two letters, such as CA", at "country";
        /// A time zone has an IANA name.
        TimezoneUnknown => "no such time zone; give an IANA name such as America/Toronto", at "timezone";
        /// No such export is under way.
        ExportUnknown => "no such export is under way", at "export_id";
        /// A name must say something.
        NameBlank => "a name is needed", at "name";
        /// A name must say something.
        DisplayNameBlank => "a name is needed", at "display_name";
        /// The address is none.
        EmailMalformed => "this is not an e-mail address", at "invited_email";
    }
}

/// A membership, as far as decisions need it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Who it is, once that is known.
    pub user_id: Option<Uuid>,
    /// What the person is in the family.
    pub role: Role,
    /// What the person may do.
    pub permissions: Permissions,
    /// Where the membership stands.
    pub status: MemberStatus,
    /// Stands for the invited address, which itself is not kept.
    invited: Option<Uuid>,
    expires_at: Option<DateTime<Utc>>,
}

/// What decisions need to know of a family.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Nothing before it is founded.
    pub status: Option<Status>,
    /// Who owns it.
    pub owner_id: Option<Uuid>,
    /// Time zone, an IANA name.
    pub timezone: String,
    /// The region in which its data lies, for good; empty before it is founded.
    pub data_region: String,
    /// Memberships by their ids, ended ones included.
    pub members: BTreeMap<Uuid, Member>,
    /// Exports under way.
    exports: BTreeSet<Uuid>,
}

impl Family {
    /// The active membership of a person.
    #[must_use]
    pub fn member_of(&self, user: Uuid) -> Option<(Uuid, &Member)> {
        self.members
            .iter()
            .find(|(_, member)| {
                member.status == MemberStatus::Active && member.user_id == Some(user)
            })
            .map(|(id, member)| (*id, member))
    }

    /// Whether a person is an active member and holds a code.
    #[must_use]
    pub fn may(&self, user: Uuid, code: Permission) -> bool {
        self.member_of(user).is_some_and(|(_, member)| member.permissions.contains(&code))
    }

    /// Whether an invitation went to this address (nestsync.policy.family_members.invitee).
    #[must_use]
    pub fn is_invited(&self, member_id: Uuid, email: &str) -> bool {
        let address = Some(fingerprint(member_id, email));
        self.members.get(&member_id).is_some_and(|member| member.invited == address)
    }

    /// An archived family, and all that is in it, stays as it is.
    ///
    /// # Errors
    /// [`Refusal::FamilyUnknown`], [`Refusal::FamilyClosed`].
    pub fn open(&self) -> Result<(), Refusal> {
        match self.status {
            None => Err(Refusal::FamilyUnknown),
            Some(Status::Archived) => Err(Refusal::FamilyClosed),
            Some(Status::Active) => Ok(()),
        }
    }

    fn member(&self, member_id: Uuid) -> Result<&Member, Refusal> {
        self.members.get(&member_id).ok_or(Refusal::MemberUnknown)
    }

    /// A membership that others may change: not ended, and not the owner's.
    fn changeable(&self, member_id: Uuid) -> Result<&Member, Refusal> {
        let member = self.member(member_id)?;
        match member.status {
            MemberStatus::Removed | MemberStatus::Left | MemberStatus::Expired => {
                Err(Refusal::MembershipEnded)
            }
            _ if member.role == Role::Owner => Err(Refusal::OwnerRequired),
            MemberStatus::Invited | MemberStatus::Active => Ok(member),
        }
    }

    fn gives(&self, giver: Giver, codes: &Permissions) -> Result<(), Refusal> {
        let held = match giver {
            Giver::Administrator => true,
            Giver::Member(user) => {
                self.member_of(user).is_some_and(|(_, member)| codes.is_subset(&member.permissions))
            }
        };
        if held { Ok(()) } else { Err(Refusal::PermissionNotHeld) }
    }
}

impl Decider for Family {
    const TYPE: &'static str = "nestsync.family";
    const STATE_VERSION: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        // An archived family can still be exported: its data is still there.
        match command {
            Command::CreateFamily(_)
            | Command::RequestFamilyExport(_)
            | Command::CompleteFamilyExport(_) => {}
            _ => self.open()?,
        }
        match command {
            Command::CreateFamily(new) => self.create(new, moment),
            Command::RenameFamily(RenameFamily { name }) => {
                if !is_filled(&name) {
                    return Err(Refusal::NameBlank);
                }
                Ok(vec![FamilyRenamed { name }.into()])
            }
            Command::TransferFamilyOwnership(to) => self.transfer(to.member_id),
            Command::ArchiveFamily(_) => {
                Ok(vec![FamilyArchived { status: Status::Archived, deleted_at: moment.now }.into()])
            }
            Command::Invitation(invitation) => self.invite(invitation, moment),
            Command::AcceptFamilyInvitation(accept) => self.accept(accept, moment),
            Command::DeclineFamilyInvitation(decline) => self.decline(decline.member_id, moment),
            Command::ExpireFamilyInvitation(lapsed) => self.expire(lapsed.member_id, moment),
            Command::RoleChange(change) => self.change_role(change),
            Command::PermissionChange(change) => self.change_permissions(change),
            Command::RemoveFamilyMember(remove) => self.remove(remove.member_id, moment),
            Command::LeaveFamily(_) => self.leave(moment),
            Command::RequestFamilyExport(_) => self.request_export(moment),
            Command::CompleteFamilyExport(done) => self.complete_export(done, moment),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::FamilyCreated(created) => {
                self.status = Some(created.status);
                self.owner_id = Some(created.owner_id);
                self.timezone.clone_from(&created.timezone);
                self.data_region.clone_from(&created.data_region);
            }
            Event::FamilyRenamed(_) => {}
            Event::FamilyOwnershipTransferred(transferred) => {
                self.owner_id = Some(transferred.owner_id);
                self.assign(transferred.member_id, transferred.role, &transferred.permissions);
                self.assign(
                    transferred.former_member_id,
                    transferred.former_role,
                    &transferred.former_permissions,
                );
            }
            Event::FamilyArchived(archived) => self.status = Some(archived.status),
            Event::FamilyMemberInvited(invited) => self.invited(invited),
            Event::FamilyMemberJoined(joined) => self.joined(joined),
            Event::FamilyInvitationDeclined(FamilyInvitationDeclined {
                member_id, status, ..
            })
            | Event::FamilyInvitationExpired(FamilyInvitationExpired {
                member_id, status, ..
            })
            | Event::FamilyMemberRemoved(FamilyMemberRemoved { member_id, status, .. })
            | Event::FamilyMemberLeft(FamilyMemberLeft { member_id, status, .. }) => {
                if let Some(member) = self.members.get_mut(member_id) {
                    member.status = *status;
                }
            }
            Event::FamilyExportRequested(requested) => {
                self.exports.insert(requested.export_id);
            }
            Event::FamilyExportCompleted(completed) => {
                self.exports.remove(&completed.export_id);
            }
            Event::FamilyMemberRoleChanged(changed) => {
                self.assign(changed.member_id, changed.role, &changed.permissions);
            }
            Event::FamilyMemberPermissionsChanged(changed) => {
                if let Some(member) = self.members.get_mut(&changed.member_id) {
                    member.permissions.clone_from(&changed.permissions);
                }
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

#[cfg(test)]
mod tests;
