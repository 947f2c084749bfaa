//! Who may do what with families and their members (nestsync.policy.families.*,
//! nestsync.policy.family_members.*).

use std::sync::Arc;

use annals_domain::{
    nestsync::{
        family::{
            AcceptFamilyInvitation, ArchiveFamily, ChangeMemberPermissions, ChangeMemberRole,
            Command, CompleteFamilyExport, CreateFamily, DeclineFamilyInvitation,
            ExpireFamilyInvitation, Family, Giver, Invitation, InviteFamilyMember, LeaveFamily,
            PermissionChange, Refusal, RemoveFamilyMember, RenameFamily, RequestFamilyExport,
            RoleChange, TransferFamilyOwnership,
        },
        permission::Permission,
        user::User,
    },
    text::normal_email,
};
use serde_json::json;
use uuid::Uuid;

use super::{account, fresh, owned, permitted, system, user::EMAIL};
use crate::{
    command::{CommandType, Target, command},
    export::{Exports, Wanted, id},
    work::{Stop, Work},
};

/// How exports are asked for and delivered.
pub static EXPORTS: Exports = Exports {
    aggregate: "nestsync.family",
    requested: "FamilyExportRequested",
    completed: "FamilyExportCompleted",
    complete: "nestsync.cmd.complete_family_export",
    wanted: |stream, payload| {
        Some(Wanted { export_id: id(payload, "export_id")?, of: stream.parse().ok()?, part: None })
    },
    report: |wanted, archive| json!({"export_id": wanted.export_id, "sha256": archive.sha256}),
};

/// What may be asked of a family, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const CREATE: &[&str] = &["nestsync.policy.families.create"];
    const OWNER: &[&str] = &["nestsync.policy.families.owner", "nestsync.policy.override.sysadmin"];
    const MANAGE: &[&str] =
        &["nestsync.policy.family_members.manage", "nestsync.policy.override.sysadmin"];
    const REMOVE: &[&str] = &[
        "nestsync.policy.family_members.manage",
        "nestsync.policy.family_members.expire.system",
        "nestsync.policy.override.sysadmin",
    ];
    const INVITEE: &[&str] = &["nestsync.policy.family_members.invitee"];
    const LEAVE: &[&str] = &["nestsync.policy.family_members.leave"];
    const SYSTEM: &[&str] = &["nestsync.policy.family_members.expire.system"];
    const EXPORT: &[&str] =
        &["nestsync.policy.export.request", "nestsync.policy.override.sysadmin"];
    const EXPORTED: &[&str] = &["nestsync.policy.export.complete"];
    vec![
        command::<Family, CreateFamily>(Target::New, CREATE, create),
        command::<Family, RenameFamily>(Target::Given, OWNER, by_owner),
        command::<Family, TransferFamilyOwnership>(Target::Given, OWNER, transfer),
        command::<Family, ArchiveFamily>(Target::Given, OWNER, by_owner),
        command::<Family, InviteFamilyMember>(Target::Given, MANAGE, invite),
        command::<Family, AcceptFamilyInvitation>(Target::Given, INVITEE, accept),
        command::<Family, DeclineFamilyInvitation>(Target::Given, INVITEE, decline),
        command::<Family, ExpireFamilyInvitation>(Target::Given, SYSTEM, by_system),
        command::<Family, ChangeMemberRole>(Target::Given, MANAGE, change_role),
        command::<Family, ChangeMemberPermissions>(Target::Given, MANAGE, change_permissions),
        command::<Family, RemoveFamilyMember>(Target::Given, REMOVE, remove),
        command::<Family, LeaveFamily>(Target::Given, LEAVE, leave),
        command::<Family, RequestFamilyExport>(Target::Given, EXPORT, by_owner),
        command::<Family, CompleteFamilyExport>(Target::Given, EXPORTED, by_system),
    ]
}

fn create(work: &mut Work<'_>, id: &Arc<str>, command: &CreateFamily) -> Result<(), Stop> {
    account(work)?;
    fresh::<Family>(work, id)?;
    decide(work, id, command.clone())
}

fn by_owner<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    owned(work, id)?;
    decide(work, id, command.clone())
}

