//! The connection that the load goes over.

use std::{path::Path, time::Duration};

use async_nats::Client;

use crate::settings::{Settings, mask_url, nats_options};

use super::Failure;

/// Connects to the NATS of the settings.
///
/// # Errors
/// It cannot be reached.
pub async fn connect(settings: &Settings) -> Result<Client, Failure> {
    connect_to(settings.nats_url.expose(), settings.nats_creds.as_deref()).await
}

/// Connects to NATS. Buffers are large: a load generator that waits for itself measures itself.
///
/// # Errors
/// It cannot be reached.
pub async fn connect_to(url: &str, creds: Option<&Path>) -> Result<Client, Failure> {
    let (options, servers) = nats_options(url).map_err(Failure::usage)?;
    let mut options = options
        .name("annals bench")
        .connection_timeout(Duration::from_secs(5))
        .client_capacity(65_536)
        .subscription_capacity(1 << 20);
    if let Some(path) = creds {
        options = options
            .credentials_file(path)
            .await
            .map_err(|error| Failure::usage(format!("{}: {error} (NATS_CREDS)", path.display())))?;
    }
    options.connect(servers).await.map_err(|error| {
        Failure::unavailable(format!(
            "NATS cannot be reached at {}: {error}\nIs `annals dev` or `annals serve` running? \
             `annals config` shows where NATS_URL comes from.",
            mask_url(url)
        ))
    })
}
