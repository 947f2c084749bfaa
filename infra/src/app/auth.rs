//! Who is believed, as the settings say.

use std::{sync::Arc, time::Duration};

use crate::{
    auth::{AuthConfig, AuthError, Issuer, KeySource, SharedSecret, Verifier, dev::Ticket},
    settings::{Jwks, Settings},
};

use super::{AppError, people::Person};

/// A verifier for the keys that the settings name.
///
/// # Errors
/// When none is named, or none can be read.
pub async fn verifier(settings: &Settings) -> Result<Arc<Verifier>, AppError> {
    let issuer = settings.jwt_issuer.as_deref().ok_or(AppError::Missing("ANNALS_JWT_ISSUER"))?;
    let mut sources = Vec::new();
    match &settings.jwks {
        Some(Jwks::File(path)) => sources.push(KeySource::File(path.clone())),
        Some(Jwks::Url(url)) => sources.push(KeySource::Url(url.clone())),
        None => {}
    }
    if let Some(secret) = &settings.jwt_secret {
        sources.push(KeySource::Secret(SharedSecret::new(None, secret.expose().as_bytes())?));
    }
    let mut sources = sources.into_iter();
    let first = sources.next().ok_or(AppError::Missing("ANNALS_JWKS"))?;
    let mut config = AuthConfig::new(issuer, &settings.jwt_audience, first);
    config.issuers.extend(sources.map(|keys| Issuer { name: issuer.to_owned(), keys }));
    Ok(Verifier::new(config).await?)
}

/// What stands in the token of somebody of the demo.
pub fn ticket(person: &Person) -> Ticket {
    let ticket = match person.role {
        "service_role" => Ticket::system(person.id),
        "operator" => Ticket::operator(person.id),
        _ => Ticket::person(person.id),
    };
    match person.email {
        Some(email) => ticket.email(email),
        None => ticket,
    }
    .lasting(Duration::from_secs(30 * 24 * 3600))
}

impl From<AuthError> for AppError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}
