//! Organizations: taken on by the operator, kept by their administrators.

use std::sync::Arc;

use annals_domain::carenotes::organization::{
    ChangeOrganizationSettings, ChangeSubscriptionTier, Command, Organization,
    RegisterOrganization, UpdateOrganizationDetails,
};

use super::access::{fresh, operator, staff, uuid};
use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an organization, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const OPERATOR: &[&str] = &["carenotes.policy.organizations.manage.operator"];
    const ADMIN: &[&str] = &["carenotes.policy.organizations.manage.admin"];
    vec![
        command::<Organization, RegisterOrganization>(Target::New, OPERATOR, register),
        command::<Organization, UpdateOrganizationDetails>(Target::Given, ADMIN, keep),
        command::<Organization, ChangeOrganizationSettings>(Target::Given, ADMIN, keep),
        command::<Organization, ChangeSubscriptionTier>(Target::Given, OPERATOR, set_tier),
    ]
}

/// The operator takes a provider on.
fn register(work: &mut Work<'_>, id: &Arc<str>, new: &RegisterOrganization) -> Result<(), Stop> {
    operator(work)?;
    fresh::<Organization>(work, id)?;
    work.tenant(id);
    work.decide::<Organization>(id, new.clone())
}

/// The organization's administrator keeps its details and settings.
fn keep<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    change: &C,
) -> Result<(), Stop> {
    work.existing::<Organization>(id)?;
    let (member, organization) = staff(work)?;
    if !member.is_admin() || organization != uuid(id)? {
        return Err(Stop::Denied("only the organization's administrator may do this"));
    }
    work.tenant(id);
    work.decide::<Organization>(id, change.clone())
}

/// The operator says what it subscribes to.
fn set_tier(work: &mut Work<'_>, id: &Arc<str>, tier: &ChangeSubscriptionTier) -> Result<(), Stop> {
    work.existing::<Organization>(id)?;
    operator(work)?;
    work.tenant(id);
    work.decide::<Organization>(id, tier.clone())
}
