//! Families, their invitations, and the people who leave.

use annals_domain::{
    nestsync::{
        child::{Child, EraseChild},
        family::{Event, ExpireFamilyInvitation, Family, MemberStatus, RemoveFamilyMember},
        notification_preference::Topic,
        user::{self, EraseUser, User},
    },
    shared::identity,
};
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{ERASED, EXPIRY, FAMILIES, MEMBERSHIPS, NOTIFY_INVITATION, notify};
use crate::reaction::{Halt, Reacting, parse};

/// What a family's events lead to.
pub fn family(event: &Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    reacting.follow::<Family>(event)?;
    let timer = |member: Uuid| format!("{id}:{member}");
    match event {
        Event::FamilyMemberInvited(invited) => {
            let member_id = invited.member_id;
            reacting.wake_at(EXPIRY, timer(member_id), invited.invitation_expires_at);
            let data = json!({
                "family_id": id, "member_id": member_id,
                "expires_at": invited.invitation_expires_at,
            });
            reacting.tell(NOTIFY_INVITATION, "invitation_made", data);
            if let Some(user_id) = invited.user_id {
                reacting.notes.join(FAMILIES, user_id, id);
                let about = ("family_member", member_id);
                let topic = Topic::FamilyInvitation;
                notify::person(NOTIFY_INVITATION, id, user_id, topic, about, reacting)?;
            }
        }
        Event::FamilyMemberJoined(joined) => {
            reacting.let_sleep(EXPIRY, timer(joined.member_id));
            reacting.notes.join(FAMILIES, joined.user_id, id);
        }
        Event::FamilyInvitationDeclined(declined) => {
            reacting.let_sleep(EXPIRY, timer(declined.member_id));
        }
        Event::FamilyInvitationExpired(expired) => {
            reacting.let_sleep(EXPIRY, timer(expired.member_id));
        }
        Event::FamilyMemberRemoved(removed) => {
            reacting.let_sleep(EXPIRY, timer(removed.member_id));
        }
        Event::Imported(row) if row.table() == "family_members" => {
            let id_of = |column| row.get::<Uuid>(column);
            if let Some(user_id) = id_of("user_id") {
                reacting.notes.join(FAMILIES, user_id, id);
            }
            let invited = row.get::<MemberStatus>("status") == Some(MemberStatus::Invited);
            let until = row.get::<DateTime<Utc>>("invitation_expires_at").filter(|_| invited);
            if let Some((member, until)) = id_of("id").zip(until) {
                reacting.wake_at(EXPIRY, timer(member), until);
            }
        }
        Event::Imported(_)
        | Event::FamilyCreated(_)
        | Event::FamilyRenamed(_)
        | Event::FamilyOwnershipTransferred(_)
        | Event::FamilyArchived(_)
        | Event::FamilyMemberRoleChanged(_)
        | Event::FamilyMemberPermissionsChanged(_)
        | Event::FamilyMemberLeft(_)
        | Event::FamilyExportRequested(_)
        | Event::FamilyExportCompleted(_) => {}
    }
    Ok(())
}

/// Nobody answered in time (nestsync.reaction.invitation-expiry).
pub fn lapse(family: Uuid, member_id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let expire = ExpireFamilyInvitation { member_id };
    reacting.send::<Family, _>(EXPIRY, family, &expire)
}

/// What a person's events lead to: whoever deletes the account leaves every family, but for the ones
/// it owns, which are handed over first (nestsync.reaction.memberships-end).
pub fn user(event: &user::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    reacting.follow::<User>(event)?;
    match event {
        user::Event::UserDeleted(_) => {}
        user::Event::UserRegistered(_)
        | user::Event::UserAccountUpdated(_)
        | user::Event::UserSignedIn(_)
        | user::Event::UserDeactivated(_)
        | user::Event::UserReactivated(_)
        | user::Event::SystemAdministrationGranted(_)
        | user::Event::SystemAdministrationRevoked(_)
        | user::Event::UserErased(_)
        | user::Event::Imported(_) => return Ok(()),
    }
    for family_id in reacting.notes.members(FAMILIES, id)? {
        let family = reacting.known::<Family>(&family_id)?;
        let own = family.members.iter().filter(|(_, member)| {
            let there = matches!(member.status, MemberStatus::Active | MemberStatus::Invited);
            there && member.user_id == Some(id)
        });
        for member_id in own.map(|(member_id, _)| *member_id).collect::<Vec<_>>() {
            let remove = RemoveFamilyMember { member_id };
            let family_id = parse(&family_id)?;
            let which = member_id.to_string();
            reacting.send_as::<Family, _>(MEMBERSHIPS, family_id, &which, &remove)?;
        }
    }
    Ok(())
}

/// Whoever is erased as a person is erased here, as a user or as a child
/// (nestsync.reaction.subject-erased).
pub fn identity(event: &identity::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        identity::Event::SubjectErased(_) => {}
        identity::Event::IdentityRegistered(_)
        | identity::Event::IdentityEmailChanged(_)
        | identity::Event::Imported(_) => return Ok(()),
    }
    if reacting.known::<User>(id)?.status.is_some() {
        reacting.send::<User, _>(ERASED, id, &EraseUser {})?;
    }
    if reacting.recall::<notify::OfChild>(id)?.family_id.is_some() {
        reacting.send::<Child, _>(ERASED, id, &EraseChild {})?;
    }
    Ok(())
}
