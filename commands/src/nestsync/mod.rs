//! Commands of the context `nestsync`, and what its handlers share: who acts, and by which right.

pub mod activity;
pub mod billing;
pub mod child;
pub mod family;
pub mod import;
pub mod inventory_item;
pub mod notification;
pub mod notification_preference;
pub mod reactions;
pub mod user;

use std::sync::Arc;

use annals_domain::{
    Decider,
    nestsync::{
        activity::Activity,
        billing::Billing,
        child::Child,
        family::{Family, Giver},
        inventory_item::InventoryItem,
        notification::Notification,
        notification_preference::NotificationPreference,
        permission::Permission,
        user::{Refusal, User},
    },
};
use uuid::Uuid;

pub use family::EXPORTS;

use crate::{
    actor::ActorKind,
    aggregate::AggregateType,
    catalogue::Context,
    work::{Loaded, Stop, Stream, Work},
};

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "nestsync",
        about: "Families keep clothing and supplies for their children in stock, log their use, and \
                are told what to reorder.",
        aggregates: vec![
            AggregateType::of::<User>(),
            AggregateType::of::<Family>(),
            AggregateType::of::<Child>(),
            AggregateType::of::<InventoryItem>(),
            AggregateType::of::<Activity>(),
            AggregateType::of::<NotificationPreference>(),
            AggregateType::of::<Notification>(),
            AggregateType::of::<Billing>(),
        ],
        commands: [
            user::commands(),
            family::commands(),
            child::commands(),
            inventory_item::commands(),
            activity::commands(),
            notification_preference::commands(),
            notification::commands(),
            billing::commands(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        on_refused: None,
        region_of: Some(region_of),
        reactions: Some(reactions::reactions()),
    }
}

/// The region of the family whose data a command is about (nestsync.ops.residency); none for what is no
/// family's, such as a person's account.
fn region_of(work: &mut Work<'_>, target: &Stream) -> Result<Option<String>, Stop> {
    let addressed = (target.kind == Family::TYPE || target.kind == Billing::TYPE)
        .then(|| Arc::clone(&target.id));
    let mut region = None;
    for family in work.tenant.clone().into_iter().chain(addressed) {
        let family = work.load::<Family>(&family)?;
        if family.exists() {
            region = Some(family.data_region.clone());
        }
    }
    Ok(region)
}

/// The id of a stream whose rows have it as their key.
fn uuid(id: &Arc<str>) -> Result<Uuid, Stop> {
    Uuid::try_parse(id)
        .map_err(|_| Stop::Invalid { pointer: "/id", detail: "expected a UUID".to_owned() })
}

/// A stream to which nothing happened yet, under an id that rows can have.
fn fresh<D: Decider>(work: &mut Work<'_>, id: &Arc<str>) -> Result<Uuid, Stop> {
    let key = uuid(id)?;
    if work.load::<D>(id)?.exists() { Err(Stop::Exists { kind: D::TYPE }) } else { Ok(key) }
}

/// The actor's account, which must be active (nestsync.rule.actor.active).
fn account<'a>(work: &mut Work<'a>) -> Result<Loaded<'a, User>, Stop> {
    if work.actor.kind != ActorKind::Person {
        return Err(Stop::Denied("only people may do this"));
    }
    let user = work.load::<User>(work.actor.id)?;
    if !user.exists() {
        return Err(Stop::Denied("only people with a NestSync account may do this"));
    }
    user.may_act()?;
    Ok(user)
}

/// A service acts as itself: a reaction, a sender, a provider's callback.
fn system(work: &Work<'_>) -> Result<(), Stop> {
    if work.actor.is_system() { Ok(()) } else { Err(Stop::Denied("only the system may do this")) }
}

/// Whether the command carries a reason (nestsync.rule.override.reason).
fn has_reason(work: &Work<'_>) -> bool {
    work.reason.as_deref().is_some_and(|reason| !reason.trim().is_empty())
}

/// The actor is a system administrator and says why (nestsync.policy.users.sysadmin).
fn administrator(work: &mut Work<'_>) -> Result<(), Stop> {
    if !account(work)?.is_system_admin {
        return Err(Stop::Denied("only system administrators may do this"));
    }
    if has_reason(work) { Ok(()) } else { Err(Refusal::ReasonRequired.into()) }
}

