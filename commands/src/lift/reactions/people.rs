//! Children, members, organisations and invitations: what ends with what.

use annals_domain::{
    lift::{
        Role,
        child::{self, ArchiveChild, Child, EraseChild},
        invitation::{self, ExpireInvitation, Invitation, RevokeInvitation},
        member::{self, DeactivateMember, EraseMember, Member},
        organisation,
        wellbeing_session::{AbandonSession, WellbeingSession},
    },
    shared::identity,
};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{
    ARCHIVED, CHILDREN, DROP, ERASED, EXPIRY, INVITATIONS, MESSAGE, OfChild, OfMember, STAFF,
    WITHDRAWN, rewards,
};
use crate::reaction::{Halt, Reacting};

/// What a child's events lead to.
pub fn child(event: &child::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        child::Event::ChildRegistered(registered) => {
            reacting.notes.join(CHILDREN, registered.org_id, id);
            reacting.amend(id, |child: &mut OfChild| child.org_id = Some(registered.org_id))?;
            rewards::starter(id, reacting)
        }
        child::Event::ConsentRecorded(_) => {
            let child = reacting.amend(id, |child: &mut OfChild| child.consented = true)?;
            if let Some(last) = child.last_session {
                let days = Duration::days(reacting.rules.lift.quiet_days.into());
                reacting.wake_at(DROP, id, (last + days).max(reacting.cause.at));
            }
            Ok(())
        }
        child::Event::ConsentWithdrawn(_) => {
            let child = reacting.amend(id, |child: &mut OfChild| child.consented = false)?;
            reacting.let_sleep(DROP, id);
            for session in child.open.keys() {
                reacting.send::<WellbeingSession, _>(WITHDRAWN, session, &AbandonSession {})?;
            }
            Ok(())
        }
        child::Event::ChildTransferred(to) => {
            let before = reacting.recall::<OfChild>(id)?.org_id;
            if let Some(from) = before {
                reacting.notes.leave(CHILDREN, from, id);
            }
            reacting.notes.join(CHILDREN, to.org_id, id);
            reacting.amend(id, |child: &mut OfChild| child.org_id = Some(to.org_id))?;
            Ok(())
        }
        child::Event::ChildArchived(_) | child::Event::ChildErased(_) => {
            let child = reacting.amend(id, |child: &mut OfChild| {
                child.closed = true;
                child.moods = None;
            })?;
            reacting.let_sleep(DROP, id);
            if let Some(org_id) = child.org_id {
                reacting.notes.leave(CHILDREN, org_id, id);
            }
            Ok(())
        }
        child::Event::Imported(row) => {
            let (org_id, closed) = (row.get::<Uuid>("org_id"), row.has("deleted_at"));
            if let Some(org_id) = org_id.filter(|_| !closed) {
                reacting.notes.join(CHILDREN, org_id, id);
            }
            let consented = row.or_default("consent_given");
            reacting.amend(id, |child: &mut OfChild| {
                (child.org_id, child.closed, child.consented) = (org_id, closed, consented);
            })?;
            Ok(())
        }
        child::Event::ChildDetailsUpdated(_)
        | child::Event::PrimaryPractitionerAssigned(_)
        | child::Event::SafeguardingNoteRecorded(_)
        | child::Event::ChildPreferencesChanged(_) => Ok(()),
    }
}

/// What a member's events change of what is remembered.
pub fn member(event: &member::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        member::Event::ProfileCreated(created) => {
            let is_child = created.role == Role::Child;
            reacting.remember(id, &OfMember { known: true, is_child, org_id: created.org_id })?;
            works_at(id, reacting)
        }
        member::Event::OrganisationAssigned(assigned) => {
            works_no_more(id, reacting)?;
            reacting.amend(id, |member: &mut OfMember| member.org_id = assigned.org_id)?;
            works_at(id, reacting)
        }
        member::Event::Imported(row) => {
            let is_child = row.get::<Role>("role") == Some(Role::Child);
            let org_id = row.get("org_id");
            reacting.remember(id, &OfMember { known: true, is_child, org_id })?;
            if row.has("deleted_at") { Ok(()) } else { works_at(id, reacting) }
        }
        member::Event::MemberReinstated(_) => works_at(id, reacting),
        member::Event::MemberDeactivated(_)
        | member::Event::MemberRemoved(_)
        | member::Event::MemberErased(_) => works_no_more(id, reacting),
        // Children are counted where they are registered.
        member::Event::ChildProfileOpened(_)
        | member::Event::ChildProfileMoved(_)
        | member::Event::ChildProfileClosed(_)
        | member::Event::ProfileUpdated(_)
        | member::Event::RoleAssigned(_)
        | member::Event::MemberSuspended(_) => Ok(()),
    }
}

