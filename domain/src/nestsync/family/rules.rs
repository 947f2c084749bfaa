//! How a family decides, and where it may live.

use super::*;

impl Family {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
        if row.table() == "families" {
            self.status = row.get("status");
            self.owner_id = row.get("owner_id");
            self.timezone = row.or_default("timezone");
            self.data_region = row.or_default("data_region");
            return;
        }
        let id = row.or_default("id");
        let invited = row.get::<String>("invited_email").map(|email| fingerprint(id, &email));
        if let (Some(role), Some(status)) = (row.get("role"), row.get("status")) {
            let member = Member {
                user_id: row.get("user_id"),
                role,
                permissions: row.or_default("permissions"),
                status,
                invited,
                expires_at: row.get("invitation_expires_at"),
            };
            self.members.insert(id, member);
        }
    }
}

/// Deciding.
impl Family {
    pub(super) fn create(&self, new: CreateFamily, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if self.status.is_some() {
            return Err(Refusal::FamilyAlreadyCreated);
        }
        if !is_filled(&new.name) {
            return Err(Refusal::NameBlank);
        }
        if !is_filled(&new.display_name) {
            return Err(Refusal::DisplayNameBlank);
        }
        let (country, data_region) = residence(new.country, new.data_region)?;
        let created = FamilyCreated {
            name: new.name,
            owner_id: moment.actor,
            country,
            data_region,
            timezone: timezone(new.timezone)?,
            status: Status::Active,
        };
        let joined = FamilyMemberJoined {
            member_id: moment.new_id(),
            user_id: moment.actor,
            display_name: Some(new.display_name),
            role: Role::Owner,
            permissions: permission::all(),
            status: MemberStatus::Active,
            joined_at: moment.now,
        };
        Ok(vec![created.into(), joined.into()])
    }

    pub(super) fn transfer(&self, member_id: Uuid) -> Result<Vec<Event>, Refusal> {
        let successor = self.member(member_id)?;
        let (MemberStatus::Active, Some(owner_id)) = (successor.status, successor.user_id) else {
            return Err(Refusal::OwnerRequired);
        };
        if self.owner_id == Some(owner_id) {
            return Ok(vec![]);
        }
        let former = self.owner_id.and_then(|owner| self.member_of(owner));
        let (former_member_id, _) = former.ok_or(Refusal::OwnerRequired)?;
        let transferred = FamilyOwnershipTransferred {
            owner_id,
            member_id,
            role: Role::Owner,
            permissions: permission::all(),
            former_member_id,
            former_role: Role::Parent,
            former_permissions: Role::Parent.bundle(),
        };
        Ok(vec![transferred.into()])
    }

    pub(super) fn invite(
        &self,
        invitation: Invitation,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let Invitation { asked, user_id, giver } = invitation;
        if asked.role == Role::Owner {
            return Err(Refusal::OwnerRequired);
        }
        if !is_filled(&asked.display_name) {
            return Err(Refusal::DisplayNameBlank);
        }
        let invited_email = text::normal_email(&asked.invited_email);
        if !text::is_email(&invited_email) {
            return Err(Refusal::EmailMalformed);
        }
        let permissions = asked.permissions.unwrap_or_else(|| asked.role.bundle());
        self.gives(giver, &permissions)?;
        if user_id.is_some_and(|user| self.member_of(user).is_some()) {
            return Err(Refusal::AlreadyMember);
        }
        let member_id = moment.new_id();
        let invited = FamilyMemberInvited {
            member_id,
            subject_id: user_id.unwrap_or(member_id),
            user_id,
            display_name: asked.display_name,
            role: asked.role,
            permissions,
            status: MemberStatus::Invited,
            invited_email: Some(invited_email),
            invited_by: moment.actor,
            invited_at: moment.now,
            invitation_expires_at: moment.now + Duration::days(INVITATION_DAYS),
        };
        Ok(vec![invited.into()])
    }

    /// An invitation that can still be answered.
    pub(super) fn pending(&self, member_id: Uuid, moment: &Moment) -> Result<&Member, Refusal> {
        let member = self.member(member_id)?;
        match member.status {
            MemberStatus::Invited if member.expires_at > Some(moment.now) => Ok(member),
            MemberStatus::Active => Err(Refusal::AlreadyMember),
            MemberStatus::Invited
            | MemberStatus::Removed
            | MemberStatus::Left
            | MemberStatus::Expired => Err(Refusal::InvitationExpired),
        }
    }

    pub(super) fn accept(
        &self,
        accept: AcceptFamilyInvitation,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let invited = self.pending(accept.member_id, moment)?;
        if self.member_of(moment.actor).is_some() {
            return Err(Refusal::AlreadyMember);
        }
        if accept.display_name.as_deref().is_some_and(|name| !is_filled(name)) {
            return Err(Refusal::DisplayNameBlank);
        }
        let joined = FamilyMemberJoined {
            member_id: accept.member_id,
            user_id: moment.actor,
            display_name: accept.display_name,
            role: invited.role,
            permissions: invited.permissions.clone(),
            status: MemberStatus::Active,
            joined_at: moment.now,
        };
        Ok(vec![joined.into()])
    }

    pub(super) fn decline(&self, member_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.pending(member_id, moment)?;
        let (status, ended_at) = (MemberStatus::Removed, moment.now);
        Ok(vec![FamilyInvitationDeclined { member_id, status, ended_at }.into()])
    }

