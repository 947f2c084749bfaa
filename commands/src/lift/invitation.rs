//! Invitations: made and revoked by GroupContacts and Accounts, accepted by whoever has the token and
//! the address, lapsed by the system.
//!
//! Whoever accepts gets the place in the same append, so that there is never an accepted invitation
//! without its member (lift.reaction.invitation-accepted has nothing left to do).

use std::sync::Arc;

use annals_domain::{
    lift::{
        Role,
        invitation::{
            AcceptInvitation, ExpireInvitation, Invitation, InviteMember, Refusal,
            RevokeInvitation, SettleInvitation,
        },
        member::{AssignOrganisation, CreateProfile, Member},
        organisation::{Organisation, ReleaseInvitationPlace, ReserveInvitationPlace},
    },
    text::normal_email,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    access::{active_member, group_contact_of, open, unused, uuid},
    member,
};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// The address of a pending invitation, within its organisation. (lift.rule.invitation.one_pending)
pub(super) const ADDRESS: &str = "lift.invitation.address";
/// The hash of the token, for good. (lift.rule.invitation.token)
pub(super) const TOKEN: &str = "lift.invitation.token";

/// What may be asked of an invitation, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] =
        &["lift.policy.invitations.manage.group_contact", "lift.policy.invitations.manage.account"];
    const REVOKE: &[&str] = &[
        "lift.policy.invitations.manage.group_contact",
        "lift.policy.invitations.manage.account",
        "lift.policy.profiles.erase.system",
    ];
    const ACCEPT: &[&str] = &["lift.policy.invitations.accept.invitee"];
    const EXPIRE: &[&str] = &["lift.policy.invitations.expire.system"];
    vec![
        command::<Invitation, InviteMember>(Target::New, MANAGE, invite),
        command::<Invitation, AcceptInvitation>(Target::Given, ACCEPT, accept),
        command::<Invitation, RevokeInvitation>(Target::Given, REVOKE, revoke),
        command::<Invitation, ExpireInvitation>(Target::Given, EXPIRE, expire),
    ]
}

/// A GroupContact of the organisation, or an Account, invites; a place among the staff is kept.
fn invite(work: &mut Work<'_>, id: &Arc<str>, new: &InviteMember) -> Result<(), Stop> {
    work.existing::<Organisation>(new.org_id)?;
    group_contact_of(work, new.org_id)?;
    work.tenant(new.org_id);
    let invitation_id = uuid(id)?;
    unused::<Invitation>(work, id)?;
    work.decide::<Invitation>(id, new.clone())?;
    address_is_free(work, new)?;
    if !work.claim(ADDRESS, address(new.org_id, &new.email), id)? {
        return Err(Refusal::AlreadyInvited.into());
    }
    if !work.claim(TOKEN, &*new.invitation_token, id)? {
        return Err(Refusal::TokenUsed.into());
    }
    work.decide::<Organisation>(new.org_id, ReserveInvitationPlace { invitation_id })
}

/// That no invitation that still holds is for the same address; one whose time has passed is closed
/// on the way.
fn address_is_free(work: &mut Work<'_>, new: &InviteMember) -> Result<(), Stop> {
    let Some(earlier) = work.holder(ADDRESS, address(new.org_id, &new.email))? else {
        return Ok(());
    };
    let held = work.load::<Invitation>(&earlier)?;
    match held.acceptable(work.moment.now) {
        Err(Refusal::InvitationExpired) => settle(work, &earlier, new.org_id, ExpireInvitation {}),
        _ => Ok(()),
    }
}

/// Whoever holds the token and is signed in with the invited address joins the organisation.
fn accept(work: &mut Work<'_>, id: &Arc<str>, shown: &AcceptInvitation) -> Result<(), Stop> {
    const WHO: Stop = Stop::Denied(
        "only whoever has the token and is signed in with the invited address may accept",
    );
    let invitation = work.existing::<Invitation>(id)?;
    let Some(offer) = &invitation.offer else { return Err(WHO) };
    let person = !work.actor.is_system() && !work.actor.is_operator();
    let Some(email) = work.actor.email.clone().filter(|_| person) else { return Err(WHO) };
    if hash(&shown.token) != offer.invitation_token {
        return Err(WHO);
    }
    invitation.pending()?;
    if work.holder(ADDRESS, address(offer.org_id, &email))?.as_ref() != Some(id) {
        return Err(WHO);
    }
    invitation.acceptable(work.moment.now)?;
    work.tenant(offer.org_id);
    open(work, offer.org_id)?;
    free_place(work, id, offer.org_id)?;
    join(work, offer.org_id, offer.role.into(), &email, shown)?;
    work.decide::<Invitation>(id, SettleInvitation {})
}

