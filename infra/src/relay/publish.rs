//! Publishing events of one context, in order: each right after the one before it, or not at all.
//!
//! Few go one by one, without waiting for each other: every message says which one it follows, so that what comes
//! after a lost one is refused as well, and the last one's acknowledgement speaks for all. Many go as one atomic
//! batch, which the server keeps apart until it is whole: that costs it files and syncs of its own, and saves it a
//! sync of each message where it is told to sync always.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::jetstream::publish::PublishAck;
use async_nats::{Client, Request, jetstream::response::Response};
use bytes::Bytes;
use tokio::time::sleep;
use uuid::Uuid;

use super::message::{MacKey, headers, subject};
use crate::{engine::failpoint, sabotage::broken, store::StoredEvent};

/// Most messages of one atomic batch; the server takes 1,000.
pub const BATCH: usize = 500;
/// So many messages are worth an atomic batch.
const MANY: usize = 100;

/// How often it is looked whether the connection by which an answer is due is still there.
const LOOK: Duration = Duration::from_millis(50);

/// Why events were not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// NATS does not answer, or the answer cannot be read.
    #[error("NATS: {0}")]
    Nats(String),
    /// The stream is not as the relay knows it.
    #[error("the stream is not where it was: {0}")]
    Moved(String),
}

/// Publishes events right after the stream's message `last`; returns the stream's last sequence. Where that fails,
/// some of the first of them may be in the stream.
pub async fn publish(
    client: &Client,
    events: &[&StoredEvent],
    epoch: i64,
    previous: i64,
    last: u64,
    key: &MacKey,
) -> Result<u64, PublishError> {
    let mut previous = previous;
    let count = events.len();
    let connection = connects(client);
    let batch = (count >= MANY).then(|| Uuid::now_v7().to_string());
    let mut answer = None;
    for ((nth, event), before) in events.iter().enumerate().zip(last..) {
        let mut headers = headers(event, epoch, previous, key);
        previous = event.position;
        if broken("two_leaders") {
            headers.insert("Nats-Msg-Id", Uuid::now_v7().to_string());
        } else if nth == 0 || batch.is_none() {
            headers.insert("Nats-Expected-Last-Sequence", before.to_string());
        }
        if let Some(id) = &batch {
            headers.insert("Nats-Batch-Id", id.as_str());
            headers.insert("Nats-Batch-Sequence", (nth + 1).to_string());
            if nth + 1 == count {
                headers.insert("Nats-Batch-Commit", "1");
            }
        }
        let payload = Bytes::copy_from_slice(event.payload.as_bytes());
        if nth + 1 == count {
            failpoint("publishing");
            let request = Request::new()
                .headers(headers)
                .payload(payload)
                .timeout(Some(Duration::from_secs(5)));
            let reply = tokio::select! {
                reply = client.send_request(subject(event), request) => reply,
                () = another(client, connection) => return Err(PublishError::Nats(
                    "the connection was lost before the answer".to_owned(),
                )),
            };
            answer = Some(reply.map_err(|error| PublishError::Nats(error.to_string()))?.payload);
        } else {
            failpoint("publishing_batch");
            client
                .publish_with_headers(subject(event), headers, payload)
                .await
                .map_err(|error| PublishError::Nats(error.to_string()))?;
        }
    }
    let Some(answer) = answer else { return Ok(last) };
    failpoint("published");
    let ack = match serde_json::from_slice::<Response<PublishAck>>(&answer) {
        Ok(Response::Ok(ack)) => ack,
        Ok(Response::Err { error }) => return Err(PublishError::Moved(error.to_string())),
        Err(error) => return Err(PublishError::Nats(error.to_string())),
    };
    let wanted = last + u64::try_from(count).unwrap_or_default();
    if broken("two_leaders") || (ack.duplicate && broken("duplicate_acknowledgement")) {
        return Ok(last.max(ack.sequence));
    }
    // "Duplicate" says that the id was seen, not that the message is there.
    if ack.duplicate || ack.sequence != wanted {
        return Err(PublishError::Moved(format!(
            "acknowledged {} where {wanted} was due{}",
            ack.sequence,
            if ack.duplicate { ", as a duplicate" } else { "" }
        )));
    }
    Ok(ack.sequence)
}

/// How often the client connected. An answer comes by the connection on which it was asked for, or never.
fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

/// Ends once the client has connected again since it had connected so often.
async fn another(client: &Client, connection: u64) {
    while connects(client) == connection {
        sleep(LOOK).await;
    }
}
