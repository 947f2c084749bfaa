//! The connection that the load goes over.

use std::time::Duration;

use async_nats::Client;

use crate::settings::{Settings, mask_url, nats_options};

use super::Failure;

/// Connects to NATS. Buffers are large: a load generator that waits for itself measures itself.
pub async fn connect(settings: &Settings) -> Result<Client, Failure> {
    let (options, servers) = nats_options(settings.nats_url.expose()).map_err(Failure::usage)?;
    let mut options = options
        .name("annals bench")
        .connection_timeout(Duration::from_secs(5))
        .client_capacity(65_536)
        .subscription_capacity(1 << 20);
    if let Some(path) = &settings.nats_creds {
        options = options
            .credentials_file(path)
            .await
            .map_err(|error| Failure::usage(format!("{}: {error} (NATS_CREDS)", path.display())))?;
    }
    options.connect(servers).await.map_err(|error| {
        Failure::unavailable(format!(
            "NATS cannot be reached at {}: {error}\nIs `annals dev` or `annals serve` running? \
             `annals config` shows where NATS_URL comes from.",
            mask_url(settings.nats_url.expose())
        ))
    })
}
