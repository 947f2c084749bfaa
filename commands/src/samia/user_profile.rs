//! Who keeps profiles.

use std::sync::Arc;

use annals_domain::samia::{
    user::Role,
    user_profile::{
        AssignAdminPermissions, ChangeProfileSettings, Command, CreateUserProfile,
        UpdateClientProfile, UpdateReaderProfile, UserProfile,
    },
};

use super::{kept_user, owner_or_admin, super_admin, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a profile, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const MANAGE: &[&str] =
        &["samia.policy.user_profiles.manage.own", "samia.policy.user_profiles.manage.admin"];
    const CREATE: &[&str] = &[
        "samia.policy.user_profiles.manage.own",
        "samia.policy.user_profiles.manage.admin",
        "samia.policy.user_profiles.create.system",
    ];
    const PERMISSIONS: &[&str] = &["samia.policy.user_profiles.admin_fields.super_admin"];
    vec![
        command::<UserProfile, CreateUserProfile>(Target::Actor, CREATE, create),
        command::<UserProfile, UpdateReaderProfile>(Target::Actor, MANAGE, update),
        command::<UserProfile, UpdateClientProfile>(Target::Actor, MANAGE, update),
        command::<UserProfile, ChangeProfileSettings>(Target::Actor, MANAGE, settings),
        command::<UserProfile, AssignAdminPermissions>(Target::Given, PERMISSIONS, permissions),
    ]
}

fn create(work: &mut Work<'_>, id: &Arc<str>, command: &CreateUserProfile) -> Result<(), Stop> {
    let user = uuid(id)?;
    if !work.actor.is_system() {
        owner_or_admin(work, user)?;
    }
    let role = kept_user(work, user)?.role;
    decide(work, id, command.clone().of(role))
}

/// Fields that only the role's own kind of profile has (samia.rule.profile.type).
fn update<C: Clone + OfRole + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    let user = uuid(id)?;
    owner_or_admin(work, user)?;
    let role = kept_user(work, user)?.role;
    work.existing::<UserProfile>(id)?;
    decide(work, id, command.clone().of(role))
}

fn settings(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &ChangeProfileSettings,
) -> Result<(), Stop> {
    let user = uuid(id)?;
    owner_or_admin(work, user)?;
    kept_user(work, user)?;
    work.existing::<UserProfile>(id)?;
    decide(work, id, command.clone())
}

fn permissions(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &AssignAdminPermissions,
) -> Result<(), Stop> {
    let user = uuid(id)?;
    super_admin(work)?;
    if work.actor.is(user) {
        return Err(Stop::Denied("nobody assigns the own permissions"));
    }
    kept_user(work, user)?;
    work.existing::<UserProfile>(id)?;
    decide(work, id, command.clone())
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    work.tenant(id);
    work.decide::<UserProfile>(id, command)
}

/// What depends on the user's role.
trait OfRole {
    fn of(self, role: Role) -> Self;
}

macro_rules! of_role {
    ($($command:ty),*) => {
        $(impl OfRole for $command {
            fn of(self, role: Role) -> Self {
                Self { role, ..self }
            }
        })*
    };
}

