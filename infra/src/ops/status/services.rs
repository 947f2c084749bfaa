//! Which command services answer (`$SRV.PING`, ADR-32).

use std::time::Duration;

use async_nats::Client;
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_millis(400);

#[derive(Deserialize)]
struct Answer {
    name: String,
}

/// How many services answer for each of these contexts; none where NATS does not let us ask.
pub(super) async fn count(client: &Client, contexts: &[&str]) -> Option<Vec<usize>> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.ok()?;
    client.publish_with_reply("$SRV.PING", inbox, Default::default()).await.ok()?;
    client.flush().await.ok()?;
    let until = Instant::now() + PATIENCE;
    let mut counts = vec![0; contexts.len()];
    while let Ok(Some(message)) = timeout_at(until, answers.next()).await {
        let name = serde_json::from_slice::<Answer>(&message.payload).map(|answer| answer.name);
        let place = name.ok().and_then(|name| contexts.iter().position(|it| *it == name));
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    Some(counts)
}
