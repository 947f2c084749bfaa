//! Organisations: made, planned, limited and closed by Accounts, described by their GroupContacts.

use std::sync::Arc;

use annals_domain::lift::organisation::{
    ArchiveOrganisation, ChangeOrganisationSettings, ChangeSubscriptionPlan, Command,
    DeactivateOrganisation, ImportOrganisation, Organisation, ReactivateOrganisation,
    RegisterOrganisation, SetOrganisationLimits, SuspendOrganisation, UpdateOrganisationDetails,
};

use super::access::{account, group_contact_of, unused, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an organisation, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const ACCOUNT: &[&str] = &["lift.policy.organisations.manage.account"];
    const OWN: &[&str] = &[
        "lift.policy.organisations.update.group_contact",
        "lift.policy.organisations.manage.account",
    ];
    vec![
        command::<Organisation, RegisterOrganisation>(Target::New, ACCOUNT, register),
        command::<Organisation, UpdateOrganisationDetails>(Target::Given, OWN, describe),
        command::<Organisation, ChangeOrganisationSettings>(Target::Given, OWN, describe),
        command::<Organisation, ChangeSubscriptionPlan>(Target::Given, ACCOUNT, govern),
        command::<Organisation, SetOrganisationLimits>(Target::Given, ACCOUNT, govern),
        command::<Organisation, SuspendOrganisation>(Target::Given, ACCOUNT, govern),
        command::<Organisation, ReactivateOrganisation>(Target::Given, ACCOUNT, govern),
        command::<Organisation, DeactivateOrganisation>(Target::Given, ACCOUNT, govern),
        command::<Organisation, ArchiveOrganisation>(Target::Given, ACCOUNT, govern),
        command::<Organisation, ImportOrganisation>(Target::New, ACCOUNT, register),
    ]
}

/// An Account makes an organisation, or brings one in from an export.
fn register<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    new: &C,
) -> Result<(), Stop> {
    account(work)?;
    uuid(id)?;
    unused::<Organisation>(work, id)?;
    work.tenant(id);
    work.decide::<Organisation>(id, new.clone())
}

/// A GroupContact of it, or an Account, changes what is said of it.
fn describe<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    work.existing::<Organisation>(id)?;
    group_contact_of(work, uuid(id)?)?;
    work.tenant(id);
    work.decide::<Organisation>(id, change.clone())
}

