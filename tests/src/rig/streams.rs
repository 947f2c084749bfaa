//! The streams: reading all that is in them, and doing to them what should not happen.

use std::time::Duration;

use annals_infra::relay::stream_name;
use async_nats::{
    Client,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
    },
};
use futures::StreamExt;
use uuid::Uuid;

use super::Done;

/// How long a stream may be silent before all of it counts as read.
const SILENCE: Duration = Duration::from_secs(10);

/// A message of a stream, as far as it can be compared with the log.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its sequence in the stream.
    pub sequence: i64,
    /// Which filling of the stream it belongs to.
    pub epoch: i64,
    /// The event's position.
    pub position: i64,
    /// Position of the context's event before it.
    pub previous: i64,
    /// The event's id.
    pub event_id: Uuid,
    /// The content.
    pub payload: String,
}

/// All that a context's stream holds; nothing where there is no stream.
///
/// # Errors
/// When NATS does not answer, or a message is not of the documented form.
pub async fn read(client: &Client, context: &str) -> Done<Vec<Published>> {
    let jetstream = jetstream::new(client.clone());
    let Ok(stream) = jetstream.get_stream(stream_name(context)).await else {
        return Ok(Vec::new());
    };
    let state = stream.get_info().await?.state;
    if state.messages == 0 {
        return Ok(Vec::new());
    }
    let consumer = stream
        .create_consumer(pull::Config {
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::None,
            memory_storage: true,
            ..pull::Config::default()
        })
        .await?;
    let mut messages = consumer.stream().max_messages_per_batch(1_000).messages().await?;
    let mut all = Vec::new();
    loop {
        let next = tokio::time::timeout(SILENCE, messages.next()).await;
        let Some(message) = next.map_err(|_| "a stream fell silent before its end")? else {
            return Err("a stream ended before its last message".into());
        };
        let message = message?;
        let sequence = message.info()?.stream_sequence;
        all.push(published(sequence, &message)?);
        if sequence >= state.last_sequence {
            return Ok(all);
        }
    }
}

fn published(sequence: u64, message: &async_nats::Message) -> Done<Published> {
    let headers = message.headers.as_ref().ok_or("a message without headers")?;
    let text = |name: &'static str| headers.get(name).map(|it| it.as_str()).ok_or(name);
    Ok(Published {
        sequence: i64::try_from(sequence)?,
        epoch: text("Annals-Epoch")?.parse()?,
        position: text("ce-sequence")?.parse()?,
        previous: text("Annals-Previous")?.parse()?,
        event_id: text("ce-id")?.parse()?,
        payload: String::from_utf8(message.payload.to_vec())?,
    })
}

/// Deletes a context's stream.
///
/// # Errors
/// When NATS does not answer, or there is no such stream.
pub async fn delete(client: &Client, context: &str) -> Done {
    jetstream::new(client.clone()).delete_stream(stream_name(context)).await?;
    Ok(())
}

/// Takes every message out of a context's stream; says how many that were.
///
/// # Errors
/// When NATS does not answer, or there is no such stream.
pub async fn purge(client: &Client, context: &str) -> Done<u64> {
    let stream = jetstream::new(client.clone()).get_stream(stream_name(context)).await?;
    Ok(stream.purge().await?.purged)
}
