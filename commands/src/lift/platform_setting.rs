//! Settings and feature flags of the platform: Accounts set and remove them, under the key that is
//! the stream's id.

use std::sync::Arc;

use annals_domain::lift::platform_setting::{
    PlatformSetting, RemovePlatformSetting, SetPlatformSetting,
};

use super::access::{PLATFORM, account};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of a setting, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const ACCOUNT: &[&str] = &["lift.policy.kv_store_a1855b25.manage.account"];
    vec![
        command::<PlatformSetting, SetPlatformSetting>(Target::Given, ACCOUNT, set),
        command::<PlatformSetting, RemovePlatformSetting>(Target::Given, ACCOUNT, remove),
    ]
}

fn set(work: &mut Work<'_>, key: &Arc<str>, new: &SetPlatformSetting) -> Result<(), Stop> {
    account(work)?;
    work.tenant(PLATFORM);
    work.decide::<PlatformSetting>(key, new.clone())
}

fn remove(work: &mut Work<'_>, key: &Arc<str>, remove: &RemovePlatformSetting) -> Result<(), Stop> {
    work.existing::<PlatformSetting>(key)?;
    account(work)?;
    work.tenant(PLATFORM);
    work.decide::<PlatformSetting>(key, remove.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::lift::school::{ACCOUNT, HEAD, KIM, STRANGER, TEACHER, school};

    #[test]
    fn an_account_sets_and_removes_settings_and_nobody_else_does() {
        let mut world = school();
        let value = json!({"value": {"enabled": true}});
        for other in [HEAD, TEACHER, KIM, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.set_platform_setting", "flag:garden", value.clone())
                .denied();
        }
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.set_platform_setting", "flag:garden", value.clone())
            .accepted(&["PlatformSettingSet"]);
        world.send("lift.cmd.remove_platform_setting", "flag:other", json!({})).unknown();
        world
            .as_person(HEAD)
            .send("lift.cmd.remove_platform_setting", "flag:garden", json!({}))
            .denied();
        world
            .as_operator()
            .send("lift.cmd.remove_platform_setting", "flag:garden", json!({}))
            .denied();
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.remove_platform_setting", "flag:garden", json!({}))
            .accepted(&["PlatformSettingRemoved"]);
        world.send("lift.cmd.remove_platform_setting", "flag:garden", json!({})).accepted(&[]);
    }
}