/// On whose authority an active user acts: an administrator's with a reason, or else the own, where
/// that is enough (nestsync.policy.override.sysadmin).
fn authority(
    work: &Work<'_>,
    user: &User,
    is_enough: bool,
    otherwise: &'static str,
) -> Result<Giver, Stop> {
    match (user.is_system_admin, is_enough) {
        (true, _) if has_reason(work) => Ok(Giver::Administrator),
        (_, true) => Ok(Giver::Member(work.actor.id)),
        (true, false) => Err(Refusal::ReasonRequired.into()),
        (false, false) => Err(Stop::Denied(otherwise)),
    }
}

/// The family, where the actor holds a permission code in it, or overrides. The family is not archived.
fn permitted<'a>(
    work: &mut Work<'a>,
    family_id: impl Into<crate::work::Id>,
    code: Permission,
) -> Result<(Loaded<'a, Family>, Giver), Stop> {
    let user = account(work)?;
    let family = work.existing::<Family>(family_id)?;
    let may = family.may(work.actor.id, code);
    let giver = authority(work, &user, may, needs(code))?;
    family.open()?;
    Ok((family, giver))
}

/// The family, where the actor owns it, or overrides (nestsync.policy.families.owner).
fn owned<'a>(
    work: &mut Work<'a>,
    family_id: &Arc<str>,
) -> Result<(Loaded<'a, Family>, Giver), Stop> {
    let user = account(work)?;
    let family = work.existing::<Family>(family_id)?;
    let owns = family.owner_id == Some(work.actor.id);
    let giver = authority(work, &user, owns, "only the family's owner may do this")?;
    Ok((family, giver))
}

/// A child that is named in a command about a family is of that family (nestsync.rule.child.in_family).
fn of_family(work: &mut Work<'_>, child_id: Option<Uuid>, family_id: Uuid) -> Result<(), Stop> {
    match child_id {
        Some(child_id) => Ok(work.load::<Child>(child_id)?.in_family(family_id)?),
        None => Ok(()),
    }
}

const fn needs(code: Permission) -> &'static str {
    match code {
        Permission::ChildrenRead => "only members with children.read may do this",
        Permission::ChildrenWrite => "only members with children.write may do this",
        Permission::EmergencyRead => "only members with emergency.read may do this",
        Permission::EmergencyWrite => "only members with emergency.write may do this",
        Permission::InventoryRead => "only members with inventory.read may do this",
        Permission::InventoryWrite => "only members with inventory.write may do this",
        Permission::AnalyticsRead => "only members with analytics.read may do this",
        Permission::MembersManage => "only members with members.manage may do this",
        Permission::BillingRead => "only members with billing.read may do this",
        Permission::BillingManage => "only members with billing.manage may do this",
    }
}

/// What the contexts' handler tests share: people, a family, and their world.
#[cfg(test)]
mod scene {
    use annals_domain::{
        nestsync::{
            family::{self, FamilyCreated, FamilyMemberJoined, MemberStatus},
            permission::Role,
            user::{self, SystemAdministrationGranted, UserRegistered},
        },
        shared::identity::{Identity, IdentityRegistered},
        testing::{ADA, BOB, day, given},
    };

    use super::*;
    use crate::testing::World;

    /// A viewer of Ada's family.
    pub const VERA: Uuid = Uuid::from_u128(0x0e5a);
    /// A caregiver of Ada's family.
    pub const CARL: Uuid = Uuid::from_u128(0xca51);
    /// The owner of another family.
    pub const EVE: Uuid = Uuid::from_u128(0xe5e);
    /// A system administrator, of no family.
    pub const ROOT: Uuid = Uuid::from_u128(0x5005);
    /// Known to the identity provider, without an account.
    pub const NEW: Uuid = Uuid::from_u128(0x4e3);
    /// Ada's family: Ada owns it, Bob is a parent.
    pub const FAMILY: Uuid = Uuid::from_u128(0xfa);
    /// Eve's family.
    pub const OTHERS: Uuid = Uuid::from_u128(0xfb);

