//! Connecting to a NATS that is new enough.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::Client;

use crate::settings::nats_options;

/// The oldest server: atomic batches with de-duplication came with it.
const OLDEST: (i64, i64, i64) = (2, 12, 1);

/// Why there is no connection to NATS.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The address is none.
    #[error("NATS_URL: {0}")]
    Url(String),
    /// The credentials file cannot be read.
    #[error("{}: {source} (NATS_CREDS)", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not answer, or refuses the credentials.
    #[error("NATS cannot be reached at the address of NATS_URL: {0}")]
    Unreachable(#[from] async_nats::ConnectError),
    /// It is too old.
    #[error(
        "this nats-server is version {0}, and Annals needs 2.12.1 or newer (atomic batches). Install a \
         newer one, or let `annals dev` bring its own"
    )]
    TooOld(String),
    /// JetStream is switched off.
    #[error("this nats-server has JetStream switched off: start it with -js")]
    NoJetStream,
}

/// Connects. What opens the servers stands in their URLs or in a credentials file.
///
/// # Errors
/// When it cannot be reached, is older than 2.12.1, or has no JetStream.
pub async fn connect_nats(urls: &str, credentials: Option<&Path>) -> Result<Client, NatsError> {
    let (mut options, addresses) = nats_options(urls).map_err(NatsError::Url)?;
    if let Some(path) = credentials {
        let read = options.credentials_file(path).await;
        options =
            read.map_err(|source| NatsError::Credentials { path: path.to_owned(), source })?;
    }
    let options = options
        .name("annals")
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_secs(5))
        .subscription_capacity(65_536)
        .client_capacity(8_192)
        .ping_interval(Duration::from_secs(10));
    let client = async_nats::connect_with_options(addresses, options).await?;
    let ready = tokio::time::timeout(Duration::from_secs(10), client.flush()).await;
    if !matches!(ready, Ok(Ok(()))) {
        return Err(NatsError::Unreachable(async_nats::ConnectError::new(
            async_nats::ConnectErrorKind::TimedOut,
        )));
    }
    let info = client.server_info();
    let numbers: Vec<i64> = info
        .version
        .split(['.', '-'])
        .take(3)
        .map(|part| part.parse().unwrap_or_default())
        .collect();
    let number = |nth: usize| numbers.get(nth).copied().unwrap_or_default();
    if (number(0), number(1), number(2)) < OLDEST {
        return Err(NatsError::TooOld(info.version));
    }
    if !info.jetstream {
        return Err(NatsError::NoJetStream);
    }
    Ok(client)
}