/// An owner is an active member, and so is the owner's account (nestsync.rule.family.owner).
fn transfer(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &TransferFamilyOwnership,
) -> Result<(), Stop> {
    let (family, _) = owned(work, id)?;
    let successor = family.members.get(&command.member_id).and_then(|member| member.user_id);
    if let Some(successor) = successor
        && !work.load::<User>(successor)?.is_active()
    {
        return Err(Refusal::OwnerRequired.into());
    }
    decide(work, id, command.clone())
}

fn invite(work: &mut Work<'_>, id: &Arc<str>, command: &InviteFamilyMember) -> Result<(), Stop> {
    let (_, giver) = permitted(work, id, Permission::MembersManage)?;
    let holder = work.holder(EMAIL, normal_email(&command.invited_email))?;
    let user_id = holder.and_then(|user| Uuid::try_parse(&user).ok());
    decide(work, id, Invitation { asked: command.clone(), user_id, giver })
}

fn accept(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &AcceptFamilyInvitation,
) -> Result<(), Stop> {
    invitee(work, id, command.member_id)?;
    decide(work, id, command.clone())
}

fn decline(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &DeclineFamilyInvitation,
) -> Result<(), Stop> {
    invitee(work, id, command.member_id)?;
    decide(work, id, command.clone())
}

fn by_system<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    system(work)?;
    work.existing::<Family>(id)?;
    decide(work, id, command.clone())
}

fn change_role(work: &mut Work<'_>, id: &Arc<str>, command: &ChangeMemberRole) -> Result<(), Stop> {
    let giver = manages(work, id, command.member_id)?;
    decide(work, id, RoleChange { asked: command.clone(), giver })
}

fn change_permissions(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &ChangeMemberPermissions,
) -> Result<(), Stop> {
    let giver = manages(work, id, command.member_id)?;
    decide(work, id, PermissionChange { asked: command.clone(), giver })
}

fn remove(work: &mut Work<'_>, id: &Arc<str>, command: &RemoveFamilyMember) -> Result<(), Stop> {
    if work.actor.is_system() {
        work.existing::<Family>(id)?;
    } else {
        manages(work, id, command.member_id)?;
    }
    decide(work, id, command.clone())
}

fn leave(work: &mut Work<'_>, id: &Arc<str>, command: &LeaveFamily) -> Result<(), Stop> {
    account(work)?;
    if work.existing::<Family>(id)?.member_of(work.actor.id).is_none() {
        return Err(Stop::Denied("only members can leave"));
    }
    decide(work, id, command.clone())
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.tenant(id);
    work.decide::<Family>(id, command)
}

/// Whoever signed in with the invited address. The address is the token's, which the identity provider
/// vouches for; the one in the account is the person's own word.
fn invitee(work: &mut Work<'_>, id: &Arc<str>, member_id: Uuid) -> Result<(), Stop> {
    account(work)?;
    let family = work.existing::<Family>(id)?;
    match &work.actor.email {
        Some(email) if family.is_invited(member_id, email) => Ok(()),
        _ => Err(Stop::Denied("only the person with the invited address may do this")),
    }
}

