//! Who is believed, as the settings say (provisional: a shared secret).

use std::sync::Arc;

use super::{AppError, people::Person};
use crate::{
    auth::{self, Verifier},
    settings::Settings,
};

/// A verifier from the settings.
///
/// # Errors
/// When no key is configured.
pub async fn verifier(settings: &Settings) -> Result<Arc<Verifier>, AppError> {
    let secret = settings.jwt_secret.as_ref().ok_or(AppError::Missing("ANNALS_JWKS"))?;
    Ok(Verifier::secret(secret.expose().as_bytes()))
}

/// A token for somebody of the demo.
pub fn token(secret: &str, person: &Person) -> String {
    let operator = person.role == "operator";
    let role = if operator { "authenticated" } else { person.role };
    auth::mint(secret.as_bytes(), person.id, role, operator, person.email)
}
