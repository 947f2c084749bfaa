//! A setting of the service. The stream has the setting's key.
//!
//! Secrets are not settings: for a sensitive key, the value is the name under which the secret store
//! keeps the secret (F122).

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{user::Role, words::Object};
use crate::{Decider, Moment, commands, events, refusals};

/// Where secrets are kept: what the name of a secret begins with.
const STORES: &[&str] = &["secret", "vault", "env", "file"];

/// What a value is read as (samia.system_configuration.value_type.check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Any text.
    #[default]
    String,
    /// A decimal.
    Number,
    /// `true` or `false`.
    Boolean,
    /// JSON.
    Json,
}

/// Sets a value, with all that is said about it. (samia.command.SetConfiguration)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetConfiguration {
    /// The value; for a sensitive key the name of a secret, such as `secret:payments/stripe`.
    #[serde(default)]
    pub config_value: Option<String>,
    /// What the value is read as; `string` where it is left out.
    #[serde(default)]
    pub value_type: ValueType,
    /// What it sets.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether the value is a secret's name; no where it is left out.
    #[serde(default)]
    pub is_sensitive: bool,
    /// Noted for the record, and never widens who may set it; `super_admin` where it is left out.
    #[serde(default)]
    pub required_role: Option<Role>,
    /// What a value must satisfy: `required`, `min`, `max`, `min_length`, `max_length`, `allowed`.
    #[serde(default)]
    pub validation_rules: Option<Object>,
    /// The setting's key, which is the target's id; the handler sets it.
    #[serde(skip)]
    pub config_key: String,
}

/// Removes a setting. (samia.command.RemoveConfiguration)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveConfiguration {}

commands! {
    /// What may be asked of a setting.
    pub enum Command { SetConfiguration, RemoveConfiguration }
}

/// A value was set. (samia.event.ConfigurationSet)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigurationSet {
    /// The row's own id, where the setting is new; the stream's is the key.
    pub id: Option<Uuid>,
    /// The value, or a secret's name.
    pub config_value: Option<String>,
    /// What the value is read as.
    pub value_type: ValueType,
    /// What it sets.
    pub description: Option<String>,
    /// Whether the value is a secret's name.
    pub is_sensitive: bool,
    /// Noted for the record.
    pub required_role: Role,
    /// What a value must satisfy.
    pub validation_rules: Option<Object>,
    /// Who set it.
    pub updated_by: Uuid,
}

/// A setting is gone. (samia.event.ConfigurationRemoved)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConfigurationRemoved {}

events! {
    /// What happens to a setting.
    pub enum Event { ConfigurationSet, ConfigurationRemoved }
    Imported {
        ConfigurationImported from system_configuration at [config_key],
    }
}

refusals! {
    /// What a setting refuses.
    pub enum Refusal {
        /// samia.rule.config.type
        ConfigurationInvalid { why: &'static str } => "the value does not fit: {why}", at "config_value";
        /// samia.rule.config.sensitive
        SecretInClear => "for a sensitive key, the value is the name of a secret", at "config_value", hint "name it by its store, such as secret:payments/stripe";
        /// What the column holds.
        ConfigurationKeyTooLong => "a key has at most 255 characters";
        /// There is nothing to remove.
        ConfigurationNotFound => "there is no such setting";
    }
}

/// A setting, as far as decisions ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    /// Whether it is set.
    pub set: bool,
}

impl Decider for Configuration {
    const TYPE: &'static str = "samia.configuration";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::SetConfiguration(set) => self.set(set, moment),
            Command::RemoveConfiguration(_) if !self.set => Err(Refusal::ConfigurationNotFound),
            Command::RemoveConfiguration(_) => Ok(vec![ConfigurationRemoved {}.into()]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ConfigurationSet(_) => self.set = true,
            Event::ConfigurationRemoved(_) => self.set = false,
            Event::Imported(_) => self.set = true,
        }
    }
}

impl Configuration {
    fn set(&self, set: SetConfiguration, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        if set.config_key.len() > 255 {
            return Err(Refusal::ConfigurationKeyTooLong);
        }
        let value = set.config_value.as_deref();
        if set.is_sensitive {
            if !value.is_none_or(is_name_of_secret) {
                return Err(Refusal::SecretInClear);
            }
        } else {
            let rules = set.validation_rules.as_ref();
            valid(value, set.value_type, rules)
                .map_err(|why| Refusal::ConfigurationInvalid { why })?;
        }
        let event = ConfigurationSet {
            id: (!self.set).then(|| moment.new_id()),
            config_value: set.config_value,
            value_type: set.value_type,
            description: set.description,
            is_sensitive: set.is_sensitive,
            required_role: set.required_role.unwrap_or(Role::SuperAdmin),
            validation_rules: set.validation_rules,
            updated_by: moment.actor,
        };
        Ok(vec![event.into()])
    }
}

/// `secret:payments/stripe`: a store, a colon, and a path.
fn is_name_of_secret(value: &str) -> bool {
    let Some((store, path)) = value.split_once(':') else {
        return false;
    };
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    STORES.contains(&store) && (1..=200).contains(&path.len()) && path.bytes().all(in_path)
}

