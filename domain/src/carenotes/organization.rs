//! An organization: the tenant. A provider of care that the operator takes on.
//! (carenotes.aggregate.Organization, stream: organization id)

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Form;
use crate::{
    Decider, Imported, Moment, commands, events, refusals,
    text::{self, Text},
};

/// Takes on a provider of care. (carenotes.command.RegisterOrganization)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterOrganization {
    /// Name of the provider.
    pub name: Text<255>,
    /// Number under which the provider is registered.
    #[serde(default)]
    pub registration_number: Option<Text<50>>,
    /// Postal address.
    #[serde(default)]
    pub address: Option<Form>,
    /// Whom to contact and how.
    #[serde(default)]
    pub contact_details: Option<Form>,
    /// The organization's own settings, by name.
    #[serde(default)]
    pub settings: Option<Form>,
    /// What the provider subscribes to.
    #[serde(default)]
    pub subscription_tier: Option<Text<50>>,
}

/// Changes an organization's details; what is absent stays, null clears.
/// (carenotes.command.UpdateOrganizationDetails)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateOrganizationDetails {
    /// Another name.
    pub name: Option<Text<255>>,
    /// Another registration number.
    #[serde(deserialize_with = "text::some")]
    pub registration_number: Option<Option<Text<50>>>,
    /// Another postal address.
    #[serde(deserialize_with = "text::some")]
    pub address: Option<Option<Form>>,
    /// Whom to contact and how, from now on.
    #[serde(deserialize_with = "text::some")]
    pub contact_details: Option<Option<Form>>,
}

/// Writes an organization's settings anew. (carenotes.command.ChangeOrganizationSettings)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeOrganizationSettings {
    /// The settings, as they are from now on; null for none.
    pub settings: Option<Form>,
}

/// Changes what an organization subscribes to. (carenotes.command.ChangeSubscriptionTier)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSubscriptionTier {
    /// The new tier; null for none.
    pub subscription_tier: Option<Text<50>>,
}

commands! {
    /// What may be asked of an organization.
    pub enum Command {
        RegisterOrganization,
        UpdateOrganizationDetails,
        ChangeOrganizationSettings,
        ChangeSubscriptionTier,
    }
}

/// A provider of care was taken on. (carenotes.event.OrganizationRegistered)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationRegistered {
    /// Name of the provider.
    pub name: Text<255>,
    /// Number under which it is registered.
    pub registration_number: Option<Text<50>>,
    /// Postal address.
    pub address: Option<Form>,
    /// Whom to contact and how.
    pub contact_details: Option<Form>,
    /// Its settings.
    pub settings: Option<Form>,
    /// What it subscribes to.
    pub subscription_tier: Option<Text<50>>,
}

/// An organization's details changed; only what changed is there.
/// (carenotes.event.OrganizationDetailsUpdated)
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationDetailsUpdated {
    /// Name of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<255>>,
    /// Registration number, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub registration_number: Option<Option<Text<50>>>,
    /// Postal address, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub address: Option<Option<Form>>,
    /// Whom to contact and how, or null.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::some")]
    pub contact_details: Option<Option<Form>>,
}

/// An organization's settings read anew. (carenotes.event.OrganizationSettingsChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrganizationSettingsChanged {
    /// The settings.
    pub settings: Option<Form>,
}

/// An organization subscribes to something else. (carenotes.event.SubscriptionTierChanged)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubscriptionTierChanged {
    /// The new tier.
    pub subscription_tier: Option<Text<50>>,
}

events! {
    /// What happens to an organization.
    pub enum Event {
        OrganizationRegistered { contact_details: null },
        OrganizationDetailsUpdated { contact_details: null },
        OrganizationSettingsChanged,
        SubscriptionTierChanged,
    }
    Imported {
        OrganizationImported from organizations at [id] { contact_details: null },
    }
}

refusals! {
    /// What an organization refuses.
    pub enum Refusal {
        /// The organization is there.
        OrganizationAlreadyRegistered => "this organization is registered already";
        /// There is none.
        OrganizationUnknown => "no such organization";
        /// A name says something.
        NameMissing => "a name is needed", at "name";
    }
}

/// Whether the provider was taken on, and what it subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// It was.
    pub registered: bool,
    /// What it subscribes to.
    pub subscription_tier: Option<Text<50>>,
}

