//! Who sets the service's settings.

use std::sync::Arc;

use annals_domain::samia::configuration::{
    Command, Configuration, RemoveConfiguration, SetConfiguration,
};

use super::super_admin;
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a setting, whose key is the target, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SUPER_ADMIN: &[&str] = &["samia.policy.system_configuration.manage.super_admin"];
    vec![
        command::<Configuration, SetConfiguration>(Target::Given, SUPER_ADMIN, set),
        command::<Configuration, RemoveConfiguration>(Target::Given, SUPER_ADMIN, remove),
    ]
}

fn set(work: &mut Work<'_>, id: &Arc<str>, command: &SetConfiguration) -> Result<(), Stop> {
    let config_key = id.to_string();
    decide(work, id, SetConfiguration { config_key, ..command.clone() })
}

fn remove(work: &mut Work<'_>, id: &Arc<str>, command: &RemoveConfiguration) -> Result<(), Stop> {
    work.existing::<Configuration>(id)?;
    decide(work, id, command.clone())
}

fn decide(work: &mut Work<'_>, id: &Arc<str>, command: impl Into<Command>) -> Result<(), Stop> {
    super_admin(work)?;
    work.tenant(work.actor.id);
    work.decide::<Configuration>(id, command)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::samia::testing::{ADMIN, MONITOR, SUPER, world};

    #[test]
    fn super_admins_set_and_remove_and_a_required_role_widens_nothing() {
        let mut world = world();
        let (set, remove) = ("samia.cmd.set_configuration", "samia.cmd.remove_configuration");
        let data = json!({"config_value": "5", "value_type": "number", "required_role": "monitor"});
        for person in [MONITOR, ADMIN] {
            world.as_person(person).send(set, "max_cards", data.clone()).denied();
        }
        world.as_system().send(set, "max_cards", data.clone()).denied();
        world.as_person(SUPER).send(remove, "max_cards", json!({})).unknown();
        world.as_person(SUPER).send(set, "max_cards", data.clone()).accepted(&["ConfigurationSet"]);
        world.as_person(MONITOR).send(set, "max_cards", data).denied();
        world.as_person(ADMIN).send(remove, "max_cards", json!({})).denied();
        world
            .as_person(SUPER)
            .send(remove, "max_cards", json!({}))
            .accepted(&["ConfigurationRemoved"]);
    }
}
