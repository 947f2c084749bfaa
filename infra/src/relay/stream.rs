//! The JetStream stream of a context.

use std::time::Duration;

use async_nats::jetstream::{
    self,
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};

/// Name of a context's stream, for example `EVT_LIFT`.
#[must_use]
pub fn stream_name(context: &str) -> String {
    format!("EVT_{}", context.to_ascii_uppercase())
}

/// Subjects of a context's stream.
#[must_use]
pub fn stream_subjects(context: &str) -> String {
    format!("{context}.evt.>")
}

/// The stream as it should be: a cache, which may be short, with room for a week.
pub fn config(context: &str) -> Config {
    Config {
        name: stream_name(context),
        description: Some(format!("Events of {context}, from the log in Postgres.")),
        subjects: vec![stream_subjects(context)],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: Duration::from_secs(7 * 24 * 3600),
        duplicate_window: Duration::from_secs(120),
        deny_delete: true,
        allow_direct: true,
        allow_atomic_publish: true,
        num_replicas: 1,
        ..Config::default()
    }
}

/// The stream as it is, made if it is not there.
pub async fn open(
    jetstream: &jetstream::Context,
    context: &str,
) -> Result<jetstream::stream::Stream, jetstream::context::CreateStreamError> {
    jetstream.get_or_create_stream(config(context)).await
}