impl Decider for Organization {
    const TYPE: &'static str = "carenotes.organization";
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, _: &Moment) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::RegisterOrganization(_) if self.registered => {
                Err(Refusal::OrganizationAlreadyRegistered)
            }
            Command::RegisterOrganization(new) => Ok(vec![
                OrganizationRegistered {
                    name: named(new.name)?,
                    registration_number: new.registration_number,
                    address: new.address,
                    contact_details: new.contact_details,
                    settings: new.settings,
                    subscription_tier: new.subscription_tier,
                }
                .into(),
            ]),
            _ if !self.registered => Err(Refusal::OrganizationUnknown),
            Command::UpdateOrganizationDetails(change) => updated(change),
            Command::ChangeOrganizationSettings(ChangeOrganizationSettings { settings }) => {
                Ok(vec![OrganizationSettingsChanged { settings }.into()])
            }
            Command::ChangeSubscriptionTier(ChangeSubscriptionTier { subscription_tier }) => {
                let same = subscription_tier == self.subscription_tier;
                let event = SubscriptionTierChanged { subscription_tier };
                Ok(if same { vec![] } else { vec![event.into()] })
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::OrganizationRegistered(registered) => {
                self.registered = true;
                self.subscription_tier.clone_from(&registered.subscription_tier);
            }
            Event::OrganizationDetailsUpdated(_) | Event::OrganizationSettingsChanged(_) => {}
            Event::SubscriptionTierChanged(changed) => {
                self.subscription_tier.clone_from(&changed.subscription_tier);
            }
            Event::Imported(row) => self.take_over(row),
        }
    }
}

impl Organization {
    /// Moves past a row that was there before the log was.
    fn take_over(&mut self, row: &Imported) {
        self.registered = true;
        self.subscription_tier = row.get("subscription_tier");
    }
}

fn updated(change: UpdateOrganizationDetails) -> Result<Vec<Event>, Refusal> {
    let updated = OrganizationDetailsUpdated {
        name: change.name.map(named).transpose()?,
        registration_number: change.registration_number,
        address: change.address,
        contact_details: change.contact_details,
    };
    let nothing = updated == OrganizationDetailsUpdated::default();
    Ok(if nothing { vec![] } else { vec![updated.into()] })
}

fn named(name: Text<255>) -> Result<Text<255>, Refusal> {
    if name.trim().is_empty() { Err(Refusal::NameMissing) } else { Ok(name) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::given;

    fn text<const MAX: usize>(text: &str) -> Text<MAX> {
        text.parse().unwrap()
    }

    fn register() -> RegisterOrganization {
        RegisterOrganization {
            name: text("Willow Care"),
            registration_number: Some(text("1-101")),
            address: None,
            contact_details: Some(json!({"phone": "0113 496 0000"})),
            settings: None,
            subscription_tier: Some(text("standard")),
        }
    }

    fn registered() -> Event {
        let new = register();
        OrganizationRegistered {
            name: new.name,
            registration_number: new.registration_number,
            address: new.address,
            contact_details: new.contact_details,
            settings: new.settings,
            subscription_tier: new.subscription_tier,
        }
        .into()
    }

    #[test]
    fn an_organization_is_taken_on_once_and_has_a_name() {
        given::<Organization>([])
            .when(RegisterOrganization { name: text(" "), ..register() })
            .refused("NameMissing")
            .when(register())
            .then([registered()])
            .when(register())
            .refused("OrganizationAlreadyRegistered");
    }

    #[test]
    fn what_is_not_given_stays_and_null_clears() {
        let cleared = UpdateOrganizationDetails { address: Some(None), ..Default::default() };
        given::<Organization>([registered()])
            .when(cleared)
            .then([OrganizationDetailsUpdated { address: Some(None), ..Default::default() }])
            .when(UpdateOrganizationDetails::default())
            .then_nothing()
            .when(UpdateOrganizationDetails { name: Some(text("")), ..Default::default() })
            .refused("NameMissing");
    }

    #[test]
    fn settings_are_written_anew() {
        let settings = Some(json!({"shifts": 3}));
        given::<Organization>([registered()])
            .when(ChangeOrganizationSettings { settings: settings.clone() })
            .then([OrganizationSettingsChanged { settings }]);
    }

    #[test]
    fn a_tier_changes_when_it_is_another() {
        let standard = || ChangeSubscriptionTier { subscription_tier: Some(text("standard")) };
        given::<Organization>([registered()])
            .when(standard())
            .then_nothing()
            .when(ChangeSubscriptionTier { subscription_tier: None })
            .then([SubscriptionTierChanged { subscription_tier: None }])
            .when(standard())
            .then([SubscriptionTierChanged { subscription_tier: Some(text("standard")) }]);
    }

    #[test]
    fn nothing_changes_of_an_organization_that_is_not_there() {
        given::<Organization>([])
            .when(ChangeSubscriptionTier { subscription_tier: None })
            .refused("OrganizationUnknown");
    }
}
