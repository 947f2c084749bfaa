//! A setting or feature flag of the platform, under its key. Caches and scratch data stay out of the
//! log (F067).

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Decider, Moment, commands, events};

/// Gives a setting a value. (lift.command.SetPlatformSetting)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPlatformSetting {
    /// The value, any JSON.
    pub value: Value,
}

/// Takes a setting away. (lift.command.RemovePlatformSetting)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemovePlatformSetting {}

commands! {
    /// What may be asked of a setting.
    pub enum Command { SetPlatformSetting, RemovePlatformSetting }
}

/// A setting has a value. (lift.event.PlatformSettingSet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformSettingSet {
    /// The value.
    pub value: Value,
    /// Since when there is a setting of this key.
    pub created_at: DateTime<Utc>,
}

/// A setting is gone. (lift.event.PlatformSettingRemoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformSettingRemoved {}

events! {
    /// What happens to a setting.
    pub enum Event { PlatformSettingSet, PlatformSettingRemoved }
    Imported {
        PlatformSettingImported from kv_store_a1855b25 at [key],
    }
}

/// The setting, if there is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlatformSetting {
    /// Its value, and since when there is one.
    pub set: Option<PlatformSettingSet>,
}

impl Decider for PlatformSetting {
    const TYPE: &'static str = "lift.platform_setting";
    type Command = Command;
    type Event = Event;
    type Refusal = Infallible;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Infallible> {
        Ok(match (&self.set, command) {
            (Some(set), Command::SetPlatformSetting(new)) if set.value == new.value => vec![],
            (set, Command::SetPlatformSetting(SetPlatformSetting { value })) => {
                let created_at = set.as_ref().map_or(moment.now, |set| set.created_at);
                vec![PlatformSettingSet { value, created_at }.into()]
            }
            (None, Command::RemovePlatformSetting(_)) => vec![],
            (Some(_), Command::RemovePlatformSetting(_)) => vec![PlatformSettingRemoved {}.into()],
        })
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::PlatformSettingSet(set) => self.set = Some(set.clone()),
            Event::PlatformSettingRemoved(_) => self.set = None,
            Event::Imported(row) => {
                let (value, created_at) = (row.or_default("value"), row.or_default("created_at"));
                self.set = Some(PlatformSettingSet { value, created_at });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{day, given};

    fn set(value: Value, since: i64) -> PlatformSettingSet {
        PlatformSettingSet { value, created_at: day(since) }
    }

    #[test]
    fn a_setting_is_set_changed_and_taken_away() {
        given::<PlatformSetting>([])
            .when(RemovePlatformSetting {})
            .then_nothing()
            .when(SetPlatformSetting { value: json!({"on": true}) })
            .then([set(json!({"on": true}), 1)])
            .at(day(2))
            .when(SetPlatformSetting { value: json!({"on": true}) })
            .then_nothing()
            .when(SetPlatformSetting { value: json!(null) })
            .then([set(json!(null), 1)])
            .when(RemovePlatformSetting {})
            .then([PlatformSettingRemoved {}])
            .when(RemovePlatformSetting {})
            .then_nothing();
    }

    #[test]
    fn a_setting_that_comes_back_is_a_new_one() {
        given::<PlatformSetting>([set(json!(1), 1).into(), PlatformSettingRemoved {}.into()])
            .at(day(3))
            .when(SetPlatformSetting { value: json!(1) })
            .then([set(json!(1), 3)]);
    }
}