/// The actor becomes staff of the organisation: with a new profile, or as the Account it was.
fn join(
    work: &mut Work<'_>,
    org_id: Uuid,
    role: Role,
    email: &str,
    shown: &AcceptInvitation,
) -> Result<(), Stop> {
    let id = crate::work::Id::from(work.actor.id).0;
    if !work.load::<Member>(&id)?.exists() {
        member::known(work, &id)?;
        let profile = CreateProfile {
            email: email.to_owned(),
            name: shown.name.clone().unwrap_or_default(),
            role,
            org_id: Some(org_id),
            avatar_url: shown.avatar_url.clone(),
        };
        return member::decide(work, &id, profile, true);
    }
    if active_member(work)?.org_id.is_some() {
        return Err(Refusal::AlreadyMember.into());
    }
    let assignment = AssignOrganisation { org_id: Some(org_id), role: Some(role) };
    member::decide(work, &id, assignment, true)
}

/// A GroupContact of the organisation, an Account, or the archived organisation takes it back.
fn revoke(work: &mut Work<'_>, id: &Arc<str>, revoke: &RevokeInvitation) -> Result<(), Stop> {
    let org_id = organisation_of(work, id)?;
    if !work.actor.is_system() {
        group_contact_of(work, org_id)?;
    }
    settle(work, id, org_id, revoke.clone())
}

/// The system says that its time has passed.
fn expire(work: &mut Work<'_>, id: &Arc<str>, expire: &ExpireInvitation) -> Result<(), Stop> {
    let org_id = organisation_of(work, id)?;
    if !work.actor.is_system() {
        return Err(Stop::Denied("invitations lapse by themselves"));
    }
    settle(work, id, org_id, expire.clone())
}

/// Ends a pending invitation: its address and its place are free again.
fn settle(
    work: &mut Work<'_>,
    id: &Arc<str>,
    org_id: Uuid,
    end: impl Into<annals_domain::lift::invitation::Command>,
) -> Result<(), Stop> {
    work.decide::<Invitation>(id, end)?;
    free_place(work, id, org_id)
}

fn free_place(work: &mut Work<'_>, id: &Arc<str>, org_id: Uuid) -> Result<(), Stop> {
    work.release(ADDRESS, id);
    let place = ReleaseInvitationPlace { invitation_id: uuid(id)? };
    work.decide::<Organisation>(org_id, place)
}

/// The organisation of an invitation, which is the tenant.
fn organisation_of(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let invitation = work.existing::<Invitation>(id)?;
    let offer = invitation.offer.as_ref();
    let org_id = offer.map(|offer| offer.org_id);
    let org_id = org_id.ok_or_else(|| Stop::Fault("an invitation offers nothing".to_owned()))?;
    work.tenant(org_id);
    Ok(org_id)
}

/// What is unique about a pending invitation's address, letter case aside.
pub(super) fn address(org_id: Uuid, email: &str) -> String {
    format!("{org_id} {}", normal_email(email))
}