    /// A person's membership: its id is the person's, bit by bit turned round.
    pub fn member(person: Uuid) -> Uuid {
        Uuid::from_u128(!person.as_u128())
    }

    /// A person with an account.
    pub fn person(world: &mut World, id: Uuid) {
        let email = format!("{}@example.org", id.simple());
        world.happened::<Identity>(id, IdentityRegistered { email: email.clone() });
        let registered = UserRegistered {
            email,
            display_name: "Someone".into(),
            phone: None,
            locale: "en-CA".into(),
            timezone: "America/Toronto".into(),
            is_system_admin: false,
            status: user::Status::Active,
        };
        world.happened::<User>(id, registered);
    }

    fn joined(person: Uuid, role: Role) -> FamilyMemberJoined {
        FamilyMemberJoined {
            member_id: member(person),
            user_id: person,
            display_name: Some("Someone".into()),
            role,
            permissions: role.bundle(),
            status: MemberStatus::Active,
            joined_at: day(1),
        }
    }

    fn created(owner: Uuid) -> FamilyCreated {
        FamilyCreated {
            name: "A family".into(),
            owner_id: owner,
            country: "CA".into(),
            data_region: "ca-central-1".into(),
            timezone: "America/Toronto".into(),
            status: family::Status::Active,
        }
    }

    /// Two families and all these people.
    pub fn world() -> World {
        let mut world = World::new();
        for id in [ADA, BOB, VERA, CARL, EVE, ROOT] {
            person(&mut world, id);
        }
        let email = "new@example.org".to_owned();
        world.happened::<Identity>(NEW, IdentityRegistered { email });
        world.happened::<User>(ROOT, SystemAdministrationGranted { is_system_admin: true });
        for (family, owner) in [(FAMILY, ADA), (OTHERS, EVE)] {
            world.happened::<Family>(family, created(owner));
            world.happened::<Family>(family, joined(owner, Role::Owner));
        }
        world.happened::<Family>(FAMILY, joined(BOB, Role::Parent));
        world.happened::<Family>(FAMILY, joined(VERA, Role::Viewer));
        world.happened::<Family>(FAMILY, joined(CARL, Role::Caregiver));
        world
    }

    /// An active account, and a family of which its person is a caregiver.
    pub fn states(person: Uuid) -> (User, Family) {
        let user = User { status: Some(user::Status::Active), ..User::default() };
        let events = [created(EVE).into(), joined(person, Role::Caregiver).into()];
        (user, given::<Family>(events).state)
    }

    /// The person's account is out of use from now on.
    pub fn deactivate(world: &mut World, person: Uuid) {
        let status = user::Status::Deactivated;
        world.happened::<User>(person, user::UserDeactivated { status });
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{Refusal as _, testing::ADA};
    use serde_json::json;

    use super::*;
    use crate::catalogue::Catalogue;

    #[test]
    fn every_command_names_a_policy_of_this_context_and_has_a_description() {
        for command in &context().commands {
            assert!(!command.policies.is_empty(), "{command:?}");
            for policy in command.policies {
                assert!(policy.starts_with("nestsync.policy."), "{policy}");
            }
            assert!(!command.summary().is_empty(), "{command:?}");
            assert!(Catalogue::new().command(&command.subject()).is_some(), "{command:?}");
        }
    }

    #[test]
    fn an_id_that_is_no_uuid_makes_no_stream() {
        let mut world = scene::world();
        let sent = world.as_person(ADA).send(
            "nestsync.cmd.create_family",
            "my-family",
            json!({"name": "Us", "display_name": "Ada"}),
        );
        assert!(matches!(sent.0, Err(Stop::Invalid { pointer: "/id", .. })), "{sent:?}");
    }

    #[test]
    fn a_reason_of_blanks_is_none() {
        let mut world = scene::world();
        world
            .as_person(scene::ROOT)
            .because("  ")
            .send("nestsync.cmd.rename_family", scene::FAMILY, json!({"name": "Us"}))
            .refused(&Refusal::ReasonRequired.refused().code);
    }
}