/// Whether a value is one of its type and satisfies the rules.
fn valid(value: Option<&str>, kind: ValueType, rules: Option<&Object>) -> Result<(), &'static str> {
    let number = |text: &str| text.parse::<Decimal>().ok();
    match (value, kind) {
        (None, _) | (Some(_), ValueType::String) => {}
        (Some(text), ValueType::Number) if number(text).is_some() => {}
        (Some("true" | "false"), ValueType::Boolean) => {}
        (Some(text), ValueType::Json) if serde_json::from_str::<Value>(text).is_ok() => {}
        (Some(_), ValueType::Number) => return Err("it is no number"),
        (Some(_), ValueType::Boolean) => return Err("it is neither true nor false"),
        (Some(_), ValueType::Json) => return Err("it is no JSON"),
    }
    for (rule, bound) in rules.into_iter().flatten() {
        satisfied(rule, bound, value)?;
    }
    Ok(())
}

fn satisfied(rule: &str, bound: &Value, value: Option<&str>) -> Result<(), &'static str> {
    let text = value.unwrap_or_default();
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let decimal = |value: &Value| match value {
        Value::Number(number) => number.to_string().parse::<Decimal>().ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = text.parse::<Decimal>();
    let holds = match (rule, bound) {
        ("required", Value::Bool(required)) => !required || value.is_some(),
        // What is not set has no size.
        ("min" | "max" | "min_length" | "max_length" | "allowed", _) if value.is_none() => true,
        ("min", bound) => match (decimal(bound), number) {
            (Some(bound), Ok(number)) => number >= bound,
            _ => false,
        },
        ("max", bound) => match (decimal(bound), number) {
            (Some(bound), Ok(number)) => number <= bound,
            _ => false,
        },
        ("min_length", bound) => bound.as_u64().is_some_and(|bound| length >= bound),
        ("max_length", bound) => bound.as_u64().is_some_and(|bound| length <= bound),
        ("allowed", Value::Array(allowed)) => allowed.iter().any(|it| it.as_str() == value),
        _ => return Err("validation_rules holds a rule that is not known"),
    };
    if holds { Ok(()) } else { Err("it does not satisfy validation_rules") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADA, given};

    fn set(value: Option<&str>, value_type: ValueType, rules: Value) -> SetConfiguration {
        SetConfiguration {
            config_value: value.map(str::to_owned),
            value_type,
            validation_rules: rules.as_object().cloned(),
            ..SetConfiguration::default()
        }
    }

    #[test]
    fn a_setting_is_made_changed_and_removed() {
        let (given, events) =
            given::<Configuration>([]).when(set(Some("x"), ValueType::String, json!({}))).events();
        let [Event::ConfigurationSet(first)] = &events[..] else { panic!("{events:?}") };
        assert!(first.id.is_some());
        assert_eq!((first.required_role, first.updated_by), (Role::SuperAdmin, ADA));
        let (given, events) = given.when(set(Some("y"), ValueType::String, json!({}))).events();
        let [Event::ConfigurationSet(second)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(second.id, None);
        given
            .when(RemoveConfiguration {})
            .then([ConfigurationRemoved {}])
            .when(RemoveConfiguration {})
            .refused("ConfigurationNotFound");
    }

    #[test]
    fn a_value_is_of_its_type() {
        for (value, kind, ok) in [
            ("anything", ValueType::String, true),
            ("-1.50", ValueType::Number, true),
            ("NaN", ValueType::Number, false),
            ("true", ValueType::Boolean, true),
            ("yes", ValueType::Boolean, false),
            (r#"{"a":[1]}"#, ValueType::Json, true),
            ("{", ValueType::Json, false),
        ] {
            let when = given::<Configuration>([]).when(set(Some(value), kind, json!({})));
            if ok {
                when.events().0
            } else {
                when.refused("ConfigurationInvalid")
            };
        }
    }

    #[test]
    fn a_value_satisfies_its_rules() {
        for (value, rules, ok) in [
            (Some("5"), json!({"min": 1, "max": "9.5"}), true),
            (Some("0"), json!({"min": 1}), false),
            (Some("10"), json!({"max": 9}), false),
            (Some("x"), json!({"min": 1}), false),
            (Some("abc"), json!({"min_length": 3, "max_length": 3}), true),
            (Some("abcd"), json!({"max_length": 3}), false),
            (Some("b"), json!({"allowed": ["a", "b"]}), true),
            (Some("c"), json!({"allowed": ["a", "b"]}), false),
            (None, json!({"required": true}), false),
            (None, json!({"required": false, "min": 1}), true),
            (Some("x"), json!({"unheard_of": 1}), false),
        ] {
            let when = given::<Configuration>([]).when(set(value, ValueType::String, rules));
            if ok {
                when.events().0
            } else {
                when.refused("ConfigurationInvalid")
            };
        }
    }

    #[test]
    fn a_sensitive_key_holds_the_name_of_a_secret_and_never_the_secret() {
        for (value, ok) in [
            (Some("secret:payments/stripe"), true),
            (Some("env:STRIPE_KEY"), true),
            (None, true),
            (Some("sk_live_4eC39HqLyjWDarjtT1zdp7dc"), false),
            (Some("hunter2"), false),
            (Some("secret:"), false),
            (Some("secret:has space"), false),
        ] {
            let asked =
                SetConfiguration { is_sensitive: true, ..set(value, ValueType::String, json!({})) };
            let when = given::<Configuration>([]).when(asked);
            if ok {
                when.events().0
            } else {
                when.refused("SecretInClear")
            };
        }
    }

    #[test]
    fn a_key_fits_its_column() {
        let config_key = "k".repeat(256);
        given::<Configuration>([])
            .when(SetConfiguration { config_key, ..SetConfiguration::default() })
            .refused("ConfigurationKeyTooLong");
    }
}
