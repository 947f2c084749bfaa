//! Organisations: made, planned, limited and closed by Accounts, described by their GroupContacts.

use std::sync::Arc;

use annals_domain::lift::organisation::{
    ArchiveOrganisation, ChangeOrganisationSettings, ChangeSubscriptionPlan, Command,
    DeactivateOrganisation, Organisation, ReactivateOrganisation, RegisterOrganisation,
    SetOrganisationLimits, SuspendOrganisation, UpdateOrganisationDetails,
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
    ]
}

/// An Account makes an organisation.
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