/// An Account alone changes how it stands.
fn govern<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    work.existing::<Organisation>(id)?;
    account(work)?;
    work.tenant(id);
    work.decide::<Organisation>(id, change.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::lift::school::{
        ACCOUNT, CLINIC, HEAD, MANAGER, SCHOOL, STRANGER, TEACHER, close, school, suspend,
    };

    const NEW: Uuid = Uuid::from_u128(0x1e);

    fn new_school() -> Value {
        json!({"name": "Lake School", "type": "school-primary"})
    }

    /// What an Account alone may do to an organisation, and what comes of it.
    fn government() -> [(&'static str, Value, &'static str); 5] {
        [
            (
                "lift.cmd.change_subscription_plan",
                json!({"subscription_plan": "enterprise"}),
                "SubscriptionPlanChanged",
            ),
            (
                "lift.cmd.set_organisation_limits",
                json!({"max_children": 100, "max_practitioners": null}),
                "OrganisationLimitsSet",
            ),
            ("lift.cmd.suspend_organisation", json!({}), "OrganisationSuspended"),
            ("lift.cmd.deactivate_organisation", json!({}), "OrganisationDeactivated"),
            ("lift.cmd.archive_organisation", json!({}), "OrganisationArchived"),
        ]
    }

    #[test]
    fn an_account_registers_organisations_and_nobody_else_does() {
        let mut world = school();
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.register_organisation", NEW, new_school())
            .accepted(&["OrganisationRegistered"]);
        let again = world.send("lift.cmd.register_organisation", NEW, new_school());
        assert!(matches!(again.0, Err(crate::work::Stop::Exists { .. })), "{again:?}");
        for other in [HEAD, TEACHER, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.register_organisation", Uuid::from_u128(9), new_school())
                .denied();
        }
        world.as_operator().send("lift.cmd.register_organisation", NEW, new_school()).denied();
        world.as_system().send("lift.cmd.register_organisation", NEW, new_school()).denied();
    }

    #[test]
    fn an_account_imports_organisations_and_nobody_else_does() {
        let exported = json!({"organisation": {
            "name": "Lake School", "type": "clinic-private", "country": null, "status": "trial",
            "subscription_plan": "professional", "max_children": null, "max_practitioners": 9,
            "settings": {"theme": "sea"},
        }});
        let mut world = school();
        for other in [HEAD, TEACHER, STRANGER] {
            world
                .as_person(other)
                .send("lift.cmd.import_organisation", NEW, exported.clone())
                .denied();
        }
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.import_organisation", NEW, exported)
            .accepted(&["OrganisationRegistered"]);
    }

    #[test]
    fn an_organisations_id_is_a_uuid() {
        let sent = school().as_person(ACCOUNT).send(
            "lift.cmd.register_organisation",
            "hill-school",
            new_school(),
        );
        assert!(matches!(sent.0, Err(crate::work::Stop::Invalid { .. })), "{sent:?}");
    }

    #[test]
    fn an_account_governs_every_organisation_and_nobody_else_does() {
        let mut world = school();
        for (subject, data, event) in government() {
            for other in [HEAD, TEACHER, MANAGER, STRANGER] {
                world.as_person(other).send(subject, SCHOOL, data.clone()).denied();
            }
            world.as_person(ACCOUNT).send(subject, SCHOOL, data).accepted(&[event]);
        }
        world.send("lift.cmd.suspend_organisation", NEW, json!({})).unknown();
    }

    #[test]
    fn an_account_reactivates_what_is_closed() {
        let mut world = school();
        close(&mut world);
        world.as_person(HEAD).send("lift.cmd.reactivate_organisation", SCHOOL, json!({})).denied();
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.reactivate_organisation", SCHOOL, json!({}))
            .accepted(&["OrganisationReactivated"]);
    }

    #[test]
    fn a_group_contact_describes_the_own_organisation_alone() {
        let mut world = school();
        let details = ("lift.cmd.update_organisation_details", json!({"city": "Leeds"}));
        let settings = ("lift.cmd.change_organisation_settings", json!({"settings": {"a": 1}}));
        for ((subject, data), event) in
            [(details, "OrganisationDetailsUpdated"), (settings, "OrganisationSettingsChanged")]
        {
            for other in [TEACHER, MANAGER, STRANGER] {
                world.as_person(other).send(subject, SCHOOL, data.clone()).denied();
            }
            world.as_person(HEAD).send(subject, SCHOOL, data.clone()).accepted(&[event]);
            world.send(subject, CLINIC, data.clone()).denied();
            world.as_person(ACCOUNT).send(subject, CLINIC, data).accepted(&[event]);
        }
    }

    #[test]
    fn a_group_contact_cannot_reach_plan_limits_or_status_through_the_details() {
        for field in ["subscription_plan", "max_children", "status", "deleted_at"] {
            let sent = school().as_person(HEAD).send(
                "lift.cmd.update_organisation_details",
                SCHOOL,
                json!({field: null}),
            );
            assert!(matches!(sent.0, Err(crate::work::Stop::Invalid { .. })), "{field}: {sent:?}");
        }
    }

    #[test]
    fn a_suspended_contact_describes_nothing() {
        let mut world = school();
        suspend(&mut world, HEAD);
        world
            .as_person(HEAD)
            .send("lift.cmd.update_organisation_details", SCHOOL, json!({"city": "Leeds"}))
            .refused("actor_not_active");
    }

    #[test]
    fn while_it_is_closed_only_an_account_describes_it() {
        let mut world = school();
        close(&mut world);
        let details = json!({"city": "Leeds"});
        world
            .as_person(HEAD)
            .send("lift.cmd.update_organisation_details", SCHOOL, details.clone())
            .refused("organisation_not_open");
        world
            .as_person(ACCOUNT)
            .send("lift.cmd.update_organisation_details", SCHOOL, details)
            .accepted(&["OrganisationDetailsUpdated"]);
    }
}