/// SHA-256 of a token's text, in lower-case hexadecimal digits (F013).
pub(super) fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::organisation::{OrganisationArchived, OrganisationLimitsSet},
        testing::day,
    };
    use chrono::Duration;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        lift::school::{
            ACCOUNT, DOCTOR, HEAD, KIM, MANAGER, SCHOOL, STRANGER, TEACHER, close, known, school,
            suspend,
        },
        testing::World,
    };

    const INVITATION: Uuid = Uuid::from_u128(0x171);
    const ANOTHER: Uuid = Uuid::from_u128(0x172);
    const ADDRESS: &str = "new@example.org";
    const TOKEN: &str = "c2l4dGVlbi10aW1lcy10d28tYnl0ZXMtYXQtcmFuZG9t";
    const MADE: &[&str] = &["MemberInvited", "InvitationPlaceReserved"];
    const JOINED: &[&str] =
        &["InvitationPlaceReleased", "ProfileCreated", "StaffAdmitted", "InvitationAccepted"];

    fn invite(email: &str, token: &str) -> Value {
        let invitation_token = hash(token);
        json!({
            "org_id": SCHOOL,
            "email": email,
            "role": "Practitioner",
            "invitation_token": invitation_token,
        })
    }

    fn accept() -> Value {
        json!({"token": TOKEN, "name": "New"})
    }

    /// The school invited somebody.
    fn invited() -> World {
        let mut world = school();
        world
            .as_person(HEAD)
            .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
            .accepted(MADE);
        world
    }

    #[test]
    fn a_group_contact_and_an_account_invite_and_nobody_else_does() {
        for actor in [HEAD, ACCOUNT] {
            school()
                .as_person(actor)
                .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
                .accepted(MADE);
        }
        let mut world = school();
        for other in [TEACHER, DOCTOR, MANAGER, KIM, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
                .denied();
        }
        world
            .as_system()
            .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
            .denied();
    }

    #[test]
    fn a_suspended_contact_and_one_of_a_closed_organisation_invite_nobody() {
        let mut world = school();
        close(&mut world);
        world
            .as_person(HEAD)
            .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
            .refused("organisation_not_open");
        suspend(&mut world, HEAD);
        world
            .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
            .refused("actor_not_active");
    }

    #[test]
    fn an_address_has_one_pending_invitation_of_an_organisation() {
        let mut world = invited();
        world
            .send("lift.cmd.invite_member", ANOTHER, invite("NEW@example.org", "b"))
            .refused("already_invited");
        world
            .send("lift.cmd.invite_member", ANOTHER, invite("other@example.org", TOKEN))
            .refused("token_used");
        world
            .send("lift.cmd.revoke_invitation", INVITATION, json!({}))
            .accepted(&["InvitationRevoked", "InvitationPlaceReleased"]);
        world
            .send("lift.cmd.invite_member", ANOTHER, invite("NEW@example.org", "b"))
            .accepted(MADE);
    }

    #[test]
    fn who_was_invited_too_long_ago_can_be_invited_again() {
        let mut world = invited();
        let again = &[
            "MemberInvited",
            "InvitationExpired",
            "InvitationPlaceReleased",
            "InvitationPlaceReserved",
        ];
        world
            .at(day(8) + Duration::seconds(1))
            .send("lift.cmd.invite_member", ANOTHER, invite(ADDRESS, "b"))
            .accepted(again);
        world
            .as_person_with_email(STRANGER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("invitation_not_pending");
        world
            .send("lift.cmd.accept_invitation", ANOTHER, json!({"token": "b", "name": "New"}))
            .accepted(JOINED);
    }

    #[test]
    fn staff_and_invitations_together_keep_to_the_limit() {
        let mut world = school();
        let three = OrganisationLimitsSet { max_children: None, max_practitioners: Some(3) };
        world.happened::<Organisation>(SCHOOL, three);
        world
            .as_person(HEAD)
            .send("lift.cmd.invite_member", INVITATION, invite(ADDRESS, TOKEN))
            .accepted(MADE);
        world
            .send("lift.cmd.invite_member", ANOTHER, invite("other@example.org", "b"))
            .refused("practitioner_limit_reached");
        world
            .as_person_with_email(STRANGER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .accepted(JOINED);
        world
            .as_person(HEAD)
            .send("lift.cmd.invite_member", ANOTHER, invite("other@example.org", "b"))
            .refused("practitioner_limit_reached");
    }

    #[test]
    fn nobody_joins_above_the_limit() {
        let mut world = invited();
        let two = OrganisationLimitsSet { max_children: None, max_practitioners: Some(2) };
        world.happened::<Organisation>(SCHOOL, two);
        world
            .as_person_with_email(STRANGER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("practitioner_limit_reached");
    }

    #[test]
    fn the_invitee_joins_once_and_may_act() {
        let mut world = invited();
        world
            .as_person_with_email(STRANGER, "New@Example.org")
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .accepted(JOINED);
        world
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("invitation_not_pending");
        world
            .send("lift.cmd.update_child_details", KIM, json!({"class_name": "3a"}))
            .accepted(&["ChildDetailsUpdated"]);
    }

    #[test]
    fn token_and_address_are_both_needed() {
        let mut world = invited();
        let wrong = json!({"token": "wrong", "name": "New"});
        world
            .as_person_with_email(STRANGER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, wrong)
            .denied();
        world
            .as_person_with_email(STRANGER, "other@example.org")
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .denied();
        for other in [STRANGER, HEAD, ACCOUNT] {
            world
                .as_person(other)
                .send("lift.cmd.accept_invitation", INVITATION, accept())
                .denied();
        }
        world.as_system().send("lift.cmd.accept_invitation", INVITATION, accept()).denied();
        world.send("lift.cmd.accept_invitation", ANOTHER, accept()).unknown();
    }

    #[test]
    fn a_lapsed_invitation_is_not_accepted() {
        let mut world = invited();
        world
            .at(day(9))
            .as_person_with_email(STRANGER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("invitation_expired");
    }

    #[test]
    fn the_invitee_is_a_known_person_with_a_name() {
        let mut world = invited();
        let nobody = Uuid::from_u128(0x99);
        world
            .as_person_with_email(nobody, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("unknown_subject");
        known(&mut world, nobody);
        world
            .send("lift.cmd.accept_invitation", INVITATION, json!({"token": TOKEN}))
            .refused("name_missing");
    }

    #[test]
    fn members_of_an_organisation_join_no_other() {
        let mut world = invited();
        for member in [DOCTOR, TEACHER, KIM] {
            world
                .as_person_with_email(member, ADDRESS)
                .send("lift.cmd.accept_invitation", INVITATION, accept())
                .refused("already_member");
        }
        suspend(&mut world, TEACHER);
        world
            .as_person_with_email(TEACHER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("actor_not_active");
    }

    #[test]
    fn an_account_that_joins_belongs_to_the_organisation() {
        let joined = &[
            "InvitationPlaceReleased",
            "RoleAssigned",
            "OrganisationAssigned",
            "StaffAdmitted",
            "InvitationAccepted",
        ];
        let mut world = invited();
        world
            .as_person_with_email(ACCOUNT, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, json!({"token": TOKEN}))
            .accepted(joined);
    }

    #[test]
    fn nobody_joins_a_closed_organisation() {
        let mut world = invited();
        close(&mut world);
        world
            .as_person_with_email(STRANGER, ADDRESS)
            .send("lift.cmd.accept_invitation", INVITATION, accept())
            .refused("organisation_not_open");
    }

    #[test]
    fn a_group_contact_an_account_and_an_archived_organisation_revoke() {
        let revoked = &["InvitationRevoked", "InvitationPlaceReleased"];
        for actor in [HEAD, ACCOUNT] {
            invited()
                .as_person(actor)
                .send("lift.cmd.revoke_invitation", INVITATION, json!({}))
                .accepted(revoked);
        }
        let mut world = invited();
        for other in [TEACHER, MANAGER, DOCTOR, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.revoke_invitation", INVITATION, json!({}))
                .denied();
        }
        world.happened::<Organisation>(SCHOOL, OrganisationArchived {});
        world
            .as_system()
            .send("lift.cmd.revoke_invitation", INVITATION, json!({}))
            .accepted(revoked);
    }

    #[test]
    fn the_system_lets_an_invitation_lapse_after_its_time() {
        let mut world = invited();
        world
            .as_system()
            .send("lift.cmd.expire_invitation", INVITATION, json!({}))
            .refused("invitation_not_lapsed");
        world.at(day(8));
        for other in [HEAD, ACCOUNT, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.expire_invitation", INVITATION, json!({}))
                .denied();
        }
        world
            .as_system()
            .send("lift.cmd.expire_invitation", INVITATION, json!({}))
            .accepted(&["InvitationExpired", "InvitationPlaceReleased"]);
    }

    #[test]
    fn a_tokens_hash_is_the_sha_256_of_its_text() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash("abc"), known);
    }
}