fn works_at(id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let member = reacting.recall::<OfMember>(id)?;
    if let Some(org_id) = member.org_id.filter(|_| !member.is_child) {
        reacting.notes.join(STAFF, org_id, id);
    }
    Ok(())
}

fn works_no_more(id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    if let Some(org_id) = reacting.recall::<OfMember>(id)?.org_id {
        reacting.notes.leave(STAFF, org_id, id);
    }
    Ok(())
}

/// Whoever is erased as a person is erased here, as a child or as a member
/// (lift.reaction.subject-erased).
pub fn identity(event: &identity::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        identity::Event::SubjectErased(_) => {}
        identity::Event::IdentityRegistered(_)
        | identity::Event::IdentityEmailChanged(_)
        | identity::Event::Imported(_) => return Ok(()),
    }
    if reacting.recall::<OfChild>(id)?.org_id.is_some() {
        return reacting.send::<Child, _>(ERASED, id, &EraseChild {});
    }
    if reacting.recall::<OfMember>(id)?.known {
        return reacting.send::<Member, _>(ERASED, id, &EraseMember {});
    }
    Ok(())
}

/// What an organisation's events lead to.
pub fn organisation(event: &organisation::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        organisation::Event::InvitationPlaceReserved(place) => {
            reacting.notes.join(INVITATIONS, id, place.invitation_id);
            Ok(())
        }
        organisation::Event::InvitationPlaceReleased(place) => {
            reacting.notes.leave(INVITATIONS, id, place.invitation_id);
            Ok(())
        }
        organisation::Event::OrganisationArchived(_) => close(id, reacting),
        organisation::Event::OrganisationRegistered(_)
        | organisation::Event::OrganisationDetailsUpdated(_)
        | organisation::Event::OrganisationSettingsChanged(_)
        | organisation::Event::SubscriptionPlanChanged(_)
        | organisation::Event::OrganisationLimitsSet(_)
        | organisation::Event::OrganisationSuspended(_)
        | organisation::Event::OrganisationReactivated(_)
        | organisation::Event::OrganisationDeactivated(_)
        | organisation::Event::ChildNumberAllocated(_)
        | organisation::Event::ChildPlaceFreed(_)
        | organisation::Event::StaffAdmitted(_)
        | organisation::Event::StaffDismissed(_)
        | organisation::Event::Imported(_) => Ok(()),
    }
}

/// Whatever an archived organisation still holds ends with it (lift.reaction.organisation-archived).
fn close(id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    for invitation in reacting.notes.members(INVITATIONS, id)? {
        reacting.send::<Invitation, _>(ARCHIVED, invitation, &RevokeInvitation {})?;
    }
    for member in reacting.notes.members(STAFF, id)? {
        reacting.send::<Member, _>(ARCHIVED, member, &DeactivateMember {})?;
    }
    for child in reacting.notes.members(CHILDREN, id)? {
        reacting.send::<Child, _>(ARCHIVED, child, &ArchiveChild {})?;
    }
    Ok(())
}

/// What an invitation's events lead to.
pub fn invitation(event: &invitation::Event, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    let id = reacting.cause.id_of_stream()?;
    match event {
        invitation::Event::MemberInvited(invited) => {
            reacting.wake_at(EXPIRY, id, invited.expires_at);
            // The token is not in the log: whoever made it sends it (lift.reaction.invitation-message).
            let data = json!({
                "invitation_id": id, "org_id": invited.org_id, "expires_at": invited.expires_at,
            });
            reacting.tell(MESSAGE, "invitation_made", data);
        }
        invitation::Event::Imported(row) => {
            let pending = row.get::<String>("status").is_some_and(|status| status == "pending");
            let until = row.get::<DateTime<Utc>>("expires_at");
            if let (true, Some(until), Some(org_id)) = (pending, until, row.get::<Uuid>("org_id")) {
                reacting.notes.join(INVITATIONS, org_id, id);
                reacting.wake_at(EXPIRY, id, until);
            }
        }
        invitation::Event::InvitationAccepted(_)
        | invitation::Event::InvitationRevoked(_)
        | invitation::Event::InvitationExpired(_) => reacting.let_sleep(EXPIRY, id),
    }
    Ok(())
}

/// Its time has passed (lift.reaction.invitation-expiry).
pub fn lapse(id: Uuid, reacting: &mut Reacting<'_>) -> Result<(), Halt> {
    reacting.send::<Invitation, _>(EXPIRY, id, &ExpireInvitation {})
}
