//! From the log to JetStream: a cache with push, which may be lost at any time.

mod forged;
mod lost;
mod messages;
mod standby;

use annals_infra::relay::stream_name;
use annals_tests::World;
use async_nats::{
    HeaderMap,
    jetstream::{self, stream::Stream},
};

/// A context's stream.
async fn stream(world: &World, context: &str) -> Stream {
    let jetstream = jetstream::new(world.master().await);
    jetstream.get_stream(stream_name(context)).await.unwrap()
}

/// What a message of the stream says.
struct Published {
    subject: String,
    headers: HeaderMap,
    payload: String,
}

impl Published {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).as_str()
    }

    fn position(&self) -> i64 {
        self.header("ce-sequence").parse().unwrap()
    }
}

/// All messages that a context's stream holds.
async fn published(world: &World, context: &str) -> Vec<Published> {
    let stream = stream(world, context).await;
    let state = stream.get_info().await.unwrap().state;
    let mut messages = Vec::new();
    for sequence in state.first_sequence..=state.last_sequence {
        let Ok(raw) = stream.get_raw_message(sequence).await else { continue };
        let payload = String::from_utf8(raw.payload.to_vec()).unwrap();
        messages.push(Published {
            subject: raw.subject.to_string(),
            headers: raw.headers.clone(),
            payload,
        });
    }
    messages
}

/// Positions of a context's events.
async fn stored(world: &World, context: &str) -> Vec<i64> {
    let sql = format!(
        "SELECT position FROM annals.events WHERE aggregate_type LIKE '{context}.%' ORDER BY position"
    );
    sqlx::query_scalar(&sql).fetch_all(world.pool()).await.unwrap()
}

/// Waits until the relay has published all of a context's events.
async fn relayed(world: &World, context: &str) {
    let last = stored(world, context).await.last().copied().unwrap_or_default();
    let known = "SELECT position >= {} FROM annals.relay WHERE context = ";
    world.until(&format!("{}'{context}'", known.replace("{}", &last.to_string()))).await;
}

/// In which incarnation of its stream a context's events are published.
async fn epoch(world: &World, context: &str) -> i64 {
    world.number(&format!("SELECT epoch FROM annals.relay WHERE context = '{context}'")).await
}