    pub(super) fn expire(&self, member_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let member = self.member(member_id)?;
        if member.status != MemberStatus::Invited {
            return Ok(vec![]);
        }
        if member.expires_at > Some(moment.now) {
            return Err(Refusal::InvitationStillOpen);
        }
        let (status, ended_at) = (MemberStatus::Expired, moment.now);
        Ok(vec![FamilyInvitationExpired { member_id, status, ended_at }.into()])
    }

    pub(super) fn change_role(&self, change: RoleChange) -> Result<Vec<Event>, Refusal> {
        let ChangeMemberRole { member_id, role, permissions } = change.asked;
        let member = self.changeable(member_id)?;
        if role == Role::Owner {
            return Err(Refusal::OwnerRequired);
        }
        let permissions = permissions.unwrap_or_else(|| role.bundle());
        self.gives(change.giver, &permissions)?;
        if member.role == role && member.permissions == permissions {
            return Ok(vec![]);
        }
        Ok(vec![FamilyMemberRoleChanged { member_id, role, permissions }.into()])
    }

    pub(super) fn change_permissions(
        &self,
        change: PermissionChange,
    ) -> Result<Vec<Event>, Refusal> {
        let ChangeMemberPermissions { member_id, permissions } = change.asked;
        let member = self.changeable(member_id)?;
        self.gives(change.giver, &permissions)?;
        if member.permissions == permissions {
            return Ok(vec![]);
        }
        Ok(vec![FamilyMemberPermissionsChanged { member_id, permissions }.into()])
    }

    pub(super) fn remove(&self, member_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match self.changeable(member_id) {
            Err(Refusal::MembershipEnded) => return Ok(vec![]),
            Err(refusal) => return Err(refusal),
            Ok(_) => {}
        }
        let (status, ended_at) = (MemberStatus::Removed, moment.now);
        Ok(vec![FamilyMemberRemoved { member_id, status, ended_at }.into()])
    }

    pub(super) fn leave(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let (member_id, _) = self.member_of(moment.actor).ok_or(Refusal::MembershipEnded)?;
        self.changeable(member_id)?;
        let (status, ended_at) = (MemberStatus::Left, moment.now);
        Ok(vec![FamilyMemberLeft { member_id, status, ended_at }.into()])
    }

    pub(super) fn request_export(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        self.status.ok_or(Refusal::FamilyUnknown)?;
        let requested = FamilyExportRequested {
            export_id: moment.new_id(),
            requested_by: moment.actor,
            requested_at: moment.now,
        };
        Ok(vec![requested.into()])
    }

    pub(super) fn complete_export(
        &self,
        done: CompleteFamilyExport,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let CompleteFamilyExport { export_id, sha256 } = done;
        if !self.exports.contains(&export_id) {
            return Err(Refusal::ExportUnknown);
        }
        let completed_at = moment.now;
        Ok(vec![FamilyExportCompleted { export_id, sha256, completed_at }.into()])
    }
}

/// Evolving.
impl Family {
    pub(super) fn assign(&mut self, member_id: Uuid, role: Role, permissions: &Permissions) {
        if let Some(member) = self.members.get_mut(&member_id) {
            member.role = role;
            member.permissions.clone_from(permissions);
        }
    }

    pub(super) fn invited(&mut self, invited: &FamilyMemberInvited) {
        let email = invited.invited_email.as_deref();
        let member = Member {
            user_id: invited.user_id,
            role: invited.role,
            permissions: invited.permissions.clone(),
            status: invited.status,
            invited: email.map(|email| fingerprint(invited.member_id, email)),
            expires_at: Some(invited.invitation_expires_at),
        };
        self.members.insert(invited.member_id, member);
    }

    pub(super) fn joined(&mut self, joined: &FamilyMemberJoined) {
        let member = Member {
            user_id: Some(joined.user_id),
            role: joined.role,
            permissions: joined.permissions.clone(),
            status: joined.status,
            invited: self.members.get(&joined.member_id).and_then(|member| member.invited),
            expires_at: None,
        };
        self.members.insert(joined.member_id, member);
    }
}

/// Country and region, where the one allows the other (nestsync.rule.family.residency). Letters of a
/// country count whatever their case, so that `ca` is Canada too.
pub(super) fn residence(
    country: Option<String>,
    data_region: Option<String>,
) -> Result<(String, String), Refusal> {
    let country = country.map_or_else(|| "CA".to_owned(), |country| country.to_ascii_uppercase());
    if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(Refusal::CountryUnknown);
    }
    let data_region = data_region.unwrap_or_else(|| "ca-central-1".to_owned());
    if country == "CA" && !data_region.starts_with("ca-") {
        return Err(Refusal::RegionNotAllowed { data_region });
    }
    Ok((country, data_region))
}

pub(super) fn timezone(name: Option<String>) -> Result<String, Refusal> {
    let name = name.unwrap_or_else(|| "America/Toronto".to_owned());
    if calendar::zone(&name).is_some() { Ok(name) } else { Err(Refusal::TimezoneUnknown) }
}

/// Stands for an invited address in the state, which holds no personal data in clear.
pub(super) fn fingerprint(member_id: Uuid, email: &str) -> Uuid {
    Uuid::new_v5(&member_id, text::normal_email(email).as_bytes())
}