/// Members with `members.manage` change others; nobody changes the own membership.
fn manages(work: &mut Work<'_>, id: &Arc<str>, member_id: Uuid) -> Result<Giver, Stop> {
    let (family, giver) = permitted(work, id, Permission::MembersManage)?;
    let whose = family.members.get(&member_id).and_then(|member| member.user_id);
    match giver {
        Giver::Member(actor) if whose == Some(actor) => {
            Err(Stop::Denied("nobody changes the own membership"))
        }
        Giver::Member(_) | Giver::Administrator => Ok(giver),
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        nestsync::family::Event,
        testing::{ADA, BOB, day},
    };
    use serde_json::Value;

    use super::{
        super::scene::{CARL, EVE, FAMILY, NEW, OTHERS, ROOT, VERA, deactivate, member, world},
        *,
    };
    use crate::{
        testing::{Sent, World},
        work::Appended,
    };

    const INVITE: &str = "nestsync.cmd.invite_family_member";
    const ACCEPT: &str = "nestsync.cmd.accept_family_invitation";

    fn invitation() -> Value {
        json!({"display_name": "Eve", "invited_email": "Eve@Example.org", "role": "viewer"})
    }

    /// Ada invites Eve; the invited membership.
    fn invited(world: &mut World) -> Uuid {
        let appended = world
            .as_person(ADA)
            .send(INVITE, FAMILY, invitation())
            .accepted(&["FamilyMemberInvited"]);
        let [Appended { event, .. }] = appended.as_slice() else {
            panic!("expected one event, got {appended:?}");
        };
        match event.as_any().downcast_ref() {
            Some(Event::FamilyMemberInvited(invited)) => invited.member_id,
            other => panic!("expected an invitation, got {other:?}"),
        }
    }

    #[test]
    fn any_active_user_founds_a_family() {
        let mut world = world();
        let data = json!({"name": "Us", "display_name": "Vera"});
        let subject = "nestsync.cmd.create_family";
        let id = Uuid::from_u128(0xfc);
        world.as_system().send(subject, id, data.clone()).denied();
        world.as_person(NEW).send(subject, id, data.clone()).denied();
        world
            .as_person(VERA)
            .send(subject, id, data.clone())
            .accepted(&["FamilyCreated", "FamilyMemberJoined"]);
        let again = world.send(subject, id, data.clone());
        assert!(matches!(again.0, Err(Stop::Exists { .. })), "{again:?}");
        deactivate(&mut world, VERA);
        world.send(subject, Uuid::from_u128(0xfd), data).refused("actor_not_active");
    }

    #[test]
    fn a_canadian_family_is_refused_a_foreign_region() {
        let data = json!({"name": "Us", "display_name": "Eve", "data_region": "us-east-1"});
        world()
            .as_person(EVE)
            .send("nestsync.cmd.create_family", Uuid::from_u128(0xfc), data)
            .refused("region_not_allowed");
    }

    #[test]
    fn a_family_of_another_region_is_refused_whatever_is_asked_of_it() {
        let mut world = world();
        world.within("ca-west-1");
        let foreign = |sent: Sent| match sent.0 {
            Err(Stop::Foreign { region }) => assert_eq!(region, "ca-central-1"),
            other => panic!("expected a foreign region, got {other:?}"),
        };
        let data = json!({"name": "Us", "display_name": "Vera"});
        let create = "nestsync.cmd.create_family";
        foreign(world.as_person(VERA).send(create, Uuid::from_u128(0xfc), data.clone()));
        foreign(world.as_person(ADA).send(
            "nestsync.cmd.rename_family",
            FAMILY,
            json!({"name": "We"}),
        ));
        // Not even what a rule stands against is kept.
        foreign(world.send("nestsync.cmd.rename_family", FAMILY, json!({"name": " "})));
        let item = json!({"family_id": FAMILY, "category": "supply", "name": "Diapers"});
        foreign(world.send("nestsync.cmd.add_inventory_item", Uuid::from_u128(0x17), item));
        let price = json!({"billing_interval": "month", "price_cents": 999});
        foreign(world.send("nestsync.cmd.start_trial", FAMILY, price));
        let mut here = data;
        here["data_region"] = json!("ca-west-1");
        world
            .as_person(VERA)
            .send(create, Uuid::from_u128(0xfd), here)
            .accepted(&["FamilyCreated", "FamilyMemberJoined"]);
    }

    #[test]
    fn the_owner_renames_hands_over_and_closes_and_nobody_else_does() {
        let mut world = world();
        let asked = [
            ("nestsync.cmd.rename_family", json!({"name": "We"}), "FamilyRenamed"),
            (
                "nestsync.cmd.transfer_family_ownership",
                json!({"member_id": member(BOB)}),
                "FamilyOwnershipTransferred",
            ),
            ("nestsync.cmd.archive_family", json!({}), "FamilyArchived"),
        ];
        for (subject, data, event) in asked {
            for other in [CARL, EVE] {
                world.as_person(other).send(subject, FAMILY, data.clone()).denied();
            }
            world.as_system().send(subject, FAMILY, data.clone()).denied();
            world.as_person(ROOT).send(subject, FAMILY, data.clone()).refused("reason_required");
            let owner = if event == "FamilyArchived" { BOB } else { ADA };
            world.as_person(owner).send(subject, FAMILY, data).accepted(&[event]);
        }
        world
            .as_person(BOB)
            .send("nestsync.cmd.rename_family", FAMILY, json!({"name": "Late"}))
            .refused("family_closed");
    }

    #[test]
    fn an_administrator_renames_any_family_with_a_reason() {
        world()
            .as_person(ROOT)
            .because("an offensive name was reported")
            .send("nestsync.cmd.rename_family", FAMILY, json!({"name": "We"}))
            .accepted(&["FamilyRenamed"]);
    }

    #[test]
    fn a_family_is_not_handed_over_to_a_deactivated_account() {
        let mut world = world();
        deactivate(&mut world, BOB);
        world
            .as_person(ADA)
            .send(
                "nestsync.cmd.transfer_family_ownership",
                FAMILY,
                json!({"member_id": member(BOB)}),
            )
            .refused("owner_required");
    }

    #[test]
    fn members_with_members_manage_invite() {
        let mut world = world();
        for other in [CARL, VERA, EVE] {
            world.as_person(other).send(INVITE, FAMILY, invitation()).denied();
        }
        world.as_person(ROOT).send(INVITE, FAMILY, invitation()).refused("reason_required");
        world.as_person(BOB).send(INVITE, FAMILY, invitation()).accepted(&["FamilyMemberInvited"]);
        deactivate(&mut world, BOB);
        world.send(INVITE, FAMILY, invitation()).refused("actor_not_active");
        world.send(INVITE, Uuid::from_u128(0x40), invitation()).refused("actor_not_active");
        world.as_person(ADA).send(INVITE, Uuid::from_u128(0x40), invitation()).unknown();
    }

    #[test]
    fn nobody_gives_what_it_does_not_hold() {
        let mut world = world();
        let mut data = invitation();
        data["permissions"] = json!(["billing.manage"]);
        world.as_person(BOB).send(INVITE, FAMILY, data.clone()).refused("permission_not_held");
        world.as_person(ADA).send(INVITE, FAMILY, data.clone()).accepted(&["FamilyMemberInvited"]);
        world
            .as_person(ROOT)
            .because("on the owner's written request")
            .send(INVITE, FAMILY, data)
            .accepted(&["FamilyMemberInvited"]);
    }

    #[test]
    fn an_invitation_knows_the_account_with_its_address() {
        let mut world = world();
        let owning = json!({"email": "eve@example.org"});
        world
            .as_person(EVE)
            .send("nestsync.cmd.update_user_account", EVE, owning)
            .accepted(&["UserAccountUpdated"]);
        let sent = world.as_person(ADA).send(INVITE, FAMILY, invitation());
        let Sent(Ok(appended)) = sent else { panic!("{sent:?}") };
        let payload = appended[0].event.payload_value().unwrap();
        assert_eq!(payload["user_id"], json!(EVE));
        assert_eq!(payload["subject_id"], json!(EVE));
    }

    #[test]
    fn only_whoever_signed_in_with_the_invited_address_accepts_or_declines() {
        let mut world = world();
        let eve = invited(&mut world);
        let data = json!({"member_id": eve});
        for subject in [ACCEPT, "nestsync.cmd.decline_family_invitation"] {
            world.as_person(EVE).send(subject, FAMILY, data.clone()).denied();
            world
                .as_person_with_email(VERA, "vera@example.org")
                .send(subject, FAMILY, data.clone())
                .denied();
            world
                .as_person_with_email(NEW, "eve@example.org")
                .send(subject, FAMILY, data.clone())
                .denied();
        }
        world
            .as_person_with_email(EVE, "EVE@example.org")
            .send(ACCEPT, FAMILY, data.clone())
            .accepted(&["FamilyMemberJoined"]);
        world.send(ACCEPT, FAMILY, data).refused("already_member");
    }

    #[test]
    fn an_invitation_is_declined_or_lapses() {
        let mut world = world();
        let eve = invited(&mut world);
        world
            .as_person_with_email(EVE, "eve@example.org")
            .send("nestsync.cmd.decline_family_invitation", FAMILY, json!({"member_id": eve}))
            .accepted(&["FamilyInvitationDeclined"]);
        let eve = invited(&mut world);
        let expire = "nestsync.cmd.expire_family_invitation";
        world.send(expire, FAMILY, json!({"member_id": eve})).denied();
        world.at(day(8));
        world
            .as_person_with_email(EVE, "eve@example.org")
            .send(ACCEPT, FAMILY, json!({"member_id": eve}))
            .refused("invitation_expired");
        world
            .as_system()
            .send(expire, FAMILY, json!({"member_id": eve}))
            .accepted(&["FamilyInvitationExpired"]);
    }

    #[test]
    fn members_are_changed_and_removed_by_others_with_members_manage() {
        let mut world = world();
        let vera = member(VERA);
        let asked = [
            (
                "nestsync.cmd.change_member_role",
                json!({"member_id": vera, "role": "caregiver"}),
                "FamilyMemberRoleChanged",
            ),
            (
                "nestsync.cmd.change_member_permissions",
                json!({"member_id": vera, "permissions": []}),
                "FamilyMemberPermissionsChanged",
            ),
            (
                "nestsync.cmd.remove_family_member",
                json!({"member_id": vera}),
                "FamilyMemberRemoved",
            ),
        ];
        for (subject, data, event) in asked {
            for other in [CARL, VERA, EVE] {
                world.as_person(other).send(subject, FAMILY, data.clone()).denied();
            }
            world.as_person(ROOT).send(subject, FAMILY, data.clone()).refused("reason_required");
            let mut own = data.clone();
            own["member_id"] = json!(member(BOB));
            world.as_person(BOB).send(subject, FAMILY, own).denied();
            let mut owners = data.clone();
            owners["member_id"] = json!(member(ADA));
            world.send(subject, FAMILY, owners).refused("owner_required");
            world.send(subject, FAMILY, data).accepted(&[event]);
        }
    }

    #[test]
    fn the_system_ends_the_membership_of_a_deleted_user() {
        let mut world = world();
        let data = |person| json!({"member_id": member(person)});
        let subject = "nestsync.cmd.remove_family_member";
        world.as_system().send(subject, FAMILY, data(BOB)).accepted(&["FamilyMemberRemoved"]);
        world.send(subject, FAMILY, data(ADA)).refused("owner_required");
        world.send(subject, Uuid::from_u128(0x40), data(BOB)).unknown();
    }

    #[test]
    fn a_member_other_than_the_owner_leaves() {
        let mut world = world();
        let subject = "nestsync.cmd.leave_family";
        world.as_person(EVE).send(subject, FAMILY, json!({})).denied();
        world.as_person(ROOT).send(subject, FAMILY, json!({})).denied();
        world.as_person(ADA).send(subject, FAMILY, json!({})).refused("owner_required");
        world.as_person(BOB).send(subject, FAMILY, json!({})).accepted(&["FamilyMemberLeft"]);
        world.send(subject, FAMILY, json!({})).denied();
        world.as_person(EVE).send(subject, OTHERS, json!({})).refused("owner_required");
    }

    #[test]
    fn the_owner_asks_for_all_data_and_the_export_worker_reports_back() {
        let mut world = world();
        let (request, complete) =
            ("nestsync.cmd.request_family_export", "nestsync.cmd.complete_family_export");
        for other in [BOB, EVE] {
            world.as_person(other).send(request, FAMILY, json!({})).denied();
        }
        world.as_person(ROOT).send(request, FAMILY, json!({})).refused("reason_required");
        let appended = world
            .as_person(ADA)
            .send(request, FAMILY, json!({}))
            .accepted(&["FamilyExportRequested"]);
        let payload = appended[0].event.payload_value().unwrap();
        let data = json!({"export_id": payload["export_id"]});
        let wanted = (EXPORTS.wanted)(&FAMILY.to_string(), &payload).unwrap();
        assert_eq!((wanted.of, wanted.part), (FAMILY, None));
        assert_eq!(json!(wanted.export_id), payload["export_id"]);
        world.send(complete, FAMILY, data.clone()).denied();
        world.as_system().send(complete, FAMILY, data.clone()).accepted(&["FamilyExportCompleted"]);
        world.send(complete, FAMILY, data).refused("export_unknown");
    }
}
