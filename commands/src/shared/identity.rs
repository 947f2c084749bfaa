//! The identity provider's callbacks (shared.policy.identity.system).

use std::sync::Arc;

use annals_domain::shared::identity::{ChangeIdentityEmail, Command, Identity, RegisterIdentity};

use crate::{
    command::{CommandType, Target, command},
    work::{Stop, Work},
};

/// What may be asked of an identity, and by whom.
#[must_use]
pub fn commands() -> Vec<CommandType> {
    const SYSTEM: &[&str] = &["shared.policy.identity.system"];
    vec![
        command::<Identity, RegisterIdentity>(Target::New, SYSTEM, handle),
        command::<Identity, ChangeIdentityEmail>(Target::Given, SYSTEM, handle),
    ]
}

fn handle<C: Clone + Into<Command>>(
    work: &mut Work<'_>,
    id: &Arc<str>,
    command: &C,
) -> Result<(), Stop> {
    if !work.actor.is_system() {
        return Err(Stop::Denied("only the identity provider may do this"));
    }
    work.tenant(id);
    work.decide::<Identity>(id, command.clone())
}
