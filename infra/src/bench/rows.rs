//! How soon rows are there: what the projector of `samia` says of how far it is.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use async_nats::{Client, Subscriber};
use futures::StreamExt;
use tokio::time::timeout;

use super::{Failure, measure::Waits};
use crate::projector::PROJECTED;

/// Knows up to which position rows are visible, and who waits for more.
pub struct Rows {
    told: Subscriber,
    /// Rows hold everything up to here.
    pub visible: i64,
    waiting: BinaryHeap<Reverse<(i64, Instant)>>,
    waits: Waits,
}

impl Rows {
    /// Listens to the projector.
    pub async fn listen(client: &Client) -> Result<Self, Failure> {
        let told = client
            .subscribe(format!("{PROJECTED}.samia"))
            .await
            .map_err(|error| Failure::unavailable(format!("NATS: {error}")))?;
        Ok(Self { told, visible: 0, waiting: BinaryHeap::new(), waits: Waits::new() })
    }

    /// Hears how far the rows are, the next time it is told.
    pub async fn hear(&mut self) {
        let Some(message) = self.told.next().await else { return std::future::pending().await };
        let position = str::from_utf8(&message.payload).ok().and_then(|it| it.parse().ok());
        self.moved(position.unwrap_or_default(), Instant::now());
    }

    fn moved(&mut self, position: i64, at: Instant) {
        self.visible = self.visible.max(position);
        while let Some(Reverse((position, replied))) = self.waiting.peek()
            && *position <= self.visible
        {
            self.waits.add(at.saturating_duration_since(*replied));
            self.waiting.pop();
        }
    }

    /// A reply named this position: from now on its rows are waited for.
    pub fn expect(&mut self, position: i64, replied: Instant) {
        if position <= self.visible {
            self.waits.add(Duration::ZERO);
        } else {
            self.waiting.push(Reverse((position, replied)));
        }
    }

    /// Waits until rows hold a position; false when nothing was told for so long.
    pub async fn wait_for(&mut self, position: i64, patience: Duration) -> bool {
        while self.visible < position {
            if timeout(patience, self.hear()).await.is_err() {
                return false;
            }
        }
        true
    }

    /// The waits so far, those that still go on as long as they are now. Begins anew.
    pub fn finish(&mut self) -> Waits {
        let now = Instant::now();
        for Reverse((_, replied)) in self.waiting.drain() {
            self.waits.add(now.saturating_duration_since(replied));
        }
        std::mem::take(&mut self.waits)
    }
}
