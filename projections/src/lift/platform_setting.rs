//! Settings of the platform, one row a key.

use annals_domain::lift::platform_setting::Event;

use super::tables::KV_STORE_A1855B25;
use crate::{change::Change, recorded::Recorded};

/// What happens to a setting does to its row.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (key, at) = (recorded.id, recorded.at);
    vec![match &recorded.event {
        Event::PlatformSettingSet(set) => KV_STORE_A1855B25.put(key, set).with("updated_at", at),
        Event::PlatformSettingRemoved(_) => KV_STORE_A1855B25.drop(key),
        Event::Imported(row) => KV_STORE_A1855B25.imported(row),
    }]
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        lift::platform_setting::{PlatformSettingRemoved, PlatformSettingSet},
        testing::day,
    };
    use serde_json::json;

    use super::{super::testing::changes, *};

    #[test]
    fn a_changed_setting_keeps_the_time_it_was_made() {
        let set = PlatformSettingSet { value: json!({"on": true}), created_at: day(1) };
        let row = json!({"value": {"on": true}, "created_at": day(1), "updated_at": day(2)});
        let key = json!({"key": "flag:garden"});
        assert_eq!(
            changes(project, "flag:garden", set),
            [json!({"put": "kv_store_a1855b25", "key": key, "columns": row})]
        );
        assert_eq!(
            changes(project, "flag:garden", PlatformSettingRemoved {}),
            [json!({"drop": "kv_store_a1855b25", "key": key, "columns": {}})]
        );
    }
}
