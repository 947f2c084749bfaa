//! Settings.

use annals_domain::samia::configuration::Event;

use super::tables::SYSTEM_CONFIGURATION;
use crate::{change::Change, recorded::Recorded};

/// What happens to a setting does to rows.
#[must_use]
pub fn project(recorded: &Recorded<'_, Event>) -> Vec<Change> {
    let (key, at) = (recorded.id, recorded.at);
    match &recorded.event {
        Event::ConfigurationSet(set) if set.id.is_some() => {
            let row = SYSTEM_CONFIGURATION.put(key, set);
            vec![row.with("created_at", at).with("updated_at", at)]
        }
        Event::ConfigurationSet(set) => {
            vec![SYSTEM_CONFIGURATION.patch(key, set).without("id").with("updated_at", at)]
        }
        Event::ConfigurationRemoved(_) => vec![SYSTEM_CONFIGURATION.drop(key)],
        Event::Imported(row) => vec![SYSTEM_CONFIGURATION.imported(row)],
    }
}

#[cfg(test)]
mod tests {
    use annals_domain::{
        samia::configuration::{ConfigurationRemoved, ConfigurationSet},
        testing::ADA,
    };
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::{
        Operation,
        samia::testing::{changes, fits, of},
    };

    fn set(id: Option<Uuid>) -> ConfigurationSet {
        serde_json::from_value(json!({
            "id": id, "config_value": "5", "value_type": "number", "description": null,
            "is_sensitive": false, "required_role": "super_admin", "validation_rules": null,
            "updated_by": ADA,
        }))
        .unwrap()
    }

    #[test]
    fn a_setting_is_made_changed_and_gone() {
        let made = changes(project, set(Some(Uuid::nil())));
        fits(of(&made, "system_configuration"));
        assert_eq!(made[0].operation, Operation::Put);
        let changed = changes(project, set(None));
        let row = of(&changed, "system_configuration");
        fits(row);
        assert_eq!(row.operation, Operation::Patch);
        assert!(!row.columns.contains_key("id") && !row.columns.contains_key("created_at"));
        assert_eq!(changes(project, ConfigurationRemoved {})[0].operation, Operation::Drop);
    }
}