of_role!(CreateUserProfile, UpdateReaderProfile, UpdateClientProfile);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::{
        samia::testing::{ADMIN, CLIENT, MONITOR, OTHER, READER, STRANGER, SUPER, erase, world},
        testing::World,
    };

    const CREATE: &str = "samia.cmd.create_user_profile";

    /// A world in which these users have profiles.
    fn profiles(users: &[Uuid]) -> World {
        let mut world = world();
        for user in users {
            world.as_system().send(CREATE, *user, json!({})).accepted(&["UserProfileCreated"]);
        }
        world
    }

    #[test]
    fn the_system_the_user_and_admins_make_the_one_profile_of_the_users_kind() {
        let mut world = world();
        world.as_person(OTHER).send(CREATE, CLIENT, json!({})).denied();
        world.as_person(ADMIN).send(CREATE, STRANGER, json!({})).unknown();
        world.as_system().send(CREATE, CLIENT, json!({})).accepted(&["UserProfileCreated"]);
        world.as_system().send(CREATE, CLIENT, json!({})).refused("profile_already_exists");
        world.as_person(OTHER).send(CREATE, OTHER, json!({})).accepted(&["UserProfileCreated"]);
        let made = world.as_person(SUPER).send(CREATE, MONITOR, json!({"profile_type": "admin"}));
        let payload = made.accepted(&["UserProfileCreated"])[0].event.payload_value().unwrap();
        assert_eq!(payload["profile_type"], "admin");
        world
            .as_person(READER)
            .send(CREATE, READER, json!({"profile_type": "admin"}))
            .refused("profile_type_mismatch");
    }

    #[test]
    fn users_keep_what_their_role_has_fields_for_and_admins_keep_any() {
        let reader = "samia.cmd.update_reader_profile";
        let client = "samia.cmd.update_client_profile";
        let mut world = profiles(&[CLIENT, READER]);
        let rate = json!({"reading_rate": "25.00"});
        let chart = json!({"birth_chart_data": {"sun": "leo"}});
        world
            .as_person(READER)
            .send(reader, READER, rate.clone())
            .accepted(&["ReaderProfileUpdated"]);
        world
            .as_person(ADMIN)
            .send(reader, READER, rate.clone())
            .accepted(&["ReaderProfileUpdated"]);
        world.as_person(CLIENT).send(reader, CLIENT, rate.clone()).refused("profile_type_mismatch");
        world
            .as_person(CLIENT)
            .send(client, CLIENT, chart.clone())
            .accepted(&["ClientProfileUpdated"]);
        world
            .as_person(READER)
            .send(client, READER, chart.clone())
            .refused("profile_type_mismatch");
        world.as_person(READER).send(client, CLIENT, chart.clone()).denied();
        world.as_system().send(client, CLIENT, chart.clone()).denied();
        world.as_person(OTHER).send(client, OTHER, chart).unknown();
        for field in ["admin_permissions", "department", "profile_type", "reading_history_count"] {
            let sent = world.as_person(CLIENT).send(client, CLIENT, json!({field: null}));
            assert!(matches!(sent.0, Err(crate::Stop::Invalid { .. })), "{field}: {:?}", sent.0);
        }
    }

    #[test]
    fn settings_are_the_users_and_the_admins() {
        let change = "samia.cmd.change_profile_settings";
        let data = json!({"privacy_settings": {"show": false}});
        let mut world = profiles(&[CLIENT]);
        for (person, may) in [(CLIENT, true), (ADMIN, true), (OTHER, false), (MONITOR, false)] {
            let sent = world.as_person(person).send(change, CLIENT, data.clone());
            if may { drop(sent.accepted(&["ProfileSettingsChanged"])) } else { sent.denied() }
        }
    }

    #[test]
    fn a_super_admin_assigns_permissions_but_never_its_own() {
        let assign = "samia.cmd.assign_admin_permissions";
        let data = json!({"admin_permissions": ["refunds"], "department": "money"});
        let mut world = profiles(&[ADMIN, SUPER]);
        world.as_person(ADMIN).send(assign, ADMIN, data.clone()).denied();
        world.as_person(SUPER).send(assign, SUPER, data.clone()).denied();
        world.as_system().send(assign, ADMIN, data.clone()).denied();
        world.as_person(SUPER).send(assign, ADMIN, data).accepted(&["AdminPermissionsAssigned"]);
    }

    #[test]
    fn nothing_is_kept_of_an_erased_user_any_more() {
        let mut world = profiles(&[CLIENT]);
        erase(&mut world, CLIENT);
        for (command, data) in [
            ("create_user_profile", json!({})),
            ("change_profile_settings", json!({"social_links": {}})),
            ("update_client_profile", json!({"birth_chart_data": Value::Null})),
        ] {
            let sent = world.as_person(ADMIN).send(&format!("samia.cmd.{command}"), CLIENT, data);
            assert!(matches!(sent.0, Err(crate::Stop::Erased { .. })), "{:?}", sent.0);
        }
    }
}
