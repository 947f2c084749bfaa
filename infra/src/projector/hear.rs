//! What the stream brings to a projector.

use std::{collections::VecDeque, fmt::Display, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        self, Message,
        consumer::{AckPolicy, DeliverPolicy, pull},
        stream::Stream,
    },
};
use futures::{StreamExt, stream::ReadyChunks};
use tokio::{task::unconstrained, time::timeout};
use tokio_util::sync::CancellationToken;

use super::apply::Checkpoint;
use crate::{
    engine::failpoint,
    relay::{MacKey, stream_name, to_stored},
    sabotage::broken,
    store::StoredEvent,
};

/// How long a silent stream is believed to be a quiet system.
const SILENCE: Duration = Duration::from_secs(1);

/// What was heard.
pub(super) enum Heard {
    /// Nothing more comes: it is time to stop, or the consumer has ended.
    Over,
    /// Nothing came for a while.
    Silence,
    /// Events that follow what was heard before.
    Events(Vec<StoredEvent>),
    /// The log has events up to this position that the stream did not bring.
    Gap(i64),
}

/// Listens to a context's stream.
pub(super) struct Ear<'a> {
    context: &'static str,
    key: &'a MacKey,
    chunks: ReadyChunks<pull::Stream>,
    /// Messages that came and were not looked at yet.
    left: VecDeque<Message>,
    /// Position of the last event that was heard or read.
    end: i64,
}

impl<'a> Ear<'a> {
    /// Begins to listen after a checkpoint. Where exactly does not matter: what was applied is passed
    /// over, what is missing is read from Postgres. At most `most` events are heard at once.
    ///
    /// # Errors
    /// What NATS says.
    pub async fn open(
        client: &Client,
        context: &'static str,
        at: &Checkpoint,
        key: &'a MacKey,
        most: usize,
    ) -> Result<Self, String> {
        let said = |error: &dyn Display| error.to_string();
        let jetstream = jetstream::new(client.clone());
        let stream = jetstream.get_stream(stream_name(context)).await.map_err(|it| said(&it))?;
        let start_sequence = first_after(&stream, at.position).await?;
        let consumer = stream
            .create_consumer(pull::Config {
                deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
                ack_policy: AckPolicy::None,
                memory_storage: true,
                inactive_threshold: Duration::from_secs(30),
                description: Some(format!("projector of {context}")),
                ..pull::Config::default()
            })
            .await
            .map_err(|it| said(&it))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(most)
            .expires(Duration::from_secs(10))
            .heartbeat(Duration::from_secs(2))
            .messages()
            .await
            .map_err(|it| said(&it))?;
        let chunks = messages.ready_chunks(most);
        Ok(Self { context, key, chunks, left: VecDeque::new(), end: at.position })
    }

    /// Goes on after a position up to which everything was read.
    pub fn goes_on_after(&mut self, position: i64) {
        self.end = position;
    }

    /// Waits for what comes next.
    ///
    /// # Errors
    /// What NATS says.
    pub async fn hear(&mut self, stop: &CancellationToken) -> Result<Heard, String> {
        if self.left.is_empty() {
            let chunk = tokio::select! {
                () = stop.cancelled() => return Ok(Heard::Over),
                // Unconstrained: all that is there makes one batch, however much that is.
                chunk = timeout(SILENCE, unconstrained(self.chunks.next())) => chunk,
            };
            let Ok(chunk) = chunk else { return Ok(Heard::Silence) };
            let Some(chunk) = chunk else { return Ok(Heard::Over) };
            failpoint("heard");
            for message in chunk {
                self.left.push_back(message.map_err(|error| error.to_string())?);
            }
        }
        let mut events = Vec::with_capacity(self.left.len());
        while let Some(message) = self.left.pop_front() {
            #[cfg(feature = "sabotage")]
            if crate::sabotage::seen(self.context, &message) {
                continue;
            }
            let envelope = match to_stored(&message.message, self.key) {
                Ok(envelope) => envelope,
                Err(forged) => {
                    metrics::counter!("annals_forged_messages_total", "context" => self.context)
                        .increment(1);
                    tracing::error!(
                        context = self.context,
                        why = forged.0,
                        "a message is not the relay's"
                    );
                    continue;
                }
            };
            if envelope.event.position <= self.end {
                continue;
            }
            if envelope.previous != self.end && !broken("stream_sequence_as_checkpoint") {
                if events.is_empty() {
                    return Ok(Heard::Gap(envelope.event.position));
                }
                self.left.push_front(message);
                break;
            }
            self.end = envelope.event.position;
            events.push(envelope.event);
        }
        Ok(Heard::Events(events))
    }
}

/// The sequence of a stream's first message after a position, found by halving: a stream may hold millions that were
/// applied long ago. Positions grow along a stream but for where it was filled again; there this may be too early or
/// too late, which does no harm.
async fn first_after(stream: &Stream, position: i64) -> Result<u64, String> {
    let state = stream.get_info().await.map_err(|error| error.to_string())?.state;
    let (mut low, mut high) = (state.first_sequence, state.last_sequence + 1);
    while position > 0 && low < high {
        let middle = low + (high - low) / 2;
        let message = stream.get_raw_message(middle).await.ok();
        let header = message.as_ref().and_then(|it| it.headers.get("ce-sequence"));
        let known: Option<i64> = header.and_then(|it| it.as_str().parse().ok());
        if known.is_some_and(|it| it > position) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low.max(1))
}
